"""The history keeps what matters for any period, and nothing else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cortex_cdk.autoscaling import History, Record

RECORDS = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 8)), min_size=1, max_size=60)
PERIODS = st.integers(0, 500).map(float)


@given(RECORDS, PERIODS, st.integers(0, 300))
def test_no_period_can_tell_it_from_a_list_of_everything(
    made: list[tuple[int, int]], period: float, later: int
) -> None:
    history, everything, now = History(), [], 0.0
    for seconds, count in made:
        now += seconds
        history = history.recorded(now, count)
        everything.append(Record(now, count))
    now += later
    younger = [record for record in everything if now - record.time < period]
    counts = [record.replicas for record in younger]
    highest, lowest = history.highest(now, period), history.lowest(now, period)
    assert highest == max(younger, key=lambda record: (record.replicas, record.time), default=None)
    assert (lowest and lowest.replicas) == (min(counts) if counts else None)
    assert (lowest and lowest.time) == max((r.time for r in younger if r.replicas == min(counts)), default=None)
    assert len(history.records) <= 9


@given(RECORDS, PERIODS)
def test_what_is_too_old_to_keep_is_dropped_and_nothing_younger(made: list[tuple[int, int]], keep_s: float) -> None:
    bounded, unbounded, now = History(), History(), 0.0
    for seconds, count in made:
        now += seconds
        bounded = bounded.recorded(now, count, keep_s=keep_s)
        unbounded = unbounded.recorded(now, count)
        young = tuple(record for record in unbounded.records if now - record.time < keep_s)
        assert bounded.records == (young or (Record(now, count),))


def test_a_rise_and_a_fall_are_kept_whole_and_a_repetition_once() -> None:
    history = History()
    for now, count in enumerate([1, 2, 3, 3, 2, 2]):
        history = history.recorded(now, count)
    assert history.records == (Record(0, 1), Record(3, 3), Record(5, 2))


def test_the_first_period_ends_when_it_is_over() -> None:
    history = History().at(100.0)
    assert history.is_within_first(399.9, 300.0)
    assert not history.is_within_first(400.0, 300.0)
    assert not history.is_within_first(100.0, 0.0)
    assert History().is_within_first(0.0, 1.0)


def test_ages_of_today_are_compared_to_the_microsecond() -> None:
    began = 1_700_000_000.1
    history = History(began=began).recorded(began, 5)
    for ticks in range(1, 200):
        now, period = began + ticks * 10.3, ticks * 10.3  # neither is exact as a float
        assert history.highest(now, period) is None
        assert not history.is_within_first(now, period)
        assert history.highest(now - 1e-4, period) == Record(began, 5)


def test_a_record_ends_the_tick_before_it() -> None:
    history = History(began=0, ticked=10.0, desired=3).recorded(12.0, 1)
    assert (history.ticked, history.desired) == (None, None)


def test_set_back_clock_moves_what_lies_ahead_to_now() -> None:
    history = History(began=100.0, records=(Record(110.0, 3), Record(130.0, 4), Record(140.0, 2)))
    assert history.at(140.0) is history
    assert history.at(120.0) == History(began=100.0, records=(Record(110.0, 3), Record(120.0, 4), Record(120.0, 2)))
    assert history.at(50.0).began == 50.0
    assert history.at(120.0).recorded(120.0, 3).highest(120.0, 1.0) == Record(120.0, 4)
