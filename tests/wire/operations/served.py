"""A server on this machine that speaks one operation's server role and answers what a test gives it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import openai

from dragoman.core.errors import DragomanError
from dragoman.core.exchange import Call, Reply
from dragoman.wire.openai_call import encode_error
from dragoman.wire.operations import operation
from dragoman.wire.quirks import NONE
from tests.wire.ollama.loopback import serving


class Served:
    """What the server was asked, as calls and as requests."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.requests: list[Any] = []


@contextmanager
def served(dialect: str, name: str, answer: Any) -> Iterator[tuple[openai.OpenAI, Served]]:
    """OpenAI's own client of a server that says ``answer`` to the operation; an error is told as one."""
    speaking, seen = operation(dialect, name), Served()

    def reply(call: Call) -> Reply:
        seen.calls.append(call)
        try:
            request = speaking.decode_request(call, NONE)
            seen.requests.append(request)
            if isinstance(answer, DragomanError):
                raise answer
        except DragomanError as error:
            return encode_error(error, NONE)
        return speaking.encode_reply(answer, request, NONE)

    with serving(reply) as address, openai.OpenAI(base_url=address, api_key="k", max_retries=0) as client:
        yield client, seen
