"""Gemini: what an answer cites, both ways.

``groundingMetadata`` lists sources and, apart from them, the segments of the answer that each supports; ``citationMetadata`` names sources
of text that was recited. Both count places in bytes of UTF-8, ours in characters. A place that does not fit the text is unknown.
"""

from __future__ import annotations

from typing import Final

import msgspec

from dragoman.core.messages import Source
from dragoman.core.opaque import Json, JsonObject

FIELDS: Final = ("groundingMetadata", "citationMetadata")


class _Page(msgspec.Struct, rename="camel"):
    uri: str | None = None
    title: str | None = None
    text: str | None = None
    document_name: str | None = None


class _Chunk(msgspec.Struct, rename="camel"):
    web: _Page | None = None
    retrieved_context: _Page | None = None
    maps: _Page | None = None


class _Segment(msgspec.Struct, rename="camel"):
    start_index: int = 0
    end_index: int | None = None
    text: str | None = None


class _Support(msgspec.Struct, rename="camel"):
    segment: _Segment | None = None
    grounding_chunk_indices: list[int] | None = None


class _Grounding(msgspec.Struct, rename="camel"):
    grounding_chunks: list[_Chunk] | None = None
    grounding_supports: list[_Support] | None = None


class _Citation(msgspec.Struct, rename="camel"):
    start_index: int = 0
    end_index: int | None = None
    uri: str | None = None
    title: str | None = None


class _Citations(msgspec.Struct, rename="camel"):
    citation_sources: list[_Citation] | None = None
    """As the Gemini API has it."""
    citations: list[_Citation] | None = None
    """As Vertex AI has it."""


def decode_sources(told: JsonObject, text: str) -> list[Source]:
    """The sources in a candidate's fields; ``text`` is all that it said. Metadata in a form that cannot be read tells none."""
    found: list[Source] = []
    try:
        grounding = msgspec.convert(told.get("groundingMetadata") or {}, _Grounding)
        cited = msgspec.convert(told.get("citationMetadata") or {}, _Citations)
    except msgspec.ValidationError:
        return found
    spoken = text.encode("utf-8", "surrogatepass")
    pages = [_source(chunk) for chunk in grounding.grounding_chunks or ()]
    bare = set(range(len(pages)))
    for support in grounding.grounding_supports or ():
        segment = support.segment or _Segment()
        start, end = _place(spoken, segment.start_index, segment.end_index, segment.text)
        for number in support.grounding_chunk_indices or ():
            if 0 <= number < len(pages):
                bare.discard(number)
                found.append(msgspec.structs.replace(pages[number], start=start, end=end))
    found.extend(pages[number] for number in sorted(bare))
    for one in [*(cited.citation_sources or ()), *(cited.citations or ())]:
        if one == _Citation():  # Vertex AI lists some that say nothing
            continue
        start, end = _place(spoken, one.start_index, one.end_index, None)
        found.append(Source(url=one.uri, title=one.title, start=start, end=end))
    return found


def _source(chunk: _Chunk) -> Source:
    page = chunk.web or chunk.retrieved_context or chunk.maps or _Page()
    return Source(url=page.uri, title=page.title or page.document_name, quote=page.text)


def _place(spoken: bytes, start: int, end: int | None, words: str | None) -> tuple[int | None, int | None]:
    """Bytes to characters; unknown where there are none such, or where other words stand there."""
    if end is None or not 0 <= start <= end <= len(spoken):
        return None, None
    try:
        before, segment = spoken[:start].decode(), spoken[start:end].decode()
    except UnicodeDecodeError:
        return None, None
    if words is not None and words != segment:
        return None, None
    return len(before), len(before) + len(segment)


def encode_sources(sources: list[Source], text: str) -> JsonObject:
    """``groundingMetadata`` for what another vendor's answer cites."""
    chunks: list[Json] = []
    supports: list[JsonObject] = []
    for source in sources:
        page = {name: value for name, value in (("uri", source.url), ("title", source.title)) if value is not None}
        chunk = {"web": page} if source.quote is None else {"retrievedContext": {**page, "text": source.quote}}
        if chunk not in chunks:
            chunks.append(chunk)
        if source.start is not None and source.end is not None and 0 <= source.start <= source.end <= len(text):
            start = len(text[: source.start].encode("utf-8", "replace"))
            words = text[source.start : source.end]
            segment = {"startIndex": start, "endIndex": start + len(words.encode("utf-8", "replace")), "text": words}
            supports.append({"segment": segment, "groundingChunkIndices": [chunks.index(chunk)]})
    return {"groundingMetadata": {"groundingChunks": chunks, **({"groundingSupports": supports} if supports else {})}}
