"""The plain kinds of values: numbers, strings, choices and maps."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from cortex_cdk.spec.kind import Invalid, Kind, Single, quote_hint

MAX_INTEGER = 2**31 - 1
_BOOLEANS = ("true", "false", "yes", "no", "on", "off")


@dataclass(frozen=True)
class Whole(Single):
    """A whole number. ``1.0`` and ``true`` are none."""

    at_least: int
    at_most: int | None = None
    type_name = "int"

    @property
    def allowed(self) -> str:
        return "a whole number" + _bounds(self.at_least, None, self.at_most, None)

    def check(self, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            number = _number_in(value)
            raise Invalid(hint=f"write {number:.0f}" if number is not None and number.is_integer() else None)
        if value > MAX_INTEGER:
            raise Invalid(f"{value} is too large, at most {MAX_INTEGER} can be handled")
        if value < self.at_least or (self.at_most is not None and value > self.at_most):
            raise Invalid
        return value

    def json_schema(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": self.at_least, "maximum": self.at_most or MAX_INTEGER}


@dataclass(frozen=True)
class OneOf(Single):
    """One of a few whole numbers, in ascending order."""

    numbers: Sequence[int]
    type_name = "int"

    @property
    def allowed(self) -> str:
        return ", ".join(str(number) for number in self.numbers[:-1]) + f" or {self.numbers[-1]}"

    def check(self, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            number = _number_in(value)
            raise Invalid(hint=f"write {number:.0f}" if number in self.numbers else None)
        if value not in self.numbers:
            longer = next((number for number in self.numbers if number > value), self.numbers[-1])
            raise Invalid(hint=f"the next that is allowed is {longer}")
        return value

    def json_schema(self) -> dict[str, Any]:
        return {"enum": list(self.numbers)}


@dataclass(frozen=True)
class Flag(Single):
    """True or false, or else what ``or_text`` allows."""

    or_text: Text | None = None

    @property
    def type_name(self) -> str:  # type: ignore[override]
        return "bool or string" if self.or_text else "bool"

    @property
    def allowed(self) -> str:
        return f"true, false, or {self.or_text.allowed}" if self.or_text else "true or false"

    def check(self, value: Any) -> bool | str:
        if isinstance(value, bool):
            return value
        if isinstance(value, str) and value.lower() in _BOOLEANS:
            raise Invalid(hint="write it without quotes")
        if self.or_text is None:
            raise Invalid
        return self.or_text.check(value)

    def json_schema(self) -> dict[str, Any]:
        flag = {"type": "boolean"}
        return {"anyOf": [flag, self.or_text.json_schema()]} if self.or_text else flag


@dataclass(frozen=True)
class Number(Single):
    """A finite number, with or without a fraction."""

    at_least: float | None = None
    above: float | None = None
    below: float | None = None
    type_name = "float"

    @property
    def allowed(self) -> str:
        return "a number" + _bounds(self.at_least, self.above, None, self.below)

    def check(self, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            number = _number_in(value)
            raise Invalid(hint=f"write {number:g}, without quotes" if number is not None else None)
        if value != value or value in (math.inf, -math.inf):
            raise Invalid
        if self.at_least is not None and value < self.at_least:
            raise Invalid
        if self.above is not None and value <= self.above:
            raise Invalid
        if self.below is not None and value >= self.below:
            raise Invalid
        return float(value)

    def json_schema(self) -> dict[str, Any]:
        limits = {"minimum": self.at_least, "exclusiveMinimum": self.above, "exclusiveMaximum": self.below}
        return {"type": "number"} | {key: limit for key, limit in limits.items() if limit is not None}


@dataclass(frozen=True)
class Text(Single):
    """A string: not empty unless ``pattern`` says otherwise. ``described`` names the pattern in words."""

    described: str = "a string that is not empty"
    pattern: str = r"[^\x00]+"
    max_length: int | None = None
    type_name = "string"

    @property
    def allowed(self) -> str:
        return self.described

    def check(self, value: Any) -> str:
        if not isinstance(value, str):
            raise Invalid(hint=quote_hint(value))
        if not re.fullmatch(self.pattern, value) or len(value) > (self.max_length or len(value)):
            raise Invalid
        return value

    def json_schema(self) -> dict[str, Any]:
        schema: dict[str, Any] = {"type": "string", "pattern": f"^(?:{self.pattern})$"}
        return schema | ({"maxLength": self.max_length} if self.max_length else {})


@dataclass(frozen=True)
class Choice(Single):
    """One of a few words. ``elsewhere`` holds words that mean something which there is not here, and why."""

    words: Sequence[str]
    elsewhere: Sequence[tuple[str, str]] = ()
    type_name = "string"

    @property
    def allowed(self) -> str:
        return " or ".join(self.words)

    def check(self, value: Any) -> str:
        if isinstance(value, str):
            if value in self.words:
                return value
            if reason := dict(self.elsewhere).get(value):
                raise Invalid(reason)
        raise Invalid

    def json_schema(self) -> dict[str, Any]:
        return {"const": self.words[0]} if len(self.words) == 1 else {"enum": list(self.words)}


@dataclass(frozen=True)
class JsonMap(Single):
    """Any map; its values are the user's own. The YAML reader has seen to it that JSON can hold them."""

    type_name = "map"

    @property
    def allowed(self) -> str:
        return "a map whose keys are strings at every depth"

    def check(self, value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise Invalid
        return value

    def json_schema(self) -> dict[str, Any]:
        return {"type": "object"}


@dataclass(frozen=True)
class StringMap(Kind):
    """A map whose keys and values are strings of two kinds; each of them is checked and reported by itself."""

    keys: Text
    values: Text
    type_name = "map of strings"

    @property
    def allowed(self) -> str:
        return f"keys: {self.keys.allowed}; values: {self.values.allowed}"

    def json_schema(self) -> dict[str, Any]:
        names = {"pattern": self.keys.json_schema()["pattern"]}
        return {"type": "object", "propertyNames": names, "additionalProperties": self.values.json_schema()}

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.dict_schema(self.keys.validator(), self.values.validator(), strict=True)


def _bounds(at_least: Any, above: Any, at_most: Any, below: Any) -> str:
    if at_least is not None and at_most is not None:
        return f" from {at_least} to {at_most}"
    limits = (("at least", at_least), ("above", above), ("at most", at_most), ("below", below))
    phrases = [f"{word} {limit:g}" for word, limit in limits if limit is not None]
    return ", " + " and ".join(phrases) if phrases else ""


def _number_in(value: Any) -> float | None:
    """The number that a float or a quoted number stands for."""
    if isinstance(value, bool) or not isinstance(value, str | float):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if abs(number) < 1e15 else None
