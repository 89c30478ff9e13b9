"""Anthropic's list of models, ``GET /v1/models``, in pages and both roles.

Documentation: https://platform.claude.com/docs/en/api/models-list, and ``ModelInfo`` of the vendor's SDK, read 2026-11-21. A page ends with
``last_id``, which is ``after_id`` of the next one. An unknown time of release is told as the epoch.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import parse_qsl, urlencode

import msgspec

from dragoman.core.errors import BadReply, BadRequest
from dragoman.core.exchange import Call, Reply
from dragoman.core.listing import ListedModel, Listing, ListRequest
from dragoman.core.opaque import JsonObject
from dragoman.wire.anthropic_messages.content import as_extra, own_fields
from dragoman.wire.anthropic_messages.errors import decode_error
from dragoman.wire.anthropic_messages.request import HEAD_FIELDS, decode_head, encode_head
from dragoman.wire.payload import dump, parse, parse_object, snippet
from dragoman.wire.quirks import Quirks

PATH: Final = "/v1/models"
ROUTES: Final = (PATH,)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST_LIMIT: Final = 9
"""In digits; the vendor takes at most 1000."""


class _Model(msgspec.Struct):
    id: str
    type: str | None = None
    display_name: str | None = None
    created_at: str | None = None
    max_input_tokens: int | None = None
    max_tokens: int | None = None


class _Answer(msgspec.Struct):
    data: list[_Model] | None = None
    has_more: bool | None = None
    last_id: str | None = None


_ANSWER: Final = msgspec.json.Decoder(_Answer)


def encode_request(request: ListRequest, quirks: Quirks) -> Call:
    """The call that asks for a page of the list; ``before_id`` and whatever else the vendor has of its own stand in ``extra``."""
    own = own_fields(request.extra)
    told = {"beta": "true" if own.get("beta") else None, "after_id": request.page, "limit": request.page_size}
    told |= {name: value for name, value in own.items() if name not in HEAD_FIELDS}
    query = urlencode({name: value for name, value in told.items() if value is not None})
    path = f"{quirks.path.removesuffix('/messages')}/models" if quirks.path else PATH
    head = tuple(field for field in encode_head(request.extra, "application/json", quirks) if field[0] != "content-type")
    return Call("GET", f"{path}?{query}" if query else path, head)


def decode_request(call: Call, quirks: Quirks) -> ListRequest:
    """What a caller asks. Raises ``BadRequest`` where the page's size is no number."""
    asked = dict(parse_qsl(call.url.partition("?")[2]))
    page, limit = asked.pop("after_id", None), asked.pop("limit", None)
    if limit is not None and not (limit.isdecimal() and len(limit) <= _LONGEST_LIMIT):
        raise BadRequest(f"limit: {limit!r} was given; a number is expected", param="limit")
    own: JsonObject = {**asked}
    return ListRequest(page=page, page_size=None if limit is None else int(limit), extra=as_extra(own | decode_head(call)))


def decode_reply(reply: Reply, quirks: Quirks) -> Listing:
    """A page of the list. Raises the error that the answer tells, or ``BadReply``."""
    if reply.status >= 400:
        raise decode_error(reply, quirks)
    told = parse(reply.body, _ANSWER)
    if told.data is None:
        raise BadReply("the answer holds no models", body=snippet(reply.body))
    records: list[JsonObject] = parse_object(reply.body)["data"]
    models = tuple(_decode_model(model, record) for model, record in zip(told.data, records, strict=True))
    return Listing(models=models, next_page=told.last_id if told.has_more else None)


def _decode_model(model: _Model, record: JsonObject) -> ListedModel:
    created_s = _seconds(model.created_at)
    known = set(_Model.__struct_fields__)
    if _time(created_s) != model.created_at:
        known.remove("created_at")  # what our seconds cannot say again
    return ListedModel(
        name=model.id,
        title=model.display_name,
        created_s=created_s,
        context_tokens=model.max_input_tokens,
        output_tokens=model.max_tokens,
        extra=as_extra({name: value for name, value in record.items() if name not in known and value is not None}),
    )


def _seconds(told: str | None) -> int | None:
    """Seconds since the epoch, which itself means unknown."""
    try:
        moment = msgspec.convert(told, datetime)
    except msgspec.ValidationError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(seconds=1) or None


def encode_reply(listing: Listing, request: ListRequest, quirks: Quirks) -> Reply:
    """A page of the list, with the fields that the vendor's clients require."""
    names = [model.name for model in listing.models]
    body: JsonObject = {
        "data": [_encode_model(model) for model in listing.models],
        "has_more": listing.next_page is not None,
        "first_id": names[0] if names else None,
        "last_id": listing.next_page or (names[-1] if names else None),
    }
    return Reply(200, (("content-type", "application/json"),), dump(body))


def _encode_model(model: ListedModel) -> JsonObject:
    entry: JsonObject = {
        "type": "model",
        "id": model.name,
        "display_name": model.title if model.title is not None else model.name,
        "created_at": _time(model.created_s),
        "lifecycle": "active",
        "max_input_tokens": model.context_tokens,
        "max_tokens": model.output_tokens,
    }
    return {name: value for name, value in entry.items() if value is not None} | own_fields(model.extra)


def _time(seconds: int | None) -> str:
    """RFC 3339; the epoch where it is unknown, or so far away that the form cannot say it."""
    try:
        moment = _EPOCH + timedelta(seconds=seconds or 0)
    except OverflowError:
        moment = _EPOCH
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
