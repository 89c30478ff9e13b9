"""What goes over each legacy wire, field by field, as it arrives at the other end; and sampling arguments in their place."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dragoman.emulator import Emulator
from dragoman.providers import AbstractProvider, Equing, Gravityengine, Lockchat, Raycast
from dragoman.typing import Messages
from tests.providers.conftest import MODELS

TALK: Messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
RAYCAST_TALK = [{"author": "system", "content": {"text": "Be brief."}}, {"author": "user", "content": {"text": "Hi"}}]

PATHS = {
    Raycast: "/raycast/api/v1/ai/chat_completions",
    Lockchat: "/lockchat/v1/chat/completions",
    Gravityengine: "/gravityengine/api/openai/v1/chat/completions",
    Equing: "/equing/api/openai/v1/chat/completions",
}
HEADERS: dict[type[AbstractProvider], dict[str, str]] = {
    Raycast: {
        "accept": "application/json",
        "accept-language": "en-US,en;q=0.9",
        "authorization": "Bearer token",
        "content-type": "application/json",
        "user-agent": "Raycast/0 CFNetwork/1410.0.3 Darwin/22.6.0",
    },
    Lockchat: {"content-type": "application/json", "user-agent": "ChatX/39 CFNetwork/1408.0.4 Darwin/22.5.0"},
    Gravityengine: {"content-type": "application/json"},
    Equing: {
        "accept": "text/event-stream",
        "content-type": "application/json",
        "cache-control": "no-cache",
        "pragma": "no-cache",
        "origin": "https://next.eqing.tech",
        "referer": "https://next.eqing.tech/",
        "plugins": "0",
        "usesearch": "false",
        "x-requested-with": "XMLHttpRequest",
    },
}
BODIES: dict[type[AbstractProvider], dict[str, Any]] = {
    Raycast: {
        "debug": False,
        "locale": "en-CN",
        "messages": RAYCAST_TALK,
        "model": "gpt-4",
        "provider": "openai",
        "source": "ai_chat",
        "system_instruction": "markdown",
        "temperature": 0.5,
    },
    Lockchat: {"temperature": 0.7, "messages": TALK, "model": "gpt-4", "stream": True},
    Gravityengine: {"model": "gpt-3.5-turbo-16k", "temperature": 0.7, "presence_penalty": 0, "messages": TALK},
    Equing: {
        "messages": TALK,
        "stream": True,
        "model": "gpt-3.5-turbo",
        "temperature": 0.5,
        "presence_penalty": 0,
        "frequency_penalty": 0,
        "top_p": 1,
    },
}
Each = pytest.mark.parametrize("provider", BODIES)


def sent(emulator: Emulator, provider: type[AbstractProvider], stream: bool = True, **more: Any) -> dict[str, Any]:
    """The body that arrived."""
    "".join(provider.create_completion(MODELS[provider], TALK, stream, **{"auth": "token"} | more))
    body: dict[str, Any] = json.loads(emulator.requests[-1].body)
    return body


@Each
def test_the_request_is_the_one_of_the_description(emulator: Emulator, provider: type[AbstractProvider]) -> None:
    assert sent(emulator, provider) == BODIES[provider]
    record = emulator.requests[0]
    assert (record.method, record.path) == ("POST", PATHS[provider])
    assert {name: record.header(name) for name in HEADERS[provider]} == HEADERS[provider]


@Each
def test_no_header_pretends_to_be_a_browser_and_none_stands_twice(emulator: Emulator, provider: type[AbstractProvider]) -> None:
    sent(emulator, provider)
    record = emulator.requests[0]
    assert "mozilla" not in str(record.headers).lower()
    names = [name for name, _ in record.headers]
    assert len(names) == len(set(names))
    if provider is Equing:
        assert str(record.header("user-agent")).startswith("dragoman/")


@Each
def test_whether_a_stream_is_asked_for_is_the_wires_affair(emulator: Emulator, provider: type[AbstractProvider]) -> None:
    whole = dict(BODIES[provider])
    if provider is Equing:
        whole["stream"] = False
    assert sent(emulator, provider, stream=False) == whole


SAMPLING: list[tuple[type[AbstractProvider], str, float]] = [
    (Raycast, "temperature", 0.25),
    (Lockchat, "temperature", 0.8),
    (Gravityengine, "temperature", 0),
    (Gravityengine, "presence_penalty", 1.5),
    (Equing, "temperature", 0.25),
    (Equing, "presence_penalty", -1.0),
    (Equing, "frequency_penalty", 0.5),
    (Equing, "top_p", 0.9),
]


@pytest.mark.parametrize(("provider", "name", "value"), SAMPLING)
def test_a_sampling_argument_takes_the_place_of_its_default(
    emulator: Emulator, provider: type[AbstractProvider], name: str, value: float
) -> None:
    given: dict[str, Any] = {name: value}
    assert sent(emulator, provider, **given) == BODIES[provider] | {name: value}


@Each
def test_none_leaves_the_default(emulator: Emulator, provider: type[AbstractProvider]) -> None:
    assert sent(emulator, provider, temperature=None) == BODIES[provider]


@pytest.mark.parametrize("provider", [Lockchat, Gravityengine, Equing])
def test_a_key_is_sent_where_one_is_given_and_else_none(emulator: Emulator, provider: type[AbstractProvider]) -> None:
    sent(emulator, provider)
    sent(emulator, provider, auth=None)
    assert [record.header("authorization") for record in emulator.requests] == ["Bearer token", None]


@Each
def test_the_base_url_may_be_given_and_keeps_the_wires_own_path(
    emulator: Emulator, provider: type[AbstractProvider], monkeypatch: pytest.MonkeyPatch
) -> None:
    name = provider.__name__.lower()
    monkeypatch.setenv(f"{name.upper()}_BASE_URL", "http://127.0.0.1:1")
    assert sent(emulator, provider, base_url=emulator.url(name) + "/") == BODIES[provider]
    assert emulator.requests[0].path == PATHS[provider]


TEXTS = [
    'data: {"text": "not an event"}',
    "[DONE]",
    "data: [DONE]\n\n",
    '{"content": "x"}',
    "one\r\ntwo\rthree\n\nfour",
    "Привет, 世界 🌍\u2028\x85",
    "\\n \\u0041 \" ' \\",
    "The model: `gpt-4` does not exist",
]


@Each
@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("split", [1, 1024])
def test_any_text_comes_back_however_it_was_cut(emulator: Emulator, provider: type[AbstractProvider], text: str, split: int) -> None:
    talk = [{"role": "user", "content": text}]
    assert "".join(provider.create_completion(f"{MODELS[provider]}!split={split}", talk, True, auth="token")) == text
