"""Which version of its model an API serves, for all replicas of a deployment."""

from __future__ import annotations

from aws_cdk import Arn, ArnComponents, CustomResource, Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from cortex_cdk.constructs import source_cut
from cortex_cdk.constructs.acknowledged import acknowledge, acknowledge_wildcard
from cortex_cdk.model_pin.pin import PinnedModel
from cortex_cdk.spec.s3_uri import S3Uri

HANDLER = "cortex_cdk.model_pin.handler.handler"


class ModelVersion(Construct):
    """Looks up a model's version when the stack is deployed.

    CloudFormation asks again when ``deployment`` has changed: so what a deployment changes decides whether its replicas
    get a newer version, and no replica gets it before.

    Args:
        model: where the model is.
        deployment: text that changes with what is deployed.
        log_retention: of the look-up's log.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        model: S3Uri,
        deployment: str,
        log_retention: logs.RetentionDays = logs.RetentionDays.ONE_MONTH,
    ) -> None:
        super().__init__(scope, id)
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        log_group = logs.LogGroup(self, "Log", retention=log_retention, removal_policy=RemovalPolicy.DESTROY)
        log_group.grant_write(role)
        granted = grant_read(role, model)
        with source_cut.package_cut(source_cut.MODELS) as folder:
            function = lambda_.Function(
                self,
                "Function",
                runtime=lambda_.Runtime.PYTHON_3_13,
                architecture=lambda_.Architecture.ARM_64,
                handler=HANDLER,
                code=lambda_.Code.from_asset(folder),
                memory_size=256,
                timeout=Duration.minutes(2),
                role=role,
                log_group=log_group,
                description="Looks up which version of a model is deployed",
            )
        acknowledge(function, "L1")
        self._resource = CustomResource(
            self,
            "Resource",
            service_token=function.function_arn,
            resource_type="Custom::CortexModelVersion",
            properties={"Model": str(model), "Deployment": deployment},
        )
        granted.apply_before(self._resource)

    @property
    def pinned(self) -> PinnedModel:
        """What was found; known when the stack is deployed."""
        return PinnedModel(
            uri=self._resource.get_att_string("Uri"),
            version=self._resource.get_att_string("Version"),
            fingerprint=self._resource.get_att_string("Fingerprint"),
        )


def grant_read(role: iam.IRole, model: S3Uri) -> iam.Grant:
    """Allow to list and read a model, and nothing else of its bucket."""
    bucket = Arn.format(ArnComponents(service="s3", region="", account="", resource=model.bucket), Stack.of(role))
    listed = iam.Grant.add_to_principal(
        grantee=role,
        actions=["s3:ListBucket"],
        resource_arns=[bucket],
        conditions={"StringLike": {"s3:prefix": [model.key, f"{model.key}/*"]}},
    )
    objects = f"{bucket}/{model.key}/*"
    acknowledge_wildcard(role, objects)
    read = iam.Grant.add_to_principal(
        grantee=role, actions=["s3:GetObject"], resource_arns=[f"{bucket}/{model.key}", objects]
    )
    return listed.combine(read)
