"""The graphs of a dashboard's body, taken apart."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.support.metric_store import Metric

_SEARCH = re.compile(r"^SORT\(SEARCH\('\{\"([^\"]+)\",([\w,]+)\} ([^']+)', '(\w+)', (\d+)\), MAX, DESC, \d+\)$")
_TERM = re.compile(r'(\w+)="([^"]*)"')


@dataclass(frozen=True)
class Line:
    """A line, or a kind of lines, of a graph.

    Attributes:
        label: in the legend.
        axis: ``left`` or ``right``.
        period: seconds of a point.
        metrics: what it is made of, and of which statistic of each.
        expression: how; None when it is its metric itself.
        names: of metrics in the expression.
        names_by: of searches: the dimension that names a line.
        color: None: any.
    """

    label: str
    axis: str
    period: int
    metrics: Mapping[Metric, str]
    expression: str | None = None
    names: Mapping[str, Metric] = field(default_factory=dict)
    names_by: str | None = None
    color: str | None = None


@dataclass(frozen=True)
class Graph:
    """A graph over time."""

    title: str
    period: int
    lines: list[Line]
    units: Mapping[str, str]
    thresholds: Mapping[str, float]
    properties: Mapping[str, Any] = field(repr=False)


def graphs(body: Mapping[str, Any], known: Mapping[Metric, Any]) -> list[Graph]:
    """The graphs of a dashboard; ``known`` are the metrics among which its searches find theirs."""
    return [_graph(w["properties"], known) for w in body["widgets"] if w["type"] == "metric"]


def _graph(properties: Mapping[str, Any], known: Mapping[Metric, Any]) -> Graph:
    axes = properties["yAxis"]
    return Graph(
        title=properties["title"],
        period=properties["period"],
        lines=list(_lines(properties["metrics"], known)),
        units={axis: axes[axis]["label"] for axis in axes},
        thresholds={line["label"]: line["value"] for line in properties.get("annotations", {}).get("horizontal", [])},
        properties=properties,
    )


def _lines(entries: list[list[Any]], known: Mapping[Metric, Any]) -> Iterator[Line]:
    named: dict[str, tuple[Metric, str]] = {}
    for *names, options in entries:
        if names:
            dimensions = frozenset(zip(names[2::2], names[3::2], strict=True))
            found = Metric(names[0], names[1], dimensions), options.get("stat", "Average")
            if "id" in options:
                named[options["id"]] = found
    for *names, options in entries:
        if options.get("visible") is False:
            continue
        common = options["label"], options.get("yAxis", "left"), options["period"]
        color = options.get("color")
        if names:
            dimensions = frozenset(zip(names[2::2], names[3::2], strict=True))
            metric = Metric(names[0], names[1], dimensions)
            yield Line(*common, {metric: options.get("stat", "Average")}, color=color)
        elif searched := _SEARCH.match(options["expression"]):
            namespace, schema, terms, statistic, period = searched.groups()
            wanted = dict(_TERM.findall(terms))
            name = wanted.pop("MetricName")
            metrics = {
                metric: statistic
                for metric in known
                if (metric.namespace, metric.name) == (namespace, name)
                and {key for key, _ in metric.dimensions} == {*schema.split(",")}
                and {*wanted.items()} <= metric.dimensions
            }
            assert int(period) == common[2]
            names_by = options["label"].removeprefix("${PROP('Dim.").removesuffix("')}")
            yield Line(*common, metrics, options["expression"], names_by=names_by)
        else:
            used = {id: named[id] for id in re.findall(r"[a-z]\w*", options["expression"])}
            metrics, names = dict(used.values()), {id: metric for id, (metric, _) in used.items()}
            yield Line(*common, metrics, options["expression"], names, color=color)
