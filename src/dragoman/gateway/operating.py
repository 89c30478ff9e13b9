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
from dragoman.gateway.faces import PROMPTS, Face
from dragoman.gateway.permits import find_route
from dragoman.gateway.prompts.asking import asked_of
from dragoman.gateway.prompts.delivery import Counted
from dragoman.gateway.setup import Setup
from dragoman.gateway.telemetry.records import Record
from dragoman.gateway.waits import asked_waits
from dragoman.transport.seam import AsyncTransport
from dragoman.wire.operations import asked_for


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


def meant(setup: Setup, face: Face, call: Call, record: Record) -> Face:
    """The face of what ``call`` asks for, where several things are asked at one path.

    A prompt for a picture or a sound stays a prompt where every target speaks the caller's dialect, for then it goes on as it is.
    Raises as ``find_route`` does.
    """
    told = asked_for(face.dialect, call)
    if told is None or told == face.does:
        return face
    if face.does == PROMPTS:
        targets = find_route(setup, asked_of(face, call).model or "", face, record).targets
        if all(setup.catalogue.resolve(target)[0].dialect == face.dialect for target in targets):
            return face
    return msgspec.structs.replace(face, does=told)


async def operate(setup: Setup, transport: AsyncTransport, face: Face, call: Call, record: Record) -> Reply:
    """The reply to ``call``. Raises any ``DragomanError``."""
    speaking = face.operation
    request: Any = speaking.decode_request(call, face.quirks)
    if not request.model:
        raise BadRequest("model: none was given; a model's name is expected", param="model")
    route = find_route(setup, request.model, face, record)
    timeouts = asked_waits(dict(call.headers), route.timeouts)
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
