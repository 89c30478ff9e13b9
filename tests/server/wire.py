"""What the tests of the server are made of: a program to serve, bodies in pieces, and a client of bytes and sockets that hides nothing."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable

from dragoman.core.exchange import Call
from dragoman.server import Answer, Limits, Listener

Runner = Callable[[Callable[[], Awaitable[None]]], None]
Part = bytes | BaseException | asyncio.Event

OK = Answer(200, (("content-type", "text/plain"),), b"ok")


class Feed:
    """A body in pieces: bytes are given, an event is waited for, a fault is raised. ``then`` is given for ever behind them."""

    def __init__(self, *parts: Part, then: bytes = b"") -> None:
        self.parts = deque(parts)
        self.then = then
        self.asked = asyncio.Event()
        self.given = 0
        self.closed = 0

    async def next(self) -> bytes:
        self.asked.set()
        while self.parts:
            part = self.parts.popleft()
            if isinstance(part, bytes):
                self.given += 1
                return part
            if isinstance(part, BaseException):
                raise part
            await part.wait()
        self.given += 1
        return self.then

    def close(self) -> None:
        self.closed += 1


class Held:
    """A call that is not answered before it is let go."""

    def __init__(self, answer: Answer = OK) -> None:
        self.answer = answer
        self.begun = asyncio.Event()
        self.let_go = asyncio.Event()
        self.cancelled = asyncio.Event()

    async def __call__(self, call: Call) -> Answer:
        self.begun.set()
        try:
            await self.let_go.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return self.answer


class Program:
    """A handler that answers by path, and with ``otherwise`` where it has no answer for one; without either it tells what it was asked."""

    def __init__(self, otherwise: Answer | Callable[[Call], Awaitable[Answer]] | None = None, **paths: object) -> None:
        self.otherwise = otherwise
        self.paths = paths
        self.calls: list[Call] = []
        self.refusals: list[tuple[Call, int, str]] = []

    async def handle(self, call: Call) -> Answer:
        self.calls.append(call)
        answer = self.paths.get(call.url[1:], self.otherwise)
        if answer is None:
            return Answer(200, (), f"{call.method} {call.url} ".encode() + call.body)
        if isinstance(answer, Answer):
            return answer
        return await answer(call)  # type: ignore[operator,no-any-return]  # what else is given is called

    def refuse(self, call: Call, status: int, message: str) -> Answer:
        self.refusals.append((call, status, message))
        return Answer(status, (("content-type", "text/plain"),), message.encode())


class Client:
    """One connection."""

    def __init__(self, connected: socket.socket) -> None:
        self.socket = connected
        self.loop = asyncio.get_running_loop()
        self.kept = b""

    async def send(self, data: bytes) -> None:
        await self.loop.sock_sendall(self.socket, data)

    async def send_each(self, data: bytes) -> None:
        """Byte by byte, each of them read by itself."""
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(len(data)):
            await self.send(data[at : at + 1])
            await asyncio.sleep(0)

    async def receive(self) -> bytes:
        """What comes next; empty at the end."""
        return await self.loop.sock_recv(self.socket, 65_536)

    async def until(self, mark: bytes) -> bytes:
        while mark not in self.kept:
            data = await self.receive()
            assert data, f"closed before {mark!r}, after {self.kept!r}"
            self.kept += data
        head, _, self.kept = self.kept.partition(mark)
        return head + mark

    async def exactly(self, size: int) -> bytes:
        while len(self.kept) < size:
            data = await self.receive()
            assert data, f"closed after {self.kept!r}"
            self.kept += data
        data, self.kept = self.kept[:size], self.kept[size:]
        return data

    async def rest(self) -> bytes:
        """All until the server closes."""
        pieces, self.kept = [self.kept], b""
        while data := await self.receive():
            pieces.append(data)
        return b"".join(pieces)

    async def chunk(self) -> bytes:
        data = await self.exactly(int(await self.until(b"\r\n"), 16))
        assert await self.exactly(2) == b"\r\n"
        return data

    async def head(self) -> tuple[int, dict[str, str]]:
        first, *lines = (await self.until(b"\r\n\r\n")).decode("latin-1").strip("\r\n").split("\r\n")
        fields = [line.partition(": ") for line in lines]
        assert len({name for name, _, _ in fields}) == len(fields), "a field stands twice"
        return int(first.split()[1]), {name: value for name, _, value in fields}

    async def reply(self) -> tuple[int, dict[str, str], bytes]:
        """A whole answer with a body."""
        status, fields = await self.head()
        if fields.get("transfer-encoding") == "chunked":
            body = b""
            while chunk := await self.chunk():
                body += chunk
        else:
            body = await self.exactly(int(fields["content-length"]))
        return status, fields, body

    async def get(self, path: str = "/", *fields: str) -> tuple[int, dict[str, str], bytes]:
        await self.send(get(path, *fields))
        return await self.reply()

    def half_close(self) -> None:
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self) -> None:
        self.socket.close()


class Served:
    """A listener that runs, and its clients."""

    def __init__(self, listener: Listener, port: int) -> None:
        self.listener = listener
        self.port = port
        self.clients: list[Client] = []

    async def connect(self, *, receive_buffer: int | None = None) -> Client:
        connected = socket.socket()
        if receive_buffer is not None:
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        connected.setblocking(False)
        client = Client(connected)
        self.clients.append(client)
        await client.loop.sock_connect(connected, ("127.0.0.1", self.port))
        return client

    def look_after(self, wait_s: float) -> None:
        """As if so long had passed."""
        self.listener.look(self.listener.loop.time() + wait_s)


@contextlib.asynccontextmanager
async def serving(
    program: Program, limits: Limits | None = None, *, port: int = 0, share_port: bool = False, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Served]:
    listener = Listener(program, limits)
    async with ended(Served(listener, await listener.start("127.0.0.1", port, share_port=share_port, tls=tls))) as served:
        yield served


@contextlib.asynccontextmanager
async def ended(served: Served) -> AsyncIterator[Served]:
    """Whatever happens, nothing stays open: uvloop waits for that for ever."""
    try:
        yield served
    finally:
        for client in served.clients:
            client.close()
        await served.listener.stop()
        assert not served.listener.connections


async def until(is_true: Callable[[], object]) -> None:
    """Let the loop run until it is so."""
    while not is_true():
        await asyncio.sleep(0)


async def turns(count: int = 50) -> None:
    """Let the loop run on, where the point is that nothing happens."""
    for _ in range(count):
        await asyncio.sleep(0)


def get(path: str = "/", *fields: str, method: str = "GET", version: str = "1.1") -> bytes:
    lines = [f"{method} {path} HTTP/{version}", "host: served", *fields]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def post(path: str, body: bytes, *fields: str, version: str = "1.1") -> bytes:
    return get(path, f"content-length: {len(body)}", *fields, method="POST", version=version) + body


def chunked(path: str, *chunks: bytes, trailers: bytes = b"") -> bytes:
    body = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    return get(path, "transfer-encoding: chunked", method="POST") + body + b"0\r\n" + trailers + b"\r\n"
