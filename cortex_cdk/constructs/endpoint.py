"""The load balancer before all APIs of a cluster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import Annotations, Duration, RemovalPolicy, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_wafv2 as waf
from constructs import Construct

from cortex_cdk.constructs.acknowledged import acknowledge
from cortex_cdk.constructs.listener_rules import ListenerRules
from cortex_cdk.constructs.timing import Timing
from cortex_cdk.constructs.validation import Problems
from cortex_cdk.spec.cluster import rules
from cortex_cdk.spec.cluster.model import JwtVerification
from cortex_cdk.spec.values import Values

API_PORT = 8080
"""On which replicas listen."""

_NOT_FOUND = '{"error": "no API has this path"}'
_LOG_DAYS = 90


@dataclass(frozen=True, kw_only=True)
class EndpointAttributes:
    """An endpoint of another stack.

    Attributes:
        listener_arn: of the listener to which rules are added.
        security_group_id: of the load balancer.
        url: such as ``https://api.example.com``, without a path.
        request_timeout_s: seconds, as the endpoint was made with.
        jwt: as the endpoint was made with.
    """

    listener_arn: str
    security_group_id: str
    url: str
    request_timeout_s: int = 60
    jwt: JwtVerification | None = None


class EndpointBase(Construct):
    """What own and imported endpoints share.

    Attributes:
        timing: times that its APIs' replicas must keep to, from the longest request.
    """

    timing: Timing
    _rules: ListenerRules

    @property
    def url(self) -> str:
        """Without a path, and without a slash at the end."""
        raise NotImplementedError

    @property
    def listener(self) -> elbv2.IApplicationListener:
        """Where APIs are added."""
        return self._rules.listener

    @property
    def security_group(self) -> ec2.ISecurityGroup:
        """The load balancer's."""
        raise NotImplementedError

    def add_api(
        self,
        scope: Construct,
        id: str,
        *,
        api: str,
        path: str,
        target_group: elbv2.IApplicationTargetGroup,
        priority: int | None = None,
    ) -> Sequence[str]:
        """Send requests for exactly ``path`` to ``target_group``.

        Args:
            scope, id: where the rule is made: in the API's stack.
            api: its name, from which the priority follows.
            path: begins with ``/``, without wildcards.
            target_group: of the API's replicas.
            priority: of the listener's rule, 1 to 50,000, where the one from the name is taken.

        Returns:
            What is wrong with that, in words.
        """
        return self._rules.add(scope, id, api=api, path=path, target_group=target_group, priority=priority)


class Endpoint(EndpointBase):
    """An Application Load Balancer with a listener: internal, unless asked otherwise.

    Args:
        vpc: with private subnets, and public ones for an endpoint that faces the internet.
        internet_facing: whether it has public addresses; then ``allowed_cidrs`` says for whom.
        allowed_cidrs: IPv4 ranges that may connect. By default the VPC's own; none when it faces the internet.
        certificate_arns: certificates of AWS Certificate Manager. With any, it speaks HTTPS and redirects HTTP.
        host_name: the name that its DNS name has for users, for ``url``; the certificate is for that.
        jwt: requests need a token of this issuer. Needs certificates.
        web_acl_arn: a regional web ACL of AWS WAF to put before it.
        access_logs: a bucket for access logs, or whether to make one. Its objects are encrypted by S3 (load balancers
            cannot write to buckets with a key of KMS) and expire after 90 days.
        request_timeout: the longest that a request may take, 1 to 4,000 s.
        removal_policy: what becomes of the bucket that it makes when the stack is deleted.

    Attributes:
        load_balancer: the load balancer.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        vpc: ec2.IVpc,
        internet_facing: bool = False,
        allowed_cidrs: Sequence[str] = (),
        certificate_arns: Sequence[str] = (),
        host_name: str | None = None,
        jwt: JwtVerification | None = None,
        web_acl_arn: str | None = None,
        access_logs: s3.IBucket | bool = True,
        request_timeout: Duration | None = None,
        removal_policy: RemovalPolicy = RemovalPolicy.RETAIN,
    ) -> None:
        super().__init__(scope, id)
        problems = Problems(self)
        try:
            self.timing = Timing(int(request_timeout.to_seconds()) if request_timeout else 60)
        except ValueError as error:
            problems.add([f"request_timeout: {error}"])
            self.timing = Timing()
        given = {
            "internet_facing": internet_facing,
            "allowed_cidrs": allowed_cidrs,
            "certificate_arns": certificate_arns,
            "jwt": jwt,
        }
        problems.add([violation.message for violation in rules.endpoint(Values(given, given))])
        if internet_facing and not certificate_arns:
            Annotations.of(self).add_warning_v2(
                "cortex-cdk:plain-http", "The endpoint faces the internet without HTTPS; give certificate_arns"
            )
        self._host_name = host_name
        self._https = bool(certificate_arns)
        self._security_group = ec2.SecurityGroup(
            self,
            "SecurityGroup",
            vpc=vpc,
            description="The load balancer of the APIs",
            allow_all_outbound=False,
        )
        # By address and not by the services' security groups: those are in the APIs' stacks, which come and go.
        self._security_group.add_egress_rule(
            ec2.Peer.ipv4(vpc.vpc_cidr_block), ec2.Port.tcp(API_PORT), "Requests and health checks to replicas"
        )
        if jwt is not None:
            self._security_group.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(443), "Keys of the tokens' issuer")
        self.load_balancer = elbv2.ApplicationLoadBalancer(
            self,
            "LoadBalancer",
            vpc=vpc,
            internet_facing=internet_facing,
            security_group=self._security_group,
            idle_timeout=Duration.seconds(self.timing.idle_s),
            drop_invalid_header_fields=True,
            desync_mitigation_mode=elbv2.DesyncMitigationMode.DEFENSIVE,
        )
        cidrs = list(allowed_cidrs) or ([] if internet_facing else [vpc.vpc_cidr_block])
        listener = self._listen(certificate_arns, cidrs)
        self._rules = ListenerRules(listener, jwt)
        acknowledge(self._security_group, "EC23")
        if web_acl_arn is not None:
            waf.CfnWebACLAssociation(
                self, "WebAcl", resource_arn=self.load_balancer.load_balancer_arn, web_acl_arn=web_acl_arn
            )
        if access_logs is not False:
            bucket = self._log_bucket(removal_policy) if access_logs is True else access_logs
            _log_to(self.load_balancer, bucket)

    @property
    def url(self) -> str:
        scheme = "https" if self._https else "http"
        return f"{scheme}://{self._host_name or self.load_balancer.load_balancer_dns_name}"

    @property
    def security_group(self) -> ec2.ISecurityGroup:
        return self._security_group

    @staticmethod
    def from_endpoint_attributes(scope: Construct, id: str, attributes: EndpointAttributes) -> EndpointBase:
        """An endpoint that another stack made."""
        return _ImportedEndpoint(scope, id, attributes)

    def _listen(self, certificate_arns: Sequence[str], cidrs: Sequence[str]) -> elbv2.ApplicationListener:
        not_found = elbv2.ListenerAction.fixed_response(404, content_type="application/json", message_body=_NOT_FOUND)
        for port in (80, 443) if certificate_arns else (80,):
            for cidr in cidrs:
                self._security_group.add_ingress_rule(ec2.Peer.ipv4(cidr), ec2.Port.tcp(port), "Clients")
        if not certificate_arns:
            return self.load_balancer.add_listener(
                "Http", port=80, protocol=elbv2.ApplicationProtocol.HTTP, open=False, default_action=not_found
            )
        self.load_balancer.add_listener(
            "Http",
            port=80,
            protocol=elbv2.ApplicationProtocol.HTTP,
            open=False,
            default_action=elbv2.ListenerAction.redirect(protocol="HTTPS", port="443", permanent=True),
        )
        return self.load_balancer.add_listener(
            "Https",
            port=443,
            protocol=elbv2.ApplicationProtocol.HTTPS,
            open=False,
            certificates=[elbv2.ListenerCertificate.from_arn(arn) for arn in certificate_arns],
            ssl_policy=elbv2.SslPolicy.RECOMMENDED_TLS,
            default_action=not_found,
        )

    def _log_bucket(self, removal_policy: RemovalPolicy) -> s3.Bucket:
        bucket = s3.Bucket(
            self,
            "AccessLogs",
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            versioned=False,
            removal_policy=removal_policy,
            auto_delete_objects=removal_policy == RemovalPolicy.DESTROY,
            lifecycle_rules=[
                s3.LifecycleRule(
                    expiration=Duration.days(_LOG_DAYS), abort_incomplete_multipart_upload_after=Duration.days(1)
                )
            ],
        )
        acknowledge(bucket, "S1")
        return bucket


class _ImportedEndpoint(EndpointBase):
    def __init__(self, scope: Construct, id: str, attributes: EndpointAttributes) -> None:
        super().__init__(scope, id)
        self.timing = Timing(attributes.request_timeout_s)
        self._url = attributes.url
        self._security_group = ec2.SecurityGroup.from_security_group_id(
            self, "SecurityGroup", attributes.security_group_id, mutable=False
        )
        listener = elbv2.ApplicationListener.from_application_listener_attributes(
            self, "Listener", listener_arn=attributes.listener_arn, security_group=self._security_group
        )
        self._rules = ListenerRules(listener, attributes.jwt)

    @property
    def url(self) -> str:
        return self._url

    @property
    def security_group(self) -> ec2.ISecurityGroup:
        return self._security_group


def _log_to(load_balancer: elbv2.ApplicationLoadBalancer, bucket: s3.IBucket) -> None:
    """Write access logs to ``bucket``.

    The library's own method wants to know the region, for accounts of AWS that older regions had; the service principal
    works in all (https://docs.aws.amazon.com/elasticloadbalancing/latest/application/enable-access-logging.html).
    """
    account = Stack.of(load_balancer).account
    policy = bucket.add_to_resource_policy(
        iam.PolicyStatement(
            actions=["s3:PutObject"],
            principals=[iam.ServicePrincipal("logdelivery.elasticloadbalancing.amazonaws.com")],
            resources=[bucket.arn_for_objects(f"AWSLogs/{account}/*")],
        )
    )
    load_balancer.set_attribute("access_logs.s3.enabled", "true")
    load_balancer.set_attribute("access_logs.s3.bucket", bucket.bucket_name)
    if policy.policy_dependable is not None:  # the load balancer tries whether it may write when it is told to log
        load_balancer.node.add_dependency(policy.policy_dependable)
