"""Which columns of a trace hold the time and the number of requests: by their names, then by their values.

- The time is the column that was asked for; else one of dates, best one with a usual name; else a numeric one with a
  usual name; else one whose numbers can only be times since 1970.
- The count is the column that was asked for; else one named for requests (``count``, ``RequestCount``,
  ``invocations``) or for their rate (``rps``); else one with a general name (``value``, ``y``), where rows come at even
  intervals. Without one, each row is a request. Where rows come at even intervals beside unknown whole numbers, either
  reading could be right: an error asks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from cortex_cdk.simulation.trace_rows import Row, Table, TraceError
from cortex_cdk.simulation.trace_values import (
    ALLOWED_TIMES,
    number_parser,
    parse_datetime,
    seconds_since_1970,
    unit_of,
)

NO_COUNT = "none"  # asks for one request a row

_TIME_NAMES = [
    "timestamp",
    "time",
    "datetime",
    "date_time",
    "request_time",
    "arrival_time",
    "arrival",
    "arrivals",
    "start_time",
    "started_at",
    "created_at",
    "invocation_time",
    "event_time",
    "log_time",
    "start",
    "ts",
    "ds",
    "date",
    "period",
    "minute",
    "hour",
    "interval",
    "bucket",
    "window",
    "t",
    "seconds",
]
_TIME_UNITS = {"ns", "us", "ms", "s", "sec", "seconds", "min", "minutes", "minute", "utc", "iso", "local", "gmt"}
_COUNT_WORDS = {"count", "counts", "requests", "invocations", "hits", "calls", "queries", "reqs", "arrivals"}
_FILLING = {"request", "invocation", "number", "num", "n", "of", "total", "sum", "http", "per", "api", "the", "all"}
_REQUEST_WORDS = {"request", "requests", "invocation", "invocations", "reqs"}
_RATES = {"rps": 1.0, "qps": 1.0, "rate": 1.0, "tps": 1.0, "rpm": 1 / 60, "qpm": 1 / 60}
_PER = {"second": 1.0, "sec": 1.0, "s": 1.0, "minute": 1 / 60, "min": 1 / 60, "m": 1 / 60, "hour": 1 / 3600}
_GENERAL = {"value", "values", "y", "n", "x", "sum", "total", "num", "volume", "traffic", "load", "amount"}
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\x00-\x7f]+")


@dataclass(frozen=True)
class Columns:
    """How rows are to be read.

    ``time`` and ``count`` are cell numbers; no ``count``: each row is a request. ``per_second``: None, or what a rate
    has to be multiplied with to be one per second. ``unit`` is that of numeric times, in seconds; 0 for dates.
    """

    header: list[str]
    time: int
    count: int | None
    per_second: float | None
    unit: float
    since_1970: bool
    has_header: bool


def choose_columns(
    table: Table, sample: Sequence[Row], name: str, time_column: str | None, count_column: str | None
) -> Columns:
    """Choose from the header and the first rows.

    Raises:
        TraceError: when a column is missing, or several could be meant; it says what was found and how to choose.
    """
    has_header = not any(_is_value(cell, table.separator) for cell in table.first.cells)
    header = table.first.cells if has_header else [f"column {i}" for i in range(1, len(table.first.cells) + 1)]
    rows = list(sample) if has_header else [table.first, *sample]
    if not rows:
        raise TraceError(f"{name}: there is a header ({_listed(header)}) but no row below it")
    finder = _Finder(name, header, rows, number_parser(table.separator))
    time = finder.named(time_column, "time") if time_column is not None else finder.time()
    unit, since_1970 = finder.time_unit(time)
    if count_column is None:
        count = finder.count(time, unit)
    else:
        count = None if count_column == NO_COUNT else finder.named(count_column, "count")
    if count == time:
        raise TraceError(f"{name}: {header[time]!r} cannot be both the time and the count column")
    per_second = None if count is None else _rate(_words(header[count]))
    return Columns(header, time, count, per_second, unit, since_1970, has_header)


@dataclass(frozen=True)
class _Finder:
    name: str
    header: list[str]
    rows: Sequence[Row]
    number: Callable[[str], float]

    def named(self, wanted: str, what: str) -> int:
        exact = [i for i, column in enumerate(self.header) if column == wanted]
        found = exact or [i for i, column in enumerate(self.header) if column.lower() == wanted.lower()]
        if len(found) != 1:
            problem = "there is no" if not found else "there is more than one"
            raise TraceError(f"{self.name}: {problem} {what} column {wanted!r}; the columns are {_listed(self.header)}")
        return found[0]

    def time(self) -> int:
        columns = range(len(self.header))
        dates = [i for i in columns if self._all(i, parse_datetime) and not self._all(i, self.number)]
        named = self._by_name(dates)
        if named or len(dates) == 1:
            return named[0] if named else dates[0]
        if dates:
            raise TraceError(
                f"{self.name}: the columns {_listed([self.header[i] for i in dates])} all hold times; "
                f"choose one as the time column"
            )
        numbers = [i for i in columns if self._all(i, self.number)]
        if named := self._by_name(numbers):
            return named[0]
        since_1970 = [i for i in numbers if self._since_1970(i)]
        if len(since_1970) == 1:
            return since_1970[0]
        if len(self.header) == 1 and numbers:
            return 0
        first = self.rows[0]
        raise TraceError(
            f"{self.name}: no column of times was found: the columns are {_listed(self.header)} and line {first.line} "
            f"is {_listed(first.cells)}; choose the time column; allowed are {ALLOWED_TIMES}"
        )

    def time_unit(self, column: int) -> tuple[float, bool]:
        if not self._all(column, self.number):
            return 0.0, True
        latest = max(abs(number) for number in self._numbers(column))
        try:
            return unit_of(_words(self.header[column]), latest)
        except ValueError as error:
            raise TraceError(f"{self.name}: column {self.header[column]!r}: {error}") from None

    def count(self, time: int, unit: float) -> int | None:
        others = [i for i in range(len(self.header)) if i != time and self._all(i, self.number) and not self._index(i)]
        named = [i for i in others if _names_requests(_words(self.header[i]))]
        if len(named) > 1:
            named = [i for i in named if _REQUEST_WORDS.intersection(_words(self.header[i]))] or named
        if len(named) > 1:
            raise TraceError(
                f"{self.name}: the columns {_listed([self.header[i] for i in named])} could all be the number of "
                f"requests; choose one as the count column"
            )
        if named or not self._even(time, unit):
            return named[0] if named else None
        general = [i for i in others if "_".join(_words(self.header[i])) in _GENERAL]
        if len(general) == 1:
            return general[0]
        unknown = [i for i in others if all(number == int(number) for number in self._numbers(i))]
        if unknown:
            raise TraceError(
                f"{self.name}: rows come at even intervals beside whole numbers "
                f"({_listed([self.header[i] for i in unknown])}): these may be counts of requests, or each row may be "
                f"a request; choose the count column, or {NO_COUNT!r} for one request a row"
            )
        return None

    def _by_name(self, columns: Sequence[int]) -> list[int]:
        """Those with a usual name for a time, the most usual first."""
        ranked = []
        for i in columns:
            words = _words(self.header[i])
            full = "_".join(words)
            if full in _TIME_NAMES:
                ranked.append((_TIME_NAMES.index(full), i))
            elif words and not words[0].isdigit() and words[0] in _TIME_NAMES and (words[-1] in _TIME_UNITS):
                ranked.append((_TIME_NAMES.index(words[0]), i))
        return [i for _, i in sorted(ranked)]

    def _all(self, column: int, parse: Callable[[str], object]) -> bool:
        """Whether the first rows are of a kind; one in ten may be malformed, for the reader to complain of."""
        failures = 0
        for row in self.rows:
            try:
                parse(row.cells[column])
            except ValueError:
                failures += 1
        return failures <= len(self.rows) // 10

    def _numbers(self, column: int) -> list[float]:
        numbers = []
        for row in self.rows:
            try:
                numbers.append(self.number(row.cells[column]))
            except ValueError:
                continue  # the reader complains of it
        return numbers

    def _since_1970(self, column: int) -> bool:
        numbers = self._numbers(column)
        try:
            return min(numbers) > 0 and unit_of(_words(self.header[column]), max(numbers))[1]
        except ValueError:
            return False

    def _index(self, column: int) -> bool:
        """Whether the column only numbers the rows, as data frames are often saved."""
        numbers = self._numbers(column)
        unnamed = self.header[column].lower() in ("", "index", "id", "row") or self.header[column].startswith("Unnamed")
        return unnamed and numbers == [numbers[0] + i for i in range(len(numbers))]

    def _even(self, time: int, unit: float) -> bool:
        """Whether times rise by one interval of a second or more, mostly without gaps."""
        times = self._numbers(time) if unit else []
        if not unit:
            for row in self.rows:
                try:
                    times.append(seconds_since_1970(parse_datetime(row.cells[time])))
                except ValueError:
                    continue
        steps = [(later - earlier) * (unit or 1.0) for earlier, later in pairwise(times)]
        if len(steps) < 2 or min(steps) < 0.999:
            return False
        least = min(steps)
        whole = all(abs(step / least - round(step / least)) < 1e-3 for step in steps)
        return whole and sorted(steps)[len(steps) // 2] < 1.5 * least


def _words(name: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(name)]


def _names_requests(words: list[str]) -> bool:
    if _rate(words) is not None:
        return True
    rest = set(words)
    return bool(rest & _COUNT_WORDS) and rest <= _COUNT_WORDS | _FILLING | set(_PER)


def _rate(words: list[str]) -> float | None:
    """The factor to one per second for the name of a rate, None for that of a count."""
    if len(words) == 1 or (words and words[0] in _FILLING | _COUNT_WORDS):
        for word in words:
            if word in _RATES:
                return _RATES[word]
    if "per" in words[1:-1] and words[0] in _FILLING | _COUNT_WORDS and words[words.index("per") + 1] in _PER:
        return _PER[words[words.index("per") + 1]]
    return None


def _is_value(cell: str, separator: str) -> bool:
    for parse in (number_parser(separator), parse_datetime):
        try:
            parse(cell)
        except ValueError:
            continue
        return True
    return False


def _listed(names: Sequence[str], most: int = 12) -> str:
    shown = ", ".join(repr(name) for name in names[:most])
    return shown + (f" and {len(names) - most} more" if len(names) > most else "")
