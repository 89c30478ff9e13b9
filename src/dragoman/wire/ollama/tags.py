"""Ollama's list of models, ``/api/tags``, in both roles. Documentation: https://docs.ollama.com/api/tags, read 2026-11-21."""

from __future__ import annotations

from typing import Final

import msgspec

from dragoman.core.errors import BadReply
from dragoman.core.exchange import Call, Reply, with_headers
from dragoman.core.listing import ListedModel, Listing, ListRequest
from dragoman.core.opaque import JsonObject
from dragoman.wire.ollama.encoder import UNKNOWN_TIME
from dragoman.wire.ollama.errors import decode_error
from dragoman.wire.ollama.messages import NAME
from dragoman.wire.payload import dump, parse, snippet
from dragoman.wire.quirks import Quirks

PATH: Final = "/api/tags"
ROUTES: Final = (PATH,)

_REQUIRED: Final[JsonObject] = {"modified_at": UNKNOWN_TIME, "size": 0, "digest": "", "details": {}}
"""What Ollama says of every model, where nothing is known."""


class _Answer(msgspec.Struct):
    models: list[JsonObject] | None = None


_ANSWER: Final = msgspec.json.Decoder(_Answer)


def encode_request(request: ListRequest, quirks: Quirks) -> Call:
    """The call that asks for the list, which is one page."""
    asked = ("page", "page_size")
    warnings = tuple(f"{name}: this wire has no pages, left out" for name in asked if getattr(request, name) is not None)
    return Call("GET", PATH, with_headers((("accept", "application/json"),), quirks.headers), b"", warnings)


def decode_request(call: Call, quirks: Quirks) -> ListRequest:
    """What a caller asks."""
    return ListRequest()


def decode_reply(reply: Reply, quirks: Quirks) -> Listing:
    """The models that a server names. Raises the error that it tells, or ``BadReply``."""
    if reply.status >= 400:
        raise decode_error(reply, quirks)
    models = parse(reply.body, _ANSWER).models
    if models is None:
        raise BadReply("the answer holds no models", body=snippet(reply.body))
    return Listing(models=tuple(_decode_model(model, reply) for model in models))


def _decode_model(given: JsonObject, reply: Reply) -> ListedModel:
    name = given.get("model") or given.get("name")
    if not isinstance(name, str):
        raise BadReply("the answer names no model", body=snippet(reply.body))
    rest = {field: value for field, value in given.items() if field not in ("name", "model")}
    return ListedModel(name=name, extra={NAME: rest} if rest else {})


def encode_reply(listing: Listing, request: ListRequest, quirks: Quirks) -> Reply:
    """The list as an answer."""
    listed = [{"name": model.name, "model": model.name, **_REQUIRED, **model.extra.get(NAME, {})} for model in listing.models]
    return Reply(200, (("content-type", "application/json; charset=utf-8"),), dump({"models": listed}))
