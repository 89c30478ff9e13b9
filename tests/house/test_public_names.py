"""What ``import dragoman`` gives: every public name, and almost no weight."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import dragoman
import dragoman.errors
from dragoman.core import errors as core_errors
from dragoman.core.errors import DragomanError

HEAVY = [
    "msgspec",
    "httptools",
    "ssl",
    "socket",
    "asyncio",
    "uvloop",
    "truststore",
    "python_socks",
    "httpx",
    "requests",
    "logging",
    "email",
]
"""Nothing of this is needed before the first call."""


def run(program: str) -> str:
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("name", dragoman.__all__)
def test_every_public_name_is_there(name: str) -> None:
    value = getattr(dragoman, name)
    assert value is getattr(dragoman, name)
    assert name == "__version__" or value.__doc__


def test_the_list_of_public_names_is_sorted_and_said_by_dir() -> None:
    assert dragoman.__all__ == sorted(dragoman.__all__)
    assert dir(dragoman) == sorted(dragoman.__all__)


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'dragoman' has no attribute 'completed'"):
        _ = dragoman.completed
    assert not hasattr(dragoman, "_private")


def test_what_the_type_checker_sees_is_what_there_is() -> None:
    assert dragoman.__file__
    tree = ast.parse(Path(dragoman.__file__).read_text(encoding="utf-8"))
    guarded = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {alias.asname for node in guarded.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert seen == set(dragoman.__all__) - {"__version__", "errors", "providers", "typing"}


@pytest.mark.parametrize(
    "name",
    [
        "complete",
        "stream",
        "Client",
        "AsyncClient",
        "Timeouts",
        "Response",
        "Message",
        "Text",
        "Tool",
        "Usage",
        "DragomanError",
        "errors",
        "providers",
        "typing",
    ],
)
def test_the_names_that_the_description_promises_are_public(name: str) -> None:
    assert name in dragoman.__all__


def test_a_star_import_gives_every_public_name() -> None:
    assert run("from dragoman import *; import dragoman; print(set(dragoman.__all__) <= set(globals()))") == "True"


def test_the_bare_import_loads_nothing_heavy() -> None:
    program = (
        f"import sys; before = set(sys.modules); import dragoman; print([name for name in {HEAVY} if name in set(sys.modules) - before])"
    )
    assert run(program) == "[]"


def test_the_bare_import_loads_no_other_module_of_ours() -> None:
    assert run("import sys, dragoman; print([name for name in sys.modules if name.startswith('dragoman.')])") == "[]"


def test_a_program_that_blocks_never_loads_asyncio() -> None:
    program = """
import sys
import dragoman
with dragoman.Client(environment={}, max_retries=0, timeout=1.0) as client:
    try:
        client.complete("ollama/m", "Hi", base_url="http://127.0.0.1:1")
    except dragoman.errors.ConnectFailed:
        print("asyncio" in sys.modules)
"""
    assert run(program) == "False"


def test_importing_touches_neither_environment_nor_files_nor_network() -> None:
    program = """
import sys
seen = []
sys.addaudithook(lambda event, given: seen.append((event, given)) if event.startswith(("socket.", "subprocess.")) else None)
sys.addaudithook(lambda event, given: seen.append((event, given)) if event == "open" and "dragoman" not in str(given[0])
    and not str(given[0]).endswith((".py", ".pyc", ".so")) else None)
import dragoman.client, dragoman.providers, dragoman.openai_shape, dragoman.calls
print([event for event, given in seen if event != "open" or given[1] not in (None, "r", "rb")])
"""
    assert run(program) == "[]"


# --- errors


def tree(kind: type[DragomanError]) -> set[type[DragomanError]]:
    return {kind}.union(*(tree(below) for below in kind.__subclasses__() if below.__module__ == kind.__module__))


def test_every_error_has_its_public_name() -> None:
    kinds = {kind.__name__ for kind in vars(core_errors).values() if isinstance(kind, type) and issubclass(kind, DragomanError)}
    assert set(dragoman.errors.__all__) == kinds
    assert dragoman.errors.__all__ == sorted(dragoman.errors.__all__)
    for name in kinds:
        assert getattr(dragoman.errors, name) is getattr(core_errors, name)


def test_every_error_stands_in_the_drawing() -> None:
    drawing = core_errors.__doc__ or ""
    for name in dragoman.errors.__all__:
        assert f"{name} " in drawing or f"{name}\n" in drawing, name


# --- modules


def modules() -> list[str]:
    return sorted(found.name for found in pkgutil.walk_packages(dragoman.__path__, "dragoman.") if not found.name.endswith("__main__"))


@pytest.mark.parametrize("name", modules())
def test_every_module_can_be_imported_and_says_what_it_is(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__doc__
    assert len(module.__doc__.strip()) > 20


@pytest.mark.parametrize(
    "path", sorted(Path(dragoman.__path__[0]).rglob("*.py")), ids=lambda path: str(path.relative_to(dragoman.__path__[0]))
)
def test_every_file_says_what_it_is(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
