"""Every loop that the server runs on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
import uvloop

PATIENCE_S = 30.0
LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}

Scenario = Callable[[], Awaitable[None]]


@pytest.fixture(params=list(LOOPS))
def run(request: pytest.FixtureRequest) -> Callable[[Scenario], None]:
    """Runs a scenario in each loop in turn."""

    async def patiently(scenario: Scenario) -> None:
        async with asyncio.timeout(PATIENCE_S):
            await scenario()

    def run_it(scenario: Scenario) -> None:
        with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:
            runner.run(patiently(scenario))

    return run_it
