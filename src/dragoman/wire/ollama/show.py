"""What Ollama's clients ask beside prompts, in the server role: a model's card, what is loaded, the version.

Documentation: https://docs.ollama.com/api/show, …/ps and …/version, read 2026-11-21. Clients read of a card what the model can do, and from
``model_info`` how much it takes at once, under the name of its architecture.
"""

from __future__ import annotations

from typing import Final

import msgspec

from dragoman.core.errors import BadRequest
from dragoman.core.exchange import Call, Reply
from dragoman.core.opaque import JsonObject
from dragoman.wire.ollama.encoder import UNKNOWN_TIME
from dragoman.wire.payload import convert, dump, parse_request

PATH: Final = "/api/show"
LOADED_PATH: Final = "/api/ps"
VERSION_PATH: Final = "/api/version"
VERSION: Final = "0.12.6"
"""Of the Ollama whose wire this is: clients look whether it is new enough for them."""

_JSON: Final = (("content-type", "application/json; charset=utf-8"),)


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a model; ``None`` is unknown."""

    family: str
    context_tokens: int | None = None
    output_tokens: int | None = None
    completion: bool = True
    embedding: bool = False
    tools: bool | None = None
    vision: bool | None = None
    thinking: bool | None = None


CAPABILITIES: Final = ("completion", "embedding", "tools", "vision", "thinking")
"""What a model can do, as the vendor calls it."""


class _Asked(msgspec.Struct):
    model: str | None = None
    name: str | None = None
    """As older clients say it."""


def decode_show(call: Call) -> str:
    """The name of the model that is asked about. Raises ``BadRequest``."""
    asked = convert(parse_request(call.body), _Asked, "the request body")
    name = asked.model or asked.name
    if not name:
        raise BadRequest("model: none was given; a model's name is expected", param="model")
    return name


def encode_show(card: Card) -> Reply:
    """The card of one model."""
    sizes = {"context_length": card.context_tokens, "output_length": card.output_tokens}
    info: JsonObject = {"general.architecture": card.family}
    info |= {f"{card.family}.{name}": size for name, size in sizes.items() if size is not None}
    details = {
        "parent_model": "",
        "format": "",
        "family": card.family,
        "families": [card.family],
        "parameter_size": "",
        "quantization_level": "",
    }
    body: JsonObject = {
        "modelfile": "",
        "parameters": "",
        "template": "",
        "details": details,
        "model_info": info,
        "capabilities": [name for name in CAPABILITIES if getattr(card, name)],
        "modified_at": UNKNOWN_TIME,
    }
    return Reply(200, _JSON, dump(body))


def encode_loaded() -> Reply:
    """Which models are in this machine's memory: none."""
    return Reply(200, _JSON, dump({"models": []}))


def encode_version() -> Reply:
    """The version that clients ask for."""
    return Reply(200, _JSON, dump({"version": VERSION}))
