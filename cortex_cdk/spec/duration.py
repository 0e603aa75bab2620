"""Durations as Go writes them, the notation of ``cortex.yaml``: ``60s``, ``5m``, ``1m30s``, ``1.5h``.

Source: https://pkg.go.dev/time#ParseDuration
"""

from __future__ import annotations

import re
from datetime import timedelta

UNITS_NS = {
    "ns": 1,
    "us": 1_000,
    "\u00b5s": 1_000,  # the micro sign
    "\u03bcs": 1_000,  # the Greek letter, which looks the same
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
MAX_NS = 2**63 - 1  # about 292 years: Go counts nanoseconds in an int64
_MAX_LENGTH = 100
_TERM = r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:ns|us|\u00b5s|\u03bcs|ms|s|m|h)"
PATTERN = rf"^[-+]?(?:0|(?:{_TERM})+)$"
_WHOLE = re.compile(rf"(?P<sign>[-+]?)(?:0|(?:{_TERM})+)")
_PART = re.compile(r"(?P<whole>[0-9]*)\.?(?P<fraction>[0-9]*)(?P<unit>[a-z\u00b5\u03bc]+)")


def parse_ns(text: str) -> int:
    """The duration in nanoseconds; what is smaller than one is dropped, as Go does.

    Raises:
        ValueError: when ``text`` is not a duration, or one longer than about 292 years.
    """
    found = _WHOLE.fullmatch(text) if len(text) <= _MAX_LENGTH else None
    if found is None:
        raise ValueError("not a duration")
    total = 0
    for part in _PART.finditer(text):
        unit = UNITS_NS[part["unit"]]
        total += int(part["whole"] or "0") * unit
        if part["fraction"]:
            total += int(part["fraction"]) * unit // 10 ** len(part["fraction"])
    if total > MAX_NS:
        raise ValueError(f"too long, at most {format_ns(MAX_NS)}")
    return -total if found["sign"] == "-" else total


def parse(text: str) -> timedelta:
    """The duration, in whole microseconds; what is smaller than one is dropped. Raises as ``parse_ns`` does."""
    ns = parse_ns(text)
    return timedelta(microseconds=ns // 1000 if ns >= 0 else -(-ns // 1000))


def format_ns(ns: int) -> str:
    """The shortest exact way to write a duration of ``ns`` nanoseconds: ``1m30s``, ``1.5s``, ``300ms``, ``0s``."""
    sign, rest = ("-", -ns) if ns < 0 else ("", ns)
    if rest == 0:
        return "0s"
    for unit, smaller in (("ms", "s"), ("us", "ms"), ("ns", "us")):
        if rest < UNITS_NS[smaller] and rest % UNITS_NS[unit] == 0:
            return f"{sign}{rest // UNITS_NS[unit]}{unit}"
    hours, rest = divmod(rest, UNITS_NS["h"])
    minutes, rest = divmod(rest, UNITS_NS["m"])
    seconds, fraction = divmod(rest, UNITS_NS["s"])
    text = f"{hours}h" if hours else ""
    text += f"{minutes}m" if minutes else ""
    if fraction:
        text += f"{seconds}.{fraction:09d}".rstrip("0") + "s"
    elif seconds:
        text += f"{seconds}s"
    return sign + text
