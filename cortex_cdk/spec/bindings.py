"""Which statements of a Python body may be the one that a name refers to in the end."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


@dataclass(frozen=True)
class Binding:
    """A statement that binds the name. ``conditional``: it may not run (it stands in an ``if``, a loop, a ``try``)."""

    node: ast.AST
    conditional: bool


def candidates(body: Sequence[ast.stmt], name: str) -> list[Binding]:
    """The bindings of ``name`` that may be in force at the end of ``body``: the last one, as in Python.

    Where that one may not run, also those before it, back to one that surely runs. In the order of the source.
    """
    found: list[Binding] = []
    for binding in _bindings(body, name, conditional=False):
        if not binding.conditional:
            found.clear()
        found.append(binding)
    return found


def has_star_import(tree: ast.Module | ast.ClassDef) -> bool:
    """Whether names of another module may be there that the source does not show."""
    return any(isinstance(node, ast.ImportFrom) and node.names[0].name == "*" for node in ast.walk(tree))


def mentions(tree: ast.AST, name: str) -> bool:
    """Whether ``name`` is a string in the source (``globals()["..."] = ``) or global in a function."""
    return any(
        (isinstance(node, ast.Constant) and node.value == name) or (isinstance(node, ast.Global) and name in node.names)
        for node in ast.walk(tree)
    )


def _bindings(body: Sequence[ast.stmt], name: str, *, conditional: bool) -> Iterator[Binding]:
    for statement in body:
        if isinstance(statement, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            if statement.name == name:
                yield Binding(statement, conditional)
        elif isinstance(statement, ast.Import | ast.ImportFrom):
            if any((alias.asname or alias.name.split(".")[0]) == name for alias in statement.names):
                yield Binding(statement, conditional)
        else:
            if any(_binds(expression, name) for expression in _expressions(statement)):
                yield Binding(statement, conditional)
            certain = isinstance(statement, ast.With | ast.AsyncWith)
            for block in _blocks(statement):
                yield from _bindings(block, name, conditional=conditional or not certain)


def _blocks(statement: ast.stmt) -> Iterator[list[ast.stmt]]:
    for field in ("body", "handlers", "cases", "orelse", "finalbody"):
        for entry in [getattr(statement, field, [])]:
            nested = [inner.body for inner in entry if isinstance(inner, ast.ExceptHandler | ast.match_case)]
            if nested:
                yield from nested
            elif entry:
                yield entry


def _expressions(statement: ast.stmt) -> Iterator[ast.AST]:
    """The parts of a statement that are not statements."""
    for child in ast.iter_child_nodes(statement):
        if not isinstance(child, ast.stmt | ast.ExceptHandler | ast.match_case):
            yield child


def _binds(node: ast.AST, name: str) -> bool:
    if isinstance(node, _SCOPES):
        return False
    if isinstance(node, ast.Name):
        return node.id == name and isinstance(node.ctx, ast.Store)
    return any(_binds(child, name) for child in ast.iter_child_nodes(node))
