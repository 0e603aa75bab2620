"""What is on the dashboards: metrics that exist, with their units, in periods that fit them."""

from __future__ import annotations

import json

import pytest
from aws_cdk import App, Stack

from cortex_cdk.constructs import ApiImage, Cluster, TensorFlowApi
from tests.constructs.monitoring.conftest import APIS, PAGE, Replicas, Ticks
from tests.support.api_specs import api_spec
from tests.support.aws import NEW
from tests.support.aws_metrics import sent_by_aws
from tests.support.metric_store import MetricStore
from tests.support.widgets import Line, graphs

DASHBOARDS = ("cluster", *APIS)
UNITS = {
    "%": "Percent",
    "connections": "Count",
    "count": "Count",
    "count a minute": "Count",
    "decisions a minute": "Count",
    "instances": "Count",
    "ms": "Milliseconds",
    "predictions a minute": "Count",
    "replicas": "Count",
    "requests": "Count",
    "requests a minute": "Count",
    "s": "Seconds",
    "value": "None",
}


@pytest.fixture(scope="module")
def aws(deployed):
    return sent_by_aws(deployed, "cluster", *APIS)


@pytest.fixture(scope="module")
def units(aws, sent):
    """Of every metric that anybody sends."""
    return sent.units | {metric: found.unit for metric, found in aws.items()}


@pytest.fixture(scope="module")
def drawn(deployed, units):
    """The graphs of each dashboard, by its stack."""
    return {stack: graphs(deployed.dashboard(stack), units) for stack in DASHBOARDS}


@pytest.fixture(scope="module")
def steady(deployed, aws):
    """The metrics that there are on an ordinary day."""
    store = MetricStore()
    for api in APIS:
        replicas = Replicas(deployed, api, store)
        kind = (replicas.tracker or {}).get("model_type")
        counted = {
            "classification": {"classes": {"setosa": 1}},
            "regression": {"count": 1, "min": 1, "max": 1, "mean": 1},
        }
        replicas.report(int(NEW), requests={"200": 1}, latency_s=[0.1], tracker=counted.get(kind))
    ticks = Ticks(deployed, "cluster", store)
    for api in APIS:
        ticks.fake.add_service(api)
    ticks.minutes(1, **dict.fromkeys(APIS, 1.0))
    ticks.close()
    return {*store.units, *(metric for metric, found in aws.items() if found.steady)}


def lines(drawn):
    return [(stack, graph, line) for stack, found in drawn.items() for graph in found for line in graph.lines]


def test_every_metric_is_sent_by_somebody(drawn, units):
    shown = {metric for _, _, line in lines(drawn) for metric in line.metrics}
    assert shown - units.keys() == set()
    assert all(line.metrics for _, _, line in lines(drawn)), "a search that finds nothing"
    assert len(shown) > 100


def test_every_graph_has_something_to_draw_on_an_ordinary_day(drawn, steady):
    empty = [
        (stack, graph.title)
        for stack, found in drawn.items()
        for graph in found
        if not any(steady & line.metrics.keys() for line in graph.lines)
    ]
    assert empty == []


def unit_of(line: Line, units) -> str:
    """Of what a line draws."""
    (found,) = {"Count" if stat == "SampleCount" else units[metric] for metric, stat in line.metrics.items()} - {
        # what divides a sum to make a mean
        *(["Count"] if line.expression == "sum / count" else [])
    }
    return "Percent" if "100 *" in (line.expression or "") else found


def test_axes_are_labelled_with_the_units_of_their_metrics(drawn, units):
    for stack, graph, line in lines(drawn):
        assert UNITS[graph.units[line.axis]] == unit_of(line, units), (stack, graph.title, line.label)


def test_periods_are_those_of_the_metrics(drawn, sent):
    every_tick = 0
    for stack, graph, line in lines(drawn):
        assert line.period == graph.period, (stack, graph.title)
        fine = all(sent.resolutions.get(metric, 60) == 1 for metric in line.metrics)
        assert line.period == 60 or (line.period == 10 and fine), (stack, graph.title, line.label)
        every_tick += line.period == 10
    assert every_tick >= 7 * len(APIS)
    for graph in drawn["plain"]:  # what is sampled every 10 s is drawn so, unless it is counted by the minute
        levels = [line for line in graph.lines if not {"Sum", "SampleCount"} & {*line.metrics.values()}]
        if levels and all(sent.resolutions.get(metric, 60) == 1 for line in levels for metric in line.metrics):
            assert graph.period == 10, graph.title


def test_titles_and_legends_tell_apart(drawn):
    for stack, found in drawn.items():
        titles = [graph.title for graph in found]
        assert len(titles) == len({*titles}), stack
        for graph in found:
            labels = [line.label for line in graph.lines]
            assert all(labels)
            assert len(labels) == len({*labels}), (stack, graph.title)
            assert graph.properties["legend"] == {"position": "bottom"}


def test_searches_name_lines_by_what_tells_them_apart(drawn):
    searches = [(stack, line) for stack, _, line in lines(drawn) if line.names_by]
    assert {stack for stack, _ in searches} == {"cluster", "plain"}
    for _, line in searches:
        assert len(line.expression) <= 1024
        values = [dict(metric.dimensions)[line.names_by] for metric in line.metrics]
        assert len(values) == len({*values})


def test_the_dashboard_of_the_cluster_has_every_api(drawn):
    of_apis = [line for _, graph, line in lines({"cluster": drawn["cluster"]}) if line.names_by == "Api"]
    assert len(of_apis) == 6
    for line in of_apis:
        assert {dict(metric.dimensions)["Api"] for metric in line.metrics} == {*APIS}


@pytest.mark.parametrize("stack", DASHBOARDS)
def test_widgets_do_not_overlap(deployed, stack):
    taken = set()
    for widget in deployed.dashboard(stack)["widgets"]:
        x, y, width, height = (widget[key] for key in ("x", "y", "width", "height"))
        cells = {(column, row) for column in range(x, x + width) for row in range(y, y + height)}
        assert x + width <= 24
        assert not cells & taken
        taken |= cells


def test_what_only_some_apis_have(drawn):
    titles = {api: {graph.title.partition(";")[0] for graph in drawn[api]} for api in APIS}
    only = {api: titles[api] - set.intersection(*titles.values()) for api in APIS}
    assert only == {
        "plain": {"Predictions by class"},
        "numbers": {"Predicted values", "GPUs of the cluster"},
        "bare": set(),
    }


def test_a_threshold_far_above_what_is_usual_is_in_the_title(drawn, deployed):
    (title,) = [graph.title for graph in drawn["plain"] if graph.title.startswith("Latency")]
    assert title == f"Latency; alarm above {deployed.alarm('plain', 'Latency')['Threshold']:,} ms"


def test_thresholds_and_limits_are_drawn(drawn, deployed):
    def thresholds(stack):
        return {graph.title: graph.thresholds for graph in drawn[stack] if graph.thresholds}

    assert thresholds("plain") == {
        "Replicas": {"max_replicas": 5, "min_replicas": 1},
        "Failed requests (5xx)": {"alarm": deployed.alarm("plain", "ServerErrors")["Threshold"]},
    }
    assert thresholds("bare") == {
        "Replicas": {"max_replicas": 100, "min_replicas": 1},
        "Latency": {"alarm": 250},
    }
    assert thresholds("cluster")["Instances"] == {"default, max_instances": 10, "gpu, max_instances": 4}


@pytest.mark.parametrize("stack", DASHBOARDS)
def test_alarms_are_at_the_top(deployed, stack):
    (status,) = [w for w in deployed.dashboard(stack)["widgets"] if w["type"] == "alarm"]
    made = deployed.all(stack, "CloudWatch::Alarm")
    shown = {deployed.refer(stack, id, "Arn") for id in made if "MonitoringAlarms" in id}
    assert {*status["properties"]["alarms"]} == shown
    assert len(shown) >= 4


def test_the_page_that_helps_is_linked(deployed):
    for stack, page in (("bare", PAGE), ("plain", "docs/operations.md"), ("cluster", "docs/operations.md")):
        (text,) = [w["properties"]["markdown"] for w in deployed.dashboard(stack)["widgets"] if w["type"] == "text"]
        assert page in text


def test_graphs_keep_their_periods(deployed):
    body = deployed.dashboard("plain")
    assert (body["start"], body["periodOverride"]) == ("-PT3H", "inherit")


def test_dashboards_can_be_turned_off(deployed):
    assert deployed.all("off", "CloudWatch::Dashboard") == {}
    assert deployed.all("silent", "CloudWatch::Dashboard") == {}


def test_where_dashboards_are_seen(project):
    stack = Stack(App(), "stack")
    cluster = Cluster(stack, "Cluster", dashboard=False)
    api = TensorFlowApi(stack, "Api", cluster=cluster, spec=api_spec("iris"), image=ApiImage(project=project))
    assert cluster.monitoring.dashboard_url is None
    url = json.dumps(stack.resolve(api.monitoring.dashboard_url))
    assert ".console.aws.amazon.com/cloudwatch/home?region=" in url
    assert '"Ref": "ApiMonitoringDashboard' in url
