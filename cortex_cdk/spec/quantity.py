"""Amounts of CPU and memory as Kubernetes writes them: ``200m`` is 0.2, ``1Ki`` is 1024, ``1k`` (or ``1K``) is 1000.

Source: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from fractions import Fraction

MAX = 2**63 - 1
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "K": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_MAX_LENGTH = 64  # more digits than any amount needs; keeps the arithmetic small
PATTERN = r"^[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[KMGTPE]i|[numkKMGTPE]|[eE][-+]?[0-9]{1,2})?$"
_QUANTITY = re.compile(
    r"(?P<number>[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))"
    r"(?:(?P<suffix>[KMGTPE]i|[numkKMGTPE])|[eE](?P<exponent>[-+]?[0-9]{1,2}))?"
)


@dataclass(frozen=True, order=True)
class Quantity:
    """An exact amount. Compares by value: ``1`` equals ``1000m``.

    Attributes:
        value: cores for CPU, bytes for memory.
        text: as the user wrote it.
    """

    value: Fraction
    text: str = field(compare=False)

    @classmethod
    def parse(cls, text: str) -> Quantity:
        """Read a quantity.

        Raises:
            ValueError: when ``text`` is not one, or it does not fit a 64-bit integer.
        """
        found = _QUANTITY.fullmatch(text) if len(text) <= _MAX_LENGTH else None
        if found is None:
            raise ValueError("not a quantity")
        scale = Fraction(1)
        if (suffix := found["suffix"]) in _BINARY:
            scale = Fraction(2 ** _BINARY[suffix])
        elif suffix is not None:
            scale = Fraction(10) ** _DECIMAL[suffix]
        elif found["exponent"] is not None:
            scale = Fraction(10) ** int(found["exponent"])
        value = Fraction(found["number"]) * scale
        if abs(value) > MAX:
            raise ValueError("too large")
        return cls(value, text)

    @property
    def milli(self) -> int:
        """Thousandths, rounded up as Kubernetes does: ``0.2`` cores are 200."""
        return math.ceil(self.value * 1000)

    @property
    def whole(self) -> int:
        """The amount rounded up to a whole number: bytes, for memory."""
        return math.ceil(self.value)

    def __str__(self) -> str:
        return self.text
