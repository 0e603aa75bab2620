"""Patterns: the grammar, the rates, and that arrivals are Poisson with them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from cortex_cdk.simulation import poisson
from cortex_cdk.simulation.patterns import KINDS, PatternError, pattern
from cortex_cdk.simulation.poisson import PatternTrace, Step


def drawn(trace: PatternTrace, seed: int = 1) -> NDArray[np.float64]:
    chunks = list(trace.chunks(np.random.default_rng(seed)))
    assert all(0 < len(chunk) <= 2**18 for chunk in chunks)
    arrivals = np.concatenate(chunks) if chunks else np.zeros(0)
    assert bool(np.all(np.diff(arrivals) >= 0))
    assert not len(arrivals) or (arrivals[0] >= 0 and arrivals[-1] < trace.duration_s)
    return arrivals


def integral(text: str, moments: NDArray[np.float64]) -> NDArray[np.float64]:
    """The expected number of requests until ``moments``, from the pattern's definition, written down by hand."""
    match text:
        case "constant:50":
            return moments * 50
        case "step:10..100@60s..20@5m":
            return moments * 10 + np.maximum(moments - 60, 0) * 90 - np.maximum(moments - 300, 0) * 80
        case "ramp:10..100@60s-300s":
            up = np.clip(moments - 60, 0, 240)
            return moments * 10 + up**2 / 2 * (90 / 240) + np.maximum(moments - 300, 0) * 90
        case "sine:50+-50/600s":
            return moments * 50 + 50 * (600 / math.tau) * (1 - np.cos(moments * math.tau / 600))
        case "spike:10..200@50s+30s/100s":
            whole, rest = np.divmod(moments, 100)
            return moments * 10 + 190 * 30 * whole + 190 * np.clip(rest - 50, 0, 30)
    raise AssertionError(text)


TEXTS = [
    "constant:50",
    "step:10..100@60s..20@5m",
    "ramp:10..100@60s-300s",
    "sine:50+-50/600s",
    "spike:10..200@50s+30s/100s",
]


@pytest.mark.parametrize("text", TEXTS)
def test_arrivals_are_poisson_with_the_rate(text: str) -> None:
    """Mapped through the integral of the rate, the gaps of a Poisson process are independent unit exponentials."""
    duration = 1000.0
    trace = pattern(text, duration)
    passed = integral(text, drawn(trace))
    total = float(integral(text, np.array([duration]))[0])
    assert abs(len(passed) - total) < 5 * math.sqrt(total)
    gaps = np.sort(np.diff(passed))
    n = len(gaps)
    # Kolmogorov-Smirnov against the exponential distribution, at a chance of one in 10,000.
    distance = np.abs(1 - np.exp(-gaps) - (np.arange(n) + 0.5) / n).max()
    assert distance < 2.23 / math.sqrt(n)
    # And where they lie: uniform on [0, total].
    places = (np.arange(len(passed)) + 0.5) / len(passed)
    assert np.abs(passed / total - places).max() < 2.23 / math.sqrt(len(passed))
    order = np.diff(passed)
    assert abs(np.corrcoef(order[:-1], order[1:])[0, 1]) < 4.5 / math.sqrt(n)


@pytest.mark.parametrize("text", [*KINDS.values(), "bursty:10*10+30s/5m"])
def test_chunks_do_not_change_the_arrivals(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = drawn(pattern(text))
    monkeypatch.setattr(poisson, "CHUNK", 97)
    assert drawn(pattern(text)).tolist() == whole.tolist()
    assert drawn(pattern(text), seed=2).tolist() != whole.tolist()


def test_bursts() -> None:
    """Rates, lengths and mean of the two states, over thousands of bursts."""
    trace = pattern("bursty:10*5+20s/200s", 200.0 * 5000)
    starts, rates = trace.profile.pieces(np.random.default_rng(3), trace.duration_s)
    lengths = np.diff(starts)
    bursts = rates[:-1] == 50.0
    assert set(rates) == {50.0, 10 * (1 - 0.5) / (1 - 0.1)}
    assert (bursts[:-1] != bursts[1:]).all()
    for inside, mean in ((lengths[bursts], 20.0), (lengths[~bursts], 180.0)):
        assert inside.mean() == pytest.approx(mean, rel=0.06)  # four standard deviations
        assert inside.std() == pytest.approx(mean, rel=0.12)  # as exponential lengths have it
    assert len(drawn(trace)) / trace.duration_s == pytest.approx(10.0, rel=0.05)


def test_half_of_the_requests_come_in_bursts_unless_told() -> None:
    trace = pattern("bursty:10*5+20s", 200.0 * 3000)
    starts, rates = trace.profile.pieces(np.random.default_rng(3), trace.duration_s)
    weights = rates * np.diff(np.append(starts, trace.duration_s))
    assert weights[rates == 50.0].sum() / weights.sum() == pytest.approx(0.5, abs=0.04)


def test_on_off() -> None:
    _, rates = pattern("bursty:10*10+30s/5m").profile.pieces(np.random.default_rng(3), 3000.0)
    assert set(rates) == {0.0, 100.0}


def test_bursts_begin_in_either_state() -> None:
    trace = pattern("bursty:10*2+15s/60s")
    first = [trace.profile.pieces(np.random.default_rng(seed), 60.0)[1][0] for seed in range(400)]
    assert 65 < sum(rate == 20.0 for rate in first) < 140  # a quarter


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("step:1..10@60s", [(60, 1, 10)]),
        ("step:.5..10@60..2.5@1m30s", [(60, 0.5, 10), (90, 10, 2.5)]),
        ("spike:1..50@120s+30s", [(120, 1, 50), (150, 50, 1)]),
        ("spike:1..50@0+30s", [(30, 50, 1)]),
        ("constant:5", []),
        ("ramp:1..10@60s-300s", []),
    ],
)
def test_steps_are_named(text: str, steps: list[tuple[float, float, float]]) -> None:
    assert pattern(text).steps == tuple(Step(at_s=at, from_rate=before, to_rate=after) for at, before, after in steps)


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("constant:5", 600),
        ("step:1..10@60s..2@5m", 900),
        ("ramp:1..10@60s-300s", 900),
        ("sine:10+-8/600s", 1800),
        ("spike:1..50@120s+30s", 750),
        ("spike:1..50@120s+30s/10m", 3120),
        ("bursty:10*5+30s/5m", 6000),
        ("bursty:10*5+30s", 6000),
    ],
)
def test_lengths(text: str, duration: float) -> None:
    assert pattern(text).duration_s == duration
    assert pattern(text, 86_400).duration_s == 86_400
    assert pattern(f" {text} ").duration_s == duration


def test_no_requests() -> None:
    assert len(drawn(pattern("constant:0"))) == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected one of constant:5, step:1..10@60s, ramp:"),
        ("steps:1..10@60s", "expected one of"),
        ("step", "expected one of"),
        ("constant:", "write it as constant:5"),
        ("constant:-1", "write it as constant:5"),
        ("constant:1.2.3", "'1.2.3' is not a rate in requests/s"),
        ("constant:9999999", "more than 1,000,000"),
        ("step:1..10", "write it as step:1..10@60s"),
        ("step:1..10@60x", "'60x' is not a duration such as 90s"),
        ("step:1..10@60s..2@60s", "must come after the one before"),
        ("step:1..10@0", "'0' must be more than 0"),
        ("ramp:1..10@60s", "write it as ramp:1..10@60s-300s"),
        ("ramp:1..10@60s-60s", "which is not after 60 s"),
        ("sine:10/600s", "write it as sine:10+-8/600s"),
        ("sine:10+-11/600s", "the rate would be negative"),
        ("sine:10+-8/0s", "must be more than 0"),
        ("spike:1..50@120s", "write it as spike:1..50@120s+30s"),
        ("spike:1..50@120s+30s/20s", "spikes of 30 s cannot come every 20 s"),
        ("bursty:10*1+30s", "not above 1"),
        ("bursty:10*5+30s/1m", "the period is 150 s or more"),
    ],
)
def test_what_is_refused(text: str, message: str) -> None:
    with pytest.raises(PatternError) as caught:
        pattern(text)
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"pattern {text!r}: ")


@pytest.mark.parametrize(
    ("text", "duration", "message"),
    [
        ("constant:5", 0, "must be more than 0 seconds, not 0"),
        ("step:1..10@60s", 60, "the step at 60 s lies outside the duration of 60 s"),
        ("ramp:1..10@60s-90s", 30, "lies outside the duration"),
        ("spike:1..10@60s+30s", 60, "lies outside the duration"),
        ("sine:5+-1/1ms", 86_400, "the period is too short"),
        ("spike:1..5@0+1ms/2ms", 86_400, "the period is too short"),
    ],
)
def test_durations_that_are_refused(text: str, duration: float, message: str) -> None:
    with pytest.raises(PatternError, match=message):
        pattern(text, duration)


def test_a_short_duration_cuts_a_ramp() -> None:
    arrivals = drawn(pattern("ramp:10..1000@10s-110s", 60.0))
    assert len(arrivals) == pytest.approx(10 * 60 + 50**2 / 2 * 9.9, rel=0.05)
