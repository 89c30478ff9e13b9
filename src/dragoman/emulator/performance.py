"""A plan on its way out: the pieces of its body, each when it is due.

Law: a pace is kept however coarse the sleeps are, and an answer is logged as ended before its last bytes leave, so that a client that has
its answer finds it in the log.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Final, assert_never

from dragoman.emulator.plan import Cut, Outcome, Plan, Stall, Step, Wait, Write
from dragoman.server import BrokenOff

HELD_BYTES: Final = 16 * 1024
"""So much of an answer's tail leaves after its end was logged."""
_WRITES_BETWEEN_TURNS: Final = 4
"""After so many writes without a wait, others get their turn. With six or more, asyncio complains of writes to a client that has left."""


class Performance:
    """The ``Pieces`` of one plan, in the running event loop.

    ``end`` is told how it ended and how many bytes of the body were given out, ``None`` where nothing more was wanted; it may be told so
    more than once, and only the first counts.
    """

    def __init__(self, plan: Plan, end: Callable[[Outcome | None, int], None]) -> None:
        self._plan = plan
        self._end = end
        self._steps = self._told_in_time(plan.steps if plan.length is None else _parted(plan.steps))
        self._writes = 0
        self._sent_bytes = 0
        self._due_s = asyncio.get_running_loop().time()

    async def begin(self) -> None:
        """Wait until the head is due."""
        if self._plan.delay_s:
            await self._pass(self._plan.delay_s)

    async def next(self) -> bytes:
        try:
            return await self._next()
        except Exception:
            self._end("cut", self._sent_bytes)
            raise

    def close(self) -> None:
        self._end(None, self._sent_bytes)
        self._steps.close()
        close = getattr(self._plan.steps, "close", None)
        if close:
            close()

    async def _next(self) -> bytes:
        for step in self._steps:
            match step:
                case Write():
                    if step.data:
                        await self._take_turns()
                        return step.data
                case Wait():
                    await self._pass(step.seconds)
                case Stall():
                    await self._stall(step.seconds)
                case Cut():
                    raise BrokenOff
                case _:
                    assert_never(step)
        return b""

    def _told_in_time(self, steps: Iterable[Step]) -> Generator[Step, None, None]:
        """``steps``, of which what may be the end leaves when it is known whether it is."""
        held: deque[Write] = deque()
        for step in steps:
            if isinstance(step, Write):
                self._sent_bytes += len(step.data)
            if isinstance(step, Write) and step.is_tail:
                held.append(step)
                while len(held) > 1 and sum(len(write.data) for write in held) > HELD_BYTES:
                    yield held.popleft()
            else:
                yield from held
                held.clear()
                yield step
        self._end(self._plan.outcome, self._sent_bytes)
        yield from held

    async def _take_turns(self) -> None:
        self._writes += 1
        if self._writes % _WRITES_BETWEEN_TURNS == 0:
            await asyncio.sleep(0)

    async def _pass(self, seconds: float) -> None:
        """Wait until ``seconds`` after the last wait was due."""
        self._due_s += seconds
        await asyncio.sleep(max(self._due_s - asyncio.get_running_loop().time(), 0.0))

    async def _stall(self, seconds: float | None) -> None:
        loop = asyncio.get_running_loop()
        if seconds is None:
            await loop.create_future()
        else:
            await asyncio.sleep(seconds)
            self._due_s = loop.time()


def _parted(steps: Iterable[Step]) -> Iterator[Step]:
    """``steps`` with no tail longer than what is held: a whole body's last bytes alone wait for its end."""
    for step in steps:
        if isinstance(step, Write) and len(step.data) > HELD_BYTES:
            yield Write(step.data[:-HELD_BYTES])
            step = Write(step.data[-HELD_BYTES:], step.is_tail)
        yield step
