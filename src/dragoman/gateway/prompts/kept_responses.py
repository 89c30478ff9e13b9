"""Answers of the Responses face that callers may go on from (``store``, ``previous_response_id``), where the upstream keeps none.

Each is kept with the conversation that led to it, so that whatever target answers next gets the whole of it. SQLite holds them: in memory,
or in a file that several workers share. A caller reaches what its own key asked for, and nothing else. The oldest go first when there is
too much, and none is kept longer than ``KEEP_S``, which is what OpenAI promises.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Final

import msgspec

from dragoman.core.messages import Message

if TYPE_CHECKING:
    import sqlite3

FILE: Final = "responses.sqlite"
"""In the folder that several processes of a gateway share."""
KEEP_S: Final = 30 * 86_400.0
MAX_BYTES: Final = 256 * 1024 * 1024
MAX_CLAIMS: Final = 500_000
"""Names of what upstreams keep, some hundred bytes each."""
_LOOK_EVERY: Final = 64
_DROPPED_AT_ONCE: Final = 8
_TABLE: Final = """
create table if not exists responses (
    id text primary key, owner text not null, kept_s real not null, messages blob not null, given integer not null, body blob not null
) without rowid
"""
_ITEMS: Final = """
create table if not exists items (
    id text not null, owner text not null, response text not null references responses (id) on delete cascade, primary key (owner, id)
) without rowid
"""
"""In which answer an item stands."""
_CLAIMS: Final = """
create table if not exists claims (id text not null, owner text not null, kept_s real not null, primary key (owner, id)) without rowid
"""
"""What upstreams keep; one on somebody's own machine may give a name twice."""
_IS_GIVEN: Final = " union ".join(f"select 1 from {table} where id = :id and owner = :owner" for table in ("responses", "items", "claims"))
_MESSAGES: Final = msgspec.msgpack.Decoder(tuple[Message, ...])


class Kept(msgspec.Struct, frozen=True):
    """``messages`` is the conversation with the answer at its end; of it, ``given`` messages before the answer were this request's own."""

    messages: tuple[Message, ...]
    given: int
    body: bytes
    """The response object."""

    @property
    def input(self) -> tuple[Message, ...]:
        """What the caller gave with this request."""
        return self.messages[-1 - self.given : -1]


class KeptResponses:
    """The store. ``path`` is a file, or nothing for memory. It is made when it is first used: SQLite takes 2 MB."""

    def __init__(self, path: str | None = None, max_bytes: int = MAX_BYTES, keep_s: float = KEEP_S) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._keep_s = keep_s
        self._count = 0

    @cached_property
    def _store(self) -> sqlite3.Connection:
        import sqlite3

        store = sqlite3.connect(self._path or ":memory:", isolation_level=None, timeout=5.0)
        store.execute("pragma journal_mode=wal")
        store.execute("pragma synchronous=off")  # who loses power has to begin a conversation anew
        store.execute("pragma foreign_keys=on")
        store.execute(_TABLE)
        store.execute(_CLAIMS)
        store.execute(_ITEMS)
        store.execute("create index if not exists by_answer on items (response)")
        store.execute("create index if not exists by_age on responses (kept_s)")
        store.execute("create index if not exists by_claim on claims (kept_s)")
        return store

    def make(self) -> None:
        """Make it now."""
        self._size()

    def put(self, owner: str | None, id: str, kept: Kept, items: Iterable[str] = ()) -> None:
        """Keep an answer; ``items`` are the names of what stands in it."""
        row = (id, owner or "", time.time(), msgspec.msgpack.encode(kept.messages), kept.given, kept.body)
        self._store.execute("insert or replace into responses values (?, ?, ?, ?, ?, ?)", row)
        self._store.executemany("insert or replace into items values (?, ?, ?)", [(item, owner or "", id) for item in items])
        self._count += 1
        if self._count % _LOOK_EVERY == 0:
            self._make_room()

    def get(self, owner: str | None, id: str) -> Kept | None:
        found = self._store.execute(
            "select messages, given, body from responses where id = ? and owner = ? and kept_s > ?",
            (id, owner or "", time.time() - self._keep_s),
        ).fetchone()
        return Kept(_MESSAGES.decode(found[0]), found[1], found[2]) if found else None

    def with_item(self, owner: str | None, item: str) -> Kept | None:
        """The answer in which ``item`` stands."""
        found = self._store.execute("select response from items where id = ? and owner = ?", (item, owner or "")).fetchone()
        return self.get(owner, found[0]) if found else None

    def claim(self, owner: str, id: str) -> None:
        """An upstream keeps what ``id`` names for this caller."""
        self._store.execute("insert or ignore into claims values (?, ?, ?)", (id, owner, time.time()))
        self._count += 1
        if self._count % _LOOK_EVERY == 0:
            self._make_room()

    def is_given(self, owner: str, id: str) -> bool:
        """Whether an answer gave ``id`` to this caller: its own name, or that of something in it or beside it."""
        return self._store.execute(_IS_GIVEN, {"id": id, "owner": owner}).fetchone() is not None

    def delete(self, owner: str | None, id: str) -> bool:
        """Whether there was one."""
        return self._store.execute("delete from responses where id = ? and owner = ?", (id, owner or "")).rowcount > 0

    def _make_room(self) -> None:
        self._store.execute("delete from responses where kept_s <= ?", (time.time() - self._keep_s,))
        self._store.execute("delete from claims where kept_s <= ?", (time.time() - self._keep_s,))
        self._store.execute(
            "delete from claims where kept_s <= (select kept_s from claims order by kept_s desc limit 1 offset ?)", (MAX_CLAIMS,)
        )
        while self._size() > self._max_bytes:
            self._store.execute("delete from responses where id in (select id from responses order by kept_s limit ?)", (_DROPPED_AT_ONCE,))

    def _size(self) -> int:
        size: int = self._store.execute("select coalesce(sum(length(messages) + length(body)), 0) from responses").fetchone()[0]
        return size

    def close(self) -> None:
        if "_store" in self.__dict__:
            self._store.close()
