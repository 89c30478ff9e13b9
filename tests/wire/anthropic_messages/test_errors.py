"""Errors: what a failing answer means, and how ours are told in the vendor's form."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dragoman.core import errors
from dragoman.core.errors import DragomanError
from dragoman.core.exchange import Reply, header
from dragoman.wire.anthropic_messages import decode_error, encode_error
from dragoman.wire.quirks import NONE, PassingFault, Quirks


def record(kind: str | None, message: str, **fields: Any) -> bytes:
    return json.dumps({"type": "error", "error": {"type": kind, "message": message, **fields}, "request_id": "req_1"}).encode()


CASES: list[tuple[int, str | None, str, str]] = [
    (400, "invalid_request_error", "max_tokens: Field required", "BadRequest"),
    (400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum", "ContextTooLong"),
    (400, "invalid_request_error", "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000", "ContextTooLong"),
    (400, "invalid_request_error", "Your credit balance is too low to access the Anthropic API.", "QuotaSpent"),
    (400, "invalid_request_error", "You have reached your specified API usage limits. You will regain access on 2026-12-01.", "QuotaSpent"),
    (400, "invalid_request_error", "This organization has been disabled.", "PermissionDenied"),
    (400, "invalid_request_error", "Output blocked by content filtering policy", "ContentFiltered"),
    (401, "authentication_error", "invalid x-api-key", "AuthFailed"),
    (402, "billing_error", "Payment due", "QuotaSpent"),
    (403, "permission_error", "No", "PermissionDenied"),
    (404, "not_found_error", "model: claude-x", "ModelNotFound"),
    (413, "request_too_large", "Request exceeds the maximum size", "ContextTooLong"),
    (429, "rate_limit_error", "Slow down", "RateLimited"),
    (500, "api_error", "Internal server error", "ServerFault"),
    (504, "timeout_error", "Too slow", "ServerFault"),
    (529, "overloaded_error", "Overloaded", "Overloaded"),
    (529, None, "Overloaded", "Overloaded"),
    (418, "teapot_error", "Short and stout", "BadRequest"),
]


@pytest.mark.parametrize(("status", "kind", "message", "name"), CASES)
def test_failing_answer_is_classified(status: int, kind: str | None, message: str, name: str) -> None:
    error = decode_error(Reply(status, (), record(kind, message)), NONE)
    assert (type(error).__name__, error.message, error.status, error.code, error.request_id) == (name, message, status, kind, "req_1")
    assert error.body == record(kind, message).decode()


def test_code_of_the_cause_says_more_than_the_type() -> None:
    error = decode_error(Reply(429, (), record("rate_limit_error", "Spent", details={"error_code": "enforced_spend_limit_reached"})), NONE)
    assert (type(error), error.code, error.retryable) == (errors.QuotaSpent, "enforced_spend_limit_reached", False)


@pytest.mark.parametrize(
    "code", ["thread_not_found", "thread_already_continued", "thread_continue_in_flight", "thread_unsupported_request"]
)
def test_code_that_the_vendors_clients_act_on_is_told_again(code: str) -> None:
    error = decode_error(Reply(400, (), record("invalid_request_error", "No such thread", details={"error_code": code})), NONE)
    assert json.loads(encode_error(error, NONE).body)["error"]["details"] == {"error_code": code}


@pytest.mark.parametrize(
    ("status", "body", "name", "message"),
    [
        (502, b"<html><h1>Bad gateway</h1></html>", "ServerFault", "the service answered with status 502: Bad gateway"),
        (500, b"", "ServerFault", "the service answered with status 500 and no text"),
        (401, b'{"error":"no key"}', "AuthFailed", "no key"),
        (422, b'{"detail":[{"loc":["body","model"],"msg":"missing"}]}', "BadRequest", "body.model: missing"),
        (429, b'{"message":"Slow"}', "RateLimited", "Slow"),
        (404, b'{"error":{"message":"nope"}}', "ModelNotFound", "nope"),
        (500, b'{"error":{}}', "ServerFault", "the service reports an error"),
        (500, b"[1]", "ServerFault", "the service answered with status 500: [1]"),
    ],
)
def test_failing_answer_of_an_imitator_or_a_proxy(status: int, body: bytes, name: str, message: str) -> None:
    error = decode_error(Reply(status, (), body), NONE)
    assert (type(error).__name__, error.message) == (name, message)


def test_fault_that_a_host_declares_to_pass() -> None:
    quirks = Quirks(passing_faults=(PassingFault("warming", "Overloaded"),))
    error = decode_error(Reply(400, (), record("invalid_request_error", "warming up")), quirks)
    assert (type(error), error.retryable) == (errors.Overloaded, True)


TOLD: list[tuple[DragomanError, int, str]] = [
    (errors.MissingKey("a"), 401, "authentication_error"),
    (errors.UnknownModel("a"), 404, "not_found_error"),
    (errors.BadRequest("a"), 400, "invalid_request_error"),
    (errors.BadRequest("a", status=422), 422, "invalid_request_error"),
    (errors.BadRequest("a", status=405), 405, "invalid_request_error"),
    (errors.BadRequest("a", status=404), 400, "invalid_request_error"),
    (errors.Unsupported("a"), 400, "invalid_request_error"),
    (errors.RateLimited("a"), 429, "rate_limit_error"),
    (errors.QuotaSpent("a", status=429), 402, "billing_error"),
    (errors.AuthFailed("a"), 401, "authentication_error"),
    (errors.PermissionDenied("a"), 403, "permission_error"),
    (errors.ModelNotFound("a"), 404, "not_found_error"),
    (errors.ContextTooLong("prompt is too long"), 400, "invalid_request_error"),
    (errors.ContextTooLong("a", status=413), 413, "request_too_large"),
    (errors.ContentFiltered("a"), 400, "invalid_request_error"),
    (errors.Overloaded("a", status=503), 529, "overloaded_error"),
    (errors.ServerFault("a", status=500), 500, "api_error"),
    (errors.ServerFault("a", status=503), 503, "api_error"),
    (errors.BadReply("a"), 502, "api_error"),
    (errors.ConnectFailed("a"), 502, "api_error"),
    (errors.TimedOut("a"), 504, "timeout_error"),
    (errors.RouteExhausted("a"), 502, "api_error"),
    (errors.Cancelled("a"), 500, "api_error"),
]


@pytest.mark.parametrize(("error", "status", "kind"), TOLD, ids=[f"{type(error).__name__}-{error.status}" for error, _, _ in TOLD])
def test_our_error_has_the_status_that_the_vendors_clients_know_its_type_by(error: DragomanError, status: int, kind: str) -> None:
    reply = encode_error(error, NONE)
    assert reply.status == status
    assert json.loads(reply.body) == {"type": "error", "error": {"type": kind, "message": error.message}, "request_id": None}


def test_request_id_and_wait_are_told() -> None:
    reply = encode_error(errors.RateLimited("a", request_id="req_1", retry_after_s=1.5), NONE)
    assert (header(reply.headers, "request-id"), header(reply.headers, "retry-after")) == ("req_1", "1.5")
    assert json.loads(reply.body)["request_id"] == "req_1"


@pytest.mark.parametrize(
    "message", ["This model's maximum context length is 128000 tokens.", "Too much.", "prompt is too long: 9 tokens > 8 maximum"]
)
def test_a_prompt_that_is_too_long_is_told_in_the_words_by_which_clients_know_it(message: str) -> None:
    reply = encode_error(errors.ContextTooLong(message, status=400), NONE)
    told = json.loads(reply.body)["error"]
    assert (reply.status, told["type"]) == (400, "invalid_request_error")
    assert told["message"].startswith("prompt is too long: ")
    assert told["message"].endswith(message)
    assert told["message"].count("prompt is too long") == 1
    assert isinstance(decode_error(reply, NONE), errors.ContextTooLong)


def test_a_request_of_too_many_bytes_is_told_as_such() -> None:
    reply = encode_error(errors.ContextTooLong("Request exceeds the maximum size", status=413), NONE)
    assert json.loads(reply.body)["error"] == {"type": "request_too_large", "message": "Request exceeds the maximum size"}
