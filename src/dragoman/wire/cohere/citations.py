"""Cohere: what an answer cites, both ways."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from dragoman.core.messages import Source
from dragoman.core.opaque import Json, JsonObject

NAME: Final = "cohere"
"""Under which the fields that this dialect alone has stand in ``extra``."""


def decode_citation(given: JsonObject) -> list[Source]:
    """A source for each of the citation's, at least one."""
    sources = given.get("sources")
    listed = sources if isinstance(sources, list) and sources else [{}]
    return [_decode_source(given, source, number) for number, source in enumerate(listed)]


def _decode_source(citation: JsonObject, source: Json, number: int) -> Source:
    records = [source.get(field) for field in ("document", "tool_output")] if isinstance(source, dict) else []
    told: JsonObject = next((record for record in records if isinstance(record, dict)), {})
    return Source(
        url=_text(told.get("url")),
        title=_text(told.get("title")),
        start=_place(citation.get("start")),
        end=_place(citation.get("end")),
        extra={NAME: {"citation": citation, "source": number}},
    )


def own_citation(source: Source) -> JsonObject | None:
    """The citation of this vendor that ``source`` came from, or ``None`` where another made it or another source of it goes first."""
    own = source.extra.get(NAME, {})
    citation = own.get("citation") if own.get("source", 0) == 0 else None
    return citation if isinstance(citation, dict) else None


def own_citations(sources: Iterable[Source]) -> list[JsonObject]:
    """The citations of this vendor among ``sources``."""
    return [citation for source in sources if (citation := own_citation(source))]


def encode_citation(source: Source, text: str) -> JsonObject | None:
    """What ``source`` is as a citation in an answer that says ``text``, or ``None`` where it was said with another."""
    if NAME in source.extra:
        return own_citation(source)
    document = {"url": source.url, "title": source.title, "text": source.quote}
    known = {name: value for name, value in document.items() if value is not None}
    citation: JsonObject = {"start": source.start, "end": source.end}
    if source.start is not None and source.end is not None:
        citation["text"] = text[source.start : source.end]
    citation = {name: value for name, value in citation.items() if value is not None}
    cited = {"type": "document", "id": source.url or source.title or "", "document": known}
    return {**citation, "sources": [cited], "type": "TEXT_CONTENT"}


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) else None


def _place(value: Json) -> int | None:
    return value if isinstance(value, int) else None
