"""Errors in both directions."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core import errors
from dragoman.core.errors import DragomanError
from dragoman.core.exchange import Reply, header
from dragoman.wire import gemini
from dragoman.wire.quirks import NONE, PassingFault, Quirks


def told(status: int, word: str | None, message: str = "no", *details: Any) -> DragomanError:
    record: dict[str, Any] = {"code": status, "message": message, "details": list(details)}
    if word:
        record["status"] = word
    return gemini.decode_error(Reply(status, (), json.dumps({"error": record}).encode()), NONE)


@pytest.mark.parametrize(
    ("status", "word", "kind"),
    [
        (400, "INVALID_ARGUMENT", errors.BadRequest),
        (400, "FAILED_PRECONDITION", errors.PermissionDenied),
        (401, "UNAUTHENTICATED", errors.AuthFailed),
        (403, "PERMISSION_DENIED", errors.PermissionDenied),
        (404, "NOT_FOUND", errors.ModelNotFound),
        (429, "RESOURCE_EXHAUSTED", errors.RateLimited),
        (499, "CANCELLED", errors.ServerFault),
        (500, "INTERNAL", errors.ServerFault),
        (500, "UNKNOWN", errors.ServerFault),
        (503, "UNAVAILABLE", errors.Overloaded),
        (504, "DEADLINE_EXCEEDED", errors.ServerFault),
        (429, None, errors.RateLimited),
        (503, "NEVER_SEEN", errors.Overloaded),
    ],
)
def test_status_words(status: int, word: str | None, kind: type[DragomanError]) -> None:
    error = told(status, word)
    assert (type(error), error.status, error.code, error.message) == (kind, status, word, "no")


INFO = "type.googleapis.com/google.rpc.ErrorInfo"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (told(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."), errors.AuthFailed),
        (told(400, "INVALID_ARGUMENT", "API key expired. Please renew the API key."), errors.AuthFailed),
        (told(400, "INVALID_ARGUMENT", "no", {"@type": INFO, "reason": "API_KEY_INVALID"}), errors.AuthFailed),
        (
            told(400, "INVALID_ARGUMENT", "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."),
            errors.ContextTooLong,
        ),
        (
            told(400, "INVALID_ARGUMENT", "The input token count exceeds the maximum number of tokens allowed 1048576."),
            errors.ContextTooLong,
        ),
        (
            told(400, "INVALID_ARGUMENT", "This prompt contains sensitive words that violate Google's Responsible AI practices."),
            errors.ContentFiltered,
        ),
        (
            told(400, "INVALID_ARGUMENT", "the input token count is 32769 but the model supports up to 32768."),
            errors.ContextTooLong,
        ),
        (told(403, "PERMISSION_DENIED", "Your API key was reported as leaked. Please use another API key."), errors.AuthFailed),
        (told(403, "PERMISSION_DENIED", "Method doesn't allow unregistered callers."), errors.AuthFailed),
        (told(404, "NOT_FOUND", "Not found: cached content metadata for 1234567890."), errors.BadRequest),
        (told(429, "RESOURCE_EXHAUSTED", "Your prepayment credits are depleted."), errors.QuotaSpent),
        (told(403, "PERMISSION_DENIED", "no", {"@type": INFO, "reason": "BILLING_DISABLED"}), errors.QuotaSpent),
    ],
)
def test_what_is_told_beside_the_status(error: DragomanError, kind: type[DragomanError]) -> None:
    assert type(error) is kind


def quota(limit: str) -> Any:
    return {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaMetric": "m", "quotaId": limit}]}


def retry(delay: Any) -> Any:
    return {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}


def test_limit_of_a_minute_passes_and_limit_of_a_day_does_not() -> None:
    minute = told(429, "RESOURCE_EXHAUSTED", "quota", quota("GenerateRequestsPerMinutePerProjectPerModel-FreeTier"), retry("30s"))
    assert (type(minute), minute.retry_after_s, minute.retryable) == (errors.RateLimited, 30.0, True)
    day = told(429, "RESOURCE_EXHAUSTED", "quota", quota("GenerateRequestsPerDayPerProjectPerModel-FreeTier"), retry("30s"))
    assert (type(day), day.retryable) == (errors.QuotaSpent, False)


@pytest.mark.parametrize(
    ("delay", "seconds"),
    [("30s", 30.0), ("1.5s", 1.5), ("0.000000001s", 1e-9), ("-1s", None), ("x", None), (5, None), ("9" * 400 + "s", None)],
)
def test_waits(delay: Any, seconds: float | None) -> None:
    assert told(429, "RESOURCE_EXHAUSTED", "no", retry(delay)).retry_after_s == seconds


def test_wait_that_stands_in_the_message() -> None:
    assert told(429, "RESOURCE_EXHAUSTED", "Quota exceeded.\nPlease retry in 43.71576202s.").retry_after_s == 43.71576202


def test_field_at_fault_is_named() -> None:
    violation = {
        "@type": "type.googleapis.com/google.rpc.BadRequest",
        "fieldViolations": [{"field": "contents[0].role", "description": "d"}],
    }
    assert told(400, "INVALID_ARGUMENT", "no", violation).param == "contents[0].role"


def test_error_of_a_stream_stands_in_an_array() -> None:
    body = json.dumps([{"error": {"code": 429, "message": "slow", "status": "RESOURCE_EXHAUSTED"}}]).encode()
    error = gemini.decode_error(Reply(429, (), body), NONE)
    assert (type(error), error.message) == (errors.RateLimited, "slow")


@pytest.mark.parametrize("body", [b"", b"[]", b"[5]", b"<html>no</html>", b"{}", b'{"error":null}', b"\xff"])
def test_bodies_in_no_form_are_classified_by_their_status(body: bytes) -> None:
    error = gemini.decode_error(Reply(503, (), body), NONE)
    assert (type(error), error.status) == (errors.Overloaded, 503)


def test_error_as_a_word_alone() -> None:
    error = gemini.decode_error(Reply(401, (), b'{"error":"no"}'), NONE)
    assert (type(error), error.message) == (errors.AuthFailed, "no")


def test_passing_faults_of_a_host_are_its_quirk() -> None:
    quirks = Quirks(passing_faults=(PassingFault("busy", "Overloaded"),))
    error = gemini.decode_error(Reply(400, (), b'{"error":{"code":400,"message":"busy now","status":"INVALID_ARGUMENT"}}'), quirks)
    assert (type(error), error.retryable) == (errors.Overloaded, True)


ALL = [
    errors.BadRequest, errors.RateLimited, errors.QuotaSpent, errors.AuthFailed, errors.PermissionDenied, errors.ModelNotFound,
    errors.ContextTooLong, errors.ContentFiltered, errors.Overloaded, errors.ServerFault,
]  # fmt: skip


@pytest.mark.parametrize("kind", ALL)
def test_error_comes_back_as_it_was(kind: type[DragomanError]) -> None:
    reply = gemini.encode_error(kind("why", param="contents", retry_after_s=1.5), NONE)
    record = json.loads(reply.body)["error"]
    assert reply.status == record["code"] == kind.answer_status
    assert header(reply.headers, "retry-after") == "1.5"
    error = gemini.decode_error(reply, NONE)
    assert (type(error), error.message, error.param, error.retry_after_s) == (kind, "why", "contents", 1.5)


@pytest.mark.parametrize(
    ("kind", "status", "word"),
    [
        (errors.MissingKey, 401, "UNAUTHENTICATED"),
        (errors.UnknownModel, 404, "NOT_FOUND"),
        (errors.Unsupported, 400, "INVALID_ARGUMENT"),
        (errors.BadReply, 502, "INTERNAL"),
        (errors.TimedOut, 504, "DEADLINE_EXCEEDED"),
        (errors.StreamCut, 502, "UNAVAILABLE"),
        (errors.RouteExhausted, 502, "INTERNAL"),
    ],
)
def test_errors_of_our_own_have_a_word(kind: type[DragomanError], status: int, word: str) -> None:
    reply = gemini.encode_error(kind("why"), NONE)
    assert (reply.status, json.loads(reply.body)["error"]) == (status, {"code": status, "message": "why", "status": word})


def test_blocked_prompt_is_told_with_status_200() -> None:
    reply = gemini.encode_error(errors.ContentFiltered("why", code="SAFETY"), NONE)
    assert (reply.status, json.loads(reply.body)) == (200, {"promptFeedback": {"blockReason": "SAFETY", "blockReasonMessage": "why"}})
    error = gemini.decode_error(reply, NONE)
    assert (type(error), error.code) == (errors.ContentFiltered, "SAFETY")


@given(
    st.binary(max_size=60)
    | st.recursive(
        st.none() | st.integers() | st.text(max_size=4),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(st.sampled_from(["error", "code", "message", "status", "details", "violations", "retryDelay"]), inner)
        ),
    ).map(lambda value: json.dumps(value).encode()),
    st.integers(100, 599),
)
def test_any_body_is_an_error(body: bytes, status: int) -> None:
    assert isinstance(gemini.decode_error(Reply(status, (), body), NONE), DragomanError)
