"""OpenAI's own client of a server on this machine that answers one operation as a test says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import openai

from dragoman.core.errors import DragomanError
from tests.wire.served import Served, serving


@contextmanager
def served(dialect: str, name: str, answer: Any) -> Iterator[tuple[openai.OpenAI, Served]]:
    """The client, and what the server was asked; an ``answer`` that is an error is told as one."""

    def said(request: object) -> Any:
        if isinstance(answer, DragomanError):
            raise answer
        return answer

    with serving(dialect, operations={name: said}) as server, openai.OpenAI(base_url=server.root, api_key="k", max_retries=0) as client:
        yield client, server
