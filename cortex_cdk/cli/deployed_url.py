"""Where a deployed API is called, and why it may not be reached from here."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from cortex_cdk.cli.deployment import connect
from cortex_cdk.cli.errors import UserError
from cortex_cdk.operations.cluster import Cluster
from cortex_cdk.operations.errors import CallError

_FORWARDED_PORT = 8081


@dataclass(frozen=True)
class DeployedUrl:
    """Of one API.

    Attributes:
        api: its name.
        base: the cluster's URL, without a path.
        endpoint: the API's path.
        cluster: its cluster.
    """

    api: str
    base: str
    endpoint: str
    cluster: Cluster

    def hint(self, given: str | None) -> str:
        """What to do when there is no answer; ``given`` is the URL that was asked instead of its own."""
        if given is not None:
            return "is its port still forwarded to the load balancer?"
        if not self._is_internal():
            return "the load balancer takes connections from the addresses in `allowed_cidrs` alone"
        parts = urlsplit(self.base)
        if parts.scheme == "https":  # whose certificate is for its name, not for a forwarded port
            return "its load balancer is internal, reached from its VPC alone; connect by VPN, or call it from there"
        return (
            "its load balancer is internal, reached from its VPC alone; connect by VPN, or forward a port through an "
            "instance in the VPC: `aws ssm start-session --target INSTANCE "
            "--document-name AWS-StartPortForwardingSessionToRemoteHost --parameters "
            f"host={parts.hostname},portNumber={parts.port or 80},localPortNumber={_FORWARDED_PORT}`, and then "
            f"`cortex-cdk predict {self.api} --deployed --url http://localhost:{_FORWARDED_PORT}`"
        )

    def _is_internal(self) -> bool:
        load_balancer = self.cluster.parts.load_balancer
        if load_balancer is not None:
            try:
                answer = self.cluster.aws.call("elbv2", "DescribeLoadBalancers", LoadBalancerArns=[load_balancer])
                return any(found.get("Scheme") == "internal" for found in answer["LoadBalancers"])
            except CallError:  # what is asked for the sake of a hint may well be denied
                pass
        return (urlsplit(self.base).hostname or "").startswith("internal-")


def find(api: str, cluster: str | None, region: str | None, profile: str | None) -> DeployedUrl:
    """Where an API of a deployed cluster is called.

    Raises:
        OperationError: when there is no such cluster or API.
        UserError: when the deployment does not say where.
    """
    home = connect(cluster, region, profile)
    release = home.release(home.service(api))
    if home.parts.url is None or release.endpoint is None:
        raise UserError(
            f"where {api} is called is not known: the stack {home.parts.stack} has no output `Url`; give --url"
        )
    return DeployedUrl(api, home.parts.url, release.endpoint, home)
