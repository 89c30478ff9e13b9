"""Counts of all workers of one gateway: each tells its own on a Unix socket in a folder that they share; who is asked gathers them.

A worker that has ended takes its counts along, as Prometheus expects of a restarted process.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Final

import msgspec

from dragoman.gateway.telemetry.metrics import Metrics, Tables

SOCKETS: Final = "*.sock"
"""One for each worker that listens."""
WAIT_S: Final = 1.0
"""A sibling that does not answer for so long is left out."""


class Siblings:
    """This worker among the others that use ``folder``."""

    def __init__(self, folder: Path, metrics: Metrics) -> None:
        self._folder = folder
        self._metrics = metrics
        self._path = folder / f"{os.getpid()}.sock"
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Tell this worker's counts to whoever asks."""
        self._path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._tell, self._path)

    async def _tell(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(msgspec.msgpack.encode(self._metrics.tables))
        writer.close()
        await writer.wait_closed()

    async def collect(self) -> Tables:
        """All workers' counts in one."""
        others = [path for path in self._folder.glob(SOCKETS) if path != self._path]
        together = Tables.empty()
        together.merge(self._metrics.tables)
        for tables in await asyncio.gather(*map(_ask, others)):
            if tables is not None:
                together.merge(tables)
        return together

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._path.unlink(missing_ok=True)


async def _ask(path: Path) -> Tables | None:
    try:
        async with asyncio.timeout(WAIT_S):
            reader, writer = await asyncio.open_unix_connection(path)
            told = await reader.read()
            writer.close()
        return msgspec.msgpack.decode(told, type=Tables)
    except (OSError, TimeoutError, msgspec.DecodeError):
        return None
