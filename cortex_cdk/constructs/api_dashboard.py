"""The dashboard of an API: how it is used, how it answers, how it scales and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_elasticloadbalancingv2 as elbv2

from cortex_cdk.autoscaling import Rule
from cortex_cdk.constructs.alarm_options import Setting
from cortex_cdk.constructs.api_alarms import failed_percent
from cortex_cdk.constructs.api_metrics import ApiMetrics
from cortex_cdk.constructs.graphs import (
    BLUE,
    GREEN,
    GREY,
    MINUTE,
    NOTE,
    ORANGE,
    RED,
    TEN_SECONDS,
    filled,
    graph,
    search,
)
from cortex_cdk.scaler.metrics import held_by_name

_HELD_BY = {rule: rule.value.replace("_", " ") for rule in Rule if rule is not Rule.LOAD}


class ApiDashboard:
    """What is on the dashboard of one API.

    Args:
        api: whose metrics are shown.
        service, target_group: of the API.
        on: its alarms, whose thresholds are drawn.
        operations_page: of its alarms.
    """

    def __init__(
        self,
        api: ApiMetrics,
        *,
        service: ecs.BaseService,
        target_group: elbv2.ApplicationTargetGroup,
        on: Mapping[str, Setting],
        operations_page: str,
    ) -> None:
        self._api = api
        self._service = service
        self._target_group = target_group
        self._on = on
        self._page = operations_page

    def rows(self, alarms: Sequence[cloudwatch.IAlarm]) -> list[list[cloudwatch.IWidget]]:
        """Its widgets, row by row; ``alarms`` are shown at the top."""
        status: list[cloudwatch.IWidget] = (
            [cloudwatch.AlarmStatusWidget(title="Alarms", alarms=list(alarms), width=24, height=3)] if alarms else []
        )
        return [
            [self._head()],
            status,
            [self._in_flight_per_replica(), self._in_flight(), self._replicas()],
            [self._requests(), self._failures(), self._latency()],
            [self._queue(), self._resources(), self._rollouts()],
            [self._reasons(), *self._tracker(), *self._gpus()],
        ]

    def _head(self) -> cloudwatch.TextWidget:
        markdown = f"# {self._api.spec.name}\n{NOTE} What each alarm means, and what to do: {self._page}"
        return cloudwatch.TextWidget(markdown=markdown, width=24, height=2)

    def _metric(
        self, name: str, label: str, statistic: str, color: str | None = None, period: Duration = MINUTE
    ) -> cloudwatch.Metric:
        return self._api.metric(name, label=label, statistic=statistic, color=color, period=period)

    def _tick(self, name: str, label: str, statistic: str, color: str | None = None) -> cloudwatch.Metric:
        return self._metric(name, label, statistic, color, TEN_SECONDS)

    def _in_flight_per_replica(self) -> cloudwatch.IWidget:
        metrics = [
            self._tick("InFlight", "mean of the replicas", "Average", BLUE),
            self._tick("InFlight", "busiest replica", "Maximum", ORANGE),
            self._tick("Target", "target_replica_concurrency", "Average", GREY),
        ]
        return graph("In flight, each replica", "requests", metrics, period=TEN_SECONDS)

    def _in_flight(self) -> cloudwatch.IWidget:
        window = self._api.spec.autoscaling.window.total_seconds()
        metrics = [self._tick("InFlightTotal", f"mean of the last {window:g} s", "Average", BLUE)]
        return graph("In flight, all replicas", "requests", metrics, period=TEN_SECONDS)

    def _replicas(self) -> cloudwatch.IWidget:
        scaling = self._api.spec.autoscaling
        metrics = [
            self._tick("DesiredReplicas", "desired", "Maximum", BLUE),
            self._tick("RunningReplicas", "running", "Minimum", GREEN),
            self._tick("Recommendation", "recommended, before stabilization", "Maximum", GREY),
        ]
        lines = {"max_replicas": float(scaling.max_replicas), "min_replicas": float(scaling.min_replicas)}
        return graph("Replicas", "replicas", metrics, lines=lines, period=TEN_SECONDS)

    def _requests(self) -> cloudwatch.IWidget:
        codes = (("2xx", GREEN), ("4xx", ORANGE), ("5xx", RED))
        metrics: list[cloudwatch.IMetric] = [self._metric("Requests", "all", "Sum", GREY)]
        metrics += [
            filled(self._metric(f"Requests{code}", code, "Sum", color), f"requests{code}") for code, color in codes
        ]
        return graph("Requests by code", "requests a minute", metrics)

    def _failures(self) -> cloudwatch.IWidget:
        failed = failed_percent(self._api, MINUTE)
        refused = filled(self._metric("Requests503", "503, full or without a worker", "Sum", RED), "refused")
        return graph(
            "Failed requests (5xx)",
            "%",
            [failed],
            right=[refused],
            right_unit="requests a minute",
            lines=self._threshold("server_errors"),
        )

    def _latency(self) -> cloudwatch.IWidget:
        alarm = self._on.get("latency")
        # By default it is a multiple of all that is usual: a line there would press the others flat.
        far = alarm is not None and not alarm.threshold_chosen
        title = f"Latency; alarm above {alarm.threshold:,.0f} ms" if alarm and far else "Latency"
        return graph(title, "ms", self._percentiles("Latency"), lines={} if far else self._threshold("latency"))

    def _queue(self) -> cloudwatch.IWidget:
        queued = self._metric("Queued", "waiting, mean of the replicas", "Average", GREY)
        percentiles = self._percentiles("QueueTime")
        return graph("Time in the queue", "ms", percentiles, right=[queued], right_unit="requests")

    def _percentiles(self, name: str) -> list[cloudwatch.IMetric]:
        return [
            self._metric(name, percentile, percentile, color)
            for percentile, color in (("p50", GREEN), ("p90", ORANGE), ("p99", RED))
        ]

    def _resources(self) -> cloudwatch.IWidget:
        cpu = self._service.metric_cpu_utilization(label="CPU", color=BLUE, period=MINUTE)
        memory = self._service.metric_memory_utilization(label="memory", color=GREEN, period=MINUTE)
        return graph("CPU and memory, of what is reserved", "%", [cpu, memory])

    def _rollouts(self) -> cloudwatch.IWidget:
        dimensions = {
            "ClusterName": self._api.cluster.ecs_cluster.cluster_name,
            "ServiceName": self._service.service_name,
        }

        def insight(name: str, label: str, color: str) -> cloudwatch.Metric:
            return cloudwatch.Metric(
                namespace="ECS/ContainerInsights",
                metric_name=name,
                dimensions_map=dimensions,
                statistic="Maximum",
                label=label,
                color=color,
                period=MINUTE,
            )

        health = self._target_group.metrics
        metrics = [
            insight("DeploymentCount", "deployments, 1 when none is under way", BLUE),
            insight("PendingTaskCount", "replicas that wait for an instance", ORANGE),
            health.healthy_host_count(label="healthy replicas", statistic="Maximum", color=GREEN, period=MINUTE),
            health.unhealthy_host_count(label="unhealthy replicas", statistic="Maximum", color=RED, period=MINUTE),
        ]
        return graph("Deployments and health", "count", metrics)

    def _reasons(self) -> cloudwatch.IWidget:
        decisions = self._metric("DesiredReplicas", "all decisions", "SampleCount", GREY)
        metrics: list[cloudwatch.IMetric] = [decisions]
        metrics += [
            filled(self._metric(held_by_name(rule), words, "SampleCount"), rule.value)
            for rule, words in _HELD_BY.items()
        ]
        return graph("Why the count is not what the load asks for", "decisions a minute", metrics)

    def _tracker(self) -> list[cloudwatch.IWidget]:
        tracker = self._api.spec.tracker
        if tracker is None:
            return []
        if tracker.model_type == "classification":
            cluster = self._api.cluster
            classes = search(
                cluster.scaler.metric_namespace,
                ["Api", "Class", "Cluster"],
                "Predictions",
                "Sum",
                where={"Cluster": cluster.ecs_cluster.cluster_name, "Api": self._api.spec.name},
                label="Class",
            )
            return [graph("Predictions by class", "predictions a minute", [classes], stacked=True)]
        mean = cloudwatch.MathExpression(
            expression="sum / count",
            using_metrics={
                "sum": self._metric("PredictionSum", "sum", "Sum"),
                "count": self._metric("Predictions", "count", "Sum"),
            },
            label="mean",
            color=BLUE,
            period=MINUTE,
        )
        values: list[cloudwatch.IMetric] = [
            mean,
            self._metric("PredictionMin", "lowest", "Minimum", GREEN),
            self._metric("PredictionMax", "highest", "Maximum", ORANGE),
        ]
        count = self._metric("Predictions", "predictions", "Sum", GREY)
        return [graph("Predicted values", "value", values, right=[count], right_unit="predictions a minute")]

    def _gpus(self) -> list[cloudwatch.IWidget]:
        if not self._api.spec.compute.gpu:
            return []
        # What the GPUs do, nobody reports without an agent on the instances; ECS knows who has which.
        reserved = cloudwatch.Metric(
            namespace="AWS/ECS",
            metric_name="GPUReservation",
            dimensions_map={"ClusterName": self._api.cluster.ecs_cluster.cluster_name},
            statistic="Average",
            label="reserved",
            color=BLUE,
            period=MINUTE,
        )
        return [graph("GPUs of the cluster", "%", [reserved])]

    def _threshold(self, alarm: str) -> dict[str, float]:
        return {"alarm": self._on[alarm].threshold} if alarm in self._on else {}
