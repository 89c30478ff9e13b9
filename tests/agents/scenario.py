"""What the emulated model does in the agents' hands: it reads three rivers' lengths and writes their sum, with whatever tools an agent has.

One file in the first turn, two at once in the second, the sum in the third. Each step is made of what came back for those before it, so the
sum is right only where every call, argument, identifier and result came through whole.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import msgspec

from dragoman.core.events import BlockEnded, BlockStarted, Event
from dragoman.core.messages import Text, ToolCall, ToolResult
from dragoman.core.opaque import Json, JsonObject
from dragoman.core.request import Request, Tool
from dragoman.emulator import Answer, tool_call
from dragoman.emulator.answer import answer_events

RIVERS: Final = {"seine": 777, "rhone": 813, "loire": 1006}
SUM: Final = f"SUM {sum(RIVERS.values())} – 🌊\n"
SAID: Final = "The Rhine – 🌊 – is „long“."
ASK: Final = "Name a river."
WALK: Final = "Add the rivers of this folder."
DONE: Final = "The sum is written."
SIGNATURE: Final = "c2lnbmVkIGJ5IHRoZSBtb2RlbA=="

READERS: Final = ("Read", "read_file")
SHELLS: Final = ("Bash", "run_shell_command", "exec_command")
WRITERS: Final = ("Write", "write_file", "apply_patch")
PROGRAM: Final = "exec"
"""Codex's tool that takes a program, which calls the others."""
_PATHS: Final = ("file_path", "absolute_path")
_COMMANDS: Final = ("command", "cmd")
_FOLDER: Final = re.compile(r"in (/\S+)\.")


def scenario(request: Request) -> Iterable[Event]:
    """The answer to what an agent asks; anything but the walk is answered with ``SAID``. Thoughts are signed."""
    thinking = False
    for event in answer_events(_answer(request), request, f"call_{len(request.messages)}"):
        if isinstance(event, BlockStarted):
            thinking = event.kind == "reasoning"
        yield msgspec.structs.replace(event, signature=SIGNATURE) if isinstance(event, BlockEnded) and thinking else event


def _answer(request: Request) -> Answer:
    said = "\n".join(message.text for message in request.messages if message.role == "user")
    folder = _FOLDER.search(said[said.rfind(WALK) :]) if WALK in said else None
    return _Walk(request, folder[1]).step() if folder and request.tools else Answer(text=SAID)


def prompt(folder: str) -> str:
    return f"{WALK} They are in {folder}."


class _Walk:
    def __init__(self, request: Request, folder: str) -> None:
        self._tools: Mapping[str, Tool] = {tool.name: tool for tool in request.tools}
        self._results = list(_results(request))
        self._folder = folder

    def step(self) -> Answer:
        match len(self._results):
            case 0:
                return Answer(reasoning="The Seine first.", text="I look up the Seine.", tool_calls=[self._read("seine")])
            case 1:
                return Answer(text="Now the others – both.", tool_calls=[self._read("rhone"), self._show("loire")])
            case 3:
                lengths = [int(re.findall(r"LENGTH (\d+)", result)[-1]) for result in self._results]
                return Answer(text="I write the sum.", tool_calls=[self._write(f"SUM {sum(lengths)} – 🌊")])
            case _:
                return Answer(text=DONE)

    def _read(self, river: str) -> ToolCall:
        tool = self._one_of(READERS)
        return self._show(river) if tool is None else _called(tool, _PATHS, self._place(river))

    def _show(self, river: str) -> ToolCall:
        return self._run(f"cat {self._place(river)}")

    def _run(self, command: str) -> ToolCall:
        tool = self._one_of(SHELLS)
        if tool is not None:
            return _called(tool, _COMMANDS, command)
        program = f"const told = await tools.exec_command({json.dumps({'cmd': command})});\ntext(told.output);\n"
        return tool_call(PROGRAM, {"input": program})

    def _write(self, line: str) -> ToolCall:
        tool = self._one_of(WRITERS)
        if tool is None:
            return self._run(f"echo '{line}' > {self._place('sum')}")
        if tool.name == "apply_patch":
            return tool_call(tool.name, {"input": f"*** Begin Patch\n*** Add File: sum.txt\n+{line}\n*** End Patch\n"})
        return _called(tool, _PATHS, self._place("sum"), content=line + "\n")

    def _one_of(self, names: tuple[str, ...]) -> Tool | None:
        return next((self._tools[name] for name in names if name in self._tools), None)

    def _place(self, name: str) -> str:
        return f"{self._folder}/{name}.txt"


def _results(request: Request) -> Iterator[str]:
    for message in request.messages:
        for part in message.parts:
            if isinstance(part, ToolResult):
                yield "".join(one.text for one in part.parts if isinstance(one, Text))


def _called(tool: Tool, names: tuple[str, ...], value: str, **more: Json) -> ToolCall:
    """A call with ``value`` under whichever of ``names`` the tool has, and something for whatever else it asks for."""
    schema = tool.parameters or {}
    fields: JsonObject = schema.get("properties", {})
    given = {next(name for name in names if name in fields): value, **more}
    rest = {name: _FILLERS[fields[name]["type"]] for name in schema.get("required", ()) if name not in given}
    return tool_call(tool.name, {**given, **rest})


_FILLERS: Final[dict[str, Json]] = {"string": "As it was asked.", "boolean": False, "integer": 1, "number": 1, "array": []}
