"""What is asked of a model besides an answer: embeddings, ranks, pictures, sounds, moderation, counts."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property, partial
from typing import Any, Final

import msgspec

from dragoman.catalogue.schema import Provider
from dragoman.core.errors import BadRequest
from dragoman.core.exchange import Call, Reply, Timeouts
from dragoman.core.request import Request
from dragoman.drivers import AsyncDriver
from dragoman.flow.attempt import Progress
from dragoman.flow.effects import Flow
from dragoman.flow.fallback import falling_back
from dragoman.flow.whole import Whole
from dragoman.gateway.faces import PROMPTS, Face
from dragoman.gateway.permits import find_route
from dragoman.gateway.prompts.asking import asked_of
from dragoman.gateway.prompts.bodies import with_model
from dragoman.gateway.prompts.delivery import Counted
from dragoman.gateway.prompts.legs import WORDS, as_told, takes_bodies
from dragoman.gateway.setup import Setup
from dragoman.gateway.telemetry.records import Record
from dragoman.gateway.uncounted import uncounted
from dragoman.gateway.waits import asked_waits
from dragoman.transport.seam import AsyncTransport
from dragoman.wire.operations import asked_for
from dragoman.wire.quirks import NONE, Quirks

_AS_THEY_ARE: Final = frozenset({("anthropic_messages", "count_tokens")})
"""What passes through where the target speaks the caller's dialect: coding agents send fields with it that are yet to come."""


class _Work:
    """One operation at whichever target does it."""

    def __init__(self, setup: Setup, face: Face, call: Call, fields: Mapping[str, str], record: Record) -> None:
        self._setup = setup
        self._face = face
        self._call = call
        self._fields = fields
        self._record = record
        self._whole: Whole[Any]
        self._heard: Reply | None = None
        """The answer as it came, where it goes on so."""

    @cached_property
    def request(self) -> Any:
        """What is asked, decoded when it is first needed. Raises ``BadRequest``."""
        return self._face.operation.decode_request(self._call, self._face.quirks)

    @cached_property
    def model(self) -> str:
        """As the caller names it. Raises ``BadRequest``."""
        face = self._face
        told: str | None = asked_of(face, self._call).model if (face.dialect, face.does) in _AS_THEY_ARE else self.request.model
        if not told:
            raise BadRequest("model: none was given; a model's name is expected", param="model")
        return told

    def flow(self, name: str, timeouts: Timeouts, progress: Progress) -> Flow[None]:
        router, record = self._setup.router, self._record
        provider, model = router.catalogue.resolve(name)
        record.provider, record.target_model, record.prices = provider.name, model, provider.prices
        record.passed_through = self._passes(provider)
        if record.passed_through:
            return self._passed(provider, model, timeouts)
        request = msgspec.structs.replace(self.request, model=model)
        flow, self._whole, record.warnings = router.operate(self._face.does, request, (provider, model), {}, timeouts)
        return flow

    def _passes(self, provider: Provider) -> bool:
        face, quirks = self._face, msgspec.convert(provider.quirks, Quirks)
        alike = (provider.dialect, face.does) in _AS_THEY_ARE and (face.dialect, face.quirks) == (provider.dialect, NONE)
        return alike and takes_bodies(quirks) and not quirks.rename and not quirks.drop

    def _passed(self, provider: Provider, model: str, timeouts: Timeouts) -> Flow[None]:
        """The caller's own bytes go, and the answer's come back; it is read all the same, for what it may tell of a failure."""
        own = self._call

        def sent(call: Call) -> Call:
            return as_told(call, with_model(own.body, self.model, model), own, self._fields, self._record)

        request = Request(model=model, messages=WORDS)
        flow, whole, _ = self._setup.router.operate(self._face.does, request, (provider, model), {}, timeouts, sent)
        read = whole.read

        def heard(reply: Reply) -> Any:
            self._heard = reply
            return read(reply)

        whole.read = heard
        self._whole = whole
        return flow

    def reply(self) -> Reply:
        """What the caller gets, once the flow has ended well."""
        answer = self._whole.value
        self._record.usage = getattr(answer, "usage", None)
        if self._record.passed_through and self._heard is not None:
            return Reply(200, (("content-type", "application/json"),), self._heard.body)
        self._record.warnings += uncounted(self._face.dialect, self._face.does, self._record.usage)
        return self._face.operation.encode_reply(answer, self.request, self._face.quirks)


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


async def operate(setup: Setup, transport: AsyncTransport, face: Face, call: Call, fields: Mapping[str, str], record: Record) -> Reply:
    """The reply to ``call``. Raises any ``DragomanError``."""
    work = _Work(setup, face, call, fields, record)
    route = find_route(setup, work.model, face, record)
    timeouts = asked_waits(fields, route.timeouts)
    flow = falling_back([partial(work.flow, name) for name in route.targets], timeouts)
    driver = AsyncDriver(flow, Counted(transport, record))
    try:
        while await driver.batch():
            pass  # such an answer has no events
    finally:
        driver.close()
    return work.reply()
