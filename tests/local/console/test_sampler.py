"""What is measured of a replica: exact means, counts and percentiles, and nothing of it disturbs the load reports."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortex_cdk.local.console.sampler import Sampler, percentile
from cortex_runtime.load import InFlight, LoadReport
from cortex_runtime.metrics import Metrics


class Replica:
    """The parts of a replica that are looked at, with a clock that a test sets."""

    def __init__(self) -> None:
        self.now = 100.0
        self.in_flight = InFlight(lambda: self.now)
        self.pool = SimpleNamespace(queued=InFlight(lambda: self.now))
        zero = lambda: 0.0  # noqa: E731
        self.metrics = Metrics(in_flight=zero, queued=zero, busy_slots=zero, slots=zero, ready=zero)
        self.draining = False
        self.reasons: list[str] = ["it starts"]
        self.sampler = Sampler(cast(Any, self))

    def not_ready_because(self) -> list[str]:
        return self.reasons

    def summary(self) -> dict[str, Any]:
        return {"api": "a"}


def test_means_are_exact_and_over_the_time_since_the_last_look():
    replica = Replica()
    replica.in_flight.change(+3)
    replica.pool.queued.change(+2)
    replica.now += 0.25
    replica.in_flight.change(-2)
    replica.pool.queued.change(-2)
    replica.now += 0.75
    first = replica.sampler.second(7)
    assert (first.at, first.seconds, first.in_flight, first.queued) == (7, 1.0, 1.5, 0.5)
    replica.now += 2
    second = replica.sampler.second(8)
    assert (second.seconds, second.in_flight, second.queued) == (2.0, 1.0, 0.0)


def test_the_reports_see_the_same_as_without_it():
    replica = Replica()
    replica.in_flight.change(+4)
    replica.now += 5
    replica.sampler.second(1)
    replica.in_flight.change(-4)
    replica.now += 5
    replica.sampler.second(2)
    assert replica.in_flight.take() == (2.0, 4, 10.0)
    for code in (200, 200, 503):
        replica.metrics.answered(code, 0.1, None)
    replica.sampler.second(3)
    assert replica.metrics.take_requests() == {"200": 2, "503": 1}


def test_answers_are_counted_once():
    replica = Replica()
    for code in (200, 200, 400):
        replica.metrics.answered(code, 0.1, 0.05)
    replica.now += 1
    assert replica.sampler.second(1).requests == {"200": 2, "400": 1}
    replica.metrics.answered(400, 0.1, None)
    replica.now += 1
    assert replica.sampler.second(2).requests == {"400": 1}
    replica.now += 1
    third = replica.sampler.second(3)
    assert (third.requests, third.p50_s, third.p99_s) == ({}, None, None)


def test_latencies_are_of_each_second():
    replica = Replica()
    for latency in range(1, 101):
        replica.metrics.answered(200, latency / 1000, None)
    replica.now += 1
    sample = replica.sampler.second(1)
    assert (sample.p50_s, sample.p99_s) == (0.05, 0.099)
    replica.metrics.answered(200, 0.3, None)
    replica.now += 1
    sample = replica.sampler.second(2)
    assert (sample.p50_s, sample.p99_s) == (0.3, 0.3)


def test_a_look_after_no_time_at_all():
    replica = Replica()
    replica.in_flight.change(+1)
    sample = replica.sampler.second(1)
    assert sample.seconds > 0  # rates are divided by it
    assert sample.in_flight == 1


def test_reports_count_from_when_it_was_ready():
    """As in the cloud: the scaler would take a replica that nobody asks yet for one without load."""
    replica = Replica()
    report = LoadReport(
        api="a", replica="r", bucket=10, seconds=9.5, in_flight=1.5, in_flight_peak=2, requests={}, queued=0.5,
        arrived=3, served=2,
    )  # fmt: skip
    assert replica.sampler.load(report) is None
    replica.reasons = []
    load = replica.sampler.load(report)
    assert load is not None
    assert (load.bucket, load.seconds, load.in_flight, load.queued, load.arrived, load.served) == (
        10, 9.5, 1.5, 0.5, 3, 2,
    )  # fmt: skip
    replica.reasons = ["the model server is gone"]
    assert replica.sampler.load(report) == load


@given(st.lists(st.floats(0, 100), min_size=1), st.sampled_from([1, 50, 90, 99, 100]))
def test_a_percentile_is_the_smallest_value_that_so_many_do_not_exceed(values: list[float], percent: int):
    found = percentile(sorted(values), percent)
    assert found in values
    assert found is not None
    assert sum(v <= found for v in values) * 100 >= percent * len(values)
    assert sum(v < found for v in values) * 100 < percent * len(values)


def test_no_values_have_no_percentile():
    assert percentile([], 50) is None


@pytest.mark.parametrize("draining", [False, True])
def test_the_condition(draining: bool):
    replica = Replica()
    replica.draining = draining
    condition = replica.sampler.condition()
    assert (condition.not_ready_because, condition.draining, condition.summary) == (
        ["it starts"],
        draining,
        {"api": "a"},
    )
