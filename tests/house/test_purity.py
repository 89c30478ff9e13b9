"""Where nothing may look at a clock, at chance, at the machine or at a network; and where nothing may be kept between calls."""

from __future__ import annotations

import ast
import time
from pathlib import Path

import pytest

import dragoman

ROOT = Path(dragoman.__path__[0])
PURE = ("core", "wire", "sign", "flow")
FILES = sorted(path for layer in PURE for path in (ROOT / layer).rglob("*.py"))
FORBIDDEN = {
    *("asyncio", "httptools", "io", "multiprocessing", "os", "pathlib", "queue", "random", "secrets", "select", "selectors", "shutil"),
    *("signal", "socket", "ssl", "subprocess", "sys", "tempfile", "threading", "time", "urllib.request", "uuid.uuid1", "uuid.uuid4"),
}
CALLS = {
    "now",
    "today",
    "utcnow",
    "open",
    "input",
    "print",
    "exec",
    "eval",
    "getenv",
    "urandom",
    "random",
    "sleep",
    "monotonic",
    "uuid1",
    "uuid4",
}


def imported(tree: ast.AST) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names | {name.partition(".")[0] for name in names}


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", FILES, ids=shown)
def test_a_pure_module_imports_no_clock_chance_machine_or_network(path: Path) -> None:
    assert imported(ast.parse(path.read_text(encoding="utf-8"))) & FORBIDDEN == set()


@pytest.mark.parametrize("path", FILES, ids=shown)
def test_a_pure_module_calls_nothing_that_looks_outside(path: Path) -> None:
    called = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name):
                called.add(node.func.id)
            elif (
                isinstance(node.func, ast.Attribute)
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id in ("datetime", "date", "os", "uuid")
            ):
                called.add(node.func.attr)
    if path.parent.name == "flow":
        called -= {"now"}  # the flow's own word for the effect
    assert called & CALLS == set()


def test_the_library_keeps_no_state_in_its_modules() -> None:
    """Module-level names are constants: nothing in the library layer is assigned a bare list, dict or set."""
    for path in sorted(
        [*ROOT.glob("*.py"), *(ROOT / "flow").glob("*.py"), *(ROOT / "sign").glob("*.py"), *(ROOT / "providers").glob("*.py")]
    ):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.List | ast.Dict | ast.Set):
                names = [target.id for target in node.targets if isinstance(target, ast.Name)]
                assert all(name.isupper() or name == "__all__" for name in names), shown(path)


def test_the_check_would_see_a_clock() -> None:
    assert imported(ast.parse("from time import monotonic")) & FORBIDDEN
    assert imported(ast.parse("import os.path")) & FORBIDDEN
    assert time.monotonic() > 0
