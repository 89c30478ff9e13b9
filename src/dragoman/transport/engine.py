"""What a transport does with a call, written once: take or make a connection, converse, send again where a kept one was stale.

Everything here is a coroutine over a wire. Under asyncio the wire suspends; under plain sockets it blocks and the coroutine never
suspends, so that ``sync`` can run it to its end without any event loop.
Law: a call is sent again only if a kept connection ended before any byte of an answer, once, on a fresh connection. Every exchange
ends with its connection either back in the pool (clean end) or closed. Only a ``DragomanError`` (or a cancellation) leaves.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Generic

from dragoman.core.errors import Cancelled, ConnectFailed, DragomanError, TimedOut, UsageError
from dragoman.core.exchange import Call, Headers, Timeouts
from dragoman.transport.connect import Dialer, DialT, connect, reason
from dragoman.transport.http1 import Exchange, Head, encode_head, encode_request
from dragoman.transport.pool import Connection, Pool
from dragoman.transport.seam import Hold
from dragoman.transport.settings import Settings
from dragoman.transport.target import Target, split_url
from dragoman.transport.tls import TlsContext
from dragoman.transport.waits import Waits, sooner

TAIL_S = 0.005
TAIL_BYTES = 4_096
_KNOWN_HEADS = 256


class Engine(Generic[DialT]):
    """One transport's connections and policy. ``environ`` is looked at when a connection is made."""

    def __init__(self, settings: Settings, environ: Mapping[str, str], dialer: Dialer[DialT]) -> None:
        self.pool = Pool(settings.max_idle_connections, settings.idle_timeout_s)
        self._settings = settings
        self._environ = environ
        self._dialer = dialer
        self._tls = TlsContext(settings)
        self._heads: dict[int, tuple[str, str, Headers, Head]] = {}
        """By the identity of the header fields, which calls to one place share: to hash them all would take longer than the look."""

    async def open(self, call: Call, timeouts: Timeouts, hold: Hold | None = None) -> Conversation:
        """Send ``call``; return when the head of its answer is here."""
        if self.pool.closed:
            raise UsageError("the transport is closed; a new one is needed")
        headers = call.headers
        known = self._heads.get(id(headers))
        if known is None or known[2] is not headers or known[1] != call.url or known[0] != call.method:
            known = self._learn(call)
        head = known[3]
        data = head.with_body_of(call)
        now = time.monotonic()
        waits = Waits(timeouts, now)
        kept = self.pool.take(head.target.origin, now)
        if kept is not None:
            conversation = self._send(kept, call, head, data, waits, hold)
            if await conversation.begin():
                return _past_the_proxy(conversation) if kept.form else conversation
        fresh = await self._connect(head.target, waits)
        conversation = self._send(fresh, call, head, data, waits, hold)
        await conversation.begin()
        return _past_the_proxy(conversation) if fresh.form else conversation

    def _learn(self, call: Call) -> tuple[str, str, Headers, Head]:
        """What is known keeps the fields alive, so that no others can have their identity."""
        if len(self._heads) >= _KNOWN_HEADS:
            self._heads.clear()
        known = self._heads[id(call.headers)] = (call.method, call.url, call.headers, encode_head(call, split_url(call.url)))
        return known

    def _send(self, connection: Connection, call: Call, head: Head, data: bytes, waits: Waits, hold: Hold | None) -> Conversation:
        if connection.form:
            data = encode_request(call, head.target, form=connection.form, extra=connection.extra)
        sent = connection.wire.offer(data)
        # What reads the answer is made while the server works at it.
        exchange = Exchange(head_only=call.method == "HEAD", max_head_bytes=self._settings.max_head_bytes)
        conversation = Conversation(self.pool, connection, exchange, waits, sent)
        if hold is not None:
            hold(conversation.close)
        return conversation

    async def _connect(self, target: Target, waits: Waits) -> Connection:
        started = time.monotonic()
        try:
            until = waits.connect(started)
            connection = await connect(self._dialer, target, self._settings, self._environ, self._tls, until)
        except TimeoutError:
            raise waits.connect_timed_out(started) from None
        if not self.pool.add(connection):
            self.pool.drop(connection)
            raise Cancelled("the transport was closed while it connected")
        return connection


def _past_the_proxy(conversation: Conversation) -> Conversation:
    """The same, unless it is the proxy's own demand for a login in place of the server's answer."""
    if conversation.status == 407:
        conversation.close()
        raise ConnectFailed("the proxy wants another user and password", status=407, retryable=False)
    return conversation


class Conversation:
    """One call and its answer on one connection. It is the answer that the asyncio transport hands out."""

    __slots__ = ("_closed", "_connection", "_exchange", "_pool", "_sent", "_waits")

    def __init__(self, pool: Pool, connection: Connection, exchange: Exchange, waits: Waits, sent: bool) -> None:
        self._connection: Connection | None = connection
        self._pool = pool
        self._exchange = exchange
        self._waits = waits
        self._sent = sent
        self._closed = False

    def __del__(self) -> None:
        if self._connection is not None:
            self.close()

    @property
    def head(self) -> tuple[int, Headers]:
        return self._exchange.status, self._exchange.headers

    @property
    def status(self) -> int:
        return self._exchange.status

    @property
    def headers(self) -> Headers:
        return self._exchange.headers

    async def begin(self) -> bool:
        """Wait for the head. ``False``: the kept connection was stale, and nothing of an answer had come."""
        connection, exchange = self._connection, self._exchange
        if connection is None:
            raise Cancelled("the exchange was closed")
        started = time.monotonic()
        until = self._waits.answer(started)
        try:
            while not exchange.status and exchange.error is None:
                await self._more(connection, until)
        except TimeoutError:
            self.close()
            raise self._waits.answer_timed_out(started) from None
        except BaseException:
            self.close()
            raise
        if exchange.error is not None and not exchange.status:
            self.close()
            if connection.used and not exchange.received:
                return False
            raise exchange.error
        return True

    async def read(self, timeout_s: float | None = None) -> bytes:
        """See ``seam.Incoming.read``."""
        data = self.at_hand()
        if data is not None:
            return data
        exchange, waits = self._exchange, self._waits
        started = time.monotonic()
        limit = waits.answer(started)
        until = limit if timeout_s is None else sooner(limit, started + timeout_s)
        while not data:
            connection = self._still_open()
            if connection is None:
                return b""
            try:
                await self._more(connection, until)
            except TimeoutError:
                if until != limit:
                    raise TimedOut(f"no bytes within the {timeout_s:g} s that this read may take (timeout_s)") from None
                self.close()
                raise waits.answer_timed_out(started) from None
            except BaseException:
                self.close()
                raise
            data = exchange.take()
        waits.begun = True
        return data

    def at_hand(self) -> bytes | None:
        """What a read gives that need not wait; ``None`` where it must."""
        exchange = self._exchange
        data = exchange.take()
        if data:
            self._waits.begun = True
            return data
        return b"" if exchange.ended and not self._closed else None

    def _still_open(self) -> Connection | None:
        """The connection to read on from; ``None`` at the clean end."""
        exchange = self._exchange
        if self._closed:
            raise exchange.error or Cancelled("the answer was closed before its end")
        if exchange.error is not None:
            self.close()
            raise exchange.error
        return None if exchange.ended else self._connection

    async def _more(self, connection: Connection, until: float | None) -> None:
        """One step: what is still to be sent, then the next bytes into the exchange."""
        exchange, wire = self._exchange, connection.wire
        try:
            data = wire.look(until) if self._sent else None
            if data is None:
                self._sent = self._sent or await wire.send(b"", until)
                data = await wire.receive(until)
        except TimeoutError:
            raise
        except OSError as error:
            exchange.end_of_stream(reason(error))
            return
        if data:
            exchange.feed(data)
        else:
            exchange.end_of_stream()
        if exchange.complete:
            self._release(connection)

    def _release(self, connection: Connection) -> None:
        self._connection = None
        if self._exchange.reusable:  # whether it stays silent is looked at when it is taken again
            self._pool.give_back(connection, time.monotonic())
        else:
            self._pool.drop(connection)

    @property
    def is_over(self) -> bool:
        """The connection is back in the pool, or closed."""
        return self._connection is None

    async def finish(self) -> None:
        """See ``seam.Incoming.finish``."""
        connection, exchange = self._connection, self._exchange
        if connection is None:
            return
        until = time.monotonic() + TAIL_S
        budget = TAIL_BYTES
        try:
            while not exchange.complete and exchange.error is None and budget > 0:
                await self._more(connection, until)
                budget -= max(1, len(exchange.take()))
        except (TimeoutError, DragomanError):
            pass
        finally:
            self.close()

    def close(self) -> None:
        """At once; a connection still in use is closed."""
        connection, self._connection = self._connection, None
        self._closed = True
        if connection is not None:
            self._pool.drop(connection)
        self._exchange.drop()
