"""Several policies on one workload: the very same requests for each."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

from cortex_cdk.autoscaling import TICK_S
from cortex_cdk.simulation.engine import OBJECTIVE_SERVICE_TIMES, simulate
from cortex_cdk.simulation.lower_bound import least_replica_hours
from cortex_cdk.simulation.policies import PolicyContext, create
from cortex_cdk.simulation.run import Run
from cortex_cdk.simulation.service_time import ServiceTime
from cortex_cdk.simulation.trace import Trace
from cortex_cdk.simulation.workload import workload


def compare(
    names: Sequence[str],
    trace: Trace,
    service_time: ServiceTime,
    context: PolicyContext,
    *,
    objective_s: float | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> list[Run]:
    """Run each policy; see ``cortex_cdk.simulation.policies.create`` for their names.

    Args:
        names: of the policies, one or more.
        trace: when requests arrive.
        service_time: how long a slot works on one.
        context: the API's settings, the platform and the seed.
        objective_s: as in ``simulate``.
        progress: called now and then with a policy's name and the share of its run that is done.

    Raises:
        ValueError: when there is no such policy, or an argument is outside its range.
    """
    policies = [create(name, context) for name in names]  # all of them first: a wrong name is not found after minutes
    runs = []
    for policy in policies:
        told = None if progress is None else partial(progress, policy.name)
        runs.append(
            simulate(
                trace,
                service_time,
                policy,
                context.platform,
                seed=context.seed,
                objective_s=objective_s,
                progress=told,
            )
        )
    return runs


def lower_bound(
    trace: Trace, service_time: ServiceTime, context: PolicyContext, *, objective_s: float | None = None
) -> float | None:
    """Replica hours that answering every request within the objective takes, at least; see ``least_replica_hours``.

    None when no policy can: a request takes longer by itself.
    """
    found = least_replica_hours(
        workload(trace, service_time, context.seed),
        context.platform,
        duration_s=trace.duration_s,
        tick_s=TICK_S,
        objective_s=OBJECTIVE_SERVICE_TIMES * service_time.mean_s if objective_s is None else objective_s,
    )
    return found if math.isfinite(found) else None
