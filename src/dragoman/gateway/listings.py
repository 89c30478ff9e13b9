"""What is served here, in the form of each face's own list of models."""

from __future__ import annotations

from urllib.parse import unquote

from dragoman.core.errors import UnknownModel
from dragoman.core.exchange import Call, Reply
from dragoman.core.listing import ListedModel, Listing, ListRequest
from dragoman.gateway.faces import LISTING, Face
from dragoman.gateway.permits import may_have
from dragoman.gateway.records import Record
from dragoman.gateway.routes import check_name
from dragoman.gateway.setup import Setup
from dragoman.wire.operations import operation
from dragoman.wire.payload import dump, parse_object


def list_models(setup: Setup, face: Face, call: Call, record: Record) -> Reply:
    """Every model that the caller may ask for, on one page."""
    models = tuple(model for model in setup.routes.models() if may_have(setup, record.key_name, model.name))
    return operation(face.dialect, LISTING).encode_reply(Listing(models=models), ListRequest(), face.quirks)


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
