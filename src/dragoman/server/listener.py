"""The listening socket and its connections, in the running event loop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from typing import Final

from dragoman.core.errors import UsageError
from dragoman.server.answer import Handler
from dragoman.server.connection import Connection
from dragoman.server.limits import Limits
from dragoman.server.request import Names

BACKLOG: Final = 4096
LOOK_S: Final = 1.0
"""How often waits are looked at: one timer for all connections costs less than one for each."""


class Listener:
    """Serves ``handler``. Started and stopped once."""

    def __init__(self, handler: Handler, limits: Limits | None = None) -> None:
        self.handler = handler
        self.limits = limits or Limits()
        self.names = Names()
        self.connections: set[Connection] = set()
        self.stopping = False
        self.loop: asyncio.AbstractEventLoop
        self._servers: list[asyncio.Server] = []
        self._timer: asyncio.TimerHandle | None = None

    async def start(self, host: str, port: int, *, tls: ssl.SSLContext | None = None, share_port: bool = False) -> int:
        """Listen at the address; the port, also where 0 asked for any. ``share_port`` lets other processes listen at the same one.

        Raises ``UsageError`` where the address cannot be had.
        """
        loop = self._begin()
        try:
            server = await loop.create_server(lambda: Connection(self), host, port, backlog=BACKLOG, ssl=tls, reuse_port=share_port or None)
        except (OSError, OverflowError) as fault:
            raise UsageError(f"cannot listen on {host}:{port}: {_explain(fault)}") from None
        self._servers.append(server)
        bound: int = server.sockets[0].getsockname()[1]
        return bound

    async def start_on(self, listening: socket.socket, *, tls: ssl.SSLContext | None = None) -> None:
        """Serve a socket that listens already, or a Unix one that is bound."""
        loop = self._begin()
        create = loop.create_unix_server if listening.family == socket.AF_UNIX else loop.create_server
        self._servers.append(await create(lambda: Connection(self), sock=listening, backlog=BACKLOG, ssl=tls))

    def _begin(self) -> asyncio.AbstractEventLoop:
        self.loop = asyncio.get_running_loop()
        if self._timer is None:
            self._timer = self.loop.call_later(LOOK_S, self._look)
        return self.loop

    def _look(self) -> None:
        now_s = self.loop.time()
        for connection in list(self.connections):
            connection.look(now_s)
        self._timer = self.loop.call_later(LOOK_S, self._look)

    async def stop(self, within_s: float = 0.0) -> int:
        """Take no more requests, let those under way end for so long, cut the rest; how many were cut."""
        self.stopping = True
        for server in self._servers:
            server.close()
        for connection in list(self.connections):
            connection.stop()
        until = self.loop.time() + within_s if self._servers else 0.0
        while self.connections and self.loop.time() < until:
            await asyncio.sleep(0.02)
        left = list(self.connections)
        for connection in left:
            connection.cut()
        while self.connections:
            await asyncio.sleep(0)
        for server in self._servers:
            with contextlib.suppress(OSError):
                await server.wait_closed()
        self._servers.clear()
        if self._timer is not None:
            self._timer.cancel()
        return len(left)


def _explain(fault: Exception) -> str:
    text = getattr(fault, "strerror", None) or str(fault)
    return f"{text}; another program has this port, choose another one or 0 for any" if "in use" in text.lower() else text
