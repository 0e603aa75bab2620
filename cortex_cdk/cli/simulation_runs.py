"""The simulations of ``cortex-cdk simulate``, with their progress."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from cortex_cdk.cli.simulation_results import cannot_write

if TYPE_CHECKING:
    from cortex_cdk.cli.progress_bar import ProgressBar
    from cortex_cdk.simulation.policies import PolicyContext
    from cortex_cdk.simulation.policies.base import ScalingPolicy
    from cortex_cdk.simulation.run import Run
    from cortex_cdk.simulation.trace import Trace


def run_all(
    policies: Sequence[str | ScalingPolicy],
    trace: Trace,
    context: PolicyContext,
    objective_s: float | None,
    out: Path | None,
    bar: ProgressBar,
) -> tuple[list[Run], float | None]:
    """All runs, and the least replica hours that answer every request in time; None when none do.

    Args:
        policies: the API's own first.
        trace: when requests arrive.
        context: of the policies; with a service time.
        objective_s: the latency to stay within; None for the default.
        out: where the decisions go, a folder that exists; None for nowhere.
        bar: told how far it is.

    Raises:
        UserError: when the decisions cannot be written.
        ValueError: when a policy cannot be built.
    """
    from cortex_cdk.simulation.compare import compare, lower_bound
    from cortex_cdk.simulation.decision_log import DecisionLog

    assert context.service_time is not None
    names = [policy if isinstance(policy, str) else policy.name for policy in policies]
    steps = len(names) + 1

    def simulated(name: str, share: float) -> None:
        place = names.index(name)
        bar(f"simulating {name} ({place + 1} of {len(names)})", (place + share) / steps)

    bar.begin("preparing (the first time, the simulator is compiled)")
    log = DecisionLog(out, trace, names) if out is not None else None
    try:
        with log or nullcontext():
            runs = compare(
                policies,
                trace,
                context.service_time,
                context,
                objective_s=objective_s,
                progress=simulated,
                log=log,
            )
    except OSError as error:
        assert out is not None
        raise cannot_write(out, error) from None
    least = lower_bound(
        trace,
        context.service_time,
        context,
        objective_s=objective_s,
        progress=lambda share: bar("finding the lower bound", (len(names) + share) / steps),
    )
    return runs, least
