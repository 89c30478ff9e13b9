"""A conversation: messages made of typed parts. Ours, not one vendor's; every dialect maps to and from these.

What one vendor alone has is kept in ``extra[dialect]`` of the part or message it belongs to.
"""

from __future__ import annotations

from typing import Literal, get_args

import msgspec

from dragoman.core.opaque import Extra

Role = Literal["system", "user", "assistant", "tool"]
ROLES: tuple[str, ...] = get_args(Role)


class Part(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind"):
    """One piece of a message's content."""

    extra: Extra = {}


class Text(Part, frozen=True, tag="text"):
    """Plain text."""

    text: str


class Media(Part, frozen=True):
    """Bytes or an address of something that is not text; exactly one of ``data``, ``url`` and ``file_id`` is set."""

    data: bytes | None = None
    url: str | None = None
    file_id: str | None = None
    """A vendor's name for a file uploaded to it before."""
    media_type: str | None = None
    """The IANA media type, such as ``image/png``; ``None`` where it was not said."""


class Image(Media, frozen=True, tag="image"):
    """A picture. ``detail`` is the resolution asked for (``low``, ``high``, ``auto``) where the vendor offers a choice."""

    detail: str | None = None


class Audio(Media, frozen=True, tag="audio"):
    """Sound. ``transcript`` is what is said in it, where the vendor told."""

    transcript: str | None = None


class File(Media, frozen=True, tag="file"):
    """A document, such as a PDF."""

    name: str | None = None


class Reasoning(Part, frozen=True, tag="reasoning"):
    """Thinking that the model showed. ``signature`` and ``redacted_data`` are opaque and must be replayed untouched."""

    text: str = ""
    signature: str | None = None
    redacted_data: str | None = None
    id: str | None = None


class ToolCall(Part, frozen=True, tag="tool_call"):
    """The model asks for a tool. ``arguments`` is the exact JSON text that the model wrote, never re-serialised."""

    id: str
    name: str
    arguments: str


class ToolResult(Part, frozen=True, tag="tool_result"):
    """What a tool gave back for the call ``id``."""

    id: str
    parts: tuple[Text | Image | File, ...] = ()
    is_error: bool = False
    name: str | None = None


class Refusal(Part, frozen=True, tag="refusal"):
    """The model's own words for declining."""

    text: str


class Source(Part, frozen=True, tag="source"):
    """Where an answer took something from."""

    url: str | None = None
    title: str | None = None
    quote: str | None = None
    start: int | None = None
    """First character of the answer's text that this supports."""
    end: int | None = None
    """One past the last such character."""


class Opaque(Part, frozen=True, tag="opaque"):
    """Content that one vendor alone has (its own tools' calls and results, say): the whole block is in ``extra[dialect]``."""


AnyPart = Text | Image | Audio | File | Reasoning | ToolCall | ToolResult | Refusal | Source | Opaque


class Message(msgspec.Struct, frozen=True):
    """One turn. ``parts`` are in the order in which they were said."""

    role: Role
    parts: tuple[AnyPart, ...]
    name: str | None = None
    extra: Extra = {}

    @property
    def text(self) -> str:
        """The text parts joined."""
        return "".join(part.text for part in self.parts if isinstance(part, Text))
