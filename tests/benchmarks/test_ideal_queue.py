"""The ideal queue: each request begins as soon as it has arrived and a slot is free, in the order of arrival."""

import statistics
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import ideal_queue

EPSILON = 1e-9
TIMES = st.lists(st.tuples(st.floats(0, 10), st.floats(0.001, 5)), max_size=40)


def test_by_hand():
    assert ideal_queue.waits([0, 0, 1, 1], [3, 1, 2, 1], 2) == [0, 0, 0, 2]


@given(TIMES, st.integers(1, 4))
def test_no_slot_is_idle_while_somebody_waits_and_nobody_overtakes(times, slots):
    arrivals = sorted(arrival for arrival, _ in times)
    services = [service for _, service in times]
    begins = [a + w for a, w in zip(arrivals, ideal_queue.waits(arrivals, services, slots), strict=True)]
    ends = [b + s for b, s in zip(begins, services, strict=True)]
    assert all(later >= earlier - EPSILON for earlier, later in pairwise(begins))
    for index, (arrival, begin) in enumerate(zip(arrivals, begins, strict=True)):
        assert begin >= arrival
        before = range(index)
        assert sum(begins[i] <= begin + EPSILON and ends[i] > begin + EPSILON for i in before) < slots
        if begin > arrival + EPSILON:  # it waited until one of those before it ended
            assert any(abs(ends[i] - begin) < EPSILON for i in before)


def test_arrivals_and_services_have_the_rates_asked_for():
    arrivals, services = ideal_queue.poisson_arrivals(4, 0.8, 0.05, 2000.0, seed=3)
    assert arrivals == sorted(arrivals)
    assert arrivals[-1] <= 2000
    assert len(arrivals) / 2000 == pytest.approx(0.8 * 4 / 0.05, rel=0.02)
    assert statistics.mean(services) == pytest.approx(0.05, rel=0.02)
    assert statistics.stdev(services) == pytest.approx(0.05, rel=0.03)
    # Erlang's formula for 4 slots at 80 %: 0.5964 of the requests wait, for 1 / (80/s - 64/s) on average
    assert statistics.mean(ideal_queue.waits(arrivals, services, 4)) == pytest.approx(0.5964 / 16, rel=0.1)
    assert ideal_queue.poisson_arrivals(4, 0.8, 0.05, 1.0, seed=3) == ideal_queue.poisson_arrivals(4, 0.8, 0.05, 1.0, 3)
    assert ideal_queue.poisson_arrivals(4, 0.8, 0.05, 1.0, seed=4) != ideal_queue.poisson_arrivals(4, 0.8, 0.05, 1.0, 3)
