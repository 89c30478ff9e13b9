"""Errors: by the exception's name, by its words, by the status; and ours in the vendor's form."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dragoman.core import errors
from dragoman.core.errors import DragomanError
from dragoman.core.exchange import Reply, header
from dragoman.wire import bedrock_converse
from dragoman.wire.quirks import NONE, PassingFault, Quirks
from tests.wire.splits import read

from .streams import START, asked, new_decoder, stream


def decoded(status: int, body: bytes | dict[str, Any], name: str | None = None, quirks: Quirks = NONE) -> DragomanError:
    headers = (("x-amzn-requestid", "r-1"), *([("x-amzn-errortype", name)] if name else []))
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return bedrock_converse.decode_error(Reply(status, headers, data), quirks)


NAMED = {
    "ThrottlingException": (429, "RateLimited"),
    "TooManyRequestsException": (429, "RateLimited"),
    "ServiceQuotaExceededException": (400, "QuotaSpent"),
    "AccessDeniedException": (403, "PermissionDenied"),
    "UnrecognizedClientException": (403, "AuthFailed"),
    "InvalidSignatureException": (403, "AuthFailed"),
    "ExpiredTokenException": (403, "AuthFailed"),
    "IncompleteSignatureException": (403, "AuthFailed"),
    "MissingAuthenticationTokenException": (403, "AuthFailed"),
    "ResourceNotFoundException": (404, "ModelNotFound"),
    "ValidationException": (400, "BadRequest"),
    "SerializationException": (400, "BadRequest"),
    "UnknownOperationException": (404, "BadRequest"),
    "ModelNotReadyException": (429, "Overloaded"),
    "ServiceUnavailableException": (503, "Overloaded"),
    "ModelTimeoutException": (408, "ServerFault"),
    "ModelErrorException": (424, "ServerFault"),
    "ModelStreamErrorException": (424, "ServerFault"),
    "InternalServerException": (500, "ServerFault"),
    "TomorrowsException": (429, "RateLimited"),
    "UntoldException": (418, "BadRequest"),
}


@pytest.mark.parametrize("name", NAMED)
def test_exception_has_its_class_wherever_its_name_stands(name: str) -> None:
    status, kind = NAMED[name]
    for error in (
        decoded(status, {"message": "So."}, f"{name}:http://internal.amazon.com/coral/com.amazon.bedrock/"),
        decoded(status, {"Message": "So."}, name),
        decoded(status, {"message": "So.", "__type": f"com.amazon.coral.validate#{name}"}),
        decoded(status, {"message": "So.", "code": name}),
    ):
        assert (type(error).__name__, error.message, error.status, error.code, error.request_id) == (kind, "So.", status, name, "r-1")


@pytest.mark.parametrize(
    ("name", "message", "kind"),
    [
        ("ThrottlingException", "Too many tokens, please wait before trying again.", "RateLimited"),
        ("ThrottlingException", "Too many tokens per day, please wait before trying again.", "QuotaSpent"),
        ("ThrottlingException", "Your account reached its daily token quota.", "QuotaSpent"),
        ("ValidationException", "The provided model identifier is invalid.", "ModelNotFound"),
        ("ResourceNotFoundException", "This model version has reached the end of its life.", "ModelNotFound"),
        ("ValidationException", "Input is too long for requested model.", "ContextTooLong"),
        ("ValidationException", "The model returned the following errors: prompt is too long: 2 tokens > 1 maximum", "ContextTooLong"),
        ("ValidationException", "input length and `max_tokens` exceed context limit: 2 + 1 > 2", "ContextTooLong"),
        ("ValidationException", "Input Tokens Exceeded: Number of input tokens exceeds maximum length.", "ContextTooLong"),
        ("ValidationException", "Output blocked by content filtering policy", "ContentFiltered"),
        ("ValidationException", "The maximum tokens you requested exceeds the model limit of 4096.", "BadRequest"),
        ("ValidationException", "Invocation of model ID x with on-demand throughput isn't supported.", "BadRequest"),
        ("ValidationException", "This model doesn't support the video content block that you provided.", "BadRequest"),
        ("AccessDeniedException", "You don't have access to the model with the specified model ID.", "PermissionDenied"),
        ("AccessDeniedException", "Authentication failed: Please make sure your API Key is valid.", "AuthFailed"),
        ("AccessDeniedException", "Bearer Token has expired", "AuthFailed"),
        ("UnrecognizedClientException", "The security token included in the request is invalid.", "AuthFailed"),
    ],
)
def test_words_say_more_than_the_name(name: str, message: str, kind: str) -> None:
    error = decoded(NAMED[name][0], {"message": message}, name)
    assert (type(error).__name__, error.code) == (kind, name)


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (400, "Input is too long for requested model.", "ContextTooLong"),
        (429, "Too many tokens per day", "QuotaSpent"),
        (403, "Authentication failed: Please make sure your API Key is valid.", "AuthFailed"),
        (403, "no", "PermissionDenied"),
        (503, "Too many connections", "Overloaded"),
        (500, "model identifier is invalid", "ServerFault"),
    ],
)
def test_without_a_name_the_status_and_the_words_tell(status: int, message: str, kind: str) -> None:
    assert type(decoded(status, {"message": message})).__name__ == kind


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (502, b"<html><body>Bad Gateway</body></html>", "ServerFault"),
        (503, b"", "Overloaded"),
        (404, b"[]", "ModelNotFound"),
        (400, b'{"detail":1}', "BadRequest"),
        (429, b'{"error":{"message":"slow","code":"rate_limit_exceeded"}}', "RateLimited"),
        (307, b"", "BadReply"),
    ],
)
def test_answer_of_another_hand_is_classified_too(status: int, body: bytes, kind: str) -> None:
    error = decoded(status, body)
    assert (type(error).__name__, error.status) == (kind, status)
    assert error.message


def test_name_alone_is_enough() -> None:
    error = decoded(400, b"", "ThrottlingException")
    assert (type(error).__name__, error.message) == ("RateLimited", "the service reports ThrottlingException")


def test_passing_fault_of_a_host_is_told_by_its_words() -> None:
    quirks = Quirks(passing_faults=(PassingFault("try once more", "ServerFault"),))
    assert type(decoded(400, {"message": "please try once more"}, "ValidationException", quirks)) is errors.ServerFault


# --- ours in the vendor's form ----------------------------------------------------------------------------------------------------------

OURS: dict[type[DragomanError], tuple[str, int, str | None]] = {
    errors.BadRequest: ("ValidationException", 400, "validationException"),
    errors.Unsupported: ("ValidationException", 400, "validationException"),
    errors.UnknownModel: ("ResourceNotFoundException", 404, None),
    errors.MissingKey: ("UnrecognizedClientException", 403, None),
    errors.RateLimited: ("ThrottlingException", 429, "throttlingException"),
    errors.QuotaSpent: ("ServiceQuotaExceededException", 400, None),
    errors.AuthFailed: ("UnrecognizedClientException", 403, None),
    errors.PermissionDenied: ("AccessDeniedException", 403, None),
    errors.ModelNotFound: ("ResourceNotFoundException", 404, None),
    errors.ContextTooLong: ("ValidationException", 400, "validationException"),
    errors.ContentFiltered: ("ValidationException", 400, "validationException"),
    errors.Overloaded: ("ServiceUnavailableException", 503, "serviceUnavailableException"),
    errors.ServerFault: ("InternalServerException", 500, "internalServerException"),
    errors.BadReply: ("ModelErrorException", 424, "modelStreamErrorException"),
    errors.ConnectFailed: ("ModelErrorException", 424, "modelStreamErrorException"),
    errors.TimedOut: ("ModelTimeoutException", 408, "modelStreamErrorException"),
    errors.StreamCut: ("ModelErrorException", 424, "modelStreamErrorException"),
    errors.RouteExhausted: ("InternalServerException", 500, "internalServerException"),
}


@pytest.mark.parametrize("kind", OURS, ids=lambda kind: kind.__name__)
def test_each_error_has_a_name_that_the_vendors_clients_know(kind: type[DragomanError]) -> None:
    name, status, inside = OURS[kind]
    error = kind("So.", status=599, request_id="r-1", retry_after_s=2.5)
    reply = bedrock_converse.encode_error(error, NONE)
    assert (reply.status, header(reply.headers, "x-amzn-errortype"), json.loads(reply.body)) == (status, name, {"message": "So."})
    assert (header(reply.headers, "x-amzn-requestid"), header(reply.headers, "retry-after")) == ("r-1", "2.5")
    encoding = bedrock_converse.encoder(asked(), NONE)
    told = read(new_decoder(), [stream(START) + encoding.fail(error)])
    assert told.error is not None
    assert (told.error.message, told.error.code) == ("So.", inside or name)


CHANGED = {"ContextTooLong", "ContentFiltered", "Unsupported", "MissingKey", "UnknownModel", "BadReply"}
CHANGED |= {"ConnectFailed", "TimedOut", "StreamCut", "RouteExhausted"}
"""Classes for which the vendor has no name of its own."""


@pytest.mark.parametrize("kind", [kind for kind in OURS if kind.__name__ not in CHANGED], ids=lambda kind: kind.__name__)
def test_error_comes_back_as_its_class(kind: type[DragomanError]) -> None:
    reply = bedrock_converse.encode_error(kind("So."), NONE)
    assert type(bedrock_converse.decode_error(reply, NONE)) is kind


def test_the_vendors_own_name_is_kept_where_it_means_the_same() -> None:
    for name in ("ModelNotReadyException", "modelNotReadyException"):
        error = errors.Overloaded("So.", code=name)
        reply = bedrock_converse.encode_error(error, NONE)
        assert (reply.status, header(reply.headers, "x-amzn-errortype")) == (429, "ModelNotReadyException")
    other = bedrock_converse.encode_error(errors.RateLimited("So.", code="ModelNotReadyException"), NONE)
    assert header(other.headers, "x-amzn-errortype") == "ThrottlingException"


def test_status_of_a_bad_request_is_kept_where_it_means_nothing_else() -> None:
    assert [bedrock_converse.encode_error(errors.BadRequest("So.", status=status), NONE).status for status in (405, 422, 404, 500)] == [
        405,
        422,
        400,
        400,
    ]
