"""A streamed answer as a user holds it: an iterator of events that can be closed, and the response as far as it has arrived."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType

from msgspec import UNSET

from dragoman.core.errors import DragomanError
from dragoman.core.events import Event
from dragoman.core.fold import Fold
from dragoman.drivers import AsyncDriver, Driver
from dragoman.response import PriceList, Response, response_of


class Arrived:
    """What of an answer has arrived; shared by both kinds of stream."""

    def __init__(self, provider: str, model: str | None, prices: PriceList) -> None:
        self._provider = provider
        self._model = model
        self._prices = prices
        self._fold = Fold()
        self.events: Iterator[Event] = iter(())

    def take(self, batch: list[Event]) -> None:
        """Note a batch and make it the next to be handed out."""
        self._fold.add_all(batch)
        self.events = iter(batch)

    def response(self) -> Response:
        return response_of(self._fold.response(), self._provider, self._model, self._prices)

    def blame(self, error: DragomanError) -> None:
        """Put what had arrived on the error, where that is anything."""
        response = self.response()
        if response.choices:
            error.partial = response


class EventStream:
    """An answer as it comes. Iterate it for events; use it as a context manager, or ``close`` it, to stop early."""

    def __init__(self, driver: Driver, provider: str, model: str | None = None, prices: PriceList = UNSET) -> None:
        self._driver = driver
        self._arrived = Arrived(provider, model, prices)

    def __iter__(self) -> EventStream:
        return self

    def __next__(self) -> Event:
        for event in self._arrived.events:
            return event
        if not self._more():
            raise StopIteration
        return next(self._arrived.events)

    def _more(self) -> list[Event]:
        """Take in the next batch; none at the end."""
        try:
            batch = self._driver.batch()
        except DragomanError as error:
            self._arrived.blame(error)
            raise
        if batch:
            self._arrived.take(batch)
        return batch

    @property
    def response(self) -> Response:
        """The answer as far as it has arrived; whole once the stream has ended."""
        return self._arrived.response()

    def finish(self) -> Response:
        """Read to the end and return the whole response."""
        while self._more():
            pass
        return self.response

    def close(self) -> None:
        """Stop at once and close the upstream connection. May be called again, and from another thread."""
        self._driver.close()

    def __enter__(self) -> EventStream:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


class AsyncEventStream:
    """``EventStream`` for a running event loop."""

    def __init__(self, driver: AsyncDriver, provider: str, model: str | None = None, prices: PriceList = UNSET) -> None:
        self._driver = driver
        self._arrived = Arrived(provider, model, prices)

    def __aiter__(self) -> AsyncEventStream:
        return self

    async def __anext__(self) -> Event:
        for event in self._arrived.events:
            return event
        if not await self._more():
            raise StopAsyncIteration
        return next(self._arrived.events)

    async def _more(self) -> list[Event]:
        """Take in the next batch; none at the end."""
        try:
            batch = await self._driver.batch()
        except DragomanError as error:
            self._arrived.blame(error)
            raise
        if batch:
            self._arrived.take(batch)
        return batch

    @property
    def response(self) -> Response:
        """The answer as far as it has arrived; whole once the stream has ended."""
        return self._arrived.response()

    async def finish(self) -> Response:
        """Read to the end and return the whole response."""
        while await self._more():
            pass
        return self.response

    def close(self) -> None:
        """Stop at once and close the upstream connection. May be called again."""
        self._driver.close()

    async def aclose(self) -> None:
        """``close``, as what closes on a loop is called by custom."""
        self.close()

    async def __aenter__(self) -> AsyncEventStream:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.aclose()
