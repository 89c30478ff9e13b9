"""What was asked of an emulator and how each request ended: a list that any thread may read and wait on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any, overload

import msgspec

from dragoman.core.errors import DragomanError
from dragoman.core.exchange import Headers, header
from dragoman.core.request import Request
from dragoman.emulator.fault import Fault
from dragoman.emulator.plan import Outcome


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One request. Times are of ``time.monotonic``; ``outcome`` and ``ended_s`` are ``None`` while it is under way."""

    number: int
    method: str
    path: str
    headers: Headers
    body: bytes
    started_s: float
    provider: str | None = None
    """Whose wire answered; ``None`` where the path is nobody's."""
    request: Request | None = None
    """The prompt that was sent, where it could be read."""
    operation: str | None = None
    """What was asked for besides an answer, by its name in ``wire.operations``."""
    asked: Any = None
    """What was asked of the operation, as the core's value."""
    error: DragomanError | None = None
    """What was answered in place of an answer, or what the scenario failed with."""
    fault: Fault | None = None
    status: int | None = None
    sent_bytes: int = 0
    """Bytes of the body that were handed to the network."""
    outcome: Outcome | None = None
    ended_s: float | None = None

    def header(self, name: str) -> str | None:
        """The first value of the field ``name``, in any case."""
        return header(self.headers, name.lower())

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.status or '-'} {self.outcome or 'under way'}"


class Log:
    """The records in the order in which requests arrived. Reading gives a state of this moment; ``wait_for`` waits for a later one."""

    def __init__(self) -> None:
        self._records: list[Record] = []
        self._changed = threading.Condition()
        self._listener: Callable[[Record], None] | None = None

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[Record]:
        with self._changed:
            return iter(tuple(self._records))

    @overload
    def __getitem__(self, at: int) -> Record: ...
    @overload
    def __getitem__(self, at: slice) -> list[Record]: ...
    def __getitem__(self, at: int | slice) -> Record | list[Record]:
        with self._changed:
            return self._records[at]

    def wait_for(self, predicate: Callable[[Record], bool], timeout_s: float = 5.0, count: int = 1) -> Record:
        """Wait until ``count`` records fit ``predicate`` and return the last of those. Raises ``TimeoutError`` with what there is."""

        def fitting() -> list[Record]:
            return [record for record in self._records if predicate(record)]

        with self._changed:
            found = self._changed.wait_for(lambda: len(fitting()) >= count, timeout_s)
            if found:
                return fitting()[count - 1]
            seen = "; ".join(map(str, self._records)) or "no request at all"
        raise TimeoutError(f"after {timeout_s:g} s not {count} of the requests fit: {seen}")

    def clear(self) -> None:
        """Forget every request that has ended."""
        with self._changed:
            self._records = [record for record in self._records if record.outcome is None]

    def listen(self, listener: Callable[[Record], None] | None) -> None:
        """Call ``listener`` with each record when it has ended, in the emulator's thread."""
        self._listener = listener

    def begin(self, record: Record) -> None:
        """A request has arrived."""
        with self._changed:
            self._records.append(record)
            self._changed.notify_all()

    def change(self, number: int, **facts: object) -> Record | None:
        """More is known of the request ``number``; nothing is changed in one that has ended."""
        with self._changed:
            for at in range(len(self._records) - 1, -1, -1):
                if self._records[at].number == number and self._records[at].outcome is None:
                    record = self._records[at] = msgspec.structs.replace(self._records[at], **facts)
                    self._changed.notify_all()
                    return record
        return None

    def end(self, number: int, outcome: Outcome, ended_s: float, sent_bytes: int = 0) -> None:
        """The request ``number`` has ended so; only the first end counts."""
        record = self.change(number, outcome=outcome, ended_s=ended_s, sent_bytes=sent_bytes)
        if record and self._listener:
            self._listener(record)
