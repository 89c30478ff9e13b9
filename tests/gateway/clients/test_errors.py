"""Whatever fails reaches a program as the exception that its own SDK has for it, with status, words, code and the request's id."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import anthropic
import ollama
import openai
import pytest
from google.genai import errors as google_errors

from tests.gateway.stage import Stage

from . import talk_anthropic, talk_gemini, talk_openai
from .play import play

KEY: Final = "key-of-one-caller-0001"
ANY_KEY: Final = "key-of-one-caller-0002"
CONFIG: Final[dict[str, Any]] = {
    "max_retries": 0,
    "keys": {"one": {"key": KEY, "models": ["openai/*", "anthropic/*", "gemini/*"]}, "any": {"key": ANY_KEY}},
    "limits": {"body_bytes": 4096},
}
UPSTREAMS: Final = {"openai": "gpt-4.1", "anthropic": "claude-sonnet-4-5", "gemini": "gemini-2.5-flash"}


@pytest.fixture(scope="module")
def kept() -> Iterator[Stage]:
    """A gateway with keys and small limits, which tries nothing again."""
    with Stage([*UPSTREAMS, "cohere"], CONFIG, scenario=play) as running:
        yield running


def by_chat(url: str, model: str, stream: bool, key: str = KEY, words: str = "Hi") -> Any:
    with talk_openai.sdk(url, api_key=key) as sdk:
        told: Any = sdk.chat.completions.create(model=model, messages=[{"role": "user", "content": words}], stream=stream)
        return list(told) if stream else told


def by_responses(url: str, model: str, stream: bool, key: str = KEY, words: str = "Hi") -> Any:
    with talk_openai.sdk(url, api_key=key) as sdk:
        told: Any = sdk.responses.create(model=model, input=words, stream=stream)
        return list(told) if stream else told


def by_messages(url: str, model: str, stream: bool, key: str = KEY, words: str = "Hi") -> Any:
    with talk_anthropic.sdk(url, api_key=key) as sdk:
        told: Any = sdk.messages.create(model=model, max_tokens=64, messages=[{"role": "user", "content": words}], stream=stream)
        return list(told) if stream else told


def by_contents(url: str, model: str, stream: bool, key: str = KEY, words: str = "Hi") -> Any:
    sdk = talk_gemini.sdk(url, key)
    try:
        if stream:
            return list(sdk.models.generate_content_stream(model=model, contents=words))
        return sdk.models.generate_content(model=model, contents=words)
    finally:
        sdk.close()


def by_ollama(url: str, model: str, stream: bool, key: str = KEY, words: str = "Hi") -> Any:
    sdk: Any = ollama.Client(host=url, headers={"authorization": f"Bearer {key}"}, trust_env=False)
    try:
        told = sdk.chat(model, [{"role": "user", "content": words}], stream=stream)
        return list(told) if stream else told
    finally:
        sdk._client.close()


WAYS: Final[dict[str, Callable[..., Any]]] = {
    "chat": by_chat,
    "responses": by_responses,
    "messages": by_messages,
    "contents": by_contents,
    "ollama": by_ollama,
}
OF_STATUS: Final[dict[str, dict[int, type[Exception]]]] = {
    "openai": {
        400: openai.BadRequestError,
        401: openai.AuthenticationError,
        403: openai.PermissionDeniedError,
        404: openai.NotFoundError,
        413: openai.APIStatusError,
        429: openai.RateLimitError,
        500: openai.InternalServerError,
        502: openai.InternalServerError,
        503: openai.InternalServerError,
    },
    "anthropic": {
        400: anthropic.BadRequestError,
        401: anthropic.AuthenticationError,
        403: anthropic.PermissionDeniedError,
        404: anthropic.NotFoundError,
        413: anthropic.RequestTooLargeError,
        429: anthropic.RateLimitError,
        500: anthropic.InternalServerError,
        502: anthropic.InternalServerError,
        503: anthropic.InternalServerError,
    },
    "google": dict.fromkeys((400, 401, 403, 404, 413, 429), google_errors.ClientError)
    | dict.fromkeys((500, 502, 503), google_errors.ServerError),
    "ollama": dict.fromkeys((400, 401, 403, 404, 413, 429, 500, 502, 503), ollama.ResponseError),
}
OWN: Final = {"chat": "openai", "responses": "openai", "messages": "anthropic", "contents": "google", "ollama": "ollama"}
SHOWN_AS: Final = {("messages", 503): 529}
"""Where a vendor has its own word for a status."""


def status_of(error: Any) -> int:
    status: int = error.code if isinstance(error, google_errors.APIError) else error.status_code
    return status


def caught(way: str, status: int, *given: Any, **more: Any) -> Any:
    """The exception of the SDK's own for a status."""
    with pytest.raises(OF_STATUS[OWN[way]][status]) as raised:
        WAYS[way](*given, **more)
    assert status_of(raised.value) == SHOWN_AS.get((way, status), status)
    return raised.value


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("way", WAYS)
class TestRefused:
    """By the gateway itself."""

    def test_a_key_that_is_not_known(self, kept: Stage, way: str, stream: bool) -> None:
        assert "not known" in str(caught(way, 401, kept.url, "openai/gpt-4.1", stream, key="another-key-0000001"))

    def test_a_model_that_the_key_may_not_have(self, kept: Stage, way: str, stream: bool) -> None:
        assert "may not ask" in str(caught(way, 403, kept.url, "cohere/command-a-03-2025", stream))

    def test_a_model_that_nobody_has(self, kept: Stage, way: str, stream: bool) -> None:
        assert "is not served here" in str(caught(way, 404, kept.url, "gpt-nobody", stream, key=ANY_KEY))

    def test_a_body_that_is_too_long(self, kept: Stage, way: str, stream: bool) -> None:
        assert "4096" in str(caught(way, 413, kept.url, "openai/gpt-4.1", stream, words="x" * 5000))


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("upstream", UPSTREAMS)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("status", [400, 404, 429, 500, 503])
def test_what_an_upstream_refuses_is_the_sdks_own_exception(kept: Stage, way: str, upstream: str, status: int, stream: bool) -> None:
    error = caught(way, status, kept.url, f"{upstream}/{UPSTREAMS[upstream]}!status={status}", stream)
    if isinstance(error, openai.APIStatusError | anthropic.APIStatusError):
        assert error.request_id == error.response.headers["x-dragoman-request-id"]


@pytest.mark.parametrize("way", [way for way in WAYS if way != "ollama"])
def test_how_long_to_wait_is_told(kept: Stage, way: str) -> None:
    """Ollama's SDK keeps nothing of a failure but its words and its status."""
    error = caught(way, 429, kept.url, "anthropic/claude-sonnet-4-5!status=429,retry-after=7", False)
    assert error.response.headers["retry-after"] == "7"


def test_an_sdk_waits_as_long_as_it_is_told_and_gets_its_answer(kept: Stage) -> None:
    """Its own retries, the gateway making none."""
    with talk_openai.sdk(kept.url, api_key=KEY, max_retries=2) as sdk:
        told = sdk.chat.completions.create(
            model="openai/gpt-4.1!status=429,retry-after=0.01,times=1", messages=[{"role": "user", "content": "Hi"}]
        )
    assert told.choices[0].message.content == "Hi"


@pytest.mark.parametrize("way", WAYS)
def test_what_an_upstream_has_against_the_gateways_key_is_no_fault_of_the_callers(kept: Stage, way: str) -> None:
    error = caught(way, 502, kept.url, "openai/gpt-4.1!status=401", False)
    assert "refused the gateway" in str(error)


WAITS: Final = {"x-dragoman-timeout": "first_token=0.05,between_tokens=0.05"}


class TestSilence:
    """Of an upstream, which the gateway or the program itself bears only so long."""

    def test_before_the_first_word(self, kept: Stage) -> None:
        with talk_openai.sdk(kept.url, api_key=KEY) as sdk, pytest.raises(openai.InternalServerError) as raised:
            sdk.responses.create(model="anthropic/claude-sonnet-4-5!stall-after=0", input="Hi", stream=True, extra_headers=WAITS)
        assert raised.value.status_code == 504

    def test_between_words_ends_in_an_exception(self, kept: Stage) -> None:
        asked: Any = {"max_tokens": 64, "messages": [{"role": "user", "content": "Name three rivers of Europe."}], "extra_headers": WAITS}
        seen: list[Any] = []
        with talk_anthropic.sdk(kept.url, api_key=KEY) as sdk:
            stream = sdk.messages.create(model="openai/gpt-4.1!stall-after=4", stream=True, **asked)
            with pytest.raises(anthropic.APIError):
                seen.extend(stream)  # what came before the exception stays in the list
        kinds = {event.type for event in seen}
        assert "content_block_delta" in kinds
        assert "message_stop" not in kinds

    def test_that_the_program_does_not_bear_is_its_own_timeout(self, kept: Stage) -> None:
        with talk_openai.sdk(kept.url, api_key=KEY, timeout=0.2) as sdk, pytest.raises(openai.APITimeoutError):
            sdk.chat.completions.create(model="openai/gpt-4.1!stall-after=0", messages=[{"role": "user", "content": "Hi"}])


@pytest.mark.parametrize("upstream", UPSTREAMS)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("fault", ["cut-after=700", "error-after=6"])
def test_a_stream_that_breaks_off_is_raised_and_never_an_end(kept: Stage, way: str, upstream: str, fault: str) -> None:
    words = "Say this. " * 60
    with pytest.raises((openai.APIError, anthropic.APIError, google_errors.APIError, ollama.ResponseError)):
        WAYS[way](kept.url, f"{upstream}/{UPSTREAMS[upstream]}!{fault}", True, words=words)
