"""Every class of error there is reaches every SDK as an exception of its own, with our status and words, before an answer and in its midst.

OpenAI's SDK has a class for most of them, which is held here on each of its wires; those of the others stand with their dialects.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import anthropic
import ollama as ollama_sdk
import openai
import pytest
from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # botocore has no types
from cohere.core.api_error import ApiError
from google.genai import errors as genai_errors
from pydantic import ValidationError

from dragoman.core import errors
from dragoman.core.errors import DragomanError
from dragoman.core.request import Request
from dragoman.emulator import Answer
from dragoman.wire.dialects import dialect
from dragoman.wire.quirks import NONE
from tests.pairs.answers import answer
from tests.wire.served import said, serving

from . import ollama, openai_chat, openai_completions, openai_responses
from .matrix import BASES, SDKS

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


def all_errors(kind: type[DragomanError] = DragomanError) -> list[type[DragomanError]]:
    """The classes of our tree that are ever raised."""
    below = [one for child in kind.__subclasses__() for one in all_errors(child)]
    return below or [kind]


OWN: Final[dict[str, tuple[type[Exception], Callable[[Any], tuple[int, str]]]]] = {
    "openai_chat": (openai.APIStatusError, lambda caught: (caught.status_code, caught.body["message"])),
    "openai_completions": (openai.APIStatusError, lambda caught: (caught.status_code, caught.body["message"])),
    "openai_responses": (openai.APIStatusError, lambda caught: (caught.status_code, caught.body["message"])),
    "anthropic_messages": (anthropic.APIStatusError, lambda caught: (caught.status_code, caught.body["error"]["message"])),
    "gemini": (genai_errors.APIError, lambda caught: (caught.code, caught.message)),
    "ollama": (ollama_sdk.ResponseError, lambda caught: (caught.status_code, caught.error)),
    "cohere": (ApiError, lambda caught: (caught.status_code, caught.body["message"])),
    "bedrock_converse": (
        ClientError,
        lambda caught: (caught.response["ResponseMetadata"]["HTTPStatusCode"], caught.response["Error"]["Message"]),
    ),
}
"""What an SDK raises, and where it keeps status and words."""

BEFORE_WORDS: dict[str, dict[type[DragomanError], str]] = {
    "anthropic_messages": {errors.ContextTooLong: "prompt is too long: What went wrong."}
}
"""What is said before our words, where a vendor's clients know an error by nothing else."""


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", SDKS)
def test_every_error_is_an_exception_of_the_sdks_own(name: str, stream: bool) -> None:
    sdk, (raised, facts) = SDKS[name], OWN[name]
    given = [kind("What went wrong.") for kind in all_errors() if kind.__module__ == errors.__name__]
    left = iter(given)

    def refuse(request: Request) -> Answer:
        raise next(left)

    told: dict[type[DragomanError], tuple[int, str]] = {}
    with serving(name, refuse, bases=BASES.get(name, ("",))) as server, sdk.client(server.root) as client:
        for error in given:
            with pytest.raises(raised) as caught:
                sdk.read(client, stream)
            told[type(error)] = facts(caught.value)
    words = {type(error): error.message for error in given} | BEFORE_WORDS.get(name, {})
    assert told == {type(error): (dialect(name).encode_error(error, NONE).status, words[type(error)]) for error in given}


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
