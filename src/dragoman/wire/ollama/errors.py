"""Ollama's errors: ``{"error": "…"}`` with a failing status, or as a line of an answer that had begun as a success.

There are no codes: the status speaks, and where there is none (inside a stream) the words.
"""

from __future__ import annotations

from typing import Final

from dragoman.core.errors import DragomanError
from dragoman.core.exchange import Reply
from dragoman.core.opaque import Json, JsonObject
from dragoman.wire.openai_chat.errors import CODES, find_fault
from dragoman.wire.payload import dump, snippet, try_object
from dragoman.wire.quirks import Quirks
from dragoman.wire.status import BY_WORDS, Fault, classify, plain_error

_SILENT: Final = "the service reports an error without a word about it"


def decode_error(reply: Reply, quirks: Quirks) -> DragomanError:
    """The error that a failing answer means. Proxies before a server answer in OpenAI's form, which is read too."""
    record = try_object(reply.body)
    fault = find_fault(record, reply.status, snippet(reply.body)) if record is not None else None
    if fault is None and reply.body[:1] != b"<":
        plain = plain_error(reply)
        fault = Fault(message=plain.message, status=reply.status, body=plain.body)
    return classify(fault, CODES, quirks) if fault else plain_error(reply)


def fault_error(told: Json, body: str, quirks: Quirks) -> DragomanError:
    """The error told by an ``error`` field inside an answer that began as a success."""
    fault = find_fault({"error": told}, None, body) or Fault(message=_SILENT, body=body)
    if fault.status is None and not fault.codes:
        kind = next((kind for words, kind in BY_WORDS if words.search(fault.message)), None)
        if kind:
            return kind(fault.message, body=body)
    return classify(fault, CODES, quirks)


def error_record(error: DragomanError) -> JsonObject:
    """``error`` in Ollama's form."""
    return {"error": error.message}


def encode_error(error: DragomanError, quirks: Quirks) -> Reply:
    """A whole failing answer."""
    headers = [("content-type", "application/json; charset=utf-8")]
    if error.retry_after_s is not None:
        headers.append(("retry-after", f"{error.retry_after_s:g}"))
    status = error.status if error.status and error.status >= 400 else error.answer_status
    return Reply(status, tuple(headers), dump(error_record(error)))
