"""Framing joined to a dialect's reader: the streaming and the whole-body decoder that every dialect's ``decoder`` returns.

The law of ``core.exchange.Decoder`` is kept here once: nothing raises, what was decoded before a failure is returned first, and after
a failure or the answer's end nothing more is read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Protocol

from dragoman.core.errors import BadReply, DragomanError, StreamCut
from dragoman.core.events import Event, TextDelta
from dragoman.core.exchange import Decoder
from dragoman.wire.alike import Alike
from dragoman.wire.sse import Frame

MAX_BODY_BYTES = 64 * 1024 * 1024
_BLANK = b"\xef\xbb\xbf \t\r\n"
_FRAMES = (b"data:", b"event:", b"id:", b"retry:", b":")
"""How an event stream begins."""
_JSON = (b"{", b"[")
_LINE_ENDS = (b"\n", b"\r")
_EVENT_END = b"\n\n"
_MAX_LIKENESSES = 32
"""Of one stream: a host whose events are never alike is not asked for ever whether they are."""


class Framing(Protocol):
    """Bytes to frames."""

    def feed(self, data: bytes) -> Iterable[Frame]: ...

    def close(self) -> Iterable[Frame]: ...


class Reader(Protocol):
    """Frames of one dialect to events, appended to ``out``. May raise any ``DragomanError``."""

    done: bool
    ending: bool

    def read(self, name: str, data: bytes, out: list[Event]) -> None: ...

    def end(self, out: list[Event]) -> None:
        """The stream has ended: append what completes the answer, or raise ``StreamCut`` where it is not complete."""


class StreamDecoder:
    """Decodes an answer that comes in frames.

    ``text`` says where events of an event stream have the text that most of them bring, for a dialect whose reader makes nothing else of
    such an event (``alike``).
    """

    def __init__(self, framing: Framing, reader: Reader, text: re.Pattern[bytes] | None = None) -> None:
        self._framing = framing
        self._reader = reader
        self._text = text
        self._alike: Alike | None = None
        self._is_between = False
        """Nothing of an event has come but is not read yet."""
        self._likenesses = 0
        self.error: DragomanError | None = None
        self.done = False
        self.ending = False
        self.idle = False

    def feed(self, data: bytes) -> list[Event]:
        if self._alike is not None:
            told = self._alike.told_by(data)
            if told is not None:
                return [told]
        out: list[Event] = []
        reader = self._reader
        if self.error or self.done:
            return out
        try:
            for name, frame in self._framing.feed(data):
                reader.read(name, frame, out)
                if reader.done:
                    break
        except DragomanError as error:
            self.error = error
        self.done, self.ending = reader.done, reader.ending
        self.idle = not out and data[-1:] in _LINE_ENDS  # a line that is not at its end may be the answer's next event
        if self._text is not None:
            self._take_for_likeness(data, out, self._text)
        return out

    def _take_for_likeness(self, data: bytes, out: list[Event], place: re.Pattern[bytes]) -> None:
        """What was read may be what the next event is like; never what came with another event, or behind a part of one."""
        self._alike = None
        if self._is_between and len(out) == 1 and type(out[0]) is TextDelta and self._likenesses < _MAX_LIKENESSES:
            self._alike = Alike.to(data, out[0], place)
            self._likenesses += 1
        self._is_between = self.error is None and not self.done and data.endswith(_EVENT_END)

    def close(self) -> list[Event]:
        out: list[Event] = []
        reader = self._reader
        if self.error or self.done:
            return out
        try:
            self._read_tail(out)
            if not reader.done:
                reader.end(out)
        except DragomanError as error:
            self.error = error
        self.done, self.ending = reader.done, reader.ending
        return out

    def _read_tail(self, out: list[Event]) -> None:
        """A last frame without its end counts where it is whole; where it cannot be read, the stream was cut inside it.

        Of an answer whose content is complete that loses the tail alone, and the reader's ``end`` says whether the tail was needed.
        """
        for name, frame in self._framing.close():
            try:
                self._reader.read(name, frame, out)
            except BadReply as fault:
                if self._reader.ending:
                    return
                raise StreamCut("the stream was cut inside an event", body=fault.body) from None
            if self._reader.done:
                return


class WholeDecoder:
    """Decodes an answer that comes as one body."""

    ending = False

    def __init__(self, read_body: Callable[[bytes], list[Event]], max_body_bytes: int = MAX_BODY_BYTES) -> None:
        self._read_body = read_body
        self._max = max_body_bytes
        self._pieces: list[bytes] = []
        self._size = 0
        self.error: DragomanError | None = None
        self.done = False
        self.idle = True

    def feed(self, data: bytes) -> list[Event]:
        self.idle = self.idle and data.isspace()  # hosts send blank lines while they think
        self._size += len(data)
        if self._size > self._max:
            self.error = BadReply(f"the answer is longer than {self._max} bytes")
            self._pieces.clear()
        elif not self.error:
            self._pieces.append(data)
        return []

    def close(self) -> list[Event]:
        if self.error or self.done:
            return []
        try:
            events = self._read_body(b"".join(self._pieces))
        except DragomanError as error:
            self.error = error
            return []
        self.done = True
        return events


class SniffedDecoder:
    """Decodes an answer of a dialect with event streams by how it begins, as content types are often missing or wrong.

    JSON is a whole answer and a field an event stream; of anything else ``streaming`` decides.
    """

    def __init__(self, streaming: bool, frames: Callable[[], Decoder], whole: Callable[[], Decoder]) -> None:
        self._streaming = streaming
        self._frames = frames
        self._whole = whole
        self._start = b""
        self._chosen: Decoder | None = None
        self.error: DragomanError | None = None
        self.done = False
        self.ending = False
        self.idle = True

    def feed(self, data: bytes) -> list[Event]:
        chosen = self._chosen
        if chosen is None:
            data = self._start = (self._start + data).lstrip(_BLANK)
            self.idle = not data
            if not self._can_choose():
                return []
            chosen = self._choose()
        events = chosen.feed(data)
        self._follow(chosen)
        return events

    def close(self) -> list[Event]:
        chosen = self._chosen
        events: list[Event] = []
        if chosen is None:
            chosen = self._choose()
            events = chosen.feed(self._start)
        events += chosen.close()
        self._follow(chosen)
        return events

    def _follow(self, chosen: Decoder) -> None:
        """Be as it is; told here once, since it is asked several times for each event of a stream."""
        self.error, self.done, self.ending, self.idle = chosen.error, chosen.done, chosen.ending, chosen.idle

    def _can_choose(self) -> bool:
        """What has come is more than blanks and the beginning of a field's name."""
        start = self._start
        if not start or start[:1] in _JSON or self._streaming:
            return bool(start)
        return not any(field != start and field.startswith(start) for field in _FRAMES)

    def _choose(self) -> Decoder:
        streaming = self._streaming
        if self._start[:1] in _JSON:
            streaming = False
        elif self._start.startswith(_FRAMES):
            streaming = True
        self._chosen = self._frames() if streaming else self._whole()
        return self._chosen
