"""The least that a gateway in Python can be, as a yardstick: ``python -m bench.gateway.relay PORT BEHIND``.

uvloop and httptools on both sides, by hand: it looks into the body for the model and whether a stream is asked for, rewrites the headers,
and forwards what comes as it comes. No keys, limits, accounting, retries or timeouts, one provider.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from typing import Final, cast

import httptools
import msgspec
import uvloop

BACKLOG: Final = 4096
HOP: Final = frozenset((b"connection", b"keep-alive", b"transfer-encoding", b"content-length", b"host", b"authorization", b"x-api-key"))
REFUSED: Final = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"
BROKEN: Final = b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
END: Final = b"0\r\n\r\n"


class Peek(msgspec.Struct):
    """What a gateway must know of a body to route it."""

    model: str
    stream: bool = False


class Relay:
    """The provider's address and the connections to it that wait for work."""

    def __init__(self, behind: int) -> None:
        self.behind = behind
        self.idle: list[Provider] = []
        self.peek = msgspec.json.Decoder(Peek)
        self.tasks: set[asyncio.Task[None]] = set()

    async def send(self, caller: Caller, request: bytes) -> None:
        while self.idle:
            provider = self.idle.pop()
            if not provider.transport.is_closing():
                break
        else:
            _, provider = await asyncio.get_running_loop().create_connection(lambda: Provider(self), "127.0.0.1", self.behind)
        provider.begin(caller, request)

    def start(self, caller: Caller, request: bytes) -> None:
        """At once where a connection waits, without a task."""
        if self.idle and not self.idle[-1].transport.is_closing():
            self.idle.pop().begin(caller, request)
            return
        task = asyncio.get_running_loop().create_task(self.send(caller, request))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)


class Caller(asyncio.Protocol):
    """A connection of someone who asks."""

    def __init__(self, relay: Relay) -> None:
        self.relay = relay
        self.provider: Provider | None = None
        self.gone = False
        self.parser = httptools.HttpRequestParser(self)
        self.transport: asyncio.Transport
        self.url = b""
        self.headers: list[bytes] = []
        self.body: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def connection_lost(self, fault: Exception | None) -> None:
        self.gone = True
        if self.provider is not None:
            self.provider.transport.abort()

    def data_received(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            self.transport.abort()

    def pause_writing(self) -> None:
        if self.provider is not None:
            self.provider.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.provider is not None:
            self.provider.transport.resume_reading()

    def on_message_begin(self) -> None:
        self.url, self.headers, self.body = b"", [], []

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() not in HOP:
            self.headers.append(b"%b: %b\r\n" % (name, value))

    def on_body(self, body: bytes) -> None:
        self.body.append(body)

    def on_message_complete(self) -> None:
        body = b"".join(self.body)
        try:
            self.relay.peek.decode(body)
        except msgspec.MsgspecError:
            self.transport.write(REFUSED)
            return
        head = b"POST %b HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer sk-upstream\r\n%bcontent-length: %d\r\n\r\n"
        self.relay.start(self, head % (self.url, b"".join(self.headers), len(body)) + body)


class Provider(asyncio.Protocol):
    """A connection to the provider, with the caller that it serves at present."""

    def __init__(self, relay: Relay) -> None:
        self.relay = relay
        self.caller: Caller | None = None
        self.parser = httptools.HttpResponseParser(self)
        self.transport: asyncio.Transport
        self.headers: list[bytes] = []
        self.out: list[bytes] = []
        self.length = b""

    def begin(self, caller: Caller, request: bytes) -> None:
        self.caller, caller.provider = caller, self
        if caller.gone:
            self.transport.abort()
        else:
            self.transport.write(request)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def connection_lost(self, fault: Exception | None) -> None:
        if self.caller is not None:
            self.caller.provider = None
            self.caller.transport.write(BROKEN)
            self.caller.transport.close()
        elif self in self.relay.idle:
            self.relay.idle.remove(self)

    def data_received(self, data: bytes) -> None:
        caller = self.caller
        self.parser.feed_data(data)
        if caller is not None and self.out:
            caller.transport.write(b"".join(self.out))
            self.out.clear()

    def on_message_begin(self) -> None:
        self.headers, self.length = [], b""

    def on_header(self, name: bytes, value: bytes) -> None:
        low = name.lower()
        if low == b"content-length":
            self.length = value
        elif low not in HOP:
            self.headers.append(b"%b: %b\r\n" % (name, value))

    def on_headers_complete(self) -> None:
        about = b"content-length: %b\r\n" % self.length if self.length else b"transfer-encoding: chunked\r\n"
        self.out.append(b"HTTP/1.1 %d OK\r\n%b%b\r\n" % (self.parser.get_status_code(), b"".join(self.headers), about))

    def on_body(self, body: bytes) -> None:
        self.out.append(body if self.length else b"%x\r\n%b\r\n" % (len(body), body))

    def on_message_complete(self) -> None:
        if not self.length:
            self.out.append(END)
        if self.caller is not None:
            self.caller.provider = None
            self.caller = None
            self.relay.idle.append(self)


async def serve(port: int, behind: int) -> None:
    relay = Relay(behind)
    server = await asyncio.get_running_loop().create_server(lambda: Caller(relay), "127.0.0.1", port, backlog=BACKLOG)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), int(sys.argv[2])))
