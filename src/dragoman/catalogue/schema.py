"""The form of a provider's row. A field that is not here is an error, with the nearest name."""

from __future__ import annotations

import re
from typing import Final, Literal

import msgspec

from dragoman.core.opaque import JsonObject

Ability = Literal[
    "chat",
    "completions",
    "responses",
    "messages",
    "tools",
    "structured_output",
    "reasoning",
    "images_in",
    "audio_in",
    "files_in",
    "images_out",
    "embeddings",
    "rerank",
    "moderation",
    "speech",
    "transcription",
    "token_count",
    "batch",
]
"""What an endpoint can do, a closed list. ``chat``, ``completions`` (a prompt goes on), ``responses`` and ``messages`` are faces of the
host: OpenAI's two older ones and its newer, and Anthropic's. ``tools``, ``structured_output`` (a JSON schema is obeyed), ``reasoning`` and
``images_in``, ``audio_in``, ``files_in`` hold for some of its models, not for each. The others are services of their own: ``images_out``
makes pictures, ``speech`` speaks a text, ``transcription`` writes speech down, ``token_count`` counts without answering, ``batch`` takes
many requests for later."""

SERVICES: Final = frozenset[Ability]({"images_out", "embeddings", "rerank", "moderation", "speech", "transcription"})
"""Abilities that a host may have without answering prompts."""

OPERATION_ABILITIES: Final[dict[str, Ability]] = {
    "embed": "embeddings",
    "rank": "rerank",
    "generate_image": "images_out",
    "speak": "speech",
    "transcribe": "transcription",
    "moderate": "moderation",
    "count_tokens": "token_count",
}
"""What a row says of a provider that has an operation of ``wire.operations``; to list its models is none."""

PLACEHOLDER: Final = re.compile(r"\{([A-Z][A-Z0-9_]*(?:\|[A-Z][A-Z0-9_]*)*)\}")
"""In a base URL: ``{VARIABLE}`` is filled from the environment, ``{FIRST|SECOND}`` from the first of these that is set."""


class Auth(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a provider's key comes from and where it goes."""

    variables: tuple[str, ...] = ()
    """Environment variables in which users keep the key, the customary one first."""
    place: Literal["bearer", "header", "query", "none", "sigv4", "google", "azure"] = "bearer"
    """``bearer`` is the Authorization header, where ``name`` is the word before the key if it is not ``Bearer``; ``header`` and ``query``
    use ``name`` as the field's.

    The last three take the credentials of a cloud, by which each try is signed: AWS's Signature Version 4, a token for a Google account, a
    token of Microsoft Entra. A plain key from ``variables`` goes into the header ``name`` there, or without one is a bearer token.
    """
    name: str | None = None
    service: str | None = None
    """``sigv4``: the service that signatures are for."""
    scope: str | None = None
    """``google``, ``azure``: what tokens are asked for, where it is not what all services of the cloud take."""
    base_url: str | None = None
    """Where calls of an account go, if it is not where those with a plain key do."""
    required: bool = True
    missing: str | None = None
    """The words of the error where a required key is missing, for a provider whose users know them."""


class Model(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One model of a provider and what it can do; ``None`` is unknown."""

    name: str
    context_tokens: int | None = None
    """How much it reads and writes together."""
    output_tokens: int | None = None
    """The longest answer."""
    tools: bool | None = None
    images: bool | None = None
    """Whether it sees pictures."""
    audio: bool | None = None
    """Whether it hears sound."""
    reasoning: bool | None = None
    """Whether it can think before it answers."""
    structured_output: bool | None = None
    """Whether it keeps to a JSON schema."""


class ModelList(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Models of one provider from somebody else's collection, as ``models/<provider>.json`` holds them."""

    source: str
    """Where the data comes from."""
    licence: str
    checked: str
    """The day (ISO) of the data."""
    models: tuple[Model, ...]


class Provider(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One place to send requests to."""

    name: str
    """As users write it before the slash: lower-case letters, digits, ``-`` and ``_``."""
    title: str
    dialect: str
    base_url: str
    """What stands before the dialect's own path. ``{VARIABLE}`` in it is filled from the environment (see ``PLACEHOLDER``)."""
    base_url_variables: tuple[str, ...] = ()
    """Environment variables that replace ``base_url``."""
    models_url: str | None = None
    """Where its list of models is, if not where its dialect has it: a path below ``base_url``, or an address of its own."""
    auth: Auth = Auth()
    url: str | None = None
    """The provider's home page, for people."""
    docs: str | None = None
    abilities: tuple[Ability, ...] = ()
    """What the endpoint can do; what is not named is not known to work."""
    models: tuple[Model, ...] = ()
    """Those worth naming, as ``docs`` has them on the day ``checked``; ``Catalogue.models`` knows more."""
    default_model: str | None = None
    closed_models: bool = False
    """Only the listed models exist; any other name is an error at the call."""
    quirks: JsonObject = {}
    """Declared deviations, in the form of ``wire.quirks.Quirks``."""
    prices: str | None = None
    """The provider's id in genai-prices; ``None`` where its prices are not known."""
    keeps_responses: bool = False
    """Answers of its Responses face are kept there, for later ones to go on from."""
    local: bool = False
    """Runs on the user's own machine."""
    working: bool = True
    """Whether the service is believed to work."""
    checked: str | None = None
    """The day (ISO) on which this row was last held against what the provider itself publishes: its documentation, or its own SDK."""
    source: str | None = None
    """Where the facts were read: a page or repository of the provider, or where ``checked`` is missing, of somebody else."""
    note: str | None = None

    @property
    def answers_prompts(self) -> bool:
        """Whether prompts may be sent to it: not where its abilities are known and are services alone."""
        return not self.abilities or not SERVICES.issuperset(self.abilities)
