"""Lengths of time as people write them on a command line: ``90``, ``90s``, ``1m30s``, ``2d``, ``1d12h``."""

from __future__ import annotations

import re

from cortex_cdk.spec.duration import parse_ns

ALLOWED = "a duration such as 90s, 1m30s, 2h or 1d12h, or plain seconds"

_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]*)?|\.[0-9]+")
_DAYS = re.compile(r"([0-9]+(?:\.[0-9]+)?)d")


def parse_seconds(text: str) -> float:
    """The seconds that ``text`` stands for, 0 or more. Days (``d``) are allowed beside Go's units.

    Raises:
        ValueError: when it is no duration; the message says what is allowed.
    """
    rest = text.strip()
    if _NUMBER.fullmatch(rest):
        return float(rest)
    days = _DAYS.match(rest)
    seconds = float(days[1]) * 86_400 if days else 0.0
    rest = rest[days.end() :] if days else rest
    if rest or not days:
        try:
            ns = parse_ns(rest)
        except ValueError:
            raise ValueError(f"{text!r} is not {ALLOWED}") from None
        if ns < 0 or (days and rest.startswith(("+", "-"))):
            raise ValueError(f"{text!r} is not {ALLOWED}")
        seconds += ns / 1e9
    return seconds


def format_seconds(seconds: float) -> str:
    """A length of time for titles, rounded: ``250 ms``, ``90 s``, ``12 min``, ``36 h``, ``88 days``."""
    if seconds == 0:
        return "0 s"
    for unit, size, until in (("ms", 1e-3, 1.0), ("s", 1.0, 600.0), ("min", 60.0, 7200.0), ("h", 3600.0, 172_800.0)):
        if seconds < until:
            return f"{_short(seconds / size)} {unit}"
    return f"{_short(seconds / 86_400)} days"


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"
