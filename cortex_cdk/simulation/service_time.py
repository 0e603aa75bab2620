"""How long a slot works on a request: constant, from a distribution, or drawn from measurements."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cortex_cdk.spec.duration import format_ns, parse_ns

ALLOWED = (
    "one of 50ms (constant), exp:50ms, lognormal:50ms,cv=0.5, gamma:50ms,cv=0.5, where the duration is the mean and cv "
    "the standard deviation as a share of it, or file:PATH or file:PATH:COLUMN, a CSV of measured seconds"
)
_SHORTEST_S = 1e-9  # no draw is shorter: a service time of 0 is none


class ServiceTime(Protocol):
    """A distribution of service times."""

    @property
    def mean_s(self) -> float:
        """The mean, in seconds."""

    def sample(self, rng: np.random.Generator, n: int) -> NDArray[np.float64]:
        """Draw ``n`` service times in seconds, each above 0. Two draws after each other equal one of both lengths."""


@dataclass(frozen=True)
class Constant:
    """Every request takes ``mean_s``."""

    mean_s: float

    def __post_init__(self) -> None:
        _check_mean(self.mean_s)

    def sample(self, rng: np.random.Generator, n: int) -> NDArray[np.float64]:
        """``n`` times the same; takes nothing from ``rng``."""
        return np.full(n, self.mean_s)


@dataclass(frozen=True)
class Exponential:
    """Exponentially distributed."""

    mean_s: float

    def __post_init__(self) -> None:
        _check_mean(self.mean_s)

    def sample(self, rng: np.random.Generator, n: int) -> NDArray[np.float64]:
        """Draw ``n``."""
        return np.maximum(rng.standard_exponential(n) * self.mean_s, _SHORTEST_S)


@dataclass(frozen=True)
class LogNormal:
    """Log-normally distributed, with the given mean and coefficient of variation."""

    mean_s: float
    cv: float

    def __post_init__(self) -> None:
        _check_mean(self.mean_s)
        _check_cv(self.cv)

    def sample(self, rng: np.random.Generator, n: int) -> NDArray[np.float64]:
        """Draw ``n``."""
        variance = math.log1p(self.cv**2)
        logs = rng.standard_normal(n) * math.sqrt(variance) + (math.log(self.mean_s) - variance / 2)
        return np.maximum(np.exp(logs), _SHORTEST_S)


@dataclass(frozen=True)
class Gamma:
    """Gamma distributed, with the given mean and coefficient of variation."""

    mean_s: float
    cv: float

    def __post_init__(self) -> None:
        _check_mean(self.mean_s)
        _check_cv(self.cv)

    def sample(self, rng: np.random.Generator, n: int) -> NDArray[np.float64]:
        """Draw ``n``."""
        shape = self.cv**-2
        return np.maximum(rng.standard_gamma(shape, n) * (self.mean_s / shape), _SHORTEST_S)


@dataclass(frozen=True, eq=False)
class Empirical:
    """Drawn from measured service times, each as likely as the others.

    Attributes:
        seconds: the measurements, at least one, each finite and above 0.

    Raises:
        ValueError: when there are none, or one is not above 0.
    """

    seconds: NDArray[np.float64]
    mean_s: float = field(init=False)

    def __post_init__(self) -> None:
        seconds = np.asarray(self.seconds, dtype=np.float64)
        if seconds.ndim != 1 or not len(seconds):
            raise ValueError(f"measured service times: a list of seconds is needed, this has shape {seconds.shape}")
        bad = np.flatnonzero(~(np.isfinite(seconds) & (seconds > 0)))
        if len(bad):
            raise ValueError(f"measured service time {bad[0] + 1} is {seconds[bad[0]]:g} s, must be above 0 and finite")
        object.__setattr__(self, "seconds", seconds)
        object.__setattr__(self, "mean_s", float(seconds.mean()))

    def sample(self, rng: np.random.Generator, n: int) -> NDArray[np.float64]:
        """Draw ``n``, with replacement."""
        return self.seconds[(rng.random(n) * len(self.seconds)).astype(np.int64)]


def parse_service_time(text: str) -> ServiceTime:
    """The service time that ``text`` stands for; ``ALLOWED`` lists the notations.

    Raises:
        ValueError: when it stands for none, or its file cannot be read; says what is allowed.
    """
    kind, colon, rest = (part.strip() for part in text.partition(":"))
    if not colon:
        return Constant(_seconds(kind, text))
    if kind == "file":
        return _from_file(rest, text)
    mean, comma, options = (part.strip() for part in rest.partition(","))
    if kind == "exp":
        if comma:
            raise _error(text, f"exp takes a mean and nothing else, not {options!r}")
        return Exponential(_seconds(mean, text))
    builds: dict[str, Callable[[float, float], ServiceTime]] = {"lognormal": LogNormal, "gamma": Gamma}
    build = builds.get(kind)
    if build is None:
        raise _error(text, f"there is no distribution {kind!r}")
    name, equals, value = (part.strip() for part in options.partition("="))
    if name != "cv" or not equals:
        raise _error(text, f"{kind} needs a mean and a cv")
    try:
        return build(_seconds(mean, text), float(value))
    except ValueError as error:
        if str(error).startswith("service time"):
            raise
        raise _error(text, f"cv is {value!r}, must be a number above 0 and at most {_MOST_CV:g}") from None


def read_service_times(path: Path, column: str | None = None) -> Empirical:
    """Measured service times from a CSV file with a header.

    Args:
        path: the file.
        column: which column holds the seconds; may be left out when there is only one.

    Raises:
        ValueError: when the file cannot be read, the column is not there, or a value is no number above 0; says where.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.reader(file)
            header = [name.strip() for name in next(rows, [])]
            index = _column(header, column, path)
            return Empirical(np.array([_value(row, index, path, rows.line_num) for row in rows if row]))
    except OSError as error:
        raise ValueError(f"{path}: cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path}: not a CSV file in UTF-8: {error}") from None
    except ValueError as error:
        raise error if str(error).startswith(str(path)) else ValueError(f"{path}: {error}") from None


_MOST_CV = 100.0


def _check_mean(mean_s: float) -> None:
    if not _SHORTEST_S <= mean_s < math.inf:
        raise ValueError(f"mean service time is {mean_s!r} s, must be above 0 and finite")


def _check_cv(cv: float) -> None:
    if not 0 < cv <= _MOST_CV:
        raise ValueError(f"cv is {cv!r}, must be above 0 and at most {_MOST_CV:g}")


def _error(text: str, reason: str) -> ValueError:
    return ValueError(f"service time {text!r}: {reason}; allowed is {ALLOWED}")


def _seconds(text: str, whole: str) -> float:
    try:
        ns = parse_ns(text)
    except ValueError as error:
        raise _error(whole, f"{text!r} is {error}") from None
    if ns <= 0:
        raise _error(whole, f"{format_ns(ns)} is not above 0")
    return ns / 1e9


def _from_file(rest: str, text: str) -> Empirical:
    if not rest:
        raise _error(text, "there is no path after file:")
    path, colon, column = rest.rpartition(":")
    if colon and not Path(rest).exists():
        return read_service_times(Path(path), column)
    return read_service_times(Path(rest))


def _column(header: list[str], column: str | None, path: Path) -> int:
    if not any(header):
        raise ValueError(f"{path}: there is no header; the first line names the columns")
    if column is None:
        if len(header) > 1:
            raise ValueError(f"{path}: there are several columns, {', '.join(header)}; name the one with the seconds")
        return 0
    if column not in header:
        raise ValueError(f"{path}: there is no column {column!r}; there are {', '.join(header)}")
    return header.index(column)


def _value(row: Iterable[str], index: int, path: Path, line: int) -> float:
    values = list(row)
    text = values[index].strip() if index < len(values) else ""
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise ValueError(f"{path}, line {line}: the service time is {text!r}, must be seconds above 0")
    return seconds
