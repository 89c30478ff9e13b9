"""From the name that a caller gives to the targets that may answer.

A name is looked for among ``[models]``, exact names before patterns; then as ``provider/model``; then as a model's own name, at the vendor
of the caller's face first, for SDKs and agents know no providers. A version of that vendor's models that no list has yet is the vendor's.
Only providers that are served are ever reached, whatever a body names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from dragoman.catalogue.load import Catalogue, nearest
from dragoman.core.errors import BadRequest, UnknownModel
from dragoman.core.exchange import Timeouts
from dragoman.core.listing import ListedModel
from dragoman.gateway.config.tables import ModelTable, WaitsTable

_VENDORS: Final[dict[str, tuple[str, ...]]] = {
    "anthropic_messages": ("anthropic", "bedrock", "vertex"),
    "gemini": ("gemini", "vertex"),
    "openai_chat": ("openai", "azure"),
    "openai_completions": ("openai",),
    "openai_responses": ("openai",),
    "ollama": ("ollama",),
    "cohere": ("cohere",),
    "bedrock_converse": ("bedrock",),
    "raycast": ("raycast",),
}
"""Whose model a bare name most likely is, by the face at which it is asked for."""
_MAX_KNOWN: Final = 4096
LONGEST_NAME: Final = 2048
"""Letters: as many as an Amazon Resource Name may have. What callers make up is remembered, counted and logged."""
_VERSION: Final = re.compile(r"[^a-z]*\d[^a-z]*")
"""Of a name; what is left of it is the words, in which nobody's models differ from the next ones."""
_UNFIT: Final = re.compile(r"[\x00-\x1f\x7f]|(?:^|/)\.\.?(?:/|$)")
"""What no model is called, and what could end a line or climb in a path wherever a name is written."""


class Route(msgspec.Struct, frozen=True):
    """Where a name leads: ``provider/model`` names in the order in which they are tried."""

    name: str
    targets: tuple[str, ...]
    timeouts: Timeouts


class Routes:
    """The names that callers may use."""

    def __init__(
        self,
        catalogue: Catalogue,
        providers: Mapping[str, tuple[str, ...]],
        aliases: Mapping[str, ModelTable],
        timeouts: Timeouts,
    ) -> None:
        self._catalogue = catalogue
        self._providers = providers
        self._aliases = {name: table for name, table in aliases.items() if "*" not in name}
        self._patterns = [(pattern_of(name), table) for name, table in aliases.items() if "*" in name]
        self._timeouts = timeouts
        self._known: dict[tuple[str, str], Route] = {}
        self._owners: dict[str, list[str]] | None = None

    def check(self, name: str, dialect: str) -> None:
        """Raises ``BadRequest`` for what cannot be a model's name."""
        if (name, dialect) not in self._known:
            check_name(name)

    def find(self, name: str, dialect: str) -> Route:
        """Where ``name`` leads a caller at a face of ``dialect``. Raises ``UnknownModel`` with the nearest names."""
        key = (name, dialect)
        route = self._known.get(key)
        if route is None:
            targets, waits = self._search(name, dialect)
            route = Route(name, targets, with_waits(self._timeouts, waits))
            if len(self._known) >= _MAX_KNOWN:
                self._known.clear()
            self._known[key] = route
        return route

    def _search(self, name: str, dialect: str) -> tuple[tuple[str, ...], WaitsTable]:
        table = self._aliases.get(name)
        if table is not None:
            return table.targets, table.timeouts
        provider, slash, rest = name.partition("/")
        if slash and rest and provider in self._providers:
            self._catalogue.resolve(name)
            return (name,), WaitsTable()
        for pattern, table in self._patterns:
            hit = pattern.fullmatch(name)
            if hit:
                return tuple(target.replace("*", hit[1], 1) for target in table.targets), table.timeouts
        owner = self._owner(name, dialect)
        if owner is None:
            raise UnknownModel(f"model: {name!r} is not served here; {nearest(name, self.names())}", param="model", code="model_not_found")
        return (f"{owner}/{name}",), WaitsTable()

    def _owner(self, name: str, dialect: str) -> str | None:
        owners = self._all_owners().get(name, [])
        vendors = _VENDORS.get(dialect, ())
        if not owners:
            return next((vendor for vendor in vendors if self._may_be_new(vendor, name)), None)
        return next((vendor for vendor in vendors if vendor in owners), owners[0])

    def _may_be_new(self, vendor: str, name: str) -> bool:
        """Whether the name is a version of the vendor's models: agents ask for those of the day, which no list has yet."""
        if vendor not in self._providers or self._providers[vendor]:
            return False
        words = _VERSION.split(name)
        return len(words) > 1 and any(_VERSION.split(model.name) == words for model in self._catalogue.models(vendor))

    def _all_owners(self) -> dict[str, list[str]]:
        """Each model's own name and the providers that list it."""
        if self._owners is None:
            self._owners = {}
            for provider in self._providers:
                for model in self._listed(provider):
                    self._owners.setdefault(model.name, []).append(provider)
        return self._owners

    def _listed(self, provider: str) -> Iterable[ListedModel]:
        known = {model.name: model for model in self._catalogue.models(provider)}
        for name in self._providers[provider] or known:
            model = known.get(name)
            context, output = (model.context_tokens, model.output_tokens) if model else (None, None)
            yield ListedModel(name=name, owner=provider, context_tokens=context, output_tokens=output)

    def names(self) -> list[str]:
        """Every name that lists show: the file's own first, then ``provider/model``."""
        return [model.name for model in self.models()]

    def models(self) -> list[ListedModel]:
        """What lists show, of all providers that are served."""
        own = [ListedModel(name=name, owner="dragoman") for name, table in self._aliases.items() if not table.hidden]
        theirs = [
            msgspec.structs.replace(model, name=f"{provider}/{model.name}")
            for provider in self._providers
            for model in self._listed(provider)
        ]
        return own + theirs


def check_name(name: str) -> None:
    """Raises ``BadRequest`` for what cannot be a model's name."""
    if len(name) > LONGEST_NAME:
        raise BadRequest(f"model: a name of {len(name)} letters was given; at most {LONGEST_NAME} are allowed", param="model")
    if _UNFIT.search(name):
        raise BadRequest(f"model: {name!r} was given; control characters and the steps . and .. cannot be in a name", param="model")


def pattern_of(name: str) -> re.Pattern[str]:
    """A name with a ``*`` as a regular expression; what the first star stands for is its first group."""
    return re.compile("(.*)".join(map(re.escape, name.split("*"))), re.DOTALL)


def with_waits(timeouts: Timeouts, waits: WaitsTable) -> Timeouts:
    """``timeouts`` with what ``waits`` says put in its place."""
    told = {
        "connect_s": waits.connect,
        "first_byte_s": waits.first_token,
        "between_bytes_s": waits.between_tokens,
        "total_s": waits.total,
    }
    said = {name: value for name, value in told.items() if value is not None}
    return msgspec.structs.replace(timeouts, **said) if said else timeouts
