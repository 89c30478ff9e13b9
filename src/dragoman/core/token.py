"""What proves who calls: keys as they are given; tokens that are good for a while, and the question that gets one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, TypeAlias

import msgspec

from dragoman.core.exchange import Call

Key: TypeAlias = str | Mapping[str, str]
"""A provider's key; for the clouds also the several parts of one, by their names."""


class Proof(Protocol):
    """What proves for a while who calls."""

    @property
    def ends_epoch_s(self) -> float:
        """Until when, in seconds since 1970."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """Its texts that must not print."""


class Token(msgspec.Struct, frozen=True):
    """A token and when it ends, in seconds since 1970. It never prints."""

    text: str
    ends_epoch_s: float

    @property
    def secrets(self) -> tuple[str, ...]:
        return (self.text,)

    def __repr__(self) -> str:
        return f"Token(…, ends_epoch_s={self.ends_epoch_s!r})"


class Grant(msgspec.Struct, frozen=True):
    """What is sent to get a token, and the texts in it that must not print."""

    call: Call
    secrets: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Grant({self.call.method!r}, {self.call.url!r}, …)"
