"""The task definition of a replica: ``downloader``, ``serve`` and ``api``."""

from __future__ import annotations

from aws_cdk import Duration, RemovalPolicy, Size, Stack
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from cortex_cdk.constructs import placement
from cortex_cdk.constructs.acknowledged import acknowledge
from cortex_cdk.constructs.replica_settings import MODEL_NAME, MODEL_SERVER_PORT
from cortex_cdk.constructs.timing import Timing
from cortex_cdk.model_pin.pin import PinnedModel
from cortex_cdk.spec.model import ComputeSpec

USER = "1000:1000"
MODELS_DIR = "/models"
_LOG_BUFFER = Size.mebibytes(16)
_PROBE = "import urllib.request as r; r.urlopen('http://127.0.0.1:{port}/readyz', timeout=4)"


class ReplicaTask(Construct):
    """Three containers that share a network and a volume with the model.

    ``downloader`` fetches the model and ends. Then ``serve``, TensorFlow Serving, loads it, and ``api``, the runtime,
    waits for that. ``api`` depends on ``serve``, so that ECS stops ``serve`` after it: the requests that ``api`` still
    answers need the model. No container runs as root, or can write to its own root.

    Args:
        compute: what a replica asks for: halved between ``api`` and ``serve``, GPUs to ``serve``. Memory is reserved
            and not limited, as requests of Kubernetes are.
        timing: times that fit the load balancer's.
        port: of ``api``.
        settings: the runtime's settings document.
        model: what ``downloader`` fetches.
        images: of ``api``, ``serve`` and ``downloader``.
        startup_timeout: for the download.
        log_retention: of the log.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        compute: ComputeSpec,
        timing: Timing,
        port: int,
        settings: str,
        model: PinnedModel,
        images: tuple[ecs.ContainerImage, ecs.ContainerImage, ecs.ContainerImage],
        startup_timeout: Duration,
        log_retention: logs.RetentionDays,
    ) -> None:
        super().__init__(scope, id)
        self.log_group = logs.LogGroup(self, "Log", retention=log_retention, removal_policy=RemovalPolicy.DESTROY)
        self.definition = ecs.Ec2TaskDefinition(self, "Definition", network_mode=ecs.NetworkMode.AWS_VPC)
        for volume in ("models", "api-tmp", "serve-tmp", "downloader-tmp"):
            self.definition.add_volume(name=volume)
        # For boto3, which does not read the AWS_REGION that the library sets. ECS tells containers on instances no
        # region, and they cannot reach the instance's metadata.
        region = {"AWS_DEFAULT_REGION": Stack.of(self).region}
        share = placement.split(compute)
        api_image, serve_image, downloader_image = images
        self.downloader = self._container(
            "downloader",
            downloader_image,
            share.downloader,
            essential=False,
            environment=model.environment | region,
            start_timeout=startup_timeout,
            models_read_only=False,
        )
        self.serve = self._container(
            "serve",
            serve_image,
            share.serve,
            # Not the image's own entry point: a shell that does not pass SIGTERM on.
            entry_point=["/usr/bin/tensorflow_model_server"],
            command=[
                f"--port={MODEL_SERVER_PORT}",
                "--rest_api_port=0",
                f"--model_name={MODEL_NAME}",
                f"--model_base_path={MODELS_DIR}/{MODEL_NAME}",
                "--file_system_poll_wait_seconds=0",  # the folder does not change any more
            ],
            stop_timeout=Duration.seconds(timing.stop_serve_s),
        )
        self.api = self._container(
            "api",
            api_image,
            share.api,
            environment={"CORTEX_SETTINGS": settings} | region,
            port_mappings=[ecs.PortMapping(container_port=port)],
            stop_timeout=Duration.seconds(timing.stop_api_s),
            health_check=ecs.HealthCheck(
                command=["CMD", "/opt/cortex/bin/python", "-E", "-S", "-c", _PROBE.format(port=port)],
                interval=Duration.seconds(10),
                timeout=Duration.seconds(5),
                retries=3,
                start_period=Duration.seconds(300),  # the most there is; the service's grace period is longer
            ),
        )
        success = ecs.ContainerDependencyCondition.SUCCESS
        for waiting in (self.serve, self.api):
            waiting.add_container_dependencies(ecs.ContainerDependency(container=self.downloader, condition=success))
        self.api.add_container_dependencies(
            ecs.ContainerDependency(container=self.serve, condition=ecs.ContainerDependencyCondition.START)
        )
        self.definition.default_container = self.api
        acknowledge(self.definition, "ECS2", "IAM5[Resource::*]")

    @property
    def role(self) -> iam.IRole:
        """What the containers may do."""
        return self.definition.task_role

    def _container(
        self,
        name: str,
        image: ecs.ContainerImage,
        share: placement.Share,
        *,
        essential: bool = True,
        environment: dict[str, str] | None = None,
        entry_point: list[str] | None = None,
        command: list[str] | None = None,
        port_mappings: list[ecs.PortMapping] | None = None,
        health_check: ecs.HealthCheck | None = None,
        start_timeout: Duration | None = None,
        stop_timeout: Duration | None = None,
        models_read_only: bool = True,
    ) -> ecs.ContainerDefinition:
        linux = ecs.LinuxParameters(self, f"Linux-{name}", init_process_enabled=True)
        linux.drop_capabilities(ecs.Capability.ALL)
        container = self.definition.add_container(
            name,
            image=image,
            essential=essential,
            cpu=share.cpu_units or None,
            memory_reservation_mib=share.memory_mib,
            gpu_count=share.gpus or None,
            environment=environment,
            entry_point=entry_point,
            command=command,
            port_mappings=port_mappings,
            health_check=health_check,
            start_timeout=start_timeout,
            stop_timeout=stop_timeout,
            user=USER,
            readonly_root_filesystem=True,
            linux_parameters=linux,
            ulimits=[ecs.Ulimit(name=ecs.UlimitName.NOFILE, soft_limit=65536, hard_limit=65536)],
            # A log that cannot be written must not hold up requests.
            logging=ecs.LogDrivers.aws_logs(
                stream_prefix="replica",
                log_group=self.log_group,
                mode=ecs.AwsLogDriverMode.NON_BLOCKING,
                max_buffer_size=_LOG_BUFFER,
            ),
        )
        container.add_mount_points(
            ecs.MountPoint(container_path="/tmp", source_volume=f"{name}-tmp", read_only=False)  # noqa: S108
        )
        if name != "api":
            container.add_mount_points(
                ecs.MountPoint(container_path=MODELS_DIR, source_volume="models", read_only=models_read_only)
            )
        return container
