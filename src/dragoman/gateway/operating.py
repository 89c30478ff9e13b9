"""What is asked of a model besides an answer: embeddings, ranks, pictures, sounds, moderation, counts."""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec

from dragoman.core.errors import BadRequest
from dragoman.core.exchange import Call, Reply, Timeouts
from dragoman.drivers import AsyncDriver
from dragoman.flow.attempt import Progress
from dragoman.flow.effects import Flow
from dragoman.flow.fallback import falling_back
from dragoman.flow.whole import Whole
from dragoman.gateway.delivery import Counted
from dragoman.gateway.faces import Face
from dragoman.gateway.permits import find_route
from dragoman.gateway.records import Record
from dragoman.gateway.setup import Setup
from dragoman.gateway.waits import asked_waits
from dragoman.transport.seam import AsyncTransport


class _Work:
    """One operation at whichever target does it."""

    def __init__(self, setup: Setup, face: Face, request: Any, record: Record) -> None:
        self._setup = setup
        self._face = face
        self._request = request
        self._record = record
        self.whole: Whole[Any]

    def flow(self, name: str, timeouts: Timeouts, progress: Progress) -> Flow[None]:
        router = self._setup.router
        provider, model = router.catalogue.resolve(name)
        self._record.provider, self._record.target_model, self._record.prices = provider.name, model, provider.prices
        request = msgspec.structs.replace(self._request, model=model)
        flow, self.whole, warnings = router.operate(self._face.does, request, (provider, model), {}, timeouts)
        self._record.warnings = warnings
        return flow


async def operate(setup: Setup, transport: AsyncTransport, face: Face, call: Call, record: Record) -> Reply:
    """The reply to ``call``. Raises any ``DragomanError``."""
    speaking = face.operation
    request: Any = speaking.decode_request(call, face.quirks)
    if not request.model:
        raise BadRequest("model: none was given; a model's name is expected", param="model")
    route = find_route(setup, request.model, face, record)
    timeouts = asked_waits(call.headers, route.timeouts)
    work = _Work(setup, face, request, record)
    flow = falling_back([partial(work.flow, name) for name in route.targets], timeouts)
    driver = AsyncDriver(flow, Counted(transport, record))
    try:
        while await driver.batch():
            pass  # such an answer has no events
    finally:
        driver.close()
    answer = work.whole.value
    record.usage = getattr(answer, "usage", None)
    return speaking.encode_reply(answer, request, face.quirks)
