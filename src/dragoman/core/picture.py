"""Pictures made or changed to a description: what is asked, and what comes back, free of any vendor's form."""

from __future__ import annotations

import msgspec

from dragoman.core.messages import Image
from dragoman.core.opaque import Extra
from dragoman.core.usage import Usage


class PictureRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A picture to make; with ``images``, to make out of those. ``None`` means: not said, the target's own default holds."""

    model: str
    prompt: str
    images: tuple[Image, ...] = ()
    mask: Image | None = None
    """Which places of the first image may change: those that are transparent here."""
    n: int | None = None
    size: str | None = None
    """Width and height in pixels, such as ``1024x1024``."""
    quality: str | None = None
    background: str | None = None
    format: str | None = None
    """The form of the file wanted: ``png``, ``jpeg``, ``webp``."""
    user: str | None = None
    extra: Extra = {}


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """One picture. ``revised_prompt`` is what the vendor made of the description."""

    image: Image
    revised_prompt: str | None = None


class Pictures(msgspec.Struct, frozen=True, kw_only=True):
    """The pictures of one request."""

    pictures: tuple[Picture, ...]
    created_s: int | None = None
    usage: Usage | None = None
    extra: Extra = {}
