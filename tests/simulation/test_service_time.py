"""Service times: notations, errors, and what is drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cortex_cdk.simulation.service_time import Empirical, parse_service_time, read_service_times


@pytest.mark.parametrize(
    ("text", "mean_s", "cv"),
    [
        ("50ms", 0.05, 0.0),
        ("1m30s", 90.0, 0.0),
        ("exp:50ms", 0.05, 1.0),
        ("lognormal:50ms,cv=0.5", 0.05, 0.5),
        ("gamma: 2s , cv=3", 2.0, 3.0),
    ],
)
def test_mean_and_spread(text: str, mean_s: float, cv: float) -> None:
    service_time = parse_service_time(text)
    drawn = service_time.sample(np.random.default_rng(0), 2_000_000)
    assert service_time.mean_s == mean_s
    assert drawn.min() > 0
    assert drawn.mean() == pytest.approx(mean_s, rel=0.01)
    assert drawn.std() / drawn.mean() == pytest.approx(cv, rel=0.02, abs=1e-12)


@pytest.mark.parametrize("text", ["exp:50ms", "lognormal:50ms,cv=0.5", "gamma:50ms,cv=0.5", "50ms"])
def test_draws_do_not_depend_on_how_they_are_cut(text: str) -> None:
    service_time = parse_service_time(text)
    rng = np.random.default_rng(3)
    parts = np.concatenate([service_time.sample(rng, n) for n in (1, 10, 89)])
    np.testing.assert_array_equal(parts, service_time.sample(np.random.default_rng(3), 100))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("50", ["'50'", "not a duration", "exp:50ms"]),
        ("0s", ["0s is not above 0"]),
        ("-5ms", ["not above 0"]),
        ("exp:fast", ["'fast'", "allowed is"]),
        ("exp:50ms,cv=1", ["a mean and nothing else"]),
        ("weibull:50ms", ["no distribution 'weibull'", "lognormal"]),
        ("gamma:50ms", ["needs a mean and a cv"]),
        ("gamma:50ms,cv=-1", ["cv is '-1'", "above 0"]),
        ("gamma:50ms,cv=x", ["cv is 'x'"]),
        ("lognormal:50ms,cv=nan", ["cv is 'nan'"]),
        ("lognormal:0ms,cv=1", ["not above 0"]),
        ("file:", ["no path"]),
        ("file:/nowhere/at/all.csv", ["/nowhere/at/all.csv", "cannot be read"]),
    ],
)
def test_errors_say_what_is_allowed(text: str, words: list[str]) -> None:
    with pytest.raises(ValueError, match=r".") as error:
        parse_service_time(text)
    for word in words:
        assert word in str(error.value)


def test_measured_seconds_from_a_column(tmp_path: Path) -> None:
    file = tmp_path / "times.csv"
    file.write_text("\ufeffid,seconds\na,0.1\nb,0.3\n\n", encoding="utf-8")
    measured = parse_service_time(f"file:{file}:seconds")
    assert measured.mean_s == pytest.approx(0.2)
    drawn = measured.sample(np.random.default_rng(0), 10_000)
    assert set(drawn.tolist()) == {0.1, 0.3}
    assert drawn.mean() == pytest.approx(0.2, rel=0.02)


def test_one_column_needs_no_name(tmp_path: Path) -> None:
    file = tmp_path / "times.csv"
    file.write_text("seconds\n0.5\n")
    assert parse_service_time(f"file:{file}").mean_s == 0.5


@pytest.mark.parametrize(
    ("content", "column", "words"),
    [
        ("", None, ["no header"]),
        ("a,b\n1,2\n", None, ["several columns", "a, b"]),
        ("a,b\n1,2\n", "c", ["no column 'c'", "a, b"]),
        ("a\n1\nx\n", None, ["line 3", "'x'"]),
        ("a\n1\n0\n", None, ["line 3", "above 0"]),
        ("a\n", None, ["a list of seconds is needed"]),
        ("a,b\n1,2\n1\n", "b", ["line 3", "''"]),
    ],
)
def test_errors_in_files_say_where(tmp_path: Path, content: str, column: str | None, words: list[str]) -> None:
    file = tmp_path / "times.csv"
    file.write_text(content)
    with pytest.raises(ValueError, match=r".") as error:
        read_service_times(file, column)
    for word in [str(file), *words]:
        assert word in str(error.value)


def test_measurements_must_be_above_0() -> None:
    with pytest.raises(ValueError, match="measured service time 2 is -1 s"):
        Empirical(np.array([1.0, -1.0]))
