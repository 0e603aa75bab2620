"""Log lines that are metrics at the same time: JSON in CloudWatch's embedded metric format.

CloudWatch makes the metrics that ``_aws`` names out of a line's fields; the other fields stay in the log.
(Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html)
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from cortex_cdk.autoscaling import Decision, Rule

CLUSTER, API = "Cluster", "Api"


class Metric(NamedTuple):
    """A value, its unit in CloudWatch, and of how many seconds CloudWatch keeps one: 60, or 1 to have each tick."""

    value: float
    unit: str = "Count"
    resolution: int = 60


def held_by_name(rule: Rule) -> str:
    """The metric that is 1 when a rule moved the count away from what the load asks for."""
    return "HeldBy" + rule.value.title().replace("_", "")


def of_decision(decision: Decision, target: float, running: int) -> dict[str, Metric]:
    """The metrics of an API at a tick; what is not known is left out.

    ``InFlightTotal`` is summed over the replicas, while ``InFlight`` of the replicas themselves is that of each one.
    """
    metrics = {
        "DesiredReplicas": _each_tick(decision.desired),
        "RunningReplicas": _each_tick(running),
        "Target": _each_tick(target),
    }
    if decision.recommendation is not None:
        metrics["Recommendation"] = _each_tick(decision.recommendation)
    if decision.observation.average_in_flight is not None:
        metrics["InFlightTotal"] = _each_tick(decision.observation.average_in_flight)
    if decision.held_by is not None:
        metrics[held_by_name(decision.held_by)] = Metric(1)
    return metrics


def _each_tick(value: float) -> Metric:
    return Metric(value, resolution=1)


def fields_of(decision: Decision) -> dict[str, Any]:
    """A decision with its intermediate values and its reasons, as fields of a log line."""
    observation = decision.observation
    values = {
        "replicas": observation.replicas,
        "desired": decision.desired,
        "valid": decision.valid,
        "in_flight": observation.average_in_flight,
        "in_flight_if_full": observation.average_if_full,
        "burst_in_flight": observation.burst_in_flight,
        "work": observation.average_work,
        "burst_work": observation.burst_work,
        "raw": decision.raw,
        "recommendation": decision.recommendation,
        "downscale_factor_floor": decision.downscale_factor_floor,
        "upscale_factor_ceiling": decision.upscale_factor_ceiling,
        "downscale_stabilization_floor": decision.downscale_stabilization_floor,
        "upscale_stabilization_ceiling": decision.upscale_stabilization_ceiling,
        "held_by": decision.held_by,
    }
    steps = [
        {"rule": step.rule, "before": step.before, "after": step.after, "reason": step.reason}
        for step in decision.steps
    ]
    return {**values, "steps": steps}


def line(
    level: str,
    message: str,
    now: float,
    namespace: str,
    dimensions: dict[str, str],
    metrics: dict[str, Metric],
    fields: dict[str, Any],
) -> str:
    """One log line; fields that are None are left out, and metrics win over fields of the same name."""
    document: dict[str, Any] = {"level": level, "message": message}
    document |= {name: value for name, value in fields.items() if value is not None}
    document |= dimensions
    document |= {name: metric.value for name, metric in metrics.items()}
    if metrics:
        directive = {
            "Namespace": namespace,
            "Dimensions": [list(dimensions)],
            "Metrics": [
                {"Name": name, "Unit": metric.unit, "StorageResolution": metric.resolution}
                for name, metric in metrics.items()
            ],
        }
        document["_aws"] = {"Timestamp": int(now * 1000), "CloudWatchMetrics": [directive]}
    return json.dumps(document, separators=(",", ":"), default=str)
