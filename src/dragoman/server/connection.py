"""One client's connection: its requests are answered one after another, in their order.

Each piece of an answer is one write, the head leaving together with the first. A client that closes its connection (or its sending half,
as proxies also understand it) while it is being answered has left: its handler is cancelled at once. Reading stops only where too many
requests wait; writing stops where the client does not take what was written, and so does whoever makes the pieces.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from typing import TYPE_CHECKING, Final, cast

from dragoman.server.answer import REASONS, Answer, BrokenOff, Pieces
from dragoman.server.request import Arriving, Refused, RequestParser

if TYPE_CHECKING:
    from dragoman.server.listener import Listener

LINGER_S: Final = 2.0
"""How long what a refused client still sends is read and dropped, so that the refusal is not lost to a reset."""
WRITE_BYTES: Final = 64 * 1024
"""So much of an answer may wait in the server for a client that does not read."""
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_END: Final = b"0\r\n\r\n"


class Connection(asyncio.Protocol):
    """A client, as the event loop knows it."""

    __slots__ = ("_answering", "_drained", "_due_s", "_ending", "_in_head", "_listener", "_parser", "_refused", "_transport", "_waiting")

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._parser = RequestParser(listener.limits, listener.names, self._arrived)
        self._transport: asyncio.Transport
        self._waiting: deque[Arriving] = deque()
        self._answering: asyncio.Task[None] | None = None
        self._drained: asyncio.Future[None] | None = None
        self._refused: Answer | None = None
        self._ending = False
        self._in_head = False
        self._due_s: float | None = None
        """When the wait that is under way has lasted too long, on the loop's clock."""

    # --- what the loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's transports are no subclass of asyncio's
        self._transport.set_write_buffer_limits(WRITE_BYTES)
        self._listener.connections.add(self)
        peer: socket.socket | None = transport.get_extra_info("socket")
        if peer is not None and peer.family != socket.AF_UNIX:
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._wait_for_request()

    def connection_lost(self, fault: Exception | None) -> None:
        self._listener.connections.discard(self)
        self._leave()

    def eof_received(self) -> None:
        self._leave()

    def pause_writing(self) -> None:
        if self._drained is None:
            self._drained = self._listener.loop.create_future()
            self._set_due(self._listener.limits.send_s)

    def resume_writing(self) -> None:
        drained, self._drained = self._drained, None
        self._due_s = None
        if drained is not None and not drained.done():
            drained.set_result(None)

    def data_received(self, data: bytes) -> None:
        if self._refused is not None or self._ending:
            return
        try:
            self._parser.feed(data)
        except Refused as refused:
            self._refuse(refused)
            return
        if self._answering is None:
            self._wait_for_request()
            self._ask_for_body()

    # --- requests

    def _arrived(self, request: Arriving) -> None:
        if self._ending:
            return
        self._due_s = None
        self._waiting.append(request)
        if self._answering is None:
            self._answering = self._listener.loop.create_task(self._answer_all())
        elif len(self._waiting) >= self._listener.limits.pipelined:
            self._transport.pause_reading()

    def _ask_for_body(self) -> None:
        """A client may wait to be asked for its body; that is for after the answers to its earlier requests."""
        arriving = self._parser.arriving
        if arriving is not None and arriving.wants_continue and not self._parser.in_head:
            arriving.wants_continue = False
            self._transport.write(_CONTINUE)

    def _refuse(self, refused: Refused) -> None:
        """Answer what cannot be taken, after what could; then the connection is of no more use."""
        call = (self._parser.arriving or Arriving()).call()
        self._refused = self._listener.handler.refuse(call, refused.status, refused.message)
        if self._answering is None:
            self._send_refusal(self._refused)

    def _send_refusal(self, answer: Answer) -> None:
        if self._transport.is_closing():
            return
        body = answer.body if isinstance(answer.body, bytes) else b""
        self._transport.write(_head(answer, len(body), "connection: close\r\n") + body)
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self._ending = True
        self._listener.loop.call_later(LINGER_S, self._transport.abort)

    # --- answers

    async def _answer_all(self) -> None:
        waiting = self._waiting
        goes_on = True
        try:
            while waiting and goes_on:
                goes_on = False
                request = waiting.popleft()
                if len(waiting) == self._listener.limits.pipelined - 1:
                    self._transport.resume_reading()
                goes_on = await self._answer(request)
        finally:
            self._answering = None
            if not goes_on:
                self._ending = True
                self._transport.close()
                self._set_due(self._listener.limits.send_s)  # for what the client has not taken yet
            elif self._refused is not None:
                self._send_refusal(self._refused)
            else:
                self._wait_for_request()
                self._ask_for_body()

    async def _answer(self, request: Arriving) -> bool:
        """Whether the connection may go on."""
        answer = await self._listener.handler.handle(request.call())
        goes_on = request.keep_alive and not self._listener.stopping
        about = "" if goes_on and not request.is_old else f"connection: {'keep-alive' if goes_on else 'close'}\r\n"
        body = answer.body
        if isinstance(body, bytes):
            head = _head(answer, len(body), about)
            self._transport.write(head if request.method == "HEAD" else head + body)
        else:
            goes_on = await self._send_pieces(answer, body, request, goes_on) and goes_on
        if self._drained is not None:
            await self._drained
        return goes_on

    async def _send_pieces(self, answer: Answer, pieces: Pieces, request: Arriving, keep_alive: bool) -> bool:
        """Whether the body came to its end."""
        chunked = answer.length is None and not request.is_old
        until_close = answer.length is None and request.is_old
        about = (
            "" if keep_alive and not request.is_old else f"connection: {'keep-alive' if keep_alive and not until_close else 'close'}\r\n"
        )
        head = _head(answer, answer.length, about, chunked)
        write = self._transport.write
        try:
            if request.method == "HEAD":
                write(head)
                return not until_close
            while piece := await pieces.next():
                write(head + b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else head + piece)
                head = b""
                if self._drained is not None:
                    await self._drained
            if head or chunked:
                write(head + _END if chunked else head)
        except BrokenOff:
            if head:
                write(head)
            return False
        finally:
            pieces.close()
        return not until_close

    # --- the end

    def _leave(self) -> None:
        """The client has left: what waits is never answered, and what is under way goes no further."""
        self._ending = True
        self._due_s = None
        self._waiting.clear()
        if self._answering is not None:
            self._answering.cancel()
        drained, self._drained = self._drained, None
        if drained is not None and not drained.done():
            drained.cancel()

    def stop(self) -> None:
        """The server stops: a connection without a request is closed, another with its answer."""
        if self._answering is None and self._parser.arriving is None:
            self._ending = True
            self._transport.close()

    def cut(self) -> None:
        """At once, whatever is under way."""
        self._transport.abort()

    # --- waits

    def _wait_for_request(self) -> None:
        limits, parser = self._listener.limits, self._parser
        if parser.arriving is None:
            self._in_head = False
            self._set_due(limits.idle_s)
        elif not parser.in_head:
            self._in_head = False
            self._set_due(limits.body_silence_s)
        elif not self._in_head:  # a head that comes byte by byte has one wait for them all
            self._in_head = True
            self._set_due(limits.head_s)

    def _set_due(self, wait_s: float | None) -> None:
        self._due_s = None if wait_s is None else self._listener.loop.time() + wait_s

    def look(self, now_s: float) -> None:
        """Called now and then: ends a wait that has lasted too long."""
        if self._due_s is None or now_s < self._due_s:
            return
        self._due_s = None
        if self._answering is not None or self._parser.arriving is None:
            self._transport.abort()
        elif self._refused is None:
            self._refuse(Refused(408, "the request did not arrive in time"))


def _head(answer: Answer, length: int | None, about: str, chunked: bool = False) -> bytes:
    status = answer.status
    lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Status')}\r\n"]
    lines += [f"{name}: {value}\r\n" for name, value in answer.headers]
    if chunked:
        lines.append("transfer-encoding: chunked\r\n")
    elif length is not None and status >= 200 and status != 204:
        lines.append(f"content-length: {length}\r\n")
    lines.append(f"{about}\r\n")
    return "".join(lines).encode("latin-1", "replace")
