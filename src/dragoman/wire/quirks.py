"""Declared deviations of a host from the dialect it speaks, as data. Anything conditional is a small module round the dialect instead."""

from __future__ import annotations

import re
from typing import Literal
from urllib.parse import quote

import msgspec

from dragoman.core import errors
from dragoman.core.opaque import Json, JsonObject


class PassingFault(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A text by which a host announces a fault that goes away by itself, and the error it means (a name of ``core.errors``)."""

    pattern: str
    """A regular expression, searched in a line of the answer that is no event and in error messages."""
    error: str

    def __post_init__(self) -> None:
        try:
            re.compile(self.pattern)
        except re.error as fault:
            raise ValueError(f"passing_faults: pattern {self.pattern!r} is no regular expression: {fault}") from None
        kind = getattr(errors, self.error, None)
        if not (isinstance(kind, type) and issubclass(kind, errors.DragomanError)):
            raise ValueError(f"passing_faults: error {self.error!r} was given; the name of a class of dragoman.errors is expected")


class Quirks(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one host differs. Field names are those of the request body as the dialect writes it."""

    path: str | None = None
    """Replaces the dialect's own path; ``{model}`` in it stands for the model's name, and a query may follow."""
    headers: dict[str, str] = {}
    """Set on every request; replaces what the dialect sets."""
    rename: dict[str, str] = {}
    """Request fields that have another name here."""
    drop: tuple[str, ...] = ()
    """Request fields that this host refuses; dropped with a warning."""
    only: tuple[str, ...] = ()
    """Where not empty: the only request fields that this host knows; others are dropped with a warning."""
    defaults: dict[str, Json] = {}
    """Request fields sent where the caller said nothing."""
    constants: dict[str, Json] = {}
    """Request fields that are always sent so."""
    streaming: Literal["as-asked", "always", "never"] = "as-asked"
    """Whether the host streams its answers."""
    stream_usage: bool = True
    """Whether usage at the end of a stream may be asked for."""
    end_marker: Literal["finish", "done", "stream"] = "finish"
    """What completes a streamed answer: its finish reason; nothing but the stream's own end marker (``done``); or that marker or the
    stream's orderly end, which is so where several choices are asked for and may come one after another (``stream``)."""
    reasoning_field: str | None = None
    """The message field in which this host wants the reasoning of earlier turns back; without one it is left out with a warning.

    ``reasoning_details`` is a list of records that may be signed, ``content`` means parts of type ``thinking`` there, any other is text.
    """
    think_tags: bool = False
    """Answers hold the model's thinking between ``<think>`` and ``</think>`` in their text."""
    file_url: Literal["file_data", "document_url"] | None = None
    """How a file by its address is sent: as a file's data, or as a part of this type, which takes data too; without one it cannot be."""
    tool_media: bool = False
    """A tool's result may hold pictures and documents; without it they follow in a message of the user's."""
    schema_beside_tools: bool = False
    """An answer's schema may be asked for beside tools; elsewhere it keeps the model from calling any, or is refused."""
    vertex: bool = False
    """Google's models as Vertex AI has them: embeddings are asked for in its own form, and tokens counted of a bare request."""
    text_only: bool = False
    """Messages carry plain text and nothing else."""
    passing_faults: tuple[PassingFault, ...] = ()


NONE = Quirks()


def path_for(model: str, quirks: Quirks, path: str) -> str:
    """The dialect's ``path``, or the one that this host has for ``model``."""
    own = quirks.path or path
    return own.replace("{model}", quote(model, safe="")) if "{model}" in own else own


def apply_quirks(body: JsonObject, quirks: Quirks, warnings: list[str]) -> JsonObject:
    """``body`` as this host wants it; each field that it cannot take is named in ``warnings``."""
    for field in [name for name in body if name in quirks.drop or (quirks.only and name not in quirks.only)]:
        del body[field]
        warnings.append(f"{field}: not understood by this provider, left out")
    for field, name in quirks.rename.items():
        if field in body:
            body[name] = body.pop(field)
    return {**quirks.defaults, **body, **quirks.constants}
