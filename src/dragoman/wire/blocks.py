"""Keeps the legal order of blocks for a decoder whose wire only sends deltas (OpenAI, Ollama, Raycast …).

One text-like block (text, reasoning, refusal) is open at a time; another kind ends it. A tool's block stays open until its arguments are
one whole JSON value and something else begins, because parallel calls may be interleaved and no fragment may be lost.
"""

from __future__ import annotations

from dragoman.core.events import BlockEnded, BlockKind, BlockStarted, Event, ReasoningDelta, TextDelta, TokenLogprob, ToolDelta
from dragoman.wire.payload import is_complete


class _Tool:
    __slots__ = ("index", "pieces")

    def __init__(self, index: int) -> None:
        self.index = index
        self.pieces: list[str] = []


class Blocks:
    """The blocks of one choice. Each method appends to ``out`` the events that its delta means."""

    def __init__(self, choice: int = 0) -> None:
        self._choice = choice
        self._count = 0
        self._current = -1
        self._kind: BlockKind | None = None
        self._signature: str | None = None
        self._tools: dict[object, _Tool] = {}

    def text(self, out: list[Event], text: str, logprobs: tuple[TokenLogprob, ...] | None = None) -> None:
        if self._kind != "text":
            self._open(out, "text")
        out.append(TextDelta(self._current, text, logprobs, self._choice))

    def refusal(self, out: list[Event], text: str, logprobs: tuple[TokenLogprob, ...] | None = None) -> None:
        if self._kind != "refusal":
            self._open(out, "refusal")
        out.append(TextDelta(self._current, text, logprobs, self._choice))

    def reasoning(self, out: list[Event], text: str) -> None:
        if self._kind != "reasoning":
            self._open(out, "reasoning")
        out.append(ReasoningDelta(self._current, text, self._choice))

    def sign(self, signature: str) -> None:
        """The open reasoning block's proof, to stand on its end."""
        self._signature = signature

    def tool(self, out: list[Event], key: object, id: str | None, name: str | None, arguments: str) -> None:
        """A fragment of the tool call that the wire calls ``key``; the first one opens its block."""
        tool = self._tools.get(key)
        if tool is None:
            self._end_current(out)
            self._end_whole_tools(out)
            tool = self._tools[key] = _Tool(self._count)
            self._count += 1
            out.append(BlockStarted(tool.index, "tool", id, name, None, self._choice))
        if arguments:
            tool.pieces.append(arguments)
            out.append(ToolDelta(tool.index, arguments, self._choice))

    def end(self, out: list[Event]) -> None:
        """End whatever is open."""
        self._end_current(out)
        out.extend(BlockEnded(tool.index, None, self._choice) for tool in self._tools.values())
        self._tools.clear()

    def _open(self, out: list[Event], kind: BlockKind) -> None:
        self._end_current(out)
        if self._tools:
            self._end_whole_tools(out)
        self._current = self._count
        self._count += 1
        self._kind = kind
        out.append(BlockStarted(self._current, kind, None, None, None, self._choice))

    def _end_current(self, out: list[Event]) -> None:
        if self._kind is not None:
            out.append(BlockEnded(self._current, self._signature, self._choice))
            self._kind = None
            self._signature = None

    def _end_whole_tools(self, out: list[Event]) -> None:
        whole = [key for key, tool in self._tools.items() if is_complete("".join(tool.pieces))]
        out.extend(BlockEnded(self._tools.pop(key).index, None, self._choice) for key in whole)
