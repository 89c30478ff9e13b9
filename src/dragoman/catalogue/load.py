"""Rows from files: those of the package and those of a user, each read when it is asked for."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, get_args

import msgspec

from dragoman.catalogue.schema import Ability, Auth, Model, ModelList, Provider
from dragoman.core.errors import UnknownModel, UsageError

ROWS: Final = Path(__file__).parent / "providers"
MODELS: Final = Path(__file__).parent / "models"
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]*")
_LESS_NEAR: Final = 0.15
"""How much less like the given word than the likeliest one a name may be, to be named beside it."""
_KNOWN: Final = {"Provider": Provider, "auth": Auth, "models": Model}


class Catalogue:
    """The rows of the package, and over them those of the user's own files."""

    def __init__(self, user_files: tuple[Path, ...] = ()) -> None:
        self._rows: dict[str, Provider] = {}
        self._lists: dict[str, dict[str, Model]] = {}
        self._user = {row.name: row for path in user_files for row in read_rows(path)}

    def names(self) -> list[str]:
        """Every provider's name, sorted."""
        return sorted({path.stem for path in ROWS.glob("*.toml")} | self._user.keys())

    def __iter__(self) -> Iterator[Provider]:
        return (self.provider(name) for name in self.names())

    def provider(self, name: str) -> Provider:
        """The row ``name``. Raises ``UnknownModel`` that names the nearest ones."""
        row = self._rows.get(name) or self._user.get(name)
        if row is None:
            path = ROWS / f"{name}.toml"
            if not _NAME.fullmatch(name) or not path.is_file():
                raise UnknownModel(f"provider: {name!r} is not known; {nearest(name, self.names())}")
            row = self._rows[name] = read_rows(path)[0]
        return row

    def add(self, row: Provider) -> None:
        """Put ``row`` over whatever has its name. Raises ``UsageError`` for a name that is not allowed."""
        if not _NAME.fullmatch(row.name):
            raise UsageError(f"the provider name {row.name!r} is not allowed; lower-case letters, digits, - and _ are")
        self._rows.pop(row.name, None)
        self._user[row.name] = row

    def open_models(self, name: str) -> None:
        """From here on any model's name is passed on to the provider ``name``, also where its row is closed. Raises ``UnknownModel``."""
        self._rows[name] = msgspec.structs.replace(self.provider(name), closed_models=False)

    def resolve(self, model: str) -> tuple[Provider, str]:
        """The row and the provider's own model name that ``provider/model`` means. Raises ``UnknownModel``."""
        name, slash, rest = model.partition("/")
        if not slash or not name:
            raise UnknownModel(f"model: {model!r} was given; 'provider/model' is expected, {self._guess(model)}")
        row = self.provider(name)
        if not rest:
            if row.default_model is None:
                raise UnknownModel(f"model: {model!r} names no model; write {name}/<model>, {nearest('', _names(row))}")
            return row, row.default_model
        if row.closed_models:
            named = rest.partition("!")[0]  # what follows is a wish to the emulator for a fault, and no part of the model's name
            if named not in _names(row):
                raise UnknownModel(f"model: {name} has no {named!r}; {nearest(named, _names(row))}")
        return row, rest

    def models(self, name: str) -> tuple[Model, ...]:
        """The models known of the provider ``name``: its row's own first, then those of its list. Raises ``UnknownModel``."""
        own = {model.name: model for model in self.provider(name).models}
        listed = self._listed(name)
        merged = [_completed(model, listed.get(model.name)) for model in own.values()]
        return (*merged, *(model for model in listed.values() if model.name not in own))

    def model(self, name: str, model: str) -> Model:
        """What is known of the provider's model ``model``; of one that nobody lists, its name alone. Raises ``UnknownModel``."""
        own = next((one for one in self.provider(name).models if one.name == model), Model(name=model))
        return _completed(own, self._listed(name).get(model))

    def _listed(self, name: str) -> dict[str, Model]:
        """The provider's list by names, read when it is first asked for; empty for a user's own row and where there is none."""
        if name in self._user:
            return {}
        found = self._lists.get(name)
        if found is None:
            path = MODELS / f"{name}.json"
            models = msgspec.json.decode(path.read_bytes(), type=ModelList).models if path.is_file() else ()
            found = self._lists[name] = {model.name: model for model in models}
        return found

    def _guess(self, model: str) -> str:
        """Providers that list a model of this name, else the nearest provider."""
        if model in self.names():
            example = f"{model}/{self.provider(model).default_model or '<model>'}"
            return f"perhaps {example!r}"
        owners = [f"{row.name}/{model}" for row in self if any(one.name == model for one in row.models)]
        return f"perhaps {' or '.join(map(repr, owners))}" if owners else nearest(model, self.names())


def _names(row: Provider) -> list[str]:
    """Of the models that the row itself lists."""
    return [model.name for model in row.models]


def _completed(own: Model, listed: Model | None) -> Model:
    """``own``, with what it leaves unknown as ``listed`` has it."""
    if listed is None:
        return own
    unknown = [field for field in Model.__struct_fields__ if getattr(own, field) is None]
    return msgspec.structs.replace(own, **{field: getattr(listed, field) for field in unknown})


def nearest(given: str, allowed: list[str]) -> str:
    """Words for an error: the names closest to ``given``, else all or the first of those allowed."""
    close = difflib.get_close_matches(given, allowed, n=3, cutoff=0.5)
    if close:
        nearness = [difflib.SequenceMatcher(None, name, given).ratio() for name in close]
        likely = [name for name, ratio in zip(close, nearness, strict=True) if ratio > nearness[0] - _LESS_NEAR]
        return f"did you mean {' or '.join(map(repr, likely))}?"
    shown = ", ".join(allowed[:12]) + (" …" if len(allowed) > 12 else "")
    return f"known are: {shown}" if allowed else "none is listed"


def read_rows(path: Path) -> list[Provider]:
    """The rows of one file: a single provider, or several as ``[providers.<name>]``. Raises ``UsageError`` with file and field."""
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as fault:
        raise UsageError(f"{path}: cannot be read: {fault.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise UsageError(f"{path}: not valid TOML: {fault}") from None
    table = told.get("providers")
    if isinstance(table, Mapping):
        odd = sorted(told.keys() - {"providers"})
        if odd:
            raise UsageError(f"{path}: {odd[0]}: only [providers.<name>] tables are allowed beside one another")
        return [_row(path, {"name": name, "title": name, **_table(path, name, row)}) for name, row in table.items()]
    return [_row(path, {"name": path.stem, **told})]


def _table(path: Path, name: str, row: object) -> Mapping[str, object]:
    if not isinstance(row, Mapping):
        raise UsageError(f"{path}: providers.{name}: {type(row).__name__} was given; a table is expected")
    return row


def _row(path: Path, told: Mapping[str, object]) -> Provider:
    try:
        row = msgspec.convert(told, Provider)
    except msgspec.ValidationError as fault:
        raise UsageError(f"{path}: {told.get('name')}: {_explain(str(fault))}") from None
    if not _NAME.fullmatch(row.name):
        raise UsageError(f"{path}: the provider name {row.name!r} is not allowed; lower-case letters, digits, - and _ are")
    return row


def _explain(fault: str) -> str:
    """msgspec's words, with the nearest names where a field or an ability is not known."""
    odd = re.fullmatch(r"Invalid enum value '(.*)' - at `\$\.(abilities)\[.*", fault)
    if odd:
        return f"unknown ability {odd.group(1)!r} in {odd.group(2)}; {nearest(odd.group(1), list(get_args(Ability)))}"
    found = re.search(r"unknown field `([^`]*)`(?: - at `\$\.?([^`\[]*))?", fault)
    if not found:
        return fault.replace(" - at `$.", " at `")
    field, place = found.group(1), found.group(2) or "Provider"
    kind = _KNOWN.get(place)
    allowed = list(kind.__struct_fields__) if kind else []
    return f"unknown field {field!r}{'' if place == 'Provider' else f' in {place}'}; {nearest(field, allowed)}"
