"""Checks a predictor file without running it: that it parses, and defines the class with the right methods.

What only running could tell (a class made by a function, methods of a base class) is taken to be right.
"""

from __future__ import annotations

import ast
import inspect
import warnings
from collections.abc import Sequence
from pathlib import Path

from cortex_cdk.spec.bindings import Binding, candidates, has_star_import, mentions
from cortex_cdk.spec.problem import Problem
from cortex_runtime.predictor_interface import CLASS_NAME, METHODS, expected, signature_problem

_NOT_PLAIN = ("staticmethod", "classmethod", "property")


def check(file: Path, *, api: str | None = None, shown_as: str | None = None) -> list[Problem]:
    """The problems of a predictor file, each with its line and column there.

    Args:
        file: the file.
        api: the name of the API whose predictor it is, for the problems.
        shown_as: how the problems name the file; its path by default.
    """
    shown = shown_as or str(file)
    try:
        content = file.read_bytes()
    except OSError as error:
        return [Problem(shown, f"cannot be read: {error.strerror}", api=api)]
    try:
        tree = _parse(content, shown)
    except SyntaxError as error:
        column = error.offset if error.lineno and error.offset else None
        message = f"not valid Python: {error.msg}"
        return [Problem(shown, message, error.lineno, column, api=api, hint=_encoding_hint(error))]
    except (ValueError, MemoryError, RecursionError) as error:  # null bytes, nested too deep
        return [Problem(shown, f"not valid Python: {error or 'nested too deep'}", api=api)]
    return _Checker(shown, api, tree).problems()


def _parse(content: bytes, name: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse(content, name)
        compile(content, name, "exec", dont_inherit=True)  # finds more: a parameter twice, `return` outside a function
    return tree


def _encoding_hint(error: SyntaxError) -> str | None:
    if "unknown encoding" in str(error.msg):
        return "the `coding:` comment in the first two lines names an encoding that Python does not have"
    if "codec can't decode" in str(error.msg) or "Non-UTF-8" in str(error.msg):
        return "save the file with the encoding UTF-8"
    return None


class _Checker:
    def __init__(self, shown: str, api: str | None, tree: ast.Module) -> None:
        self._shown = shown
        self._api = api
        self._tree = tree

    def problems(self) -> list[Problem]:
        found = candidates(self._tree.body, CLASS_NAME)
        if not found:
            if has_star_import(self._tree) or mentions(self._tree, CLASS_NAME):
                return []
            return [self._problem(None, f"the class {CLASS_NAME} is not defined", hint=self._other_class())]
        return [problem for binding in found for problem in self._definition(binding)]

    def _definition(self, binding: Binding) -> list[Problem]:
        node = binding.node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            return [self._problem(node, f"{CLASS_NAME} is a function", allowed=f"class {CLASS_NAME}")]
        if not isinstance(node, ast.ClassDef):
            return []
        return [problem for method in METHODS for problem in self._methods(node, method)]

    def _methods(self, owner: ast.ClassDef, method: str) -> list[Problem]:
        found = candidates(owner.body, method)
        if found:
            return [problem for binding in found if (problem := self._method(binding.node, method)) is not None]
        inherits = any(not (isinstance(base, ast.Name) and base.id == "object") for base in owner.bases)
        if inherits or owner.keywords or owner.decorator_list or has_star_import(owner):
            return []
        return [self._problem(owner, f"{CLASS_NAME} has no method `{method}`", allowed=expected(method))]

    def _method(self, node: ast.AST, method: str) -> Problem | None:
        allowed = expected(method)
        if isinstance(node, ast.ClassDef):
            return self._problem(node, f"{CLASS_NAME}.{method} is a class", allowed=allowed)
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            return None
        decorators = [entry.id if isinstance(entry, ast.Name) else None for entry in node.decorator_list]
        for decorator in decorators:
            if decorator in _NOT_PLAIN:
                return self._problem(
                    node, f"{CLASS_NAME}.{method} is a {decorator}", allowed=allowed, hint=f"remove @{decorator}"
                )
        if decorators:
            return None  # what a decorator makes of the function only shows when it runs
        if isinstance(node, ast.AsyncFunctionDef):
            message = f"{CLASS_NAME}.{method} is `async def`, but is called by threads and never awaited"
            return self._problem(node, message, allowed=allowed)
        wrong = signature_problem(method, signature_of(node.args))
        return self._problem(node, wrong) if wrong else None

    def _other_class(self) -> str | None:
        names = [node.name for node in self._tree.body if isinstance(node, ast.ClassDef)]
        close = [name for name in names if "predictor" in name.lower()] or (names if len(names) == 1 else [])
        return f"rename the class {close[0]} to {CLASS_NAME}" if close else f"define `class {CLASS_NAME}:`"

    def _problem(
        self,
        node: ast.AST | None,
        message: str,
        *,
        allowed: str | None = None,
        hint: str | None = None,
    ) -> Problem:
        # the column of a statement counts bytes, but before `def` and `class` there is nothing but ASCII
        line, column = (node.lineno, node.col_offset + 1) if isinstance(node, ast.stmt) else (None, None)
        return Problem(self._shown, message, line, column, self._api, allowed=allowed, hint=hint)


class _Source:
    """Stands for a default value: shows as it is written."""

    def __init__(self, node: ast.expr) -> None:
        self._text = ast.unparse(node)

    def __repr__(self) -> str:
        return self._text if len(self._text) <= 40 else "..."


def signature_of(arguments: ast.arguments) -> inspect.Signature:
    """The signature of a function as far as its source tells: names, kinds, defaults; no annotations."""
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults: Sequence[ast.expr | None] = [
        *[None] * (len(positional) - len(arguments.defaults)),
        *arguments.defaults,
    ]
    kind = inspect.Parameter
    parameters = [
        _parameter(
            argument.arg,
            kind.POSITIONAL_ONLY if index < len(arguments.posonlyargs) else kind.POSITIONAL_OR_KEYWORD,
            default,
        )
        for index, (argument, default) in enumerate(zip(positional, defaults, strict=True))
    ]
    if arguments.vararg:
        parameters.append(_parameter(arguments.vararg.arg, kind.VAR_POSITIONAL, None))
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        parameters.append(_parameter(argument.arg, kind.KEYWORD_ONLY, default))
    if arguments.kwarg:
        parameters.append(_parameter(arguments.kwarg.arg, kind.VAR_KEYWORD, None))
    return inspect.Signature(parameters)


def _parameter(name: str, kind: inspect._ParameterKind, default: ast.expr | None) -> inspect.Parameter:
    return inspect.Parameter(name, kind, default=inspect.Parameter.empty if default is None else _Source(default))
