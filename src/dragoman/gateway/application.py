"""The gateway with everything about it: observers, pages, its connections to providers.

What serves it, a listener or somebody's ASGI server, is not its affair.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from dragoman.core.errors import AuthFailed, BadRequest, DragomanError, UsageError
from dragoman.core.exchange import Call
from dragoman.gateway.client_keys import ClientKeys
from dragoman.gateway.config.tables import KeyTable
from dragoman.gateway.description import openapi, page
from dragoman.gateway.gateway import Gateway, presented_key
from dragoman.gateway.pages import Page, json_answer
from dragoman.gateway.prompts.kept_responses import FILE, KeptResponses
from dragoman.gateway.setup import Setup
from dragoman.gateway.telemetry.access_log import AccessLog
from dragoman.gateway.telemetry.metrics import Metrics, Tables, exposition
from dragoman.gateway.telemetry.records import Observer
from dragoman.gateway.telemetry.tracing import Tracing
from dragoman.prices import load_tables
from dragoman.server.answer import Answer
from dragoman.transport.aio import AsyncioTransport
from dragoman.transport.settings import Settings

_LOG = logging.getLogger("dragoman.gateway")
MAX_IDLE_UPSTREAM: Final = 1024
"""Connections to providers that are kept for later requests, for each process."""


class Application:
    """One process's gateway. ``read_setup`` makes its setup, now and at each reload; it raises ``UsageError``.

    ``mounted`` says that it is part of somebody's own application; ``shared`` is a folder that several processes of it use.
    """

    def __init__(self, read_setup: Callable[[], Setup], *, mounted: bool = False, shared: Path | None = None) -> None:
        self._read_setup = read_setup
        setup = read_setup()
        self._transport = AsyncioTransport(Settings(max_idle_connections=MAX_IDLE_UPSTREAM), setup.surroundings.environment)
        self.stopping = False
        self.on_reload: Callable[[], None] | None = None
        """Told when a caller asked for a reload that succeeded: other processes are to follow."""
        self.metrics = Metrics()
        self.collect: Callable[[], Awaitable[Tables]] = self._own_tables
        """The counts of all processes of this gateway."""
        observers: list[Observer] = [self.metrics]
        if setup.config.log.access != "off":
            observers.append(AccessLog(setup.config.log.access))
        self._tracing = Tracing(setup.config.otel) if setup.config.otel.endpoint else None
        if self._tracing is not None:
            observers.append(self._tracing)
        self._kept = KeptResponses(None if shared is None else str(shared / FILE))
        self.gateway = Gateway(setup, self._transport, observers, self._pages(), mounted=mounted, kept_responses=self._kept)

    @property
    def setup(self) -> Setup:
        return self.gateway.setup

    async def close(self) -> None:
        """Let the connections to providers go, and what is kept."""
        await self._transport.close()
        self._kept.close()
        if self._tracing is not None:
            self._tracing.close()

    def load_prices(self) -> None:
        """Begin to load them beside the loop, where anything that is served has a price: the first answer would hold up all others."""
        if any(self.setup.catalogue.provider(name).prices for name in self.setup.providers):
            threading.Thread(target=load_tables, name="prices").start()

    # --- reload

    def reload(self) -> None:
        """Read the configuration anew; answers under way keep the old one. Raises ``UsageError``, and then nothing has changed."""
        self.gateway.setup = self._read_setup()
        self.load_prices()

    def try_reload(self) -> None:
        """The same, with what is wrong in the log."""
        try:
            self.reload()
        except DragomanError as fault:
            _LOG.error("the configuration was not changed: %s", fault)
        else:
            _LOG.warning("the configuration was read anew")

    # --- pages

    def _pages(self) -> dict[tuple[str, str], Page]:
        return {
            ("GET", "/"): Page(self._page, for_callers=False),
            ("GET", "/openapi.json"): Page(self._openapi, for_callers=False),
            ("GET", "/health/live"): Page(self._live, for_callers=False),
            ("GET", "/health/ready"): Page(self._ready, for_callers=False),
            ("GET", "/metrics"): Page(self._metrics),
            ("POST", "/admin/reload"): Page(self._reload, for_callers=False),
        }

    async def _page(self, call: Call) -> Answer:
        return page(keyed=bool(self.setup.client_keys))

    async def _openapi(self, call: Call) -> Answer:
        return json_answer(openapi(self.gateway.faces))

    async def _live(self, call: Call) -> Answer:
        return json_answer({"status": "live"})

    async def _ready(self, call: Call) -> Answer:
        """Not ready while it stops, so that a balancer sends no more."""
        return json_answer({"status": "stopping"}, 503) if self.stopping else json_answer({"status": "ready"})

    async def _own_tables(self) -> Tables:
        return self.metrics.tables

    async def _metrics(self, call: Call) -> Answer:
        try:
            content_type, text = exposition(await self.collect())
        except ImportError:
            raise UsageError("metrics need prometheus_client: pip install 'dragoman[server]'") from None
        return Answer(200, (("content-type", content_type),), text)

    async def _reload(self, call: Call) -> Answer:
        _check_admin(self.setup, call)
        self.reload()
        if self.on_reload is not None:
            self.on_reload()
        return json_answer({"status": "reloaded"})


def _check_admin(setup: Setup, call: Call) -> None:
    """Raises ``AuthFailed`` unless the call has the administrator's key, ``BadRequest`` where there is none."""
    table = setup.config.admin
    if table.hash is None and table.key is None:
        raise BadRequest("nothing is served at /admin without a key of its own; set [admin] hash or key", status=404, code="not_found")
    presented = presented_key(call.url, dict(call.headers))
    if presented is None or ClientKeys({"admin": KeyTable(hash=table.hash, key=table.key)}).name_of(presented) is None:
        raise AuthFailed("the administrator's key is wanted here, as Authorization: Bearer")
