"""Calls that are signed when they go out: with the time, or with a token that is fetched first and kept.

Law: a call is signed anew at each try. A token is fetched by one caller while the others who want it wait; it is used until shortly before
its end; and one that the service refuses (401) is forgotten, and the call made once more where that token had been kept.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from copy import copy
from typing import Final, Protocol

import msgspec

from dragoman.core.errors import BadReply, Cancelled, DragomanError, TimedOut
from dragoman.core.exchange import Call, Reply, Timeouts
from dragoman.core.token import Grant, Token
from dragoman.flow.effects import Close, Finish, Flow, Gate, Opened, Wait, now, opened, read
from dragoman.flow.retry_after import retry_after_s

EARLY_S: Final = 240.0
"""So long before its end a token is fetched anew, but not before half of its life is over."""
MAX_TOKEN_BYTES: Final = 256 * 1024
MAX_TOKENS: Final = 1024
"""How many accounts' tokens are kept; the oldest goes first."""


class Signer(Protocol):
    """Signs the tries of one call."""

    def sign(self, call: Call, timeouts: Timeouts) -> Flow[tuple[Call, Timeouts]]:
        """``call`` signed, and what is left of ``timeouts``. Raises any ``DragomanError``."""

    def renew(self) -> bool:
        """The service answered 401: forget what may be stale. Whether signing once more may help."""

    def redact(self, error: DragomanError) -> None:
        """Take every secret that was used out of an error's texts."""


def open_signed(call: Call, signer: Signer | None, timeouts: Timeouts) -> Flow[Opened]:
    """The answer to ``call``, its head read; ``signer`` signs it first, where there is one."""
    if signer is None:
        return (yield from opened(call, timeouts))
    signed, left = yield from signer.sign(call, timeouts)
    incoming = yield from opened(signed, left)
    if incoming.status == 401 and signer.renew():
        yield Close()
        signed, left = yield from signer.sign(call, left)
        incoming = yield from opened(signed, left)
    return incoming


class TimedSigner:
    """Signs with the time, by a pure function ``(call, seconds since 1970) -> call``."""

    def __init__(self, sign: Callable[[Call, float], Call], secrets: tuple[str, ...]) -> None:
        self._sign = sign
        self._secrets = secrets

    def sign(self, call: Call, timeouts: Timeouts) -> Flow[tuple[Call, Timeouts]]:
        instant = yield from now()
        return self._sign(call, instant.epoch_s), timeouts

    def renew(self) -> bool:
        return False

    def redact(self, error: DragomanError) -> None:
        for secret in self._secrets:
            error.redact(secret)


class Account(msgspec.Struct, frozen=True):
    """Whom a token is for, and the pure functions that get and use it."""

    identity: Hashable
    """Equal for those who may share a token; it holds the account's secrets, so that a name alone gets nobody's token."""
    grant: Callable[[float], Grant]
    """What to send, at so many seconds since 1970."""
    read: Callable[[Reply, float], Token]
    """The token in an answer. Raises ``ProviderError``."""
    put: Callable[[Call, str], Call]
    """A call with the token's text."""

    def __repr__(self) -> str:
        return "Account(…)"


class TokenSigner:
    """Signs with a token of ``account``, from ``cache`` or fetched into it."""

    def __init__(self, account: Account, cache: TokenCache) -> None:
        self._account = account
        self._cache = cache
        self._used: list[Token] = []
        self._was_kept = False
        self._renewed = False

    def sign(self, call: Call, timeouts: Timeouts) -> Flow[tuple[Call, Timeouts]]:
        begun = yield from now()
        kept = self._cache.kept(self._account, begun.epoch_s)
        self._was_kept = kept is not None
        if kept is None:
            kept = yield from self._cache.fetched(self._account, timeouts)
            timeouts = _left(timeouts, (yield from now()).monotonic_s - begun.monotonic_s)
        if kept not in self._used:
            self._used.append(kept)
        return self._account.put(call, kept.text), timeouts

    def renew(self) -> bool:
        for token in self._used:
            self._cache.drop(self._account, token)
        helps = self._was_kept and not self._renewed
        self._renewed = True
        return helps

    def redact(self, error: DragomanError) -> None:
        for token in self._used:
            error.redact(token.text)


class _Fetch:
    """A token on its way: who comes while it is fetched waits at the gate and takes what came."""

    def __init__(self) -> None:
        self.gate = Gate()
        self.token: Token | None = None
        self.error: DragomanError | None = None


class TokenCache:
    """Tokens by account. Threads and tasks may share one: whoever enters his fetch first is the one who fetches."""

    def __init__(self) -> None:
        self._tokens: dict[Hashable, tuple[Token, float]] = {}
        self._fetches: dict[Hashable, _Fetch] = {}

    def kept(self, account: Account, epoch_s: float) -> Token | None:
        """The token that is at hand and good for a while yet."""
        token, until_s = self._tokens.get(account.identity, (None, 0.0))
        return token if epoch_s < until_s else None

    def drop(self, account: Account, token: Token) -> None:
        """Forget ``token``; one that came in its place meanwhile stays."""
        found = self._tokens.get(account.identity)
        if found is not None and found[0] == token:
            self._tokens.pop(account.identity, None)

    def fetched(self, account: Account, timeouts: Timeouts) -> Flow[Token]:
        """A token that is fetched now, by this caller or by one who is at it. Raises what the endpoint or the network is guilty of."""
        begun = yield from now()
        left = timeouts
        while True:
            mine = _Fetch()
            fetch = self._fetches.setdefault(account.identity, mine)
            if fetch is mine:
                return (yield from self._fetch(mine, account, left))
            yield Wait(fetch.gate, left.shortest_s)
            if fetch.token is not None:
                return fetch.token
            if fetch.error is not None:
                raise copy(fetch.error)
            left = _left(timeouts, (yield from now()).monotonic_s - begun.monotonic_s)  # he gave up, which says nothing of the endpoint

    def _fetch(self, mine: _Fetch, account: Account, timeouts: Timeouts) -> Flow[Token]:
        try:
            epoch_s = (yield from now()).epoch_s
            mine.token = self.kept(account, epoch_s)  # another's may have come between the look and the entry
            if mine.token is None:
                mine.token = yield from _exchange(account, epoch_s, timeouts)
                self._keep(account, mine.token, epoch_s)
            return mine.token
        except (Cancelled, TimedOut):
            raise  # this caller's own affair; the others try for themselves
        except DragomanError as error:
            mine.error = copy(error)
            raise
        finally:
            self._fetches.pop(account.identity, None)
            mine.gate.open()

    def _keep(self, account: Account, token: Token, epoch_s: float) -> None:
        lifetime_s = token.ends_epoch_s - epoch_s
        self._tokens.pop(account.identity, None)
        for oldest in list(self._tokens)[: max(0, len(self._tokens) - MAX_TOKENS + 1)]:
            self._tokens.pop(oldest, None)
        self._tokens[account.identity] = (token, token.ends_epoch_s - min(EARLY_S, lifetime_s / 2))


def _exchange(account: Account, epoch_s: float, timeouts: Timeouts) -> Flow[Token]:
    grant = account.grant(epoch_s)
    try:
        reply = yield from _reply(grant.call, timeouts)
        try:
            return account.read(reply, epoch_s)
        except DragomanError as error:
            error.retry_after_s = retry_after_s(reply.headers, epoch_s)
            raise
    except DragomanError as error:
        for secret in grant.secrets:
            error.redact(secret)
        yield Close()
        raise


def _reply(call: Call, timeouts: Timeouts) -> Flow[Reply]:
    incoming = yield from opened(call, timeouts)
    pieces: list[bytes] = []
    size = 0
    while data := (yield from read()):
        pieces.append(data)
        size += len(data)
        if size > MAX_TOKEN_BYTES:
            raise BadReply(f"the token endpoint's answer is longer than {MAX_TOKEN_BYTES} bytes", status=incoming.status)
    yield Finish()
    return Reply(incoming.status, incoming.headers, b"".join(pieces))


def _left(timeouts: Timeouts, spent_s: float) -> Timeouts:
    """``timeouts`` after ``spent_s`` seconds went to the token. Raises ``TimedOut``."""
    left = timeouts.after(spent_s)
    if left is None:
        raise TimedOut(f"no token came within {timeouts.shortest_s:g} s")
    return left
