"""A load that is typical for an API, as it is given on a command line."""

from __future__ import annotations

import math
from dataclasses import dataclass

from cortex_cdk.autoscaling import Policy


@dataclass(frozen=True)
class Load:
    """A steady load.

    Attributes:
        in_flight: requests in flight, on average.
        requests_per_s: requests a second; None when it is not known.
    """

    in_flight: float
    requests_per_s: float | None = None

    @classmethod
    def parse(cls, text: str, service_time_s: float) -> Load:
        """Read ``12`` (requests in flight) or ``50/s`` (requests a second, of ``service_time_s`` seconds each).

        Raises:
            ValueError: when it is neither.
        """
        number, slash, unit = text.strip().partition("/")
        try:
            value = float(number)
        except ValueError:
            value = math.nan
        if not 0 <= value < math.inf or (slash and unit.strip() != "s"):
            raise ValueError(f"{text!r} is neither requests in flight, such as 12, nor requests a second, such as 50/s")
        return cls(value * service_time_s, value) if slash else cls(value)

    def wanted(self, policy: Policy) -> int:
        """The replicas that it fills, whatever the bounds."""
        return math.ceil(self.in_flight / policy.target_replica_concurrency * (1 - 1e-12))

    def replicas(self, policy: Policy) -> int:
        """The replicas that the rules settle on, from below."""
        return policy.bounded(self.wanted(policy))
