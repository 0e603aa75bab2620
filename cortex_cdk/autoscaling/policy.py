"""What a user says about scaling an API, as the rules need it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .count_or_percent import MAX_COUNT

BUCKET_S = 10
"""Seconds of wall clock that a load report covers."""

TICK_S = 10
"""Seconds from one decision to the next."""


@dataclass(frozen=True, kw_only=True)
class Policy:
    """The keys of ``autoscaling`` in ``cortex.yaml`` that decide how many replicas run.

    Attributes:
        min_replicas: the count never goes below; 0 lets the API sleep.
        max_replicas: the count never goes above.
        init_replicas: the count when the API is created, and not used afterwards.
        target_replica_concurrency: requests in flight per replica that the count aims at, above 0.
        window_s: seconds over which requests in flight are averaged, at least one bucket.
        upscale_window_s: a second, shorter window that only ever raises the count, in seconds; None: there is none.
        queue_drain_period_s: requests that wait in queues count only for what works them off within so many seconds,
            and requests that were turned away count, too, see ``work``; None: every request in flight counts as one.
        downscale_stabilization_period_s: the count does not go below the highest recommendation of so many seconds.
        upscale_stabilization_period_s: the count does not go above the lowest recommendation of so many seconds.
        max_downscale_factor: the smallest share of the present count that one step down may leave, 0 <= factor < 1.
        max_upscale_factor: the largest multiple of the present count that one step up may reach, above 1.
        downscale_tolerance: a load within this share below the present count changes nothing, 0 <= tolerance < 1.
        upscale_tolerance: a load within this share above the present count changes nothing, at least 0.

    Raises:
        ValueError: when a value is outside its range; the message names the attribute.
    """

    min_replicas: int = 1
    max_replicas: int = 100
    init_replicas: int = 1
    target_replica_concurrency: float = 1.0
    window_s: float = 60.0
    upscale_window_s: float | None = None
    queue_drain_period_s: float | None = None
    downscale_stabilization_period_s: float = 300.0
    upscale_stabilization_period_s: float = 0.0
    max_downscale_factor: float = 0.5
    max_upscale_factor: float = 10.0
    downscale_tolerance: float = 0.1
    upscale_tolerance: float = 0.1

    def __post_init__(self) -> None:
        def must(holds: bool, name: str, allowed: str) -> None:
            if not holds:
                raise ValueError(f"{name} is {getattr(self, name)!r}, must be {allowed}")

        must(self.min_replicas >= 0, "min_replicas", "at least 0")
        most = max(1, self.min_replicas) <= self.max_replicas <= MAX_COUNT
        must(most, "max_replicas", f"at least 1, at least min_replicas ({self.min_replicas}) and at most {MAX_COUNT}")
        within = self.min_replicas <= self.init_replicas <= self.max_replicas
        must(within, "init_replicas", f"from min_replicas to max_replicas ({self.min_replicas} to {self.max_replicas})")
        target = self.target_replica_concurrency
        must(0 < target < math.inf, "target_replica_concurrency", "above 0")
        must(BUCKET_S <= self.window_s < math.inf, "window_s", f"at least {BUCKET_S}")
        if self.upscale_window_s is not None:
            fits = BUCKET_S <= self.upscale_window_s <= self.window_s
            must(fits, "upscale_window_s", f"from {BUCKET_S} to window_s ({self.window_s:g})")
        if self.queue_drain_period_s is not None:
            must(0 < self.queue_drain_period_s < math.inf, "queue_drain_period_s", "above 0")
        for name in ("downscale_stabilization_period_s", "upscale_stabilization_period_s"):
            must(0 <= getattr(self, name) < math.inf, name, "at least 0")
        must(0 <= self.max_downscale_factor < 1, "max_downscale_factor", "at least 0 and below 1")
        must(1 < self.max_upscale_factor < math.inf, "max_upscale_factor", "above 1")
        must(0 <= self.downscale_tolerance < 1, "downscale_tolerance", "at least 0 and below 1")
        must(0 <= self.upscale_tolerance < math.inf, "upscale_tolerance", "at least 0")

    def bounded(self, replicas: int) -> int:
        """``replicas``, or the nearest count that ``min_replicas`` and ``max_replicas`` allow."""
        return min(max(replicas, self.min_replicas), self.max_replicas)
