"""The list of models."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from anthropic.types import ModelInfo

from dragoman.core.errors import AuthFailed, BadReply, BadRequest
from dragoman.core.exchange import Call, Reply, header
from dragoman.core.listing import ListedModel, Listing, ListRequest
from dragoman.wire.anthropic_messages.models import decode_reply, decode_request, encode_reply, encode_request
from dragoman.wire.quirks import NONE, Quirks

from .client import served
from .streams import NAME

LISTED = (
    ListedModel(name="claude-2", title="Claude Two", created_s=1_739_923_200, context_tokens=200_000, output_tokens=8000),
    ListedModel(name="claude-1"),
)
"""The models there are, one to a page."""
OPUS: dict[str, Any] = {
    "type": "model",
    "id": "claude-opus-4-6",
    "display_name": "Claude Opus 4.6",
    "created_at": "2026-02-04T00:00:00Z",
    "max_input_tokens": 1_000_000,
    "max_tokens": 128_000,
    "lifecycle": "active",
}


def page(*models: dict[str, Any], has_more: bool = False) -> Reply:
    body = {"data": models, "has_more": has_more, "first_id": models[0]["id"], "last_id": models[-1]["id"]}
    return Reply(200, (), json.dumps(body).encode())


def test_call_has_the_version_and_no_type_of_a_body() -> None:
    call = encode_request(ListRequest(), NONE)
    assert (call.method, call.url, call.body) == ("GET", "/v1/models", b"")
    assert dict(call.headers) == {"accept": "application/json", "anthropic-version": "2023-06-01"}


def test_page_and_its_size_have_the_vendors_names() -> None:
    assert encode_request(ListRequest(page="a b", page_size=20), NONE).url == "/v1/models?after_id=a+b&limit=20"


def test_path_of_a_host_is_followed() -> None:
    assert encode_request(ListRequest(), Quirks(path="/anthropic/messages")).url == "/anthropic/models"


@pytest.mark.parametrize("limit", ["many", "-1", "²", "9" * 5000])
def test_size_that_is_no_number_is_refused_by_name(limit: str) -> None:
    with pytest.raises(BadRequest, match="limit"):
        decode_request(Call("GET", f"/v1/models?limit={limit}", ()), NONE)


def test_model_is_read_with_all_that_is_told() -> None:
    (model,) = decode_reply(page(OPUS), NONE).models
    created_s = int(datetime(2026, 2, 4, tzinfo=UTC).timestamp())
    assert (model.name, model.title, model.created_s) == ("claude-opus-4-6", "Claude Opus 4.6", created_s)
    assert (model.context_tokens, model.output_tokens, model.extra) == (1_000_000, 128_000, {NAME: {"lifecycle": "active"}})


@pytest.mark.parametrize(
    ("told", "created_s"),
    [
        ("1970-01-01T00:00:00Z", None),
        ("1970-01-01T00:00:05.25Z", 5),
        ("1970-01-01T01:00:05+01:00", 5),
        ("1970-01-01T00:00:05", 5),
        ("long ago", None),
    ],
)
def test_every_time_is_kept_as_it_was_told(told: str, created_s: int | None) -> None:
    listing = decode_reply(page({**OPUS, "created_at": told}), NONE)
    assert listing.models[0].created_s == created_s
    assert json.loads(encode_reply(listing, ListRequest(), NONE).body)["data"] == [{**OPUS, "created_at": told}]


def test_next_page_is_named_where_there_is_more() -> None:
    assert decode_reply(page(OPUS, has_more=True), NONE).next_page == "claude-opus-4-6"
    assert decode_reply(page(OPUS), NONE).next_page is None


@pytest.mark.parametrize("created_s", [None, 0, 10**15, -(10**15)])
def test_least_that_is_known_satisfies_the_vendors_type(created_s: int | None) -> None:
    reply = encode_reply(Listing(models=(ListedModel(name="a", created_s=created_s),)), ListRequest(), NONE)
    body = json.loads(reply.body)
    assert (body["has_more"], body["first_id"], body["last_id"]) == (False, "a", "a")
    info = ModelInfo.model_validate(body["data"][0])
    assert (info.id, info.display_name, info.created_at.timestamp()) == ("a", "a", 0)


def test_empty_list_is_a_list() -> None:
    reply = encode_reply(Listing(models=()), ListRequest(), NONE)
    assert json.loads(reply.body) == {"data": [], "has_more": False, "first_id": None, "last_id": None}
    assert decode_reply(reply, NONE) == Listing(models=())


def test_wrong_answer_is_an_error() -> None:
    for body in (b"{}", b"", b"[]", b'{"data":[{}]}', b'{"data":[5]}'):
        with pytest.raises(BadReply):
            decode_reply(Reply(200, (), body), NONE)
    with pytest.raises(AuthFailed):
        decode_reply(Reply(401, (), b"{}"), NONE)


@pytest.mark.parametrize("beta", [False, True])
def test_vendors_client_follows_the_pages(beta: bool) -> None:
    def listing(request: ListRequest) -> Listing:
        later = request.page is not None
        return Listing(models=LISTED[1:] if later else LISTED[:1], next_page=None if later else LISTED[0].name)

    with served(list_models=listing) as (client, server):
        models: Any = client.beta.models if beta else client.models
        first, second = models.list(limit=1)
    assert (first.id, first.display_name, first.max_tokens) == ("claude-2", "Claude Two", 8000)
    assert first.created_at.timestamp() == LISTED[0].created_s
    assert (second.id, second.display_name, second.max_tokens) == ("claude-1", "claude-1", None)
    asked = server.operated
    assert [(request.page, request.page_size) for request in asked] == [(None, 1), ("claude-2", 1)]
    assert asked[0].extra == {NAME: {"version": header(server.calls[0].headers, "anthropic-version")}}
