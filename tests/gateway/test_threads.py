"""Conversations that Anthropic's server keeps for its SDK: where nobody keeps them, the SDK's loop of tools sends the whole instead."""

from __future__ import annotations

import anthropic
import pytest

from tests.gateway.stage import Stage

MODELS = ("anthropic/claude-sonnet-4-5", "openai/gpt-4.1", "gemini/gemini-2.5-flash", "cohere/command-a-03-2025")


@anthropic.beta_tool
def weather(city: str) -> str:
    """How the weather is."""
    return f"Rain in {city}."


def client(stage: Stage) -> anthropic.Anthropic:
    http = anthropic.DefaultHttpxClient(trust_env=False)
    return anthropic.Anthropic(base_url=stage.url, api_key="any-key-at-all", max_retries=0, http_client=http)


@pytest.mark.parametrize("model", MODELS)
def test_a_loop_of_tools_by_the_sdk_reaches_every_upstream(stage: Stage, model: str) -> None:
    asked = 'call:weather {"city": "Köln"}'
    with client(stage) as sdk:
        told = sdk.beta.messages.tool_runner(
            model=model, max_tokens=64, tools=[weather], messages=[{"role": "user", "content": asked}]
        ).until_done()
    assert [block.text for block in told.content if block.type == "text"] == ["Rain in Köln."]


@pytest.mark.parametrize("model", MODELS)
def test_a_turn_of_a_conversation_that_is_kept_elsewhere_is_refused(stage: Stage, model: str) -> None:
    thread = {"type": "continue", "previous_message_id": "msg_1"}
    with client(stage) as sdk, pytest.raises(anthropic.BadRequestError) as refused:
        sdk.messages.create(model=model, max_tokens=64, messages=[{"role": "user", "content": "And now?"}], extra_body={"thread": thread})
    assert refused.value.body["error"]["details"] == {"error_code": "thread_unsupported_request"}  # type: ignore[index]  # it is a record
