"""Calls that wait for their turn, as who wants to know of them is told."""

from __future__ import annotations

import msgspec
import pytest

from dragoman.core.exchange import Call
from dragoman.server import Answer, BrokenOff, Listener

from .wire import OK, Feed, Held, Program, Runner, Served, ended, get, turns, until


class Seen:
    """Marks calls as they arrive, and keeps those that are dropped."""

    def __init__(self) -> None:
        self.arrived_urls: list[str] = []
        self.dropped_urls: list[tuple[str, bool]] = []

    def arrived(self, call: Call) -> Call:
        self.arrived_urls.append(call.url)
        return msgspec.structs.replace(call, url=f"{call.url}-seen")

    def dropped(self, call: Call, *, by_client: bool) -> None:
        self.dropped_urls.append((call.url, by_client))


async def served(program: Program, seen: Seen) -> Served:
    listener = Listener(program, arrivals=seen)
    return Served(listener, await listener.start("127.0.0.1", 0))


def test_a_call_is_told_of_before_its_turn_and_handled_as_it_was_given_back(run: Runner) -> None:
    async def scenario() -> None:
        seen, held = Seen(), Held()
        program = Program(held)
        async with ended(await served(program, seen)) as one:
            client = await one.connect()
            await client.send(get("/a") + get("/b"))
            await until(held.begun.is_set)
            assert seen.arrived_urls == ["/a", "/b"]
            assert [call.url for call in program.calls] == ["/a-seen"]
            held.let_go.set()
            assert [(await client.reply())[0] for _ in range(2)] == [200, 200]
            assert [call.url for call in program.calls] == ["/a-seen", "/b-seen"]
        assert seen.dropped_urls == []

    run(scenario)


@pytest.mark.parametrize("half", [True, False])
def test_a_client_that_leaves_drops_what_waits_but_not_what_is_under_way(run: Runner, half: bool) -> None:
    async def scenario() -> None:
        seen, held = Seen(), Held()
        async with ended(await served(Program(held), seen)) as one:
            client = await one.connect()
            await client.send(get("/a") + get("/b") + get("/c"))
            await until(lambda: len(seen.arrived_urls) == 3)
            client.half_close() if half else client.close()
            await until(held.cancelled.is_set)
            await turns()
            assert seen.dropped_urls == [("/b-seen", True), ("/c-seen", True)]

    run(scenario)


def test_what_waits_behind_a_broken_answer_is_dropped_from_here(run: Runner) -> None:
    async def scenario() -> None:
        seen = Seen()
        async with ended(await served(Program(Answer(200, (), Feed(BrokenOff()))), seen)) as one:
            client = await one.connect()
            await client.send(get("/a") + get("/b"))
            await client.rest()
            client.close()
            await until(lambda: seen.dropped_urls)
            assert seen.dropped_urls == [("/b-seen", False)]

    run(scenario)


def test_what_waits_when_the_server_stops_is_dropped_from_here(run: Runner) -> None:
    async def scenario() -> None:
        seen, held = Seen(), Held()
        async with ended(await served(Program(held, ok=OK), seen)) as one:
            client = await one.connect()
            await client.send(get("/a") + get("/b"))
            await until(lambda: len(seen.arrived_urls) == 2)
            await one.listener.stop()
            assert seen.dropped_urls == [("/b-seen", False)]

    run(scenario)
