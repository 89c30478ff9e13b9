"""Callers' keys: made, kept as digests, and recognised.

A key of ``new_key`` has 256 random bits, so that nobody finds it by trying and a fast digest protects it as well as a slow one would. It
is shown when it is made and never again; nothing here prints one.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from typing import Final

from dragoman.gateway.config.tables import AdminTable, KeyTable

PREFIX: Final = "dgm-"
ALGORITHM: Final = "sha256"
SHORTEST: Final = 16
"""Letters of a key in the clear: what is shorter can be found by trying, as answers to wrong keys are fast."""
_BYTES: Final = 32
_HASH: Final = re.compile(f"{ALGORITHM}:[0-9a-f]{{64}}")


class ClientKeys:
    """Who calls, by the key presented, and which models that caller may ask for."""

    def __init__(self, keys: Mapping[str, KeyTable]) -> None:
        self._names = {digest_of(table): (digest_of(table), name) for name, table in keys.items()}
        self._models = {name: _any_of(table.models) for name, table in keys.items() if table.models}

    def __len__(self) -> int:
        return len(self._names)

    def __repr__(self) -> str:
        return f"ClientKeys({', '.join(name for _, name in self._names.values())})"

    def name_of(self, presented: str) -> str | None:
        """Whose key this is; ``None`` where it is nobody's."""
        # The look-up compares digests, of which a caller cannot choose a part, so its time tells nothing; the last word has a comparison
        # that takes the same time whatever differs.
        digest = hashlib.sha256(presented.encode("utf-8", "surrogatepass")).digest()
        kept = self._names.get(digest)
        return kept[1] if kept is not None and hmac.compare_digest(kept[0], digest) else None

    def is_bound(self, name: str) -> bool:
        """Whether the caller ``name`` may ask for some models alone."""
        return name in self._models

    def allows(self, name: str, model: str) -> bool:
        """Whether the caller ``name`` may ask for ``model``, as callers write it."""
        allowed = self._models.get(name)
        return allowed is None or allowed.fullmatch(model) is not None


def new_key() -> tuple[str, str]:
    """A key and the hash that stands for it in the file."""
    key = PREFIX + secrets.token_urlsafe(_BYTES)
    return key, hash_of(key)


def hash_of(key: str) -> str:
    """What ``hash`` of a table is for ``key``."""
    return f"{ALGORITHM}:{hashlib.sha256(key.encode('utf-8', 'surrogatepass')).hexdigest()}"


def is_hash(text: str) -> bool:
    """Whether ``text`` is what ``hash_of`` makes."""
    return _HASH.fullmatch(text) is not None


def digest_of(table: KeyTable | AdminTable) -> bytes:
    """The digest that a table stands for, whichever way it is told."""
    text = table.hash if table.hash is not None else hash_of(table.key or "")
    return bytes.fromhex(text.removeprefix(f"{ALGORITHM}:"))


def _any_of(patterns: tuple[str, ...]) -> re.Pattern[str]:
    """What any of the patterns takes; ``*`` is any text."""
    return re.compile("|".join(".*".join(map(re.escape, pattern.split("*"))) for pattern in patterns), re.DOTALL)
