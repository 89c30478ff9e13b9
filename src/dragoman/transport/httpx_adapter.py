"""An ``httpx`` or ``httpx2`` client as a transport: for HTTP/2, corporate proxies with their own logins, own TLS.

Law: neither library is imported; a client is known by its methods and its errors by their class names. The client stays its owner's:
its settings, its authentication and its life; closing the transport leaves it open. What was asked of us still holds: no redirect is
followed, every error is a ``DragomanError``, and the timeouts are ours. (A blocking client can be told no other wait once
an answer has begun: it looks at ``total_s`` between two reads, and ``timeout_s`` does not shorten a read.)
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import AsyncIterator, Awaitable, Iterator
from typing import Any, Protocol, TypeVar, overload

from dragoman.core.errors import BadReply, Cancelled, ConnectFailed, DragomanError, StreamCut, TimedOut, TransportError, UsageError
from dragoman.core.exchange import Call, Headers, Timeouts
from dragoman.transport.http1 import encode_request
from dragoman.transport.seam import Hold
from dragoman.transport.waits import Waits, sooner

_UNDONE = frozenset({"gzip", "x-gzip", "deflate", "br", "zstd"})

# In order: the first of an error's classes that stands here decides.
_KINDS: dict[str, type[DragomanError]] = {
    "ConnectTimeout": TimedOut,
    "PoolTimeout": TimedOut,
    "TimeoutException": TimedOut,
    "ConnectError": ConnectFailed,
    "ProxyError": ConnectFailed,
    "UnsupportedProtocol": UsageError,
    "LocalProtocolError": UsageError,
    "InvalidURL": UsageError,
    "RemoteProtocolError": BadReply,
    "DecodingError": BadReply,
    "TooManyRedirects": BadReply,
    "ReadError": StreamCut,
    "WriteError": StreamCut,
    "CloseError": StreamCut,
    "StreamError": Cancelled,
    "TransportError": TransportError,
    # What both say when the client was closed, or belongs to another event loop.
    "RuntimeError": UsageError,
}


class Client(Protocol):
    """What is asked of a client: ``httpx.Client`` has it, and so has any that behaves like it."""

    def build_request(self, method: str, url: str, *, headers: Any, content: Any, extensions: Any) -> Any: ...

    def send(self, request: Any, *, stream: bool, follow_redirects: bool) -> Any: ...

    def close(self) -> None: ...


class AsyncClient(Protocol):
    """The same of ``httpx.AsyncClient``."""

    def build_request(self, method: str, url: str, *, headers: Any, content: Any, extensions: Any) -> Any: ...

    def send(self, request: Any, *, stream: bool, follow_redirects: bool) -> Awaitable[Any]: ...

    async def aclose(self) -> None: ...


@overload
def adapt(client: AsyncClient) -> AsyncHttpxTransport: ...


@overload
def adapt(client: Client) -> HttpxTransport: ...


def adapt(client: Client | AsyncClient) -> HttpxTransport | AsyncHttpxTransport:
    """The transport that sends through ``client``: a ``Transport`` for a blocking client, an ``AsyncTransport`` for an async one."""
    if not (callable(getattr(client, "build_request", None)) and callable(getattr(client, "send", None))):
        raise UsageError(f"http is a {type(client).__name__}; an httpx or httpx2 Client or AsyncClient is allowed")
    return (AsyncHttpxTransport if inspect.iscoroutinefunction(client.send) else HttpxTransport)(client)


class _Errand:
    """One call on its way through a client: the request, the clock, and what is said when it fails."""

    def __init__(self, client: Any, call: Call, timeouts: Timeouts) -> None:
        self.waits = Waits(timeouts, time.monotonic())
        self.started = time.monotonic()
        self._timeouts = timeouts
        # Some of this the libraries let pass until a connection stands, or send as it is.
        encode_request(call)
        # The client reads this mapping anew for each phase, so it can be changed once the head is here.
        self._limits = {"connect": timeouts.connect_s, "pool": timeouts.connect_s, "write": self._head_s(), "read": self._head_s()}
        try:
            self.request = client.build_request(
                call.method, call.url, headers=_with_defaults(call.headers), content=call.body, extensions={"timeout": self._limits}
            )
        except Exception as error:  # noqa: BLE001  nothing but our own errors may leave
            raise self.failed(error, in_body=False) from None

    def _head_s(self) -> float | None:
        return sooner(self._timeouts.first_byte_s, self._timeouts.total_s)

    def head_arrived(self) -> None:
        self._limits["read"] = sooner(self._timeouts.between_bytes_s, self._timeouts.total_s)

    def left(self, timeout_s: float | None) -> float | None:
        """Seconds until the next bytes are due; raises where none are left."""
        self.started = time.monotonic()
        until = self.waits.answer(self.started)
        if until is not None and until <= self.started:
            raise self.waits.answer_timed_out(self.started)
        return sooner(None if until is None else until - self.started, timeout_s)

    def failed(self, error: Exception, *, in_body: bool) -> DragomanError:
        if isinstance(error, DragomanError):
            return error
        names = [kind.__name__ for kind in type(error).__mro__]
        kind = next((_KINDS[name] for name in names if name in _KINDS), TransportError)
        if kind is TimedOut:
            return self._timed_out(names)
        text = str(error) or names[0]
        # Both libraries tell a connection that ended too soon as a protocol error.
        if kind is BadReply and ("closed connection" in text or "disconnected" in text):
            kind = StreamCut
        return kind(f"the answer failed: {text}" if in_body else f"the call failed: {text}")

    def _timed_out(self, names: list[str]) -> TimedOut:
        if "ConnectTimeout" in names or "PoolTimeout" in names:
            return self.waits.connect_timed_out(self.started)
        return self.waits.answer_timed_out(self.started)


def _with_defaults(headers: Headers) -> list[tuple[str, str]]:
    if any(name.lower() == "accept-encoding" for name, _ in headers):
        return list(headers)
    return [*headers, ("accept-encoding", "identity")]


def _headers(response: Any) -> Headers:
    fields = tuple((str(name).lower(), str(value)) for name, value in response.headers.multi_items())
    if not any(name == "content-encoding" and value.strip().lower() in _UNDONE for name, value in fields):
        return fields
    return tuple(field for field in fields if field[0] not in ("content-encoding", "content-length"))


class HttpxTransport:
    """``Transport`` through a blocking client."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def open(self, call: Call, timeouts: Timeouts, hold: Hold | None = None) -> HttpxIncoming:
        errand = _Errand(self._client, call, timeouts)
        try:
            response = self._client.send(errand.request, stream=True, follow_redirects=False)
        except Exception as error:  # noqa: BLE001  nothing but our own errors may leave
            raise errand.failed(error, in_body=False) from None
        errand.head_arrived()
        return HttpxIncoming(response, errand)

    def close(self) -> None:
        """Nothing: the client is its owner's."""


class HttpxIncoming:
    """``Incoming`` over a streamed response."""

    def __init__(self, response: Any, errand: _Errand) -> None:
        self.status: int = response.status_code
        self.headers = _headers(response)
        self._response = response
        self._errand = errand
        self._chunks: Iterator[bytes] = response.iter_bytes()
        self._closed = False

    def at_hand(self) -> bytes | None:
        """See ``seam.Incoming.at_hand``."""
        return None

    def read(self, timeout_s: float | None = None) -> bytes:
        if self._closed:
            raise Cancelled("the answer was closed before its end")
        try:
            self._errand.left(timeout_s)
            chunk = next(filter(None, self._chunks), b"")
        except Exception as error:  # noqa: BLE001  nothing but our own errors may leave
            self.close()
            raise self._errand.failed(error, in_body=True) from None
        self._errand.waits.begun = True
        return chunk

    def finish(self) -> None:
        # A blocking client cannot look without waiting, so an end that has not been read is not waited for.
        self.close()

    def close(self) -> None:
        self._closed = True
        _quietly_close(self._response)


def _quietly_close(response: Any) -> None:
    try:
        response.close()
    except Exception:  # noqa: BLE001  closing is all that is left to do
        return


class _ReadOn(Exception):
    """Only the shortened wait of one read has passed."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds


class AsyncHttpxTransport:
    """``AsyncTransport`` through an async client."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._closing: set[asyncio.Task[None]] = set()

    async def open(self, call: Call, timeouts: Timeouts, hold: Hold | None = None) -> AsyncHttpxIncoming:
        errand = _Errand(self._client, call, timeouts)
        sending = self._client.send(errand.request, stream=True, follow_redirects=False)
        response = await _within(errand, sending, errand.left(None), in_body=False)
        errand.head_arrived()
        return AsyncHttpxIncoming(response, errand, self._closing)

    async def close(self) -> None:
        """Leaves the client open, for it is its owner's; waits until answers that were closed have let go."""
        await asyncio.gather(*self._closing, return_exceptions=True)


class AsyncHttpxIncoming:
    """``AsyncIncoming`` over a streamed response."""

    def __init__(self, response: Any, errand: _Errand, closing: set[asyncio.Task[None]]) -> None:
        self.status: int = response.status_code
        self.headers = _headers(response)
        self._response = response
        self._errand = errand
        self._chunks: AsyncIterator[bytes] = response.aiter_bytes()
        self._closing = closing
        self._closed = False
        self._coming: asyncio.Future[bytes] | None = None

    def at_hand(self) -> bytes | None:
        """See ``seam.Incoming.at_hand``."""
        return None

    async def read(self, timeout_s: float | None = None) -> bytes:
        if self._closed:
            raise Cancelled("the answer was closed before its end")
        try:
            return await self._read(timeout_s)
        except _ReadOn as short:
            raise TimedOut(f"no bytes within the {short.seconds:g} s that this read may take (timeout_s)") from None
        except BaseException:
            await self.finish()
            raise

    async def _read(self, timeout_s: float | None) -> bytes:
        left = self._errand.left(None)
        # A chunk under way outlives a read that was only shortened, so that the answer can be read on.
        self._coming = self._coming or asyncio.ensure_future(self._next())
        await asyncio.wait((self._coming,), timeout=sooner(left, timeout_s))
        if not self._coming.done():
            if timeout_s is not None and (left is None or timeout_s < left):
                raise _ReadOn(timeout_s)
            raise self._errand.waits.answer_timed_out(self._errand.started)
        coming, self._coming = self._coming, None
        chunk = await _within(self._errand, coming, None, in_body=True)
        self._errand.waits.begun = True
        return chunk

    async def _next(self) -> bytes:
        async for chunk in self._chunks:
            if chunk:
                return chunk
        return b""

    async def finish(self) -> None:
        if not self._closed:
            self._closed = True
            await self._let_go()

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            task = asyncio.ensure_future(self._let_go())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def _let_go(self) -> None:
        if self._coming is not None:
            self._coming.cancel()
            await asyncio.wait((self._coming,))
        try:
            await self._response.aclose()
        except Exception:  # noqa: BLE001  closing is all that is left to do
            return


ResultT = TypeVar("ResultT")


async def _within(errand: _Errand, waiting: Awaitable[ResultT], seconds: float | None, *, in_body: bool) -> ResultT:
    try:
        async with asyncio.timeout(seconds):
            return await waiting
    except TimeoutError:
        raise errand.waits.answer_timed_out(errand.started) from None
    except Exception as error:  # noqa: BLE001  nothing but our own errors may leave
        raise errand.failed(error, in_body=in_body) from None
