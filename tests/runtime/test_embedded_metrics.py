"""The lines that CloudWatch makes metrics of, and the times that go into them."""

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cortex_runtime import samples
from cortex_runtime.embedded_metrics import dimension_value, lines
from cortex_runtime.load import LoadReport
from cortex_runtime.samples import Sample, Times, thinned
from tests.support import embedded_metrics
from tests.support.embedded_metrics import metric_names

BUCKET = 1_793_280_000


def report(**fields):
    empty = {"api": "iris", "replica": "r", "bucket": BUCKET, "seconds": 10.0, "in_flight": 0.0, "in_flight_peak": 0}
    return LoadReport(**({**empty, "requests": {}} | fields))


def written(made=None, *, means=(), latency=(), queue=(), dropped=0, cluster="c"):
    raw = lines(
        made or report(), means, list(latency), list(queue), namespace="Cortex", cluster=cluster, dropped=dropped
    )
    return [embedded_metrics.check(line) for line in raw]


texts = st.text(max_size=30) | st.sampled_from(["", " ", ":a", "ä", "\n", "x" * 5000, "\ud800"])


@settings(deadline=None, max_examples=50)
@given(
    st.builds(
        report,
        api=texts,
        replica=st.text(),
        in_flight_peak=st.integers(0, 10_000),
        requests=st.dictionaries(st.sampled_from(["200", "404", "499", "500", "503", "0"]), st.integers(1, 10**6)),
        tracker=st.none()
        | st.builds(lambda counts: {"classes": counts}, st.dictionaries(texts, st.integers(1, 99), max_size=101))
        | st.builds(lambda value: {"count": 3, "min": -1.5, "max": value, "mean": 0.25}, st.floats(-1e9, 1e9)),
    ),
    st.lists(st.tuples(st.integers(0, 2**33), st.floats(0, 1e6)), max_size=12),
    st.lists(st.floats(0, 1e4), max_size=300),
    texts,
)
def test_every_line_holds_to_the_format(made, means, times, cluster):
    made = LoadReport(**{name: clean(getattr(made, name)) for name in made.__struct_fields__})
    documents = written(made, means=means, latency=times, queue=times[:7], dropped=len(times), cluster=cluster)
    assert [d["message"] for d in documents].count("load report") == 1


def clean(value):
    """Without lone surrogates outside of dimensions: ids of replicas and APIs are checked where they come from."""
    return value.encode(errors="replace").decode() if isinstance(value, str) else value


def test_requests_in_flight_have_a_line_for_each_second():
    documents = written(means=[(BUCKET + 3, 2.5), (BUCKET + 4, 0.0)])[:2]
    assert [d["_aws"]["Timestamp"] for d in documents] == [(BUCKET + 3) * 1000, (BUCKET + 4) * 1000]
    assert [d["InFlight"] for d in documents] == [2.5, 0.0]
    for document in documents:
        (directive,) = document["_aws"]["CloudWatchMetrics"]
        assert directive["Metrics"] == [{"Name": "InFlight", "Unit": "Count", "StorageResolution": 1}]
        assert (directive["Namespace"], directive["Dimensions"]) == ("Cortex", [["Cluster", "Api"]])
        assert (document["Cluster"], document["Api"]) == ("c", "iris")


def test_the_line_of_a_bucket():
    made = report(
        requests={"200": 5, "201": 1, "404": 2, "499": 1, "503": 4}, in_flight=1.5, in_flight_peak=7, queued=0.5
    )
    (document,) = written(made, latency=[0.25, 0.1], queue=[0.001])
    found = {name: document[name] for name in metric_names(document)}
    assert found == {
        "InFlightPeak": 7,
        "Queued": 0.5,
        "Requests": 13,
        "Requests2xx": 6,
        "Requests4xx": 3,
        "Requests5xx": 4,
        "Requests503": 4,
        "Latency": [100.0, 250.0],
        "QueueTime": [1.0],
    }
    assert document["requests"] == made.requests
    assert document["_aws"]["Timestamp"] == BUCKET * 1000


def test_what_is_not_there_makes_no_metric():
    (document,) = written()
    assert metric_names(document) == {"InFlightPeak", "Queued", "Requests"}
    (document,) = written(dropped=2)
    assert document["ReportsDropped"] == 2


def test_classes_are_a_dimension():
    documents = written(report(tracker={"classes": {"setosa": 3, "": 1}}))[1:]
    assert [(d["Class"], d["Predictions"]) for d in documents] == [("setosa", 3), ("(blank)", 1)]
    assert documents[0]["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["Cluster", "Api", "Class"]]


def test_of_a_regression_the_mean_can_be_had_over_any_time():
    (document,) = written(report(tracker={"count": 4, "min": -1.0, "max": 5.0, "mean": 1.5}))
    assert (document["Predictions"], document["PredictionSum"]) == (4, 6.0)
    assert (document["PredictionMin"], document["PredictionMax"]) == (-1.0, 5.0)


@pytest.mark.parametrize(
    ("text", "value"),
    [("iris", "iris"), (":a", "\\x3aa"), ("ä", "\\xe4"), ("  ", "(blank)"), ("", "(blank)"), ("a\nb", "a\\nb")],
)
def test_dimensions_are_plain_text(text, value):
    assert dimension_value(text) == value


@given(st.lists(st.floats(0, 1e6), max_size=400), st.integers(1, 100))
def test_thinned_values_are_some_of_them_and_each_stands_for_as_many(values, size):
    found = thinned(values, size)
    ordered = sorted(values)
    assert len(found) == min(size, len(values))
    for part, value in enumerate(found):
        first, last = part * len(values) // len(found), -(-(part + 1) * len(values) // len(found))
        assert value in ordered[first:last]


def test_percentiles_survive_the_thinning():
    values = [random.Random(3).expovariate(1) for _ in range(5000)]
    found = thinned(values, 100)
    for percent in (50, 90, 95, 99):
        assert found[percent] == pytest.approx(sorted(values)[percent * 50], rel=0.12)


def test_a_sample_keeps_all_up_to_a_size_and_any_beyond_it_equally_often(monkeypatch):
    monkeypatch.setattr(samples, "MOST_KEPT", 10)
    random.seed(5)
    sample, kept = Sample(), [0] * 40
    for _ in range(2000):
        for value in range(40):
            sample.add(value)
        taken = sample.take()
        assert len(taken) == len(set(taken)) == 10
        for value in taken:
            kept[int(value)] += 1
    assert all(380 <= count <= 620 for count in kept)  # 500 expected, 19 the standard deviation
    assert sample.take() == []


def test_requests_that_never_reached_the_queue_have_no_queue_time():
    times = Times()
    times.add(0.5, 0.1)
    times.add(0.25, None)
    assert (times.latency.take(), times.queue_time.take()) == ([0.5, 0.25], [0.1])


def test_a_line_is_one_line():
    raw = list(lines(report(), [(1, 1.0)], [0.1], [], namespace="n", cluster="c", dropped=0))
    assert len(raw) == 2
    for line in raw:
        assert line.count(b"\n") == 1
        json.loads(line)
