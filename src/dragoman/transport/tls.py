"""TLS over any wire, without sockets of its own: one implementation for both drivers, and for TLS inside TLS (an https proxy).

Law: ``ssl`` and ``truststore`` are loaded at the first TLS connection, not before; a body that only the end of the connection
delimits is whole only after the peer's close_notify. The system's trust store judges unless ``ca_file`` names another.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from dragoman.core.errors import UsageError
from dragoman.transport.pool import Wire
from dragoman.transport.settings import Settings

if TYPE_CHECKING:
    import ssl

_RECORD_BYTES = 65_536


class TlsContext:
    """The context of one transport, made when first needed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._context: ssl.SSLContext | None = None
        self._lock = threading.Lock()

    def get(self) -> ssl.SSLContext:
        with self._lock:
            if self._context is None:
                self._context = _make(self._settings)
            return self._context


def _make(settings: Settings) -> ssl.SSLContext:
    import ssl

    context = _system_store() if settings.verify and settings.ca_file is None else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if not settings.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif settings.ca_file is not None:
        _load("ca_file", settings.ca_file, lambda path: context.load_verify_locations(cafile=path))
    if settings.client_cert is not None:
        certificate, key = (settings.client_cert, None) if isinstance(settings.client_cert, str) else settings.client_cert
        _load("client_cert", certificate, lambda path: context.load_cert_chain(path, key, password=_no_password))
    return context


def _system_store() -> ssl.SSLContext:
    import ssl

    import truststore

    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _no_password() -> str:
    # Without this OpenSSL would ask at the terminal and wait.
    raise ValueError("the key is encrypted")


def _load(argument: str, path: str, load: Callable[[str], None]) -> None:
    try:
        load(path)
    except (OSError, ValueError) as error:
        raise UsageError(f"{argument} is {path!r}, which cannot be used ({error}); a readable PEM file is allowed") from None


class TlsWire:
    """A wire inside a wire."""

    __slots__ = ("_from_peer", "_inner", "_session", "_to_peer")

    def __init__(self, inner: Wire, context: ssl.SSLContext, host: str) -> None:
        import ssl

        self._inner = inner
        self._from_peer = ssl.MemoryBIO()
        self._to_peer = ssl.MemoryBIO()
        self._session = context.wrap_bio(self._from_peer, self._to_peer, server_hostname=host)

    async def handshake(self, until: float | None) -> None:
        """Raises ``OSError`` (``ssl.SSLError`` is one) where it fails."""
        import ssl

        while True:
            try:
                self._session.do_handshake()
            except ssl.SSLWantReadError:
                await self._fill(until)
            else:
                break
        await self._inner.send(self._to_peer.read(), until)

    def offer(self, data: bytes) -> bool:
        self._write(data)
        return self._inner.offer(self._to_peer.read())

    async def send(self, data: bytes, until: float | None) -> bool:
        self._write(data)
        return await self._inner.send(self._to_peer.read(), until)

    def _write(self, data: bytes) -> None:
        import ssl

        if data:
            # What makes sending fail (the peer's alert, its close) is told when reading.
            with contextlib.suppress(ssl.SSLError):
                self._session.write(data)

    def look(self, until: float | None) -> bytes | None:
        import ssl

        while True:
            try:
                return self._session.read(_RECORD_BYTES)
            except ssl.SSLZeroReturnError:
                return b""
            except ssl.SSLWantReadError:
                data = None if self._to_peer.pending else self._inner.look(until)
                if data is None:
                    return None
                self._take(data)

    async def receive(self, until: float | None) -> bytes:
        while (data := self.look(until)) is None:
            await self._fill(until)
        return data

    async def _fill(self, until: float | None) -> None:
        if self._to_peer.pending:
            await self._inner.send(self._to_peer.read(), until)
        self._take(await self._inner.receive(until))

    def _take(self, data: bytes) -> None:
        if data:
            self._from_peer.write(data)
        else:
            self._from_peer.write_eof()

    def idle(self) -> bool:
        return self._inner.idle() and not self._from_peer.pending and not self._session.pending()

    def close(self) -> None:
        self._inner.close()
