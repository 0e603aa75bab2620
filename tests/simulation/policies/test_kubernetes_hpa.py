"""The HPA against worked examples of Kubernetes' own tests and documentation.

Numbers are from https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/ and from
replica_calculator_test.go in https://github.com/kubernetes/kubernetes/tree/master/pkg/controller/podautoscaler.
"""

from __future__ import annotations

import pytest

from cortex_cdk.simulation.policies import ReplicaBounds
from cortex_cdk.simulation.policies.kubernetes_hpa import HpaSettings, KubernetesHpa
from tests.simulation.policies.scripted import WIDE, Readings, counts, run

LATE = 1000.0


def wanted(target: float, per_pod: list[float], *, current: int | None = None, window: float = 0.0) -> int:
    """The count for ready pods with so much in flight each; the rest of ``current`` is starting."""
    policy = KubernetesHpa(HpaSettings(target=target, downscale_stabilization_s=window), WIDE)
    readings = Readings(
        requested=len(per_pod) if current is None else current, ready=len(per_pod), averages={15.0: sum(per_pod)}
    )
    return policy.decide(LATE, readings).desired


@pytest.mark.parametrize(
    ("target", "per_pod", "expected"),
    [
        pytest.param(0.1, [0.2, 0.2], 4, id="200m at 100m doubles"),
        pytest.param(0.1, [0.05] * 4, 2, id="50m at 100m halves"),
        pytest.param(15, [20, 10, 30], 4, id="ScaleUpCM"),
        pytest.param(20, [12] * 5, 3, id="ScaleDownCM"),
        pytest.param(20, [20, 21, 21], 3, id="ToleranceCM"),
        pytest.param(15, [50, 10, 30], 6, id="ScaleUpCMUnreadyHotCpuNoLessScale"),
        pytest.param(15, [50, 15, 30], 7, id="ScaleUpCMUnreadyHotCpuScaleWouldScaleDown"),
        pytest.param(4.4, [8.6], 2, id="ScaleUpCMExternal"),
    ],
)
def test_the_ratio_times_the_pods(target: float, per_pod: list[float], expected: int) -> None:
    assert wanted(target, per_pod) == expected


@pytest.mark.parametrize(("each", "expected"), [(0.9, 10), (0.899, 9), (1.1, 10), (1.101, 12)])
def test_the_tolerance_includes_its_bounds(each: float, expected: int) -> None:
    assert wanted(1.0, [each] * 10) == expected


def test_the_metric_is_in_whole_thousandths() -> None:
    # 3.0004 in flight are 3000 thousandths: 3 pods at a target of 1, not 4.
    assert wanted(1.0, [1.50025, 1.50025]) == 3


def test_pods_that_are_starting_count_as_idle_on_the_way_up() -> None:
    # 5 in flight on 1 ready pod and 3 starting: 5 / 4 of the target on all 4, so 5, not 5 x 1.
    assert wanted(1.0, [5.0], current=4) == 5
    # 4 on 1 ready pod: exactly the target on all 4.
    assert wanted(1.0, [4.0], current=4) == 4
    # 2 on 1 ready pod: with the others it would be a step down, so nothing happens.
    assert wanted(1.0, [2.0], current=4) == 4


def test_pods_that_are_starting_are_left_out_on_the_way_down() -> None:
    # ScaleDownExcludeUnscheduledPods: one ready pod of five at 10 % of what it may use, with a target of 50 %.
    assert wanted(0.5, [0.1], current=5) == 1
    assert wanted(0.5, [0.25, 0.25], current=8) == 1


def test_without_a_ready_pod_or_a_metric_the_count_stays() -> None:
    assert wanted(1.0, [], current=4) == 4
    policy = KubernetesHpa(HpaSettings(), WIDE)
    assert policy.decide(LATE, Readings(6, 6, {15.0: None})).desired == 6


def test_the_count_grows_by_four_or_doubles_within_a_period() -> None:
    ticks = run(KubernetesHpa(HpaSettings(), WIDE), lambda second: 500.0, 150, startup_s=0)
    assert [requested for _, requested, _ in ticks] == [5, 10, 20, 40, 80, 160, 320, 500, 500, 500]


def test_growth_within_a_period_counts_against_the_limit() -> None:
    policy = KubernetesHpa(HpaSettings(sync_period_s=5), WIDE)
    ticks = run(policy, lambda second: 500.0, 45, startup_s=0)
    assert [(time, requested) for time, requested, _ in ticks if time >= 10] == [
        (10, 5),  # 1 + 4, the first metric being 8 s old
        (15, 5),
        (20, 5),
        (25, 10),  # 15 s after 10 s, the growth then has left the period
        (30, 10),
        (35, 10),
        (40, 20),
        (45, 20),
    ]


def test_shrinking_waits_for_the_highest_recommendation_of_five_minutes() -> None:
    def load(second: int) -> float:
        return 8.0 if 100 <= second < 200 else 2.0

    changes = counts(run(KubernetesHpa(HpaSettings(), WIDE), load, 900, startup_s=0))
    assert changes[0] == (15.0, 2)
    up = max(changes, key=lambda change: change[1])
    assert up[1] == 8
    # The last recommendation of 8 is of 195 s to 210 s: its metric is from 8 s to 23 s before.
    assert changes[-1] == (510.0, 2)
    assert all(requested != 2 for time, requested in changes if 210 <= time < 510)


def test_the_count_at_the_start_is_the_first_recommendation() -> None:
    policy = KubernetesHpa(HpaSettings(), ReplicaBounds(minimum=1, maximum=50, initial=9))
    assert policy.initial() == 9
    assert counts(run(policy, lambda second: 2.0, 400)) == [(15.0, 9), (315.0, 2)]


def test_a_stabilized_recommendation_above_the_count_does_not_raise_it() -> None:
    # Ten were recommended a minute ago; now 4 are set and 3 wanted: 4 stay. (Kubernetes before 1.25 went up again.)
    policy = KubernetesHpa(HpaSettings(), WIDE)
    assert policy.decide(LATE, Readings(10, 10, {15.0: 10.0})).desired == 10
    assert policy.decide(LATE + 60, Readings(4, 4, {15.0: 3.0})).desired == 4


def test_a_count_out_of_bounds_is_brought_within() -> None:
    policy = KubernetesHpa(HpaSettings(), ReplicaBounds(minimum=2, maximum=5, initial=3))
    assert policy.decide(LATE, Readings(9, 9, {15.0: None})).desired == 5
    assert policy.decide(LATE + 15, Readings(1, 1, {15.0: None})).desired == 2


def test_a_count_brought_within_bounds_is_not_taken_back_by_the_limit_on_growth() -> None:
    policy = KubernetesHpa(HpaSettings(sync_period_s=5), ReplicaBounds(minimum=50, maximum=90, initial=50))
    assert policy.decide(LATE, Readings(1, 1, {15.0: None})).desired == 50
    assert policy.decide(LATE + 5, Readings(50, 50, {15.0: 80.0})).desired == 50


def test_bounds_hold() -> None:
    policy = KubernetesHpa(HpaSettings(downscale_stabilization_s=0), ReplicaBounds(minimum=2, maximum=5, initial=3))
    assert policy.decide(LATE, Readings(3, 3, {15.0: 300.0})).desired == 5
    assert policy.decide(LATE + 15, Readings(5, 5, {15.0: 0.0})).desired == 2
