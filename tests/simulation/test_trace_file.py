"""Traces as people have them: which columns are taken, what times and counts mean, and what is refused."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from cortex_cdk.simulation.recorded import ArrivalsTrace, CountsTrace
from cortex_cdk.simulation.trace_file import TraceError, read_trace

Write = Callable[[str | bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(content: str | bytes) -> Path:
        path = tmp_path / "trace.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def arrivals(path: Path, **options: object) -> list[float]:
    trace = read_trace(path, **options)  # type: ignore[arg-type]
    assert isinstance(trace, ArrivalsTrace)
    return trace.arrivals.tolist()


def counts(path: Path, **options: object) -> tuple[list[float], float]:
    trace = read_trace(path, **options)  # type: ignore[arg-type]
    assert isinstance(trace, CountsTrace)
    return trace.counts.tolist(), trace.interval_s


@pytest.mark.parametrize(
    "text",
    [
        "TIMESTAMP,ContextTokens,GeneratedTokens\n"
        "2023-11-16 18:15:46.6805900,374,44\n2023-11-16 18:15:47.1805907,396,109\n2023-11-16 18:15:49.0805900,879,55\n",
        "time\n1700158546.68059\n1700158547.18059\n1700158549.08059\n",
        "t\n100.5\n101\n102.9\n",
        "elapsed_ms,user\n500,a\n1000,b\n2900,c\n".replace("elapsed_ms", "time_ms"),
        "timestamp_ms\n1700158546680\n1700158547180\n1700158549080\n",
        "ts\n1700158546680590\n1700158547180590\n1700158549080590\n",
        "ts\n1700158546680590000\n1700158547180590000\n1700158549080590000\n",
        "1.5\n2\n3.9\n",  # no header
        ",time\n0,1.5\n1,2\n2,3.9\n",
        "status;timestamp\n200;2023-11-16T18:15:46.68Z\n200;2023-11-16T18:15:47.18Z\n500;2023-11-16T18:15:49.08Z\n",
        "status\ttime_s\n200\t1,5\n200\t2,0\n500\t3,9\n",  # a decimal comma
        "time,creation_time\n2024-05-01T00:00:00.5Z,2023-05-01T00:00:00Z\n"
        "2024-05-01T00:00:01.0Z,2023-05-01T00:00:01Z\n2024-05-01T00:00:02.9Z,2023-05-01T00:00:09Z\n",
        '# exported\n\n"when, exactly",x\n2024/05/01 00:00:00.5,1\n2024/05/01 00:00:01,1\n2024/05/01 00:00:02.9,3\n',
    ],
)  # fmt: skip
def test_rows_that_are_requests(write: Write, text: str) -> None:
    assert arrivals(write(text)) == pytest.approx([0.0, 0.5, 2.4], abs=2e-6)


@pytest.mark.parametrize(
    "text",
    [
        "period,count\n1998-04-30 21:30:00,2\n1998-04-30 21:31:00,11\n1998-04-30 21:33:00,7\n",
        "ds,y\n2024-01-01 00:00:00,2\n2024-01-01 00:01:00,11\n2024-01-01 00:02:00,0\n2024-01-01 00:03:00,7\n",
        ",timestamp,requests\n0,2024-01-01 00:00Z,2\n1,2024-01-01 00:01Z,11\n2,2024-01-01 00:03Z,7\n",
        "Timestamp;RequestCount;ErrorCount\n2024-01-01T00:00Z;2;1\n2024-01-01T00:01Z;11;0\n2024-01-01T00:03Z;7;0\n",
        "invocations|minute\n2|1\n11|2\n7|4\n",
        "ts,Requests\n1704067200000,2\n1704067260000,11\n1704067380000,7\n",
        '"time","count"\r\n"2024-01-01 00:00:00","2"\r\n"2024-01-01 00:01:00","11"\r\n"2024-01-01 00:03:00","7"\r\n',
        "time,count\n2024-01-01 00:03:00,7\n2024-01-01 00:00:00,2\n2024-01-01 00:01:00,11\n",  # not sorted
        "time,count\n2024-01-01 00:00,1\n2024-01-01 00:00,1\n2024-01-01 00:01,11\n2024-01-01 00:03,7\n",  # per endpoint
        "time,count\n01/Jan/2024:00:00:00 +0000,2\n01/Jan/2024:00:01:00 +0000,11\n01/Jan/2024:00:03:00 +0000,7\n",
        "time,num_requests\n2024-01-01 00:00:00 UTC,2\n2024-01-01 00:01:00 UTC,11\n2024-01-01 00:03:00 UTC,7\n",
        "time,count\n2024-01-01 00:00,2\n2024-01-01 00:01,11\n2024-01-01 00:03,7\n\n\n",  # blank lines at the end
    ],
)  # fmt: skip
def test_rows_that_are_counts(write: Write, text: str) -> None:
    assert counts(write(text)) == ([2, 11, 0, 7], 60.0)


def test_a_column_that_numbers_the_rows_is_no_count(write: Write) -> None:
    assert arrivals(write(",time\n0,2024-01-01 00:00\n1,2024-01-01 00:01\n2,2024-01-01 00:02\n")) == [0, 60, 120]


def test_rates_become_counts(write: Write) -> None:
    assert counts(write("time,rps\n0,1.5\n60,2\n")) == ([90, 120], 60.0)
    assert counts(write("time,requests_per_minute\n0,1.5\n10,6\n")) == ([0.25, 1], 10.0)


def test_thousands_separators_of_quoted_counts(write: Write) -> None:
    assert counts(write('time,count\n0,"1,234"\n60,"1,234,567"\n')) == ([1234, 1234567], 60.0)


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_compressed_files(write: Write, pack: Callable[[bytes], bytes]) -> None:
    assert counts(write(pack(b"time,count\n0,1\n60,2\n"))) == ([1, 2], 60.0)


def test_byte_order_marks(write: Write) -> None:
    assert counts(write("time,count\n0,1\n60,2\n".encode("utf-8-sig"))) == ([1, 2], 60.0)
    assert counts(write("time,count\n0,1\n60,2\n".encode("utf-16"))) == ([1, 2], 60.0)


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(b"time,count\n0,1\n60,2\n")))
    trace = read_trace("-")
    assert (trace.name, trace.requests) == ("standard input", 3)


def test_the_trace_says_how_the_file_was_understood(write: Write) -> None:
    trace = read_trace(write("time,count\n2024-01-01 00:03,7\n2024-01-01 00:00,2\n2024-01-01 00:01,11\n"))
    assert trace.notes == (
        "3 rows, time from 'time'",
        "rows were not sorted by time",
        "number of requests from 'count' per 60 s",
        "1 intervals without a row had no request",
    )
    assert (trace.duration_s, trace.requests, trace.starts_at) == (240.0, 20, datetime(2024, 1, 1))


def test_start_keeps_its_zone(write: Write) -> None:
    trace = read_trace(write("time\n2024-01-01 00:00:00.25+02:00\n2024-01-01 00:00:01+02:00\n"))
    assert trace.starts_at == datetime(2023, 12, 31, 22, 0, 0, 250_000, UTC)
    assert trace.starts_at is not None
    assert trace.starts_at.tzinfo == timezone(timedelta(hours=2))
    assert read_trace(write("time\n1704067200\n1704067201\n")).starts_at == datetime(2024, 1, 1)
    assert read_trace(write("time\n0\n1\n")).starts_at is None


def test_summer_time_in_a_file_with_zones(write: Write) -> None:
    text = "time,count\n2024-03-31T01:00+01:00,1\n2024-03-31T03:00+02:00,2\n2024-03-31T04:00+02:00,3\n"
    assert counts(write(text)) == ([1, 2, 3], 3600.0)


def test_the_last_request_lies_inside(write: Write) -> None:
    assert read_trace(write("time\n10\n13\n")).duration_s == 4.0
    assert read_trace(write("time\n10\n13.2\n")).duration_s == 4.0


@pytest.mark.parametrize(
    ("start", "end", "kept", "begins"),
    [
        (None, None, [1, 2, 3, 4], 0),
        ("1m", "3m", [2, 3], 60),
        (60, 180.0, [2, 3], 60),
        ("2024-01-01 00:01", "2024-01-01T00:03", [2, 3], 60),
        ("2024-01-01T01:02+01:00", None, [3, 4], 120),
        (datetime(2024, 1, 1, 0, 3), None, [4], 180),
        (61, None, [3, 4], 120),
        (None, "1d", [1, 2, 3, 4], 0),
    ],
)
def test_slices_of_counts(write: Write, start: object, end: object, kept: list[float], begins: int) -> None:
    path = write("time,count\n" + "".join(f"2024-01-01 00:0{i},{i + 1}\n" for i in range(4)))
    trace = read_trace(path, start=start, end=end)  # type: ignore[arg-type]
    assert isinstance(trace, CountsTrace)
    assert trace.counts.tolist() == kept
    assert trace.duration_s == 60 * len(kept)
    assert trace.starts_at == datetime(2024, 1, 1) + timedelta(seconds=begins)


def test_slices_of_requests(write: Write) -> None:
    trace = read_trace(write("time\n0\n1\n2\n3\n4\n"), start=1, end="3.5s")
    assert isinstance(trace, ArrivalsTrace)
    assert (trace.arrivals.tolist(), trace.duration_s) == ([0, 1, 2], 2.5)


def test_named_columns(write: Write) -> None:
    path = write("begin,end,a,b\n2024-01-01 00:00,2024-01-01 00:01,1,2\n2024-01-01 00:01,2024-01-01 00:03,3,4\n")
    assert counts(path, time_column="begin", count_column="B") == ([2, 4], 60.0)
    assert arrivals(path, time_column="end", count_column="none") == [0, 120]
    with pytest.raises(TraceError, match="no count column 'c'; the columns are 'begin', 'end', 'a', 'b'"):
        read_trace(path, time_column="begin", count_column="c")
    with pytest.raises(TraceError, match="cannot be both"):
        read_trace(path, time_column="begin", count_column="begin")


def test_given_interval(write: Write) -> None:
    assert counts(write("time,count\n0,1\n55,2\n61,3\n"), interval_s=60) == ([3, 3], 60.0)
    assert counts(write("time,count\n5,9\n"), interval_s=60) == ([9], 60.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ("time,count\n", "there is a header .'time', 'count'. but no row"),
        ("a,b\nx,y\n", "no column of times was found: the columns are 'a', 'b' and line 2 is 'x', 'y'"),
        ("time,count\n0,1\n60,x\n120,1\n180,1\n" + "".join(f"{i * 60},1\n" for i in range(4, 20)),
         "line 3: column 'count': 'x' is no number of requests"),
        ("time,count\n0,1\n60,-2\n", "line 3: column 'count': '-2' is no number of requests"),
        ("time,count\n" + "".join(f"{i * 60},{i if i != 15 else ''}\n" for i in range(20)),
         "line 17: column 'count': '' is no number of requests"),
        ("time,count\n" + "".join(f"{i * 60},{i if i != 15 else 'nan'}\n" for i in range(20)), "line 17: .*'nan'"),
        ("time\n" + "".join(f"2024-01-01 00:{i:02d}:00\n" if i != 12 else "soon\n" for i in range(20)),
         "line 14: column 'time': 'soon' is no time; allowed: ISO 8601"),
        ("time\n" + "".join(f"{i}\n" if i != 12 else "2024-01-01\n" for i in range(20)), "line 14: .*is no time"),
        ("time,count\n0,1\n\n60,2\n", "line 3: the row is blank"),
        ("time,count\n0,1\n,\n60,2\n", "line 3: the row is blank"),
        ("time,count\n0,1\n60\n", "line 3: 1 fields, but the first row has 2"),
        ("time,count\n0,1\n60,2,3\n", "line 3: 3 fields, but the first row has 2"),
        ("time,count\n0,1\n0,2\n", "all rows have the same time"),
        ("time,count\n0,1\n60,2\n61,1\n130.4,2\n", "do not come at even intervals: they are 1 s to 69.4 s apart"),
        ("time,count\n0,1\n60,2\n61,1\n121,2\n181,3\n", "are 1 s to 60 s apart, mostly 60 s"),
        ("time,count,requests,calls,hits\n0,1,2,3,4\n", "all rows have the same time"),
        ("time,count,hits\n0,1,2\n60,2,3\n", "'count', 'hits' could all be the number of requests"),
        ("from,until\n2024-01-01,2024-01-02\n2024-01-03,2024-01-04\n", "'from', 'until' all hold times"),
        ("time,answers\n0,5\n60,7\n120,8\n180,9\n", "even intervals beside whole numbers .'answers'."),
        ("time,count\n1970-01-01,1\n2024-01-01 00:00:00,1\n2024-01-01 00:00:01,1\n", "is one of the times wrong"),
        (b"time,count\n0,1\n60,\xff\n", "not UTF-8"),
        (gzip.compress(b"time,count\n0,1\n60,2\n" * 99, mtime=0)[:-20], "damaged or cut off"),
        ('time,count\n0,1\n60,"2\n', "line 3: not CSV: unexpected end of data"),
    ],
)  # fmt: skip
def test_what_is_refused(write: Write, text: str | bytes, message: str) -> None:
    with pytest.raises(TraceError, match=message) as caught:
        read_trace(write(text))
    assert str(caught.value).startswith(str(write("")))


def test_refused_options(write: Write) -> None:
    path = write("time,count\n0,1\n60,2\n")
    for options, message in (
        ({"scale": 0}, "scale must be a number above 0"),
        ({"interval_s": -1}, "interval must be more than 0"),
        ({"start": "tomorrow"}, "the start 'tomorrow' is neither a date and time nor a duration"),
        ({"end": "2024-01-01"}, "the file has no dates, so the end must be an offset"),
        ({"start": 120}, "nothing is left between start and end; the trace is 120 s long"),
        ({"start": 60, "end": 60}, "nothing is left"),
        ({"count_column": "none", "interval_s": 60}, "each row is a request"),
    ):
        with pytest.raises(TraceError, match=message):
            read_trace(path, **options)  # type: ignore[arg-type]


def test_missing_files_and_folders(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match=r"no\.csv: cannot be read: No such file"):
        read_trace(tmp_path / "no.csv")
    with pytest.raises(TraceError, match="cannot be read: Is a directory"):
        read_trace(tmp_path)


def test_a_trace_of_a_million_requests_needs_eight_bytes_each(write: Write) -> None:
    trace = read_trace(write("time\n" + "\n".join(map(str, range(200_000)))))
    assert isinstance(trace, ArrivalsTrace)
    assert trace.arrivals.dtype == np.float64
    assert trace.requests == 200_000
