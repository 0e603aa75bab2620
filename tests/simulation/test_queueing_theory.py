"""The engine against what is known exactly: mean waits of M/M/c, M/D/1 and M/G/1, and Little's law.

Seeds are fixed and the numbers of arrivals such that the statistical error, judged by batch means, is below the
tolerance; each test checks that as well, so that none passes by luck alone.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, field

import numpy as np
import pytest

from cortex_cdk.simulation import Platform, Run, parse_service_time, pattern, simulate
from cortex_cdk.simulation.policies.fixed import Fixed

MEAN_S = 0.001
TOLERANCE = 0.02
BATCHES = 40


@dataclass
class Waits:
    """Sums of waits, by call; a call is of some ten thousand requests."""

    sums: list[float] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)

    def __call__(self, arrived: np.ndarray, started: np.ndarray, answered: np.ndarray, replica: np.ndarray) -> None:
        self.sums.append(float((started - arrived).sum()))
        self.counts.append(len(arrived))

    def relative_error(self) -> float:
        """Standard error of the mean wait as a share of it, by batch means."""
        sums, counts = (
            np.array([part.sum() for part in np.array_split(np.array(values), BATCHES)])
            for values in (self.sums, self.counts)
        )
        means = sums / counts
        return float(means.std(ddof=1) / math.sqrt(BATCHES) / means.mean())


@functools.cache
def run(load: float, slots: int, service_time: str, arrivals: int, seed: int = 0) -> tuple[Run, Waits]:
    rate = load * slots / MEAN_S
    waits = Waits()
    result = simulate(
        pattern(f"constant:{rate:g}", arrivals / rate),
        parse_service_time(service_time),
        Fixed(1),
        Platform(slots=slots, max_replica_concurrency=65_535),
        seed=seed,
        requests=waits,
    )
    assert result.summary.rejected == 0
    assert result.summary.littles_law_residual < 1e-9
    return result, waits


def erlang_c_wait(load: float, slots: int) -> float:
    """Mean wait of M/M/c in seconds (Erlang C: https://en.wikipedia.org/wiki/Erlang_(unit)#Erlang_C_formula)."""
    offered = load * slots
    terms = [offered**k / math.factorial(k) for k in range(slots)]
    last = offered**slots / math.factorial(slots) / (1 - load)
    return last / (sum(terms) + last) * MEAN_S / (slots * (1 - load))


def check(result: Run, waits: Waits, expected: float) -> None:
    assert waits.relative_error() < TOLERANCE / 2
    assert result.summary.queue_time.mean == pytest.approx(expected, rel=TOLERANCE)


@pytest.mark.parametrize(
    ("load", "slots", "arrivals"),
    [
        (0.5, 1, 1_000_000),
        (0.5, 4, 2_000_000),
        (0.8, 1, 4_000_000),
        (0.8, 4, 3_000_000),
        (0.95, 1, 20_000_000),
        (0.95, 4, 20_000_000),
    ],
)
def test_mean_wait_of_m_m_c_is_erlang_c(load: float, slots: int, arrivals: int) -> None:
    check(*run(load, slots, "exp:1ms", arrivals), erlang_c_wait(load, slots))


@pytest.mark.parametrize(
    ("load", "service_time", "cv", "arrivals"),
    [
        (0.5, "1ms", 0.0, 300_000),
        (0.5, "lognormal:1ms,cv=0.5", 0.5, 500_000),
        (0.5, "gamma:1ms,cv=2", 2.0, 2_000_000),
        (0.8, "1ms", 0.0, 1_500_000),
        (0.8, "lognormal:1ms,cv=0.5", 0.5, 2_000_000),
        (0.8, "gamma:1ms,cv=2", 2.0, 5_000_000),
    ],
)
def test_mean_wait_of_m_g_1_is_pollaczek_khinchine(load: float, service_time: str, cv: float, arrivals: int) -> None:
    # https://en.wikipedia.org/wiki/Pollaczek-Khinchine_formula
    check(*run(load, 1, service_time, arrivals, seed=1), load * (1 + cv**2) / (2 * (1 - load)) * MEAN_S)


def test_waits_of_m_m_1_are_distributed_as_known() -> None:
    # P(wait > t) = load * exp(-(1 - load) t / mean service time), so each percentile is known.
    load = 0.8
    queued = run(load, 1, "exp:1ms", 4_000_000)[0].summary.queue_time
    for share, found in ((0.5, queued.p50), (0.95, queued.p95), (0.99, queued.p99)):
        assert found == pytest.approx(math.log(load / (1 - share)) * MEAN_S / (1 - load), rel=0.03)


def test_utilization_is_the_load() -> None:
    result, _ = run(0.8, 4, "exp:1ms", 3_000_000)
    assert float(result.series.busy.mean()) / 4 == pytest.approx(0.8, rel=0.005)
    assert result.summary.mean_in_flight == pytest.approx(
        result.summary.latency.mean * result.summary.requests / result.duration_s, rel=1e-3
    )
