"""What the gateway serves beside the faces: each a function of the call, found by method and path."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec

from dragoman.core.exchange import Call
from dragoman.server.answer import Answer
from dragoman.wire.payload import dump


class Page(msgspec.Struct, frozen=True):
    """``for_callers``: whether one of the callers' keys is wanted, where there are any."""

    show: Callable[[Call], Awaitable[Answer]]
    for_callers: bool = True


def json_answer(value: object, status: int = 200) -> Answer:
    return Answer(status, (("content-type", "application/json"),), dump(value))
