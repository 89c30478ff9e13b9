"""A bearer token that is good for a while, and the question that it is the answer to. Signers make them, flows fetch and keep them."""

from __future__ import annotations

import msgspec

from dragoman.core.exchange import Call


class Token(msgspec.Struct, frozen=True):
    """A token and when it ends, in seconds since 1970. It never prints."""

    text: str
    ends_epoch_s: float

    def __repr__(self) -> str:
        return f"Token(…, ends_epoch_s={self.ends_epoch_s!r})"


class Grant(msgspec.Struct, frozen=True):
    """What is sent to get a token, and the texts in it that must not print."""

    call: Call
    secrets: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Grant({self.call.method!r}, {self.call.url!r}, …)"
