"""What decides every 10 seconds how many replicas each API of a cluster has."""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import Arn, ArnComponents, ArnFormat, Duration, RemovalPolicy, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as sources
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from cortex_cdk.autoscaling import Policy, UpdateStrategy
from cortex_cdk.constructs import source_cut
from cortex_cdk.constructs.acknowledged import acknowledge, acknowledge_wildcard
from cortex_cdk.constructs.service_percents import template_percents
from cortex_cdk.scaler.service_tags import CLUSTER_TAG, tags_of

NAMESPACE = "Cortex"
"""Of the metrics, unless another is asked for."""

HANDLER = "cortex_cdk.scaler.handler.handler"
_MEMORY_MB = 384
"""For the CPU that comes with it, the fifth part of a vCPU, rather than for the memory: docs/performance.md has what a
tick of 500 APIs takes of both."""
_TICK = Duration.seconds(20)  # a tick is to take less than 8 s; the next one comes after 10
_REDELIVERY = Duration.seconds(6 * int(_TICK.to_seconds()))
"""Six times the function's time-out (https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html)."""
_DELIVERIES = 2
"""Of a tick that fails. The second one is run however late it comes (``cortex_cdk.scaler.handler``), as nothing else
tells a tick that failed from one that was not run: if there were one delivery alone, every message that gets lost
between SQS and Lambda would count as a failure."""
_RETENTION = Duration.minutes(10)
"""Longer than a tick's delay, up to a minute, and all deliveries: a message that expires before is no dead letter."""


@dataclass(frozen=True, kw_only=True)
class ScalerAttributes:
    """A scaler of another stack.

    Attributes:
        table_name: of the table of load reports.
        cluster_name: of the ECS cluster.
        metric_namespace: of what it and the replicas report to CloudWatch.
    """

    table_name: str
    cluster_name: str
    metric_namespace: str = NAMESPACE


class ScalerBase(Construct):
    """What own and imported scalers share.

    Attributes:
        metric_namespace: of what it and the replicas report to CloudWatch.
    """

    metric_namespace: str
    _cluster_name: str

    @property
    def table_name(self) -> str:
        """Where load reports are written."""
        raise NotImplementedError

    def add_service(
        self, service: ecs.BaseService, *, api: str, policy: Policy, update_strategy: UpdateStrategy
    ) -> None:
        """Have a service scaled: it gets tags with the policy, and percents that are safe until the first tick.

        The tags are not handed on to tasks, so that a new policy takes effect without a new task. Each task must send
        load reports, for which ``grant_report`` allows its role.

        Args:
            service: of the cluster; made without ``desired_count``, which each deployment would set again.
            api: a name, unique in the cluster.
            policy: how many tasks it gets.
            update_strategy: how many tasks a deployment may add and miss.

        Raises:
            TypeError: when ``service`` was not made by this library's level 2 constructs.
        """
        resource = service.node.default_child or service.node.find_child("Service")
        if not isinstance(resource, ecs.CfnService):
            raise TypeError(f"{service.node.path} is no service that a template defines, its tags cannot be set")
        for key, value in {**tags_of(policy, update_strategy, api), CLUSTER_TAG: self._cluster_name}.items():
            resource.tags.set_tag(key, value)
        percents = template_percents(update_strategy, policy.min_replicas, policy.max_replicas)
        resource.add_property_override("DeploymentConfiguration.MaximumPercent", percents.maximum_percent)
        resource.add_property_override(
            "DeploymentConfiguration.MinimumHealthyPercent", percents.minimum_healthy_percent
        )

    def grant_report(self, grantee: iam.IGrantable, api: str) -> iam.Grant:
        """Allow to write load reports of ``api``, and of no other."""
        return iam.Grant.add_to_principal(
            grantee=grantee,
            actions=["dynamodb:PutItem"],
            resource_arns=[
                Arn.format(
                    ArnComponents(service="dynamodb", resource="table", resource_name=self.table_name),
                    Stack.of(self),
                )
            ],
            conditions={"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": [f"load#{api}"]}},
        )


class Scaler(ScalerBase):
    """A Lambda that runs every 10 seconds, for all services of a cluster that carry its tags.

    EventBridge's finest rate is a minute; each minute the Lambda sends itself six messages through SQS, which delays
    them by up to 50 seconds.

    Args:
        cluster: whose services it scales.
        metric_namespace: of what it and the replicas report to CloudWatch.
        log_retention: of its log, which has each decision with its reasons.

    Attributes:
        table: load reports and former decisions.
        queue: ticks on their way.
        dead_letters: ticks that failed twice for a reason that nobody has thought of.
        log_group: each decision with its reasons.
        function: the Lambda.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        cluster: ecs.ICluster,
        metric_namespace: str = NAMESPACE,
        log_retention: logs.RetentionDays = logs.RetentionDays.ONE_MONTH,
    ) -> None:
        super().__init__(scope, id)
        self.metric_namespace = metric_namespace
        self._cluster_name = cluster.cluster_name
        self.table = dynamodb.Table(
            self,
            "Table",
            partition_key=dynamodb.Attribute(name="pk", type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name="sk", type=dynamodb.AttributeType.STRING),
            time_to_live_attribute="expires",
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            removal_policy=RemovalPolicy.DESTROY,  # what is in it is of no use after a few minutes
        )
        self.dead_letters = sqs.Queue(self, "DeadLetters", enforce_ssl=True, encryption=sqs.QueueEncryption.SQS_MANAGED)
        self.queue = sqs.Queue(
            self,
            "Ticks",
            enforce_ssl=True,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            visibility_timeout=_REDELIVERY,
            retention_period=_RETENTION,
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.dead_letters, max_receive_count=_DELIVERIES),
        )
        self.log_group = logs.LogGroup(self, "Log", retention=log_retention, removal_policy=RemovalPolicy.DESTROY)
        role = self._role(self.log_group)
        with source_cut.package_cut(source_cut.SCALER) as folder:
            code = lambda_.Code.from_asset(folder)
            self.function = lambda_.Function(
                self,
                "Function",
                runtime=lambda_.Runtime.PYTHON_3_13,
                architecture=lambda_.Architecture.ARM_64,
                handler=HANDLER,
                code=code,
                memory_size=_MEMORY_MB,
                timeout=_TICK,
                # Of the schedule's event: the next one comes before Lambda would try again, a minute later.
                retry_attempts=0,
                max_event_age=Duration.minutes(1),
                role=role,
                log_group=self.log_group,
                description="Decides every 10 s how many replicas each API has",
                environment={
                    "CORTEX_CLUSTER": cluster.cluster_name,
                    "CORTEX_TABLE": self.table.table_name,
                    "CORTEX_QUEUE_URL": self.queue.queue_url,
                    "CORTEX_METRIC_NAMESPACE": metric_namespace,
                },
            )
        acknowledge(self.table, "DDB3")
        acknowledge(self.function, "L1")
        acknowledge(role, "IAM5[Resource::*]")
        self.queue.grant_send_messages(self.function)
        self._grant(cluster)
        self.function.add_event_source(
            sources.SqsEventSource(
                self.queue,
                batch_size=1,
                # The least that there is: ticks that come again after an outage wait for each other.
                max_concurrency=2,
                report_batch_item_failures=True,
            )
        )
        events.Rule(
            self,
            "EveryMinute",
            schedule=events.Schedule.rate(Duration.minutes(1)),
            # A tick that is late is of no use: the next minute brings its own.
            targets=[targets.LambdaFunction(self.function, retry_attempts=0, max_event_age=Duration.minutes(1))],
        )

    @property
    def table_name(self) -> str:
        return self.table.table_name

    @staticmethod
    def from_scaler_attributes(scope: Construct, id: str, attributes: ScalerAttributes) -> ScalerBase:
        """A scaler that another stack made."""
        return _ImportedScaler(scope, id, attributes)

    def metric_ticks(self, **options: object) -> cloudwatch.Metric:
        """Ticks that the scaler has made: 6 a minute."""
        return self.metric("Ticks", **options)

    def metric_errors(self, **options: object) -> cloudwatch.Metric:
        """What failed in ticks: calls of AWS, and APIs with wrong tags."""
        return self.metric("Errors", **options)

    def metric(self, name: str, **options: object) -> cloudwatch.Metric:
        """The metric ``name`` of the scaler itself."""
        defaults: dict[str, object] = {"statistic": "Sum", "period": Duration.minutes(1)}
        return cloudwatch.Metric(
            namespace=self.metric_namespace,
            metric_name=name,
            dimensions_map={"Cluster": self._cluster_name},
            **{**defaults, **options},  # type: ignore[arg-type]
        )

    def _role(self, log_group: logs.LogGroup) -> iam.Role:
        """Without AWS's managed policy, which allows to write to every log of the account."""
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        log_group.grant_write(role)
        return role

    def _grant(self, cluster: ecs.ICluster) -> None:
        services = Stack.of(self).format_arn(
            service="ecs",
            resource="service",
            resource_name=f"{cluster.cluster_name}/*",
            arn_format=ArnFormat.SLASH_RESOURCE_NAME,
        )
        acknowledge_wildcard(self, services)
        for statement in (
            # ListServices has no resource: the condition is what limits it to the cluster.
            # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html
            iam.PolicyStatement(
                sid="FindServices",
                actions=["ecs:ListServices"],
                resources=["*"],
                conditions={"ArnEquals": {"ecs:cluster": cluster.cluster_arn}},
            ),
            iam.PolicyStatement(sid="ReadServices", actions=["ecs:DescribeServices"], resources=[services]),
            iam.PolicyStatement(
                sid="ScaleServicesWithItsTag",
                actions=["ecs:UpdateService"],
                resources=[services],
                conditions={"StringEquals": {f"aws:ResourceTag/{CLUSTER_TAG}": cluster.cluster_name}},
            ),
            iam.PolicyStatement(
                sid="ReadLoadAndStates",
                actions=["dynamodb:Query", "dynamodb:BatchGetItem"],
                resources=[self.table.table_arn],
            ),
            iam.PolicyStatement(
                sid="WriteStates",
                actions=["dynamodb:PutItem"],
                resources=[self.table.table_arn],
                conditions={"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["scaler#*"]}},
            ),
        ):
            self.function.add_to_role_policy(statement)


class _ImportedScaler(ScalerBase):
    def __init__(self, scope: Construct, id: str, attributes: ScalerAttributes) -> None:
        super().__init__(scope, id)
        self.metric_namespace = attributes.metric_namespace
        self._cluster_name = attributes.cluster_name
        self._table_name = attributes.table_name

    @property
    def table_name(self) -> str:
        return self._table_name
