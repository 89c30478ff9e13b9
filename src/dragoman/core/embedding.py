"""Texts and pictures as vectors: what is asked, and what comes back, free of any vendor's form."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from dragoman.core.errors import Unsupported
from dragoman.core.messages import Image, Text
from dragoman.core.opaque import Extra
from dragoman.core.usage import Usage

EmbedInput: TypeAlias = str | tuple[Text | Image, ...]
"""What becomes one vector: a text, or parts taken together."""


class Tokens(msgspec.Struct, frozen=True):
    """A text as the numbers of one model's own tokens; LangChain's client of OpenAI sends such."""

    numbers: tuple[int, ...]


class EmbedRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Inputs to turn into vectors, one each. ``None`` means: not said, the target's own default holds."""

    model: str
    inputs: tuple[EmbedInput | Tokens, ...]
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


def readable(request: EmbedRequest) -> tuple[EmbedInput, ...]:
    """The inputs, for a wire that takes words. Raises ``Unsupported`` for tokens, whose numbers mean something else to each vendor."""
    inputs = tuple(one for one in request.inputs if not isinstance(one, Tokens))
    if len(inputs) != len(request.inputs):
        raise Unsupported("inputs: a text as numbers of tokens means nothing to this provider; texts are expected")
    return inputs
