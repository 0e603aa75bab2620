"""``decide`` against a slow reference, over any sequence of ticks."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from cortex_cdk.autoscaling import History, Observation, Policy, decide
from tests.support.autoscaling_reference import Reference
from tests.support.autoscaling_strategies import COUNTS, policies

SMALL = st.integers(0, 120).map(lambda n: n / 4)

TICKS = st.lists(
    st.tuples(
        st.sampled_from([10.0, 10.0, 10.0, 10.5, 9.5, 13.0, 5.0, 70.0]),
        st.one_of(SMALL, SMALL, SMALL, SMALL, st.floats(0, 1e9), st.none()),
        st.sampled_from([False] * 6 + [True]),
        st.one_of(st.none(), st.none(), st.none(), st.none(), policies(), COUNTS),
    ),
    min_size=1,
    max_size=80,
)


@settings(max_examples=300, deadline=None)
@given(policies(), st.one_of(st.integers(0, 3), st.integers(0, 30)), TICKS, st.sampled_from([0.0, 1.7e9]))
def test_any_ticks(
    policy: Policy, count: int, ticks: list[tuple[float, float | None, bool, Policy | int | None]], now: float
) -> None:
    history, reference = History(), Reference()
    for seconds, load, update_fails, change in ticks:
        now += seconds
        if isinstance(change, Policy):
            policy = change
        elif isinstance(change, int):
            count = change  # set by somebody else
        decision = decide(policy, Observation(replicas=count, average_in_flight=load), history, now)
        assert (decision.desired, decision.recommendation) == reference.tick(policy, count, load, now)
        history = decision.history
        if not update_fails:
            count = decision.desired
