"""The error tree: its shape, what an error tells, what it never prints."""

from __future__ import annotations

import copy
import pickle

import pytest

from dragoman.core import errors
from dragoman.core.errors import DragomanError
from dragoman.core.events import BlockStarted, Event, Started, TextDelta
from dragoman.core.fold import fold

KINDS: list[type[DragomanError]] = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, DragomanError)]

TREE: dict[str, tuple[str, bool, int]] = {
    "DragomanError": ("Exception", False, 500),
    "UsageError": ("DragomanError", False, 400),
    "BadRequest": ("UsageError", False, 400),
    "Unsupported": ("UsageError", False, 400),
    "UnknownModel": ("UsageError", False, 404),
    "MissingKey": ("UsageError", False, 401),
    "ProviderError": ("DragomanError", False, 502),
    "RateLimited": ("ProviderError", True, 429),
    "QuotaSpent": ("ProviderError", False, 429),
    "AuthFailed": ("ProviderError", False, 401),
    "PermissionDenied": ("ProviderError", False, 403),
    "ModelNotFound": ("ProviderError", False, 404),
    "ContextTooLong": ("ProviderError", False, 400),
    "ContentFiltered": ("ProviderError", False, 400),
    "Overloaded": ("ProviderError", True, 503),
    "ServerFault": ("ProviderError", True, 502),
    "BadReply": ("ProviderError", True, 502),
    "TransportError": ("DragomanError", True, 502),
    "ConnectFailed": ("TransportError", True, 502),
    "TimedOut": ("TransportError", True, 504),
    "StreamCut": ("TransportError", True, 502),
    "Cancelled": ("TransportError", False, 499),
    "RouteExhausted": ("DragomanError", False, 502),
    "TurnsExhausted": ("DragomanError", False, 500),
}


def test_tree_is_complete() -> None:
    assert {kind.__name__ for kind in KINDS} == TREE.keys()


@pytest.mark.parametrize("kind", KINDS)
def test_class_stands_where_the_tree_says(kind: type[DragomanError]) -> None:
    parent, retryable, status = TREE[kind.__name__]
    assert kind.__bases__[0].__name__ == parent
    assert kind("m").retryable is retryable
    assert kind.answer_status == status
    assert issubclass(kind, ValueError) is issubclass(kind, errors.UsageError)
    assert kind.__doc__


def full(kind: type[DragomanError] = errors.RateLimited) -> DragomanError:
    error = kind(
        "Slow down",
        provider="openai",
        model="gpt-4.1",
        status=429,
        code="slow",
        param="model",
        request_id="req-7",
        body='{"error":1}',
        retry_after_s=2.5,
        retryable=False,
    )
    error.partial = fold([Started(id="c"), BlockStarted(0, "text"), TextDelta(0, "Lo")])
    error.attempts = (errors.ConnectFailed("refused", provider="openai"), errors.TimedOut("late"))
    return error


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_error_keeps_every_fact_over_a_process_border(kind: type[DragomanError], protocol: int) -> None:
    error = full(kind)
    again = pickle.loads(pickle.dumps(error, protocol))
    assert type(again) is kind
    assert str(again) == str(error)
    assert again.args == error.args == ("Slow down",)
    assert {name: value for name, value in vars(again).items() if name != "attempts"} == {
        name: value for name, value in vars(error).items() if name != "attempts"
    }
    assert [(type(one), one.message, one.provider) for one in again.attempts] == [
        (errors.ConnectFailed, "refused", "openai"),
        (errors.TimedOut, "late", None),
    ]


def test_error_can_be_copied() -> None:
    again = copy.copy(full())
    assert vars(again) == vars(full()) | {"attempts": again.attempts}


@pytest.mark.parametrize(
    ("facts", "shown"),
    [
        ({}, "Slow down"),
        ({"provider": "openai"}, "Slow down [openai]"),
        ({"model": "gpt-4.1"}, "Slow down [gpt-4.1]"),
        ({"provider": "openai", "model": "gpt-4.1"}, "Slow down [openai/gpt-4.1]"),
        ({"status": 429}, "Slow down [status 429]"),
        ({"request_id": "req-7"}, "Slow down [request req-7]"),
        ({"provider": "openai", "status": 429, "request_id": "req-7"}, "Slow down [openai, status 429, request req-7]"),
        ({"code": "slow", "param": "model", "body": "{}", "retry_after_s": 3.0}, "Slow down"),
    ],
)
def test_text_of_an_error_has_its_facts_behind(facts: dict[str, object], shown: str) -> None:
    assert str(errors.RateLimited("Slow down", **facts)) == shown  # type: ignore[arg-type]


def test_earlier_tries_are_counted() -> None:
    assert str(full()) == "Slow down [openai/gpt-4.1, status 429, request req-7, after 3 tries]"


def test_facts_that_are_not_known_are_none() -> None:
    error = errors.ServerFault("m")
    names = ("provider", "model", "status", "code", "param", "request_id", "body", "retry_after_s", "partial")
    assert [getattr(error, name) for name in names] == [None] * len(names)
    assert error.attempts == ()
    assert error.retryable


def test_whether_a_retry_helps_can_be_said_of_one_error() -> None:
    assert errors.ModelNotFound("m", retryable=True).retryable
    assert not errors.Overloaded("m", retryable=False).retryable
    assert not errors.ModelNotFound("m").retryable


def test_partial_answer_is_kept() -> None:
    partial = full().partial
    assert partial is not None
    assert partial.text == "Lo"
    assert partial.finish_reason is None


def test_secret_never_prints() -> None:
    error = errors.AuthFailed("key sk-1 and sk-1 refused", code="bad sk-1", param="sk-1", body='{"key":"sk-1"}')
    error.redact("sk-1")
    assert str(error) == "key [key removed] and [key removed] refused"
    assert error.args == (error.message,)
    assert (error.code, error.param, error.body) == ("bad [key removed]", "[key removed]", '{"key":"[key removed]"}')
    assert "sk-1" not in repr(error)
    assert b"sk-1" not in pickle.dumps(error)


def test_no_secret_takes_nothing_away() -> None:
    error = errors.AuthFailed("a message", body=None)
    error.redact("")
    error.redact("absent")
    assert (str(error), error.body) == ("a message", None)


def test_secret_is_taken_out_of_request_ids_earlier_tries_and_what_had_arrived() -> None:
    error, earlier = errors.RateLimited("m", request_id="for sk-1"), errors.ServerFault("no sk-1")
    error.attempts = (earlier,)
    told: list[Event] = [Started(id="sk-1"), BlockStarted(0, "text", extra={"d": {"sk-1": ["sk-1", 1, None]}}), TextDelta(0, "key sk-1.")]
    error.partial = fold(told)
    error.redact("sk-1")
    assert (error.request_id, earlier.message, str(earlier)) == ("for [key removed]", "no [key removed]", "no [key removed]")
    assert error.partial.text == "key [key removed]."
    assert "sk-1" not in repr(error.partial)


def test_short_secret_is_taken_out_only_where_it_stands_alone() -> None:
    error = errors.AuthFailed("the key k is not known, said the clerk", body="k,kk,k")
    error.redact("k")
    assert (error.message, error.body) == ("the key [key removed] is not known, said the clerk", "[key removed],kk,[key removed]")
