"""What goes wrong in ``create_completion``: our own errors, which are also those of ``requests`` where that package is."""

from __future__ import annotations

import copy
import logging
import pickle
import subprocess
import sys
import time
from collections.abc import Generator
from typing import Any

import pytest
import requests

from dragoman.core.errors import (
    AuthFailed,
    BadReply,
    BadRequest,
    ConnectFailed,
    DragomanError,
    ModelNotFound,
    ProviderError,
    RateLimited,
    ServerFault,
    StreamCut,
    TimedOut,
    TransportError,
    UsageError,
)
from dragoman.emulator import Emulator
from dragoman.providers import AbstractProvider, Equing, Gravityengine, Lockchat, Raycast
from dragoman.providers.requests_errors import as_requests_error
from dragoman.testing import EmulatorFactory
from dragoman.typing import CreateResult, Messages
from tests.providers.conftest import MODELS, told_to_the_environment

HI: Messages = [{"role": "user", "content": "one two three four"}]
CLASSES: list[type[AbstractProvider]] = [Raycast, Lockchat, Gravityengine, Equing]


def ask(provider: type[AbstractProvider], fault: str, stream: bool = True, **more: Any) -> CreateResult:
    return provider.create_completion(f"{MODELS[provider]}!{fault}", HI, stream, **{"auth": "token", "timeout": 5} | more)


def read(result: CreateResult) -> tuple[str, DragomanError]:
    """The text that came and the error in which it ended."""
    assert isinstance(result, Generator)
    text = ""
    try:
        for piece in result:
            text += piece
    except DragomanError as error:
        return text, error
    raise AssertionError(f"it ended well: {text!r}")


# --- both trees

FAULTS: list[tuple[str, type[DragomanError], type[requests.RequestException]]] = [
    ("status=401", AuthFailed, requests.HTTPError),
    ("status=404", ModelNotFound, requests.HTTPError),
    ("status=400", BadRequest, requests.HTTPError),
    ("status=429,retry-after=60", RateLimited, requests.HTTPError),
    ("status=500,retry-after=60", ServerFault, requests.HTTPError),
    ("html,status=502,retry-after=60", ServerFault, requests.HTTPError),
]


@pytest.mark.parametrize("provider", CLASSES)
@pytest.mark.parametrize(("fault", "ours", "theirs"), FAULTS)
def test_a_failing_status_is_an_http_error_of_both(
    emulator: Emulator, provider: type[AbstractProvider], fault: str, ours: type[DragomanError], theirs: type[Exception]
) -> None:
    _, error = read(ask(provider, fault))
    assert isinstance(error, ours)
    assert isinstance(error, theirs)
    assert isinstance(error, requests.exceptions.RequestException)
    assert error.status == int(fault.partition("status=")[2][:3])
    assert error.provider == provider.__name__.lower()


@pytest.mark.parametrize("fault", ["status=401", "html,status=404"])
def test_a_whole_answer_fails_in_the_same_way_at_the_call(emulator: Emulator, fault: str) -> None:
    with pytest.raises(requests.exceptions.RequestException) as caught:
        ask(Equing, fault, stream=False)
    assert isinstance(caught.value, ProviderError)


@pytest.mark.parametrize("provider", CLASSES)
def test_a_service_that_is_gone_is_a_connection_error_of_both(provider: type[AbstractProvider]) -> None:
    _, error = read(ask(provider, "x", base_url="http://127.0.0.1:1", timeout=0.2))
    assert isinstance(error, ConnectFailed)
    assert isinstance(error, requests.ConnectionError)


@pytest.mark.parametrize("provider", CLASSES)
def test_a_service_that_is_silent_is_a_timeout_of_both(emulator: Emulator, provider: type[AbstractProvider]) -> None:
    begun = time.monotonic()
    _, error = read(ask(provider, "slow-start=30", timeout=0.2))
    assert isinstance(error, TimedOut)
    assert isinstance(error, requests.Timeout)
    assert time.monotonic() - begun < 1


@pytest.mark.parametrize("provider", [Raycast, Lockchat, Equing])
@pytest.mark.parametrize(
    ("fault", "kind"), [("no-end", StreamCut), ("malformed-after=3", BadReply), ("error-after=3", ServerFault), ("stall-after=3", TimedOut)]
)
def test_after_text_a_fault_is_an_error_and_no_retry(
    emulator: Emulator, provider: type[AbstractProvider], fault: str, kind: type[DragomanError]
) -> None:
    text, error = read(ask(provider, fault, timeout=0.2 if "stall" in fault else 5))
    assert isinstance(error, kind)
    assert isinstance(error, requests.RequestException)
    assert text
    assert HI[0]["content"].startswith(text)
    assert error.partial is not None
    assert error.partial.text == text
    assert len(emulator.requests) == 1


@pytest.mark.parametrize("kind", [ConnectFailed, TimedOut, StreamCut, TransportError, RateLimited, ServerFault, BadReply, ModelNotFound])
def test_the_joined_error_is_the_same_error_in_every_way(kind: type[DragomanError]) -> None:
    error = kind("words", provider="here", model="m", status=None, request_id="r", body="b", retry_after_s=7)
    error.attempts = (kind("first"),)
    joined = as_requests_error(error)
    assert isinstance(joined, kind)
    assert isinstance(joined, requests.RequestException)
    assert (str(joined), joined.args, type(joined).__name__) == (str(error), error.args, kind.__name__)
    assert (joined.provider, joined.retry_after_s, joined.attempts) == ("here", 7, error.attempts)
    assert (joined.response, joined.request) == (None, None)


@pytest.mark.parametrize("kind", [ConnectFailed, RateLimited, BadRequest])
def test_the_joined_error_can_be_copied_and_sent_to_another_process(kind: type[DragomanError]) -> None:
    joined = as_requests_error(kind("words", provider="here", status=418))
    for twin in (copy.copy(joined), pickle.loads(pickle.dumps(joined))):
        assert isinstance(twin, kind)
        assert isinstance(twin, requests.RequestException)
        assert (twin.message, twin.provider, twin.status) == ("words", "here", 418)


def test_a_wrong_argument_is_no_error_of_requests() -> None:
    error = UsageError("words")
    assert as_requests_error(error) is error


def test_the_traceback_shows_one_error_and_not_two(emulator: Emulator) -> None:
    _, error = read(ask(Raycast, "status=401"))
    assert error.__cause__ is None
    assert error.__suppress_context__


WITHOUT_REQUESTS = """
import sys


class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "requests":
            raise ModuleNotFoundError(name, name=name)


sys.meta_path.insert(0, Absent())
from dragoman.errors import ConnectFailed
from dragoman.providers import Lockchat

try:
    list(Lockchat.create_completion("gpt-4", [{"role": "user", "content": "Hi"}], True, base_url="http://127.0.0.1:1", timeout=0.2))
except ConnectFailed as error:
    assert type(error) is ConnectFailed
    assert "requests" not in sys.modules
    print("one tree")
"""


def test_without_requests_the_errors_are_ours_alone() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT_REQUESTS], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("one tree\n", "")


def test_with_requests_it_is_not_loaded_before_something_fails() -> None:
    program = 'import sys\nimport dragoman.providers\nassert "requests" not in sys.modules'
    assert subprocess.run([sys.executable, "-c", program], timeout=60, check=False).returncode == 0


# --- the passing fault of Lockchat


def test_lockchat_is_asked_again_while_it_denies_its_model(
    dragoman_emulator: EmulatorFactory, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    emulator = told_to_the_environment(dragoman_emulator("lockchat", faults="passing-fault=1"), monkeypatch)
    with caplog.at_level(logging.WARNING, "dragoman"):
        assert "".join(Lockchat.create_completion("gpt-4", HI, True)) == "one two three four"
    assert len(emulator.requests) == 2
    assert [record.getMessage().partition(", again")[0] for record in caplog.records] == ["lockchat: try 1 of 3 failed"]


def test_lockchat_is_asked_three_times_and_then_its_word_is_taken(
    dragoman_emulator: EmulatorFactory, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    emulator = told_to_the_environment(dragoman_emulator("lockchat", faults="passing-fault=9"), monkeypatch)
    with caplog.at_level(logging.WARNING, "dragoman"):
        text, error = read(Lockchat.create_completion("gpt-4", HI, True))
    assert text == ""
    assert isinstance(error, ModelNotFound)
    assert isinstance(error, requests.RequestException)
    assert "The model: `gpt-4` does not exist" in str(error)
    assert len(error.attempts) == 2
    assert len(emulator.requests) == 3
    assert [record.getMessage()[10:20] for record in caplog.records] == ["try 1 of 3", "try 2 of 3", "try 3 of 3"]


def test_the_denial_of_another_provider_is_no_passing_fault(emulator: Emulator) -> None:
    for provider in (Equing, Gravityengine, Raycast):
        text = "".join(
            provider.create_completion(MODELS[provider], [{"role": "user", "content": "The model: `gpt-4` does not exist"}], True, auth="t")
        )
        assert text == "The model: `gpt-4` does not exist"


# --- proxies


def test_the_proxy_is_used_for_the_request(emulator: Emulator) -> None:
    from tests.library.servers import listening, read_request

    seen: list[bytes] = []

    def serve(connection: Any) -> None:
        seen.append(read_request(connection))
        connection.sendall(b"HTTP/1.1 403 No\r\ncontent-length: 0\r\n\r\n")

    with listening(serve) as proxy:
        _, error = read(ask(Lockchat, "x", proxy=proxy, base_url="http://lockchat.example"))
    assert seen[0].startswith(b"POST http://lockchat.example/v1/chat/completions HTTP/1.1\r\n")
    assert error.status == 403


@pytest.mark.parametrize("scheme", ["http", "https", "socks5", "socks5h"])
def test_each_kind_of_proxy_is_taken(scheme: str) -> None:
    Raycast.create_completion("gpt-4", HI, True, f"{scheme}://user:secret@127.0.0.1:1", auth="t")


@pytest.mark.parametrize("scheme", ["http", "socks5"])
def test_a_proxy_that_is_not_there_is_a_connection_error_without_its_password(scheme: str) -> None:
    _, error = read(ask(Raycast, "x", proxy=f"{scheme}://user:secret@127.0.0.1:1", timeout=0.3))
    assert isinstance(error, ConnectFailed)
    assert isinstance(error, requests.ConnectionError)
    assert "secret" not in str(error) + repr(vars(error))
