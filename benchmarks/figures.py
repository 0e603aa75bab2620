"""Figures of several rounds: their median and how far they spread, and percentiles of many values."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence


def percentile(values: Sequence[float], q: float) -> float:
    """The smallest of ``values`` that at least the share ``q`` of them does not exceed (nearest rank).

    Raises:
        ValueError: when there are no values, or ``q`` is not in (0, 1].
    """
    if not values or not 0 < q <= 1:
        raise ValueError(f"no percentile {q} of {len(values)} values")
    rank = math.ceil(round(q * len(values), 9))  # 0.07 * 100 is 7.000000000000001
    return sorted(values)[max(rank, 1) - 1]


def paired_ratio(ones: Sequence[float], others: Sequence[float]) -> float:
    """The median of ``ones / others``, round by round: what slows a whole round down cancels out."""
    return statistics.median(one / other for one, other in zip(ones, others, strict=True))


def paired_difference(ones: Sequence[float], others: Sequence[float]) -> float:
    """The median of ``ones - others``, round by round."""
    return statistics.median(one - other for one, other in zip(ones, others, strict=True))


def short(value: float) -> str:
    """A figure with three significant digits, or all of those before the point: ``12,345``, ``78.9``, ``0.0456``."""
    if value == 0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    rounded = round(value, digits)
    if rounded != 0 and digits:  # 9.996 is 10.0, not 10.00
        digits = max(0, 2 - math.floor(math.log10(abs(rounded))))
    return f"{rounded:,.{digits}f}"


def spread(values: Sequence[float], unit: str = "") -> str:
    """The median, and in brackets the least and the greatest: ``78.9 (77.1-80.4) ms``."""
    text = short(statistics.median(values))
    if len(values) > 1:
        text += f" ({short(min(values))}-{short(max(values))})"
    return f"{text} {unit}".rstrip()
