"""What OpenAI's endpoints besides chat share: how a call is addressed, what of a host's quirks holds for it, how a failure is told.

A host's quirks are told of its chat. Its path, where it ends like chat's, shows how other endpoints are addressed; its names for fields
and those it refuses hold everywhere; its defaults and constants are chat's alone.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final, TypeVar
from urllib.parse import quote

import msgspec

from dragoman.core.exchange import Call, Reply, with_headers
from dragoman.core.opaque import Extra, JsonObject
from dragoman.core.usage import Usage
from dragoman.wire.carried import ABOUT_THE_WIRE, foreign
from dragoman.wire.openai_chat.content import NAME
from dragoman.wire.openai_chat.errors import body_error, decode_error, encode_error
from dragoman.wire.openai_chat.request import PATH as CHAT_PATH
from dragoman.wire.openai_chat.usage import decode_usage
from dragoman.wire.payload import dump, parse
from dragoman.wire.quirks import Quirks, apply_quirks

__all__ = ["JSON", "NAME", "answer", "check", "counted", "encode_error", "json_call", "json_reply", "own", "path_of", "rest", "routes"]

T = TypeVar("T")

JSON: Final = (("content-type", "application/json"),)
_HEADERS: Final = (("content-type", "application/json"), ("accept", "application/json"))


def routes(path: str) -> tuple[str, ...]:
    """The paths at which a caller reaches an endpoint: OpenAI's, and Azure's with the deployment."""
    escaped = re.escape(path)
    return (escaped, rf"(?:/openai)?/deployments/[^/]+{escaped}")


def path_of(path: str, model: str, quirks: Quirks) -> str:
    """Where this host has the endpoint."""
    theirs = quirks.path or ""
    if CHAT_PATH not in theirs:
        return path
    return theirs.replace(CHAT_PATH, path).replace("{model}", quote(model, safe=""))


def json_call(path: str, model: str | None, body: JsonObject, extra: Extra, quirks: Quirks, warnings: list[str]) -> Call:
    """A call with a JSON body, the dialect's own fields in it."""
    warnings.extend(foreign(extra, "extra", NAME, ABOUT_THE_WIRE))
    for_here = msgspec.structs.replace(quirks, defaults={}, constants={}, only=())
    body = apply_quirks({**body, **extra.get(NAME, {})}, for_here, warnings)
    return Call("POST", path_of(path, model or "", quirks), with_headers(_HEADERS, quirks.headers), dump(body), tuple(warnings))


def json_reply(body: JsonObject) -> Reply:
    return Reply(200, JSON, dump(body))


def own(fields: JsonObject) -> Extra:
    return {NAME: fields} if fields else {}


def rest(given: JsonObject, known: Collection[str]) -> Extra:
    """What of a record is the dialect's alone."""
    return own({name: value for name, value in given.items() if name not in known and value is not None})


def check(reply: Reply, quirks: Quirks) -> None:
    """Raise the error that a failing answer means."""
    if not 200 <= reply.status < 300:
        raise decode_error(reply, quirks)


def answer(reply: Reply, decoder: msgspec.json.Decoder[T], quirks: Quirks) -> T:
    """A successful answer's JSON. Raises the error that the answer tells, or ``BadReply``."""
    check(reply, quirks)
    if b'"error"' in reply.body[:512]:
        error = body_error(reply.body, quirks)
        if error:
            raise error
    return parse(reply.body, decoder)


def counted(record: JsonObject | None) -> Usage | None:
    """Token counts under either of the names that OpenAI gives them."""
    if not record:
        return None
    if "prompt_tokens_details" in record:
        return decode_usage(dump(record))

    def count(*names: str) -> int | None:
        return next((int(record[name]) for name in names if isinstance(record.get(name), (int, float))), None)

    written = count("output_tokens", "completion_tokens")
    read = count("input_tokens", "prompt_tokens")
    return Usage(input_tokens=count("total_tokens") if read is None and written is None else read, output_tokens=written, raw=record)
