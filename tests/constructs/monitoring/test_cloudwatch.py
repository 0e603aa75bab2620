"""The tests' own CloudWatch does what the documentation of the real one says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.alarm_state import ALARM, OK, state_of
from tests.support.metric_math import evaluate
from tests.support.metric_store import MetricStore, metric

# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html: points, the oldest first,
# and the states with `ignore` (= as before), `breaching` and `notBreaching`.
THREE_OF_THREE = [
    ("0-X-X", OK, OK, OK),
    ("0----", OK, OK, OK),
    ("-----", "before", ALARM, OK),
    ("0XX-X", ALARM, ALARM, ALARM),
    ("----X", "before", ALARM, OK),
    ("X----", "before", ALARM, OK),
]
TWO_OF_THREE = [
    ("0-X-X", ALARM, ALARM, ALARM),
    ("00X0X", ALARM, ALARM, ALARM),
    ("0-X--", OK, ALARM, OK),
    ("----0", OK, ALARM, OK),
    ("----X", "before", ALARM, OK),
]


@pytest.mark.parametrize(
    ("enough", "row"), [*((3, row) for row in THREE_OF_THREE), *((2, row) for row in TWO_OF_THREE)]
)
def test_missing_data(enough, row):
    points = [{"0": False, "X": True, "-": None}[point] for point in row[0]]
    for missing, expected in zip(("ignore", "breaching", "notBreaching"), row[1:], strict=True):
        assert state_of(points, of=3, enough=enough, missing=missing, before="before") == expected


@given(st.lists(st.sampled_from([True, False, None]), min_size=7, max_size=7), st.integers(1, 5))
def test_what_breaches_more_is_no_better(points, enough):
    worse = [True if point is False else point for point in points]
    for missing in ("breaching", "notBreaching"):
        if state_of(points, of=5, enough=enough, missing=missing) == ALARM:
            assert state_of(worse, of=5, enough=enough, missing=missing) == ALARM


FIRST, SECOND = {0: 30.0, 1: 20.0, 2: 0.0, 3: 0.0}, {0: 20.0, 2: 20.0}


@pytest.mark.parametrize(
    ("expression", "points"),
    [
        ("a < b", {0: 0, 1: 0, 2: 1, 3: 0}),
        ("a >= 30", {0: 1, 1: 0, 2: 0, 3: 0}),
        ("a + b", {0: 50, 1: 20, 2: 20, 3: 0}),
        ("a / b", {0: 1.5, 2: 0}),  # not by zero
        ("100 * b / a", {0: 200 / 3, 1: 0}),
        ("FILL(b, 7)", {0: 20, 1: 7, 2: 20, 3: 7}),
        ("FILL(none, 7)", {0: 7, 1: 7, 2: 7, 3: 7}),
        ("IF(a >= 20, b, 0)", {0: 20, 2: 0, 3: 0}),
        ("IF(a >= 20, 1, 0)", {0: 1, 1: 1, 2: 0, 3: 0}),
        ("SUM([a, b])", {0: 50, 1: 20, 2: 20, 3: 0}),
    ],
)
def test_metric_math(expression, points):
    assert evaluate(expression, {"a": FIRST, "b": SECOND, "none": {}}, range(4)) == pytest.approx(points)


def test_what_is_left_open_can_be_chosen():
    assert evaluate("FILL(none, 7)", {"none": {}}, range(4), fills_empty=False) == {}
    with pytest.raises(NotImplementedError):
        evaluate("RATE(a)", {"a": FIRST}, range(4))


def test_statistics():
    store, name = MetricStore(), metric("N", "m", Api="a")
    for time, value in enumerate([4.0, 1.0, 3.0, 2.0]):
        store.put(name, time, value)
    store.put(name, 60, 9.0)
    expected = {"Sum": 10, "Average": 2.5, "Minimum": 1, "Maximum": 4, "SampleCount": 4, "p50": 2, "p99": 4}
    for statistic, value in expected.items():
        assert store.statistic(name, statistic, 60, [-60, 0])[0] == value
    assert store.statistic(name, "Sum", 60, [-60, 0, 60]) == {0: 10, 60: 9}
