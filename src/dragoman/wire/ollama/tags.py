"""Ollama's list of models, ``/api/tags``, in both roles. Documentation: https://docs.ollama.com/api/tags, read 2026-11-21."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from dragoman.core.errors import BadReply
from dragoman.core.exchange import Call, Reply, with_headers
from dragoman.core.opaque import Extra, JsonObject
from dragoman.wire.ollama.encoder import UNKNOWN_TIME
from dragoman.wire.ollama.errors import decode_error
from dragoman.wire.ollama.messages import NAME
from dragoman.wire.payload import dump, parse, snippet
from dragoman.wire.quirks import Quirks

PATH: Final = "/api/tags"
ROUTES: Final = (PATH,)

_REQUIRED: Final[JsonObject] = {"modified_at": UNKNOWN_TIME, "size": 0, "digest": "", "details": {}}
"""What Ollama says of every model, where nothing is known."""


class ListedModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model that a server has. What Ollama says of it besides (size, digest, details …) is in ``extra``."""

    name: str
    extra: Extra = {}


class _Answer(msgspec.Struct):
    models: list[JsonObject] | None = None


_ANSWER: Final = msgspec.json.Decoder(_Answer)


def encode_tags_request(quirks: Quirks) -> Call:
    """The call that asks for the list."""
    return Call("GET", PATH, with_headers((("accept", "application/json"),), quirks.headers))


def decode_tags(reply: Reply, quirks: Quirks) -> tuple[ListedModel, ...]:
    """The models that a server names. Raises the error that it tells, or ``BadReply``."""
    if reply.status >= 400:
        raise decode_error(reply, quirks)
    models = parse(reply.body, _ANSWER).models
    if models is None:
        raise BadReply("the answer holds no models", body=snippet(reply.body))
    return tuple(_decode_model(model, reply) for model in models)


def _decode_model(given: JsonObject, reply: Reply) -> ListedModel:
    name = given.get("model") or given.get("name")
    if not isinstance(name, str):
        raise BadReply("the answer names no model", body=snippet(reply.body))
    rest = {field: value for field, value in given.items() if field not in ("name", "model")}
    return ListedModel(name=name, extra={NAME: rest} if rest else {})


def encode_tags(models: Iterable[ListedModel], quirks: Quirks) -> Reply:
    """The list as an answer."""
    listed = [{"name": model.name, "model": model.name, **_REQUIRED, **model.extra.get(NAME, {})} for model in models]
    return Reply(200, (("content-type", "application/json; charset=utf-8"),), dump({"models": listed}))
