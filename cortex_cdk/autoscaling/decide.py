"""The rules: from the load and the past to the number of replicas.

They are those of Cortex's autoscaler (https://docs.cortex.dev/v/0.15/deployments/autoscaling), each applied to what the
ones before it left, and two that are off unless asked for: the upscale window, and the queue drain period. Nothing here
reads a clock or does I/O.
"""

from __future__ import annotations

import math
from dataclasses import replace

from .decision import Decision, Observation, Rule, Step
from .history import KEPT_S, History
from .policy import TICK_S, Policy

_MOST = 2**53  # a load beyond all measure still gives a whole number


def decide(policy: Policy, observation: Observation, history: History, now: float) -> Decision:
    """How many replicas to request.

    The same inputs give the same decision. A second call within half a tick of the first gives its count again: the
    tick is the same, delivered twice.

    Args:
        policy: the rules' settings; they may differ from tick to tick.
        observation: the count and the load as of now.
        history: that of the last decision; ``History()`` at first.
        now: seconds on any clock that goes on between ticks, such as the time since the epoch.
    """
    history = history.at(now)
    current = policy.bounded(observation.replicas)
    bounds = _bounds_steps(policy, observation.replicas, current)
    if observation.average_in_flight is None:
        hold = Step(Rule.NO_DATA, current, current, "no fresh load report, so nothing is known and the count is held")
        return Decision(desired=current, valid=False, history=history, observation=observation, steps=(*bounds, hold))
    if history.ticked is not None and history.desired is not None and abs(now - history.ticked) < TICK_S / 2:
        again = policy.bounded(history.desired)
        reason = f"this tick was decided {abs(now - history.ticked):.1f} s ago, and its count stands"
        repeated = Step(Rule.REPEATED, current, again, reason)
        return Decision(desired=again, valid=True, history=history, observation=observation, steps=(*bounds, repeated))
    return _decide(policy, observation, current, history, now, bounds)


def _decide(
    policy: Policy, observation: Observation, current: int, history: History, now: float, bounds: list[Step]
) -> Decision:
    steps = [*bounds]
    raw = _raw(policy, observation, current, steps)
    count = _tolerated(policy, raw, current, steps)

    floor = min(current - 1, _ceil(current * policy.max_downscale_factor))
    ceiling = max(current + 1, _ceil(current * policy.max_upscale_factor))
    if count < floor:
        reason = f"one step down leaves at least {policy.max_downscale_factor:g} of {current}, or one less"
        count = _step(steps, Rule.MAX_DOWNSCALE_FACTOR, count, floor, reason)
    elif count > ceiling:
        reason = f"one step up reaches at most {policy.max_upscale_factor:g} times {current}, or one more"
        count = _step(steps, Rule.MAX_UPSCALE_FACTOR, count, ceiling, reason)
    if count < policy.min_replicas:
        count = _step(steps, Rule.MIN_REPLICAS, count, policy.min_replicas, f"min_replicas is {policy.min_replicas}")
    elif count > policy.max_replicas:
        count = _step(steps, Rule.MAX_REPLICAS, count, policy.max_replicas, f"max_replicas is {policy.max_replicas}")

    recommendation = count
    longest = max(policy.downscale_stabilization_period_s, policy.upscale_stabilization_period_s, KEPT_S)
    history = history.recorded(now, recommendation, keep_s=longest)
    stable_floor = stable_ceiling = None
    if recommendation < current:
        count, stable_floor = _not_below(policy, history, current, now, count, steps)
    elif recommendation > current:
        count, stable_ceiling = _not_above(policy, history, current, now, count, steps)
    return Decision(
        desired=count,
        valid=True,
        history=replace(history, ticked=now, desired=count),
        observation=observation,
        raw=raw,
        recommendation=recommendation,
        downscale_factor_floor=floor,
        upscale_factor_ceiling=ceiling,
        downscale_stabilization_floor=stable_floor,
        upscale_stabilization_ceiling=stable_ceiling,
        steps=tuple(steps),
    )


def _bounds_steps(policy: Policy, requested: int, current: int) -> list[Step]:
    """A count outside changed bounds is brought within them at once, whatever the past."""
    if requested < current:
        return [Step(Rule.MIN_REPLICAS, requested, current, f"min_replicas is {policy.min_replicas} now")]
    if requested > current:
        return [Step(Rule.MAX_REPLICAS, requested, current, f"max_replicas is {policy.max_replicas} now")]
    return []


def _raw(policy: Policy, observation: Observation, current: int, steps: list[Step]) -> float:
    """The replicas that the load fills. Missing reports count nothing on the way up and full on the way down."""
    target, drain_s, note = policy.target_replica_concurrency, policy.queue_drain_period_s, ""
    average, burst = observation.average_in_flight, observation.burst_in_flight
    load, burst_load, window = average or 0.0, burst, policy.window_s
    if drain_s is not None and observation.average_work is not None:
        load, burst_load = observation.average_work, observation.burst_work
    if policy.upscale_window_s is not None and burst_load is not None and burst_load > load:
        average, load, window = burst, burst_load, policy.upscale_window_s
    if drain_s is not None and observation.average_work is not None and average is not None:
        note = f" that serve all arrivals and work the queue off within {drain_s:g} s ({average:.4g} were in flight)"
    raw = load / target
    reason = (
        f"{load:.4g} requests in flight{note} on average over {window:g} s, at a target of {target:g} per replica, "
        f"fill {raw:.4g} replicas"
    )
    steps.append(Step(Rule.LOAD, current, _ceil(raw), reason))
    if observation.average_if_full is not None and raw < current:
        full = min(max(raw, observation.average_if_full / target), float(current))
        if full > raw:
            reason = f"reports are missing, and as many full replicas would make it {full:.4g}"
            steps.append(Step(Rule.MISSING_REPORTS, _ceil(raw), _ceil(full), reason))
            raw = full
    return raw


def _tolerated(policy: Policy, raw: float, current: int, steps: list[Step]) -> int:
    """The load rounded up to whole replicas, or the present count when the load is close enough to it."""
    count = _ceil(raw)
    if current * (1 - policy.downscale_tolerance) < raw < current:
        reason = f"that is less than downscale_tolerance {policy.downscale_tolerance:g} below {current}"
        return _step(steps, Rule.TOLERANCE, count, current, reason)
    if current < raw < current * (1 + policy.upscale_tolerance):
        reason = f"that is less than upscale_tolerance {policy.upscale_tolerance:g} above {current}"
        return _step(steps, Rule.TOLERANCE, count, current, reason)
    return count


def _not_below(
    policy: Policy, history: History, current: int, now: float, count: int, steps: list[Step]
) -> tuple[int, int | None]:
    """The count after holding back a step down, and the floor that the records make; None where there is none."""
    period, rule = policy.downscale_stabilization_period_s, Rule.DOWNSCALE_STABILIZATION
    highest = history.highest(now, period)
    floor = None if highest is None else min(current, highest.replicas)
    if history.is_within_first(now, period):
        count = _step(steps, rule, count, current, f"no step down within the first {period:g} s ({rule}_period)")
    elif highest is not None and floor is not None and floor > count:
        recommended = f"{highest.replicas} recommended {now - highest.time:.0f} s ago"
        count = _step(steps, rule, count, floor, f"{recommended}, within the last {period:g} s ({rule}_period)")
    return count, floor


def _not_above(
    policy: Policy, history: History, current: int, now: float, count: int, steps: list[Step]
) -> tuple[int, int | None]:
    """The count after holding back a step up, and the ceiling that the records make; None where there is none."""
    period, rule = policy.upscale_stabilization_period_s, Rule.UPSCALE_STABILIZATION
    lowest = history.lowest(now, period)
    ceiling = None if lowest is None else max(current, lowest.replicas)
    if history.is_within_first(now, period):
        count = _step(steps, rule, count, current, f"no step up within the first {period:g} s ({rule}_period)")
    elif lowest is not None and ceiling is not None and ceiling < count:
        recommended = f"only {lowest.replicas} recommended {now - lowest.time:.0f} s ago"
        count = _step(steps, rule, count, ceiling, f"{recommended}, within the last {period:g} s ({rule}_period)")
    return count, ceiling


def _step(steps: list[Step], rule: Rule, before: int, after: int, reason: str) -> int:
    if before != after:
        steps.append(Step(rule, before, after, reason))
    return after


def _ceil(value: float) -> int:
    return math.ceil(value) if value < _MOST else _MOST
