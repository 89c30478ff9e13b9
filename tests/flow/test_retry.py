"""What is tried again, after which wait, and when no more; the log says each try."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core import errors
from dragoman.core.errors import DragomanError, ModelNotFound, Overloaded, RateLimited, ServerFault, StreamCut, UsageError
from dragoman.core.events import Started
from dragoman.core.exchange import Timeouts
from dragoman.flow.effects import Flow, Open
from dragoman.flow.retry import RetryBudget, RetryPolicy, retrying
from dragoman.wire.quirks import NONE, PassingFault, Quirks
from tests.flow.by_hand import DONE, FINISHED, ROLE, SECRET, Heard, Pause, World, target, text, world

DENIED = Quirks(passing_faults=(PassingFault("The model: `[^`]*` does not exist", "ModelNotFound"),))
DENIAL = Heard(pieces=(b"The model: `gpt-4` does not exist\n",))
GOOD = Heard()


def tries(
    quirks: Quirks = NONE, timeouts: Timeouts | None = None, policy: RetryPolicy | None = None, budget: RetryBudget | None = None
) -> Flow[None]:
    return retrying(target(quirks), timeouts or Timeouts(), policy or RetryPolicy(), budget or RetryBudget())


def failing(status: int, *headers: tuple[str, str], body: bytes = b"{}") -> Heard:
    return Heard(pieces=(body,), status=status, headers=(("content-type", "application/json"), *headers))


# --- what is tried again

RETRIED = {
    429: True,
    500: True,
    502: True,
    503: True,
    504: True,
    529: True,
    408: True,
    400: False,
    401: False,
    402: False,
    403: False,
    404: False,
    413: False,
    422: False,
}


@pytest.mark.parametrize(("status", "again"), RETRIED.items())
def test_a_status_is_tried_again_where_it_may_pass_by_itself(status: int, again: bool) -> None:
    there = world(failing(status), GOOD)
    if again:
        assert there.run(tries()).response.text == "ab"
        assert len(there.asked(Open)) == 2
    else:
        assert there.fails(tries()).status == status
        assert len(there.asked(Open)) == 1


CLASSES = [
    *[(kind, True) for kind in (errors.ConnectFailed, errors.TimedOut, errors.StreamCut, errors.TransportError, errors.BadReply)],
    *[(kind, True) for kind in (errors.RateLimited, errors.Overloaded, errors.ServerFault)],
    *[(kind, False) for kind in (errors.Cancelled, errors.BadRequest, errors.Unsupported, errors.UnknownModel, errors.MissingKey)],
    *[(kind, False) for kind in (errors.QuotaSpent, errors.AuthFailed, errors.PermissionDenied, errors.ModelNotFound)],
    *[(kind, False) for kind in (errors.ContextTooLong, errors.ContentFiltered, errors.RouteExhausted, errors.TurnsExhausted)],
]


@pytest.mark.parametrize(("kind", "again"), CLASSES)
def test_the_table_of_what_is_tried_again_has_each_class_of_error(kind: type[DragomanError], again: bool) -> None:
    there = world(kind("failed"), GOOD)
    if again:
        there.run(tries())
    else:
        assert type(there.fails(tries())) is kind
    assert len(there.asked(Open)) == (2 if again else 1)


def test_no_class_of_error_is_forgotten_in_the_table() -> None:
    leaves = {kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, DragomanError)}
    inner = {errors.DragomanError, errors.UsageError, errors.ProviderError}
    assert {kind for kind, _ in CLASSES} == leaves - inner


def test_an_error_that_says_it_may_pass_is_tried_again_whatever_its_class() -> None:
    assert world(ModelNotFound("for now", retryable=True), GOOD).run(tries()).response.text == "ab"
    assert len(world(RateLimited("for ever", retryable=False)).fails(tries()).attempts) == 0


def test_nothing_is_tried_again_once_text_was_delivered() -> None:
    there = world(Heard(pieces=(text("a"), StreamCut("reset"))), GOOD)
    assert isinstance(there.fails(tries()), StreamCut)
    assert there.response.text == "a"
    assert there.slept == []


def test_an_answer_that_only_began_is_tried_again() -> None:
    there = world(Heard(pieces=(ROLE, StreamCut("reset"))), GOOD).run(tries())
    assert there.response.text == "ab"


@pytest.mark.parametrize("begun", [(ROLE,), (ROLE[:-2], ROLE[-2:]), (ROLE, ROLE)])
def test_an_answer_of_several_tries_starts_once(begun: tuple[bytes, ...]) -> None:
    there = world(Heard(pieces=(*begun, StreamCut("reset"))), failing(503), GOOD).run(tries())
    assert [type(event) for event in there.events].count(Started) == 1
    assert there.response.text == "ab"


def test_text_of_a_failed_try_never_stands_beside_that_of_another() -> None:
    there = world(Heard(pieces=(ROLE + text("a") + b"data: {\n\n",)), GOOD)
    there.fails(tries())
    assert "".join(event.text for event in there.events) == "a"


def test_a_try_is_closed_before_the_next_is_opened() -> None:
    there = world(Heard(pieces=(ROLE, StreamCut("reset"))), GOOD).run(tries())
    kinds = [kind for kind in there.kinds if kind in ("Open", "Close", "Finish", "Sleep")]
    assert kinds == ["Open", "Close", "Sleep", "Open", "Finish"]


# --- how often

POLICY = RetryPolicy()


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_so_many_tries_and_no_more(count: int) -> None:
    there = world(*[failing(503)] * 9)
    error = there.fails(tries(policy=RetryPolicy(tries=count)))
    assert isinstance(error, Overloaded)
    assert len(there.asked(Open)) == count
    assert len(error.attempts) == count - 1


def test_three_tries_are_the_default() -> None:
    assert POLICY.tries == 3


@pytest.mark.parametrize("count", [0, -1])
def test_a_policy_without_a_try_is_refused(count: int) -> None:
    with pytest.raises(UsageError, match=r"tries: .* 1 \(no retry\) or more"):
        RetryPolicy(tries=count)


def test_the_last_error_holds_the_earlier_ones_in_order() -> None:
    there = world(failing(500), failing(429), failing(503))
    error = there.fails(tries())
    assert [type(earlier) for earlier in error.attempts] == [ServerFault, RateLimited]
    assert all(earlier.provider == "here" for earlier in error.attempts)
    assert "after 3 tries" in str(error)


# --- how long

WAITS: list[tuple[tuple[tuple[str, str], ...], float]] = [
    ((("retry-after", "7"),), 7.0),
    ((("retry-after", "0"),), 0.0),
    ((("retry-after-ms", "1250"),), 1.25),
    ((("retry-after", "Fri, 15 Jan 2027 08:00:12 GMT"),), 12.0),
    ((("x-ratelimit-remaining-tokens", "0"), ("x-ratelimit-reset-tokens", "1m30ms")), 60.03),
]


@pytest.mark.parametrize(("headers", "seconds"), WAITS)
def test_the_service_is_obeyed_in_how_long_to_wait(headers: tuple[tuple[str, str], ...], seconds: float) -> None:
    there = world(failing(429, *headers), GOOD).run(tries(policy=RetryPolicy(max_wait_s=100.0)))
    assert there.slept == [pytest.approx(seconds)]


def test_a_longer_wait_than_allowed_is_not_waited_for_and_not_shortened() -> None:
    there = world(failing(429, ("retry-after", "31")), GOOD)
    error = there.fails(tries())
    assert error.retry_after_s == 31.0
    assert there.slept == []


def test_garbage_in_retry_after_means_the_own_wait() -> None:
    assert world(failing(429, ("retry-after", "soon")), GOOD).run(tries()).slept == [0.25]


def test_without_a_word_the_wait_grows_and_is_a_fraction_by_chance() -> None:
    there = World([failing(500)] * 9, fraction=0.5)
    there.fails(tries(policy=RetryPolicy(tries=9, first_wait_s=1.0, max_wait_s=8.0)))
    assert there.slept == [0.5, 1.0, 2.0, 4.0, 4.0, 4.0, 4.0, 4.0]


@given(st.integers(1, 5000), st.floats(0, 1, exclude_max=True))
def test_the_wait_is_any_time_up_to_the_bound_which_has_an_end(failures: int, fraction: float) -> None:
    assert 0 <= POLICY.backoff_s(failures, fraction) < POLICY.max_wait_s


def test_jitter_is_full() -> None:
    assert POLICY.backoff_s(3, 0.0) == 0.0
    assert POLICY.backoff_s(3, 0.999) == pytest.approx(2.0, rel=0.01)


# --- the budget


def spend_all(budget: RetryBudget) -> int:
    count = 0
    while budget.spend():
        count += 1
    return count


def test_a_budget_begins_full_and_is_spent() -> None:
    assert spend_all(RetryBudget(size=4)) == 4


def test_a_call_earns_a_part_of_a_retry() -> None:
    budget = RetryBudget(size=4, per_call=0.25)
    spend_all(budget)
    for earned in (False, False, False, True):
        budget.earn()
        assert budget.spend() is earned


def test_a_budget_never_holds_more_than_its_size() -> None:
    budget = RetryBudget(size=2, per_call=1)
    for _ in range(10):
        budget.earn()
    assert spend_all(budget) == 2


def test_every_call_earns_whether_it_fails_or_not() -> None:
    budget = RetryBudget(size=1, per_call=0.5)
    spend_all(budget)
    for _ in range(2):
        world(GOOD).run(tries(budget=budget))
    assert spend_all(budget) == 1


def test_a_spent_budget_ends_the_tries() -> None:
    budget = RetryBudget(size=1, per_call=0.0)
    assert world(failing(503), GOOD).run(tries(budget=budget)).response.text == "ab"
    there = world(failing(503), GOOD)
    assert isinstance(there.fails(tries(budget=budget)), Overloaded)
    assert there.slept == []


def test_an_outage_meets_barely_more_calls_than_without_retries() -> None:
    budget = RetryBudget()
    sent = 0
    for _ in range(200):
        there = world(*[failing(503)] * 3)
        there.fails(tries(budget=budget))
        sent += len(there.asked(Open))
    assert sent <= 200 + 10 + 200 * 0.1 + 1


@pytest.mark.parametrize("status", [400, 401])
def test_what_is_not_tried_again_spends_nothing(status: int) -> None:
    budget = RetryBudget(size=1, per_call=0.0)
    world(failing(status)).fails(tries(budget=budget))
    assert budget.spend()


def test_a_failure_after_the_first_text_spends_nothing() -> None:
    budget = RetryBudget(size=1, per_call=0.0)
    world(Heard(pieces=(text("a"), StreamCut("reset")))).fails(tries(budget=budget))
    assert budget.spend()


# --- the time allowed, over all tries


def test_the_time_to_the_first_byte_spans_all_tries() -> None:
    slow = Heard(pieces=(b"{}",), status=503, headers=(("retry-after", "2"),), after_s=3.0)
    there = world(slow, slow, GOOD).run(tries(timeouts=Timeouts(first_byte_s=20, total_s=50, connect_s=4, between_bytes_s=9)))
    allowed = [(asked.timeouts.first_byte_s, asked.timeouts.total_s) for asked in there.asked(Open)]
    assert allowed == [(20, 50), (15, 45), (10, 40)]
    assert {(asked.timeouts.connect_s, asked.timeouts.between_bytes_s) for asked in there.asked(Open)} == {(4, 9)}


@pytest.mark.parametrize("timeouts", [Timeouts(first_byte_s=10), Timeouts(first_byte_s=None, total_s=10)])
def test_no_wait_begins_that_would_outlast_the_time_allowed(timeouts: Timeouts) -> None:
    slow = Heard(pieces=(b"{}",), status=503, headers=(("retry-after", "8"),), after_s=3.0)
    there = world(slow, GOOD)
    assert isinstance(there.fails(tries(timeouts=timeouts)), Overloaded)
    assert there.slept == []


def test_without_bounds_the_tries_have_none() -> None:
    there = world(failing(503), GOOD).run(tries(timeouts=Timeouts(first_byte_s=None, total_s=None)))
    assert [asked.timeouts.first_byte_s for asked in there.asked(Open)] == [None, None]


def test_the_time_of_a_slow_answer_counts() -> None:
    slow = Heard(pieces=(Pause(1), b"{}"), status=503, headers=(("retry-after", "1"),), after_s=8.0)
    there = world(slow, GOOD).run(tries(timeouts=Timeouts(first_byte_s=20)))
    assert there.asked(Open)[-1].timeouts.first_byte_s == 10


# --- passing faults


def test_a_passing_fault_is_tried_again_until_it_has_passed() -> None:
    there = world(DENIAL, DENIAL, GOOD).run(tries(DENIED))
    assert there.response.text == "ab"
    assert len(there.slept) == 2


def test_a_passing_fault_that_stays_is_what_it_says_after_three_tries() -> None:
    there = world(DENIAL, DENIAL, DENIAL, GOOD)
    error = there.fails(tries(DENIED))
    assert isinstance(error, ModelNotFound)
    assert len(there.asked(Open)) == 3
    assert there.events == []


def test_a_passing_fault_after_text_is_not_tried_again() -> None:
    there = world(Heard(pieces=(text("a"), *DENIAL.pieces)), GOOD)
    assert isinstance(there.fails(tries(DENIED)), ModelNotFound)
    assert there.response.text == "a"


def test_the_words_of_a_passing_fault_inside_the_text_are_text() -> None:
    words = "The model: `gpt-4` does not exist"
    there = world(Heard(pieces=(text(words) + FINISHED + DONE,))).run(tries(DENIED))
    assert there.response.text == words


# --- the log


def test_each_try_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "dragoman"):
        world(DENIAL, DENIAL, DENIAL).fails(tries(DENIED))
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 3
    assert said[0].startswith("here: try 1 of 3 failed, again in 0.25 s: ModelNotFound(")
    assert said[1].startswith("here: try 2 of 3 failed, again in 0.50 s: ModelNotFound(")
    assert said[2].startswith("here: try 3 of 3 failed, given up: ModelNotFound(")


def test_a_call_that_goes_well_or_is_not_tried_again_logs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "dragoman"):
        world(GOOD).run(tries())
        world(failing(401)).fails(tries())
    assert caplog.records == []


def test_the_log_shows_no_key(caplog: pytest.LogCaptureFixture) -> None:
    echo = b'{"error":{"message":"bad key %b"}}' % SECRET.encode()
    with caplog.at_level(logging.DEBUG, "dragoman"):
        world(*[failing(500, body=echo)] * 3).fails(tries())
    assert len(caplog.records) == 3
    assert SECRET not in caplog.text


def test_a_library_is_silent_until_it_is_asked() -> None:
    assert any(isinstance(handler, logging.NullHandler) for handler in logging.getLogger("dragoman").handlers)
