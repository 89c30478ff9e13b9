"""Texts and pictures as vectors: what is asked, and what comes back, free of any vendor's form."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from dragoman.core.messages import Image, Text
from dragoman.core.opaque import Extra
from dragoman.core.usage import Usage

EmbedInput: TypeAlias = str | tuple[Text | Image, ...]
"""What becomes one vector: a text, or parts taken together."""


class EmbedRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Inputs to turn into vectors, one each. ``None`` means: not said, the target's own default holds."""

    model: str
    inputs: tuple[EmbedInput, ...]
    dimensions: int | None = None
    """How long the vectors shall be, where the model offers a choice."""
    purpose: str | None = None
    """What the vectors are for: ``query``, ``document``, ``classification``, ``clustering``, or a vendor's own word."""
    encodings: tuple[str, ...] = ()
    """In which number forms to send them (``float``, ``int8``, ``base64`` …); nothing means ``float``."""
    user: str | None = None
    extra: Extra = {}


class Embeddings(msgspec.Struct, frozen=True, kw_only=True):
    """The vectors, in the order of the inputs. Other number forms than ``float`` stand in ``extra``."""

    vectors: tuple[tuple[float, ...], ...]
    id: str | None = None
    model: str | None = None
    usage: Usage | None = None
    extra: Extra = {}
