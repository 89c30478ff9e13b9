"""OpenAI's list of models, ``GET /models``, in both roles; nearly every host has it.

Documentation: https://platform.openai.com/docs/api-reference/models/list, read 2026-11-21. Hosts add what they like to an entry; the
context's length is read under the names that several of them use, and everything but the entry's own fields is kept.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl, urlencode

import msgspec

from dragoman.core.errors import BadReply
from dragoman.core.exchange import Call, Reply, with_headers
from dragoman.core.listing import ListedModel, Listing, ListRequest
from dragoman.core.opaque import Json, JsonObject
from dragoman.wire.openai_call import NAME, answer, json_reply, own, path_of, rest
from dragoman.wire.payload import parse_object, snippet
from dragoman.wire.quirks import Quirks

PATH: Final = "/models"
ROUTES: Final = (PATH,)

_CONTEXT: Final = ("context_length", "context_window", "max_context_length", "max_model_len")
_OUTPUT: Final = ("max_output_tokens", "max_completion_tokens")
_KNOWN: Final = frozenset({"id", "object", "created", "owned_by", "name"})


class _Model(msgspec.Struct):
    id: str
    created: int | float | None = None
    owned_by: str | None = None
    name: str | None = None


class _Answer(msgspec.Struct):
    data: list[_Model] | None = None


_ANSWER: Final = msgspec.json.Decoder(_Answer)


def encode_request(request: ListRequest, quirks: Quirks) -> Call:
    """The call that asks for the list. OpenAI has no pages; a host's own parameters go into the query."""
    query = urlencode({name: str(value) for name, value in request.extra.get(NAME, {}).items()})
    warnings = tuple(f"{name}: this wire has no pages, left out" for name in ("page", "page_size") if getattr(request, name) is not None)
    path = path_of(PATH, "", quirks).replace("/deployments/", "") if quirks.path else PATH
    url = f"{path}{'&' if '?' in path else '?'}{query}" if query else path
    return Call("GET", url, with_headers((("accept", "application/json"),), quirks.headers), b"", warnings)


def decode_request(call: Call, quirks: Quirks) -> ListRequest:
    """What a caller asks."""
    return ListRequest(extra=own(dict(parse_qsl(call.url.partition("?")[2]))))


def decode_reply(reply: Reply, quirks: Quirks) -> Listing:
    """The models that a service names. Raises the error that it tells, or ``BadReply``."""
    if reply.body.lstrip()[:1] == b"[":  # Together's is a bare list
        reply = msgspec.structs.replace(reply, body=b'{"data":' + reply.body + b"}")
    told = answer(reply, _ANSWER, quirks)
    if told.data is None:
        raise BadReply("the answer holds no models", body=snippet(reply.body))
    records: list[JsonObject] = parse_object(reply.body)["data"]
    return Listing(models=tuple(_decode_model(model, record) for model, record in zip(told.data, records, strict=True)))


def _decode_model(model: _Model, record: JsonObject) -> ListedModel:
    return ListedModel(
        name=model.id,
        title=model.name,
        created_s=int(model.created) if model.created else None,
        owner=model.owned_by,
        context_tokens=_first_number(record, _CONTEXT),
        output_tokens=_first_number(record, _OUTPUT),
        extra=rest(record, _KNOWN),
    )


def _first_number(record: JsonObject, names: tuple[str, ...]) -> int | None:
    found: list[Json] = [record.get(name) for name in names]
    return next((int(value) for value in found if isinstance(value, int) and not isinstance(value, bool)), None)


def encode_reply(listing: Listing, request: ListRequest, quirks: Quirks) -> Reply:
    """The list, with the fields that OpenAI's clients require."""
    return json_reply({"object": "list", "data": [encode_model(model) for model in listing.models]})


def encode_model(model: ListedModel) -> JsonObject:
    """One entry, as ``GET /models/{model}`` answers too."""
    entry: JsonObject = {"id": model.name, "object": "model", "created": model.created_s or 0, "owned_by": model.owner or ""}
    if model.title is not None:
        entry["name"] = model.title
    told = model.extra.get(NAME, {})
    if model.context_tokens is not None and not told.keys() & set(_CONTEXT):
        entry["context_length"] = model.context_tokens
    if model.output_tokens is not None and not told.keys() & set(_OUTPUT):
        entry["max_output_tokens"] = model.output_tokens
    return {**entry, **told}
