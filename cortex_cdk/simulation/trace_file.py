"""Traces from CSV files: one row a request, or counts per interval.

What is read: any CSV with a header (comma, semicolon, tab or bar), plain or compressed with gzip, bzip2 or xz, or
standard input; extra columns are ignored. ``trace_columns`` says how the columns are found, ``recorded`` what the
counts become. Rows need not be sorted. An interval that has no row had no request; several rows of one interval (one
per endpoint, say) are added up. The trace begins with its first row, or with ``start``.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from itertools import chain, islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cortex_cdk.simulation.recorded import ArrivalsTrace, CountsTrace, RecordedTrace
from cortex_cdk.simulation.seconds import ALLOWED, format_seconds, parse_seconds
from cortex_cdk.simulation.trace_columns import NO_COUNT, Columns, choose_columns
from cortex_cdk.simulation.trace_rows import STDIN, Row, TraceError, open_table
from cortex_cdk.simulation.trace_values import (
    ALLOWED_TIMES,
    fixed_zone,
    moment_of,
    number_parser,
    parse_datetime,
    seconds_since_1970,
)

_SAMPLE = 1000  # rows that decide what the columns are
_MAX_INTERVALS = 20_000_000  # 160 MB; 38 years of minutes


def read_trace(
    path: str | Path,
    *,
    time_column: str | None = None,
    count_column: str | None = None,
    interval_s: float | None = None,
    start: str | float | datetime | None = None,
    end: str | float | datetime | None = None,
    scale: float = 1.0,
) -> RecordedTrace:
    """Read a trace. Its ``notes`` say how the file was understood, for the user to check.

    Memory: 8 bytes a request, or 24 a row of counts while they are read.

    Args:
        path: the file; ``-`` is standard input.
        time_column, count_column: names from the header, where they are not found by themselves. The count column
            ``none`` makes each row a request.
        interval_s: how many seconds the count of a row covers; found from the times by default.
        start, end: keep [start, end): a date and time (in the file's zone if it has none itself), or an offset from
            the first row: seconds or a duration such as ``2d12h``.
        scale: how often each request happens, 0.5 for half of them.

    Raises:
        TraceError: a ValueError that says where, what was found, and what is allowed.
    """
    name = "standard input" if str(path) == STDIN else str(path)
    if not 0 < scale < float("inf"):
        raise TraceError(f"{name}: the scale must be a number above 0, not {scale:g}")
    if interval_s is not None and not 0 < interval_s < float("inf"):
        raise TraceError(f"{name}: the interval must be more than 0 seconds, not {interval_s:g}")
    with open_table(path) as table:
        sample = list(islice(table.rows, _SAMPLE))
        columns = choose_columns(table, sample, name, time_column, count_column)
        rows = chain([] if columns.has_header else [table.first], sample, table.rows)
        times, counts, zone = _read_columns(rows, columns, number_parser(table.separator), name)
    notes = [f"{len(times):,} rows, time from {columns.header[columns.time]!r}"]
    order = None
    if len(times) > 1 and bool(np.any(np.diff(times) < 0)):
        notes.append("rows were not sorted by time")
        order = np.argsort(times, kind="stable")
        times = times[order]
    starts_at = moment_of(float(times[0]), zone) if columns.since_1970 else None
    times = np.round(times - times[0], 6)  # to microseconds: seconds since 1970 carry no more
    title = "standard input" if str(path) == STDIN else Path(path).name
    trace: RecordedTrace
    if columns.count is None:
        if interval_s is not None:
            raise TraceError(f"{name}: each row is a request, an interval means nothing here; choose the count column")
        notes.append("each row is a request")
        duration = float(np.floor(times[-1])) + 1.0  # whole seconds, so that the last request lies inside
        trace = ArrivalsTrace(name=title, arrivals=times, duration_s=duration, starts_at=starts_at)
    else:
        counts = counts if order is None else counts[order]
        interval = interval_s or _interval(times, name)
        factor = 1.0 if columns.per_second is None else columns.per_second * interval
        what = "number" if columns.per_second is None else "rate"
        notes.append(f"{what} of requests from {columns.header[columns.count]!r} per {format_seconds(interval)}")
        binned, missing = _binned(times, counts * factor, interval, name)
        if missing:
            notes.append(f"{missing:,} intervals without a row had no request")
        trace = CountsTrace(name=title, counts=binned, interval_s=interval, starts_at=starts_at)
    first = _offset(start, 0.0, trace, zone, name, "start")
    last = _offset(end, trace.duration_s, trace, zone, name, "end")
    return replace(_scaled(_sliced(trace, first, last, name), scale), notes=tuple(notes))


def _read_columns(
    rows: Iterable[Row], columns: Columns, number: Callable[[str], float], name: str
) -> tuple[NDArray[np.float64], NDArray[np.float64], timezone | None]:
    """Times in seconds (since 1970 for dates), counts, and the zone of the first date."""
    times, counts = array("d"), array("d")
    zone: timezone | None = None
    for row in rows:
        text = row.cells[columns.time]
        try:
            if columns.unit:
                times.append(number(text) * columns.unit)
            else:
                moment = parse_datetime(text)
                if not times:
                    zone = fixed_zone(moment)
                times.append(seconds_since_1970(moment))
        except ValueError:
            allowed = "a number, as in other rows" if columns.unit else ALLOWED_TIMES
            raise TraceError(_bad_cell(name, row, columns, columns.time, f"is no time; allowed: {allowed}")) from None
        if columns.count is not None:
            try:
                count = number(row.cells[columns.count])
            except ValueError:
                count = -1.0
            if count < 0:
                raise TraceError(_bad_cell(name, row, columns, columns.count, "is no number of requests, 0 or more"))
            counts.append(count)
    return np.frombuffer(times, np.float64), np.frombuffer(counts, np.float64), zone


def _bad_cell(name: str, row: Row, columns: Columns, column: int, problem: str) -> str:
    return f"{name}: line {row.line}: column {columns.header[column]!r}: {row.cells[column]!r} {problem}"


def _interval(times: NDArray[np.float64], name: str) -> float:
    """The shortest distance between rows, of which all others must be multiples."""
    steps = np.diff(times)
    steps = steps[steps > 0]
    if not len(steps):
        raise TraceError(f"{name}: all rows have the same time, so the interval is not known; give it in seconds")
    interval = float(steps.min())
    off = np.abs(times / interval - np.round(times / interval)) * interval
    median = float(np.median(steps))
    # Most steps alike and a few shorter: the rows are of that longer interval, and some came early.
    early = median > 1.5 * interval and float(np.mean(np.abs(steps - median) <= 0.05 * median)) > 0.5
    if early or float(off.max()) > min(0.01 * interval, 0.5):
        raise TraceError(
            f"{name}: rows with counts do not come at even intervals: they are {format_seconds(interval)} to "
            f"{format_seconds(float(steps.max()))} apart, mostly {format_seconds(median)}; give the interval "
            f"that a count covers, or the count column {NO_COUNT!r} if each row is a request"
        )
    return float(round(interval)) if abs(interval - round(interval)) < 1e-3 and interval > 0.5 else interval


def _binned(
    times: NDArray[np.float64], counts: NDArray[np.float64], interval: float, name: str
) -> tuple[NDArray[np.float64], int]:
    """Requests of each interval, and how many intervals had no row."""
    places = np.floor(times / interval + 0.01).astype(np.int64)
    length = int(places[-1]) + 1
    if length > _MAX_INTERVALS:
        raise TraceError(
            f"{name}: {format_seconds(float(times[-1]))} in intervals of {format_seconds(interval)} are {length:,} "
            f"intervals, at most {_MAX_INTERVALS:,} are possible; is one of the times wrong?"
        )
    binned = np.bincount(places, weights=counts, minlength=length).astype(np.float64)
    return binned, length - len(np.unique(places))


def _offset(
    wanted: str | float | datetime | None,
    default: float,
    trace: RecordedTrace,
    zone: timezone | None,
    name: str,
    what: str,
) -> float:
    """A moment as seconds from the trace's start."""
    if wanted is None:
        return default
    if isinstance(wanted, str):
        text = wanted
        try:
            wanted = parse_seconds(text)
        except ValueError:
            try:
                wanted = parse_datetime(text)
            except ValueError:
                raise TraceError(f"{name}: the {what} {text!r} is neither a date and time nor {ALLOWED}") from None
    if isinstance(wanted, datetime):
        if trace.starts_at is None:
            raise TraceError(f"{name}: the file has no dates, so the {what} must be an offset: {ALLOWED}")
        if wanted.tzinfo is None and zone is not None:
            wanted = wanted.replace(tzinfo=zone)
        return round(seconds_since_1970(wanted) - seconds_since_1970(trace.starts_at), 6)
    return float(wanted)


def _sliced(trace: RecordedTrace, first: float, last: float, name: str) -> RecordedTrace:
    """The part in [first, last); intervals of counts stay whole, those that begin in it."""
    first, last = max(first, 0.0), min(last, trace.duration_s)
    if isinstance(trace, CountsTrace):
        low = int(np.ceil(first / trace.interval_s - 1e-9))
        high = int(np.ceil(last / trace.interval_s - 1e-9))
        cut: RecordedTrace = replace(trace, counts=trace.counts[low : max(high, low)])
        first, empty = low * trace.interval_s, high <= low
    else:
        inside = slice(*np.searchsorted(trace.arrivals, [first, last], side="left"))
        cut = replace(trace, arrivals=trace.arrivals[inside] - first, duration_s=last - first)
        empty = last <= first
    if empty:
        since = f", from {trace.starts_at:%Y-%m-%d %H:%M:%S}" if trace.starts_at else ""
        length = format_seconds(trace.duration_s)
        raise TraceError(f"{name}: nothing is left between start and end; the trace is {length} long{since}")
    return cut if trace.starts_at is None else replace(cut, starts_at=trace.starts_at + timedelta(seconds=first))


def _scaled(trace: RecordedTrace, scale: float) -> RecordedTrace:
    if isinstance(trace, CountsTrace):
        return trace if scale == 1 else replace(trace, counts=trace.counts * scale)
    return replace(trace, scale=scale)


__all__ = ["NO_COUNT", "RecordedTrace", "TraceError", "read_trace"]
