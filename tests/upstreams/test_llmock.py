"""llmock's faults against our client, and its verdict on how the client took them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

import dragoman
from dragoman import errors

PROVIDERS = {"openai": "/v1", "anthropic": "/anthropic", "gemini": "/gemini/v1beta", "cohere": "/cohere"}
MODELS = {"openai": "openai/gpt-4o", "anthropic": "anthropic/claude-3", "gemini": "gemini/gemini-2.5-flash", "cohere": "cohere/command-r"}
UNSEEN = "truncated_stream_accepted"
"""llmock takes a cut that is not tried again for one that nobody noticed; that it was raised it cannot see."""
ALL = pytest.mark.parametrize("name", PROVIDERS)


@pytest.fixture
def client(llmock: str) -> Iterator[dragoman.Client]:
    httpx.post(f"{llmock}/_llmock/reset").raise_for_status()
    urls = {name: f"{llmock}{path}" for name, path in PROVIDERS.items()}
    with dragoman.Client(keys=dict.fromkeys(PROVIDERS, "mock-key"), base_urls=urls) as one:
        yield one


def plan(llmock: str, **behavior: Any) -> None:
    httpx.post(f"{llmock}/_llmock/scenario", json={"behaviors": [behavior]}).raise_for_status()


def verdict(llmock: str) -> Any:
    return httpx.get(f"{llmock}/_llmock/verdict").json()


def attempts(llmock: str) -> int:
    told = httpx.get(f"{llmock}/_llmock/requests").json()
    return len(told["requests"] if isinstance(told, dict) else told)


def passed(llmock: str) -> bool:
    return not [one for one in verdict(llmock)["findings"] if one["severity"] == "error"]


@ALL
def test_answer_whole_and_streamed(llmock: str, client: dragoman.Client, name: str) -> None:
    assert client.complete(MODELS[name], "Hi").text
    assert "".join(event.text for event in client.stream(MODELS[name], "Hi"))
    assert passed(llmock)


@ALL
def test_retry_after_is_obeyed(llmock: str, client: dragoman.Client, name: str) -> None:
    plan(llmock, type="fail", status=429, retry_after=1)
    assert client.complete(MODELS[name], "Hi").text
    assert attempts(llmock) == 2
    assert passed(llmock), verdict(llmock)


@ALL
def test_fault_that_passes_is_tried_again(llmock: str, client: dragoman.Client, name: str) -> None:
    plan(llmock, type="fail", status=503)
    assert client.complete(MODELS[name], "Hi").text
    assert passed(llmock), verdict(llmock)


@ALL
def test_what_no_retry_mends_is_not_tried_again(llmock: str, client: dragoman.Client, name: str) -> None:
    plan(llmock, type="fail", status=401)
    with pytest.raises(errors.AuthFailed):
        client.complete(MODELS[name], "Hi")
    assert attempts(llmock) == 1
    assert passed(llmock), verdict(llmock)


@pytest.mark.parametrize("kind", ["truncate", "disconnect", "malformed"])
@ALL
def test_stream_that_breaks_is_an_error_and_nothing_is_tried_after_content(
    llmock: str, client: dragoman.Client, name: str, kind: str
) -> None:
    plan(llmock, type="stream_fault", kind=kind, after_chunks=3)
    heard: list[str] = []
    with pytest.raises((errors.StreamCut, errors.BadReply)):
        heard.extend(event.text for event in client.stream(MODELS[name], "Tell me a long story of three rivers."))
    assert attempts(llmock) == 1
    assert {one["code"] for one in verdict(llmock)["findings"] if one["severity"] == "error"} <= {UNSEEN}
