"""One client's connection: its requests are answered one after another, in their order.

Each piece of an answer is one write, the head leaving together with the first. A client that closes its connection (or its sending half,
as proxies also understand it) while it is being answered has left: its handler is cancelled at once. Reading stops only where too many
requests wait; writing stops where the client does not take what was written, and so does whoever makes the pieces.

Law: behind an answer that is not whole nothing is written, and its client cannot take it for whole.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import sys
from typing import TYPE_CHECKING, Final, cast

from dragoman.server.answer import Answer, Beat, BrokenOff, Pieces
from dragoman.server.head import BODYLESS, write_head
from dragoman.server.request import Arriving, Refused, RequestParser

if TYPE_CHECKING:
    from dragoman.server.listener import Listener

LINGER_S: Final = 2.0
"""How long what a client still sends after the last answer is read and dropped, so that the answer is not lost to a reset."""
WRITE_BYTES: Final = 64 * 1024
"""So much of an answer may wait in the server for a client that does not read."""
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_END: Final = b"0\r\n\r\n"
_REQUEST: Final = "request"
_HEAD: Final = "head"
_CHUNKED: Final = b"transfer-encoding: chunked\r\n"
_RESET: Final = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)


class Connection(asyncio.Protocol):
    """A client, as the event loop knows it."""

    __slots__ = (
        "_answering",
        "_awaited",
        "_beat",
        "_drained",
        "_due_s",
        "_ending",
        "_listener",
        "_next",
        "_parser",
        "_paused",
        "_refused",
        "_silent_since_s",
        "_spoke",
        "_task",
        "_transport",
        "_untaken",
        "_waiting",
    )

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._parser = RequestParser(listener.limits, listener.names, listener.hosts, self._arrived)
        self._transport: asyncio.Transport
        self._waiting: list[Arriving] = []  # few; a deque would have room for many
        self._answering = False
        self._task: asyncio.Task[None] | None = None
        """Answers."""
        self._next: asyncio.Future[None] | None = None
        """For which it waits between two requests."""
        self._drained: asyncio.Future[None] | None = None
        self._refused: Answer | None = None
        self._paused = False
        self._ending = False
        """Nothing more is answered."""
        self._awaited: str | None = None
        """Whether a request or a head is waited for."""
        self._beat: Beat | None = None
        self._spoke = False
        """Whether a piece has left since that was last looked at."""
        self._silent_since_s: float | None = None
        self._untaken = 0
        """Bytes that the client had not taken when that was last looked at."""
        self._due_s: float | None = None
        """When the wait that is under way has lasted too long, on the loop's clock."""

    # --- what the loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's transports are no subclass of asyncio's
        self._transport.set_write_buffer_limits(WRITE_BYTES)
        self._listener.connections.add(self)
        if self._listener.stopping:
            self.stop()
        else:
            self._wait_for_request()

    def connection_lost(self, fault: Exception | None) -> None:
        self._leave()
        self._parser.close()
        self._listener.lost(self)

    def eof_received(self) -> None:
        self._leave()
        self._wait_until_taken()

    def pause_writing(self) -> None:
        if self._drained is None and not self._ending:
            self._drained = self._listener.loop.create_future()
            self._wait_until_taken()

    def resume_writing(self) -> None:
        drained, self._drained = self._drained, None
        if drained is not None:
            self._due_s = None
            if not drained.done():
                drained.set_result(None)

    def data_received(self, data: bytes) -> None:
        if self._refused is not None or self._ending:
            return
        try:
            self._parser.feed(data)
        except Refused as refused:
            self._refuse(refused)
            return
        if not self._answering:
            self._wait_for_request()

    # --- requests

    def _arrived(self, request: Arriving) -> None:
        self._due_s = self._awaited = None
        if self._listener.arrivals is not None:
            request.known = self._listener.arrivals.arrived(request.call())
        self._waiting.append(request)
        if not self._answering:
            self._answering = True
            if self._next is None:
                self._task = self._listener.loop.create_task(self._answer_all())
            else:
                self._next.set_result(None)
        elif not self._paused and self._is_full():
            self._paused = True
            self._transport.pause_reading()

    def _is_full(self) -> bool:
        limits, waiting = self._listener.limits, self._waiting
        return len(waiting) >= limits.pipelined or sum(request.body_bytes for request in waiting) > limits.body_bytes

    def _read_on(self) -> None:
        self._paused = False
        self._transport.resume_reading()

    def _refuse(self, refused: Refused) -> None:
        """Answer what cannot be taken, after what could; then the connection is of no more use."""
        request = self._parser.arriving or Arriving()
        request.pieces.clear()
        self._refused = self._listener.handler.refuse(request.call(), refused.status, refused.message)
        if not self._answering:
            self._send_refusal(self._refused)

    def _send_refusal(self, answer: Answer) -> None:
        request = self._parser.arriving
        body = answer.body if isinstance(answer.body, bytes) else b""
        head = self._head(answer, b"content-length: %d\r\nconnection: close\r\n" % len(body))
        self._transport.write(head if request is not None and request.method == "HEAD" else head + body)
        self._end_slowly()

    # --- answers

    async def _answer_all(self) -> None:
        """Until the connection ends. Between two requests it waits: a task for each would cost more than what it answers with."""
        waiting, listener = self._waiting, self._listener
        stays = True
        try:
            while True:
                self._next = None
                while waiting and stays:
                    stays = False
                    request = waiting.pop(0)
                    if self._paused and not self._is_full():
                        self._read_on()
                    stays = await self._answer(request)
                if not stays or self._refused is not None:
                    break
                self._answering = False
                self._wait_for_request()
                self._next = listener.loop.create_future()
                await self._next
        except Exception as fault:  # noqa: BLE001  whatever it is, it ends this connection alone
            listener.loop.call_exception_handler({"message": "A call was left without its answer", "exception": fault})
        finally:
            self._answering = False
            self._task = None
            if self._ending:
                pass  # its client has left
            elif not stays:
                self._end_slowly() if waiting or self._parser.arriving is not None else self._end()
            elif self._refused is not None:
                self._send_refusal(self._refused)

    async def _answer(self, request: Arriving) -> bool:
        """Whether the connection may go on."""
        listener = self._listener
        answer = await listener.handler.handle(request.taken())
        body = answer.body
        if answer.status in BODYLESS or request.method == "HEAD":
            stays = self._send_head(answer, request)
        elif isinstance(body, bytes):
            stays = request.keep_alive and not listener.stopping
            framing = b"content-length: %d\r\n" % len(body)
            if request.is_old or not stays:
                framing += _about(request, stays)
            self._transport.write(write_head(listener.openings[answer.status], answer.headers, framing) + body)
        else:
            sending = self._send_pieces(answer, body, request)
            del answer  # its head leaves at once, its body after hours
            stays = await sending
        if self._drained is not None:
            await self._drained
        return stays and not listener.stopping

    def _stays(self, request: Arriving) -> bool:
        return request.keep_alive and not self._listener.stopping

    def _head(self, answer: Answer, framing: bytes) -> bytes:
        return write_head(self._listener.openings[answer.status], answer.headers, framing)

    def _send_head(self, answer: Answer, request: Arriving) -> bool:
        """An answer without the body that it may speak of."""
        body, length = answer.body, answer.length
        if isinstance(body, bytes):
            length = len(body)
        else:
            body.close()
        stays = self._stays(request) and answer.status >= 200
        framing = b"" if answer.status in BODYLESS else _framing(length, request)
        self._transport.write(self._head(answer, framing + _about(request, stays)))
        return stays

    async def _send_pieces(self, answer: Answer, pieces: Pieces, request: Arriving) -> bool:
        """Without a known length, the end is told by chunks, and to an HTTP/1.0 client by closing: then only a reset tells a break."""
        length = answer.length
        chunked = length is None and not request.is_old
        until_close = length is None and request.is_old
        stays = self._stays(request) and not until_close
        framing = _framing(length, request)
        if stays:  # else what comes after is refused, which only the parser that read the request knows
            self._parser.rest()
        whole = False
        try:
            if not self._ending:  # else the handler caught its cancellation
                if chunked and answer.beat is not None:
                    self._beat, self._silent_since_s = answer.beat, None
                writing = self._write_pieces(self._opening(answer, framing + _about(request, stays)), pieces, length, chunked)
                del answer
                whole = await writing
        finally:
            self._beat = None
            pieces.close()
            if until_close and not whole:
                self.cut()
        return stays and whole

    def _opening(self, answer: Answer, framing: bytes) -> bytes:
        """What leaves together with the first piece."""
        head = self._head(answer, framing)
        if not answer.head_first:
            return head
        self._transport.write(head)
        return b""

    async def _write_pieces(self, head: bytes, pieces: Pieces, length: int | None, chunked: bool) -> bool:
        """Whether the body came to its end."""
        write = self._transport.write
        sent = 0
        try:
            while piece := await pieces.next():
                sent += len(piece)
                if length is not None and sent > length:
                    break
                write(head + b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else head + piece)
                head = b""
                del piece  # the next may be long in coming
                self._spoke = True
                if self._drained is not None:
                    await self._drained
        except BrokenOff:
            write(head)
            return False
        if length is not None and sent != length:
            raise ValueError(f"a body that was said to have {length} bytes has {'more' if sent > length else sent}")
        if self._ending:  # its cancellation was caught on the way
            return False
        write(head + _END if chunked else head)
        return True

    # --- the end

    def _leave(self) -> None:
        """The client has left: what waits is never answered, and what is under way goes no further."""
        self._drop_waiting()
        self._ending = True
        self._due_s = None
        if self._task is not None:
            self._task.cancel()
        drained, self._drained = self._drained, None
        if drained is not None and not drained.done():
            drained.cancel()

    def _drop_waiting(self) -> None:
        waiting, arrivals = self._waiting, self._listener.arrivals
        while waiting:
            request = waiting.pop(0)
            if arrivals is not None:
                arrivals.dropped(request.call(), by_client=not (self._ending or self._listener.stopping))

    def _end(self) -> None:
        self._ending = True
        self._transport.close()
        self._wait_until_taken()

    def _end_slowly(self) -> None:
        """Close behind the last answer to a client that may still be sending: a reset would take the answer from it."""
        if self._transport.is_closing():
            return
        self._ending = True
        if self._transport.can_write_eof():
            self._transport.write_eof()
        if self._paused:
            self._read_on()
        self._wait_until_taken()
        if not self._untaken:
            self._set_due(LINGER_S)

    def stop(self) -> None:
        """The server stops: a connection without a request is closed, another with its answer."""
        if not self._answering and self._parser.arriving is None and not self._ending:
            self._end()

    def cut(self) -> None:
        """At once, whatever is under way; to the client it is a break and no end."""
        with contextlib.suppress(OSError):
            self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._transport.abort()

    # --- waits

    def _wait_for_request(self) -> None:
        """For a request or its head, what comes byte by byte has one wait for all of them."""
        parser = self._parser
        if parser.arriving is None:
            awaited, wait_s = _REQUEST, self._listener.limits.idle_s
        elif parser.in_head:
            awaited, wait_s = _HEAD, self._listener.limits.head_s
        else:
            self._wait_for_body(parser.arriving)
            return
        if awaited is not self._awaited:
            self._awaited = awaited
            self._set_due(wait_s)

    def _wait_for_body(self, arriving: Arriving) -> None:
        """A client may want to be asked for its body; that is for after the answers to its earlier requests."""
        if arriving.wants_continue:
            arriving.wants_continue = False
            self._transport.write(_CONTINUE)
        self._set_due(self._listener.limits.body_silence_s)

    def _wait_until_taken(self) -> None:
        self._untaken = self._transport.get_write_buffer_size()
        self._set_due(self._listener.limits.send_s)

    def _set_due(self, wait_s: float | None) -> None:
        self._due_s = None if wait_s is None else self._listener.loop.time() + wait_s

    def look(self, now_s: float) -> None:
        """Called now and then: ends a wait that has lasted too long, and a silence."""
        if self._beat is not None:
            self._look_how_silent(self._beat, now_s)
        if self._due_s is None or now_s < self._due_s:
            return
        self._due_s = None
        if self._ending or self._answering:
            self._look_what_was_taken()
        elif self._parser.arriving is None:
            self._transport.abort()
        else:
            self._refuse(Refused(408, "the request did not arrive in time"))

    def _look_how_silent(self, beat: Beat, now_s: float) -> None:
        if self._spoke:
            self._spoke, self._silent_since_s = False, now_s
        elif self._silent_since_s is None or self._drained is not None or self._ending:
            return  # the head has not left, or what was written is not taken
        elif now_s - self._silent_since_s >= beat.silence_s:
            self._silent_since_s = now_s
            self._transport.write(b"%x\r\n%b\r\n" % (len(beat.piece), beat.piece))

    def _look_what_was_taken(self) -> None:
        """A client that takes little is borne, one that takes nothing is not."""
        if self._transport.get_write_buffer_size() < self._untaken:
            self._wait_until_taken()
        else:
            self.cut()


def _framing(length: int | None, request: Arriving) -> bytes:
    if length is not None:
        return b"content-length: %d\r\n" % length
    return b"" if request.is_old else _CHUNKED


def _about(request: Arriving, stays: bool) -> bytes:
    """What is said of the connection; nothing where it is understood."""
    if stays:
        return b"connection: keep-alive\r\n" if request.is_old else b""
    return b"connection: close\r\n"
