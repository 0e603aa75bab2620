"""What ``cortex-cdk top`` shows of an API, wherever it comes from."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

HISTORY_S = 600
_BARS = "▁▂▃▄▅▆▇█"


class Health(StrEnum):
    """How much attention a status deserves."""

    GOOD = "good"
    CHANGING = "changing"
    BAD = "bad"


@dataclass(frozen=True, kw_only=True)
class Row:
    """An API.

    Attributes:
        name: its name.
        status: in one word, with ``health`` for its colour.
        ready: replicas that take requests.
        requested: replicas that are asked for.
        wanted: replicas that the scaler decided on last; None when it did not.
        in_flight: requests in flight of all replicas; None when not known.
        history: those of the last ten minutes in equal steps, oldest first; None where not known.
        rates: answers per second by the first digit of their code: ``2xx``, ``4xx``, ``5xx``.
        p50_ms, p99_ms: latency in milliseconds; None without answers.
        words: the last decision, and what else is to be known, in lines.
    """

    name: str
    status: str
    health: Health
    ready: int
    requested: int
    wanted: int | None = None
    in_flight: float | None = None
    history: Sequence[float | None] = ()
    rates: Mapping[str, float] = field(default_factory=dict)
    p50_ms: float | None = None
    p99_ms: float | None = None
    words: Sequence[str] = ()


class Source(Protocol):
    """Where rows come from."""

    @property
    def title(self) -> str:
        """Of the screen."""

    @property
    def window(self) -> str:
        """Over how long rates and latency are counted, in words."""

    def read(self) -> list[Row]:
        """The rows as of now, by name.

        Raises:
            OperationError: when they cannot be read.
        """

    def close(self) -> None:
        """Let go of what it holds."""


class Order(StrEnum):
    """By what rows are sorted, in the order of the key that changes it."""

    NAME = "api"
    IN_FLIGHT = "in flight"
    ERRORS = "5xx/s"
    LATENCY = "p99"

    @property
    def next(self) -> Order:
        """The one after it."""
        orders = list(Order)
        return orders[(orders.index(self) + 1) % len(orders)]


def ordered(rows: Sequence[Row], order: Order) -> list[Row]:
    """The rows with the highest first, or by name."""
    return sorted(rows, key=lambda row: (-_weight(row, order), row.name))


def _weight(row: Row, order: Order) -> float:
    match order:
        case Order.NAME:
            return 0.0
        case Order.IN_FLIGHT:
            return row.in_flight or 0.0
        case Order.ERRORS:
            return row.rates.get("5xx", 0.0)
        case Order.LATENCY:
            return row.p99_ms or 0.0


def sparkline(values: Sequence[float | None], width: int) -> str:
    """Values as ``width`` bars, the highest of those that share one; blank where nothing is known.

    The highest bar of the line is the highest of the values; all-zero values are a line at the bottom.
    """
    if width < 1 or not values:
        return " " * max(width, 0)
    shares: list[list[float]] = [[] for _ in range(width)]
    for place, value in enumerate(values):
        if value is not None:
            shares[place * width // len(values)].append(value)
    if len(values) < width:  # each value is as wide as several bars
        shares = [[v] if (v := values[place * len(values) // width]) is not None else [] for place in range(width)]
    highest = max((value for share in shares for value in share), default=0.0)
    return "".join(_bar(max(share), highest) if share else " " for share in shares)


def _bar(value: float, highest: float) -> str:
    if highest <= 0:
        return _BARS[0]
    return _BARS[min(len(_BARS) - 1, math.ceil(value / highest * (len(_BARS) - 1)))]
