"""The kinds of values in ``cortex.yaml`` that have a notation of their own: paths, durations, amounts, replicas."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cortex_cdk.autoscaling import count_or_percent
from cortex_cdk.autoscaling.count_or_percent import CountOrPercent
from cortex_cdk.spec import duration, quantity
from cortex_cdk.spec.kind import Invalid, Single, quote_hint
from cortex_cdk.spec.quantity import Quantity


@dataclass(frozen=True)
class Endpoint(Single):
    """A path of the URL. Answers with one slash in front and none at the end."""

    reserved: Sequence[str]
    type_name = "string"

    @property
    def allowed(self) -> str:
        return "a path of letters, digits, `_`, `-`, `.` and `/`, such as /my-api, without `//`, and not / alone"

    def check(self, value: Any) -> str:
        if not isinstance(value, str):
            raise Invalid(hint=quote_hint(value))
        if not re.fullmatch(r"[A-Za-z0-9_\-./]+", value) or "//" in value or value == "/":
            raise Invalid
        endpoint = "/" + value.strip("/")
        if {".", ".."} & set(endpoint.split("/")):
            raise Invalid("HTTP clients resolve `.` and `..` in a path, such an endpoint is never reached")
        if reason := self.taken(endpoint):
            raise Invalid(reason)
        return endpoint

    def taken(self, endpoint: str) -> str | None:
        """Why a normalised endpoint cannot be had, or None."""
        if endpoint in self.reserved:
            return f"{endpoint} is reserved: {', '.join(self.reserved)} are not for APIs"
        return None

    def json_schema(self) -> dict[str, Any]:
        reserved = "|".join(re.escape(path.strip("/")) for path in self.reserved)
        return {
            "type": "string",
            "pattern": r"^/?[A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)*/?$",
            "not": {"pattern": rf"^/?(?:{reserved})/?$|(?:^|/)\.\.?(?:/|$)"},
        }


@dataclass(frozen=True)
class Duration(Single):
    """A duration, see ``cortex_cdk.spec.duration``; the bounds are written as durations, too."""

    at_least: str
    multiple_of: str | None = None
    at_most: str | None = None
    type_name = "duration"

    @property
    def allowed(self) -> str:
        phrase = f"a duration such as 60s, 5m, 1m30s or 1.5h, at least {self.at_least}"
        phrase += f", at most {self.at_most}" if self.at_most else ""
        return phrase + (f" and a multiple of {self.multiple_of}" if self.multiple_of else "")

    def check(self, value: Any) -> Any:
        if isinstance(value, int | float) and not isinstance(value, bool):
            raise Invalid("a duration needs a unit", f"write {value:g}s for seconds")
        if not isinstance(value, str):
            raise Invalid
        try:
            ns = duration.parse_ns(value)
        except ValueError as error:
            if str(error).startswith("too long"):
                raise Invalid(f"{value} is {error}") from None
            raise Invalid(hint=_duration_hint(value)) from None
        if ns < duration.parse_ns(self.at_least) or (self.multiple_of and ns % duration.parse_ns(self.multiple_of)):
            raise Invalid
        if self.at_most and ns > duration.parse_ns(self.at_most):
            raise Invalid
        return duration.parse(value)

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": duration.PATTERN.replace("[-+]?", r"\+?" if self._positive else "[-+]?")}

    @property
    def _positive(self) -> bool:
        return duration.parse_ns(self.at_least) > 0


@dataclass(frozen=True)
class Amount(Single):
    """CPU or memory, see ``cortex_cdk.spec.quantity``. ``numbers``: plain numbers will do as well as strings."""

    at_least: str
    such_as: str
    numbers: bool = False

    @property
    def type_name(self) -> str:  # type: ignore[override]
        return "string, int or float" if self.numbers else "string"

    @property
    def allowed(self) -> str:
        kind = "a number or a Kubernetes quantity" if self.numbers else "a Kubernetes quantity"
        return f"{kind} such as {self.such_as}, at least {self.at_least}"

    def check(self, value: Any) -> Quantity:
        if isinstance(value, int | float) and not isinstance(value, bool):
            if not self.numbers:
                raise Invalid(hint=f"write it with a unit, such as {self.such_as}, or in quotes")
            value = repr(value)
        if not isinstance(value, str):
            raise Invalid
        try:
            amount = Quantity.parse(value)
        except ValueError as error:
            raise Invalid(f"{value} is too large" if str(error) == "too large" else None, self._hint(value)) from None
        if amount < Quantity.parse(self.at_least):
            raise Invalid(hint=self._hint(value))
        return amount

    def _hint(self, value: str) -> str | None:
        found = re.fullmatch(r"\s*([0-9.]+)\s*([kmgt])(i?)b?\s*", value, re.IGNORECASE)
        if found is None or self.numbers:
            return None
        return f"did you mean {found[1]}{found[2].upper()}{found[3].lower()}?"

    def json_schema(self) -> dict[str, Any]:
        text = {"type": "string", "pattern": quantity.PATTERN.replace("[-+]?", r"\+?", 1)}
        if not self.numbers:
            return text
        return {"anyOf": [text, {"type": "number", "minimum": float(Quantity.parse(self.at_least).value)}]}


@dataclass(frozen=True)
class Replicas(Single):
    """A number of replicas or a percentage of the desired ones."""

    type_name = "string or int"

    @property
    def allowed(self) -> str:
        return "a whole percentage from 0% to 100%, or a count of replicas, at least 0"

    def check(self, value: Any) -> CountOrPercent:
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str):
            raise Invalid
        try:
            return CountOrPercent.parse(value)
        except ValueError:
            tidy = value.replace(" ", "")
            raise Invalid(hint=f"write {tidy}" if tidy != value and self._is_valid(tidy) else None) from None

    def _is_valid(self, text: str) -> bool:
        try:
            CountOrPercent.parse(text)
        except ValueError:
            return False
        return True

    def json_schema(self) -> dict[str, Any]:
        count = {"type": "integer", "minimum": 0, "maximum": count_or_percent.MAX_COUNT}
        return {"anyOf": [{"type": "string", "pattern": count_or_percent.PATTERN}, count]}


def _duration_hint(text: str) -> str | None:
    tidy = text.strip().lower().replace(" ", "")
    tidy = re.sub(r"(?<=[0-9])(seconds?|secs?)\b", "s", tidy)
    tidy = re.sub(r"(?<=[0-9])(minutes?|mins?)\b", "m", tidy)
    tidy = re.sub(r"(?<=[0-9])(hours?|hrs?)\b", "h", tidy)
    if re.fullmatch(r"[0-9]+d(ays?)?", tidy):
        tidy = f"{int(tidy.rstrip('days')) * 24}h"
    elif re.fullmatch(r"[0-9.]+", tidy):
        tidy += "s"
    try:
        duration.parse_ns(tidy)
    except ValueError:
        return None
    return f"write {tidy}"
