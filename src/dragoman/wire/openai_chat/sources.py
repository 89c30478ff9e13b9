"""What an answer was found in, as hosts that search tell it: beside all choices, and not in a message's ``annotations``.

Perplexity has ``search_results``, records in the order in which the text names them by number, and ``citations``, their addresses alone,
which is all that xAI tells. Documentation: https://docs.perplexity.ai/api-reference/chat-completions-post and
https://docs.x.ai/docs/guides/live-search, read 2026-11-21. Streamed, they come with many chunks and the last list holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from dragoman.core.messages import Source
from dragoman.core.opaque import Json
from dragoman.wire.openai_chat.answer import NOTHING, Answer
from dragoman.wire.openai_chat.content import NAME
from dragoman.wire.payload import parse

_LIST: Final = msgspec.json.Decoder(Any)
_NO_LIST: Final = (b"null", b"[]")
_KNOWN: Final = frozenset({"url", "title", "snippet"})


def told_beside(answer: Answer) -> msgspec.Raw | None:
    """The list of sources, where there is one; the fuller of two."""
    for told in (answer.search_results, answer.citations):
        if told is not NOTHING and bytes(told) not in _NO_LIST:
            return told
    return None


def sources(told: msgspec.Raw) -> Iterator[Source]:
    """Each source that has an address; what else a record says is kept."""
    given = parse(bytes(told), _LIST)
    for one in given if isinstance(given, list) else ():
        record = {"url": one} if isinstance(one, str) else one
        url = record.get("url") if isinstance(record, dict) else None
        if isinstance(url, str) and url:
            rest = {name: value for name, value in record.items() if name not in _KNOWN and value is not None}
            extra = {NAME: rest} if rest else {}
            yield Source(url=url, title=_words(record.get("title")), quote=_words(record.get("snippet")), extra=extra)


def _words(given: Json) -> str | None:
    return given if isinstance(given, str) and given else None
