"""The usual case without the machinery: a whole answer, of the first target, at the first try.

Nothing is decided here. Whatever is not usual (a failing status, a broken connection, an answer that tells a fault or cannot be read) goes
the way of every request, through the flow with its policies; what was done here is then the outcome of the flow's first call.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any, Final

import msgspec

from dragoman.core.errors import DragomanError, UsageError
from dragoman.core.events import Event
from dragoman.core.exchange import Call, Headers, Timeouts, header
from dragoman.drivers import AsyncDriver
from dragoman.flow.attempt import Progress, with_warnings
from dragoman.flow.fallback import Leg as Ask
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

    __slots__ = ("_asking", "_begun_s", "_budget", "_driver", "_leg", "_otherwise", "_timeouts", "_transport")

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

    @property
    def ended(self) -> bool:
        """See ``AsyncDriver.ended``."""
        return self._leg is None if self._driver is None else self._driver.ended

    def batch(self) -> Coroutine[Any, Any, list[Event]]:
        """See ``AsyncDriver.batch``."""
        return self._try() if self._driver is None else self._driver.batch()

    async def _try(self) -> list[Event]:
        leg, self._leg = self._leg, None
        if leg is None:
            return []
        record = self._asking.record
        record.attempts = 1
        self._begun_s = time.monotonic()
        try:
            incoming = await self._transport.open(leg.target.call, self._timeouts)
        except DragomanError as error:
            return await self._go_on(error)
        content_type = header(incoming.headers, "content-type") or ""
        if content_type not in _USUAL or incoming.status != 200:
            return await self._go_on(incoming)
        body, unread = b"", True
        try:
            while unread:
                data = incoming.at_hand()
                if data is None:
                    data = await incoming.read()
                body = body + data if body else data
                if len(body) > _LONG or data.isspace():  # how long to wait on blanks, and how much to take, the flow knows
                    return await self._go_on(BegunAnswer(incoming, body))
                unread = bool(data)
        except DragomanError as error:
            return await self._go_on(BegunAnswer(incoming, body, error))
        except BaseException:
            incoming.close()
            raise
        events = _read(leg, body)
        if events is None:
            return await self._go_on(BegunAnswer(incoming, body))
        if leg.passes:
            self._asking.tap = Passing(content_type, body)
        self._budget.earn()
        return events

    def _go_on(self, outcome: AsyncIncoming | DragomanError) -> Coroutine[Any, Any, list[Event]]:
        """The flow's first batch, after what came of its first call."""
        self._asking.record.attempts = 0  # the flow counts it
        left = self._timeouts.after(time.monotonic() - self._begun_s) or _used_up(self._timeouts)
        self._driver = self._otherwise(left, Begun(self._transport, outcome))
        return self._driver.batch()

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
    first, *others = route.targets
    by_name: Ask = partial(upstreams.flow, first, asking)
    if asking.record.streamed:  # nothing that has the prompt may be held until the end of a stream
        return _through_the_flow(upstreams, by_name, others, asking, timeouts, transport)
    try:
        leg = upstreams.leg(first, asking)
    except UsageError:
        if not others:
            raise
        return _through_the_flow(upstreams, by_name, others, asking, timeouts, transport)
    otherwise = partial(_through_the_flow, upstreams, partial(upstreams.flow_of, leg, asking), others, asking)
    if leg.target.signer is not None:
        return otherwise(timeouts, transport)
    return Straight(leg, asking, timeouts, transport, upstreams.budget, otherwise)


def _through_the_flow(
    upstreams: Upstreams, ask_first: Ask, others: Sequence[str], asking: Asking, left: Timeouts, transport: AsyncTransport
) -> AsyncDriver:
    """Asks the first target, then those behind it, in the time that is left."""
    if not others:
        flow = ask_first(left, Progress())
    else:
        flow = falling_back([ask_first, *(partial(upstreams.flow, name, asking) for name in others)], left)
    return AsyncDriver(flow, Counted(transport, asking.record))


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
        """See ``seam.Incoming.at_hand``."""
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
