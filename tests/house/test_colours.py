"""Blocking and async code are one text: what differs is ``await`` and the names below, and nothing else."""

from __future__ import annotations

import ast
import re
from importlib import import_module
from pathlib import Path
from typing import Final

import pytest

PAIRS: Final = [
    ("dragoman.client", "Client", "AsyncClient"),
    ("dragoman.drivers", "Driver", "AsyncDriver"),
    ("dragoman.streams", "EventStream", "AsyncEventStream"),
    ("dragoman.openai_shape", "CompletionStream", "AsyncCompletionStream"),
    ("dragoman.openai_shape", "Completions", "AsyncCompletions"),
    ("dragoman.openai_shape", "Chat", "AsyncChat"),
    ("dragoman.transport.seam", "Incoming", "AsyncIncoming"),
    ("dragoman.transport.seam", "Transport", "AsyncTransport"),
]
"""The public face and everything below it that exists in both colours."""

NAMES: Final = {
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "__aiter__": "__iter__",
    "__anext__": "__next__",
    "StopAsyncIteration": "StopIteration",
    "anext": "next",
    "aclose": "close",
    "_async_chunks": "_chunks",
    "async_pause": "pause",
    "async_printed": "printed",
    "make_async_transport": "make_transport",
}


class Bleach(ast.NodeTransformer):
    """Takes the colour out of a tree, and the docstrings, which may speak of it."""

    def visit_Await(self, node: ast.Await) -> ast.AST:
        return self.visit(node.value)  # type: ignore[no-any-return]  # ast says no more

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        plain = ast.FunctionDef(**{name: getattr(node, name) for name in node._fields})
        return self.visit_FunctionDef(ast.copy_location(plain, node))

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.name = renamed(node.name)
        node.body = without_docstring(node.body)
        return self.generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        node.name = renamed(node.name)
        node.body = without_docstring(node.body)
        return self.generic_visit(node)

    def visit_AsyncWith(self, node: ast.AsyncWith) -> ast.AST:
        return self.generic_visit(ast.With(items=node.items, body=node.body))

    def visit_AsyncFor(self, node: ast.AsyncFor) -> ast.AST:
        return self.generic_visit(ast.For(target=node.target, iter=node.iter, body=node.body, orelse=node.orelse))

    def visit_Name(self, node: ast.Name) -> ast.AST:
        node.id = renamed(node.id)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        node.attr = renamed(node.attr)
        return self.generic_visit(node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST:
        for alias in node.names:
            alias.name = renamed(alias.name)
        if node.module:
            node.module = {"dragoman.transport.aio": "dragoman.transport.sync"}.get(node.module, node.module)
        return node

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if isinstance(node.value, str):
            node.value = node.value.replace("async ", "").replace("Async", "")
        return node


def renamed(name: str) -> str:
    return NAMES.get(name) or re.sub(r"^Async(?=[A-Z])", "", name)


def without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    """The statements that do something; ``pass`` where there are none."""
    return [node for node in body if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))] or [ast.Pass()]


def bleached(module: str, name: str) -> list[str]:
    """The lines of a class without its colour."""
    path = import_module(module).__file__
    assert path
    tree = ast.parse(Path(path).read_text(encoding="utf-8"))
    found = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)
    found.body = [node for node in found.body if not is_aclose(node)]
    text = ast.unparse(ast.fix_missing_locations(Bleach().visit(found)))
    return [line for line in text.splitlines() if line.strip() not in ("", "...")]


def is_aclose(node: ast.stmt) -> bool:
    """Whether it gives ``close`` the name that async things have for it besides."""
    return ast.unparse(without_docstring([node])[0]) == "aclose = close" or (
        isinstance(node, ast.AsyncFunctionDef)
        and node.name == "aclose"
        and [ast.unparse(one) for one in without_docstring(node.body)] == ["self.close()"]
    )


@pytest.mark.parametrize(("module", "blocking", "asynchronous"), PAIRS, ids=[name for _, name, _ in PAIRS])
def test_both_colours_are_the_same_text(module: str, blocking: str, asynchronous: str) -> None:
    assert bleached(module, asynchronous) == bleached(module, blocking)


def test_every_class_in_two_colours_is_compared() -> None:
    for module in ("client", "drivers", "streams", "openai_shape"):
        path = import_module(f"dragoman.{module}").__file__
        assert path
        classes = {node.name for node in ast.parse(Path(path).read_text(encoding="utf-8")).body if isinstance(node, ast.ClassDef)}
        doubled = {name for name in classes if f"Async{name}" in classes}
        assert doubled == {blocking for home, blocking, _ in PAIRS if home == f"dragoman.{module}"}
        assert {name for name in classes if name.startswith("Async")} == {f"Async{name}" for name in doubled}


def test_the_comparison_sees_a_difference() -> None:
    assert bleached("dragoman.drivers", "Driver") != bleached("dragoman.streams", "EventStream")
    assert bleached("dragoman.client", "Client") != bleached("dragoman.drivers", "AsyncDriver")
