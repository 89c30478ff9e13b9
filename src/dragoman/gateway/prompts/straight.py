"""The usual case without the machinery: a whole answer, of the first target, at the first try.

Nothing is decided here. Whatever is not usual (a failing status, a broken connection, an answer that tells a fault or cannot be read) goes
the way of every request, through the flow with its policies; what was done here is then the outcome of the flow's first call.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Final

import msgspec

from dragoman.core.errors import DragomanError, UsageError
from dragoman.core.events import Event
from dragoman.core.exchange import Call, Headers, Timeouts, header
from dragoman.drivers import AsyncDriver
from dragoman.flow.attempt import Progress, with_warnings
from dragoman.flow.fallback import falling_back
from dragoman.flow.retry import RetryBudget
from dragoman.gateway.prompts.asking import Asking
from dragoman.gateway.prompts.delivery import Batches, Counted
from dragoman.gateway.prompts.legs import Leg, Upstreams
from dragoman.gateway.prompts.tap import JSON, Passing
from dragoman.gateway.routes import Route
from dragoman.transport.seam import AsyncIncoming, AsyncTransport, Hold

_USUAL: Final = frozenset({JSON, "application/json; charset=utf-8", "application/json;charset=utf-8"})
"""What hosts call an answer in JSON."""
_LONG: Final = 1024 * 1024
"""Bytes of a body that is no usual one."""
_A_MOMENT_S: Final = 1e-6
"""For a bound that is used up: what is tried under it has no time left."""

MakeDriver = Callable[[Timeouts, AsyncTransport], AsyncDriver]
"""What is done where the answer is not a usual one, in the time that is left."""


class Straight:
    """As ``AsyncDriver``: all events of the answer in one batch, or those of a flow, batch by batch."""

    __slots__ = ("_asking", "_budget", "_driver", "_leg", "_otherwise", "_over", "_timeouts", "_transport")

    def __init__(
        self, leg: Leg, asking: Asking, timeouts: Timeouts, transport: AsyncTransport, budget: RetryBudget, otherwise: MakeDriver
    ) -> None:
        self._leg: Leg | None = leg
        self._asking = asking
        self._timeouts = timeouts
        self._transport = transport
        self._budget = budget
        self._otherwise = otherwise
        self._driver: AsyncDriver | None = None
        self._over = False

    @property
    def ended(self) -> bool:
        """See ``AsyncDriver.ended``."""
        return self._over if self._driver is None else self._driver.ended

    async def batch(self) -> list[Event]:
        """See ``AsyncDriver.batch``."""
        driver = self._driver
        if driver is not None:
            return await driver.batch()
        leg, self._leg = self._leg, None
        if leg is None:
            return []
        begun_s = time.monotonic()
        record = self._asking.record
        record.attempts = 1
        outcome = await self._ask(leg)
        if isinstance(outcome, list):
            self._budget.earn()
            self._over = True
            return outcome
        record.attempts = 0  # the flow counts it
        left = self._timeouts.after(time.monotonic() - begun_s) or _used_up(self._timeouts)
        driver = self._driver = self._otherwise(left, Begun(self._transport, outcome))
        return await driver.batch()

    async def _ask(self, leg: Leg) -> list[Event] | AsyncIncoming | DragomanError:
        """The events of a usual answer; else what came of the call."""
        try:
            incoming = await self._transport.open(leg.target.call, self._timeouts)
        except DragomanError as error:
            return error
        content_type = header(incoming.headers, "content-type") or ""
        if content_type not in _USUAL or incoming.status != 200:
            return incoming
        failure: DragomanError | None = None
        body = b""
        try:
            while True:
                data = incoming.at_hand()
                if data is None:
                    data = await incoming.read()
                if not data:
                    break
                body = body + data if body else data
                if len(body) > _LONG or data.isspace():  # how long to wait on blanks, and how much to take, the flow knows
                    return BegunAnswer(incoming, body)
        except DragomanError as error:
            failure = error
        except BaseException:
            incoming.close()
            raise
        events = None if failure is not None else _read(leg, body)
        if events is None:
            return BegunAnswer(incoming, body, failure)
        if leg.passes:
            self._asking.tap = Passing(content_type, body)
        return events

    def close(self) -> None:
        """See ``AsyncDriver.close``. What is done here by hand ends with the task in which it is done."""
        self._leg = None
        if self._driver is not None:
            self._driver.close()


def _read(leg: Leg, body: bytes) -> list[Event] | None:
    """The events of ``body``, or, of one that passes on, those from which it is accounted; ``None`` where there is something about it."""
    target = leg.target
    events = leg.read_ends(body) if leg.read_ends is not None else None
    if events is None and target.read_whole is not None:
        try:
            events = with_warnings(target.read_whole(body), target.call.warnings)
        except DragomanError:
            return None
    return events


def _used_up(timeouts: Timeouts) -> Timeouts:
    return msgspec.structs.replace(timeouts, first_byte_s=_A_MOMENT_S, total_s=_A_MOMENT_S)


def driver_of(upstreams: Upstreams, route: Route, asking: Asking, timeouts: Timeouts, transport: AsyncTransport) -> Batches:
    """What brings the answer to ``asking``. Raises ``UsageError`` where its only target cannot be asked."""

    def through_the_flow(left: Timeouts, transport: AsyncTransport) -> AsyncDriver:
        flow, targets = upstreams.flow, route.targets
        legs = (
            flow(targets[0], asking, left, Progress())
            if len(targets) == 1
            else falling_back([partial(flow, name, asking) for name in targets], left)
        )
        return AsyncDriver(legs, Counted(transport, asking.record))

    if asking.record.streamed:
        return through_the_flow(timeouts, transport)
    try:
        leg = upstreams.leg(route.targets[0], asking)
    except UsageError:
        return through_the_flow(timeouts, transport)
    if leg.target.signer is not None:
        return through_the_flow(timeouts, transport)
    return Straight(leg, asking, timeouts, transport, upstreams.budget, through_the_flow)


class Begun:
    """A transport whose first call was made already: it hands out what came of it, and makes all others."""

    __slots__ = ("_outcome", "_transport")

    def __init__(self, transport: AsyncTransport, outcome: AsyncIncoming | DragomanError) -> None:
        self._transport = transport
        self._outcome: AsyncIncoming | DragomanError | None = outcome

    async def open(self, call: Call, timeouts: Timeouts, hold: Hold | None = None) -> AsyncIncoming:
        outcome, self._outcome = self._outcome, None
        if isinstance(outcome, DragomanError):
            raise outcome
        return await self._transport.open(call, timeouts, hold) if outcome is None else outcome

    async def close(self) -> None:
        """The transport is another's."""


class BegunAnswer:
    """An answer of which some was read already; ``failure`` is what came behind that, where something did."""

    def __init__(self, incoming: AsyncIncoming, body: bytes, failure: DragomanError | None = None) -> None:
        self._incoming = incoming
        self._body = body
        self._failure = failure

    @property
    def status(self) -> int:
        return self._incoming.status

    @property
    def headers(self) -> Headers:
        return self._incoming.headers

    def at_hand(self) -> bytes | None:
        """See ``seam.AsyncIncoming.at_hand``."""
        return None

    async def read(self, timeout_s: float | None = None) -> bytes:
        body, self._body = self._body, b""
        if body:
            return body
        if self._failure is not None:
            raise self._failure
        return await self._incoming.read(timeout_s)

    async def finish(self) -> None:
        await self._incoming.finish()

    def close(self) -> None:
        self._incoming.close()
