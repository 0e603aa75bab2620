"""The alarms of an API."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_sns as sns
from constructs import Construct

from cortex_cdk.autoscaling import Rule
from cortex_cdk.constructs.alarm_options import Setting
from cortex_cdk.constructs.alarm_set import AT_LEAST, IGNORE, MORE_THAN, NOT_BREACHING, AlarmSet
from cortex_cdk.constructs.api_metrics import ApiMetrics
from cortex_cdk.scaler.metrics import held_by_name

_MINUTE = Duration.minutes(1)


class ApiAlarmSet(AlarmSet):
    """The alarms of one API that are on.

    Args:
        api: whose metrics they look at.
        on: how they are set, by name.
        service, target_group: of the API.
        operations_page, topic: see ``AlarmSet``.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        api: ApiMetrics,
        on: Mapping[str, Setting],
        service: ecs.IBaseService,
        target_group: elbv2.ApplicationTargetGroup,
        operations_page: str,
        topic: sns.ITopic | None,
    ) -> None:
        super().__init__(scope, id, subject=api.spec.name, operations_page=operations_page, topic=topic)
        self._api = api
        self._service = service
        self._target_group = target_group
        makers = {
            "server_errors": self._server_errors,
            "latency": self._latency,
            "unhealthy_replicas": self._unhealthy_replicas,
            "at_max_replicas": self._at_max_replicas,
            "no_load_reports": self._no_load_reports,
            "deployment_failed": self._deployment_failed,
        }
        for name, setting in on.items():
            makers[name](setting)

    def _server_errors(self, on: Setting) -> None:
        window = Duration.minutes(on.minutes)
        rate = failed_percent(self._api, window, at_least=on.min_count)
        meaning = (
            f"more than {on.threshold:g} % of the requests of {on.minutes} min, and at least {on.min_count}, were "
            f"answered with a 5xx"
        )
        # Without replicas there are no requests to fail; that they are gone is what other alarms are for.
        self.add("server_errors", on, rate, meaning, MORE_THAN, NOT_BREACHING, periods=1)

    def _latency(self, on: Setting) -> None:
        p99 = cloudwatch.MathExpression(
            expression=f"IF(requests >= {on.min_count}, p99, 0)",
            using_metrics={
                "requests": self._api.metric_requests(period=_MINUTE),
                "p99": self._api.metric_latency(statistic="p99", period=_MINUTE),
            },
            label="p99 of the latency",
            period=_MINUTE,
        )
        meaning = f"the slowest percent of the requests took longer than {on.threshold:g} ms, for {on.minutes} min"
        # Nobody waits where nobody asks.
        self.add("latency", on, p99, meaning, MORE_THAN, NOT_BREACHING, periods=on.minutes, most=True)

    def _unhealthy_replicas(self, on: Setting) -> None:
        # The maximum, as the nodes of a load balancer in a zone without targets may count none.
        count = self._target_group.metrics.unhealthy_host_count(statistic="Maximum", period=_MINUTE)
        meaning = (
            f"{on.threshold:g} or more replicas have failed the load balancer's health checks for {on.minutes} min, "
            f"longer than a replica should take to start"
        )
        # What is not registered is not unhealthy.
        self.add("unhealthy_replicas", on, count, meaning, AT_LEAST, NOT_BREACHING, periods=on.minutes)

    def _at_max_replicas(self, on: Setting) -> None:
        meaning = f"its load has asked for more than max_replicas for {on.minutes} min"
        # Of what the scaler would do nothing is known while it does nothing.
        share = held_percent(self._api, Rule.MAX_REPLICAS)
        self.add("at_max_replicas", on, share, meaning, MORE_THAN, IGNORE, periods=on.minutes)

    def _no_load_reports(self, on: Setting) -> None:
        meaning = f"for {on.minutes} min the scaler has found no load reports of its replicas, and holds their number"
        share = held_percent(self._api, Rule.NO_DATA)
        self.add("no_load_reports", on, share, meaning, MORE_THAN, IGNORE, periods=on.minutes)

    def _deployment_failed(self, on: Setting) -> None:
        topic = on.topic or self._topic
        if topic is None:
            return
        # No metric tells that a deployment was rolled back; this event does, and says why.
        field = events.EventField.from_path
        words = self.description("deployment_failed", "ECS gave a deployment up, and goes back to the one before")
        text = f"{words}\n{field('$.detail.reason')} ({field('$.detail.deploymentId')}, {field('$.time')})"
        events.Rule(
            self,
            "DeploymentFailed",
            event_pattern=events.EventPattern(
                source=["aws.ecs"],
                detail_type=["ECS Deployment State Change"],
                resources=[self._service.service_arn],
                detail={"eventName": ["SERVICE_DEPLOYMENT_FAILED"]},
            ),
            targets=[targets.SnsTopic(topic, message=events.RuleTargetInput.from_text(text))],
        )


def failed_percent(api: ApiMetrics, window: Duration, *, at_least: int = 1) -> cloudwatch.MathExpression:
    """The share of requests that were answered with a 5xx, in percent; 0 where fewer than ``at_least`` were."""
    return cloudwatch.MathExpression(
        expression=f"IF(FILL(errors, 0) >= {at_least}, 100 * FILL(errors, 0) / requests, 0)",
        using_metrics={
            "errors": api.metric_server_errors(period=window),
            "requests": api.metric_requests(period=window),
        },
        label="failed requests",
        period=window,
    )


def held_percent(api: ApiMetrics, rule: Rule) -> cloudwatch.MathExpression:
    """The share of a minute's decisions in which ``rule`` kept the count from what the load asks for, in percent."""
    return cloudwatch.MathExpression(
        expression="100 * FILL(held, 0) / decisions",
        using_metrics={
            "held": api.metric(held_by_name(rule), statistic="SampleCount", period=_MINUTE),
            "decisions": api.metric("DesiredReplicas", statistic="SampleCount", period=_MINUTE),
        },
        label=f"decisions held by {rule.value.replace('_', ' ')}",
        period=_MINUTE,
    )
