"""Which model is asked where none is named: the environment's, else that of the first provider set up, else a local server's."""

from __future__ import annotations

from typing import Final

from dragoman.catalogue.schema import Provider
from dragoman.cli.reach import local_models
from dragoman.cli.standing import standings
from dragoman.core.errors import UnknownModel
from dragoman.settings import Surroundings

VARIABLE: Final = "DRAGOMAN_MODEL"

NOTHING_CONFIGURED: Final = """\
No provider is set up yet. Do one of these, then ask again:
  a key           export OPENAI_API_KEY=…   (others: `dragoman providers`)
  a local server  start Ollama, LM Studio, llama.cpp or vLLM; it will be found
  no account      dragoman emulate openai   and paste the lines it prints"""


def choose_model(given: str | None, surroundings: Surroundings) -> str | None:
    """The model to ask, as ``provider/model``; ``None`` where nothing is set up. Raises ``UnknownModel`` for a name that is none."""
    wanted = given or surroundings.environment.get(VARIABLE)
    if wanted:
        return complete_name(wanted, surroundings)
    for one in standings(surroundings):
        if one.is_configured and not one.is_gone and not one.row.local and one.row.default_model:
            return f"{one.name}/{one.row.default_model}"
    return next(iter(local_models(surroundings)), None)


def complete_name(wanted: str, surroundings: Surroundings) -> str:
    """``wanted`` with its model's name where only the provider was named. Raises ``UnknownModel`` that names the nearest."""
    catalogue = surroundings.catalogue()
    provider, _, model = wanted.partition("/")
    if not model and provider in catalogue.names():
        row = catalogue.provider(provider)
        return f"{provider}/{row.default_model or _first_live(row, surroundings)}"
    catalogue.resolve(wanted)
    return wanted


def _first_live(row: Provider, surroundings: Surroundings) -> str:
    """The first model of a server whose models only it knows."""
    found = next((name for name in local_models(surroundings) if name.startswith(f"{row.name}/")), None) if row.local else None
    if found is None:
        raise UnknownModel(f"model: {row.name!r} names no model; write {row.name}/<model>", provider=row.name)
    return found.partition("/")[2]
