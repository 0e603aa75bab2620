"""What a policy is built from, the same for all of them: an API's settings and what its replicas run on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cortex_cdk.autoscaling import Policy
    from cortex_cdk.simulation.platform import Platform
    from cortex_cdk.simulation.service_time import ServiceTime
    from cortex_cdk.simulation.trace import Trace


@dataclass(frozen=True, kw_only=True)
class ReplicaBounds:
    """How many replicas a rival may ask for, and how many it begins with.

    Attributes:
        minimum: at least 1, since no rival sleeps here.
        maximum: at least ``minimum``.
        initial: ready at the start, from ``minimum`` to ``maximum``.

    Raises:
        ValueError: when a count is outside its range.
    """

    minimum: int = 1
    maximum: int = 100
    initial: int = 1

    def __post_init__(self) -> None:
        if self.minimum < 1:
            raise ValueError(f"minimum is {self.minimum}, must be at least 1")
        if self.maximum < self.minimum:
            raise ValueError(f"maximum is {self.maximum}, must be at least minimum ({self.minimum})")
        if not self.minimum <= self.initial <= self.maximum:
            raise ValueError(
                f"initial is {self.initial}, must be from minimum to maximum ({self.minimum} to {self.maximum})"
            )

    def nearest(self, replicas: int) -> int:
        """``replicas``, or the nearest count within the bounds."""
        return min(max(replicas, self.minimum), self.maximum)


@dataclass(frozen=True, kw_only=True)
class PolicyContext:
    """What ``create`` builds any policy from.

    Attributes:
        policy: the API's own settings; every policy takes its bounds and, where it has one, its target from here.
        platform: what the replicas run on.
        responsive: the API's settings under the preset ``responsive``, for the policy of that name.
        trace: for policies that know the load beforehand (``oracle``, ``fixed`` without a size).
        service_time: likewise.
        seed: likewise: that of the run, so that they know the very same requests.
    """

    policy: Policy
    platform: Platform
    responsive: Policy | None = None
    trace: Trace | None = None
    service_time: ServiceTime | None = None
    seed: int = 0

    def known_load(self, where: str) -> tuple[Trace, ServiceTime]:
        """The trace and the service time, for a policy that knows them beforehand.

        Raises:
            ValueError: when the context has none; ``where`` says what asked for them.
        """
        if self.trace is None or self.service_time is None:
            raise ValueError(f"{where}: a trace and a service time are needed to know the load beforehand")
        return self.trace, self.service_time

    @property
    def bounds(self) -> ReplicaBounds:
        """The API's bounds. A rival never sleeps: its lowest count is 1 even where the API's is 0."""
        return ReplicaBounds(
            minimum=max(1, self.policy.min_replicas),
            maximum=self.policy.max_replicas,
            initial=max(1, self.policy.init_replicas),
        )
