"""A request of the Responses face that goes on from an earlier answer or refers to what stands in it, and an answer to go on from.

Instructions are the request's own: those of the earlier one are not carried on, as OpenAI has it
(https://platform.openai.com/docs/api-reference/responses/create#responses-create-previous_response_id, read 2026-11-21).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from dragoman.core.errors import BadRequest
from dragoman.core.events import Event
from dragoman.core.exchange import Call, Reply
from dragoman.core.fold import fold
from dragoman.core.messages import Message, Opaque, Text
from dragoman.core.opaque import Extra, Json, JsonObject
from dragoman.core.request import Request
from dragoman.gateway.prompts.kept_responses import Kept, KeptResponses
from dragoman.wire.dialects import dialect
from dragoman.wire.payload import dump, parse_object, parse_request
from dragoman.wire.quirks import NONE

NAME: Final = "openai_responses"
_OURS: Final = ("store", "previous_response_id")
REFERENCE: Final = "item_reference"


class Turn:
    """One request of the face, and what was kept of the conversation before it."""

    def __init__(self, store: KeptResponses, owner: str | None, previous: str | None) -> None:
        self._store = store
        self._owner = owner
        self._previous = previous
        self.kept = None if previous is None else store.get(owner, previous)

    def to_upstream(self, request: Request, body: bytes) -> Request:
        """``request`` for an upstream that keeps nothing: the whole conversation in it, and nothing of what is done here.

        Raises ``BadRequest`` where what it goes on from or refers to is not kept.
        """
        if self._previous is not None and self.kept is None:
            raise _nothing_kept(self._previous)
        _check_references(request)
        own = {name: value for name, value in request.extra.get(NAME, {}).items() if name not in _OURS}
        head, rest = parted(request.messages, _instructions(body))
        earlier = self.kept.messages if self.kept else ()
        return msgspec.structs.replace(request, messages=(*head, *earlier, *rest), extra={**request.extra, NAME: own})

    def with_items(self, call: Call) -> Call:
        """``call`` with the items that it refers to in their places, as far as they are kept here."""
        if REFERENCE.encode() not in call.body:
            return call
        body = parse_request(call.body)
        given = body.get("input")
        if not isinstance(given, list):
            return call
        return msgspec.structs.replace(call, body=dump({**body, "input": [self._item(item) for item in given]}))

    def _item(self, given: Json) -> Json:
        if not isinstance(given, dict) or given.get("type") != REFERENCE or not isinstance(given.get("id"), str):
            return given
        kept = self._store.with_item(self._owner, given["id"])
        return given if kept is None else next(item for item in parse_object(kept.body)["output"] if item.get("id") == given["id"])

    def keep(self, request: Request, body: bytes, events: Sequence[Event]) -> None:
        """Keep the answer that ``events`` tell."""
        encoder = dialect(NAME).encoder(msgspec.structs.replace(request, stream=False), NONE)
        response = b"".join([*(encoder.send(event) for event in events), encoder.close()])
        _, own = parted(request.messages, _instructions(body))
        earlier = self.kept.messages if self.kept else ()
        messages = (*earlier, *own, fold(events).message)
        told = parse_object(response)
        items = [item["id"] for item in told["output"] if item.get("id")]
        self._store.put(self._owner, told["id"], Kept(messages, len(own), response), items)


def _check_references(request: Request) -> None:
    """Raises ``BadRequest`` for an item that is told by its name alone."""
    for message in request.messages:
        for part in message.parts:
            own = part.extra.get(NAME, {})
            if isinstance(part, Opaque) and own.get("type") == REFERENCE:
                raise BadRequest(f"input: no item {own.get('id')!r} is kept here", status=404, param="input")


def _nothing_kept(id: str) -> BadRequest:
    told = f"previous_response_id: no answer {id!r} is kept here"
    return BadRequest(told, status=404, param="previous_response_id", code="previous_response_not_found")


def wants_keeping(request: Request) -> bool:
    """Whether the answer to ``request`` is to be kept; it is, unless the caller says otherwise."""
    return request.extra.get(NAME, {}).get("store") is not False


def told_as_kept(request: Request) -> Request:
    """``request`` with what its answer repeats of it: that it is kept."""
    return msgspec.structs.replace(request, extra={**request.extra, NAME: {**request.extra.get(NAME, {}), "store": True}})


def without_keeping(extra: Extra) -> Extra:
    """An upstream's own fields of an answer without those that say what it keeps: that is done here."""
    own = {name: value for name, value in extra.get(NAME, {}).items() if name not in _OURS}
    return {**extra, NAME: own} if NAME in extra else extra


def _instructions(body: bytes) -> str | None:
    told = parse_request(body).get("instructions")
    return told if isinstance(told, str) else None


def parted(messages: tuple[Message, ...], instructions: str | None) -> tuple[tuple[Message, ...], tuple[Message, ...]]:
    """The instructions' own message, and the rest: a system message of the input may have joined them."""
    if instructions is None or not messages:
        return (), messages
    first, *others = messages
    mine, beside = first.parts[:1], first.parts[1:]
    rest = (msgspec.structs.replace(first, parts=beside),) if beside else ()
    return (Message("system", mine),), (*rest, *others)


# --- what else may be asked of a kept answer -----------------------------------------------------------------------------------------


def show(store: KeptResponses, owner: str | None, call: Call) -> Reply:
    """``GET /responses/{id}``, ``DELETE`` of it, and ``GET /responses/{id}/input_items``. Raises ``BadRequest``."""
    id, _, items = call.url.partition("?")[0].rpartition("/responses/")[2].partition("/")
    kept = store.get(owner, id)
    if kept is None:
        raise BadRequest(f"no answer {id!r} is kept here", status=404, code="response_not_found")
    if call.method == "DELETE":
        store.delete(owner, id)
        return _json({"id": id, "object": "response", "deleted": True})
    return _json(_items(id, kept)) if items else Reply(200, (("content-type", "application/json"),), kept.body)


def _items(id: str, kept: Kept) -> dict[str, object]:
    told = dialect(NAME).encode_request(Request(model="-", messages=kept.input or (Message("user", (Text(text=""),)),)), NONE)
    given = parse_object(told.body)["input"]
    listed = [given] if isinstance(given, str) else given
    items = [{"id": f"item_{id}_{place}", **_with_parts(item)} for place, item in enumerate(listed) if isinstance(item, dict)]
    ids = [item["id"] for item in items]
    return {"object": "list", "data": items, "first_id": ids[0] if ids else None, "last_id": ids[-1] if ids else None, "has_more": False}


def _with_parts(item: JsonObject) -> JsonObject:
    """An item whose content is a list, as OpenAI's own list of items always has it."""
    content = item.get("content")
    return {**item, "content": [{"type": "input_text", "text": content}]} if isinstance(content, str) else item


def _json(value: object) -> Reply:
    return Reply(200, (("content-type", "application/json"),), dump(value))
