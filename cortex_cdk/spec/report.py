"""Collects the problems of one document: each with its position, key path, value and what is allowed."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from pydantic_core import ErrorDetails

from cortex_cdk.spec.hints import unknown_key
from cortex_cdk.spec.kind import KIND, NULL_HINT, REPORTED
from cortex_cdk.spec.kinds import StringMap
from cortex_cdk.spec.problem import ABSENT, Problem, show
from cortex_cdk.spec.sections import Format
from cortex_cdk.spec.values import Violation
from cortex_cdk.spec.yaml_document import UNREADABLE, Document, Path
from cortex_cdk.spec.yaml_nodes import Place


class Report:
    """The problems of the document in ``file`` (as the user named it), which is to have a format."""

    def __init__(self, file: str, document: Document, format: Format) -> None:
        self.file = file
        self._format = format
        self._document = document
        self._problems: dict[tuple[Any, ...], Problem] = {}
        self._foreign: list[Problem] = []
        for flaw in document.flaws:
            kind = format.kind_of(format.within(flaw.path)) if flaw.about_value else None
            self._add(flaw.path, flaw.place, flaw.message, flaw.value, kind.allowed if kind else None, flaw.hint)

    def problems(self) -> list[Problem]:
        """All of them: by position, those of other files last."""
        own = sorted(self._problems.values(), key=lambda problem: (problem.line, problem.column))
        return own + self._foreign

    def add(self, path: Path, message: str, *, allowed: str | None = None, hint: str | None = None) -> None:
        """A problem with the value at ``path``, or with its absence."""
        self._add(path, self._document.place(path), message, self._value(path), allowed, hint)

    def add_foreign(self, problem: Problem) -> None:
        """A problem in another file."""
        self._foreign.append(problem)

    def add_violation(self, path: Path, violation: Violation) -> None:
        """A rule that is broken in the section at ``path``."""
        key = next((key for key in violation.keys if self.knows((*path, *key.split(".")))), violation.keys[0])
        at = (*path, *key.split("."), *(() if violation.item is None else (violation.item,)))
        named = self._document.keys.get(at) if isinstance(violation.item, str) else None  # the name itself is wrong
        self._add(at, named or self._document.place(at), violation.message, self._value(at), None, violation.hint)

    def add_error(self, at: Path, error: ErrorDetails) -> Path:
        """A problem that pydantic found in the outermost section, which is at ``at``; its path within that."""
        location = error["loc"]
        about_key = location[-1:] == ("[key]",) and isinstance(self._format.kind_of(location[:-2]), StringMap)
        if about_key:
            location = location[:-1]
        path = (*at, *location)
        kind = error["type"]
        if kind == REPORTED or error["input"] is UNREADABLE:
            return location
        place = self._document.keys[path] if about_key or kind == "extra_forbidden" else self._document.place(path)
        allowed: str | None
        hint: str | None = None
        if kind == "extra_forbidden":
            section, keys = self._format.section_name(location[:-1]), self._format.keys
            message, allowed = "unknown key", ", ".join(keys[section])
            hint = unknown_key(
                section, str(location[-1]), keys, elsewhere=self._format.elsewhere, root_name=self._format.root_name
            )
        elif kind == "missing":
            message, allowed = "required, but not there", self.allowed(path)
        elif kind == KIND:
            context = error["ctx"]
            message = context["message"] or (f"the name {show(location[-1])}" if about_key else self.found(path))
            allowed, hint = context["allowed"], self._quoted(context["hint"], place)
        else:  # a list, a scalar or null in place of a map
            message, allowed = self.found(path), "a map"
            hint = NULL_HINT if error["input"] is None else None
            if isinstance(error["input"], bool) and "enabled" in self._keys_at(location):
                hint = f"write {{enabled: {show(error['input'])}}}"
        value = str(location[-1]) if about_key else self._value(path)
        self._add(path, place, message, value, allowed, hint)
        return location

    def allowed(self, path: Path) -> str | None:
        """What may stand at ``path``."""
        kind = self._format.kind_of(self._format.within(path))
        return kind.allowed if kind else "a map"

    def found(self, path: Path) -> str:
        """What stands at ``path``, for a message; with its spelling when YAML makes something else of it."""
        value = self._value(path)
        if value is None:
            return "null is not allowed"
        if isinstance(value, dict | list):
            return f"found a {'map' if isinstance(value, dict) else 'list'}"
        shown = show(value)
        plain = self._document.place(path).plain
        if isinstance(value, bool | int | float) and plain is not None and plain != shown:
            return f"found {shown} (written `{plain[:40]}`)"
        return f"found {shown}"

    def knows(self, path: Path) -> bool:
        """Whether there is something at ``path``."""
        return path in self._document.places

    def api_name(self, index: int) -> str:
        """The name of an API, or its place in the list (``#2``) when it has none that could be shown."""
        name = self._value((index, "name"))
        return name if isinstance(name, str) and re.fullmatch(r"[ -~]{1,80}", name) else f"#{index + 1}"

    def _keys_at(self, path: Path) -> Sequence[str]:
        """The keys of the section at a path within the outermost one; none where there is a map of the user's own."""
        return () if self._format.kind_of(path) else self._format.keys[self._format.section_name(path)]

    def _add(self, path: Path, place: Place, message: str, value: Any, allowed: str | None, hint: str | None) -> None:
        api = self.api_name(path[0]) if path and isinstance(path[0], int) else None
        key = _key_path(self._format.within(path)) or None
        problem = Problem(self.file, message, place.line, place.column, api, key, value, allowed, hint)
        self._problems.setdefault((place.line, place.column, api, problem.key, message), problem)

    def _value(self, path: Path) -> Any:
        value = self._document.data
        for part in path:
            try:
                value = value[part]
            except (KeyError, IndexError, TypeError):
                return ABSENT
        return ABSENT if value is UNREADABLE else value

    @staticmethod
    def _quoted(hint: str | None, place: Place) -> str | None:
        return f'{hint}: "{place.plain}"' if hint == "write it in quotes" and place.plain else hint


def _key_path(path: Path) -> str:
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif re.fullmatch(r"[\w<-]{1,80}", part):
            text += f".{part}" if text else part
        else:
            text += f"[{json.dumps(part[:80])}]"
    return text
