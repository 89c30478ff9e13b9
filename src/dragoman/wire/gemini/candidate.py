"""Gemini: the blocks of one candidate while its parts arrive.

A part is whole where it comes, but for words, thoughts and sound, which go on from chunk to chunk. The block of the last part stays open
until the next begins, because a part without words may follow that belongs to it: it is replayed behind it (``parts.TRAILING``).
"""

from __future__ import annotations

from typing import Final, Literal

from dragoman.core.events import (
    BlockEnded,
    BlockKind,
    BlockStarted,
    Event,
    Finished,
    FinishName,
    FinishReason,
    MediaDelta,
    ReasoningDelta,
    SourceAdded,
    TextDelta,
    TokenLogprob,
    ToolDelta,
)
from dragoman.core.messages import Media
from dragoman.core.opaque import JsonObject
from dragoman.core.usage import Usage
from dragoman.wire.gemini.arguments import Arguments
from dragoman.wire.gemini.parts import NAME, TRAILING, kept
from dragoman.wire.gemini.sources import decode_sources
from dragoman.wire.payload import dump

FINISH: Final[dict[str, FinishName]] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "MODEL_ARMOR": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "IMAGE_RECITATION": "content_filter",
    "FINISH_REASON_UNSPECIFIED": "unknown",
    "LANGUAGE": "other",
    "OTHER": "other",
    "MALFORMED_FUNCTION_CALL": "other",
    "MALFORMED_RESPONSE": "other",
    "UNEXPECTED_TOOL_CALL": "other",
    "TOO_MANY_TOOL_CALLS": "other",
    "MISSING_THOUGHT_SIGNATURE": "other",
    "IMAGE_OTHER": "other",
    "NO_IMAGE": "other",
}
"""The vendor's finish reasons and ours; any other word is ``other``. It says STOP after a call, too."""
_RUN_THERE: Final = frozenset({"executableCode", "toolCall"})
"""Parts that the vendor's server answers by itself."""


class Candidate:
    """One choice. Each method appends to ``out`` the events that a part means."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.reason: str | None = None
        """What the chunk with the last of its content so far told; what goes on after a reason had not finished."""
        self.extra: JsonObject = {}
        self._count = 0
        self._kind: BlockKind | None = None
        self._media_type: str | None = None
        self._sealed = False
        self._trailing: list[JsonObject] = []
        self._arguments: Arguments | None = None
        self._awaits = False
        """Its last part wants a result that the vendor's server is yet to bring."""
        self.unanswered = 0
        """Calls that the caller is to answer."""
        self._words: list[str] = []

    def text(self, out: list[Event], text: str, logprobs: tuple[TokenLogprob, ...] | None = None) -> None:
        """Words without anything beside them."""
        self.reason = None
        if self._kind != "text" or self._sealed:
            self._open(out, "text")
        self._words.append(text)
        out.append(TextDelta(self._count - 1, text, logprobs, self.index))

    def reasoning(self, out: list[Event], text: str) -> None:
        """Thoughts without anything beside them."""
        self.reason = None
        if self._kind != "reasoning" or self._sealed:
            self._open(out, "reasoning")
        out.append(ReasoningDelta(self._count - 1, text, self.index))

    def signed(self, out: list[Event], kind: Literal["text", "reasoning"], text: str, extra: JsonObject) -> None:
        """Words or thoughts with fields beside them, which make a block of their own or, where they hold no letter, trail one."""
        if not text and self._kind is not None:
            self._trailing.append({"text": text, **({"thought": True} if kind == "reasoning" else {}), **extra})
        else:
            self._open(out, kind, extra)
            if text and kind == "text":
                self._words.append(text)
                out.append(TextDelta(self._count - 1, text, None, self.index))
            elif text:
                out.append(ReasoningDelta(self._count - 1, text, self.index))
        self._sealed = True

    def bare(self, out: list[Event], part: JsonObject) -> None:
        """A part that has no content at all, a signature perhaps."""
        if self._kind is None:
            self.opaque(out, part)
        else:
            self._trailing.append(part)
            self._sealed = True

    def call(self, out: list[Event], call_id: str, name: str, arguments: str, extra: JsonObject) -> None:
        """A call with its arguments, whole."""
        self._open(out, "tool", extra, call_id, name)
        out.append(ToolDelta(self._count - 1, arguments, self.index))
        self._sealed = True
        self.unanswered += 1

    def call_in_pieces(self, out: list[Event], call_id: str, name: str, extra: JsonObject) -> None:
        """A call whose arguments are to come."""
        self._open(out, "tool", extra, call_id, name)
        self._arguments = Arguments()
        self.unanswered += 1

    @property
    def arguments(self) -> Arguments | None:
        """The arguments of the call whose pieces are coming."""
        return self._arguments

    def end_arguments(self, out: list[Event]) -> None:
        """The pieces are all there."""
        if self._arguments is not None:
            out.append(ToolDelta(self._count - 1, dump(self._arguments.whole).decode(), self.index))
            self._arguments = None
            self._sealed = True

    def media(self, out: list[Event], kind: Literal["image", "audio"], said: Media, transcript: str, extra: JsonObject) -> None:
        """A picture, or more of a sound."""
        media_type = said.media_type
        goes_on = kind == self._kind == "audio" and media_type == self._media_type and not self._sealed and not extra
        if not goes_on:
            self._open(out, kind, extra, None, None, media_type)
        self.reason = None
        out.append(MediaDelta(self._count - 1, said.data or b"", transcript, self.index))
        self._sealed = kind == "image" or bool(extra)

    def opaque(self, out: list[Event], part: JsonObject) -> None:
        """A part that is the vendor's alone. A result in an answer is of a call that the vendor's server has run by itself."""
        self._open(out, "opaque", part)
        self._sealed = True
        self._awaits = not _RUN_THERE.isdisjoint(part)
        if "functionResponse" in part:
            self.unanswered = max(0, self.unanswered - 1)

    @property
    def is_complete(self) -> bool:
        """Nothing more is to come. The vendor says STOP with the code that its server runs next, too."""
        return self.reason is not None and not (self._awaits and self.reason == "STOP")

    def finish(self, out: list[Event], usage: Usage | None) -> None:
        """End what is open, name what was cited, and finish."""
        self._end(out)
        out.extend(SourceAdded(source, self.index) for source in decode_sources(self.extra, "".join(self._words)))
        out.append(Finished(self._finish_reason(), usage, self.index, kept(self.extra)))

    def _finish_reason(self) -> FinishReason:
        if self.reason is None:
            return FinishReason("unknown")
        unified = FINISH.get(self.reason, "other")
        return FinishReason("tool_calls" if unified == "stop" and self.unanswered else unified, self.reason)

    def _open(
        self,
        out: list[Event],
        kind: BlockKind,
        extra: JsonObject | None = None,
        id: str | None = None,
        name: str | None = None,
        media_type: str | None = None,
    ) -> None:
        self._end(out)
        self.reason = None
        self._awaits = False
        self._kind = kind
        self._media_type = media_type
        out.append(BlockStarted(self._count, kind, id, name, None, self.index, {NAME: extra} if extra else {}, media_type))
        self._count += 1

    def _end(self, out: list[Event]) -> None:
        if self._kind is None:
            return
        self.end_arguments(out)
        extra = {NAME: {TRAILING: self._trailing}} if self._trailing else {}
        out.append(BlockEnded(self._count - 1, None, self.index, extra))
        self._kind = None
        self._sealed = False
        self._trailing = []
