"""What a server bears: sizes in bytes, waits in seconds."""

from __future__ import annotations

import msgspec

MIB = 1024 * 1024


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """``None`` is no bound."""

    head_bytes: int = 64 * 1024
    body_bytes: int = 32 * MIB
    head_s: float | None = 20.0
    """From a request's first byte until its head is complete."""
    body_silence_s: float | None = 30.0
    """Between two pieces of a request's body."""
    send_s: float | None = 120.0
    """How long a client may take nothing of an answer that waits for it."""
    idle_s: float | None = 90.0
    """How long a connection without a request is kept."""
    pipelined: int = 32
    """Requests that wait on one connection for the answer to an earlier one; beyond, no more are read."""
