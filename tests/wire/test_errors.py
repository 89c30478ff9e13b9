"""Failing answers to errors, and errors to failing answers."""

from __future__ import annotations

import json

import pytest

from dragoman.core import errors
from dragoman.core.errors import DragomanError
from dragoman.core.exchange import Reply
from dragoman.wire.dialects import dialect
from dragoman.wire.openai_chat import decode_error, encode_error
from dragoman.wire.quirks import NONE, PassingFault, Quirks
from dragoman.wire.status import by_status


def record(message: str = "Words", **more: object) -> bytes:
    return json.dumps({"error": {"message": message, **more}}).encode()


STATUSES: dict[int, tuple[str, bool]] = {
    400: ("BadRequest", False),
    401: ("AuthFailed", False),
    402: ("QuotaSpent", False),
    403: ("PermissionDenied", False),
    404: ("ModelNotFound", False),
    405: ("BadRequest", False),
    408: ("ServerFault", True),
    413: ("ContextTooLong", False),
    422: ("BadRequest", False),
    429: ("RateLimited", True),
    500: ("ServerFault", True),
    501: ("Unsupported", False),
    502: ("ServerFault", True),
    503: ("Overloaded", True),
    504: ("ServerFault", True),
    529: ("Overloaded", True),
    301: ("BadReply", False),
    100: ("BadReply", True),
}


@pytest.mark.parametrize("status", STATUSES)
def test_status_decides_where_the_code_says_nothing(status: int) -> None:
    error = decode_error(Reply(status, (), record(code="odd", type="odd")), NONE)
    assert (type(error).__name__, error.retryable) == STATUSES[status]
    assert (error.message, error.status, error.code) == ("Words", status, "odd")
    assert by_status(status).__name__ == STATUSES[status][0]


CODES: dict[str, tuple[int, bytes, str, bool]] = {
    "quota behind 429": (429, record(code="insufficient_quota", type="insufficient_quota"), "QuotaSpent", False),
    "type where the code is null": (400, record(code=None, type="rate_limit_error"), "RateLimited", True),
    "code before type": (400, record(code="model_not_found", type="rate_limit_error"), "ModelNotFound", False),
    "key": (400, record(code="invalid_api_key"), "AuthFailed", False),
    "context": (400, record(code="context_length_exceeded"), "ContextTooLong", False),
    "filter": (400, record(code="content_filter"), "ContentFiltered", False),
    "overload behind 500": (500, record(type="overloaded_error"), "Overloaded", True),
    "context in prose": (400, record("the prompt is too long: 9000 tokens"), "ContextTooLong", False),
    "model in prose": (400, record("The model `x` does not exist"), "ModelNotFound", False),
    "prose of a fault of the service is no model": (500, record("The model `x` does not exist"), "ServerFault", True),
    "model's name in prose": (400, record("x/y is not a valid model ID"), "ModelNotFound", False),
    "models' names in prose": (400, record("The supported API model names are a or b, but you passed c."), "ModelNotFound", False),
    "model as a type": (
        400,
        b'{"object":"error","message":"Invalid model: x","type":"invalid_model","code":"1500"}',
        "ModelNotFound",
        False,
    ),
    "model that was": (400, record("It is gone.", code="model_decommissioned"), "ModelNotFound", False),
    "context as a type": (400, record("All of it is too long.", type="too_many_prompt_tokens", code=400), "ContextTooLong", False),
    "key in prose": (400, b'{"code":"invalid-argument","error":"Incorrect API key provided."}', "AuthFailed", False),
    "money behind 429": (429, record("The team has used all available credits."), "QuotaSpent", False),
    "money behind 403": (403, b'{"code":"no","error":"It has reached its monthly spending limit."}', "QuotaSpent", False),
    "number for a code": (429, record(code=429), "RateLimited", True),
}


@pytest.mark.parametrize("case", CODES)
def test_code_or_prose_decides(case: str) -> None:
    status, body, kind, retryable = CODES[case]
    error = decode_error(Reply(status, (), body), NONE)
    assert (type(error).__name__, error.retryable, error.status) == (kind, retryable, status)
    assert error.body == body.decode()


REASONS: dict[str, tuple[dict[str, object], str]] = {
    "words": ({"raw": "It is full.", "provider_name": "Chutes"}, "Failed (Chutes): It is full."),
    "record": ({"raw": '{"code":"no","error":"It is full."}', "provider_name": None}, "Failed: It is full."),
    "other JSON": ({"raw": '{"a":1}'}, 'Failed: {"a":1}'),
    "long": ({"raw": "x" * 9000}, "Failed: " + "x" * 500),
    "nothing": ({"raw": " ", "provider_name": "Chutes"}, "Failed"),
    "no record": ({"raw": {"a": 1}}, "Failed"),
}


@pytest.mark.parametrize("case", REASONS)
def test_reason_that_stands_beside_the_message_is_told(case: str) -> None:
    metadata, message = REASONS[case]
    assert decode_error(Reply(400, (), record("Failed", metadata=metadata)), NONE).message == message


def test_code_beside_a_word_is_kept() -> None:
    assert decode_error(Reply(400, (), b'{"code":"invalid-argument","error":"Words"}'), NONE).code == "invalid-argument"


FORMS: dict[str, tuple[int, bytes, str, str]] = {
    "record": (500, record("Words", param="model"), "ServerFault", "Words"),
    "word": (400, b'{"error":"Words"}', "BadRequest", "Words"),
    "message beside": (400, b'{"object":"error","message":"Words"}', "BadRequest", "Words"),
    "detail": (404, b'{"detail":"Words"}', "ModelNotFound", "Words"),
    "detail as places": (
        422,
        b'{"detail":[{"loc":["body","model"],"msg":"field required"},{"msg":"odd"},"bare"]}',
        "BadRequest",
        "body.model: field required; odd; bare",
    ),
    "detail as an object": (422, b'{"detail":{"a":1}}', "BadRequest", '{"a":1}'),
    "record without message": (503, b'{"error":{"code":"busy"}}', "Overloaded", "the service reports busy"),
    "empty record": (503, b'{"error":{}}', "Overloaded", "the service reports an error"),
    "odd record": (400, b'{"error":[1]}', "BadRequest", 'the service answered with status 400: {"error":[1]}'),
    "text": (500, b"Internal  \n error", "ServerFault", "the service answered with status 500: Internal error"),
    "nothing": (502, b"", "ServerFault", "the service answered with status 502 and no text"),
    "invalid UTF-8": (500, b"\xff", "ServerFault", "the service answered with status 500: \ufffd"),
    "page": (
        502,
        b"<html><head><style>p {}</style></head><body><h1>Bad  gateway</h1></body></html>",
        "ServerFault",
        "the service answered with status 502: Bad gateway",
    ),
    "page without words": (502, b"<html></html>", "ServerFault", "the service answered with status 502: an HTML page"),
    "deep": (500, b"[" * 100_000, "ServerFault", "the service answered with status 500: " + "[" * 200),
}


@pytest.mark.parametrize("name", ["openai_chat", "raycast"])
@pytest.mark.parametrize("case", FORMS)
def test_error_is_read_in_every_form(name: str, case: str) -> None:
    status, body, kind, message = FORMS[case]
    error = dialect(name).decode_error(Reply(status, (("content-type", "text/html"),), body), NONE)
    assert (type(error).__name__, error.message, error.status) == (kind, message, status)


def test_redirect_names_where_to() -> None:
    error = decode_error(Reply(308, (("location", "https://new.test/v1"),)), NONE)
    assert isinstance(error, errors.BadReply)
    assert error.message == "the service redirects to 'https://new.test/v1'; redirects are not followed, set the base URL to it"


def test_body_of_an_error_is_kept_short() -> None:
    error = decode_error(Reply(500, (), "ü".encode() * 100_000), NONE)
    assert error.body == "ü" * 2000
    assert len(error.message) < 300


def test_passing_fault_is_retryable_whatever_the_status_and_code() -> None:
    quirks = Quirks(passing_faults=(PassingFault("try (later|again)", "Overloaded"),))
    for status in (400, 404, 500):
        error = decode_error(Reply(status, (), record("please try again", code="model_not_found")), quirks)
        assert isinstance(error, errors.Overloaded)
        assert error.retryable
    assert type(decode_error(Reply(404, (), record("no")), quirks)).__name__ == "ModelNotFound"


WRITTEN: dict[str, tuple[DragomanError, int, str, str | None]] = {
    "BadRequest": (errors.BadRequest("m"), 400, "invalid_request_error", None),
    "Unsupported": (errors.Unsupported("m"), 400, "invalid_request_error", None),
    "UnknownModel": (errors.UnknownModel("m"), 404, "invalid_request_error", "model_not_found"),
    "MissingKey": (errors.MissingKey("m"), 401, "invalid_request_error", "invalid_api_key"),
    "RateLimited": (errors.RateLimited("m"), 429, "rate_limit_error", "rate_limit_exceeded"),
    "QuotaSpent": (errors.QuotaSpent("m"), 429, "insufficient_quota", "insufficient_quota"),
    "AuthFailed": (errors.AuthFailed("m"), 401, "invalid_request_error", "invalid_api_key"),
    "PermissionDenied": (errors.PermissionDenied("m"), 403, "permission_error", "permission_denied"),
    "ModelNotFound": (errors.ModelNotFound("m"), 404, "invalid_request_error", "model_not_found"),
    "ContextTooLong": (errors.ContextTooLong("m"), 400, "invalid_request_error", "context_length_exceeded"),
    "ContentFiltered": (errors.ContentFiltered("m"), 400, "invalid_request_error", "content_filter"),
    "Overloaded": (errors.Overloaded("m"), 503, "server_error", "engine_overloaded"),
    "ServerFault": (errors.ServerFault("m"), 502, "server_error", None),
    "BadReply": (errors.BadReply("m"), 502, "server_error", None),
    "ConnectFailed": (errors.ConnectFailed("m"), 502, "server_error", None),
    "TimedOut": (errors.TimedOut("m"), 504, "server_error", None),
    "StreamCut": (errors.StreamCut("m"), 502, "server_error", None),
    "RouteExhausted": (errors.RouteExhausted("m"), 502, "server_error", None),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_error_is_written_with_its_status_type_and_code(name: str) -> None:
    error, status, kind, code = WRITTEN[name]
    reply = encode_error(error, NONE)
    assert (reply.status, reply.headers) == (status, (("content-type", "application/json"),))
    assert json.loads(reply.body) == {"error": {"message": "m", "type": kind, "param": None, "code": code}}


@pytest.mark.parametrize(
    "name", [name for name in WRITTEN if issubclass(type(WRITTEN[name][0]), errors.ProviderError) and name != "BadReply"]
)
def test_error_of_a_provider_is_read_back_as_itself(name: str) -> None:
    error = WRITTEN[name][0]
    assert type(decode_error(encode_error(error, NONE), NONE)) is type(error)


def test_errors_own_words_and_wait_are_passed_on() -> None:
    reply = encode_error(errors.RateLimited("m", status=430, code="slow", param="model", retry_after_s=2.5), NONE)
    assert reply.status == 430
    assert reply.headers == (("content-type", "application/json"), ("retry-after", "2.5"))
    assert json.loads(reply.body)["error"] == {"message": "m", "type": "rate_limit_error", "param": "model", "code": "slow"}
