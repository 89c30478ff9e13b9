"""One whole call, made by each of the programs compared: a bare socket, this library, and the SDKs that are installed."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import ExitStack
from importlib.util import find_spec

import httptools

import dragoman

PROMPT = "Name three rivers."
BODY = b'{"model":"gpt-4.1","messages":[{"role":"user","content":"Name three rivers."}]}'
REQUEST = (
    b"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\nauthorization: Bearer sk-bench\r\n"
    b"content-length: %d\r\n\r\n%b" % (len(BODY), BODY)
)
Call = Callable[[], object]


class _Answer:
    """The least that reads an HTTP answer: the bar that everything else is held against."""

    def __init__(self) -> None:
        self.done = False
        self.body = b""

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.done = True


def bare(port: int, stack: ExitStack) -> Call:
    """A bare socket and httptools."""
    connection = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def call() -> bytes:
        connection.sendall(REQUEST)
        answer = _Answer()
        parser = httptools.HttpResponseParser(answer)
        while not answer.done:
            data = connection.recv(65536)
            if not data:
                raise ConnectionError("the upstream hung up")
            parser.feed_data(data)
        return answer.body

    return call


def ours(port: int, stack: ExitStack) -> Call:
    client = stack.enter_context(dragoman.Client(keys={"openai": "sk-bench"}, base_urls={"openai": f"http://127.0.0.1:{port}/v1"}))
    return lambda: client.complete("openai/gpt-4.1", PROMPT).text


def openai_sdk(port: int, stack: ExitStack) -> Call | None:
    if find_spec("openai") is None:
        return None
    import openai

    client = stack.enter_context(openai.OpenAI(api_key="sk-bench", base_url=f"http://127.0.0.1:{port}/v1"))
    return lambda: client.chat.completions.create(model="gpt-4.1", messages=[{"role": "user", "content": PROMPT}])


def litellm_sdk(port: int, stack: ExitStack) -> Call | None:
    if find_spec("litellm") is None:
        return None
    from importlib import import_module

    litellm = import_module("litellm")
    return lambda: litellm.completion(
        model="openai/gpt-4.1",
        messages=[{"role": "user", "content": PROMPT}],
        api_key="sk-bench",
        api_base=f"http://127.0.0.1:{port}/v1",
    )


CALLERS = {"bare socket + httptools": bare, "dragoman": ours, "openai SDK": openai_sdk, "litellm SDK": litellm_sdk}
