"""Ollama's embeddings, in both roles: ``/api/embed``, and ``/api/embeddings`` which it replaced.

Documentation: https://docs.ollama.com/api/embed, read 2026-11-21. The older endpoint takes one text as ``prompt`` and answers with one
vector, without counts; a request for it is marked ``"legacy"`` in ``extra["ollama"]``. A text given alone is written as a list of one.
"""

from __future__ import annotations

from typing import Final

import msgspec

from dragoman.core.embedding import Embeddings, EmbedRequest
from dragoman.core.errors import BadReply, Unsupported
from dragoman.core.exchange import Call, Reply, with_headers
from dragoman.core.opaque import Json, JsonObject
from dragoman.wire.ollama.decoder import METRICS, decode_usage
from dragoman.wire.ollama.errors import decode_error, fault_error
from dragoman.wire.ollama.messages import NAME
from dragoman.wire.payload import convert, dump, parse, parse_object, parse_request, snippet
from dragoman.wire.quirks import Quirks, apply_quirks

PATH: Final = "/api/embed"
LEGACY_PATH: Final = "/api/embeddings"
ROUTES: Final = (PATH, LEGACY_PATH)

_HEADERS: Final = (("content-type", "application/json"), ("accept", "application/json"))


class _Body(msgspec.Struct):
    model: str
    input: str | list[str] | None = None
    prompt: str | None = None
    dimensions: int | None = None


class _Answer(msgspec.Struct):
    model: str | None = None
    embeddings: list[tuple[float, ...]] | None = None
    embedding: tuple[float, ...] | None = None
    error: Json = None


_ANSWER: Final = msgspec.json.Decoder(_Answer)


def encode_request(request: EmbedRequest, quirks: Quirks) -> Call:
    """The call for ``request``; its warnings name what could not be said."""
    warnings = [f"{name}: not understood by this provider, left out" for name in ("purpose", "encodings", "user") if getattr(request, name)]
    texts = [text for text in request.inputs if isinstance(text, str)]
    if len(texts) != len(request.inputs):
        raise Unsupported("inputs: Ollama embeds plain texts alone")
    own = dict(request.extra.get(NAME, {}))
    legacy = own.pop("legacy", False)
    body: JsonObject = {"model": request.model}
    if not legacy:
        body["input"] = texts
    elif len(texts) == 1:
        body["prompt"] = texts[0]
    else:
        raise Unsupported(f"inputs: {LEGACY_PATH} takes one text, and {len(texts)} were given")
    if request.dimensions is not None:
        body["dimensions"] = request.dimensions
    body = apply_quirks({**body, **own}, quirks, warnings)
    path = quirks.path or (LEGACY_PATH if legacy else PATH)
    return Call("POST", path, with_headers(_HEADERS, quirks.headers), dump(body), tuple(warnings))


def decode_request(call: Call, quirks: Quirks) -> EmbedRequest:
    """What a caller wants embedded. Raises ``BadRequest`` that names the field."""
    given = parse_request(call.body)
    body = convert(given, _Body, "the request body")
    own = {name: value for name, value in given.items() if name not in _Body.__struct_fields__ and value not in (None, {})}
    inputs = (body.input,) if isinstance(body.input, str) else tuple(body.input or ())
    if call.url.partition("?")[0].endswith(LEGACY_PATH):
        own["legacy"] = True
        inputs = (body.prompt or "",)
    return EmbedRequest(model=body.model, inputs=inputs, dimensions=body.dimensions, extra={NAME: own} if own else {})


def decode_reply(reply: Reply, quirks: Quirks) -> Embeddings:
    """The vectors of an answer. Raises the error that it tells, or ``BadReply``."""
    if reply.status >= 400:
        raise decode_error(reply, quirks)
    answer = parse(reply.body, _ANSWER)
    if answer.error:
        raise fault_error(answer.error, snippet(reply.body), quirks)
    vectors = [answer.embedding] if answer.embedding is not None else answer.embeddings
    if vectors is None:
        raise BadReply("the answer holds no embeddings", body=snippet(reply.body))
    return Embeddings(vectors=tuple(vectors), model=answer.model, usage=decode_usage(parse_object(reply.body)))


def encode_reply(embeddings: Embeddings, request: EmbedRequest, quirks: Quirks) -> Reply:
    """The answer to ``request``, in the form of the endpoint that was asked."""
    encoded: JsonObject
    if request.extra.get(NAME, {}).get("legacy"):
        encoded = {"embedding": embeddings.vectors[0] if embeddings.vectors else ()}
    else:
        encoded = {"model": embeddings.model or request.model, "embeddings": embeddings.vectors}
        usage = embeddings.usage
        raw = usage.raw or {} if usage else {}
        told = {name: raw.get(name) for name in METRICS} | {"prompt_eval_count": usage.input_tokens if usage else None}
        encoded |= {name: value for name, value in told.items() if value is not None}
    return Reply(200, (("content-type", "application/json; charset=utf-8"),), dump(encoded))
