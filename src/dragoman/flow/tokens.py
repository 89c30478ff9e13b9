"""Calls that are signed when they go out: with the time, or with a token that is fetched first and kept.

Law: a call is signed anew at each try. A token is fetched by one caller while the others who want it wait; it is used until shortly before
its end, or until its very end while no other is to be had; and one that the service refuses is forgotten, and the call made once more
where that token had been kept. What is said of tokens holds for whatever proves for a while who calls, such as keys lent by AWS.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from copy import copy
from typing import Final, Generic, Protocol, TypeVar

import msgspec

from dragoman.core.errors import BadReply, Cancelled, DragomanError, TimedOut
from dragoman.core.exchange import Call, Reply, Timeouts, header
from dragoman.core.token import Grant, Proof
from dragoman.flow.effects import Close, Finish, Flow, Gate, Opened, Wait, now, opened, read
from dragoman.flow.retry_after import retry_after_s

EARLY_S: Final = 240.0
"""So long before its end a token is fetched anew, but not before half of its life is over."""
AWS_ERROR: Final = "x-amzn-errortype"
STALE: Final = ("ExpiredToken", "InvalidClientTokenId", "UnrecognizedClient")
"""What AWS says where keys have ended or were taken back."""
PAUSE_S: Final = 30.0
"""So long a token that could not be had anew is used on, as far as it holds, before it is asked for again."""
MAX_TOKEN_BYTES: Final = 256 * 1024
MAX_TOKENS: Final = 1024
"""How many accounts' tokens are kept; the oldest goes first."""

ProofT = TypeVar("ProofT", bound=Proof)


class Signer(Protocol):
    """Signs the tries of one call."""

    def sign(self, call: Call, timeouts: Timeouts) -> Flow[tuple[Call, Timeouts]]:
        """``call`` signed, and what is left of ``timeouts``. Raises any ``DragomanError``."""

    def renew(self) -> bool:
        """The service does not know who calls: forget what may be stale. Whether signing once more may help."""

    def redact(self, error: DragomanError) -> None:
        """Take every secret that was used out of an error's texts."""

    @property
    def ends_epoch_s(self) -> float | None:
        """When what was last signed with ends, in seconds since 1970; ``None`` where it does not, or before the first call."""


def open_signed(call: Call, signer: Signer | None, timeouts: Timeouts) -> Flow[Opened]:
    """The answer to ``call``, its head read; ``signer`` signs it first, where there is one."""
    if signer is None:
        return (yield from opened(call, timeouts))
    signed, left = yield from signer.sign(call, timeouts)
    incoming = yield from opened(signed, left)
    if _is_refused(incoming) and signer.renew():
        yield Close()
        signed, left = yield from signer.sign(call, left)
        incoming = yield from opened(signed, left)
    return incoming


def _is_refused(incoming: Opened) -> bool:
    """Whether the service does not know who calls, rather than what he may do; AWS says both with 403, and which in a field."""
    if incoming.status == 401:
        return True
    return incoming.status == 403 and (header(incoming.headers, AWS_ERROR) or "").startswith(STALE)


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

    @property
    def ends_epoch_s(self) -> float | None:
        return None


class Lender(msgspec.Struct, Generic[ProofT], frozen=True):
    """Who gives what proves for a while who calls, and how he is asked."""

    identity: Hashable
    """Equal for those who may share it; it holds the account's secrets, so that a name alone gets nobody's token."""
    fetch: Callable[[Timeouts], Flow[ProofT]]
    """Asks for it. Raises any ``DragomanError``."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"


class Account(Lender[ProofT], Generic[ProofT], frozen=True):
    """Whom a token is for, and the pure function that uses it."""

    put: Callable[[Call, ProofT, float], Call]
    """A call with the token, at so many seconds since 1970."""

    def __repr__(self) -> str:
        return "Account(…)"


class Held(msgspec.Struct, Generic[ProofT], frozen=True):
    """What proves who calls, what is left of the time, and the time it is."""

    proof: ProofT
    timeouts: Timeouts
    epoch_s: float
    was_kept: bool


class TokenSigner(Generic[ProofT]):
    """Signs with a token of ``account``, from ``cache`` or fetched into it."""

    def __init__(self, account: Account[ProofT], cache: TokenCache) -> None:
        self._account = account
        self._cache = cache
        self._used: list[ProofT] = []
        self._was_kept = False
        self._renewed = False

    @property
    def ends_epoch_s(self) -> float | None:
        return self._used[-1].ends_epoch_s if self._used else None

    def sign(self, call: Call, timeouts: Timeouts) -> Flow[tuple[Call, Timeouts]]:
        held = yield from self._cache.held(self._account, timeouts)
        self._was_kept = held.was_kept
        if held.proof not in self._used:
            self._used.append(held.proof)
        return self._account.put(call, held.proof, held.epoch_s), held.timeouts

    def renew(self) -> bool:
        for token in self._used:
            self._cache.drop(self._account, token)
        helps = self._was_kept and not self._renewed
        self._renewed = True
        return helps

    def redact(self, error: DragomanError) -> None:
        for token in self._used:
            for secret in token.secrets:
                error.redact(secret)


class _Fetch:
    """A token on its way: who comes while it is fetched waits at the gate and takes what came."""

    def __init__(self) -> None:
        self.gate = Gate()
        self.token: Proof | None = None
        self.error: DragomanError | None = None


class TokenCache:
    """Tokens by account. Threads and tasks may share one: whoever enters his fetch first is the one who fetches."""

    def __init__(self) -> None:
        self._tokens: dict[Hashable, tuple[Proof, float]] = {}
        self._fetches: dict[Hashable, _Fetch] = {}

    def held(self, lender: Lender[ProofT], timeouts: Timeouts) -> Flow[Held[ProofT]]:
        """What is at hand, or else is fetched now. Raises what the endpoint or the network is guilty of."""
        begun = yield from now()
        kept = self.kept(lender, begun.epoch_s)
        if kept is not None:
            return Held(kept, timeouts, begun.epoch_s, True)
        fetched = yield from self.fetched(lender, timeouts)
        done = yield from now()
        return Held(fetched, _left(timeouts, done.monotonic_s - begun.monotonic_s), done.epoch_s, False)

    def kept(self, lender: Lender[ProofT], epoch_s: float) -> ProofT | None:
        """The token that is at hand and good for a while yet."""
        token, until_s = self._tokens.get(lender.identity, (None, 0.0))
        return token if epoch_s < until_s else None  # type: ignore[return-value]  # what one identity is lent is all of one kind

    def drop(self, lender: Lender[ProofT], token: ProofT) -> None:
        """Forget ``token``; one that came in its place meanwhile stays."""
        found = self._tokens.get(lender.identity)
        if found is not None and found[0] == token:
            self._tokens.pop(lender.identity, None)

    def fetched(self, lender: Lender[ProofT], timeouts: Timeouts) -> Flow[ProofT]:
        """A token that is fetched now, by this caller or by one who is at it. Raises what the endpoint or the network is guilty of."""
        begun = yield from now()
        left = timeouts
        while True:
            mine = _Fetch()
            fetch = self._fetches.setdefault(lender.identity, mine)
            if fetch is mine:
                return (yield from self._fetch(mine, lender, left))
            spare = self._spare(lender, begun.epoch_s)
            if spare is not None:  # while one asks for a new token, nobody else is held up by it
                return spare
            yield Wait(fetch.gate, left.shortest_s)
            if fetch.token is not None:
                return fetch.token  # type: ignore[return-value]  # as above
            if fetch.error is not None:
                raise copy(fetch.error)
            left = _left(timeouts, (yield from now()).monotonic_s - begun.monotonic_s)  # he gave up, which says nothing of the endpoint

    def _fetch(self, mine: _Fetch, lender: Lender[ProofT], timeouts: Timeouts) -> Flow[ProofT]:
        try:
            epoch_s = (yield from now()).epoch_s
            token = self.kept(lender, epoch_s)  # another's may have come between the look and the entry
            if token is None:
                token = yield from self._fetch_or_spare(lender, epoch_s, timeouts)
            mine.token = token
            return token
        except (Cancelled, TimedOut):
            raise  # this caller's own affair; the others try for themselves
        except DragomanError as error:
            mine.error = copy(error)
            raise
        finally:
            self._fetches.pop(lender.identity, None)
            mine.gate.open()

    def _fetch_or_spare(self, lender: Lender[ProofT], epoch_s: float, timeouts: Timeouts) -> Flow[ProofT]:
        """A new token; where there is none to be had, the old one, as long as it holds."""
        try:
            token = yield from lender.fetch(timeouts)
        except (Cancelled, TimedOut):
            raise
        except DragomanError:
            spare = self._spare(lender, epoch_s)
            if spare is None:
                raise
            self._tokens[lender.identity] = (spare, min(epoch_s + PAUSE_S, spare.ends_epoch_s))
            return spare
        self._keep(lender, token, epoch_s)
        return token

    def _spare(self, lender: Lender[ProofT], epoch_s: float) -> ProofT | None:
        """The old token, as long as it holds."""
        token, _ = self._tokens.get(lender.identity, (None, 0.0))
        return token if token is not None and epoch_s < token.ends_epoch_s else None  # type: ignore[return-value]  # as above

    def _keep(self, lender: Lender[ProofT], token: ProofT, epoch_s: float) -> None:
        lifetime_s = token.ends_epoch_s - epoch_s
        self._tokens.pop(lender.identity, None)
        for oldest in list(self._tokens)[: max(0, len(self._tokens) - MAX_TOKENS + 1)]:
            self._tokens.pop(oldest, None)
        self._tokens[lender.identity] = (token, token.ends_epoch_s - min(EARLY_S, lifetime_s / 2))


T = TypeVar("T")


def exchange(ask: Callable[[float], Grant], read: Callable[[Reply, float], T], timeouts: Timeouts) -> Flow[T]:
    """What ``read`` makes of the answer to what ``ask`` makes at its time.

    Raises what the endpoint, the network or ``read`` says, without the secrets that were sent.
    """
    epoch_s = (yield from now()).epoch_s
    grant = ask(epoch_s)
    try:
        reply = yield from _reply(grant.call, timeouts)
        try:
            return read(reply, epoch_s)
        except DragomanError as error:
            error.retry_after_s = retry_after_s(reply.headers, epoch_s)
            raise
    except DragomanError as error:
        for secret in grant.secrets:
            error.redact(secret)
        yield Close()
        raise


def timed(step: Flow[T], timeouts: Timeouts) -> Flow[tuple[T, Timeouts]]:
    """What ``step`` comes to, and what it left of ``timeouts`` to the next one. Raises ``TimedOut`` where that is nothing."""
    begun_s = (yield from now()).monotonic_s
    done = yield from step
    return done, _left(timeouts, (yield from now()).monotonic_s - begun_s)


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
