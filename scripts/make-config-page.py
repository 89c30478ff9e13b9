"""Write docs/reference/dragoman-toml.md to standard output: every field of gateway/config/tables.py, with form, default, words.

The words are the docstrings that stand below the fields, so that they are written once.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import inspect as forms

from dragoman.catalogue.schema import Auth
from dragoman.gateway.config import tables as config
from dragoman.wire.quirks import PassingFault, Quirks

HEAD = """# dragoman.toml

Made by `scripts/make-config-page.py`; do not edit. The file is looked for as `--config`, as `$DRAGOMAN_CONFIG`, as `./dragoman.toml`, and
in your own folder (`~/.config/dragoman`). `dragoman config example` prints one with everything in it, `dragoman check config` finds
mistakes. [How to set it up](../how-to/configure-the-gateway.md).

In any text `${NAME}` is the environment variable's value, `${NAME:-this}` is `this` where it is not set or empty, and `$${` is `${`. A
number or a truth may be such a text too. Waits are in seconds, sizes in bytes.
"""
TABLES = (
    config.Config,
    config.ProviderTable,
    config.ModelTable,
    config.KeyTable,
    config.WaitsTable,
    config.LimitsTable,
    config.CorsTable,
    config.LogTable,
    config.OtelTable,
    config.AdminTable,
    config.TlsTable,
    Auth,
    Quirks,
    PassingFault,
)
TITLES: dict[Any, str] = {
    config.Config: "The top of the file",
    Auth: "`auth` of a provider of one's own",
    Quirks: "`quirks` of a provider of one's own",
    PassingFault: "`passing_faults` of `quirks`",
}
KINDS: dict[Any, str] = {forms.StrType: "text", forms.BoolType: "true or false", forms.AnyType: "anything", forms.StructType: "table"}


def words_of(table: type) -> dict[str, str]:
    """The docstring below each field."""
    (body,) = [node for node in ast.parse(inspect.getsource(table)).body if isinstance(node, ast.ClassDef)]
    words: dict[str, str] = {}
    for field, below in zip(body.body, body.body[1:], strict=False):
        is_told = isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) and isinstance(below.value.value, str)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and is_told:
            words[field.target.id] = shown(below.value.value)  # type: ignore[attr-defined]  # seen to by is_told
    return words


def shown(text: str) -> str:
    return " ".join(text.replace("``", "`").split())


def form(kind: Any) -> str:
    """A type in words."""
    match kind:
        case forms.Metadata():
            return form(kind.type)
        case forms.UnionType():
            return " or ".join(form(one) for one in kind.types if not isinstance(one, forms.NoneType))
        case forms.VarTupleType():
            return "list of names" if isinstance(kind.item_type, forms.LiteralType) else f"list of {form(kind.item_type)}s"
        case forms.LiteralType():
            return ", ".join(f"`{value}`" for value in kind.values)
        case forms.DictType():
            return "table"
        case forms.IntType() | forms.FloatType():
            return f"{'whole number' if isinstance(kind, forms.IntType) else 'number'}{bounds(kind)}"
        case _:
            return KINDS[type(kind)]


def bounds(kind: Any) -> str:
    told = ((kind.gt, "above"), (kind.ge, "from"), (kind.le, "up to"))
    return "".join(f" {word} {bound:,g}" for bound, word in told if bound is not None)


def default(field: Any) -> str:
    if field.required:
        return "needed"
    value = field.default
    if value in (None, (), msgspec.NODEFAULT) or isinstance(value, msgspec.Struct):
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return f"`{msgspec.json.encode(value).decode()}`"


def lines(table: type) -> Iterator[str]:
    words, known = words_of(table), forms.type_info(table)
    assert isinstance(known, forms.StructType)
    title, _, about = shown(table.__doc__ or "").partition(": ")
    yield f"## {TITLES.get(table, title)}"
    yield ""
    if table not in TITLES:
        yield about[0].upper() + about[1:]
        yield ""
    yield "| key | form | by default | |"
    yield "|---|---|---|---|"
    for field in known.fields:
        if table is config.Config and field.encode_name not in words:
            continue  # a table with a section of its own
        yield f"| `{field.encode_name}` | {form(field.type)} | {default(field)} | {words.get(field.encode_name, '')} |"
    yield ""


def page() -> str:
    """The whole page."""
    return "\n".join([HEAD, *(line for table in TABLES for line in lines(table))])


if __name__ == "__main__":
    sys.stdout.write(page())
