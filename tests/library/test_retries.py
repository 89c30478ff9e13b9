"""What a user sees of an answer that had to be asked for again."""

from __future__ import annotations

from collections.abc import Callable

import dragoman
from dragoman.core.events import OrderCheck, Started
from dragoman.emulator import Emulator


def test_an_answer_that_fails_right_after_its_start_starts_once_for_the_user(dragoman_emulator: Callable[..., Emulator]) -> None:
    emulator = dragoman_emulator("openai", faults="error-after=1,times=1")
    with dragoman.Client(base_urls={"openai": emulator.url("openai")}, keys={"openai": "any-key-at-all"}) as client:
        events = list(client.stream("openai/gpt-4.1", "one two three"))
    order = OrderCheck()
    for event in events:
        order.check(event)
    order.end()
    assert "".join(event.text for event in events) == "one two three"
    assert [type(event) for event in events].count(Started) == 1
    assert len(emulator.requests) == 2
