"""The contract of the legacy providers, line by line: names, attributes, arguments, results, laziness, closing."""

from __future__ import annotations

import gc
import inspect
import types
from abc import ABC
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

import dragoman.providers
import dragoman.typing
from dragoman.core.errors import Cancelled, MissingKey, UnknownModel, UsageError
from dragoman.emulator import Emulator
from dragoman.providers import AbstractProvider, Equing, Gravityengine, Lockchat, Raycast, gravityengine
from dragoman.testing import EmulatorFactory
from dragoman.typing import CreateResult, Message, Messages
from tests.library.servers import answer, relay, saying
from tests.providers.conftest import MODELS

HI: Messages = [{"role": "user", "content": "one two three"}]
CLASSES: list[type[AbstractProvider]] = [Raycast, Lockchat, Gravityengine, Equing]
Each = pytest.mark.parametrize("provider", CLASSES)


def ask(provider: type[AbstractProvider], /, stream: bool = True, **more: Any) -> CreateResult:
    given: dict[str, Any] = {"model": MODELS[provider], "messages": HI, "stream": stream, "auth": "token", **more}
    return provider.create_completion(**given)


def generator(result: CreateResult) -> Generator[str, None, None]:
    assert isinstance(result, types.GeneratorType)
    return result


@Each
def test_any_models_name_is_passed_on(emulator: Emulator, provider: type[AbstractProvider]) -> None:
    assert list(ask(provider, model="model-of-tomorrow"))
    (record,) = emulator.requests
    assert record.request is not None
    assert record.request.model == "model-of-tomorrow"


# --- names and attributes

ATTRIBUTES: dict[type[AbstractProvider], dict[str, Any]] = {
    Raycast: {
        "url": "https://raycast.com",
        "supports_stream": True,
        "needs_auth": True,
        "working": False,
        "models": ["gpt-3.5-turbo", "gpt-4"],
    },
    Lockchat: {
        "url": "http://supertest.lockchat.app",
        "supports_stream": True,
        "supports_gpt_35_turbo": True,
        "supports_gpt_4": True,
        "working": False,
    },
    Gravityengine: {
        "url": "https://gpt4.gravityengine.cc",
        "supports_stream": True,
        "needs_auth": False,
        "working": False,
        "models": ["gpt-3.5-turbo-16k", "gpt-3.5-turbo-0613"],
    },
    Equing: {
        "url": "https://next.eqing.tech/",
        "working": False,
        "supports_stream": True,
        "supports_gpt_35_turbo": True,
        "supports_gpt_4": False,
    },
}
LINES = [(provider, name, value) for provider, lines in ATTRIBUTES.items() for name, value in lines.items()]


@pytest.mark.parametrize(("provider", "name", "value"), LINES, ids=[f"{provider.__name__}.{name}" for provider, name, _ in LINES])
def test_each_attribute_is_as_the_description_says(provider: type[AbstractProvider], name: str, value: Any) -> None:
    assert getattr(provider, name) == value
    assert type(getattr(provider, name)) is type(value)


@Each
def test_the_row_and_the_class_say_the_same(provider: type[AbstractProvider]) -> None:
    from dragoman.catalogue.load import Catalogue

    row = Catalogue().provider(provider.__name__.lower())
    assert (row.url, row.working) == (provider.url, provider.working)
    if provider.models:
        assert [model.name for model in row.models] == provider.models
    assert row.auth.required == provider.needs_auth


@Each
def test_each_is_an_abstract_provider(provider: type[AbstractProvider]) -> None:
    assert issubclass(provider, AbstractProvider)
    assert isinstance(inspect.getattr_static(provider, "create_completion"), staticmethod)


def test_the_abstract_provider_is_abstract() -> None:
    assert issubclass(AbstractProvider, ABC)
    assert AbstractProvider.__abstractmethods__ == {"create_completion"}
    with pytest.raises(TypeError, match="abstract"):
        AbstractProvider()  # type: ignore[abstract]


def test_a_class_of_the_users_own_can_be_built_on_it() -> None:
    class Own(AbstractProvider):
        url = "https://own"

        @staticmethod
        def create_completion(model: str, messages: Messages, stream: bool, **kwargs: Any) -> CreateResult:
            return f"{model}: {messages[0]['content']}"

    assert Own.create_completion("m", HI, False) == "m: one two three"
    assert (Own.working, Own.supports_stream, Own.models) == (False, False, [])


def test_the_types_have_the_names_of_the_description() -> None:
    assert Message == dict[str, str]
    assert Messages == list[dict[str, str]]
    assert CreateResult == str | Generator[str, None, None]
    assert sorted(dragoman.typing.__all__) == ["CreateResult", "Message", "Messages"]


SIGNATURES = {
    Raycast: ["model", "messages", "stream", "proxy", "kwargs"],
    Lockchat: ["model", "messages", "stream", "kwargs"],
    Gravityengine: ["model", "messages", "stream", "kwargs"],
    Equing: ["model", "messages", "stream", "kwargs"],
}


@Each
def test_the_arguments_have_the_names_and_the_order_of_the_description(provider: type[AbstractProvider]) -> None:
    parameters = inspect.signature(provider.create_completion).parameters
    assert list(parameters) == SIGNATURES[provider]
    assert parameters["kwargs"].kind is inspect.Parameter.VAR_KEYWORD
    assert inspect.signature(Raycast.create_completion).parameters["proxy"].default is None


def test_gravityengine_is_a_module_too() -> None:
    assert gravityengine.url == "https://gpt4.gravityengine.cc"
    assert gravityengine.model == ["gpt-3.5-turbo-16k", "gpt-3.5-turbo-0613"]
    assert gravityengine.supports_stream is True
    assert gravityengine.needs_auth is False
    assert gravityengine.params == "g4f.Providers.Gravityengine supports: (model: str, messages: list, stream: bool)"
    assert list(inspect.signature(gravityengine._create_completion).parameters) == ["model", "messages", "stream", "kwargs"]


def test_gravityengine_answers_through_its_module_too(emulator: Emulator) -> None:
    assert list(gravityengine._create_completion("gpt-3.5-turbo-16k", HI, True)) == ["one two three"]
    assert list(gravityengine._create_completion(model="gpt-3.5-turbo-0613", messages=HI, stream=False)) == ["one two three"]


def test_any_row_of_the_catalogue_is_a_class(dragoman_emulator: EmulatorFactory, tmp_path: Path) -> None:
    from dragoman.providers import Openai

    url = dragoman_emulator("openai").url("openai")
    assert issubclass(Openai, AbstractProvider)
    assert Openai.needs_auth
    assert Openai.create_completion("gpt-4.1", HI, False, auth="k", base_url=url) == "one two three"
    assert list(Openai.create_completion("gpt-4.1", HI, True, auth="k", base_url=url)) == ["one", " two", " three"]
    with pytest.raises(MissingKey, match="OpenAI needs a key"):
        Openai.create_completion("gpt-4.1", HI, True)


def test_a_row_of_the_users_own_is_a_class(dragoman_emulator: EmulatorFactory, tmp_path: Path) -> None:
    url = dragoman_emulator("vllm").url("vllm")
    (tmp_path / "providers.toml").write_text(
        f'[providers.minehost]\ndialect = "openai_chat"\nbase_url = "{url}"\nauth = {{required = false}}\n'
    )
    own: type[AbstractProvider] = dragoman.providers.Minehost
    assert own.create_completion("any", HI, False) == "one two three"


@pytest.mark.parametrize("name", ["Raycas", "Nobody", "_private", "__path_of_nobody__"])
def test_a_name_that_is_no_provider_is_an_attribute_error(name: str) -> None:
    with pytest.raises(AttributeError, match=name):
        getattr(dragoman.providers, name)
    assert not hasattr(dragoman.providers, name)


# --- results


@Each
@pytest.mark.parametrize("stream", [True, False])
def test_the_result_has_the_type_of_the_description(emulator: Emulator, provider: type[AbstractProvider], stream: bool) -> None:
    result = ask(provider, stream)
    if provider is Equing and not stream:
        assert result == "one two three"
        return
    pieces = list(generator(result))
    assert all(type(piece) is str and piece for piece in pieces)
    assert "".join(pieces) == "one two three"
    assert len(pieces) == (1 if provider is Gravityengine else 3)


@Each
def test_the_generator_shows_itself_as_in_the_description(provider: type[AbstractProvider]) -> None:
    assert repr(ask(provider)).startswith("<generator object AbstractProvider.create_completion at 0x")


@Each
def test_arguments_may_be_given_by_position(emulator: Emulator, provider: type[AbstractProvider]) -> None:
    result = provider.create_completion(MODELS[provider], HI, True, auth="token")
    assert "".join(result) == "one two three"


def test_the_proxy_of_raycast_may_be_given_by_position_too(emulator: Emulator) -> None:
    assert "".join(Raycast.create_completion("gpt-4", HI, True, None, auth="token")) == "one two three"


def test_gravityengine_reads_a_stream_where_the_service_answers_with_one() -> None:
    chunks = [b'data: {"choices":[{"index":0,"delta":{"content":"%b"}}]}\n\n' % word for word in (b"a", b"b")]
    with saying(answer(b"".join(chunks) + b"data: [DONE]\n\n")) as (url, _):
        pieces = list(generator(ask(Gravityengine, base_url=url)))
    assert pieces == ["a", "b"]


# --- laziness


@Each
def test_nothing_is_sent_before_the_first_piece_is_wanted(emulator: Emulator, provider: type[AbstractProvider]) -> None:
    result = generator(ask(provider))
    assert len(emulator.requests) == 0
    next(result)
    assert len(emulator.requests) == 1
    result.close()


def test_a_whole_answer_is_asked_for_at_the_call(emulator: Emulator) -> None:
    ask(Equing, False)
    assert len(emulator.requests) == 1


@Each
def test_a_generator_that_is_never_begun_sends_nothing(emulator: Emulator, provider: type[AbstractProvider]) -> None:
    generator(ask(provider)).close()
    ask(provider)
    gc.collect()
    assert len(emulator.requests) == 0


# --- closing


@pytest.fixture
def endless(dragoman_emulator: EmulatorFactory) -> Emulator:
    return dragoman_emulator(["raycast", "lockchat", "equing"], scenario="lorem=100000", tokens_per_second=200)


@pytest.mark.parametrize("provider", [Raycast, Lockchat, Equing])
@pytest.mark.parametrize("way", ["close", "drop", "break", "throw"])
def test_closing_the_generator_closes_the_upstream_at_once(endless: Emulator, provider: type[AbstractProvider], way: str) -> None:
    with relay(endless.url(provider.__name__.lower())) as (url, counted):
        result: Generator[str, None, None] | None = generator(ask(provider, base_url=url))
        assert result is not None
        next(result)
        if way == "close":
            result.close()
        elif way == "throw":
            with pytest.raises(KeyError):
                result.throw(KeyError())
        elif way == "break":
            for _ in result:
                break
        result = None
        gc.collect()
        endless.requests.wait_for(lambda record: record.outcome == "abandoned", 0.5)
        counted.wait_until_closed()
        assert counted.opened == 1


@Each
def test_no_connection_is_left_when_the_answer_has_ended(emulator: Emulator, provider: type[AbstractProvider]) -> None:
    with relay(emulator.url(provider.__name__.lower())) as (url, counted):
        result = generator(ask(provider, base_url=url))
        assert "".join(result) == "one two three"
        counted.wait_until_closed()
        assert list(result) == []


def test_a_closed_generator_stays_closed(emulator: Emulator) -> None:
    result = generator(ask(Raycast))
    next(result)
    result.close()
    assert list(result) == []
    assert not issubclass(StopIteration, Cancelled)


# --- arguments that are wrong: at the call


def test_raycast_without_a_token_is_a_value_error_at_the_call(emulator: Emulator) -> None:
    for more in ({}, {"auth": None}, {"auth": ""}):
        with pytest.raises(ValueError) as caught:  # noqa: PT011  its words are compared below
            Raycast.create_completion(model="gpt-4", messages=HI, stream=True, **more)
        assert str(caught.value) == "Raycast needs an auth token, pass it with the `auth` parameter"
        assert isinstance(caught.value, UsageError)
    assert len(emulator.requests) == 0


BAD: list[tuple[dict[str, Any], str]] = [
    ({"messages": []}, "messages: the list is empty"),
    ({"messages": None}, "messages: NoneType was given"),
    ({"messages": [{"role": "user"}]}, "messages[0].content: it is missing"),
    ({"messages": [{"content": "x"}]}, "messages[0].role: it is missing"),
    ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role: 'robot' was given"),
    ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content: int was given"),
    ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://x"}}]}]}, "plain text only"),
    ({"model": ""}, "model: '' was given; the name of a model is expected"),
    ({"model": None}, "model: None was given"),
    ({"model": 5}, "model: 5 was given"),
    ({"timeout": 0}, "timeout is 0; a positive number of seconds or None is allowed"),
    ({"timeout": -1}, "timeout is -1"),
    ({"timeout": "soon"}, "timeout is 'soon'"),
    ({"proxy": "nonsense"}, "proxy is 'nonsense'; an http://, https://, socks5:// or socks5h:// URL with a host is allowed"),
    ({"proxy": "ftp://host"}, "proxy is 'ftp://host'"),
    ({"proxy": 5}, "proxy is 5"),
    ({"base_url": "nonsense"}, "base_url: 'nonsense' was given"),
    ({"auth": "two words"}, "auth: the key holds characters that no key has"),
    ({"auth": 5}, "auth: int was given; a string is expected"),
    ({"temperature": "hot"}, "temperature: expected"),
]


@Each
@pytest.mark.parametrize(("given", "words"), BAD, ids=[str(given) for given, _ in BAD])
def test_a_wrong_argument_is_a_value_error_at_the_call(
    emulator: Emulator, provider: type[AbstractProvider], given: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011  its words are compared below
        ask(provider, **given)
    assert words in str(caught.value)
    assert isinstance(caught.value, UsageError)
    assert len(emulator.requests) == 0


def test_an_unknown_provider_is_said_with_the_nearest() -> None:
    from dragoman.providers.abstract import create

    with pytest.raises(UnknownModel, match="did you mean 'raycast'"):
        create("raycats", "gpt-4", HI, True, {})


# --- arguments that are only unknown


@Each
def test_unknown_arguments_never_fail(emulator: Emulator, provider: type[AbstractProvider]) -> None:
    unknown: dict[str, Any] = {"conversation_id": 5, "web_search": True, "chatId": object(), "cookies": {"a": 1}, "headers": None}
    # names that the other faces of the library know, and that mean nothing here
    unknown |= {
        "system": 5,
        "strict": "no",
        "key": 5,
        "extra": 5,
        "metadata": 5,
        "tools": 5,
        "response_format": 5,
        "reasoning": 5,
        "n": "x",
    }
    unknown |= {"stop": 5, "logprobs": "x", "tool_choice": "x", "user": 5, "seed": "x", "keys": 5, "http": 5, "verify": 5, "self": 1}
    unknown |= {"provider": 5, "given": 5, "sampling": 5, "kwargs": 5, "client": 5, "row": 5, "prompt": 5, "response": 5, "cls": 5}
    assert "".join(ask(provider, **unknown)) == "one two three"
    assert "".join(ask(provider)) == "one two three"
    assert emulator.requests[0].body == emulator.requests[1].body
