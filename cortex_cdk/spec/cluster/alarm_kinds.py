"""The alarms that there are: what each of them has, and how it is set unless told.

``cluster.yaml``, its reference page and the constructs go by this.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

OPERATIONS_PAGE = "docs/operations.md"
"""What to do when an alarm is raised, a section each."""

LONGEST_MIN = 1440
"""Minutes that an alarm may look back: a day
(https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html)."""

REQUEST_S = 60
"""The longest that a request may take, in seconds, unless told."""

STARTUP_MIN = 15
"""The longest that a new replica may take to become ready, in minutes, unless told."""


@dataclass(frozen=True, kw_only=True)
class AlarmKind:
    """One of the alarms. What is None it does not have.

    Attributes:
        threshold: by default, in the unit of the alarm.
        highest: of the thresholds that make sense.
        minutes: by default, for how long.
        min_count: by default: of rates, how many requests, or failed ones, it takes for the rate to mean something.
    """

    threshold: float | None = None
    highest: float = math.inf
    minutes: int | None = None
    min_count: int | None = None

    @property
    def keys(self) -> tuple[str, ...]:
        """Those of ``threshold``, ``minutes`` and ``min_count`` that it has."""
        return tuple(key for key in ("threshold", "minutes", "min_count") if getattr(self, key) is not None)


def api_alarm_kinds(*, request_s: float, startup_s: float) -> dict[str, AlarmKind]:
    """The alarms of an API, by name.

    Args:
        request_s: the longest that a request may take.
        startup_s: the longest that a new replica may take to become ready.
    """
    # Replicas that start fail health checks and send no reports, with each scaling up and each deployment.
    startup_min = min(LONGEST_MIN, max(1, math.ceil(startup_s / 60)))
    return {
        "server_errors": AlarmKind(threshold=5, highest=100, minutes=5, min_count=5),
        "latency": AlarmKind(threshold=500.0 * request_s, minutes=10, min_count=10),
        "unhealthy_replicas": AlarmKind(threshold=1, minutes=startup_min),
        "at_max_replicas": AlarmKind(threshold=50, highest=100, minutes=5),
        "no_load_reports": AlarmKind(threshold=50, highest=100, minutes=startup_min),
        "deployment_failed": AlarmKind(),
    }


API_ALARMS: Mapping[str, AlarmKind] = MappingProxyType(api_alarm_kinds(request_s=REQUEST_S, startup_s=60 * STARTUP_MIN))
"""The alarms of an API, by name: with other times other defaults, but nothing else."""

CLUSTER_ALARMS: Mapping[str, AlarmKind] = MappingProxyType(
    {
        "scaler_stopped": AlarmKind(threshold=1, highest=6, minutes=3),
        "scaler_errors": AlarmKind(threshold=1, minutes=5),
        "dead_letters": AlarmKind(threshold=1),
        "capacity_stuck": AlarmKind(threshold=100, minutes=15),
    }
)
"""The alarms of a cluster, by name."""
