"""The three scenes: whole answers, paced streams, and many streams that are open at once. Each starts its own programs and ends them."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Final, Generic, NamedTuple, TypeVar

from bench.gateway import load, nginx
from bench.gateway.audience import Audience
from bench.gateway.contenders import NGINX, Contender, Place, Start, check
from bench.gateway.load import Load
from bench.gateway.machine import Failed, Program, busy_s, cpu_s, free_port, resident_bytes, running

F = TypeVar("F")
CONNECTIONS: Final = 64
OPEN_S: Final = 30.0
SETTLE_S: Final = 0.5


class Plan(NamedTuple):
    """How much is measured."""

    rounds: int
    seconds: float
    """Of each run of wrk, and of listening to the streams."""
    streams: int = 400
    events_per_s: float = 50.0
    open_streams: int = 2_000
    open_events_per_s: float = 0.5
    starts: int = 5


class Trial(NamedTuple, Generic[F]):
    """One run, and those of the yardsticks made right before it."""

    own: F
    beside: Mapping[str, F]


Trials = dict[str, list[Trial[F]]]


class Streaming(NamedTuple):
    """What many streams opened at once saw, and what they cost."""

    first_p50_ms: float
    first_p99_ms: float
    cpu_us: float
    """CPU time of the measured program for one event."""
    delay_ms: float
    """99 of 100 events came within it. Where it is long, events were taken several at a time, and cost less than they should."""
    kept_up: float
    """Share of the events sent that came."""
    foreign: float
    """Share of the measured program's core that others had meanwhile."""


class Weight(NamedTuple):
    """What a program weighs."""

    ready_s: float
    idle_bytes: int
    stream_bytes: float
    lost: int


def say(text: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")


def in_turns(measure: Callable[[Contender], F], contenders: Sequence[Contender], beside: Sequence[Contender], rounds: int) -> Trials[F]:
    """Every contender ``rounds`` times, each right after the yardsticks ``beside`` it, as machines are now faster and now slower."""
    trials: Trials[F] = {one.name: [] for one in (*beside, *contenders)}
    failed = set()
    for _ in range(rounds):
        for contender in (one for one in contenders if one not in failed):
            before = {one.name: measure(one) for one in beside}
            for name, figures in before.items():
                trials[name].append(Trial(figures, before))
            try:
                trials[contender.name].append(Trial(measure(contender), before))
            except Failed as fault:
                failed.add(contender)
                say(f"{contender.name} is left out from here: {fault}")
    return trials


# --- whole answers


@contextmanager
def whole_answers(place: Place, contenders: Sequence[Contender], starts: Mapping[str, Start]) -> Iterator[Callable[..., Load]]:
    """A function that loads a contender over so many connections for so many seconds."""
    with ExitStack() as stack:
        port = free_port()
        command = nginx.write(place.folder, "provider", nginx.provider(port), place.files)
        provider = stack.enter_context(running(command, port, place.cores.load, place.folder / "provider.log"))
        behind = place._replace(behind=port, streams=False)
        up = {"provider": provider} | started(stack, behind, [NGINX, *contenders], starts)
        checked: set[Contender] = set()

        def run(contender: Contender, connections: int, seconds: float) -> Load:
            program = found(up, contender)
            if contender not in checked:
                check(contender, program.port, place.key)
                checked.add(contender)
            core = place.cores.load if program is provider else place.cores.gateway
            figures = load.run(contender.ask(place.key), program, core, connections, seconds, place.folder)
            said = f"{figures.per_s:,.0f} requests/s, p50 {figures.p50_us:.0f} µs; others had {figures.foreign:.0%} of its core"
            say(f"{contender.name}, {connections} connections: {said}")
            return figures

        yield run


def started(stack: ExitStack, place: Place, contenders: Sequence[Contender], starts: Mapping[str, Start]) -> dict[str, Program]:
    """Each server that the contenders need, once, if it comes up."""
    up = {}
    for name in dict.fromkeys(one.server for one in contenders):
        try:
            up[name] = stack.enter_context(starts[name](place))
        except Failed as fault:
            say(str(fault))
    return up


def found(up: Mapping[str, Program], contender: Contender) -> Program:
    if contender.server not in up:
        raise Failed("its server did not come up")
    return up[contender.server]


# --- streams


def paced(stack: ExitStack, place: Place, per_s: float) -> Place:
    """The place in front of a provider that streams."""
    port = free_port()
    command = [sys.executable, "-m", "bench.gateway.paced", str(port), str(per_s)]
    stack.enter_context(running(command, port, place.cores.load, place.folder / "paced.log"))
    return place._replace(behind=port, streams=True)


def streaming(place: Place, plan: Plan, contenders: Sequence[Contender], starts: Mapping[str, Start]) -> Trials[Streaming]:
    with ExitStack() as stack:
        behind = paced(stack, place, plan.events_per_s)
        up = started(stack, behind, [NGINX, *contenders], starts)

        def measure(contender: Contender) -> Streaming:
            figures = listen(contender, found(up, contender), place, plan)
            said = f"{figures.cpu_us:.1f} µs an event, delay p99 {figures.delay_ms:.0f} ms, first event p99 {figures.first_p99_ms:.0f} ms"
            say(f"{contender.name}, {plan.streams} streams: {said}")
            return figures

        return in_turns(measure, contenders, [NGINX], plan.rounds)


def listen(contender: Contender, program: Program, place: Place, plan: Plan) -> Streaming:
    with Audience(program.port, contender.ask(place.key, stream=True)) as audience:
        first_ms = sorted(1000 * seconds for seconds in audience.open(plan.streams, plan.streams, OPEN_S))
        audience.listen(SETTLE_S)
        before, busy = cpu_s(program.pid), busy_s(place.cores.gateway)
        heard = audience.listen(plan.seconds)
        spent, had = cpu_s(program.pid) - before, busy_s(place.cores.gateway) - busy
    if heard.silent or not heard.events:
        raise Failed(f"{contender.name}: {heard.silent} of {plan.streams} streams fell silent")
    sent = plan.streams * plan.events_per_s * heard.seconds
    cpu_us = spent / heard.events * 1e6
    delay_ms = percentile(heard.delays_ms, 0.99)
    foreign = max(0.0, had - spent) / heard.seconds
    return Streaming(statistics.median(first_ms), percentile(first_ms, 0.99), cpu_us, delay_ms, heard.events / sent, foreign)


def percentile(rising: Sequence[float], share: float) -> float:
    """The least value that ``share`` of all do not exceed."""
    return rising[min(len(rising) - 1, max(0, -int(-share * len(rising) // 1) - 1))]


# --- weight


def weights(place: Place, plan: Plan, contenders: Sequence[Contender], starts: Mapping[str, Start]) -> dict[str, Weight]:
    with ExitStack() as stack:
        behind = paced(stack, place, plan.open_events_per_s)
        alone = in_turns(lambda one: weigh(one, behind, plan, starts[one.server]), contenders, [], 1)
        return {name: trials[0].own for name, trials in alone.items() if trials}


def weigh(contender: Contender, place: Place, plan: Plan, start: Start) -> Weight:
    """A fresh program: what it takes to start, idle after its first answer, and with all streams open."""
    ready_s = []
    for _ in range(plan.starts):
        with start(place) as program:
            ready_s.append(program.ready_s)
    ask = contender.ask(place.key, stream=True)
    with start(place) as program:
        with Audience(program.port, ask) as first:
            first.open(1, 1, OPEN_S)
        time.sleep(SETTLE_S)
        idle = resident_bytes(program.pid)
        with Audience(program.port, ask) as audience:
            begun = len(audience.open(plan.open_streams, 128, OPEN_S + plan.open_streams / 100))
            heard = audience.listen(2 / plan.open_events_per_s)
            full = resident_bytes(program.pid)
    lost = plan.open_streams - begun + heard.silent
    say(f"{contender.name}: ready in {min(ready_s):.2f} s, {idle / 1e6:.0f} MB idle, {plan.open_streams} streams open, {lost} lost")
    return Weight(statistics.median(ready_s), idle, (full - idle) / plan.open_streams, lost)
