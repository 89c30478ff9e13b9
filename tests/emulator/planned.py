"""Plans of answers, and what is in them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from dragoman.catalogue.load import Catalogue
from dragoman.catalogue.schema import Provider
from dragoman.core.exchange import Call
from dragoman.core.fold import Response, fold
from dragoman.core.opaque import Json
from dragoman.emulator import Answer, Fault, Scenario
from dragoman.emulator.app import App
from dragoman.emulator.plan import Pace, Plan, Step, Write
from dragoman.emulator.scenario import scenario_of
from dragoman.wire.dialects import dialect
from dragoman.wire.quirks import Quirks

NOW_S = 1_700_000_000
OPENAI = "/openai/v1/chat/completions"
KEY = ("authorization", "Bearer any")


def app(
    *names: str,
    scenario: str | Answer | Scenario = "echo",
    pace: Pace | None = None,
    faults: Sequence[str] = (),
    rows: Sequence[Provider] = (),
) -> App:
    catalogue = Catalogue()
    providers = [*(catalogue.provider(name) for name in names or (() if rows else ("openai",))), *rows]
    return App(providers, scenario_of(scenario), pace or Pace(), [Fault.parse(text) for text in faults])


def call(body: Json, *headers: tuple[str, str], path: str = OPENAI, method: str = "POST") -> Call:
    return Call(method, path, headers or (KEY,), json.dumps(body).encode())


def steps(plan: Plan) -> list[Step]:
    """The plan's steps, which may be had once."""
    return list(plan.steps)


def body(given: Iterable[Step]) -> bytes:
    return b"".join(step.data for step in given if isinstance(step, Write))


def whole(plan: Plan) -> Json:
    return json.loads(body(plan.steps))


def response(plan: Plan, name: str = "openai_chat", quirks: Quirks | None = None) -> Response:
    """What the dialect's own client role reads in the answer."""
    decoder = dialect(name).decoder(plan.length is None, quirks or Quirks())
    events = [*decoder.feed(body(plan.steps)), *decoder.close()]
    assert decoder.error is None, decoder.error
    return fold(events)
