"""Content held against rules: what is asked, and the verdicts, free of any vendor's form."""

from __future__ import annotations

import msgspec

from dragoman.core.embedding import EmbedInput
from dragoman.core.opaque import Extra


class ModerationRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Inputs to judge, one verdict each. Without a model the target's own default judges."""

    inputs: tuple[EmbedInput, ...]
    model: str | None = None
    extra: Extra = {}


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """Whether something breaks the rules, and which: by category, as yes or no and as a number from 0 to 1."""

    flagged: bool
    categories: dict[str, bool] = {}
    scores: dict[str, float] = {}
    extra: Extra = {}


class Moderation(msgspec.Struct, frozen=True, kw_only=True):
    """The verdicts, in the order of the inputs."""

    verdicts: tuple[Verdict, ...]
    id: str | None = None
    model: str | None = None
