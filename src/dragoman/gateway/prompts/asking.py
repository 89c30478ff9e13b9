"""One prompt on its way: what the caller asked, read as far as it has to be, and how its answer is being carried."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Final
from urllib.parse import unquote

import msgspec

from dragoman.core.errors import BadRequest
from dragoman.core.events import Event
from dragoman.core.exchange import Call, Encoder
from dragoman.core.request import Request
from dragoman.gateway.faces import Face
from dragoman.gateway.prompts.bodies import Asked, read_asked
from dragoman.gateway.prompts.continuing import Turn, told_as_kept, wants_keeping
from dragoman.gateway.prompts.tap import Passing, Tap
from dragoman.gateway.telemetry.records import Record

_STREAMED_BY_DEFAULT: Final = frozenset({"ollama", "raycast"})
_IN_PATH: Final[dict[str, re.Pattern[str]]] = {
    "gemini": re.compile(r"/(?:models|tunedModels|endpoints)/(?P<model>[^/]+):(?P<streamed>stream)?"),
    "bedrock_converse": re.compile(r"/model/(?P<model>.+)/converse(?P<streamed>-stream)?"),
}
"""Dialects whose path names model and form."""
_NO_FIELDS: Final[Mapping[str, str]] = MappingProxyType({})
_DEPLOYMENTS: Final = "/deployments/"
_DEPLOYMENT: Final = re.compile(r"(?:/openai)?/deployments/([^/?]+)/")


class Asking:
    """A prompt and its answer."""

    def __init__(self, face: Face, call: Call, fields: Mapping[str, str], record: Record, max_messages: int) -> None:
        self.face = face
        self.fields = fields
        """Of the call's head."""
        self.call = call
        """Its URL begins with the dialect's own path."""
        self.record = record
        self.asked = asked_of(face, call)
        self.asked.check_messages(max_messages)
        self.warnings: list[str] = []
        self.tap: Tap | Passing | None = None
        self.turn: Turn | None = None
        """Where the gateway may have to keep the conversation."""
        self._keeps = False
        self._request: Request | None = None
        record.streamed = bool(self.asked.stream)

    @property
    def request(self) -> Request:
        """The whole request, decoded when it is first needed. Raises ``BadRequest``."""
        if self._request is None:
            self._request = self.face.speaks.decode_request(self.call, self.face.quirks)
        return self._request

    def to_upstream(self, *, keeps: bool) -> Request:
        """The request for a target, which ``keeps`` what its answers may be asked for later, or does not."""
        if self.turn is None or (keeps and self.turn.kept is None):
            return self.request
        self._keeps = wants_keeping(self.request)
        return self.turn.to_upstream(self.request, self.call.body)

    def encoder(self) -> Encoder:
        request = told_as_kept(self.request) if self._keeps else self.request
        return self.face.speaks.encoder(request, self.face.quirks)

    def kept_by(self) -> Callable[[Sequence[Event]], None] | None:
        """What keeps the answer once it is whole, where it is to be kept."""
        if self.turn is None or not self._keeps:
            return None
        return partial(self.turn.keep, told_as_kept(self.request), self.call.body)

    def forget(self) -> None:
        """Nothing is asked again, for the answer has begun: the prompt may be long and the answer slow."""
        self.call, self.fields = msgspec.structs.replace(self.call, headers=(), body=b""), _NO_FIELDS
        self.asked = Asked(model=self.asked.model)
        self._request = None

    # --- how the answer is carried, which may change with the target

    def carried_anew(self) -> None:
        """By another target, or in another way."""
        self.tap, self._keeps = None, False
        self.warnings.clear()

    def tap_is(self, tap: Tap) -> None:
        self.tap = tap


def asked_of(face: Face, call: Call) -> Asked:
    """What routing needs to know of a prompt. Raises ``BadRequest`` where model or form cannot be read."""
    asked = read_asked(call.body)
    in_path = _IN_PATH.get(face.dialect)
    if in_path is not None:
        found = in_path.search(call.url.partition("?")[0])
        if not found:
            return Asked()
        return msgspec.structs.replace(asked, model=unquote(found["model"]), stream=found["streamed"] is not None)
    if asked.stream is None and _streams_by_default(face):
        asked = msgspec.structs.replace(asked, stream=True)
    if _DEPLOYMENTS in call.url and (deployment := _DEPLOYMENT.match(call.url)) and face.dialect.startswith("openai"):
        asked = msgspec.structs.replace(asked, model=unquote(deployment[1]))
    if not asked.model:
        raise BadRequest("model: none was given; a model's name is expected", param="model")
    return asked


def _streams_by_default(face: Face) -> bool:
    streaming = face.quirks.streaming
    return streaming == "always" or (streaming != "never" and face.dialect in _STREAMED_BY_DEFAULT)
