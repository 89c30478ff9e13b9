"""The example is a file that works, holds the defaults, and leaves no setting out."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import trustme

from dragoman.core.exchange import Timeouts
from dragoman.gateway.config.example import EXAMPLE
from dragoman.gateway.config.file import read_config
from dragoman.gateway.config.tables import Config, WaitsTable

WHOLE = re.sub(r"(?m)^#(?=\S)", "", EXAMPLE)
"""With every setting that is only shown."""


def test_the_example_passes_the_check_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "dragoman.toml"
    path.write_text(EXAMPLE)
    config = read_config(path, {"HOME": str(tmp_path)})
    waits = Timeouts()
    told = WaitsTable(connect=waits.connect_s, first_token=waits.first_byte_s, between_tokens=waits.between_bytes_s, total=waits.total_s)
    assert config == Config(discover=True, timeouts=told), "what is not marked is what holds by default"


def test_the_example_passes_with_everything_that_it_shows(tmp_path: Path) -> None:
    issued = trustme.CA().issue_cert("gateway.example")
    issued.cert_chain_pems[0].write_to_path(str(tmp_path / "certificate.pem"))
    issued.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    path = tmp_path / "dragoman.toml"
    path.write_text(WHOLE.replace("/etc/dragoman", str(tmp_path)))
    variables = {name: f"a-value-of-{name}" for name in re.findall(r"\$\{([A-Z_]+)\}", WHOLE)}
    config = read_config(path, {"HOME": str(tmp_path), **variables})
    assert config.keys["night-job"].key == "a-value-of-NIGHT_JOB_KEY"
    assert config.tls is not None


def fields(form: Any) -> Any:
    """The fields below a type, nested as they are; those of a table of tables stand in it directly."""
    match form:
        case msgspec.inspect.StructType():
            return {field.encode_name: fields(field.type) for field in form.fields}
        case msgspec.inspect.UnionType():
            return next((found for one in form.types if (found := fields(one))), {})
        case msgspec.inspect.DictType():
            return fields(form.value_type)
        case _:
            return {}


def told(value: Any, form: Any, is_many: bool) -> Any:
    """Which fields ``value`` has, all tables of a kind together."""
    tables = list(value.values()) if is_many else [value]
    return {name: [table[name] for table in tables if name in table] for name in form}


def test_every_field_occurs() -> None:
    form = fields(msgspec.inspect.type_info(Config))
    whole = tomllib.loads(WHOLE)
    assert set(whole) == set(form)
    missing = [
        f"{name}.{field}"
        for name, inner in form.items()
        for field, values in told(whole[name], inner, name in ("providers", "models", "keys")).items()
        if inner and not values
    ]
    assert missing == ["admin.key"], "which stands in prose, as hash and key exclude each other"
    assert '# key = "${ADMIN_KEY}"' in EXAMPLE
    waits = [one["timeouts"] for one in whole["models"].values() if "timeouts" in one]
    assert set(waits[0]) == set(form["models"]["timeouts"])


def test_no_line_is_wider_than_a_page() -> None:
    assert [line for line in EXAMPLE.splitlines() if len(line) > 124] == []
