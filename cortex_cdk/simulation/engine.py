"""``simulate``: a trace through replicas whose number a policy decides."""

from __future__ import annotations

import math
from collections.abc import Callable

from cortex_cdk.simulation.fleet import Fleet
from cortex_cdk.simulation.measures import Measures
from cortex_cdk.simulation.meter import Meter
from cortex_cdk.simulation.platform import Platform
from cortex_cdk.simulation.policies.base import Outcome, ScalingPolicy, first_tick
from cortex_cdk.simulation.reaction import reactions
from cortex_cdk.simulation.run import BUCKET_S, Run
from cortex_cdk.simulation.service_time import ServiceTime
from cortex_cdk.simulation.trace import Trace
from cortex_cdk.simulation.traffic import RequestSink, Traffic
from cortex_cdk.simulation.workload import workload

OBJECTIVE_SERVICE_TIMES = 10
"""The latency objective that is assumed when none is given, in mean service times."""


def simulate(
    trace: Trace,
    service_time: ServiceTime,
    policy: ScalingPolicy,
    platform: Platform,
    *,
    seed: int = 0,
    objective_s: float | None = None,
    progress: Callable[[float], None] | None = None,
    requests: RequestSink | None = None,
) -> Run:
    """Run a policy on a workload.

    Ticks end with the trace. The requests that are then in flight are answered and count; what replicas and nodes cost
    counts to the trace's end.

    Args:
        trace: when requests arrive.
        service_time: how long a slot works on one.
        policy: decides how many replicas there are.
        platform: what they run on.
        seed: of all that is random; the same seed gives the same requests to every policy, and the same result.
        objective_s: the latency in seconds that a request should not exceed; 10 mean service times by default.
        progress: called now and then with the share of the trace that is done, from 0 to 1.
        requests: called with what became of each request.

    Raises:
        ValueError: when an argument is outside its range, the trace's times are not ascending, or the policy asks for
            fewer replicas than none.
    """
    objective = OBJECTIVE_SERVICE_TIMES * service_time.mean_s if objective_s is None else objective_s
    if not 0 < objective < math.inf:
        raise ValueError(f"objective_s is {objective!r}, must be above 0 and finite")
    if not 0 < trace.duration_s < math.inf:
        raise ValueError(f"trace {trace.name}: its duration is {trace.duration_s!r} s, must be above 0 and finite")
    if not 0 < policy.interval_s < math.inf:
        raise ValueError(f"policy {policy.name}: interval_s is {policy.interval_s!r}, must be above 0 and finite")
    traffic = Traffic(workload(trace, service_time, seed), platform, objective, requests)
    fleet = Fleet(platform, traffic)
    measures = Measures(fleet, trace.duration_s, platform.slots)
    meter = Meter(fleet, traffic.state.seconds, platform.slots, platform.report_delay_s)
    initial = _checked(policy, policy.initial())
    fleet.start(initial)
    measures.sample(0.0)
    phase_s, ticks, buckets = first_tick(policy, platform), 0, 0
    while True:
        tick = phase_s + ticks * policy.interval_s
        border = (buckets + 1) * BUCKET_S
        now = min(tick, border, fleet.next_event, trace.duration_s)
        traffic.advance(now)
        if now == trace.duration_s:
            break
        if now == border:
            meter.add_reports(traffic.take_reports(now - BUCKET_S))
            measures.close_bucket(traffic.state)
            buckets += 1
        fleet.process(now)
        if now == tick:
            meter.now = now
            outcome = policy.decide(now, meter)
            outcome = outcome if isinstance(outcome, Outcome) else Outcome(outcome)
            measures.decided(now, outcome)
            fleet.set_desired(_checked(policy, outcome.desired), now)
            fleet.process(now)
            ticks += 1
        measures.changed(now)
        if now == border:
            measures.sample(now)
            if progress is not None:
                progress(now / trace.duration_s)
    measures.close_bucket(traffic.state)
    seconds = fleet.replica_seconds(now), fleet.node_seconds(now)
    traffic.answer_all()
    measures.close_rest(traffic.state)
    if progress is not None:
        progress(1.0)
    steps = reactions(
        getattr(trace, "steps", ()),
        trace.duration_s,
        initial,
        measures.decisions,
        measures.ready_changes,
        service_time.mean_s / platform.slots,
    )
    return Run(
        policy=policy.name,
        trace=trace.name,
        starts_at=trace.starts_at,
        duration_s=trace.duration_s,
        service_time_s=service_time.mean_s,
        objective_s=objective,
        seed=seed,
        platform=platform,
        series=measures.series(),
        decisions=measures.decisions,
        summary=measures.summary(*seconds, platform.node_price_per_hour, steps),
    )


def _checked(policy: ScalingPolicy, replicas: int) -> int:
    if replicas < 0:
        raise ValueError(f"policy {policy.name} asks for {replicas} replicas, must be at least 0")
    return replicas
