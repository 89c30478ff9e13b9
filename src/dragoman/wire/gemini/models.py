"""Gemini: the list of models, ``GET /models``, in pages and both roles. https://ai.google.dev/api/models, read 2026-11-21."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qs, urlencode

import msgspec

from dragoman.core.errors import BadReply, BadRequest
from dragoman.core.exchange import Call, Reply, with_headers
from dragoman.core.listing import ListedModel, Listing, ListRequest
from dragoman.core.opaque import JsonObject
from dragoman.wire.gemini.errors import decode_error
from dragoman.wire.gemini.parts import NAME, kept, without
from dragoman.wire.payload import dump, parse, parse_object, snippet
from dragoman.wire.quirks import Quirks

PATH: Final = "/models"
ROUTES: Final = (PATH,)

_PREFIX: Final = "models/"
_COLLECTIONS: Final = (_PREFIX, "tunedModels/", "publishers/", "projects/")
"""How a name begins that says of itself where the model stands."""


class _Model(msgspec.Struct, rename="camel"):
    name: str
    display_name: str | None = None
    input_token_limit: int | None = None
    output_token_limit: int | None = None


class _Answer(msgspec.Struct, rename="camel"):
    models: list[_Model] | None = None
    next_page_token: str | None = None


_ANSWER: Final = msgspec.json.Decoder(_Answer)
_KNOWN: Final = tuple(field.encode_name for field in msgspec.structs.fields(_Model))


def encode_request(request: ListRequest, quirks: Quirks) -> Call:
    """The call that asks for a page of the list."""
    told = {"pageToken": request.page, "pageSize": request.page_size}
    query = urlencode({name: value for name, value in told.items() if value is not None})
    return Call("GET", f"{PATH}?{query}" if query else PATH, with_headers((("accept", "application/json"),), quirks.headers))


def decode_request(call: Call, quirks: Quirks) -> ListRequest:
    """What a caller asks. Raises ``BadRequest`` where the page's size is no number."""
    asked = {name: values[-1] for name, values in parse_qs(call.url.partition("?")[2]).items()}
    size = asked.get("pageSize")
    if size is not None and not size.isdecimal():
        raise BadRequest(f"pageSize: {size!r} was given; a number is expected", param="pageSize")
    return ListRequest(page=asked.get("pageToken"), page_size=None if size is None else int(size))


def decode_reply(reply: Reply, quirks: Quirks) -> Listing:
    """A page of the list. Raises the error that the answer tells, or ``BadReply``."""
    if reply.status >= 400:
        raise decode_error(reply, quirks)
    told = parse(reply.body, _ANSWER)
    record = parse_object(reply.body)
    if told.models is None and record:
        raise BadReply("the answer holds no models", body=snippet(reply.body))
    records: list[JsonObject] = record.get("models", [])
    models = tuple(_decode_model(model, one) for model, one in zip(told.models or (), records, strict=True))
    return Listing(models=models, next_page=told.next_page_token)


def _decode_model(model: _Model, record: JsonObject) -> ListedModel:
    return ListedModel(
        name=model.name.removeprefix(_PREFIX),
        title=model.display_name,
        context_tokens=model.input_token_limit,
        output_tokens=model.output_token_limit,
        extra=kept(without(record, *_KNOWN)),
    )


def encode_reply(listing: Listing, request: ListRequest, quirks: Quirks) -> Reply:
    """A page of the list."""
    body: JsonObject = {"models": [_encode_model(model) for model in listing.models]}
    if listing.next_page is not None:
        body["nextPageToken"] = listing.next_page
    return Reply(200, (("content-type", "application/json; charset=UTF-8"),), dump(body))


def _encode_model(model: ListedModel) -> JsonObject:
    told = {
        "name": model.name if model.name.startswith(_COLLECTIONS) else _PREFIX + model.name,
        "displayName": model.title,
        "inputTokenLimit": model.context_tokens,
        "outputTokenLimit": model.output_tokens,
    }
    return {name: value for name, value in told.items() if value is not None} | model.extra.get(NAME, {})
