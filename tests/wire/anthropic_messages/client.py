"""The vendor's own client, joined to the server role on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from anthropic import Anthropic, DefaultHttpxClient

from dragoman.emulator import Scenario
from dragoman.emulator.operations import Operated
from tests.wire.served import Served, serving

from .streams import NAME


@contextmanager
def served(scenario: Scenario | None = None, **operations: Operated) -> Iterator[tuple[Anthropic, Served]]:
    """The client, and a server that answers by ``scenario`` and ``operations``."""
    with (
        serving(NAME, scenario, operations=operations) as server,
        Anthropic(api_key="key", base_url=server.root, max_retries=0, http_client=DefaultHttpxClient(trust_env=False)) as client,
    ):
        yield client, server
