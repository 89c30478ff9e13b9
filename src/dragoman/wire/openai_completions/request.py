"""OpenAI's legacy completions: a request to its body and back."""

from __future__ import annotations

from typing import Final

import msgspec

from dragoman.core.errors import BadRequest, Unsupported
from dragoman.core.exchange import Call, with_headers
from dragoman.core.messages import Message, Text
from dragoman.core.opaque import Json, JsonObject, Number
from dragoman.core.request import Request
from dragoman.wire.carried import foreign_fields, uncarried
from dragoman.wire.openai_call import routes
from dragoman.wire.openai_chat.request import with_deployment
from dragoman.wire.payload import convert, dump, parse_request
from dragoman.wire.quirks import Quirks, apply_quirks, path_for

NAME: Final = "openai_completions"
PATH: Final = "/completions"
ROUTES: Final = routes(PATH)

SCALARS: Final = ("temperature", "top_p", "presence_penalty", "frequency_penalty", "seed", "n", "user")
"""Fields that have the same name and form in our request and in the body."""
_CARRIED: Final = frozenset({"model", "messages", "stream", "max_output_tokens", "stop", "logprobs", "top_logprobs", "extra", *SCALARS})


def encode_request(request: Request, quirks: Quirks) -> Call:
    """The call for ``request``; its warnings name what could not be said."""
    warnings = [*uncarried(request, _CARRIED), *foreign_fields(request, NAME)]
    stream = request.stream if quirks.streaming == "as-asked" else quirks.streaming == "always"
    body: JsonObject = {"model": request.model, "prompt": _prompt(request.messages)}
    body |= {name: value for name in SCALARS if (value := getattr(request, name)) is not None}
    if request.max_output_tokens is not None:
        body["max_tokens"] = request.max_output_tokens
    if request.stop:
        body["stop"] = list(request.stop)
    if request.logprobs or request.top_logprobs:
        body["logprobs"] = request.top_logprobs or 0
    body.update(request.extra.get(NAME, {}))
    if stream:
        body["stream"] = True
        if quirks.stream_usage:
            body["stream_options"] = {**(body.get("stream_options") or {}), "include_usage": True}
    headers = (("content-type", "application/json"), ("accept", "text/event-stream" if stream else "application/json"))
    body = apply_quirks(body, quirks, warnings)
    return Call("POST", path_for(request.model, quirks, PATH), with_headers(headers, quirks.headers), dump(body), tuple(warnings))


def _prompt(messages: tuple[Message, ...]) -> str:
    """The one message that this wire can say."""
    if len(messages) != 1 or messages[0].role != "user":
        raise Unsupported(f"messages: legacy completions take one message of role 'user', and {len(messages)} were given")
    odd = next((part for part in messages[0].parts if not isinstance(part, Text)), None)
    if odd is not None:
        raise Unsupported(f"messages[0].content: a {type(odd).__name__} part was given; legacy completions take plain text only")
    return messages[0].text


class _Body(msgspec.Struct):
    model: str
    prompt: str | list[Json] = "<|endoftext|>"
    stream: bool | None = None
    temperature: Number | None = None
    top_p: Number | None = None
    presence_penalty: Number | None = None
    frequency_penalty: Number | None = None
    seed: int | None = None
    n: int | None = None
    user: str | None = None
    max_tokens: int | None = None
    stop: str | list[str] | None = None
    logprobs: int | None = None


def decode_request(call: Call, quirks: Quirks) -> Request:
    """What a caller asks. Raises ``BadRequest`` that names the field."""
    given = with_deployment(parse_request(call.body), call.url)
    body = convert(given, _Body, "the request body")
    own = {name: value for name, value in given.items() if name not in _Body.__struct_fields__ and value is not None}
    return Request(
        model=body.model,
        messages=(Message("user", (Text(text=_one_prompt(body.prompt)),)),),
        stream=bool(body.stream),
        max_output_tokens=body.max_tokens,
        stop=(body.stop,) if isinstance(body.stop, str) else tuple(body.stop or ()),
        logprobs=None if body.logprobs is None else True,
        top_logprobs=body.logprobs or None,
        extra={NAME: own} if own else {},
        **{name: getattr(body, name) for name in SCALARS},
    )


def _one_prompt(given: str | list[Json]) -> str:
    match given:
        case str() | [str()]:
            return given if isinstance(given, str) else str(given[0])
        case [str(), *_]:
            raise BadRequest(f"prompt: {len(given)} texts were given; one is taken here", param="prompt")
        case _:
            raise BadRequest("prompt: a text is expected; lists of tokens are not taken here", param="prompt")
