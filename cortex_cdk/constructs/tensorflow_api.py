"""A TensorFlow model behind an autoscaled HTTP endpoint."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import jsii
from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from cortex_cdk.constructs.alarm_options import ApiAlarms
from cortex_cdk.constructs.api_metrics import ApiMetrics
from cortex_cdk.constructs.endpoint import API_PORT
from cortex_cdk.constructs.images import ApiImage, DownloaderImage, ServingImage
from cortex_cdk.constructs.instance_group import choose
from cortex_cdk.constructs.interfaces import ICluster
from cortex_cdk.constructs.model_version import ModelVersion, grant_read
from cortex_cdk.constructs.monitoring import ApiMonitoring
from cortex_cdk.constructs.replica_settings import replica_settings, too_large
from cortex_cdk.constructs.replica_task import ReplicaTask
from cortex_cdk.constructs.validation import Problems
from cortex_cdk.model_pin.pin import PinnedModel
from cortex_cdk.spec.model import ApiSpec
from cortex_cdk.spec.s3_uri import S3Uri

_STARTUP = Duration.minutes(15)
_FAILED_PERCENT = 10
_FAILED_AT_LEAST = 5  # a minute


@jsii.implements(ec2.IConnectable, iam.IGrantable)
class TensorFlowApi(Construct, ApiMetrics):
    """One API: its replicas on ECS, its path at the cluster's endpoint, its scaling.

    What the predictor may do in AWS is granted to the API itself: ``bucket.grant_read(api)``. Its containers reach what
    ``api.connections`` is allowed to.

    Args:
        cluster: where it runs: a ``Cluster``, or what ``Cluster.from_cluster_attributes`` gives.
        spec: of the API, from ``cortex_cdk.spec`` or built by hand. Its model must be in S3.
        image: of the predictor; by default made of the current folder.
        serving: TensorFlow Serving's image.
        downloader: the image of what fetches the model.
        model: the version to serve, where it is known at synth (``cortex_cdk.model_pin.pin.pin``). Otherwise a custom
            resource looks it up when the stack is deployed.
        instance_group: the name of the group to run on; by default the first onto which a replica fits.
        priority: of the listener's rule, 1 to 50,000, when the one that follows from the name is taken.
        startup_timeout: how long a new replica may take to become ready, download included.
        log_retention: of the containers' log.
        alarms: which alarms there are; False: none. See ``ApiAlarms``, also for what they cost.
        dashboard: whether there is one; see ``ApiMonitoring`` for what it costs.
        queries: whether there are saved queries of its log; see ``ApiMonitoring``.

    Attributes:
        cluster: where it runs.
        spec: as it was made with.
        task: its task definition, containers and log group.
        target_group: where the load balancer finds its replicas.
        rollback_alarm: takes a deployment back in which requests fail.
        service: of ECS; its replicas are the service's tasks.
        monitoring: its dashboard, alarms and saved queries.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        cluster: ICluster,
        spec: ApiSpec,
        image: ApiImage | None = None,
        serving: ServingImage | None = None,
        downloader: DownloaderImage | None = None,
        model: PinnedModel | None = None,
        instance_group: str | None = None,
        priority: int | None = None,
        startup_timeout: Duration = _STARTUP,
        log_retention: logs.RetentionDays = logs.RetentionDays.ONE_MONTH,
        alarms: ApiAlarms | bool = True,
        dashboard: bool = True,
        queries: bool = True,
    ) -> None:
        super().__init__(scope, id)
        problems = Problems(self)
        image = image or ApiImage(project=".")
        problems.add(image.problems())
        self.spec = spec
        self.cluster = cluster
        group, misfits = choose(spec.compute, cluster.instance_groups, instance_group)
        problems.add(misfits)
        timing = cluster.endpoint.timing
        settings = replica_settings(
            spec,
            timing,
            port=API_PORT,
            reporting={
                "table": cluster.scaler.table_name,
                "metric_namespace": cluster.scaler.metric_namespace,
                "cluster": cluster.ecs_cluster.cluster_name,
            },
        )
        problems.add(too_large(settings))
        location = spec.predictor.model_location
        if not isinstance(location, S3Uri):
            problems.add([f"predictor.model is the local path {location}; upload the model and write its S3 URI"])
            location = S3Uri("models-are-in-s3", "none")

        images = (
            image.bind(self, "ApiImage"),
            (serving or ServingImage()).bind(self, "ServingImage", gpu=spec.compute.gpu > 0),
            (downloader or DownloaderImage()).bind(self, "DownloaderImage"),
        )
        self.task = ReplicaTask(
            self,
            "Task",
            compute=spec.compute,
            timing=timing,
            port=API_PORT,
            # Not the library's own JSON, which drops nulls and makes 1 of 1.0. Names in it become known later.
            settings=json.dumps(settings),
            model=model or self._look_up(location, settings, log_retention),
            images=images,
            startup_timeout=startup_timeout,
            log_retention=log_retention,
        )
        grant_read(self.task.role, location)
        cluster.scaler.grant_report(self.task.role, spec.name)

        self.target_group = elbv2.ApplicationTargetGroup(
            self,
            "TargetGroup",
            vpc=cluster.vpc,
            port=API_PORT,
            protocol=elbv2.ApplicationProtocol.HTTP,
            target_type=elbv2.TargetType.IP,
            # No slow start: target groups cannot have it with this algorithm, which fills a new replica as it answers.
            load_balancing_algorithm_type=elbv2.TargetGroupLoadBalancingAlgorithmType.LEAST_OUTSTANDING_REQUESTS,
            deregistration_delay=Duration.seconds(timing.deregistration_delay_s),
            health_check=elbv2.HealthCheck(
                path="/readyz",
                healthy_http_codes="200",
                interval=Duration.seconds(5),
                timeout=Duration.seconds(4),
                healthy_threshold_count=2,
                unhealthy_threshold_count=2,
            ),
        )
        problems.add(
            cluster.endpoint.add_api(
                self, "Rule", api=spec.name, path=spec.endpoint, target_group=self.target_group, priority=priority
            )
        )
        self.rollback_alarm = self._rollback_alarm()
        self.service = self._service(cluster.capacity_providers.get(group.name, group.name), startup_timeout)
        cluster.scaler.add_service(
            self.service, api=spec.name, policy=spec.autoscaling.policy(), update_strategy=spec.update_strategy
        )
        self.monitoring = ApiMonitoring(
            self,
            "Monitoring",
            api=self,
            service=self.service,
            target_group=self.target_group,
            log_group=self.task.log_group,
            startup_timeout=startup_timeout,
            alarms=alarms,
            dashboard=dashboard,
            queries=queries,
        )

    @property
    def url(self) -> str:
        """Where the API is called."""
        return f"{self.cluster.endpoint.url}{self.spec.endpoint}"

    @property
    def connections(self) -> ec2.Connections:
        """Of the replicas."""
        return self.service.connections

    @property
    def grant_principal(self) -> iam.IPrincipal:
        """Who the predictor is in AWS."""
        return self.task.role

    def _look_up(self, location: S3Uri, settings: Mapping[str, Any], log_retention: logs.RetentionDays) -> PinnedModel:
        """Look the model's version up whenever replicas are replaced anyway: for new code and new settings, but not
        for a new autoscaling policy."""
        code = self.node.find_child("ApiImage")
        assert isinstance(code, ecr_assets.DockerImageAsset)
        own = {key: value for key, value in settings.items() if key != "reporting"}  # whose names come later
        told = json.dumps([code.asset_hash, own, repr(self.spec.compute)])
        digest = hashlib.sha256(told.encode()).hexdigest()[:16]
        return ModelVersion(self, "Model", model=location, deployment=digest, log_retention=log_retention).pinned

    def _service(self, capacity_provider: str, startup_timeout: Duration) -> ecs.Ec2Service:
        cluster = self.cluster
        security_group = ec2.SecurityGroup(
            self, "SecurityGroup", vpc=cluster.vpc, description=f"Replicas of {self.spec.name}"
        )
        security_group.add_ingress_rule(cluster.endpoint.security_group, ec2.Port.tcp(API_PORT), "The load balancer")
        service = ecs.Ec2Service(
            self,
            "Service",
            cluster=cluster.ecs_cluster,
            task_definition=self.task.definition,
            # No desired count: it is the scaler's, and each deployment would set it back.
            capacity_provider_strategies=[ecs.CapacityProviderStrategy(capacity_provider=capacity_provider, weight=1)],
            placement_strategies=[
                ecs.PlacementStrategy.spread_across(ecs.BuiltInAttributes.AVAILABILITY_ZONE),
                ecs.PlacementStrategy.packed_by_memory(),
            ],
            security_groups=[security_group],
            vpc_subnets=ec2.SubnetSelection(subnets=cluster.vpc.private_subnets),
            health_check_grace_period=startup_timeout,
            circuit_breaker=ecs.DeploymentCircuitBreaker(enable=True, rollback=True),
            deployment_alarms=ecs.DeploymentAlarmConfig(
                alarm_names=[self.rollback_alarm.alarm_name], behavior=ecs.AlarmBehavior.ROLLBACK_ON_ALARM
            ),
            min_healthy_percent=100,
            max_healthy_percent=200,
            enable_ecs_managed_tags=True,
        )
        resource = service.node.find_child("Service")
        assert isinstance(resource, ecs.CfnService)
        resource.load_balancers = [
            ecs.CfnService.LoadBalancerProperty(
                container_name=self.task.api.container_name,
                container_port=API_PORT,
                target_group_arn=self.target_group.target_group_arn,
            )
        ]
        service.node.add_dependency(self.node.find_child("Rule"))  # ECS wants a target group that is in use
        return service

    def _rollback_alarm(self) -> cloudwatch.Alarm:
        """More than a tenth of the requests fail in a deployment: then it is taken back.

        Without those that full replicas turn away: the release that mends an overload would never get through. And from
        some failures a minute on: one of a quiet API says little about its release.
        """
        minute = Duration.minutes(1)
        answered: dict[str, Any] = {"statistic": "Sum", "period": minute}
        errors = "FILL(errors, 0) - FILL(refused, 0)"
        failed = cloudwatch.MathExpression(
            expression=f"IF({errors} >= {_FAILED_AT_LEAST}, 100 * ({errors}) / requests, 0)",
            using_metrics={
                "errors": self.metric_server_errors(**answered),
                "refused": self.metric("Requests503", **answered),
                "requests": self.metric_requests(**answered),
            },
            label="failed requests in percent",
            period=minute,
        )
        return cloudwatch.Alarm(
            self,
            "FailedRequests",
            metric=failed,
            threshold=_FAILED_PERCENT,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            evaluation_periods=3,
            datapoints_to_alarm=2,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            alarm_description=f"More than {_FAILED_PERCENT} % of the requests to {self.spec.name}, and at least "
            f"{_FAILED_AT_LEAST} a minute, end with a 5xx other than 503",
        )
