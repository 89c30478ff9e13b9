"""Every class of error is OpenAI's own exception to its SDK, on each of OpenAI's wires for prompts, before an answer and in its midst."""

from __future__ import annotations

from typing import Any, Final

import openai
import pytest
from pydantic import ValidationError

from dragoman.core import errors
from dragoman.core.errors import DragomanError
from tests.pairs.answers import answer
from tests.wire.served import said, serving

from . import ollama, openai_chat, openai_completions, openai_responses

WIRES: Final = {module.NAME: module for module in (openai_chat, openai_completions, openai_responses)}
RAISED: Final[list[tuple[DragomanError, type[openai.APIStatusError], int]]] = [
    (errors.BadRequest("no"), openai.BadRequestError, 400),
    (errors.Unsupported("no"), openai.BadRequestError, 400),
    (errors.ContextTooLong("no"), openai.BadRequestError, 400),
    (errors.ContentFiltered("no"), openai.BadRequestError, 400),
    (errors.UnknownModel("no"), openai.NotFoundError, 404),
    (errors.ModelNotFound("no"), openai.NotFoundError, 404),
    (errors.MissingKey("no"), openai.AuthenticationError, 401),
    (errors.AuthFailed("no"), openai.AuthenticationError, 401),
    (errors.PermissionDenied("no"), openai.PermissionDeniedError, 403),
    (errors.RateLimited("no", retry_after_s=3), openai.RateLimitError, 429),
    (errors.QuotaSpent("no"), openai.RateLimitError, 429),
    (errors.Overloaded("no"), openai.InternalServerError, 503),
    (errors.ServerFault("no"), openai.InternalServerError, 502),
    (errors.BadReply("no"), openai.InternalServerError, 502),
    (errors.StreamCut("no"), openai.InternalServerError, 502),
    (errors.TimedOut("no"), openai.InternalServerError, 504),
]
CASES: Final = [pytest.param(*case, id=type(case[0]).__name__) for case in RAISED]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("error", "kind", "status"), CASES)
@pytest.mark.parametrize("name", WIRES)
def test_refusal_is_the_sdks_own_exception(
    name: str, error: DragomanError, kind: type[openai.APIStatusError], status: int, stream: bool
) -> None:
    wire: Any = WIRES[name]
    with serving(name, said(failure=error)) as server, wire.client(server.root) as client, pytest.raises(kind) as caught:
        wire.read(client, stream)
    assert type(caught.value) is kind
    assert (caught.value.status_code, caught.value.body and caught.value.body["message"]) == (status, "no")  # type: ignore[index]  # what is tested
    assert caught.value.response.headers.get("retry-after") == ("3" if error.retry_after_s else None)


@pytest.mark.parametrize("name", WIRES)
def test_failure_in_the_midst_of_a_stream_is_raised(name: str) -> None:
    wire: Any = WIRES[name]
    broken = said(*answer(["text"], "stop", None)[:3], failure=errors.Overloaded("busy"))
    with serving(name, broken) as server, wire.client(server.root) as client, pytest.raises(openai.APIError, match="busy"):
        wire.read(client, True)


@pytest.mark.parametrize("stream", [False, True])
def test_ollamas_sdk_refuses_a_picture_in_an_answer(stream: bool) -> None:
    """Should this fail one day, the picture is no more beyond the SDK, and the table of what it shows has one more row."""
    drawn = said(*answer(["picture"], "stop", None))
    with serving("ollama", drawn) as server, ollama.client(server.root) as client, pytest.raises(ValidationError, match="images"):
        ollama.read(client, stream)
