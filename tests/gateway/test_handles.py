"""Callers of one gateway share its account at each provider, and none reaches by a name what the provider keeps there for another."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from dragoman.core.errors import PermissionDenied
from dragoman.core.exchange import Call, Reply, header
from dragoman.gateway.handles import named_in
from dragoman.gateway.prompts.kept_responses import MAX_CLAIMS, KeptResponses
from dragoman.wire.dialects import dialect
from dragoman.wire.quirks import NONE
from tests.gateway.direct import Direct, chat_answer
from tests.gateway.upstream import EVENTS, JSON

ADA, BOB = (("x-api-key", f"key-of-{name}-0123456789") for name in ("ada", "bob"))
KEYS: dict[str, Any] = {"keys": {"ada": {"key": ADA[1]}, "bob": {"key": BOB[1]}}}
PROVIDERS = ("openai", "anthropic", "gemini", "bedrock", "cohere")
CHAT, RESPONSES, MESSAGES = "/v1/chat/completions", "/v1/responses", "/v1/messages"
GEMINI = "/v1beta/models/gemini/gemini-x:generateContent"
CONVERSE = "/model/bedrock%2Fm/converse"


def said(*content: Any) -> list[Any]:
    return [{"role": "user", "content": list(content)}]


def responses(**fields: Any) -> tuple[str, Any]:
    return RESPONSES, {"model": "openai/gpt-x", "input": "x", **fields}


def chat(**fields: Any) -> tuple[str, Any]:
    return CHAT, {"model": "openai/gpt-x", "messages": said({"type": "text", "text": "x"}), **fields}


def claude(**fields: Any) -> tuple[str, Any]:
    return MESSAGES, {"model": "anthropic/claude", "max_tokens": 9, "messages": said({"type": "text", "text": "x"}), **fields}


def gemini(*parts: Any, **fields: Any) -> tuple[str, Any]:
    return GEMINI, {"contents": [{"role": "user", "parts": [{"text": "x"}, *parts]}], **fields}


FILE = {"type": "document", "source": {"type": "file", "file_id": "file_1"}}
FOREIGN: dict[str, tuple[str, Any]] = {
    "conversation": responses(conversation="conv_1"),
    "conversation as an object": responses(conversation={"id": "conv_1"}),
    "previous_response_id": responses(previous_response_id="resp_1"),
    "input by reference": responses(input=[{"type": "item_reference", "id": "msg_1"}]),
    "input by its id alone": responses(input=[{"id": "msg_1"}]),
    "input that is a picture": responses(input=[{"type": "image_generation_call", "id": "ig_1"}]),
    "file_id": responses(input=said({"type": "input_file", "file_id": "file-1"})),
    "file_id of a picture": responses(input=said({"type": "input_image", "file_id": "file-1"})),
    "file_id in a result": responses(
        input=[{"type": "function_call_output", "call_id": "c", "output": [{"type": "input_file", "file_id": "file-1"}]}]
    ),
    "vector_store_ids": responses(tools=[{"type": "file_search", "vector_store_ids": ["vs_1"]}]),
    "container": responses(tools=[{"type": "code_interpreter", "container": "cntr_1"}]),
    "file_ids": responses(tools=[{"type": "code_interpreter", "container": {"type": "auto", "file_ids": ["file-1"]}}]),
    "prompt": responses(prompt={"id": "pmpt_1"}),
    "file_id of chat": chat(messages=said({"type": "file", "file": {"file_id": "file-1"}})),
    "audio": chat(messages=[{"role": "assistant", "audio": {"id": "audio_1"}}, *said({"type": "text", "text": "x"})]),
    "data_sources": chat(
        data_sources=[{"type": "azure_search", "parameters": {"authentication": {"type": "system_assigned_managed_identity"}}}]
    ),
    "cached_content": chat(extra_body={"google": {"cached_content": "cachedContents/1"}}),
    "file_id of Anthropic": claude(messages=said(FILE)),
    "file_id for a container": claude(messages=said({"type": "container_upload", "file_id": "file_1"})),
    "file_id in a result of Anthropic": claude(messages=said({"type": "tool_result", "tool_use_id": "t", "content": [FILE]})),
    "container of Anthropic": claude(container="container_1"),
    "container as an object": claude(container={"id": "container_1"}),
    "skill_id": claude(container={"skills": [{"type": "custom", "skill_id": "skill_1", "version": "1"}]}),
    "file_id to be counted": ("/v1/messages/count_tokens", {"model": "anthropic/claude", "messages": said(FILE)}),
    "fileUri": gemini({"fileData": {"fileUri": "https://generativelanguage.googleapis.com/v1beta/files/1"}}),
    "fileUri that is a name": gemini({"fileData": {"fileUri": "files/1"}}),
    "file_uri of a bucket": gemini({"file_data": {"file_uri": "gs://bucket/x"}}),
    "cachedContent": gemini(cachedContent="cachedContents/1"),
    "fileSearchStoreNames": gemini(tools=[{"fileSearch": {"fileSearchStoreNames": ["fileSearchStores/1"]}}]),
    "vertexAiSearch": gemini(tools=[{"retrieval": {"vertexAiSearch": {"datastore": "projects/p"}}}]),
    "s3Location": (
        CONVERSE,
        {"messages": said({"document": {"name": "d", "format": "pdf", "source": {"s3Location": {"uri": "s3://bucket/x"}}}})},
    ),
}
"""What names something in the account, by the field that does."""
OWN: dict[str, tuple[str, Any]] = {
    "a schema": chat(
        tools=[
            {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {"file_id": {"default": "x"}}}}}
        ]
    ),
    "arguments": claude(
        messages=[
            {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": {"file_id": "x", "container": "y"}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "x"}]},
        ]
    ),
    "arguments of Gemini": gemini({"functionCall": {"name": "f", "args": {"file_id": "x"}}}),
    "a result of Gemini": gemini({"functionResponse": {"name": "f", "response": {"file_id": "x"}}}),
    "a result of Bedrock": (CONVERSE, {"messages": said({"toolResult": {"toolUseId": "t", "content": [{"json": {"file_id": "x"}}]}})}),
    "a document of the caller's": (
        "/v2/chat",
        {"model": "cohere/m", "messages": [{"role": "user", "content": "x"}], "documents": [{"data": {"file_id": "x"}}]},
    ),
    "words": chat(messages=said({"type": "text", "text": '{"file_id": "file-1", "conversation": "x"}'})),
    "metadata": responses(metadata={"file_id": "x", "conversation": "y"}),
    "a public address": gemini({"fileData": {"fileUri": "https://www.youtube.com/watch?v=x"}}),
    "a sound": chat(modalities=["text", "audio"], audio={"voice": "alloy", "format": "wav"}),
    "a new container": responses(tools=[{"type": "code_interpreter", "container": {"type": "auto"}}]),
    "a vendor's skill": claude(container={"skills": [{"type": "anthropic", "skill_id": "pptx"}]}),
    "an item with its content": responses(input=[{"type": "message", "role": "assistant", "id": "msg_1", "content": "x"}, *said()]),
    "a message without a type": responses(input=[{"id": "msg_1", "role": "user", "content": "x"}]),
    "a picture that is there": responses(input=[{"type": "image_generation_call", "id": "ig_1", "result": "aGk="}, *said()]),
}
"""What looks like it."""


@pytest.fixture(scope="module")
def apart() -> Iterator[Direct]:
    with Direct(KEYS, providers=PROVIDERS, answer=lambda call: Reply(400, JSON, b"{}")) as running:
        yield running


@pytest.mark.parametrize(("path", "body"), FOREIGN.values(), ids=FOREIGN)
def test_what_was_given_to_nobody_is_opened_for_nobody(apart: Direct, path: str, body: Any, request: pytest.FixtureRequest) -> None:
    apart.calls.clear()
    reply = apart.post(path, body, ADA)
    assert not apart.calls
    assert reply.status in (403, 404), reply
    field = request.node.callspec.id.split()[0]
    assert field in reply.body.decode()
    assert "1" in reply.body.decode() or field in ("data_sources", "vertexAiSearch", "s3Location", "file_uri")


@pytest.mark.parametrize(("path", "body"), [*FOREIGN.values(), *OWN.values()], ids=[*FOREIGN, *OWN])
@pytest.mark.parametrize(
    "config", [{}, {"keys": {"ada": KEYS["keys"]["ada"]}}, {**KEYS, "shared_account": True}], ids=["none", "one", "shared"]
)
def test_a_single_caller_and_those_who_share_may_name_everything(config: Any, path: str, body: Any) -> None:
    with Direct(config, providers=PROVIDERS, answer=lambda call: Reply(400, JSON, b"{}")) as direct:
        reply = direct.post(path, body, ADA)
        assert reply.status not in (401, 403), reply


@pytest.mark.parametrize(("path", "body"), OWN.values(), ids=OWN)
def test_what_only_looks_like_a_handle_goes_on(apart: Direct, path: str, body: Any) -> None:
    apart.calls.clear()
    assert apart.post(path, body, ADA).status not in (403, 404)


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"openai/gpt-x","input":"x","conversation":"conv_1","conversation":null}',
        b'{"model":"openai/gpt-x","input":"x","conversation":null,"conversation":"conv_1"}',
        b'{"model":"openai/gpt-x","input":"x","conversati\\u006fn":"conv_1"}',
        b'{"model":"openai/gpt-x","input":"x","conversation" : "conv_1"}',
        b' \n{"model":"openai/gpt-x","input":"x","conversation":{"id":"conv_1","id":null}}',
        b'{"model":"openai/gpt-x","input":[{"type":"message","type":"item_reference","id":"msg_1"}]}',
        b'{"model":"openai/gpt-x","input":[{"type":null,"id":"msg_1"}]}',
        b'{"model":"openai/gpt-x","input":[{"status":"completed","id":"msg_1"}]}',
        b'{"model":"openai/gpt-x","input":[{ "id" : "msg_1"}],"input":"x"}',
        b'{"model":"openai/gpt-x","input":[{"type":"image_generation_call","id":"ig_1","result":null,"result":"x"}]}',
        b'{"model":"openai/gpt-x","x":' + b'{"a":' * 2000 + b'{"file_id":"file-1"}' + b"}" * 2001,
    ],
    ids=lambda body: body[:100].decode(),
)
def test_no_spelling_hides_a_handle(apart: Direct, body: bytes) -> None:
    apart.calls.clear()
    assert apart.post(RESPONSES, body, ADA).status in (400, 403, 404)
    assert not apart.calls


@pytest.mark.parametrize(
    ("uri", "is_kept"),
    [
        ("https://example.org/a.pdf", False),
        ("https://storage.googleapis.com/public/a.pdf", False),
        ("https://GenerativeLanguage.GoogleAPIs.com/v1beta/files/1", True),
        ("https://generativelanguage.googleapis.com./v1beta/files/1", True),
        ("https://x@generativelanguage.googleapis.com:443/v1beta/files/1", True),
        ("https:generativelanguage.googleapis.com/files/1", True),
        ("//generativelanguage.googleapis.com/files/1", True),
        ("https://[", True),
        ("ftp://example.org/x", True),
    ],
)
def test_an_address_that_anybody_may_open_is_no_handle(uri: str, is_kept: bool) -> None:
    _, body = gemini({"fileData": {"fileUri": uri}})
    assert bool(named_in(Call("POST", "/", (), json.dumps(body).encode()), "gemini")) is is_kept


# --- what an answer gives


def response(**fields: Any) -> dict[str, Any]:
    return {"id": "resp_1", "object": "response", "created_at": 1, "model": "gpt-x", "status": "completed", "output": [], **fields}


ITEMS: list[Any] = [
    {"type": "reasoning", "id": "rs_1", "summary": []},
    {"type": "code_interpreter_call", "id": "ci_1", "container_id": "cntr_1", "status": "completed", "code": "1", "outputs": None},
    {"type": "image_generation_call", "id": "ig_1", "status": "completed", "result": "iVBORw0KGgo="},
    {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": "{}", "status": "completed"},
    {
        "type": "mcp_list_tools",
        "id": "mcpl_1",
        "server_label": "s",
        "tools": [{"name": "t", "id": "resp_of_bob", "container_id": "cntr_of_bob"}],
    },
    {
        "type": "message",
        "id": "msg_1",
        "role": "assistant",
        "status": "completed",
        "content": [{"type": "output_text", "text": "Hi", "annotations": []}],
    },
]
GOES_ON: list[dict[str, Any]] = [
    {"previous_response_id": "resp_1"},
    *({"input": [{"type": "item_reference", "id": item["id"]}]} for item in ITEMS),
    {"tools": [{"type": "code_interpreter", "container": "cntr_1"}]},
]


def answering(streamed: bool) -> Reply:
    whole = response(output=ITEMS, metadata={"id": "resp_of_bob"})
    if not streamed:
        return Reply(200, JSON, json.dumps(whole).encode())
    events = [
        {"type": "response.created", "response": response(status="in_progress")},
        *(
            {"type": f"response.output_item.{step}", "output_index": place, "item": item}
            for place, item in enumerate(ITEMS)
            for step in ("added", "done")
        ),
        {"type": "response.completed", "response": whole},
    ]
    return Reply(200, EVENTS, b"".join(b"data: %b\n\n" % json.dumps(event).encode() for event in events))


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_a_caller_may_name_what_its_own_answer_gave_it_and_nobody_else_may(streamed: bool) -> None:
    with Direct(KEYS, answer=lambda call: answering(b'"stream":true' in call.body)) as direct:
        assert direct.post(*responses(stream=streamed), ADA).status == 200
        for more in GOES_ON:
            assert direct.post(*responses(**more), BOB).status in (403, 404), more
            assert direct.post(*responses(**more), ADA).status == 200, more
        for stolen in ("resp_of_bob", "cntr_of_bob"):  # another's server, or the caller itself, wrote it into the answer
            assert direct.post(*responses(previous_response_id=stolen), ADA).status == 404


CONTAINED = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude",
    "content": [{"type": "text", "text": "Hi"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 1, "output_tokens": 1},
    "container": {"id": "container_1", "expires_at": "2027-01-01T00:00:00Z"},
}


def contained(call: Call) -> Reply:
    if b'"stream":true' not in call.body:
        return Reply(200, JSON, json.dumps(CONTAINED).encode())
    begun = {**CONTAINED, "content": [], "container": None, "stop_reason": None}
    events: list[Any] = [
        {"type": "message_start", "message": begun},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn", "container": CONTAINED["container"]}, "usage": {"output_tokens": 1}},
        {"type": "message_stop"},
    ]
    return Reply(200, EVENTS, b"".join(b"event: %b\ndata: %b\n\n" % (one["type"].encode(), json.dumps(one).encode()) for one in events))


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_a_container_of_anthropics_stays_with_its_caller(streamed: bool) -> None:
    with Direct(KEYS, providers=("anthropic",), answer=contained) as direct:
        assert direct.post(*claude(stream=streamed), ADA).status == 200
        assert direct.post(*claude(container="container_1"), BOB).status == 403
        assert direct.post(*claude(container="container_1"), ADA).status == 200


def test_a_sound_stays_with_its_caller() -> None:
    message = {"role": "assistant", "content": None, "audio": {"id": "audio_1", "data": "aGk=", "transcript": "Hi", "expires_at": 9}}
    whole = json.loads(chat_answer(Call("POST", "/")).body)
    whole["choices"][0]["message"] = message
    with Direct(KEYS, answer=lambda call: Reply(200, JSON, json.dumps(whole).encode())) as direct:
        assert direct.post(*chat(), ADA).status == 200
        assert direct.post(*FOREIGN["audio"], BOB).status == 403
        assert direct.post(*FOREIGN["audio"], ADA).status == 200


def test_a_refusal_is_told_in_the_callers_dialect(apart: Direct) -> None:
    for name, path in (("anthropic_messages", "file_id of Anthropic"), ("openai_responses", "file_id"), ("gemini", "cachedContent")):
        reply = apart.post(*FOREIGN[path], ADA)
        error = dialect(name).decode_error(reply, NONE)
        assert isinstance(error, PermissionDenied)
        assert "was not given to the key 'ada'" in error.message


def test_a_name_that_an_upstream_gives_twice_is_given_to_both() -> None:
    store = KeptResponses()
    for owner in ("ada", "bob"):
        store.claim(owner, "resp_1")
    assert [store.is_given(owner, "resp_1") for owner in ("ada", "bob", "eve")] == [True, True, False]
    store.close()


def test_names_of_what_is_kept_elsewhere_do_not_pile_up_without_end() -> None:
    store = KeptResponses()
    store._store.executemany(
        "insert into claims values (?, 'ada', strftime('%s') + ?)", ((f"r{n}", n / 1e6) for n in range(MAX_CLAIMS + 50))
    )
    for number in range(64):
        store.claim("ada", f"new-{number}")
    assert store._store.execute("select count(*) from claims").fetchone()[0] <= MAX_CLAIMS
    assert store.is_given("ada", f"r{MAX_CLAIMS}")
    assert not store.is_given("ada", "r0")
    store.close()


# --- models that a body names besides the first

BOUND = {"keys": {**KEYS["keys"], "bob": {**KEYS["keys"]["bob"], "models": ["openrouter/a", "fast"]}}}


@pytest.mark.parametrize(
    ("more", "status"),
    [
        (b'"models":["a","openrouter/a","fast"]', 200),
        (b'"models":null', 200),
        (b'"models":["a","b"]', 403),
        (b'"models":["a"],"models":["b"]', 403),
        (b'"models":["b"],"models":["a"]', 403),
        (b'"models":["b"],"models":null', 403),
        (b'"n":"one","models":["b"]', 400),
        (b'"mod\\u0065ls":["b"]', 403),
        (b'"models":"b"', 403),
        (b'"fallbacks":[{"model":"a"}]', 403),
        (b'"models":["b"],"x":' + b"[" * 3000 + b"]" * 3000, 400),
    ],
    ids=lambda given: str(given)[:40],
)
def test_a_key_for_some_models_reaches_no_others_by_a_hosts_own_fallbacks(more: bytes, status: int) -> None:
    body = b'{"model":"openrouter/a","messages":[{"role":"user","content":"x"}],%b}' % more
    with Direct(BOUND, providers=("openrouter",)) as direct:
        assert direct.post(CHAT, body, BOB).status == status
        assert len(direct.calls) == (1 if status == 200 else 0)
        assert status == 400 or direct.post(CHAT, body, ADA).status == 200


# --- beside the body


def key_sent(direct: Direct, *headers: tuple[str, str]) -> str | None:
    direct.calls.clear()
    assert direct.post(*chat(), ("idempotency-key", "one"), *headers).status == 200
    return header(direct.calls[0].headers, "idempotency-key")


def test_nobody_is_given_anothers_answer_for_an_idempotency_key() -> None:
    with Direct(KEYS) as direct, Direct() as open_to_all:
        adas, bobs = key_sent(direct, ADA), key_sent(direct, BOB)
        assert adas == key_sent(direct, ADA)
        assert len({adas, bobs, "one"}) == 3
        assert key_sent(open_to_all) == "one"


@pytest.mark.parametrize("streamed", [False, True])
def test_an_answer_that_nobody_could_fetch_is_refused_before_it_is_made(streamed: bool) -> None:
    with Direct(answer=lambda call: answering(True)) as direct:
        reply = direct.post(*responses(background=True, stream=streamed))
        assert (reply.status, len(direct.calls)) == ((200, 1) if streamed else (400, 0))
        assert streamed or b"background: what is made in the background cannot be fetched" in reply.body
        assert direct.post(*responses(background=False, stream=True)).status == 200
