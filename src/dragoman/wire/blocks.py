"""Keeps the legal order of blocks for a decoder whose wire only sends deltas (OpenAI, Ollama, Raycast …).

One text-like block (text, reasoning, refusal) is open at a time; another kind ends it. A tool's block stays open until its arguments are
one whole JSON value and something else begins, because parallel calls may be interleaved and no fragment may be lost.
"""

from __future__ import annotations

from dragoman.core.errors import BadReply
from dragoman.core.events import (
    BlockEnded,
    BlockKind,
    BlockStarted,
    Event,
    MediaDelta,
    ReasoningDelta,
    TextDelta,
    TokenLogprob,
    ToolDelta,
)
from dragoman.wire.payload import is_complete


class _Tool:
    __slots__ = ("_judged", "_whole", "ended", "id", "index", "pieces")

    def __init__(self, index: int, id: str | None) -> None:
        self.index = index
        self.id = id
        self.pieces: list[str] = []
        self.ended = False
        self._judged = 0
        self._whole = False

    def is_whole(self) -> bool:
        """Whether the arguments are one whole JSON value; looked at anew only when some were added."""
        if self._judged < len(self.pieces):
            self._judged = len(self.pieces)
            self._whole = is_complete("".join(self.pieces))
        return self._whole

    def is_followed_by(self, id: str | None, name: str | None) -> bool:
        """Whether a fragment under this call's key begins another call: some hosts give every call the same key, or none."""
        if id is None:
            return self.id is None and name is not None and self.is_whole()
        return id != self.id and (not self.pieces or self.is_whole())


class Blocks:
    """The blocks of one choice. Each method appends to ``out`` the events that its delta means."""

    def __init__(self, choice: int = 0) -> None:
        self._choice = choice
        self._count = 0
        self._current = -1
        self._kind: BlockKind | None = None
        self._signature: str | None = None
        self._tools: dict[object, _Tool] = {}
        self._open_tools: dict[int, _Tool] = {}
        self._grown_tools: dict[int, _Tool] = {}

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
        if tool is None or tool.is_followed_by(id, name):
            self._end_current(out)
            self._end_whole_tools(out)
            tool = self._tools[key] = _Tool(self._count, id)
            self._open_tools[tool.index] = tool
            self._count += 1
            out.append(BlockStarted(tool.index, "tool", id, name, None, self._choice))
        if tool.ended:
            if arguments.strip():
                raise BadReply("a tool call's arguments go on after their end", body=arguments[:200])
        elif arguments:
            tool.pieces.append(arguments)
            self._grown_tools[tool.index] = tool
            out.append(ToolDelta(tool.index, arguments, self._choice))

    def media(self, out: list[Event], kind: BlockKind, data: bytes, media_type: str | None, transcript: str = "") -> None:
        """A picture or a sound that comes whole: a block of its own."""
        self._end_current(out)
        self._end_whole_tools(out)
        index = self._count
        self._count += 1
        out.append(BlockStarted(index, kind, choice=self._choice, media_type=media_type))
        out.append(MediaDelta(index, data, transcript, self._choice))
        out.append(BlockEnded(index, choice=self._choice))

    def end(self, out: list[Event]) -> None:
        """End whatever is open."""
        self._end_current(out)
        out.extend(BlockEnded(tool.index, None, self._choice) for tool in self._open_tools.values())
        self._open_tools.clear()
        self._grown_tools.clear()
        self._tools.clear()

    def _open(self, out: list[Event], kind: BlockKind) -> None:
        self._end_current(out)
        if self._grown_tools:
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
        for tool in self._grown_tools.values():
            if tool.is_whole():
                tool.ended = True
                del self._open_tools[tool.index]
                out.append(BlockEnded(tool.index, None, self._choice))
        self._grown_tools.clear()
