import enum
import logging
import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cortex_runtime import answer
from cortex_runtime.settings import Tracker as Settings
from cortex_runtime.tracker import MAX_CLASSES, OTHER_CLASSES, Observation, Tracker, observe

CLASSES, VALUES = Settings(model_type="classification"), Settings(model_type="regression")


class Colour(str, enum.Enum):  # noqa: UP042 - whose str() is not its value
    RED = "red"


@pytest.mark.parametrize(
    ("prediction", "value"),
    [("iris", "iris"), (3, "3"), (-1, "-1"), ("", ""), (np.int64(3), "3"), (np.str_("a"), "a"), (Colour.RED, "red")],
)
def test_classes_are_strings_and_integers(prediction, value):
    assert observe(CLASSES, prediction) == Observation(value)
    assert type(observe(CLASSES, prediction).value) is str


@pytest.mark.parametrize(
    ("prediction", "value"), [(1.5, 1.5), (3, 3.0), (np.float32(0.5), 0.5), (np.int8(3), 3.0), (-0.0, 0.0)]
)
def test_values_are_floats_and_integers(prediction, value):
    assert observe(VALUES, prediction) == Observation(value)


@pytest.mark.parametrize("prediction", [True, np.bool_(False), 1.5, np.float64(2), None, ["a"], ("a",), b"a", object()])
def test_everything_else_is_no_class(prediction):
    observation = observe(CLASSES, prediction)
    assert observation.value is None
    assert observation.problem is not None
    assert "string or an integer" in observation.problem


@pytest.mark.parametrize(
    "prediction", [True, np.bool_(True), "1.5", None, [1.5], math.nan, math.inf, np.float32("nan"), 10**400]
)
def test_everything_else_is_no_value(prediction):
    observation = observe(VALUES, prediction)
    assert observation.value is None
    assert observation.problem


def test_the_key_is_looked_up_in_objects():
    keyed = Settings(model_type="classification", key="label")
    assert observe(keyed, {"label": "a", "other": 1}) == Observation("a")
    assert "no key 'label'" in str(observe(keyed, {"other": 1}).problem)
    assert "is a list" in str(observe(keyed, ["label"]).problem)
    assert "null" in str(observe(keyed, {"label": None}).problem)
    assert "set tracker.key" in str(observe(CLASSES, {"label": "a"}).problem)


@pytest.mark.parametrize("settings", [CLASSES, VALUES])
@given(
    prediction=st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.binary()
    | st.lists(st.integers())
    | st.dictionaries(st.text(), st.integers())
)
@example(prediction="a lone surrogate: \ud800")
def test_every_observation_reaches_the_front(settings, prediction):
    sent = observe(settings, prediction)
    received = answer.decode(answer.encode(answer.AnswerMeta(200, answer.JSON, sent))).observation
    assert received == sent
    Tracker(settings).record(received)


def test_classes_are_counted():
    tracker = Tracker(CLASSES)
    assert tracker.take() is None
    for name in "aba":
        tracker.record(Observation(name))
    assert tracker.take() == {"classes": {"a": 2, "b": 1}}
    assert tracker.take() is None
    tracker.record(Observation("a"))
    assert tracker.take() == {"classes": {"a": 1}}
    assert tracker.total_classes == {"a": 3, "b": 1}


@given(st.lists(st.floats(-1e9, 1e9), min_size=1), st.lists(st.floats(-1e9, 1e9)))
def test_regressions_keep_count_min_max_and_mean(first, second):
    tracker = Tracker(VALUES)
    assert tracker.take() is None
    for values in (first, second):
        for value in values:
            tracker.record(Observation(value))
        taken = tracker.take()
        if not values:
            assert taken is None
            continue
        assert taken is not None
        assert (taken["count"], taken["min"], taken["max"]) == (len(values), min(values), max(values))
        assert taken["mean"] == pytest.approx(sum(values) / len(values), abs=1e-3)
    everything = first + second
    total = tracker.total_regression
    assert (total.count, total.min, total.max) == (len(everything), min(everything), max(everything))


def test_at_most_100_classes_are_counted_by_name(caplog):
    tracker = Tracker(CLASSES)
    for i in range(MAX_CLASSES + 50):
        tracker.record(Observation(f"class {i}"))
    tracker.record(Observation("class 0"))
    assert MAX_CLASSES == 100
    assert len(tracker.total_classes) == MAX_CLASSES + 1
    assert tracker.total_classes["class 0"] == 2
    assert tracker.total_classes[OTHER_CLASSES] == 50
    assert tracker.take() == {"classes": dict(tracker.total_classes)}
    assert sum("more than 100 classes" in r.message for r in caplog.records) == 1


def test_the_bound_holds_across_reports():
    tracker = Tracker(CLASSES)
    reported = set()
    for i in range(300):
        tracker.record(Observation(str(i)))
        reported |= set(tracker.take()["classes"])
    assert len(reported) == MAX_CLASSES + 1


def test_every_problem_is_warned_of_once(caplog):
    tracker = Tracker(CLASSES)
    with caplog.at_level(logging.WARNING):
        for prediction in (None, 1.5, None, [], 1.5, "good"):
            tracker.record(observe(CLASSES, prediction))
    kinds = [record.message for record in caplog.records]
    assert len(kinds) == len(set(kinds)) == 3
    assert all("tracker" in kind for kind in kinds)
    assert tracker.take() == {"classes": {"good": 1}}


def test_warnings_are_bounded(caplog):
    tracker = Tracker(CLASSES)
    for i in range(1000):
        tracker.record(Observation(None, f"problem {i}"))
    assert len(caplog.records) == 100


class Unreadable(dict):
    def __contains__(self, key):
        raise RuntimeError("no")


def test_a_prediction_that_cannot_be_read_is_a_problem_and_no_error():
    observation = observe(Settings(model_type="classification", key="label"), Unreadable())
    assert observation.value is None
    assert observation.problem == "a Unreadable cannot be read: RuntimeError"
