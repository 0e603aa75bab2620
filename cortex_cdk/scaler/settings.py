"""The scaler's settings, from the Lambda's environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .services import UPDATES_A_TICK


class SettingsError(ValueError):
    """A variable is missing or wrong; the message says which and what it must be."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the scaler works on.

    Attributes:
        cluster: name or ARN of the ECS cluster (``CORTEX_CLUSTER``).
        table: the DynamoDB table of load reports and states (``CORTEX_TABLE``).
        queue_url: the SQS queue that ticks travel through (``CORTEX_QUEUE_URL``); only who dispatches needs it.
        namespace: of the metrics (``CORTEX_METRIC_NAMESPACE``).
        updates_a_tick: services that are changed in one tick at most (``CORTEX_UPDATES_PER_TICK``); more where
            AWS has raised the account's rate.
        threads: calls that are under way at once.
    """

    cluster: str
    table: str
    queue_url: str | None = None
    namespace: str = "Cortex"
    updates_a_tick: int = UPDATES_A_TICK
    threads: int = 16

    @property
    def cluster_name(self) -> str:
        """The cluster's name, for metrics."""
        return self.cluster.rpartition("/")[2]

    @classmethod
    def of_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Read the variables.

        Raises:
            SettingsError: when one is missing or wrong.
        """
        for name in ("CORTEX_CLUSTER", "CORTEX_TABLE"):
            if not environment.get(name):
                raise SettingsError(f"{name} is not set in the environment")
        updates = environment.get("CORTEX_UPDATES_PER_TICK", str(UPDATES_A_TICK))
        if not updates.isdecimal() or int(updates) < 1:
            raise SettingsError(f"CORTEX_UPDATES_PER_TICK is {updates!r}, must be a whole number of at least 1")
        return cls(
            cluster=environment["CORTEX_CLUSTER"],
            table=environment["CORTEX_TABLE"],
            queue_url=environment.get("CORTEX_QUEUE_URL") or None,
            namespace=environment.get("CORTEX_METRIC_NAMESPACE") or "Cortex",
            updates_a_tick=int(updates),
        )
