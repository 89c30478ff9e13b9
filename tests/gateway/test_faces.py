"""Every face reaches every upstream, streamed and whole."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from dragoman.catalogue.load import Catalogue
from dragoman.core.exchange import Reply
from dragoman.core.fold import fold
from dragoman.core.messages import Message, Text
from dragoman.core.request import Request
from dragoman.gateway.faces import PROMPTS, Faces
from dragoman.wire.dialects import NAMES, dialect
from dragoman.wire.quirks import NONE
from tests.gateway.stage import EVERY, Stage

BASES = {"openai_chat": "/v1", "openai_responses": "/v1", "openai_completions": "/v1", "gemini": "/v1beta"}
MODELS = {
    "openai": "gpt-4.1",
    "anthropic": "claude-sonnet-4-5",
    "gemini": "gemini-2.5-flash",
    "cohere": "command-a-03-2025",
    "bedrock": "anthropic.claude-sonnet-4-5-20250929-v1:0",
    "raycast": "gpt-4",
    "lockchat": "gpt-4",
    "gravityengine": "gpt-3.5-turbo-16k",
    "equing": "gpt-3.5-turbo",
}


@pytest.mark.parametrize("provider", EVERY)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_every_face_reaches_every_provider(stage: Stage, name: str, provider: str, streamed: bool) -> None:
    model = f"{provider}/{MODELS[provider]}"
    request = Request(model=model, messages=(Message("user", (Text("Name three rivers."),)),), stream=streamed, max_output_tokens=64)
    speaking = dialect(name)
    call = speaking.encode_request(request, NONE)
    reply = httpx.request(call.method, stage.url + BASES.get(name, "") + call.url, headers=list(call.headers), content=call.body)
    assert reply.status_code == 200, reply.text
    decoder = speaking.decoder(streamed or name == "raycast", NONE)
    answer = fold([*decoder.feed(reply.content), *decoder.close()])
    assert decoder.error is None
    assert answer.text == "Name three rivers."
    assert answer.finish_reason == "stop"
    assert reply.headers["x-dragoman-target"] == model


@pytest.mark.parametrize("base", ["/v1beta", "/v1", "/v1beta1", "/gemini/v1beta"])
@pytest.mark.parametrize("before", ["models/", ""], ids=["as Google's SDK writes it", "as Vercel's does"])
@pytest.mark.parametrize("provider", ["gemini", "bedrock"])
def test_a_slash_in_the_name_of_a_model_may_stand_in_geminis_path(stage: Stage, base: str, before: str, provider: str) -> None:
    asked = {"contents": [{"role": "user", "parts": [{"text": "Name three rivers."}]}]}
    reply = httpx.post(f"{stage.url}{base}/{before}{provider}/{MODELS[provider]}:generateContent", json=asked)
    assert reply.status_code == 200, reply.text
    assert reply.json()["candidates"][0]["content"]["parts"][0]["text"] == "Name three rivers."


@pytest.mark.parametrize("name", NAMES)
def test_an_unknown_model_is_told_in_the_callers_dialect_with_the_nearest(stage: Stage, name: str) -> None:
    request = Request(model="openai/gpt-4.1-minni" if name != "raycast" else "nobody/x", messages=(Message("user", (Text("Hi"),)),))
    call = dialect(name).encode_request(request, NONE)
    call_url = call.url.replace("openai%2Fgpt-4.1-minni", "gpt-4.1-minni")
    body = call.body.replace(b"openai/gpt-4.1-minni", b"gpt-4.1-minni")
    reply = httpx.request(call.method, stage.url + BASES.get(name, "") + call_url, headers=list(call.headers), content=body)
    assert reply.status_code == 404, reply.text
    error = dialect(name).decode_error(Reply(404, tuple(reply.headers.items()), reply.content), NONE)
    assert "not served here" in error.message


def test_every_path_that_is_served_has_one_face() -> None:
    faces = Faces(Catalogue())
    for method, example, face in faces.table():
        if "{" in example:
            continue
        found = faces.find(method, example, ())
        assert found is not None
        assert found[0].does == face.does, example


@pytest.mark.parametrize(
    ("path", "dialect_name"),
    [("/v1/messagez", "anthropic_messages"), ("/v1beta/nothing", "gemini"), ("/api/nothing", "ollama"), ("/v1/nothing", "openai_chat")],
)
def test_nothing_at_a_path_is_told_in_the_form_of_its_neighbours(stage: Stage, path: str, dialect_name: str) -> None:
    reply = httpx.post(stage.url + path, json={})
    assert reply.status_code == 404
    assert path in dialect(dialect_name).decode_error(Reply(404, (), reply.content), NONE).message


def test_a_method_that_is_not_allowed_names_the_one_that_is(stage: Stage) -> None:
    reply = httpx.get(stage.url + "/v1/chat/completions")
    assert reply.status_code == 405
    assert "POST is allowed" in reply.json()["error"]["message"]


def _names(told: Any) -> list[str]:
    entries = told.get("data") or told.get("models")
    return [entry.get("id") or entry.get("name") for entry in entries]


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/v1/models", {}),
        ("/v1/models", {"anthropic-version": "2023-06-01"}),
        ("/v1beta/models", {}),
        ("/v1/models", {"x-goog-api-key": "any"}),
        ("/api/tags", {}),
    ],
)
def test_each_face_lists_the_models_of_every_provider_in_its_own_form(stage: Stage, path: str, headers: dict[str, str]) -> None:
    names = [name.removeprefix("models/") for name in _names(httpx.get(stage.url + path, headers=headers).json())]
    for provider in ("openai", "anthropic", "gemini", "raycast"):
        assert any(name.startswith(f"{provider}/") for name in names), names


def test_every_name_in_geminis_list_is_a_models(stage: Stage) -> None:
    assert all(name.startswith("models/") for name in _names(httpx.get(stage.url + "/v1beta/models").json()))


def test_one_model_can_be_asked_for(stage: Stage) -> None:
    assert httpx.get(stage.url + "/v1/models/raycast/gpt-4").json()["id"] == "raycast/gpt-4"
    assert httpx.get(stage.url + "/v1/models/nothing-like-it").status_code == 404


def test_faces_of_prompts_cover_every_dialect() -> None:
    assert {face.dialect for _, _, face in Faces(Catalogue()).table() if face.does == PROMPTS} == set(NAMES)


def test_an_answer_that_cannot_be_read_as_json_is_refused_by_name(stage: Stage) -> None:
    reply = httpx.post(stage.url + "/v1/chat/completions", content=b"{not json")
    assert reply.status_code == 400
    assert "not valid JSON" in json.loads(reply.content)["error"]["message"]
