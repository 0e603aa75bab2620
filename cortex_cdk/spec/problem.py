"""What is wrong in a file, and where: for people (``str``) and for programs (``to_dict``)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

_MAX_SHOWN = 80


class Absent:
    """The type of ``ABSENT``, which stands for "no value": ``None`` is a value (YAML's null)."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = Absent()


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        file: the file, as the user named it.
        line: counted from 1; None when the problem is about the file as a whole.
        column: counted from 1, in characters.
        api: the name of the API, or its place in the file (``#2`` is the second) when it has none.
        key: the path of the key, such as ``autoscaling.min_replicas`` or ``predictor.config.labels[0]``.
        value: what was found, or ``ABSENT``.
        message: what is wrong.
        allowed: what may stand there.
        hint: what to do about it.
    """

    file: str
    message: str
    line: int | None = None
    column: int | None = None
    api: str | None = None
    key: str | None = None
    value: Any = ABSENT
    allowed: str | None = None
    hint: str | None = None

    @property
    def location(self) -> str:
        """``file:line:column``, as far as known: what editors and terminals turn into a link."""
        return ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)

    def __str__(self) -> str:
        where = [part for part in (self.location, self.api, self.key) if part]
        text = ": ".join([*where, self.message])
        if self.allowed:
            text += f"; allowed: {self.allowed}"
        if self.hint:
            text += f" ({self.hint})"
        return printable(text)

    def to_dict(self) -> dict[str, Any]:
        """A JSON object with a fixed set of keys; ``value`` is left out when there is none."""
        fields: dict[str, Any] = {
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "api": self.api,
            "key": self.key,
            "message": self.message,
            "allowed": self.allowed,
            "hint": self.hint,
        }
        if self.value is not ABSENT:
            fields["value"] = self.value if _is_json(self.value) else repr(self.value)
        return fields


class SpecError(Exception):
    """A file is not valid; ``problems`` says all that is wrong with it, in the order of the file."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


def printable(text: str) -> str:
    """A text for a terminal: control characters and the like, which files may hold, are written as escapes."""
    return "".join(char if char.isprintable() or char == "\n" else ascii(char)[1:-1] for char in text)


def show(value: Any) -> str:
    """A value as one would write it in YAML, on one line and shortened."""
    if isinstance(value, str):
        text = json.dumps(value, ensure_ascii=False)
    elif isinstance(value, dict | list):
        text = json.dumps(value, ensure_ascii=False, default=repr)
    elif value is None:
        text = "null"
    elif isinstance(value, bool):
        text = str(value).lower()
    else:
        text = repr(value)
    return text if len(text) <= _MAX_SHOWN else text[: _MAX_SHOWN - 3] + "..."


def _is_json(value: Any) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return False
    return True
