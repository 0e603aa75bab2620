"""What goes into a decision and what comes out of it, with every value on the way."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from enum import StrEnum

from .history import History


@dataclass(frozen=True, kw_only=True)
class Observation:
    """What is known of an API at a tick.

    Attributes:
        replicas: the count as requested now, read from where it is set; not the number that is ready.
        average_in_flight: requests in flight, summed over the replicas, averaged over the policy's window; None when no
            fresh report could be read.
        average_if_full: the same with each missing report counted as a full replica, the higher of the two windows
            where there are two; None: none is missing.
        burst_in_flight: the average over the policy's upscale window; None when there is no such window.
        average_work: requests in flight that the traffic would take if the queue were worked off within the policy's
            queue drain period, averaged over the window; None when there is no such period, or it cannot be known.
        burst_work: the same over the policy's upscale window.

    Raises:
        ValueError: when a value is negative or not finite.
    """

    replicas: int
    average_in_flight: float | None
    average_if_full: float | None = None
    burst_in_flight: float | None = None
    average_work: float | None = None
    burst_work: float | None = None

    def __post_init__(self) -> None:
        if self.replicas < 0:
            raise ValueError(f"replicas is {self.replicas}, must be at least 0")
        for name in ("average_in_flight", "average_if_full", "burst_in_flight", "average_work", "burst_work"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= sys.float_info.max:
                raise ValueError(f"{name} is {value!r}, must be a number of at least 0, or None")


class Rule(StrEnum):
    """The rules that can change a count, in the order in which they are applied."""

    NO_DATA = "no_data"
    REPEATED = "repeated"
    LOAD = "load"
    MISSING_REPORTS = "missing_reports"
    TOLERANCE = "tolerance"
    MAX_DOWNSCALE_FACTOR = "max_downscale_factor"
    MAX_UPSCALE_FACTOR = "max_upscale_factor"
    MIN_REPLICAS = "min_replicas"
    MAX_REPLICAS = "max_replicas"
    DOWNSCALE_STABILIZATION = "downscale_stabilization"
    UPSCALE_STABILIZATION = "upscale_stabilization"


@dataclass(frozen=True)
class Step:
    """One rule that had a say: the count before it, the count after it, and why, in words."""

    rule: Rule
    before: int
    after: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class Decision:
    """The count to request, and how it came about.

    Attributes:
        desired: the count to request now. Always safe to apply: without data it is the present one, within the bounds.
        valid: whether there was data to decide by; False: hold.
        history: what to hand to the next tick, once the count was set; after a failed update, too.
        observation: what was decided by.
        raw: load divided by the target: the replicas that the load fills, before rounding; None without data.
        recommendation: the count before stabilization, which is recorded; None when nothing is.
        downscale_factor_floor: the lowest count that ``max_downscale_factor`` allows.
        upscale_factor_ceiling: the highest count that ``max_upscale_factor`` allows.
        downscale_stabilization_floor: the lowest count that the past allows; None unless the recommendation is lower
            than the present count.
        upscale_stabilization_ceiling: the highest count that the past allows; None unless the recommendation is higher.
        steps: the rules that had a say, in their order.
    """

    desired: int
    valid: bool
    history: History
    observation: Observation
    raw: float | None = None
    recommendation: int | None = None
    downscale_factor_floor: int | None = None
    upscale_factor_ceiling: int | None = None
    downscale_stabilization_floor: int | None = None
    upscale_stabilization_ceiling: int | None = None
    steps: tuple[Step, ...] = ()

    @property
    def change(self) -> int:
        """Replicas more (above 0) or fewer (below 0) than requested now."""
        return self.desired - self.observation.replicas

    @property
    def held_by(self) -> Rule | None:
        """The last rule that decided otherwise than the load asks for, or without it; None when the load decided."""
        for step in reversed(self.steps):
            if step.rule is Rule.LOAD:
                return None
            if step.rule is not Rule.MISSING_REPORTS or step.before != step.after:
                return step.rule
        return None

    @property
    def reason(self) -> str:
        """The decision in one line, such as ``3 -> 5: 4.6 requests in flight at a target of 1 fill 4.6 replicas``."""
        was, is_ = self.observation.replicas, self.desired
        counts = f"{was} -> {is_}" if was != is_ else f"stays at {is_}"
        return f"{counts}: " + "; ".join(step.reason for step in self.steps)
