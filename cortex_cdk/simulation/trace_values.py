"""Times and counts as they are written in traces: what a text means, in seconds and in requests."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, timezone

ALLOWED_TIMES = (
    "ISO 8601 (2026-05-31 13:45:09.25, 2026-05-31T13:45:09Z), 31/May/2026:13:45:09 +0000, "
    "or numbers: seconds, or seconds, ms, us or ns since 1970"
)

UNIT_NAMES = {
    "ns": 1e-9, "nanos": 1e-9, "nanoseconds": 1e-9,
    "us": 1e-6, "micros": 1e-6, "microseconds": 1e-6,
    "ms": 1e-3, "msec": 1e-3, "millis": 1e-3, "milliseconds": 1e-3,
    "s": 1.0, "sec": 1.0, "secs": 1.0, "second": 1.0, "seconds": 1.0,
    "min": 60.0, "minute": 60.0, "minutes": 60.0,
    "hour": 3600.0, "hours": 3600.0,
}  # fmt: skip

_EPOCH = datetime(1970, 1, 1)
_EARLIEST = 1e8  # seconds since 1970, in 1973: a smaller number is no date but counts from the start of the trace
_LATEST = 1e10  # in 2286
_LOG = re.compile(r"\[?(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d:\d\d:\d\d)(?: ([-+]\d{4}))?\]?")
_MONTHS = {
    name: i
    for i, name in enumerate(["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"], 1)
}
_SLASHES = re.compile(r"(\d{4})/(\d\d)/(\d\d)(.*)")
_ZONE = re.compile(r" (UTC|GMT|[-+]\d\d:?\d\d)$")
_THOUSANDS = re.compile(r"[-+]?\d{1,3}(?:,\d{3})+(?:\.\d*)?")


def parse_datetime(text: str) -> datetime:
    """A date and time as ISO 8601 or as web servers log it; digits after the sixth of a fraction are dropped.

    Raises:
        ValueError: when ``text`` is neither.
    """
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        if log := _LOG.fullmatch(text):
            month = _MONTHS.get(log[2], 0)
            return datetime.fromisoformat(f"{log[3]}-{month:02d}-{log[1]}T{log[4]}{log[5] or ''}")
        if slashes := _SLASHES.fullmatch(text):
            text = f"{slashes[1]}-{slashes[2]}-{slashes[3]}{slashes[4]}"
        if zone := _ZONE.search(text):
            text = text[: zone.start()] + ("Z" if zone[1] in ("UTC", "GMT") else zone[1])
        return datetime.fromisoformat(text)


def seconds_since_1970(moment: datetime) -> float:
    """A moment as seconds; one without a zone is taken as UTC."""
    return (moment - _EPOCH).total_seconds() if moment.tzinfo is None else moment.timestamp()


def moment_of(seconds: float, zone: timezone | None) -> datetime:
    """The inverse of ``seconds_since_1970``, in ``zone`` or, for None, without one."""
    moment = _EPOCH + timedelta(seconds=seconds)
    return moment if zone is None else moment.replace(tzinfo=UTC).astimezone(zone)


def fixed_zone(moment: datetime) -> timezone | None:
    """The offset of a moment as a time zone."""
    offset = moment.utcoffset()
    return None if offset is None else timezone(offset)


def number_parser(separator: str) -> Callable[[str], float]:
    """A parser of finite numbers for files with this separator.

    ``1,234`` in a comma-separated file (quoted, then) has a thousands separator; elsewhere the comma is a decimal one.
    It raises ValueError for anything else.
    """

    def parse(text: str) -> float:
        if "," in text:
            if separator != ",":
                text = text.replace(",", ".")
            elif _THOUSANDS.fullmatch(text):
                text = text.replace(",", "")
        number = float(text)
        if not math.isfinite(number) or "_" in text:
            raise ValueError(text)
        return number

    return parse


def unit_of(words: Sequence[str], latest: float) -> tuple[float, bool]:
    """The unit of a column of numeric times, in seconds, and whether they count from 1970.

    Args:
        words: the words of the column's name; one of them may name the unit.
        latest: its largest value.
    """
    named = [UNIT_NAMES[word] for word in words if word in UNIT_NAMES]
    if named and latest * named[-1] < _LATEST:
        return named[-1], latest * named[-1] >= _EARLIEST
    for unit in (1.0, 1e-3, 1e-6, 1e-9):
        if latest * unit < _LATEST:
            return unit, latest * unit >= _EARLIEST
    raise ValueError(f"{latest:g} is too large for a time")
