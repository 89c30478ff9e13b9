"""The emulator as a program under the server: each call is logged when it arrives, and answered with the plan that the app makes.

Clients are borne however slow they are: what waits is a fault that was asked for, or a program under test that is being looked at.
"""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import Final

from dragoman.core.exchange import Call
from dragoman.emulator.app import App
from dragoman.emulator.log import Log, Record
from dragoman.emulator.performance import Performance
from dragoman.emulator.plan import FACTS, Outcome
from dragoman.server import Answer, Limits, Listener

MAX_HEAD_BYTES: Final = 64 * 1024
MAX_BODY_BYTES: Final = 64 * 1024 * 1024
MAX_PIPELINED: Final = 256
UNKNOWN_REASON: Final = "Emulated"
_LIMITS: Final = Limits(
    head_bytes=MAX_HEAD_BYTES,
    body_bytes=MAX_BODY_BYTES,
    head_s=None,
    body_silence_s=None,
    send_s=None,
    idle_s=None,
    pipelined=MAX_PIPELINED,
)


class _Logged(Call, frozen=True):
    """A call under its number in the log."""

    number: int = 0


class Server:
    """The app and its log at an address, in the running event loop. ``Handler`` and ``Arrivals`` of the server under it."""

    def __init__(self, app: App, log: Log) -> None:
        self._app = app
        self._log = log
        self._count = 0
        self._loop: asyncio.AbstractEventLoop
        self._listener = Listener(self, _LIMITS, unknown_reason=UNKNOWN_REASON, arrivals=self)
        self.port = 0

    async def start(self, host: str, port: int) -> None:
        """Listen. Raises ``UsageError`` where the address cannot be had."""
        self._loop = asyncio.get_running_loop()
        self.port = await self._listener.start(host, port)

    async def close(self) -> None:
        """Stop listening, cut what is under way, and return when every connection is gone."""
        await self._listener.stop()

    # --- what the server under it calls

    def arrived(self, call: Call) -> Call:
        self._count += 1
        record = Record(
            number=self._count, method=call.method, path=call.url, headers=call.headers, body=call.body, started_s=self._loop.time()
        )
        self._log.begin(record)
        return _Logged(call.method, call.url, call.headers, call.body, number=self._count)

    def dropped(self, call: Call, *, by_client: bool) -> None:
        assert isinstance(call, _Logged)
        self._end(call.number, "abandoned" if by_client else "cut", 0)

    async def handle(self, call: Call) -> Answer:
        assert isinstance(call, _Logged)
        plan = self._app.answer(call, int(time.time()))
        self._log.change(call.number, **{fact: getattr(plan, fact) for fact in FACTS})
        performance = Performance(plan, partial(self._end, call.number))
        try:
            await performance.begin()
        except asyncio.CancelledError:
            performance.close()
            raise
        if call.method == "HEAD":
            self._end(call.number, plan.outcome, 0)
        return Answer(plan.status, plan.headers, performance, plan.length, head_first=plan.length is None)

    def refuse(self, call: Call, status: int, message: str) -> Answer:
        return Answer(status, (("content-type", "text/plain; charset=utf-8"),), f"{message}\n".encode())

    def _end(self, number: int, outcome: Outcome | None, sent_bytes: int) -> None:
        left: Outcome = "cut" if self._listener.stopping else "abandoned"
        self._log.end(number, outcome or left, self._loop.time(), sent_bytes)
