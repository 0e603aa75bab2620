"""What the rivals' settings share: range checks, and changes by text."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, TypeVar

S = TypeVar("S")


def check(
    settings: object,
    name: str,
    *,
    above: float | None = None,
    at_least: float | None = None,
    at_most: float | None = None,
) -> None:
    """Check one attribute's range.

    Raises:
        ValueError: names the attribute, what it is and what is allowed.
    """
    value = getattr(settings, name)
    allowed = [
        f"{word} {limit:g}"
        for word, limit in (("above", above), ("at least", at_least), ("at most", at_most))
        if limit is not None
    ]
    if math.isinf(value):
        allowed.append("finite")
    fits = (
        math.isfinite(value)
        and (above is None or value > above)
        and (at_least is None or value >= at_least)
        and (at_most is None or value <= at_most)
    )
    if not fits:
        raise ValueError(f"{name} is {value!r}, must be {' and '.join(allowed)}")


@dataclass(frozen=True)
class Changes:
    """Changes to settings as text, as in ``stable_window_s=30,panic_threshold=3``.

    Attributes:
        text: ``name=value`` pairs, separated by commas; ``none`` for a value that may be absent. Empty: no change.
        where: what the changes are of, for error messages.
    """

    text: str
    where: str

    def applied_to(self, settings: S) -> S:
        """A copy of ``settings``, a frozen dataclass of numbers, with the changes.

        Raises:
            ValueError: says where, what was found and what is allowed.
        """
        fields = {field.name: field for field in dataclasses.fields(settings)}  # type: ignore[arg-type]
        values: dict[str, Any] = {}
        for change in self.text.split(",") if self.text else ():
            name, equals, value = (part.strip() for part in change.partition("="))
            if not equals:
                raise ValueError(f"{self.where}: {change.strip()!r} is not of the form name=value")
            if name not in fields:
                raise ValueError(f"{self.where}: there is no setting {name!r}; there are {', '.join(fields)}")
            if name in values:
                raise ValueError(f"{self.where}: {name} is given twice")
            values[name] = _number(value, str(fields[name].type), f"{self.where}: {name}")
        try:
            return dataclasses.replace(settings, **values)  # type: ignore[type-var]
        except ValueError as error:
            raise ValueError(f"{self.where}: {error}") from None


def _number(text: str, kind: str, where: str) -> float | int | None:
    if text.lower() == "none" and "None" in kind:
        return None
    is_whole = kind.startswith("int")
    try:
        return int(text) if is_whole else float(text)
    except ValueError:
        allowed = "a whole number" if is_whole else "a number"
        raise ValueError(f"{where} is {text!r}, must be {allowed}{' or none' if 'None' in kind else ''}") from None
