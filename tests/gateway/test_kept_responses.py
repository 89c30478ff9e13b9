"""The Responses face keeps conversations for upstreams that keep none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import openai
import pytest

from dragoman.core.messages import Message, Text
from dragoman.core.request import Request
from dragoman.emulator import Answer
from dragoman.gateway.prompts.kept_responses import Kept, KeptResponses
from tests.gateway.stage import Stage

CLAUDE = "anthropic/claude-sonnet-4-5"
GEMINI = "gemini/gemini-2.5-flash"
Clients = Callable[..., openai.OpenAI]


def recite(request: Request) -> Answer:
    """Says all that it was asked, so that a test sees what arrived."""
    return Answer(text=" / ".join(f"{message.role}: {message.text}" for message in request.messages))


@pytest.fixture
def recital(make_stage: Any) -> Stage:
    made: Stage = make_stage(scenario=recite)
    return made


@pytest.fixture
def client_of() -> Iterator[Clients]:
    """Makes clients of a stage, which are closed when the test ends."""
    with ExitStack() as running:

        def make(stage: Stage, key: str = "any") -> openai.OpenAI:
            return running.enter_context(openai.OpenAI(base_url=f"{stage.url}/v1", api_key=key, max_retries=0))

        yield make


@pytest.mark.parametrize("model", [CLAUDE, GEMINI, "raycast/gpt-4"])
def test_a_conversation_goes_on_from_an_answer(recital: Stage, model: str, client_of: Clients) -> None:
    client = client_of(recital)
    first = client.responses.create(model=model, input="One.")
    second = client.responses.create(model=model, input="Two.", previous_response_id=first.id)
    assert second.output_text == "user: One. / assistant: user: One. / user: Two."
    assert second.previous_response_id == first.id
    assert first.model_dump()["store"] is True
    assert first.id != second.id


def test_it_goes_on_at_another_provider_and_from_a_stream(recital: Stage, client_of: Clients) -> None:
    client = client_of(recital)
    with client.responses.stream(model=CLAUDE, input="One.") as stream:
        first = stream.get_final_response()
    second = client.responses.create(model=GEMINI, input="Two.", previous_response_id=first.id)
    assert second.output_text == "user: One. / assistant: user: One. / user: Two."


def referring(answer: Any, *more: Any) -> list[Any]:
    return [{"type": "item_reference", "id": item.id} for item in answer.output] + list(more)


@pytest.mark.parametrize("model", [CLAUDE, GEMINI, "cohere/command-a-03-2025"])
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_items_of_an_answer_may_be_told_by_their_names_alone(make_stage: Any, model: str, streamed: bool, client_of: Clients) -> None:
    said: list[tuple[Message, ...]] = []

    def think(request: Request) -> Answer:
        said.append(request.messages)
        return Answer(reasoning="A river?", text="The Rhine.")

    client = client_of(make_stage(scenario=think))
    if streamed:
        with client.responses.stream(model=model, input="One.") as stream:
            first: Any = stream.get_final_response()
    else:
        first = client.responses.create(model=model, input="One.")
    user = {"role": "user", "content": "Two."}
    second = client.responses.create(model=model, input=[{"role": "user", "content": "One."}, *referring(first, user)])
    client.responses.create(model=model, input=referring(second, user), store=False)
    assert [(message.role, message.text) for message in said[1]] == [("user", "One."), ("assistant", "The Rhine."), ("user", "Two.")]
    assert [(message.role, message.text) for message in said[2]] == [("assistant", "The Rhine."), ("user", "Two.")]


def test_an_item_that_is_not_kept_is_refused_by_its_name(recital: Stage, client_of: Clients) -> None:
    client = client_of(recital)
    for made in (client.responses.create(model=CLAUDE, input="One."), client.responses.create(model=CLAUDE, input="One.", store=False)):
        if made.model_dump()["store"]:
            client.responses.delete(made.id)
        with pytest.raises(openai.NotFoundError, match=made.output[0].id):
            client.responses.create(model=CLAUDE, input=referring(made))


def test_references_to_what_an_upstream_keeps_go_there_as_they_are(make_stage: Any, client_of: Clients) -> None:
    stage = make_stage(["openai"])
    told: Any = [{"type": "item_reference", "id": "msg_of_openai"}, {"role": "user", "content": "Two."}]
    client_of(stage).responses.create(model="openai/gpt-4.1", input=told)
    assert b'{"type":"item_reference","id":"msg_of_openai"}' in stage.emulator.requests[0].body.replace(b": ", b":").replace(b", ", b",")


def test_instructions_are_not_carried_on(recital: Stage, client_of: Clients) -> None:
    client = client_of(recital)
    first = client.responses.create(model=CLAUDE, input="One.", instructions="Be brief.")
    assert first.output_text == "system: Be brief. / user: One."
    second = client.responses.create(model=CLAUDE, input="Two.", instructions="Be long.", previous_response_id=first.id)
    assert second.output_text.startswith("system: Be long. / user: One.")
    assert second.output_text.count("Be brief.") == 1  # within what was answered, and not as an instruction


def test_what_is_not_to_be_kept_is_not(recital: Stage, client_of: Clients) -> None:
    client = client_of(recital)
    first = client.responses.create(model=CLAUDE, input="One.", store=False)
    assert first.model_dump()["store"] is False
    with pytest.raises(openai.NotFoundError, match="is kept here"):
        client.responses.create(model=CLAUDE, input="Two.", previous_response_id=first.id)


def test_a_kept_answer_is_shown_with_its_input_and_deleted(recital: Stage, client_of: Clients) -> None:
    client = client_of(recital)
    made = client.responses.create(model=CLAUDE, input="One.", metadata={"topic": "numbers"})
    shown = client.responses.retrieve(made.id)
    assert shown.output_text == made.output_text
    assert shown.metadata == {"topic": "numbers"}
    items = client.responses.input_items.list(made.id).data
    assert [item.model_dump()["content"][0]["text"] for item in items] == ["One."]
    client.responses.delete(made.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(made.id)


def test_nobody_reaches_what_another_key_asked_for(make_stage: Any, client_of: Clients) -> None:
    keys = {"ada": {"key": "key-of-ada-0123456789"}, "bob": {"key": "key-of-bob-0123456789"}}
    stage = make_stage(["anthropic"], {"keys": keys}, scenario=recite)
    ada, bob = (client_of(stage, table["key"]) for table in keys.values())
    made = ada.responses.create(model=CLAUDE, input="One.")
    with pytest.raises(openai.NotFoundError):
        bob.responses.retrieve(made.id)
    with pytest.raises(openai.NotFoundError):
        bob.responses.create(model=CLAUDE, input="Two.", previous_response_id=made.id)
    with pytest.raises(openai.NotFoundError):
        bob.responses.create(model=CLAUDE, input=referring(made))
    assert ada.responses.retrieve(made.id).id == made.id


def test_an_upstream_that_keeps_its_own_is_asked_as_it_is(make_stage: Any, client_of: Clients) -> None:
    stage = make_stage(["openai"])
    client_of(stage).responses.create(model="openai/gpt-4.1", input="Two.", previous_response_id="resp_of_openai")
    assert b"resp_of_openai" in stage.emulator.requests[0].body


def test_nobody_goes_on_from_what_an_upstream_keeps_for_another(make_stage: Any, client_of: Clients) -> None:
    keys = {"ada": {"key": "key-of-ada-0123456789"}, "bob": {"key": "key-of-bob-0123456789"}}
    stage = make_stage(["openai"], {"keys": keys}, scenario=recite)
    ada, bob = (client_of(stage, table["key"]) for table in keys.values())
    made = ada.responses.create(model="openai/gpt-4.1", input="One.")
    ada.responses.create(model="openai/gpt-4.1", input="Two.", previous_response_id=made.id)
    with pytest.raises(openai.NotFoundError, match="is kept here"):
        bob.responses.create(model="openai/gpt-4.1", input="Two.", previous_response_id=made.id)
    assert len(stage.emulator.requests) == 2


def test_a_host_of_responses_that_keeps_nothing_gets_the_whole_conversation(make_stage: Any, client_of: Any) -> None:
    stage = make_stage(["groq"], scenario=recite)
    client = client_of(stage)
    first = client.responses.create(model="groq/openai/gpt-oss-120b", input="One.")
    second = client.responses.create(model="groq/openai/gpt-oss-120b", input="Two.", previous_response_id=first.id)
    assert second.output_text == "user: One. / assistant: user: One. / user: Two."
    assert first.model_dump()["store"] is True
    assert {request.path.rpartition("/")[2] for request in stage.emulator.requests} == {"responses"}
    assert client.responses.retrieve(first.id).output_text == first.output_text
    assert b"previous_response_id" not in stage.emulator.requests[1].body


def kept(text: str) -> Kept:
    return Kept((Message("user", (Text(text=text),)), Message("assistant", (Text(text="Yes."),))), 1, b"{}")


def test_the_oldest_go_when_there_is_too_much(tmp_path: Path) -> None:
    store = KeptResponses(str(tmp_path / "kept.sqlite"), max_bytes=20_000)
    for number in range(256):
        store.put(None, f"resp_{number}", kept("x" * 1000))
    assert store.get(None, "resp_0") is None
    assert store.get(None, "resp_255") is not None
    store.close()


def test_two_processes_share_a_file(tmp_path: Path) -> None:
    one, other = (KeptResponses(str(tmp_path / "kept.sqlite")) for _ in range(2))
    one.put("ada", "resp_1", kept("Hi"))
    assert other.get("ada", "resp_1") == kept("Hi")
    assert other.get("bob", "resp_1") is None
    one.close()
    other.close()
