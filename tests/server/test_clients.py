"""Clients that others wrote, as judges: what they understand is what was meant."""

from __future__ import annotations

import asyncio
import http.client
import json
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest

from dragoman.core.exchange import Call
from dragoman.server import Answer, Limits
from dragoman.server.answer import BrokenOff

from .wire import Feed, Program, Runner, Served, serving

BIG = bytes(range(256)) * 20_000


async def told(call: Call) -> Answer:
    seen = {"method": call.method, "url": call.url, "fields": dict(call.headers), "size": len(call.body)}
    return Answer(200, (("content-type", "application/json"),), json.dumps(seen).encode())


async def pieces(call: Call) -> Answer:
    return Answer(200, (), Feed(b"one", BIG, b"end"))


async def measured(call: Call) -> Answer:
    return Answer(200, (), Feed(b"one", BIG, b"end"), 6 + len(BIG))


async def broken(call: Call) -> Answer:
    return Answer(200, (), Feed(b"one", BrokenOff()))


def program() -> Program:
    return Program(told, pieces=pieces, measured=measured, broken=broken, empty=Answer(204, (("x", "y"),)), same=Answer(304))


def judged(run: Runner, judge: Callable[[Served], None]) -> None:
    """Serve while ``judge``, which blocks, asks."""

    async def scenario() -> None:
        async with serving(program(), Limits(body_bytes=6_000_000)) as served:
            await asyncio.to_thread(judge, served)

    run(scenario)


def test_httpx(run: Runner) -> None:
    async def scenario() -> None:
        async with (
            serving(program(), Limits(body_bytes=6_000_000)) as served,
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{served.port}", trust_env=False) as client,
        ):
            for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
                seen = (await client.request(method, "/a?b=c", content=BIG if method == "POST" else None)).json()
                assert (seen["method"], seen["url"], seen["size"]) == (method, "/a?b=c", len(BIG) if method == "POST" else 0)
            assert (await client.head("/a")).content == b""

            async def parts() -> AsyncIterator[bytes]:
                for _ in range(10):
                    yield BIG[:50_000]

            assert (await client.post("/a", content=parts())).json()["size"] == 500_000
            for path in ("/pieces", "/measured"):
                assert (await client.get(path)).content == b"one" + BIG + b"end"
                async with client.stream("GET", path) as left:
                    await left.aiter_raw(3).__anext__()
            assert (await client.get("/empty")).status_code == 204
            assert (await client.get("/same")).status_code == 304
            with pytest.raises(httpx.RemoteProtocolError, match="incomplete chunked read"):
                await client.get("/broken")
            assert (await client.post("/a", content=BIG * 2)).status_code == 413
            assert all(status == 200 for status in await asyncio.gather(*(_status(client) for _ in range(50))))

    run(scenario)


async def _status(client: httpx.AsyncClient) -> int:
    return (await client.get("/a")).status_code


def test_the_standard_library(run: Runner) -> None:
    def judge(served: Served) -> None:
        client = http.client.HTTPConnection("127.0.0.1", served.port, timeout=20)
        for _ in range(2):
            client.request("POST", "/a", BIG)
            assert json.loads(client.getresponse().read())["size"] == len(BIG)
        port = _own_port(client)
        client.request("POST", "/a", iter([b"one", b"two"]), {"Transfer-Encoding": "chunked"}, encode_chunked=True)
        assert json.loads(client.getresponse().read())["size"] == 6
        for path in ("/pieces", "/measured"):
            client.request("GET", path)
            assert client.getresponse().read() == b"one" + BIG + b"end"
        for path, status in (("/empty", 204), ("/same", 304)):
            client.request("GET", path)
            answer = client.getresponse()
            assert (answer.status, answer.read()) == (status, b"")
        client.request("HEAD", "/pieces")
        assert client.getresponse().read() == b""
        assert _own_port(client) == port, "it was one connection for all"
        client.request("GET", "/broken")
        with pytest.raises(http.client.IncompleteRead):
            client.getresponse().read()
        client.close()

    judged(run, judge)


def _own_port(client: http.client.HTTPConnection) -> int:
    assert isinstance(client.sock, socket.socket)
    return int(client.sock.getsockname()[1])


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not on this machine")
def test_curl(run: Runner, tmp_path: Path) -> None:
    big = tmp_path / "big"
    big.write_bytes(BIG)

    def judge(served: Served) -> None:
        def curl(path: str, *options: str) -> subprocess.CompletedProcess[bytes]:
            command = ["curl", "--silent", "--show-error", "--noproxy", "*", "--max-time", "20", *options]
            return subprocess.run([*command, f"http://127.0.0.1:{served.port}{path}"], capture_output=True, check=False)

        def size(*options: str) -> int:
            return int(json.loads(curl("/a", *options).stdout)["size"])

        assert size() == 0
        assert size("--http1.0") == 0
        assert size("--data-binary", f"@{big}") == len(BIG)  # asks first, with Expect: 100-continue
        assert size("--data-binary", f"@{big}", "--header", "Transfer-Encoding: chunked") == len(BIG)
        assert size("--http2") == 0  # offers an upgrade
        assert size("--http2", "--data-binary", "hello") == 5
        for path in ("/pieces", "/measured"):
            for version in ("--http1.1", "--http1.0"):
                assert curl(path, version).stdout == b"one" + BIG + b"end"
        assert curl("/a", "--head").stdout.startswith(b"HTTP/1.1 200 OK\r\n")
        assert curl("/empty", "--include").stdout.startswith(b"HTTP/1.1 204 No Content\r\n")
        assert curl("/broken").returncode == 18  # a part of the body only
        assert curl("/broken", "--http1.0").returncode == 56  # a reset
        assert curl("/a", "--data-binary", "x" * 100_000, "--write-out", "%{http_code}").stdout.endswith(b"200")

    judged(run, judge)
