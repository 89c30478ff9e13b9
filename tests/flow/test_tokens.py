"""Tokens in flows: fetched once, kept until shortly before their end, shared, and dropped when refused. Callers are stepped by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import pytest

from dragoman.core.errors import AuthFailed, Cancelled, ConnectFailed, DragomanError, RateLimited, ServerFault, TimedOut
from dragoman.core.exchange import Call, Headers, Reply, Timeouts, header
from dragoman.core.token import Grant, Token
from dragoman.credentials.keyring import with_bearer
from dragoman.flow.attempt import Progress, Target, attempt
from dragoman.flow.effects import Close, Effect, Emit, Flow, Gate, Instant, Now, Open, Opened, Outcome, Read, Wait
from dragoman.flow.retry import RetryBudget, RetryPolicy, retrying
from dragoman.flow.tokens import (
    EARLY_S,
    MAX_TOKEN_BYTES,
    MAX_TOKENS,
    PAUSE_S,
    Account,
    Signer,
    TimedSigner,
    TokenCache,
    TokenSigner,
    exchange,
    open_signed,
    timed,
)
from dragoman.sign.key import bearer
from dragoman.sign.oauth import grant, read_token
from tests.flow.by_hand import EPOCH_S, STREAM_HEADERS, WHOLE_STREAM, Heard, target, world

CALL = Call("POST", "https://service.test/x")
ENDPOINT = "https://tokens.test/token"
TIMEOUTS = Timeouts()


@dataclass
class Answer:
    """What a call gets: its head and its body in one piece, or an error."""

    body: bytes = WHOLE_STREAM
    status: int = 200
    headers: Headers = STREAM_HEADERS
    error: DragomanError | None = None


def token(text: str = "t1", lifetime_s: float = 3600.0) -> Answer:
    return Answer(json.dumps({"access_token": text, "expires_in": lifetime_s}).encode())


@dataclass
class Clock:
    passed_s: float = 0.0

    @property
    def now(self) -> Instant:
        return Instant(100.0 + self.passed_s, EPOCH_S + self.passed_s)


@dataclass
class Caller:
    """One flow, stepped effect by effect. It stands still at an effect until it is answered."""

    flow: Flow[object]
    clock: Clock = field(default_factory=Clock)
    effects: list[Effect] = field(default_factory=list)
    result: object = None
    error: DragomanError | None = None
    is_done: bool = False
    _body: bytes = b""

    def start(self) -> Effect | None:
        return self._go(None)

    @property
    def at(self) -> Effect | None:
        """What it waits for."""
        return None if self.is_done else self.effects[-1]

    @property
    def is_held(self) -> bool:
        """It waits at a gate that is closed."""
        if not isinstance(self.at, Wait):
            return False
        told: list[bool] = []
        self.at.gate.when_open(lambda: told.append(True))
        return not told

    def answer(self, answer: Answer) -> Effect | None:
        """Answer the call that it waits for, and go on to where it has to wait again."""
        assert isinstance(self.at, Open)
        if answer.error is not None:
            return self._go(answer.error)
        self._body = answer.body
        return self._go(answer)

    def go_on(self) -> Effect | None:
        """Past the gate at which it stands."""
        assert isinstance(self.at, Wait)
        return self._go(None)

    def _go(self, outcome: Answer | DragomanError | None) -> Effect | None:
        """Up to the next call or gate."""
        told: Outcome | DragomanError = outcome
        while True:
            try:
                effect = self.flow.throw(told) if isinstance(told, DragomanError) else self.flow.send(told)
            except StopIteration as end:
                self.is_done, self.result = True, end.value
                return None
            except DragomanError as error:
                self.is_done, self.error = True, error
                return None
            self.effects.append(effect)
            if isinstance(effect, (Open, Wait)):
                return effect
            told = self._known(effect)

    def _known(self, effect: Effect) -> Outcome:
        if isinstance(effect, Now):
            return self.clock.now
        if isinstance(effect, Read):
            body, self._body = self._body, b""
            return body
        return None

    @property
    def calls(self) -> list[Call]:
        return [effect.call for effect in self.effects if isinstance(effect, Open)]

    @property
    def authorization(self) -> str | None:
        return header(self.calls[-1].headers, "authorization")


def account(name: str = "a", secret: str = "very-secret") -> Account[Token]:
    return Account((name, secret), partial(exchange, asking(name, secret), read_token), with_bearer)


def asking(name: str, secret: str) -> Callable[[float], Grant]:
    return lambda epoch_s: grant(ENDPOINT, {"client_id": name, "client_secret": secret, "at": str(epoch_s)})


def opening(signer: Signer, clock: Clock | None = None, timeouts: Timeouts = TIMEOUTS) -> Caller:
    """A caller of the service, started."""
    caller = Caller(_opening(signer, timeouts), clock or Clock())
    caller.start()
    return caller


def _opening(signer: Signer | None, timeouts: Timeouts) -> Flow[object]:
    return (yield from open_signed(CALL, signer, timeouts))


# --- a call that is signed


def test_a_call_without_a_signer_asks_for_nothing_but_to_be_sent() -> None:
    caller = Caller(_opening(None, TIMEOUTS))
    caller.start()
    assert caller.effects == [Open(CALL, TIMEOUTS)]


def test_a_plain_key_costs_no_effect() -> None:
    assert world(Heard()).run(attempt(target(), TIMEOUTS, Progress())).kinds[:2] == ["Open", "Read"]


def test_each_try_is_signed_with_its_own_time() -> None:
    signer = TimedSigner(lambda call, epoch_s: bearer(call, f"at-{epoch_s - EPOCH_S:g}"), ("very-secret",))
    clock = Clock()
    told = Target("here", "m", CALL, target().decoder, target().decode_error, signer.redact, signer)
    caller = Caller(retrying(told, TIMEOUTS, RetryPolicy(tries=2), RetryBudget()), clock)
    caller.start()
    assert caller.authorization == "Bearer at-0"
    clock.passed_s = 7.5
    caller.answer(Answer(b"very-secret", 503, (("retry-after", "1"),)))
    assert caller.authorization == "Bearer at-7.5"
    caller.answer(Answer())
    assert caller.error is None


def test_what_a_timed_signer_holds_is_taken_out_of_errors_and_a_refusal_is_final() -> None:
    signer = TimedSigner(lambda call, epoch_s: call, ("very-secret", "secret-session"))
    error = AuthFailed("very-secret and secret-session")
    signer.redact(error)
    assert "secret" not in str(error)
    assert not signer.renew()


# --- a token


def test_a_token_is_fetched_first_and_then_used() -> None:
    caller = opening(TokenSigner(account(), TokenCache()))
    assert caller.calls[0].url == ENDPOINT
    caller.answer(token("t1"))
    assert caller.calls[1].url == CALL.url
    assert caller.authorization == "Bearer t1"


def test_a_kept_token_needs_no_second_fetch() -> None:
    cache = TokenCache()
    opening(TokenSigner(account(), cache)).answer(token("t1"))
    again = opening(TokenSigner(account(), cache))
    assert [call.url for call in again.calls] == [CALL.url]
    assert again.authorization == "Bearer t1"


@pytest.mark.parametrize(("name", "secret"), [("b", "very-secret"), ("a", "other-secret")])
def test_a_token_is_for_its_account_alone_and_a_name_is_not_enough(name: str, secret: str) -> None:
    cache = TokenCache()
    opening(TokenSigner(account(), cache)).answer(token("t1"))
    assert opening(TokenSigner(account(name, secret), cache)).calls[0].url == ENDPOINT


@pytest.mark.parametrize(
    ("lifetime_s", "passed_s", "is_kept"),
    [(3600, 3600 - EARLY_S - 1, True), (3600, 3600 - EARLY_S, False), (100, 49, True), (100, 50, False), (0, 0, False)],
)
def test_a_token_is_fetched_anew_shortly_before_its_end(lifetime_s: float, passed_s: float, is_kept: bool) -> None:
    cache, clock = TokenCache(), Clock()
    opening(TokenSigner(account(), cache), clock).answer(token("t1", lifetime_s))
    clock.passed_s = passed_s
    again = opening(TokenSigner(account(), cache), clock)
    assert (again.calls[0].url == CALL.url) is is_kept


def test_the_oldest_tokens_go_when_there_are_too_many() -> None:
    cache = TokenCache()
    for number in range(MAX_TOKENS + 1):
        opening(TokenSigner(account(str(number)), cache)).answer(token(f"t{number}"))
    assert cache.kept(account("0"), EPOCH_S) is None
    assert cache.kept(account("1"), EPOCH_S) is not None
    assert cache.kept(account(str(MAX_TOKENS)), EPOCH_S) is not None


# --- many who want it


def test_fifty_callers_fetch_once() -> None:
    cache = TokenCache()
    callers = [opening(TokenSigner(account(), cache)) for _ in range(50)]
    assert [call.url for caller in callers for call in caller.calls] == [ENDPOINT]
    assert all(caller.is_held for caller in callers[1:])
    callers[0].answer(token("t1"))
    for caller in callers[1:]:
        assert not caller.is_held
        caller.go_on()
    assert {caller.authorization for caller in callers} == {"Bearer t1"}
    assert sum(call.url == ENDPOINT for caller in callers for call in caller.calls) == 1


def test_followers_take_also_a_token_that_cannot_be_kept() -> None:
    cache = TokenCache()
    first, second = (opening(TokenSigner(account(), cache)) for _ in range(2))
    first.answer(token("t1", 0))
    second.go_on()
    assert second.authorization == "Bearer t1"


def test_an_error_of_the_endpoint_is_each_callers_own_copy() -> None:
    cache = TokenCache()
    callers = [opening(TokenSigner(account(), cache)) for _ in range(3)]
    callers[0].answer(Answer(b'{"error":"invalid_client","error_description":"no very-secret here"}', 401))
    for caller in callers[1:]:
        caller.go_on()
    errors = [caller.error for caller in callers]
    assert all(isinstance(error, AuthFailed) for error in errors)
    assert len({id(error) for error in errors}) == 3
    for error in errors:
        assert error is not None
        assert "secret" not in f"{error} {error.body} {error!r}"
        assert "[key removed]" in error.message


def test_when_the_one_who_fetches_goes_away_another_does_it() -> None:
    cache = TokenCache()
    first, second, third = (opening(TokenSigner(account(), cache)) for _ in range(3))
    first.flow.close()
    second.go_on()
    third.go_on()
    assert second.calls[0].url == ENDPOINT
    assert third.is_held
    second.answer(token("t2"))
    third.go_on()
    assert (second.authorization, third.authorization) == ("Bearer t2", "Bearer t2")


@pytest.mark.parametrize("own", [Cancelled("closed"), TimedOut("too long for me")])
def test_what_befell_only_the_one_who_fetches_is_not_handed_on(own: DragomanError) -> None:
    cache = TokenCache()
    first, second = (opening(TokenSigner(account(), cache)) for _ in range(2))
    first.answer(Answer(error=own))
    assert first.error is own
    second.go_on()
    assert second.calls[0].url == ENDPOINT


def test_a_network_that_fails_is_told_to_all() -> None:
    cache = TokenCache()
    first, second = (opening(TokenSigner(account(), cache)) for _ in range(2))
    first.answer(Answer(error=ConnectFailed("refused")))
    second.go_on()
    assert isinstance(first.error, ConnectFailed)
    assert isinstance(second.error, ConnectFailed)
    assert first.error is not second.error


def test_after_a_failure_the_next_caller_asks_again() -> None:
    cache = TokenCache()
    opening(TokenSigner(account(), cache)).answer(Answer(b"", 500))
    assert opening(TokenSigner(account(), cache)).calls[0].url == ENDPOINT


def test_where_no_new_token_is_to_be_had_the_old_one_is_used_until_its_end() -> None:
    cache, clock = TokenCache(), Clock()
    opening(TokenSigner(account(), cache), clock).answer(token("t1", 3600))
    clock.passed_s = 3600 - EARLY_S
    late = opening(TokenSigner(account(), cache), clock)
    late.answer(Answer(b"", 500))
    assert late.authorization == "Bearer t1"
    clock.passed_s += PAUSE_S - 1
    assert opening(TokenSigner(account(), cache), clock).authorization == "Bearer t1"
    clock.passed_s += 1
    again = opening(TokenSigner(account(), cache), clock)
    assert again.calls[0].url == ENDPOINT
    clock.passed_s = 3600
    spent = opening(TokenSigner(account(), cache), clock)
    assert spent.is_held
    again.answer(Answer(b"", 500))
    spent.go_on()
    last = opening(TokenSigner(account(), cache), clock)
    last.answer(Answer(b"", 500))
    assert isinstance(last.error, ServerFault)


def test_while_one_asks_for_a_new_token_the_others_use_the_old_one() -> None:
    cache, clock = TokenCache(), Clock()
    opening(TokenSigner(account(), cache), clock).answer(token("t1", 3600))
    clock.passed_s = 3600 - EARLY_S
    asking, others = opening(TokenSigner(account(), cache), clock), [opening(TokenSigner(account(), cache), clock) for _ in range(9)]
    assert asking.calls[0].url == ENDPOINT
    assert {other.authorization for other in others} == {"Bearer t1"}
    asking.answer(token("t2", 3600))
    assert asking.authorization == "Bearer t2"
    assert opening(TokenSigner(account(), cache), clock).authorization == "Bearer t2"


def test_a_refused_token_is_not_used_on_where_no_new_one_is_to_be_had() -> None:
    cache = TokenCache()
    opening(TokenSigner(account(), cache)).answer(token("t1"))
    caller = opening(TokenSigner(account(), cache))
    caller.answer(Answer(b"{}", 401))
    caller.answer(Answer(b"", 500))
    assert isinstance(caller.error, ServerFault)


def test_one_who_looked_before_the_token_came_does_not_fetch_it_again() -> None:
    cache = TokenCache()
    late = Caller(_opening(TokenSigner(account(), cache), TIMEOUTS))
    late.effects.append(late.flow.send(None))  # the first look at the clock; the cache is looked into behind it
    stale = TokenCache.kept(cache, account(), EPOCH_S)
    opening(TokenSigner(account(), cache)).answer(token("t1"))
    assert stale is None
    fetching = Caller(_fetching(cache))
    fetching.start()
    assert fetching.calls == []
    assert fetching.result == Token("t1", EPOCH_S + 3600)


def _fetching(cache: TokenCache) -> Flow[object]:
    return (yield from cache.fetched(account(), TIMEOUTS))


# --- time


def test_the_time_that_the_token_took_is_taken_from_the_calls() -> None:
    clock = Clock()
    caller = opening(TokenSigner(account(), TokenCache()), clock, Timeouts(connect_s=3, first_byte_s=10, total_s=20))
    clock.passed_s = 4
    effect = caller.answer(token())
    assert isinstance(effect, Open)
    assert effect.timeouts == Timeouts(connect_s=3, first_byte_s=6, total_s=16)


def test_what_one_step_took_is_taken_from_the_next() -> None:
    def step() -> Flow[str]:
        clock.passed_s += 4
        return "done"
        yield Now()

    clock = Clock()
    caller = Caller(timed(step(), Timeouts(first_byte_s=10, total_s=20)), clock)
    caller.start()
    assert caller.result == ("done", Timeouts(first_byte_s=6, total_s=16))
    clock = Clock()
    late = Caller(timed(step(), Timeouts(first_byte_s=4)), clock)
    late.start()
    assert isinstance(late.error, TimedOut)


def test_a_signer_says_when_what_it_signs_with_ends() -> None:
    signer = TokenSigner(account(), TokenCache())
    assert signer.ends_epoch_s is None
    opening(signer).answer(token("t1", 100))
    assert signer.ends_epoch_s == EPOCH_S + 100


def test_a_token_that_came_too_late_is_a_time_out() -> None:
    clock = Clock()
    caller = opening(TokenSigner(account(), TokenCache()), clock, Timeouts(first_byte_s=10))
    clock.passed_s = 10
    caller.answer(token())
    assert isinstance(caller.error, TimedOut)


def test_a_wait_for_anothers_token_is_bounded_and_its_end_is_a_time_out() -> None:
    clock, cache = Clock(), TokenCache()
    fetching = opening(TokenSigner(account(), cache), clock)
    waiting = opening(TokenSigner(account(), cache), clock, Timeouts(first_byte_s=10, total_s=8))
    assert isinstance(waiting.at, Wait)
    assert waiting.at.timeout_s == 8
    clock.passed_s = 8
    waiting.go_on()
    assert isinstance(waiting.error, TimedOut)
    assert not fetching.is_done


def test_without_bounds_a_wait_is_as_long_as_it_takes() -> None:
    cache = TokenCache()
    forever = Timeouts(connect_s=None, first_byte_s=None, between_bytes_s=None)
    fetching = opening(TokenSigner(account(), cache))
    waiting = opening(TokenSigner(account(), cache), timeouts=forever)
    assert isinstance(waiting.at, Wait)
    assert waiting.at.timeout_s is None
    assert not fetching.is_done


# --- a token that the service refuses


def test_a_kept_token_that_is_refused_is_fetched_anew_once() -> None:
    cache = TokenCache()
    opening(TokenSigner(account(), cache)).answer(token("t1"))
    caller = opening(TokenSigner(account(), cache))
    assert caller.authorization == "Bearer t1"
    caller.answer(Answer(b"{}", 401))
    assert caller.calls[-1].url == ENDPOINT
    caller.answer(token("t2"))
    assert caller.authorization == "Bearer t2"
    assert any(isinstance(effect, Close) for effect in caller.effects)
    caller.answer(Answer(b"{}", 401))
    assert isinstance(caller.result, Answer)
    assert caller.result.status == 401
    assert len(caller.calls) == 3


@pytest.mark.parametrize(
    "told", ["ExpiredTokenException", "UnrecognizedClientException:http://internal.amazon.com/coral/", "InvalidClientTokenId"]
)
def test_keys_that_aws_no_longer_knows_are_fetched_anew_and_a_lack_of_rights_is_none_of_keys(told: str) -> None:
    cache = TokenCache()
    opening(TokenSigner(account(), cache)).answer(token("t1"))
    caller = opening(TokenSigner(account(), cache))
    caller.answer(Answer(b"{}", 403, (("x-amzn-errortype", told),)))
    assert caller.calls[-1].url == ENDPOINT
    caller.answer(token("t2"))
    caller.answer(Answer(b"{}", 403, (("x-amzn-errortype", "AccessDeniedException"),)))
    assert len(caller.calls) == 3
    assert cache.kept(account(), EPOCH_S) is not None


def test_a_token_that_was_fetched_for_this_call_and_is_refused_is_not_tried_twice() -> None:
    cache = TokenCache()
    caller = opening(TokenSigner(account(), cache))
    caller.answer(token("t1"))
    caller.answer(Answer(b"{}", 401))
    assert isinstance(caller.result, Answer)
    assert cache.kept(account(), EPOCH_S) is None


def test_a_refusal_does_not_drop_what_another_fetched_meanwhile() -> None:
    cache = TokenCache()
    opening(TokenSigner(account(), cache)).answer(token("t1"))
    slow, fast = (opening(TokenSigner(account(), cache)) for _ in range(2))
    fast.answer(Answer(b"{}", 401))
    fast.answer(token("t2"))
    slow.answer(Answer(b"{}", 401))
    assert slow.authorization == "Bearer t2"
    assert [call.url for call in slow.calls] == [CALL.url, CALL.url]


@pytest.mark.parametrize("status", [400, 403, 429, 500])
def test_another_failure_says_nothing_of_the_token(status: int) -> None:
    cache = TokenCache()
    opening(TokenSigner(account(), cache)).answer(token("t1"))
    caller = opening(TokenSigner(account(), cache))
    caller.answer(Answer(b"{}", status))
    assert len(caller.calls) == 1
    assert cache.kept(account(), EPOCH_S) is not None


# --- faults of the endpoint


def test_a_passing_fault_of_the_endpoint_is_tried_again_as_the_policy_says() -> None:
    signer = TokenSigner(account(), TokenCache())
    told = Target("here", "m", CALL, target().decoder, target().decode_error, signer.redact, signer)
    caller = Caller(retrying(told, TIMEOUTS, RetryPolicy(tries=3), RetryBudget()))
    caller.start()
    caller.answer(Answer(b"", 503, (("retry-after", "2"),)))
    caller.answer(token("t1"))
    caller.answer(Answer())
    assert caller.error is None
    assert any(isinstance(effect, Emit) for effect in caller.effects)


def test_an_error_of_the_endpoint_has_the_targets_name_and_the_wait_that_was_asked_for() -> None:
    signer = TokenSigner(account(), TokenCache())
    told = Target("here", "m", CALL, target().decoder, target().decode_error, signer.redact, signer)
    caller = Caller(attempt(told, TIMEOUTS, Progress()))
    caller.start()
    caller.answer(Answer(b"", 429, (("retry-after", "9"),)))
    assert isinstance(caller.error, RateLimited)
    assert (caller.error.provider, caller.error.model, caller.error.retry_after_s) == ("here", "m", 9.0)


def test_an_endless_answer_of_the_endpoint_is_given_up() -> None:
    caller = opening(TokenSigner(account(), TokenCache()))
    caller.answer(Answer(b" " * (MAX_TOKEN_BYTES + 1)))
    assert caller.error is not None
    assert "longer than" in caller.error.message
    assert isinstance(caller.effects[-1], Close)


def test_the_token_is_taken_out_of_errors() -> None:
    signer = TokenSigner(account(), TokenCache())
    caller = opening(signer)
    caller.answer(token("ya29.secret"))
    error = ServerFault("told: ya29.secret", body="Bearer ya29.secret")
    signer.redact(error)
    assert "secret" not in f"{error} {error.body}"


def test_what_holds_secrets_does_not_print_them() -> None:
    assert "secret" not in repr(account())


# --- the gate


def test_a_gate_tells_each_once_also_who_comes_late() -> None:
    gate, told = Gate(), []
    gate.when_open(lambda: told.append(1))
    assert told == []
    gate.open()
    gate.open()
    gate.when_open(lambda: told.append(2))
    assert told == [1, 2]


def test_a_gate_that_is_opened_again_while_it_opens_is_no_fault() -> None:
    gate = Gate()
    told: list[int] = []
    gate.when_open(lambda: told.append(1))
    gate.when_open(gate.open)
    gate.open()
    assert told == [1]


def test_the_reply_that_is_read_is_whole() -> None:
    seen: list[Reply] = []

    def reading(reply: Reply, epoch_s: float) -> Token:
        seen.append(reply)
        return Token("t", epoch_s + 1)

    caller = opening(TokenSigner(Account("x", partial(exchange, asking("a", "very-secret"), reading), with_bearer), TokenCache()))
    caller.answer(Answer(b"{}", 200, (("x-a", "b"),)))
    assert seen == [Reply(200, (("x-a", "b"),), b"{}")]
    opened: Opened = Answer()
    assert opened.status == 200
