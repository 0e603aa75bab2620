"""Times that must fit together so that no request is lost when a replica stops. Pure arithmetic.

What happens when ECS stops a replica of a service, in this order (sources: the pages "Edit target group attributes" of
Elastic Load Balancing, https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-target-group-attributes.html,
and "ContainerDefinition" of ECS, https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html):

1. The load balancer stops sending new requests, and gives those under way ``deregistration_delay_s``.
2. ``api`` gets SIGTERM. Where an instance is drained or a task stopped by hand that comes *before* step 1, so ``api``
   goes on serving for ``grace_s``, while its readiness fails.
3. ``api`` answers what is in flight, for at most ``drain_s``, and exits; ``stop_api_s`` is the limit of 2 and 3.
4. ``serve``, on which ``api`` depends, is stopped after it.
"""

from __future__ import annotations

from dataclasses import dataclass

from cortex_cdk.spec.cluster.model import MAX_REQUEST_S

GRACE_S = 15
"""For how long load balancers have been seen to send requests after a target was to leave."""

MARGIN_S = 10

MAX_DEREGISTRATION_S = 3600
"""Of a target group; longer requests of a replica that leaves are cut off (the page of step 1 above)."""

MAX_IDLE_S = 4000
"""Of an Application Load Balancer
(https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-load-balancer-attributes.html)."""


@dataclass(frozen=True)
class Timing:
    """Times in seconds, from the longest time that a request may take.

    One that takes longer is given up from the inside out, so that the innermost that hangs is named: the call of the
    model server, then ``predict`` (the replica answers 504), then the load balancer's wait for an answer.

    Attributes:
        request_s: the longest that ``predict`` may take.
    """

    request_s: int = 60

    def __post_init__(self) -> None:
        if not 1 <= self.request_s <= MAX_REQUEST_S:
            raise ValueError(f"the longest request is {self.request_s} s, must be from 1 to {MAX_REQUEST_S} s")

    @property
    def model_call_s(self) -> float:
        """The deadline of a call of the model server."""
        return 0.95 * self.request_s

    @property
    def idle_s(self) -> int:
        """The load balancer's idle time-out: for how long it waits for an answer, and keeps an idle connection."""
        return min(self.request_s + 5, MAX_IDLE_S)

    @property
    def keep_alive_s(self) -> int:
        """For how long the replica keeps an idle connection. Longer than the load balancer does, which would otherwise
        send requests into connections that are being closed, and answer 502."""
        return self.idle_s + 15

    @property
    def deregistration_delay_s(self) -> int:
        """For how long a target that leaves may finish its requests."""
        return min(self.request_s + 5, MAX_DEREGISTRATION_S)

    @property
    def grace_s(self) -> int:
        """For how long a replica serves after SIGTERM."""
        return GRACE_S

    @property
    def drain_s(self) -> int:
        """For how long it then answers what is in flight."""
        return self.request_s

    @property
    def stop_api_s(self) -> int:
        """When ``api`` is killed. The runtime ends its workers within the margin."""
        return self.grace_s + self.drain_s + 2 * MARGIN_S

    @property
    def stop_serve_s(self) -> int:
        """When ``serve`` is killed. Where the agent stops both at once it must outlive ``api``."""
        return self.stop_api_s + MARGIN_S
