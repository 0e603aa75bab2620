"""How a policy took the steps in load that a trace names."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Protocol

from cortex_cdk.simulation.policies.base import Outcome
from cortex_cdk.simulation.run import StepReaction


class Step(Protocol):
    """A moment at which the load changes at once."""

    @property
    def at_s(self) -> float:
        """Seconds from the start."""

    @property
    def from_rate(self) -> float:
        """Requests per second before it."""

    @property
    def to_rate(self) -> float:
        """Requests per second after it."""


def reactions(
    steps: Sequence[Step],
    until_s: float,
    initial: int,
    decisions: Sequence[tuple[float, Outcome]],
    ready_changes: Sequence[tuple[float, int]],
    busy_per_rate: float,
) -> tuple[StepReaction, ...]:
    """How each step was taken, until the next one.

    Args:
        steps: in order of time.
        until_s: the end of the trace, in seconds.
        initial: the desired count at the start.
        decisions: times and outcomes of all ticks.
        ready_changes: times, and how many replicas took requests from then on, the first at 0.
        busy_per_rate: replicas that are busy with one request per second: mean service time / slots.
    """
    ends = [*(step.at_s for step in steps), until_s][1:]
    return tuple(
        _reaction(step, end, initial, decisions, ready_changes, busy_per_rate)
        for step, end in zip(steps, ends, strict=True)
    )


def _reaction(
    step: Step,
    end: float,
    initial: int,
    decisions: Sequence[tuple[float, Outcome]],
    ready_changes: Sequence[tuple[float, int]],
    busy_per_rate: float,
) -> StepReaction:
    direction = 1 if step.to_rate > step.from_rate else -1
    counts = [(-math.inf, initial), *((moment, outcome.desired) for moment, outcome in decisions)]
    decided = next(
        (
            moment - step.at_s
            for (_, before), (moment, after) in pairwise(counts)
            if step.at_s <= moment < end and (after - before) * direction > 0
        ),
        None,
    )
    needed = math.floor(step.to_rate * busy_per_rate * (1 + 1e-12)) + 1
    ready: float | None = None
    if direction > 0:
        at_step = [count for moment, count in ready_changes if moment <= step.at_s]
        if at_step and at_step[-1] >= needed:
            ready = 0.0
        else:
            later = (
                moment - step.at_s for moment, count in ready_changes if step.at_s < moment < end and count >= needed
            )
            ready = next(later, None)
    return StepReaction(
        at_s=step.at_s,
        from_rate=step.from_rate,
        to_rate=step.to_rate,
        decided_after_s=decided,
        needed=needed,
        ready_after_s=ready,
    )
