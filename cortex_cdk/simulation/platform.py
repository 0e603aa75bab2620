"""What replicas run on; not what decides how many there are."""

from __future__ import annotations

import math
from dataclasses import dataclass

NODE_IDLE_S = 900.0
"""Seconds that ECS keeps an empty instance: the alarm that lets managed scaling take instances away needs 15 datapoints
of one minute (https://github.com/aws/containers-roadmap/issues/1220,
https://aws.amazon.com/blogs/containers/deep-dive-on-amazon-ecs-cluster-auto-scaling/)."""


@dataclass(frozen=True, kw_only=True)
class Platform:
    """Sizes, times and prices, the same for every policy.

    Attributes:
        slots: requests that a replica runs at once, ``workers_per_replica * threads_per_worker``.
        max_replica_concurrency: requests that it holds at once, running and queued; the next one gets a 503.
        task_startup_s: from a place on a node that is up until the replica takes requests.
        node_startup_s: from asking for a node until it is up.
        replicas_per_node: places on a node.
        max_nodes: nodes at once, or None for as many as are asked for.
        node_idle_s: how long an empty node is kept.
        report_delay_s: from the end of a bucket of 10 s until its load reports can be read.
        tick_phase_s: the first tick of policies that tick by the wall clock, every 10 s from there.
        node_price_per_hour: dollars; a node is paid from asking for it until it leaves.

    Raises:
        ValueError: when a value is outside its range.
    """

    slots: int = 1
    max_replica_concurrency: int = 1024
    task_startup_s: float = 60.0
    node_startup_s: float = 0.0
    replicas_per_node: int = 1
    max_nodes: int | None = None
    node_idle_s: float = NODE_IDLE_S
    report_delay_s: float = 1.0
    tick_phase_s: float = 5.0
    node_price_per_hour: float = 0.0

    def __post_init__(self) -> None:
        for name, lowest, highest in (
            ("slots", 1, 65_535),
            ("max_replica_concurrency", 1, 65_535),
            ("replicas_per_node", 1, 1_000_000),
            ("max_nodes", 1, 1_000_000),
        ):
            count = getattr(self, name)
            if name == "max_nodes" and count is None:
                continue
            if not isinstance(count, int) or not lowest <= count <= highest:
                raise ValueError(f"{name} is {count!r}, must be a whole number from {lowest} to {highest}")
        for name in (
            "task_startup_s",
            "node_startup_s",
            "node_idle_s",
            "report_delay_s",
            "tick_phase_s",
            "node_price_per_hour",
        ):
            number = getattr(self, name)
            if not 0 <= number < math.inf:
                raise ValueError(f"{name} is {number!r}, must be a finite number, at least 0")
