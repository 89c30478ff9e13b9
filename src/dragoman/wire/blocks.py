"""Keeps the legal order of blocks for a decoder whose wire only sends deltas (OpenAI, Ollama, Raycast …).

One text-like block (text, reasoning, refusal) or sound is open at a time; another kind ends it. A tool's block opens when its name is
known and stays open until its arguments are one whole JSON value and something else begins, because parallel calls may be interleaved and
no fragment may be lost.
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
from dragoman.core.fold import joined
from dragoman.core.opaque import Extra
from dragoman.wire.balance import Balance


class _Tool:
    __slots__ = ("arguments", "ended", "extra", "held", "id", "index", "is_named")

    def __init__(self, index: int, id: str | None) -> None:
        self.index = index
        self.id = id
        self.is_named = False
        self.held: list[str] = []
        """Fragments that came before the call's name."""
        self.extra: Extra = {}
        self.arguments = Balance()
        self.ended = False

    def is_followed_by(self, id: str | None, name: str | None) -> bool:
        """Whether a fragment under this call's key begins another call: some hosts give every call the same key, or none."""
        if id is None:
            return self.id is None and name is not None and self.is_named and self.arguments.is_whole()
        if self.id is None and not self.is_named:
            return False
        return id != self.id and (not self.arguments.size or self.arguments.is_whole())


class Blocks:
    """The blocks of one choice. Each method appends to ``out`` the events that its delta means."""

    def __init__(self, choice: int = 0) -> None:
        self._choice = choice
        self._count = 0
        self._current = -1
        self._kind: BlockKind | None = None
        self._signature: str | None = None
        self._extra: Extra = {}
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

    def mark(self, extra: Extra) -> None:
        """What a vendor tells of the open text-like block beside its text, to stand on its end."""
        self._extra = extra

    def begin(self, out: list[Event], kind: BlockKind, media_type: str | None = None) -> None:
        """See to it that a block of ``kind`` is open, though nothing is said in it yet."""
        if self._kind != kind:
            self._open(out, kind, media_type)

    @property
    def marked(self) -> Extra:
        """What the open block is marked with by now."""
        return self._extra

    @property
    def kind(self) -> BlockKind | None:
        """The kind of the text-like block or the sound that is open."""
        return self._kind

    @property
    def text_index(self) -> int | None:
        """The text block that is open."""
        return self._current if self._kind == "text" else None

    def tool(self, out: list[Event], key: object, id: str | None, name: str | None, arguments: str, extra: Extra | None = None) -> None:
        """A fragment of the tool call that the wire calls ``key``. Its block opens once its name is known."""
        tool = self._tools.get(key)
        if tool is None or tool.is_followed_by(id, name):
            self._end_current(out)
            self._end_whole_tools(out)
            tool = self._tools[key] = _Tool(self._count, id)
            self._open_tools[tool.index] = tool
            self._count += 1
        if extra:
            tool.extra = extra
        if not tool.is_named:
            tool.id = tool.id or id
            if name:
                self._start_tool(out, tool, name)
        if tool.ended:
            if arguments.strip():
                raise BadReply("a tool call's arguments go on after their end", body=arguments[:200])
        elif arguments:
            tool.arguments.add(arguments)
            self._grown_tools[tool.index] = tool
            if tool.is_named:
                out.append(ToolDelta(tool.index, arguments, self._choice))
            else:
                tool.held.append(arguments)

    def media(
        self, out: list[Event], kind: BlockKind, data: bytes, media_type: str | None, transcript: str = "", extra: Extra | None = None
    ) -> None:
        """A picture or a sound that comes whole: a block of its own."""
        index = self._take_index(out)
        out.append(BlockStarted(index, kind, choice=self._choice, media_type=media_type, extra=extra or {}))
        out.append(MediaDelta(index, data, transcript, self._choice))
        out.append(BlockEnded(index, choice=self._choice))

    def audio(self, out: list[Event], data: bytes, transcript: str, media_type: str | None) -> None:
        """More of a sound that comes in pieces."""
        self.begin(out, "audio", media_type)
        out.append(MediaDelta(self._current, data, transcript, self._choice))

    def opaque(self, out: list[Event], extra: Extra) -> None:
        """What one vendor alone has, whole: a block of its own."""
        index = self._take_index(out)
        out.append(BlockStarted(index, "opaque", choice=self._choice, extra=extra))
        out.append(BlockEnded(index, choice=self._choice))

    def end(self, out: list[Event], extra: Extra | None = None) -> None:
        """End whatever is open; ``extra`` is what a vendor tells beside all blocks, and stands on the end of the last."""
        if extra and self._kind is not None:
            self._extra = joined(self._extra, extra)
        elif extra and self._open_tools:
            last = self._open_tools[max(self._open_tools)]
            last.extra = joined(last.extra, extra)
        elif extra:
            self.opaque(out, extra)
        self._end_current(out)
        for tool in self._open_tools.values():
            if not tool.is_named:
                self._start_tool(out, tool, None)
            out.append(self._tool_end(tool))
        self._open_tools.clear()
        self._grown_tools.clear()
        self._tools.clear()

    def _start_tool(self, out: list[Event], tool: _Tool, name: str | None) -> None:
        tool.is_named = True
        out.append(BlockStarted(tool.index, "tool", tool.id, name, None, self._choice, tool.extra))
        if tool.held:
            out.append(ToolDelta(tool.index, "".join(tool.held), self._choice))
            tool.held.clear()
            self._grown_tools[tool.index] = tool
        tool.extra = {}

    def _tool_end(self, tool: _Tool) -> BlockEnded:
        return BlockEnded(tool.index, None, self._choice, tool.extra)

    def _take_index(self, out: list[Event]) -> int:
        self._end_current(out)
        self._end_whole_tools(out)
        self._count += 1
        return self._count - 1

    def _open(self, out: list[Event], kind: BlockKind, media_type: str | None = None) -> None:
        self._end_current(out)
        if self._grown_tools:
            self._end_whole_tools(out)
        self._current = self._count
        self._count += 1
        self._kind = kind
        out.append(BlockStarted(self._current, kind, None, None, None, self._choice, {}, media_type))

    def _end_current(self, out: list[Event]) -> None:
        if self._kind is not None:
            out.append(BlockEnded(self._current, self._signature, self._choice, self._extra))
            self._kind = None
            self._signature = None
            self._extra = {}

    def _end_whole_tools(self, out: list[Event]) -> None:
        for tool in self._grown_tools.values():
            if tool.is_named and tool.arguments.is_whole():
                tool.ended = True
                del self._open_tools[tool.index]
                out.append(self._tool_end(tool))
        self._grown_tools.clear()
