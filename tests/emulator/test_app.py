"""Where an emulator answers, whom, and for which rows."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from dragoman.catalogue.load import Catalogue
from dragoman.catalogue.schema import Auth, Model, Provider
from dragoman.core.exchange import Call, header
from dragoman.core.messages import Message, Text
from dragoman.core.request import Request
from dragoman.wire.dialects import NAMES
from tests.emulator.planned import KEY, NOW_S, OPENAI, app, body, call, response, whole
from tests.emulator.raw import chat

# --- places, keys, models ---------------------------------------------------------------------------------------------------------------


def test_every_provider_is_mounted_below_its_name_and_the_first_at_the_root() -> None:
    emulated = app("lockchat", "openai", "raycast", "equing")
    told = {
        path: emulated.answer(call(chat(), path=path), NOW_S).provider
        for path in (
            "/lockchat/v1/chat/completions",
            "/openai/v1/chat/completions",
            "/openai/v1/chat/completions?beta=1",
            "/v1/chat/completions",
            "/api/openai/v1/chat/completions",
            "/api/v1/ai/chat_completions",
            "/chat/completions",
            "/openai/chat/completions",
            "/OPENAI/v1/chat/completions",
        )
    }

    assert list(told.values()) == ["lockchat", "openai", "openai", "lockchat", "equing", "raycast", None, None, None]


def test_a_base_url_may_hold_placeholders() -> None:
    row = Provider(name="azure", title="A", dialect="openai_chat", base_url="https://{resource}.example/openai/deployments/{deployment}")

    plan = app(rows=[row]).answer(call(chat(), path="/azure/openai/deployments/mine/chat/completions"), NOW_S)

    assert (plan.status, plan.provider) == (200, "azure")


def test_what_nobody_serves_is_a_404_that_says_what_is_served() -> None:
    elsewhere = app("raycast", "openai").answer(call({}, path="/elsewhere"), NOW_S)
    near = app("raycast", "openai").answer(call({}, path="/openai/v1/nothing"), NOW_S)

    assert (elsewhere.status, near.status) == (404, 404)
    assert "POST /raycast/api/v1/ai/chat_completions, POST /openai/v1/chat/completions" in whole(elsewhere)["error"]["message"]
    told = whole(near)["error"]["message"]
    assert "POST /openai/v1/chat/completions, POST /openai/v1/completions, POST /openai/v1/responses, POST /openai/v1/embeddings" in told
    assert "GET /openai/v1/models" in told
    assert "raycast" not in told


@pytest.mark.parametrize(("method", "path", "allowed"), [("GET", OPENAI, "POST"), ("POST", "/openai/v1/models", "GET")])
def test_a_wrong_method_is_a_405_that_says_which_is_right(method: str, path: str, allowed: str) -> None:
    plan = app().answer(call({}, path=path, method=method), NOW_S)

    assert (plan.status, header(plan.headers, "allow")) == (405, allowed)


def test_what_cannot_be_read_is_a_400_that_names_the_field() -> None:
    for asked, param in ((chat(temperature="hot"), "temperature"), ({"model": "m", "messages": []}, "messages")):
        plan = app().answer(call(asked), NOW_S)
        assert plan.status == 400
        assert whole(plan)["error"]["param"] == param


_BEARER, _FIELD, _QUERY = Auth(), Auth(place="header", name="X-Api-Key"), Auth(place="query", name="key")
_OPEN = Auth(required=False)


@pytest.mark.parametrize(
    ("auth", "headers", "query", "status"),
    [
        (_BEARER, (), "", 401),
        (_BEARER, (("authorization", "Bearer "),), "", 401),
        (_BEARER, (("authorization", "Basic abc"),), "", 401),
        (_BEARER, (("authorization", "bearer k"),), "", 200),
        (_BEARER, (("authorization", "Bearer wrong-key"),), "", 401),
        (_FIELD, (("authorization", "Bearer k"),), "", 200),
        (_FIELD, (("x-api-key", "k"),), "", 200),
        (_FIELD, (("x-api-key", "wrong-key"),), "", 401),
        (_QUERY, (KEY,), "", 200),
        (_QUERY, (KEY,), "?a=b&key=k", 200),
        (_QUERY, (KEY,), "?key=wrong-key", 401),
        (_OPEN, (("accept", "*/*"),), "", 200),
        (_OPEN, (("authorization", "Bearer wrong-key"),), "", 401),
        (Auth(place="none"), (("accept", "*/*"),), "", 200),
    ],
)
def test_a_key_is_wanted_in_its_place_or_as_a_bearer(auth: Auth, headers: tuple[tuple[str, str], ...], query: str, status: int) -> None:
    row = Provider(name="p", title="P", dialect="openai_chat", base_url="https://p.example", auth=auth)
    asked = Call("POST", f"/p/chat/completions{query}", headers, json.dumps(chat()).encode())

    plan = app(rows=[row]).answer(asked, NOW_S)

    assert plan.status == status
    if status == 401:
        assert whole(plan)["error"]["code"] == "invalid_api_key"


def test_closed_models_bind_the_client_and_not_the_emulator() -> None:
    row = Provider(name="p", title="P", dialect="openai_chat", base_url="https://p.example", models=(Model(name="a"),), closed_models=True)
    emulated = app(rows=[row])

    answers = [emulated.answer(call(chat(model=model), path="/p/chat/completions"), NOW_S) for model in ("a", "b", "a!slow-start=0")]

    assert [plan.status for plan in answers] == [200, 200, 200]


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("openai", "/openai/v1/models"),
        ("openai", "/v1/models"),
        ("lockchat", "/lockchat/v1/models"),
        ("equing", "/equing/api/openai/v1/models"),
    ],
)
def test_the_models_of_a_row_are_listed_in_openais_form(name: str, path: str) -> None:
    emulated = app(name)

    listing = whole(emulated.answer(call({}, path=path, method="GET"), NOW_S))

    assert [model["id"] for model in listing["data"]] == [model.name for model in emulated.mounts[0].row.models]
    assert listing["object"] == "list"


def test_a_list_of_models_meets_those_faults_alone_that_it_asks_for_itself() -> None:
    emulated = app(faults=["status=500,times=1"])
    asked = [(KEY, ("x-dragoman-fault", "status=503")), (KEY,)]
    plans = [emulated.answer(call({}, *headers, path="/openai/v1/models", method="GET"), NOW_S) for headers in asked]

    assert [plan.status for plan in plans] == [503, 200]


@pytest.mark.parametrize("path", ["/openai/v1/completions", "/openai/v1/responses"])
def test_a_host_answers_prompts_on_each_wire_that_its_abilities_name(path: str) -> None:
    plan = app("openai").answer(call({"model": "m", "prompt": "Well", "input": "Well"}, path=path), NOW_S)

    assert plan.status == 200
    assert plan.request
    assert plan.request.messages[0].text == "Well"
    assert b"Well" in body(plan.steps)


# --- every row, every dialect -----------------------------------------------------------------------------------------------------------

_ROWS = [row.name for row in Catalogue() if row.dialect in NAMES and row.answers_prompts]


@pytest.mark.parametrize("name", _ROWS)
@pytest.mark.parametrize("stream", [True, False])
def test_what_a_dialects_client_role_says_its_emulator_understands(name: str, stream: bool) -> None:
    emulated = app(name)
    mount = emulated.mounts[0]
    model = mount.row.default_model or "gpt-4"
    request = Request(model=model, messages=(Message("user", (Text(text="Well — hello, 世界!"),)),), stream=stream)
    sent = mount.dialect.encode_request(request, mount.quirks)
    keys: dict[str, Callable[[str], tuple[str, str]]] = {
        "bearer": lambda _: ("authorization", "Bearer k"),
        "header": lambda field: (field.lower(), "k"),
    }
    key = keys.get(mount.row.auth.place, keys["bearer"])(mount.row.auth.name or "")
    query = f"?{mount.row.auth.name}=k" if mount.row.auth.place == "query" else ""

    plan = emulated.answer(Call("POST", mount.url_path + sent.url + query, (*sent.headers, key), sent.body), NOW_S)

    assert plan.status == 200, body(plan.steps)
    assert response(plan, mount.row.dialect, mount.quirks).text == "Well — hello, 世界!"
