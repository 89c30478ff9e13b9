"""Programs that are run for what they print: they end when they should, and whoever waits for one can leave."""

from __future__ import annotations

import asyncio
import shlex
import sys
import threading
from collections.abc import Callable

import pytest

from dragoman.core.errors import AuthFailed, Cancelled, TimedOut
from dragoman.drivers import AsyncDriver, Driver
from dragoman.flow.effects import Flow, printed
from dragoman.programs import printed as run
from dragoman.transport.replay import AsyncReplayTransport, ReplayTransport

ENDLESS = "import sys; sys.stdin.read(); import threading; threading.Event().wait()"


def command(code: str) -> str:
    return f"{sys.executable} -c {shlex.quote(code)}"


def nobody(end: Callable[[], None]) -> None:
    """Nobody ends it early."""


def running(code: str, told: list[bytes], timeout_s: float = 30.0) -> Flow[None]:
    told.append((yield from printed(command(code), timeout_s)))


def test_what_a_program_prints_is_the_outcome_in_both_colours() -> None:
    told: list[bytes] = []
    assert Driver(running("print('a')", told), ReplayTransport([])).batch() == []
    assert asyncio.run(AsyncDriver(running("print('b')", told), AsyncReplayTransport([])).batch()) == []
    assert [one.strip() for one in told] == [b"a", b"b"]


def test_much_that_is_printed_is_whole() -> None:
    assert len(run(command("print('x' * 1_000_000)"), 30.0, nobody).strip()) == 1_000_000


def test_a_program_that_is_not_done_in_time_is_ended() -> None:
    with pytest.raises(TimedOut, match=r"was not done within 0\.05 s"):
        run(command(ENDLESS), 0.05, nobody)


def test_a_stream_that_is_closed_ends_its_program() -> None:
    told: list[bytes] = []
    driver = Driver(running(ENDLESS, told), ReplayTransport([]))
    caught: list[BaseException] = []

    def go() -> None:
        try:
            driver.batch()
        except (Cancelled, AuthFailed) as error:
            caught.append(error)

    thread = threading.Thread(target=go)
    thread.start()
    driver.close()
    thread.join(30)
    assert not thread.is_alive()
    assert (len(caught), told) == (1, [])


def test_arguments_are_not_shown() -> None:
    with pytest.raises(AuthFailed) as caught:
        run(command("raise SystemExit(2) # very-secret"), 30.0, nobody)
    assert "very-secret" not in str(caught.value)
