"""How long one exchange may still wait, and what to say when it waited too long. Pure: the time comes in.

Law: every wait of a transport has its end computed here, as an absolute time of the monotonic clock (``None``: no end).
``first_byte_s`` runs from the start of the call until the first byte of the body, over connecting, retries and the head.
"""

from __future__ import annotations

from dragoman.core.errors import TimedOut
from dragoman.core.exchange import Timeouts

_TEXTS = {
    "first_byte_s": "no answer within {} s (first_byte_s)",
    "between_bytes_s": "the answer paused for more than {} s (between_bytes_s)",
    "total_s": "the answer was not complete after {} s (total_s)",
}


class Waits:
    """The clock of one exchange. ``begun`` is set once a byte of the body has been handed out."""

    __slots__ = ("_first", "_timeouts", "_total", "begun")

    def __init__(self, timeouts: Timeouts, now: float) -> None:
        self._timeouts = timeouts
        self._first = None if timeouts.first_byte_s is None else now + timeouts.first_byte_s
        self._total = None if timeouts.total_s is None else now + timeouts.total_s
        self.begun = False

    def connect(self, now: float) -> float | None:
        """Until when a connection may take."""
        return sooner(after(now, self._timeouts.connect_s), sooner(self._first, self._total))

    def answer(self, now: float) -> float | None:
        """Until when the next bytes may take."""
        end = after(now, self._timeouts.between_bytes_s) if self.begun else self._first
        return end if self._total is None else sooner(end, self._total)

    def connect_timed_out(self, started: float) -> TimedOut:
        """Says that no connection was made, whichever bound ended first: with one number for all they end a moment apart."""
        connect_s = after(started, self._timeouts.connect_s)
        known = {name: end for name, end in (("connect_s", connect_s), ("first_byte_s", self._first), ("total_s", self._total)) if end}
        name = min(known, key=lambda limit: known[limit], default="")
        bound_s = getattr(self._timeouts, name, None)
        if bound_s is None:
            return TimedOut("no connection: the wait was longer than the connection's owner allows")
        if bound_s == self._timeouts.connect_s:
            name = "connect_s"
        return TimedOut(f"no connection within {bound_s:g} s ({name})")

    def answer_timed_out(self, started: float) -> TimedOut:
        if self.begun:
            return self._timed_out(between_bytes_s=after(started, self._timeouts.between_bytes_s))
        return self._timed_out(first_byte_s=self._first)

    def _timed_out(self, **ends: float | None) -> TimedOut:
        known = {name: end for name, end in {**ends, "total_s": self._total}.items() if end is not None}
        if not known:
            return TimedOut("a wait was longer than the connection's owner allows")
        name = min(known, key=lambda limit: known[limit])
        return TimedOut(_TEXTS[name].format(f"{getattr(self._timeouts, name):g}"))


def after(now: float, seconds: float | None) -> float | None:
    return None if seconds is None else now + seconds


def sooner(one: float | None, other: float | None) -> float | None:
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)
