"""What is served here, in the form of each face's own list of models, and what else is told without asking a provider."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from urllib.parse import unquote

from dragoman.core.errors import UnknownModel
from dragoman.core.exchange import Call, Reply
from dragoman.core.listing import ListedModel, Listing, ListRequest
from dragoman.gateway.faces import CARD, LISTING, LOADED, ONE_MODEL, VERSION, Face
from dragoman.gateway.permits import find_route, may_have
from dragoman.gateway.routes import check_name
from dragoman.gateway.setup import Setup
from dragoman.gateway.telemetry.records import Record
from dragoman.wire.ollama import show
from dragoman.wire.operations import operation
from dragoman.wire.payload import dump, parse_object


def list_models(setup: Setup, face: Face, call: Call, record: Record) -> Reply:
    """Every model that the caller may ask for, on one page."""
    models = tuple(model for model in setup.routes.models() if may_have(setup, record.key_name, model.name))
    return operation(face.dialect, LISTING).encode_reply(Listing(models=models), ListRequest(), face.quirks)


def show_card(setup: Setup, face: Face, call: Call, record: Record) -> Reply:
    """What the catalogue knows of the model that the name leads to, in Ollama's form. Raises as ``find_route`` does."""
    route = find_route(setup, show.decode_show(call), face, record)
    row, name = setup.catalogue.resolve(route.targets[0])
    model = setup.catalogue.model(row.name, name)
    embeds = "embeddings" in row.abilities and ("embed" in name.lower() or not row.answers_prompts)
    card = show.Card(
        family=row.name,
        context_tokens=model.context_tokens,
        output_tokens=model.output_tokens,
        completion=row.answers_prompts and not embeds,
        embedding=embeds,
        tools=model.tools,
        vision=model.images,
        thinking=model.reasoning,
    )
    return show.encode_show(card)


def show_loaded(*_: object) -> Reply:
    """No model is in this machine's memory."""
    return show.encode_loaded()


def show_version(*_: object) -> Reply:
    """Of Ollama, as its clients ask for it."""
    return show.encode_version()


def show_model(setup: Setup, face: Face, call: Call, record: Record) -> Reply:
    """One of them. Raises ``UnknownModel``."""
    name = unquote(call.url.partition("?")[0].rpartition("/models/")[2])
    check_name(name)
    if not may_have(setup, record.key_name, name):
        raise UnknownModel(f"model: {name!r} is not served here", param="model", code="model_not_found")
    found = next((model for model in setup.routes.models() if model.name == name), None)
    if found is None:
        setup.routes.find(name, face.dialect)  # names the nearest where there is none
        found = ListedModel(name=name)
    reply = operation(face.dialect, LISTING).encode_reply(Listing(models=(found,)), ListRequest(), face.quirks)
    body = parse_object(reply.body)
    entries = next(entries for entries in body.values() if isinstance(entries, list))
    return Reply(reply.status, reply.headers, dump(entries[0]))


TOLD: Final[dict[str, Callable[[Setup, Face, Call, Record], Reply]]] = {
    LISTING: list_models,
    ONE_MODEL: show_model,
    CARD: show_card,
    LOADED: show_loaded,
    VERSION: show_version,
}
"""What a face does that no provider is asked for."""
