"""The listening socket and its connections, in the running event loop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from dragoman.core.errors import UsageError
from dragoman.server.answer import Arrivals, Handler
from dragoman.server.connection import LINGER_S, Connection
from dragoman.server.head import UNKNOWN, Openings
from dragoman.server.limits import Limits
from dragoman.server.request import Hosts, Names

BACKLOG: Final = 4096
MAX_PORT: Final = 65_535
LOOK_S: Final = 1.0
"""How often waits are looked at: one timer for all connections costs less than one for each."""


class Listener:
    """Serves ``handler``. Started at one address or several, and stopped once.

    ``clock`` dates the answers; every ``look_s`` it is asked, and waits are looked at. ``unknown_reason`` stands behind a status that has
    no name. ``arrivals`` is told of calls that wait for their turn.
    """

    def __init__(
        self,
        handler: Handler,
        limits: Limits | None = None,
        *,
        clock: Callable[[], float] = time.time,
        look_s: float = LOOK_S,
        unknown_reason: str = UNKNOWN,
        arrivals: Arrivals | None = None,
    ) -> None:
        self.handler = handler
        self.arrivals = arrivals
        self.limits = limits or Limits()
        self.names = Names()
        self.hosts = Hosts()
        self.openings = Openings(clock, unknown_reason)
        self.connections: set[Connection] = set()
        self.stopping = False
        self._look_s = look_s
        self.loop: asyncio.AbstractEventLoop
        self._servers: list[asyncio.Server] = []
        self._timer: asyncio.TimerHandle | None = None
        self._emptied: asyncio.Future[None] | None = None

    async def start(self, host: str, port: int, *, tls: ssl.SSLContext | None = None, share_port: bool = False) -> int:
        """Listen at the address; the port, also where 0 asked for any. ``share_port`` lets other processes listen at the same one.

        Raises ``UsageError`` where the address cannot be had.
        """
        if not 0 <= port <= MAX_PORT:  # uvloop would take the rest of a division
            raise UsageError(f"cannot listen on {host}:{port}: ports are from 0 to {MAX_PORT}")
        self.loop = asyncio.get_running_loop()
        create = partial(self.loop.create_server, self._connection, host, port, backlog=BACKLOG, reuse_port=share_port or None)
        try:
            server = await self._with_tls(create, tls)
        except OSError as fault:
            raise UsageError(f"cannot listen on {host}:{port}: {_explain(fault)}") from None
        self._begin(server)
        bound: int = server.sockets[0].getsockname()[1]
        return bound

    async def start_on(self, listening: socket.socket, *, tls: ssl.SSLContext | None = None) -> None:
        """Serve a socket that listens already, or a Unix one that is bound."""
        self.loop = loop = asyncio.get_running_loop()
        create = loop.create_unix_server if listening.family == getattr(socket, "AF_UNIX", None) else loop.create_server
        self._begin(await self._with_tls(partial(create, self._connection, sock=listening, backlog=BACKLOG), tls))

    def _connection(self) -> Connection:
        return Connection(self)

    async def _with_tls(self, create: Callable[..., Awaitable[asyncio.Server]], tls: ssl.SSLContext | None) -> asyncio.Server:
        """Before its handshake and behind its end a connection is none of ours, so that its waits are the loop's."""
        if tls is None:
            return await create()
        return await create(ssl=tls, ssl_handshake_timeout=self.limits.head_s, ssl_shutdown_timeout=LINGER_S)

    def _begin(self, server: asyncio.Server) -> None:
        self._servers.append(server)
        if self._timer is None:
            self._timer = self.loop.call_later(self._look_s, self._look_again)

    def _look_again(self) -> None:
        self.look(self.loop.time())
        self._timer = self.loop.call_later(self._look_s, self._look_again)

    def look(self, now_s: float) -> None:
        """What has to be looked at now and then: the date, and waits that have lasted too long on the loop's clock."""
        self.openings.clear()
        for connection in list(self.connections):
            connection.look(now_s)

    def lost(self, connection: Connection) -> None:
        """It is closed."""
        self.connections.discard(connection)
        if self._emptied is not None and not self.connections and not self._emptied.done():
            self._emptied.set_result(None)

    async def stop(self, within_s: float = 0.0) -> int:
        """Take no more requests, let those under way end for so long, cut the rest; how many were cut."""
        self.stopping = True
        for server in self._servers:
            server.close()
        for connection in list(self.connections):
            connection.stop()
        await self._empty(within_s)
        left = list(self.connections)
        for connection in left:
            connection.cut()
        await self._empty(None)
        for server in self._servers:
            with contextlib.suppress(OSError):
                await server.wait_closed()
        self._servers.clear()
        if self._timer is not None:
            self._timer.cancel()
        return len(left)

    async def _empty(self, within_s: float | None) -> None:
        """Wait for the connections to be gone."""
        if self.connections:
            self._emptied = self.loop.create_future()
            await asyncio.wait((self._emptied,), timeout=within_s)


def _explain(fault: Exception) -> str:
    text = getattr(fault, "strerror", None) or str(fault)
    return f"{text}; another program has this port, choose another one or 0 for any" if "in use" in text.lower() else text
