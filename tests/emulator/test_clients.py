"""Other people's clients as judges: OpenAI's own SDK and httpx against the emulator."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

import httpx
import openai
import pytest

from dragoman.emulator import Answer, Emulator, tool_call
from dragoman.testing import EmulatorFactory
from tests.emulator.raw import chat

MODEL = "gpt-4.1"
WEATHER: openai.types.chat.ChatCompletionFunctionToolParam = {
    "type": "function",
    "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}},
}


@contextlib.contextmanager
def client(emulator: Emulator, *, retries: int = 0, key: str = "any", timeout: float = 20) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=emulator.url("openai"), api_key=key, max_retries=retries, timeout=timeout) as one:
        yield one


def hello(text: str = "Hello there") -> list[openai.types.chat.ChatCompletionMessageParam]:
    return [{"role": "user", "content": text}]


def test_a_whole_answer(dragoman_emulator: EmulatorFactory) -> None:
    with client(dragoman_emulator("openai")) as one:
        answer = one.chat.completions.create(model=MODEL, messages=hello(), n=2)

    assert [choice.message.content for choice in answer.choices] == ["Hello there"] * 2
    assert (answer.id, answer.model, answer.choices[0].finish_reason) == ("chatcmpl-emulated-1", MODEL, "stop")
    assert answer.usage
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (2, 4)
    assert answer._request_id == "req_emulated_1"


def test_a_stream_with_usage(dragoman_emulator: EmulatorFactory) -> None:
    with client(dragoman_emulator("openai", scenario="lorem=50")) as one:
        chunks = list(one.chat.completions.create(model=MODEL, messages=hello(), stream=True, stream_options={"include_usage": True}))

    texts = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices and chunk.choices[0].delta.content]
    assert len(texts) == 50
    assert "".join(texts).startswith("lorem ipsum dolor")
    assert chunks[-1].usage
    assert chunks[-1].usage.completion_tokens == 50


def test_an_asynchronous_stream(dragoman_emulator: EmulatorFactory) -> None:
    emulator = dragoman_emulator("openai")

    async def go() -> str:
        async with openai.AsyncOpenAI(base_url=emulator.url(), api_key="any", max_retries=0) as one:
            stream = await one.chat.completions.create(model=MODEL, messages=hello("one two three"), stream=True)
            return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

    assert asyncio.run(go()) == "one two three"


@pytest.mark.parametrize("written", ['call:get_weather {"city": "Zürich"}', "canned"])
def test_a_streamed_tool_call(dragoman_emulator: EmulatorFactory, written: str) -> None:
    scenario = Answer(tool_calls=[tool_call("get_weather", {"city": "Zürich"})]) if written == "canned" else "echo"
    with (
        client(dragoman_emulator("openai", scenario=scenario)) as one,
        one.chat.completions.stream(model=MODEL, messages=hello(written), tools=[WEATHER]) as stream,
    ):
        final = stream.get_final_completion().choices[0]

    assert final.finish_reason == "tool_calls"
    assert final.message.tool_calls
    call = final.message.tool_calls[0]
    assert (call.function.name, call.function.arguments) == ("get_weather", '{"city": "Zürich"}')


def test_a_tools_result_goes_back(dragoman_emulator: EmulatorFactory) -> None:
    with client(dragoman_emulator("openai")) as one:
        messages = hello('call:get_weather {"city": "Bern"}')
        first = one.chat.completions.create(model=MODEL, messages=messages, tools=[WEATHER]).choices[0].message
        assert first.tool_calls
        messages.append(first.model_dump(exclude_none=True))  # type: ignore[arg-type]  # the SDK's own way of sending a message back
        messages.append({"role": "tool", "tool_call_id": first.tool_calls[0].id, "content": "sunny, 21 degrees"})
        second = one.chat.completions.create(model=MODEL, messages=messages, tools=[WEATHER])

    assert second.choices[0].message.content == "sunny, 21 degrees"


def test_a_refusal_and_a_filter(dragoman_emulator: EmulatorFactory) -> None:
    with client(dragoman_emulator("openai", scenario=Answer(refusal="I will not.", finish="content_filter"))) as one:
        choice = one.chat.completions.create(model=MODEL, messages=hello()).choices[0]

    assert (choice.message.refusal, choice.finish_reason) == ("I will not.", "content_filter")


def test_the_list_of_models(dragoman_emulator: EmulatorFactory) -> None:
    with client(dragoman_emulator("openai")) as one:
        assert "gpt-4.1" in [model.id for model in one.models.list()]


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("status=400", openai.BadRequestError),
        ("status=401", openai.AuthenticationError),
        ("status=403", openai.PermissionDeniedError),
        ("status=404", openai.NotFoundError),
        ("status=422", openai.UnprocessableEntityError),
        ("status=429", openai.RateLimitError),
        ("status=500", openai.InternalServerError),
        ("status=503", openai.InternalServerError),
        ("html,status=502", openai.InternalServerError),
    ],
)
@pytest.mark.parametrize("stream", [True, False])
def test_errors_are_the_sdks_own(dragoman_emulator: EmulatorFactory, fault: str, kind: type[openai.APIStatusError], stream: bool) -> None:
    with client(dragoman_emulator("openai")) as one, pytest.raises(kind) as caught:
        one.chat.completions.create(model=f"{MODEL}!{fault}", messages=hello(), stream=stream)

    assert type(caught.value) is kind


def test_a_wrong_key_is_refused(dragoman_emulator: EmulatorFactory) -> None:
    with client(dragoman_emulator("openai"), key="wrong-key") as one, pytest.raises(openai.AuthenticationError) as caught:
        one.chat.completions.create(model=MODEL, messages=hello())

    assert caught.value.code == "invalid_api_key"


def test_retries_get_through_once_the_fault_is_used_up(dragoman_emulator: EmulatorFactory) -> None:
    emulator = dragoman_emulator("openai", faults="status=429,retry-after=0.01,times=2")
    with client(emulator, retries=3) as one:
        answer = one.chat.completions.create(model=MODEL, messages=hello())

    assert answer.choices[0].message.content == "Hello there"
    assert [record.status for record in emulator.requests] == [429, 429, 200]


def test_an_error_inside_the_stream_is_raised(dragoman_emulator: EmulatorFactory) -> None:
    texts: list[str] = []
    with client(dragoman_emulator("openai", faults="error-after=2")) as one, pytest.raises(openai.APIError, match="asked to fail here"):
        texts.extend(
            chunk.choices[0].delta.content or "" for chunk in one.chat.completions.create(model=MODEL, messages=hello(), stream=True)
        )


@pytest.mark.parametrize("split", [1, 3, 50])
def test_splits_change_nothing(dragoman_emulator: EmulatorFactory, split: int) -> None:
    with client(dragoman_emulator("openai", faults=f"split={split}")) as one:
        text = "".join(
            chunk.choices[0].delta.content or ""
            for chunk in one.chat.completions.create(model=MODEL, messages=hello("äöü 世界 🌍"), stream=True)
        )

    assert text == "äöü 世界 🌍"


def test_closing_a_stream_early_is_seen(dragoman_emulator: EmulatorFactory) -> None:
    emulator = dragoman_emulator("openai", tokens_per_second=2, scenario="lorem=1000")
    with client(emulator) as one:
        stream = one.chat.completions.create(model=MODEL, messages=hello(), stream=True)
        next(iter(stream))
        stream.close()

        emulator.requests.wait_for(lambda record: record.outcome == "abandoned", 0.5)


def test_what_was_asked_is_in_the_log_once_it_is_answered(dragoman_emulator: EmulatorFactory) -> None:
    emulator = dragoman_emulator("openai")
    with client(emulator) as one:
        for stream in (True, False):
            answer = one.chat.completions.create(model=MODEL, messages=hello(), temperature=0.25, stream=stream)
            if isinstance(answer, openai.Stream):
                list(answer)

            record = emulator.requests[-1]
            assert (record.outcome, record.provider, record.status, record.error) == ("finished", "openai", 200, None)
            assert record.request
            assert (record.request.temperature, record.request.messages[-1].text) == (0.25, "Hello there")
            assert record.header("Authorization") == "Bearer any"


def test_httpx_sees_a_cut(dragoman_emulator: EmulatorFactory) -> None:
    url = dragoman_emulator("openai", faults="cut-after=300").url() + "/chat/completions"
    with httpx.Client(headers={"Authorization": "Bearer k"}) as one:
        for stream in (True, False):
            with pytest.raises(httpx.RemoteProtocolError):
                one.post(url, json=chat("one two three four five six seven eight", stream=stream) | {"n": 4})


def test_httpx_runs_out_of_patience_in_a_stall(dragoman_emulator: EmulatorFactory) -> None:
    emulator = dragoman_emulator("openai", faults="stall-after=2")
    with httpx.Client(headers={"Authorization": "Bearer k"}, timeout=0.1) as one, pytest.raises(httpx.ReadTimeout):
        one.post(emulator.url() + "/chat/completions", json=chat())

    emulator.requests.wait_for(lambda record: record.outcome == "abandoned", 0.5)


def test_a_client_of_the_root_gets_the_first_provider(dragoman_emulator: EmulatorFactory) -> None:
    emulator = dragoman_emulator("openai")
    with openai.OpenAI(base_url=f"http://127.0.0.1:{emulator.port}/v1", api_key="any", max_retries=0) as one:
        assert one.chat.completions.create(model=MODEL, messages=hello()).choices[0].message.content == "Hello there"
