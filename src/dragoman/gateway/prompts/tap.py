"""Pass-through: the upstream's bytes go on as they came, and a decoder listens in.

The decoder tells what the flow must know (content has begun, the answer is whole, it failed) and what is accounted (usage). A stream goes
on frame by frame, so that whatever has to be said in its midst, such as a failure, stands between two frames and not inside one. A frame
that tells a failure is not passed on: the caller is told it in its own form, without what the provider may have repeated of our key.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from dragoman.core.errors import DragomanError
from dragoman.core.events import Event, Started, TextDelta
from dragoman.core.exchange import Decoder, Headers, header

JSON: Final = "application/json"
"""What an answer is whose host does not say it."""
MAX_FRAME_BYTES: Final = 8 * 1024 * 1024
_EVENT_END: Final = re.compile(rb"\r?\n\r?\n|\r\r")
_LINE_END: Final = re.compile(rb"\n")
_USAGE_FRAME: Final = re.compile(
    rb'data: ?\{[^\r\n]*"choices"\s*:\s*\[\s*\][^\r\n]*"usage"\s*:\s*\{|data: ?\{[^\r\n]*"usage"\s*:\s*\{[^\r\n]*"choices"\s*:\s*\[\s*\]'
)
"""OpenAI's last chunk, which nobody gets who did not ask for it."""
_FRAMES: Final = {"text/event-stream": _EVENT_END, "application/x-ndjson": _LINE_END, "application/jsonl": _LINE_END}

_NOTHING: Final[list[Event]] = [TextDelta(0, "")]


class Tap:
    """A decoder that keeps the bytes it was fed, for ``take``.

    What passes on in the midst of an answer without meaning anything to us (a heartbeat, an event of a kind that we do not know) is an
    empty delta to the flow, so that it leaves at once too. Before the answer has begun it waits, for it may yet come from elsewhere.
    """

    def __init__(self, inner: Decoder, headers: Headers, drops_usage: bool) -> None:
        self._inner = inner
        self._kept: list[bytes] = []
        self._tail = b""
        self._drops_usage = drops_usage
        self._begun = False
        self.error: DragomanError | None = None
        self.done = False
        self.ending = False
        self.idle = inner.idle
        self.content_type = header(headers, "content-type") or JSON
        self._end = _FRAMES.get(self.content_type.partition(";")[0].strip().lower())

    @property
    def framed(self) -> bool:
        """Whether a failure can be told behind what has been passed on."""
        return self._end is not None

    def feed(self, data: bytes) -> list[Event]:
        if self._end is None:
            self._kept.append(data)
            return self._fed(data)
        if not self._tail and data.endswith(b"\n\n") and data.count(b"\n\n") == 1:
            return self._frame(data)
        data = self._tail + data
        events: list[Event] = []
        begun = 0
        for end in self._end.finditer(data):
            events += self._frame(data[begun : end.end()])
            begun = end.end()
        self._tail = data[begun:]
        if len(self._tail) > MAX_FRAME_BYTES:  # the decoder says that this is too long
            events += self._frame(self._tail)
            self._tail = b""
        return events

    def _fed(self, data: bytes) -> list[Event]:
        events = self._inner.feed(data)
        self._follow()
        return events

    def _follow(self) -> None:
        """Be as the decoder is; told here once, since it is asked several times for each event."""
        inner = self._inner
        self.error, self.done, self.ending, self.idle = inner.error, inner.done, inner.ending, inner.idle

    def _frame(self, frame: bytes) -> list[Event]:
        if self.error is not None:
            return []
        events = self._fed(frame)
        failed = self.error is not None
        if not failed and (events or not self._drops_usage or not _USAGE_FRAME.match(frame)):
            self._kept.append(frame)
        self._begun = self._begun or len(events) > 1 or (len(events) == 1 and type(events[0]) is not Started)
        return events or (_NOTHING if self._begun and not failed else events)

    def close(self) -> list[Event]:
        """What is left may be half a frame: it goes on only where it completes the answer."""
        tail, self._tail = self._tail, b""
        events = self._fed(tail) if tail else []
        events += self._inner.close()
        self._follow()
        if self.error is None and tail:
            self._kept.append(tail)
        return events

    def take(self) -> bytes:
        """What was fed since the last time and may go on."""
        kept = self._kept
        if not kept:
            return b""
        self._kept = []
        return kept[0] if len(kept) == 1 else b"".join(kept)


class Passing:
    """A whole answer that passes on, as a ``Tap`` that was fed it."""

    framed = False

    def __init__(self, content_type: str, body: bytes) -> None:
        self.content_type = content_type
        self._body = body

    def take(self) -> bytes:
        body, self._body = self._body, b""
        return body


def tapped(decoder: Callable[[Headers], Decoder], drops_usage: bool, tell: Callable[[Tap], None]) -> Callable[[Headers], Decoder]:
    """``decoder`` with a tap on what it makes; each try has its own, and the last one is told."""

    def make(headers: Headers) -> Decoder:
        tap = Tap(decoder(headers), headers, drops_usage)
        tell(tap)
        return tap

    return make
