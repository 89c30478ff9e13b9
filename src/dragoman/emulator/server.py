"""A small HTTP/1.1 server on asyncio and llhttp that performs plans: it waits, writes, stalls and cuts as they say.

Each event is one write; requests on one connection are answered in their order; heads and bodies are bounded. A client that closes its
connection (or its sending half, as proxies also understand it) while it is being answered has left: its answer is given up at once.
Reading is never paused, because that is how a departure is seen; what may pile up meanwhile is bounded instead.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Final, cast

import httptools

from dragoman.core.errors import UsageError
from dragoman.core.exchange import Call
from dragoman.emulator.app import App
from dragoman.emulator.log import Log, Record
from dragoman.emulator.plan import FACTS, Cut, Outcome, Plan, Stall, Step, Wait, Write

MAX_HEAD_BYTES: Final = 64 * 1024
MAX_BODY_BYTES: Final = 64 * 1024 * 1024
MAX_PIPELINED: Final = 256
LINGER_S: Final = 2.0
"""How long what a refused client still sends is read and dropped, so that the refusal is not lost to a reset."""
HELD_BYTES: Final = 16 * 1024
"""So much of an answer's tail leaves together with its end."""
_WRITES_BETWEEN_TURNS: Final = 8
"""After so many writes without a wait, others get their turn."""
_KNOWN_STATUSES: Final = frozenset(map(int, HTTPStatus))


class _Incoming:
    """A request while it arrives."""

    def __init__(self) -> None:
        self.url = b""
        self.headers: list[tuple[str, str]] = []
        self.head_bytes = 0
        self.body: list[bytes] = []
        self.body_bytes = 0
        self.method = ""
        self.version = "1.1"
        self.keep_alive = True
        self.wants_continue = False
        self.number = 0

    def call(self) -> Call:
        return Call(self.method, self.url.decode("latin-1"), tuple(self.headers), b"".join(self.body))


class _TooLarge(Exception):
    """A head or a body beyond its bound; ``status`` says which."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class Connection(asyncio.Protocol):
    """One client."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._parser = httptools.HttpRequestParser(self)
        self._incoming: _Incoming | None = None
        self._in_head = False
        self._began_here = False
        self._head_bytes = 0
        self._waiting: deque[_Incoming] = deque()
        self._worker: asyncio.Task[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._left: Outcome = "abandoned"
        self._refusal: bytes | None = None
        self._transport: asyncio.Transport

    # --- the connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._server.connections.add(self)
        peer: socket.socket | None = transport.get_extra_info("socket")
        if peer is not None:
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def connection_lost(self, fault: Exception | None) -> None:
        self._server.connections.discard(self)
        self._writable.set()
        self._give_up()

    def eof_received(self) -> None:
        """The client has left, or at least will say no more; the transport closes on return."""
        self._give_up()

    def _give_up(self) -> None:
        """What waits is never answered, and what is under way goes no further."""
        while self._waiting:
            self._server.log.end(self._waiting.popleft().number, self._left, self._server.loop.time())
        if self._worker:
            self._worker.cancel()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def stop(self) -> None:
        """The server stops: what is under way is cut."""
        self._left = "cut"
        self._transport.abort()

    # --- requests arriving

    def data_received(self, data: bytes) -> None:
        if self._refusal is not None:
            return
        self._began_here = False
        try:
            self._parser.feed_data(data)
            if self._in_head and not self._began_here:
                self._head_bytes += len(data)
                _check_head(self._head_bytes)
        except _TooLarge as fault:
            self._refuse(fault.status, fault.message)
        except httptools.HttpParserUpgrade:
            self._refuse(400, "an upgrade of the protocol is not offered here")
        except httptools.HttpParserError as fault:
            cause = fault.__context__
            if isinstance(cause, _TooLarge):
                self._refuse(cause.status, cause.message)
            else:
                self._refuse(400, f"this is not an HTTP/1.1 request: {fault}")

    def on_message_begin(self) -> None:
        self._incoming = _Incoming()
        self._in_head = self._began_here = True
        self._head_bytes = 0

    def on_url(self, url: bytes) -> None:
        assert self._incoming
        self._incoming.url += url
        self._incoming.head_bytes += len(url)
        _check_head(self._incoming.head_bytes)

    def on_header(self, name: bytes, value: bytes) -> None:
        incoming = self._incoming
        assert incoming
        field, text = name.decode("latin-1").lower(), value.decode("latin-1")
        incoming.head_bytes += len(name) + len(value) + 4
        _check_head(incoming.head_bytes)
        incoming.headers.append((field, text))
        if field == "expect" and text.lower() == "100-continue":
            incoming.wants_continue = True

    def on_headers_complete(self) -> None:
        incoming = self._incoming
        assert incoming
        self._in_head = False
        incoming.method = self._parser.get_method().decode("ascii")
        incoming.version = self._parser.get_http_version()
        incoming.keep_alive = self._parser.should_keep_alive()
        self._continue()

    def on_body(self, data: bytes) -> None:
        incoming = self._incoming
        assert incoming
        incoming.body_bytes += len(data)
        if incoming.body_bytes > MAX_BODY_BYTES:
            raise _TooLarge(413, f"the body is longer than {MAX_BODY_BYTES} bytes")
        incoming.wants_continue = False
        incoming.body.append(data)

    def on_message_complete(self) -> None:
        incoming, self._incoming = self._incoming, None
        assert incoming
        if len(self._waiting) >= MAX_PIPELINED or sum(other.body_bytes for other in self._waiting) > MAX_BODY_BYTES:
            raise _TooLarge(413, "too many requests were sent without waiting for their answers")
        self._waiting.append(incoming)
        incoming.number = self._server.begin(incoming)
        if self._worker is None:
            self._worker = self._server.loop.create_task(self._work())
            self._server.workers.add(self._worker)
            self._worker.add_done_callback(self._server.workers.discard)

    def _continue(self) -> None:
        """Ask for the body of a client that waits to be asked, once the answers before it are out."""
        incoming = self._incoming
        if incoming and incoming.wants_continue and not self._in_head and self._worker is None and not self._transport.is_closing():
            incoming.wants_continue = False
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _refuse(self, status: int, message: str) -> None:
        """Answer what cannot be read, after the answers to what could; then the connection is of no more use."""
        body = message.encode() + b"\n"
        fields = f"content-type: text/plain; charset=utf-8\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        self._refusal = _status_line(status) + fields.encode() + body
        self._incoming = None
        if self._worker is None:
            self._send_refusal()

    def _send_refusal(self) -> None:
        if self._refusal is None or self._transport.is_closing():
            return
        self._transport.write(self._refusal)
        self._transport.write_eof()
        self._server.loop.call_later(LINGER_S, self._transport.abort)

    # --- answers leaving

    async def _work(self) -> None:
        """Answers what waits, in order."""
        goes_on = True
        try:
            while self._waiting and goes_on:
                goes_on = False
                goes_on = await self._answer(self._waiting.popleft())
        finally:
            self._worker = None
            if goes_on:
                self._send_refusal()
                self._continue()
            else:
                self._left = "cut"
                self._transport.close()

    async def _answer(self, incoming: _Incoming) -> bool:
        """Performs the answer to one request; whether the connection may go on."""
        log, number = self._server.log, incoming.number

        def end(outcome: Outcome, sent_bytes: int) -> None:
            log.end(number, outcome, self._server.loop.time(), sent_bytes)

        performance = _Performance(self._transport, self._writable, incoming, end)
        outcome: Outcome = "cut"
        try:
            plan = self._server.app.answer(incoming.call(), int(time.time()))
            log.change(number, **{fact: getattr(plan, fact) for fact in FACTS})
            outcome = await performance.perform(plan)
        except asyncio.CancelledError:
            outcome = self._left
            raise
        finally:
            end(outcome, performance.sent_bytes)
        return outcome != "cut" and performance.keep_alive


class _Performance:
    """One plan on its way out."""

    def __init__(
        self, transport: asyncio.Transport, writable: asyncio.Event, incoming: _Incoming, end: Callable[[Outcome, int], None]
    ) -> None:
        self._transport = transport
        self._end = end
        self._writable = writable
        self._is_old = incoming.version == "1.0"
        self._headless = incoming.method == "HEAD"
        self.keep_alive = incoming.keep_alive
        self.sent_bytes = 0
        self._due_s = 0.0
        self._pending = b""
        self._holds = False
        self._chunked = False

    async def perform(self, plan: Plan) -> Outcome:
        steps = iter(plan.steps)
        try:
            self._due_s = asyncio.get_running_loop().time()
            if plan.delay_s:
                await self._pass(plan.delay_s)
            self._pending = self._head(plan)
            if not self._headless and not await self._perform_steps(steps):
                self._flush(b"")
                await self._writable.wait()
                return "cut"
            await self._writable.wait()
            # Said before the last bytes leave, so that a client that has its answer finds it in the log.
            self._end(plan.outcome, self.sent_bytes)
            self._flush(b"0\r\n\r\n" if self._chunked and not self._headless else b"")
            await self._writable.wait()
            return plan.outcome
        finally:
            _close(steps)

    def _head(self, plan: Plan) -> bytes:
        lines = [f"{name}: {value}\r\n" for name, value in plan.headers]
        if plan.length is not None:
            lines.append(f"content-length: {plan.length}\r\n")
        elif self._is_old:
            self.keep_alive = False
        else:
            self._chunked = True
            lines.append("transfer-encoding: chunked\r\n")
        if not self.keep_alive:
            lines.append("connection: close\r\n")
        elif self._is_old:
            lines.append("connection: keep-alive\r\n")
        return _status_line(plan.status) + "".join(lines).encode("latin-1", "replace") + b"\r\n"

    async def _perform_steps(self, steps: Iterator[Step]) -> bool:
        """Whether the body came to its end."""
        count = 0
        for step in steps:
            match step:
                case Write():
                    count += 1
                    if count % _WRITES_BETWEEN_TURNS == 0 or not self._writable.is_set():
                        await self._turn()
                    self._write(step)
                case Wait():
                    self._flush(b"")
                    await self._pass(step.seconds)
                case Stall():
                    self._flush(b"")
                    await self._stall(step.seconds)
                case Cut():
                    return False
        return True

    def _write(self, step: Write) -> None:
        data = step.data
        if not data:
            return
        self.sent_bytes += len(data)
        framed = b"%x\r\n%b\r\n" % (len(data), data) if self._chunked else data
        if step.is_tail:
            if self._holds or len(framed) > HELD_BYTES:
                self._flush(framed[:-HELD_BYTES])
            self._pending += framed[-HELD_BYTES:]
            self._holds = True
        else:
            self._flush(framed)

    def _flush(self, data: bytes) -> None:
        if self._pending:
            data, self._pending = self._pending + data, b""
        if data:
            self._transport.write(data)

    async def _turn(self) -> None:
        """Let others run, and wait while the client does not take what was written."""
        await asyncio.sleep(0)
        await self._writable.wait()

    async def _pass(self, seconds: float) -> None:
        """Wait until ``seconds`` after the last wait was due, so that a pace is kept however coarse the sleeps are."""
        self._due_s += seconds
        rest_s = self._due_s - asyncio.get_running_loop().time()
        await asyncio.sleep(max(rest_s, 0.0))
        await self._writable.wait()

    async def _stall(self, seconds: float | None) -> None:
        loop = asyncio.get_running_loop()
        if seconds is None:
            await loop.create_future()
        else:
            await asyncio.sleep(seconds)
            self._due_s = loop.time()


def _status_line(status: int) -> bytes:
    reason = HTTPStatus(status).phrase if status in _KNOWN_STATUSES else "Emulated"
    return f"HTTP/1.1 {status} {reason}\r\n".encode()


def _check_head(size: int) -> None:
    if size > MAX_HEAD_BYTES:
        raise _TooLarge(431, f"the head is longer than {MAX_HEAD_BYTES} bytes")


def _close(steps: Iterator[Step]) -> None:
    close = getattr(steps, "close", None)
    if close:
        close()


class Server:
    """The listening socket and its connections, in the running event loop."""

    def __init__(self, app: App, log: Log) -> None:
        self.app = app
        self.log = log
        self.connections: set[Connection] = set()
        self.workers: set[asyncio.Task[None]] = set()
        self.loop: asyncio.AbstractEventLoop
        self.port = 0
        self._listening: asyncio.Server | None = None
        self._number = 0

    def begin(self, incoming: _Incoming) -> int:
        """Log a request that has arrived; its number."""
        self._number += 1
        call = incoming.call()
        self.log.begin(
            Record(
                number=self._number,
                method=call.method,
                path=call.url,
                headers=call.headers,
                body=call.body,
                started_s=self.loop.time(),
            )
        )
        return self._number

    async def start(self, host: str, port: int) -> None:
        """Listen. Raises ``UsageError`` where the address cannot be had."""
        self.loop = asyncio.get_running_loop()
        try:
            self._listening = await self.loop.create_server(lambda: Connection(self), host, port, backlog=1024)
        except (OSError, OverflowError) as fault:
            raise UsageError(f"cannot listen on {host}:{port}: {_explain(fault)}") from None
        self.port = self._listening.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop listening, cut what is under way, and return when every connection is gone."""
        if self._listening is None:
            return
        self._listening.close()
        for connection in list(self.connections):
            connection.stop()
        while self.connections:
            await asyncio.sleep(0)
        await asyncio.gather(*self.workers, return_exceptions=True)
        with contextlib.suppress(OSError):
            await self._listening.wait_closed()
        self._listening = None


def _explain(fault: Exception) -> str:
    text = getattr(fault, "strerror", None) or str(fault)
    return f"{text}; another program has this port, choose another one or 0 for any" if "in use" in text.lower() else text
