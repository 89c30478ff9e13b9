"""Content-encodings undone piece by piece: gzip, deflate, br, zstd. Pure.

Law: what can be decoded is decoded at once, at most ``limit`` bytes a call, so that no answer can blow up in memory. We ask for
``identity``; this serves servers that compress all the same. What cannot be decoded is ``BadReply``.
Sources: RFC 9110 section 8.4, RFC 1950-1952, RFC 7932, RFC 8878.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any, Protocol

from dragoman.core.errors import BadReply

PIECE_BYTES = 65_536


class Decompressor(Protocol):
    """``push`` takes coded bytes, ``pull`` gives at most ``limit`` plain ones (``b""``: needs more), ``ended`` at a legal end."""

    def push(self, data: bytes) -> None: ...

    def pull(self, limit: int) -> bytes: ...

    def ended(self) -> bool: ...


class _Zlib:
    """gzip (several members are one text) and deflate (with or without its zlib wrapper: servers send both)."""

    def __init__(self, wbits: int | None) -> None:
        self._wbits = wbits
        self._state: Any = None
        self._waiting = b""

    def push(self, data: bytes) -> None:
        self._waiting += data

    def pull(self, limit: int) -> bytes:
        while self._waiting:
            if self._state is None or self._state.eof:
                if self._state is not None and self._wbits != 31:
                    raise zlib.error("bytes after the end")
                if self._wbits is None and len(self._waiting) < 2:
                    return b""
                self._state = zlib.decompressobj(self._window())
            plain: bytes = self._state.decompress(self._waiting, limit)
            self._waiting = self._state.unconsumed_tail or self._state.unused_data
            if plain:
                return plain
        # The last bytes of a long run may still be inside the decompressor although all input was taken.
        return self._state.decompress(b"", limit) if self._state is not None and not self._state.eof else b""

    def _window(self) -> int:
        if self._wbits is not None:
            return self._wbits
        first, second = self._waiting[:2]
        return zlib.MAX_WBITS if first & 15 == 8 and (first * 256 + second) % 31 == 0 else -zlib.MAX_WBITS

    def ended(self) -> bool:
        return self._state is not None and self._state.eof and not self._waiting


class _Brotli:
    """Its limit is a wish that one step may pass by some kB, so what is over waits here."""

    def __init__(self, state: Any) -> None:
        self._state = state
        self._waiting = b""
        self._plain = b""

    def push(self, data: bytes) -> None:
        self._waiting += data

    def pull(self, limit: int) -> bytes:
        if not self._plain and not self._state.is_finished():
            # With nothing to give it may still hold output, and while it holds input it takes no more.
            data = b""
            if self._state.can_accept_more_data():
                data, self._waiting = self._waiting, b""
            self._plain = self._state.process(data, output_buffer_limit=limit)
        if not self._plain and self._waiting and self._state.is_finished():
            raise zlib.error("bytes after the end")
        given, self._plain = self._plain[:limit], self._plain[limit:]
        return given

    def ended(self) -> bool:
        return bool(self._state.is_finished()) and not self._waiting and not self._plain


class _Zstd:
    """The decompressor has no limit of its own: it is given so little at a time that one step stays within a few MB."""

    STEP_BYTES = 128

    def __init__(self, new: Callable[[], Any]) -> None:
        self._new = new
        self._state: Any = None
        self._waiting = b""
        self._plain = b""

    def push(self, data: bytes) -> None:
        self._waiting += data

    def pull(self, limit: int) -> bytes:
        while not self._plain and self._waiting:
            if self._state is None or self._state.eof:
                self._state = self._new()
            step, self._waiting = self._waiting[: self.STEP_BYTES], self._waiting[self.STEP_BYTES :]
            self._plain = self._state.decompress(step)
            self._waiting = self._state.unused_data + self._waiting
        given, self._plain = self._plain[:limit], self._plain[limit:]
        return given

    def ended(self) -> bool:
        return self._state is not None and self._state.eof and not self._waiting and not self._plain


def _brotli() -> Decompressor:
    import brotli  # type: ignore[import-untyped]  # it ships no types

    state = brotli.Decompressor()
    if not hasattr(state, "can_accept_more_data"):
        raise ImportError("brotli before 1.2 cannot bound its output")
    return _Brotli(state)


def _zstd() -> Decompressor:
    import zstandard

    # 8 MB is the largest window RFC 9659 allows for HTTP.
    return _Zstd(lambda: zstandard.ZstdDecompressor(max_window_size=2**23).decompressobj())


_MAKERS: dict[str, Callable[[], Decompressor]] = {
    "gzip": lambda: _Zlib(31),
    "x-gzip": lambda: _Zlib(31),
    "deflate": lambda: _Zlib(None),
    "br": _brotli,
    "zstd": _zstd,
}


def decompressor(coding: str) -> Decompressor | None:
    """What undoes ``coding`` (the field's value); ``None`` for identity. Raises ``BadReply`` where nothing does."""
    name = coding.strip().lower()
    if name in ("", "identity"):
        return None
    if name not in _MAKERS:
        raise BadReply(f"the answer has content-encoding {name[:40]!r}, which was not asked for and cannot be undone")
    try:
        return _MAKERS[name]()
    except ImportError:
        raise BadReply(f"the answer has content-encoding {name!r}; to undo it: pip install 'dragoman[compression]'") from None


def pull(source: Decompressor) -> bytes:
    """The next plain bytes. Raises ``BadReply`` where the coded ones are corrupt."""
    try:
        return source.pull(PIECE_BYTES)
    except Exception as error:  # noqa: BLE001  each library has an error type of its own
        raise BadReply(f"the answer's compressed body is corrupt: {error}") from None
