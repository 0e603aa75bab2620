"""The policies in the real engine: what each is known for shows on a step in the load."""

from __future__ import annotations

import pytest

from cortex_cdk.autoscaling import Policy
from cortex_cdk.simulation.engine import simulate
from cortex_cdk.simulation.patterns import pattern
from cortex_cdk.simulation.platform import Platform
from cortex_cdk.simulation.policies import PolicyContext, create
from cortex_cdk.simulation.run import Run
from cortex_cdk.simulation.service_time import Constant

STEP_S = 500.0
API = Policy(min_replicas=4, init_replicas=4, max_replicas=30)
TRACE = pattern(f"step:10..40@{STEP_S:g}s", duration_s=1500.0)
PLATFORM = Platform(task_startup_s=30.0)
SERVICE = Constant(0.2)  # 2 slots busy before the step, 8 after it


def run(name: str, seed: int = 0) -> Run:
    context = PolicyContext(policy=API, platform=PLATFORM, responsive=API, trace=TRACE, service_time=SERVICE, seed=seed)
    return simulate(TRACE, SERVICE, create(name, context), PLATFORM, seed=seed)


@pytest.mark.parametrize("name", ["cortex", "knative", "ray", "hpa", "ecs", "ecs-60s", "fixed:12", "oracle"])
def test_counts_keep_to_the_bounds_and_the_same_seed_gives_the_same_run(name: str) -> None:
    first, again = run(name), run(name)
    desired = [outcome.desired for _, outcome in first.decisions]
    assert desired == [outcome.desired for _, outcome in again.decisions]
    assert all(API.min_replicas <= count <= API.max_replicas for count in desired)
    assert first.summary == again.summary


def test_rivals_see_a_step_in_the_order_of_their_windows_and_delays() -> None:
    def seen_after(name: str) -> float:
        decisions = run(name).decisions
        before = [outcome.desired for time, outcome in decisions if time <= STEP_S][-1]
        return next(time for time, outcome in decisions if time > STEP_S and outcome.desired > before) - STEP_S

    assert 0 < seen_after("knative") <= 10  # a window of 6 s each 2 s
    assert 8 < seen_after("hpa") <= 38  # a metric 8 s old over 15 s, each 15 s
    assert 30 < seen_after("ray") <= 60  # a delay of 30 s after the next notes
    assert 56 <= seen_after("ecs") <= 96  # 3 datapoints of 20 s, 16 s old
    assert 273 <= seen_after("ecs-60s") <= 393  # 3 datapoints of 60 s, 153 s old
