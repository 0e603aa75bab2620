"""Following a log: each event once and none lost, in the order of time, however late and split they come."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortex_cdk.operations.log_events import HELD_MS, LATE_MS, Event, Follower, Sorter

START = 1_000_000
SPAN_MS = 3 * LATE_MS // 2


def event(at_ms: int, id: str = "", stream: str = "s", message: str = "m") -> Event:
    return Event(START + at_ms, id, stream, message)


@st.composite
def written(draw: st.DrawFn) -> list[tuple[Event, int]]:
    """Events, some of them alike, each with the moment from which a reading finds it."""
    count = draw(st.integers(0, 25))
    found = []
    for number in range(count):
        at = draw(st.integers(0, SPAN_MS))
        late = draw(st.integers(0, LATE_MS // 2))
        with_id = draw(st.booleans())
        stream = draw(st.sampled_from("ab"))
        id = str(number) if with_id else ""
        found.append((event(at, id, stream, draw(st.sampled_from("xy"))), START + at + late))
    return found


@given(written(), st.integers(3_000, LATE_MS // 4))
def test_each_event_comes_once(log: list[tuple[Event, int]], poll_ms: int) -> None:
    follower, shown, now = Follower(START), [], START
    while now < START + SPAN_MS + LATE_MS + poll_ms:
        there = sorted((one for one, known in log if known <= now), key=lambda one: one.at_ms)
        follower.add(one for one in there if one.at_ms >= follower.read_from_ms)
        shown += list(follower.take(now))
        now += poll_ms
    assert sorted(shown) == sorted(one for one, _ in log)


@given(written(), st.integers(1_000, 3_000))
def test_events_that_are_not_late_come_in_the_order_of_time(log: list[tuple[Event, int]], poll_ms: int) -> None:
    """Those that can be read before they have waited."""
    follower, shown = Follower(START), []
    for now in range(START, START + SPAN_MS + 2 * HELD_MS, poll_ms):
        there = [one for one, _ in log if one.at_ms <= now - HELD_MS // 2]
        follower.add(one for one in there if one.at_ms >= follower.read_from_ms)
        shown += [one.at_ms for one in follower.take(now)]
    assert shown == sorted(shown)
    assert len(shown) == len(log)


def test_nothing_from_before_is_shown() -> None:
    follower = Follower(START)
    follower.add([event(-1, "old"), event(0, "new")])
    assert [one.id for one in follower.take(START + HELD_MS)] == ["new"]


def test_events_wait_for_earlier_ones() -> None:
    follower = Follower(START)
    follower.add([event(1000, "late")])
    assert list(follower.take(START + 1000 + HELD_MS - 1)) == []
    follower.add([event(500, "early"), event(1000, "late")])
    assert [one.id for one in follower.take(START + 1000 + HELD_MS)] == ["early", "late"]


def test_a_reading_that_breaks_off_is_made_again() -> None:
    def broken():
        yield event(LATE_MS * 3, "far ahead")
        raise ConnectionError

    follower = Follower(START)
    with pytest.raises(ConnectionError):
        follower.add(broken())
    assert follower.read_from_ms == START
    follower.add([event(5, "before"), event(LATE_MS * 3, "far ahead")])
    assert [one.id for one in follower.take(START * 9)] == ["before", "far ahead"]


def test_readings_begin_a_little_before_the_latest_event() -> None:
    follower = Follower(START)
    follower.add([event(10, "a"), event(LATE_MS + 50, "b")])
    assert follower.read_from_ms == START + 50


@given(st.lists(st.integers(-HELD_MS // 2, HELD_MS // 2), max_size=30))
def test_a_sorter_mends_small_disorder(shifts: list[int]) -> None:
    events = [event(place * 400 + shift, str(place)) for place, shift in enumerate(shifts)]
    sorter, shown = Sorter(), []
    for one in events:
        sorter.add(one)
        shown += list(sorter.take(one.at_ms))
    shown += list(sorter.take_all())
    assert [one.at_ms for one in shown] == sorted(one.at_ms for one in events)
    assert {one.id for one in shown} == {one.id for one in events}
