"""Prints ``docs/reference/providers.md`` from the rows of the catalogue::

python scripts/make-provider-table.py > docs/reference/providers.md
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, get_args

from dragoman.catalogue.load import Catalogue
from dragoman.catalogue.schema import Ability, Provider

HEAD: Final = """# Providers

This page is made by `scripts/make-provider-table.py` from the rows in `src/dragoman/catalogue/providers/`; a test holds it to them.

A model is written `provider/model`: `groq/openai/gpt-oss-120b` is the model `openai/gpt-oss-120b` of `groq`. The key is looked for in the
variables named here, the first one first; a part of an address in `{BRACES}` is filled from the variable of that name. The variables under
*or at* replace the whole address. *Checked* is the day on which the row was held against what the provider itself publishes; a row without
one follows other catalogues. A provider that is not here needs a file of a few lines:

```toml
# ~/.config/dragoman/providers/mine.toml
title = "My host"
dialect = "openai_chat"
base_url = "https://llm.example.com/v1"
auth = { variables = ["MY_HOST_KEY"] }
```

Not here, because no wire of this library fits them: Replicate (each model takes an input of its own, and the answer is a prediction that
is asked for again), and those endpoints of watsonx and SageMaker that do not take OpenAI's chat.
"""


def page() -> str:
    """The whole page."""
    rows = list(Catalogue())
    parts = [
        HEAD,
        f"## On the network\n\n{_table(row for row in rows if row.working and not row.local)}",
        f"## On this machine\n\n{_table(row for row in rows if row.working and row.local)}",
        f"## Believed to be gone\n\n{_table(row for row in rows if not row.working)}",
        f"## What they do\n\nWhat a row names; what it does not name is not known to work.\n\n{_abilities(rows)}",
        f"## What they do otherwise\n\nFields are those of the wire.\n\n{_differences(rows)}",
    ]
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


def _table(rows: Iterable[Provider]) -> str:
    lines = ["| Provider | Name | Wire | Key | Address | or at | Checked |", "|---|---|---|---|---|---|---|"]
    for row in rows:
        title = f"[{row.title}]({row.docs or row.url})"
        key = _codes(row.auth.variables) or "–"
        optional = "" if row.auth.required or not row.auth.variables else " (optional)"
        address = f"`{row.base_url}`".replace("|", "\\|")
        cells = [title, f"`{row.name}`", row.dialect, key + optional, address, _codes(row.base_url_variables), row.checked or ""]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _abilities(rows: list[Provider]) -> str:
    able = {ability: ", ".join(row.name for row in rows if ability in row.abilities) for ability in get_args(Ability)}
    lines = ["| Ability | Providers |", "|---|---|", *(f"| {ability} | {names} |" for ability, names in able.items())]
    return "\n".join(lines) + "\n"


def _differences(rows: list[Provider]) -> str:
    lines = ["| Name | |", "|---|---|"]
    for row in rows:
        told = [*_quirks(row), *([row.note.replace("<", "&lt;")] if row.note else [])]
        if told:
            lines.append(f"| `{row.name}` | {' · '.join(told)} |")
    return "\n".join(lines) + "\n"


def _quirks(row: Provider) -> list[str]:
    """The declared deviations that a user may meet, in words."""
    quirks = row.quirks
    told = []
    if isinstance(path := quirks.get("path"), str):
        told.append(f"served at `{path}`")
    if isinstance(dropped := quirks.get("drop"), list):
        told.append(f"does not take {_codes(map(str, dropped))}")
    if isinstance(only := quirks.get("only"), list):
        told.append(f"takes {_codes(map(str, only))} alone")
    if isinstance(renamed := quirks.get("rename"), dict):
        told.extend(f"`{field}` is `{name}` there" for field, name in renamed.items())
    if isinstance(constants := quirks.get("constants"), dict):
        told.append(f"always sent: {_codes(constants)}")
    if quirks.get("reasoning_field"):
        told.append(f"thinking goes back in `{quirks['reasoning_field']}`")
    if quirks.get("stream_usage") is False:
        told.append("usage of a stream is not asked for")
    if quirks.get("text_only"):
        told.append("plain text alone")
    return told


def _codes(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


if __name__ == "__main__":
    print(page(), end="")  # noqa: T201  what the script is for
