"""The dashboard of a cluster: all its APIs, the load balancer, the instances and the scaler."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ecs as ecs

from cortex_cdk.autoscaling import TICK_S, Rule
from cortex_cdk.constructs.cluster_alarms import capacity_reserved
from cortex_cdk.constructs.endpoint import Endpoint
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
from cortex_cdk.constructs.instance_capacity import InstanceCapacity
from cortex_cdk.constructs.scaler import Scaler
from cortex_cdk.scaler.metrics import held_by_name
from cortex_cdk.spec.cluster.instance_group import InstanceGroup


class ClusterDashboard:
    """What is on the dashboard of one cluster.

    Args:
        cluster: the ECS cluster.
        endpoint, scaler: of the cluster.
        groups, instances: the instance groups, and the instances of each by its name.
        operations_page: of its alarms.
    """

    def __init__(
        self,
        cluster: ecs.ICluster,
        *,
        endpoint: Endpoint,
        scaler: Scaler,
        groups: Sequence[InstanceGroup],
        instances: Mapping[str, InstanceCapacity],
        operations_page: str,
    ) -> None:
        self._cluster = cluster
        self._endpoint = endpoint
        self._scaler = scaler
        self._groups = {group.name: group for group in groups}
        self._instances = instances
        self._page = operations_page

    def rows(self, alarms: Sequence[cloudwatch.IAlarm]) -> list[list[cloudwatch.IWidget]]:
        """Its widgets, row by row; ``alarms`` are shown at the top."""
        status: list[cloudwatch.IWidget] = (
            [cloudwatch.AlarmStatusWidget(title="Alarms", alarms=list(alarms), width=24, height=3)] if alarms else []
        )
        return [
            [self._head()],
            status,
            self._apis_and_their_load(),
            self._apis_and_their_answers(),
            self._load_balancer(),
            self._capacity(),
            self._scaling(),
        ]

    def _head(self) -> cloudwatch.TextWidget:
        markdown = (
            f"# Cluster {self._cluster.cluster_name}\n{NOTE} Of the APIs, the 20 with the highest values are shown. "
            f"What each alarm means, and what to do: {self._page}"
        )
        return cloudwatch.TextWidget(markdown=markdown, width=24, height=2)

    def _by_api(self, name: str, statistic: str, *, every_tick: bool = False) -> cloudwatch.MathExpression:
        return search(
            self._scaler.metric_namespace,
            ["Api", "Cluster"],
            name,
            statistic,
            where={"Cluster": self._cluster.cluster_name},
            label="Api",
            period=TEN_SECONDS if every_tick else MINUTE,
        )

    def _apis_and_their_load(self) -> list[cloudwatch.IWidget]:
        in_flight = self._by_api("InFlightTotal", "Average", every_tick=True)
        desired = self._by_api("DesiredReplicas", "Maximum", every_tick=True)
        return [
            graph("In flight by API", "requests", [in_flight], period=TEN_SECONDS),
            graph("Desired replicas by API", "replicas", [desired], period=TEN_SECONDS, stacked=True),
            graph("Requests by API", "requests a minute", [self._by_api("Requests", "Sum")]),
        ]

    def _apis_and_their_answers(self) -> list[cloudwatch.IWidget]:
        held = held_by_name(Rule.MAX_REPLICAS)
        apis = self._of_scaler("Apis", "APIs", "Maximum", GREY)  # so that graphs of what seldom happens are not empty
        return [
            graph("Latency by API, p99", "ms", [self._by_api("Latency", "p99")]),
            graph(
                "Failed requests (5xx) by API",
                "requests a minute",
                [self._by_api("Requests5xx", "Sum")],
                right=[apis],
                right_unit="count",
            ),
            graph(
                "Held at max_replicas, by API",
                "decisions a minute",
                [self._by_api(held, "SampleCount")],
                right=[apis],
                right_unit="count",
            ),
        ]

    def _load_balancer(self) -> list[cloudwatch.IWidget]:
        metrics = self._endpoint.load_balancer.metrics
        target_5xx = "HTTPCode_Target_5XX_Count"
        elb_5xx = "HTTPCode_ELB_5XX_Count"
        count: dict[str, Any] = {"statistic": "Sum", "period": MINUTE}
        requests = metrics.request_count(label="all", color=GREY, **count)
        failed = [
            filled(metrics.custom(target_5xx, label="5xx of replicas", color=ORANGE, **count), "replicas"),
            filled(metrics.custom(elb_5xx, label="5xx of the load balancer itself", color=RED, **count), "balancer"),
        ]
        times = [
            metrics.target_response_time(label=percentile, statistic=percentile, color=color, period=MINUTE)
            for percentile, color in (("p50", GREEN), ("p90", ORANGE), ("p99", RED))
        ]
        connections = metrics.active_connection_count(label="clients and replicas", color=BLUE, **count)
        return [
            graph("Load balancer: requests", "requests a minute", [requests, *failed]),
            graph("Load balancer: time until replicas answer", "s", times),
            graph("Load balancer: connections", "connections", [connections]),
        ]

    def _capacity(self) -> list[cloudwatch.IWidget]:
        colors = (BLUE, GREEN, ORANGE, cloudwatch.Color.PURPLE, cloudwatch.Color.BROWN, cloudwatch.Color.PINK)
        running: list[cloudwatch.IMetric] = []
        reserved: list[cloudwatch.IMetric] = []
        for number, (name, group) in enumerate(self._instances.items()):
            color = colors[number % len(colors)]
            for metric, words in (("GroupInServiceInstances", "in service"), ("GroupDesiredCapacity", "desired")):
                running.append(
                    cloudwatch.Metric(
                        namespace="AWS/AutoScaling",
                        metric_name=metric,
                        dimensions_map={"AutoScalingGroupName": group.auto_scaling_group.auto_scaling_group_name},
                        statistic="Maximum",
                        label=f"{name}, {words}",
                        color=color if metric == "GroupInServiceInstances" else GREY,
                        period=MINUTE,
                    )
                )
            reserved.append(capacity_reserved(self._cluster, group.capacity_provider_name, label=name))
        most = {f"{name}, max_instances": float(group.max_instances) for name, group in self._groups.items()}
        shares = [("CPUReservation", "CPU", BLUE), ("MemoryReservation", "memory", GREEN)]
        if any(group.gpu for group in self._groups.values()):
            shares.append(("GPUReservation", "GPUs", ORANGE))
        parts = [
            cloudwatch.Metric(
                namespace="AWS/ECS",
                metric_name=metric,
                dimensions_map={"ClusterName": self._cluster.cluster_name},
                statistic="Average",
                label=words,
                color=color,
                period=MINUTE,
            )
            for metric, words, color in shares
        ]
        full = {"all instances needed": 100.0}
        return [
            graph("Instances", "instances", running, lines=most),
            graph("Instances needed, of those there are", "%", reserved, lines=full),
            graph("Reserved of the instances", "%", parts),
        ]

    def _scaling(self) -> list[cloudwatch.IWidget]:
        crashes = self._scaler.function.metric_errors(label="ended early", color=ORANGE, period=MINUTE)
        letters = self._scaler.dead_letters.metric_approximate_number_of_messages_visible(
            label="dead letters", statistic="Maximum", color=GREY, period=MINUTE
        )
        return [
            graph(
                "Scaler: ticks",
                "count a minute",
                [
                    self._of_scaler("Ticks", "ticks", "Sum", BLUE),
                    self._of_scaler("Errors", "errors", "Sum", RED),
                    crashes,
                    filled(letters, "letters"),
                ],
            ),
            graph(
                "Scaler: time of a tick",
                "ms",
                [
                    self._of_scaler("TickDuration", "longest", "Maximum", ORANGE),
                    self._of_scaler("TickDuration", "mean", "Average", BLUE),
                ],
                lines={"the next tick is due": TICK_S * 1000.0},
            ),
            graph(
                "Scaler: services",
                "count a minute",
                [
                    self._of_scaler("Updates", "changed", "Sum", BLUE),
                    self._of_scaler("Postponed", "left to the next tick", "Sum", ORANGE),
                ],
            ),
        ]

    def _of_scaler(self, name: str, label: str, statistic: str, color: str) -> cloudwatch.Metric:
        return self._scaler.metric(name, label=label, statistic=statistic, color=color, period=MINUTE)
