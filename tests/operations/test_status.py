"""The status of an API: a table of cases, and what holds for all counts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortex_cdk.operations.status import Cause, Facts, Status, status_of

COUNTS = st.integers(0, 6)
FACTS = st.builds(
    Facts,
    requested=COUNTS,
    min_replicas=st.integers(1, 4),
    ready=COUNTS,
    stale=COUNTS,
    failures=st.lists(st.sampled_from(Cause), max_size=4),
    stalled=st.booleans(),
)


@pytest.mark.parametrize(
    ("facts", "status"),
    [
        (Facts(requested=3, ready=3), "live"),
        (Facts(requested=1, ready=3), "live"),  # it scales down
        (Facts(requested=3, ready=3, stale=2), "live"),  # the former release is on its way out
        (Facts(requested=5, ready=3), "live"),  # it scales up
        (Facts(requested=5, ready=3, min_replicas=4), "updating"),
        (Facts(requested=1), "updating"),
        (Facts(requested=0), "updating"),  # before the first tick of the scaler
        (Facts(requested=3, ready=2, stale=1), "updating"),  # a rollout
        (Facts(requested=2, ready=1, failures=[Cause.OTHER]), "error"),
        (Facts(requested=2, ready=0, failures=[Cause.OUT_OF_MEMORY]), "error (out of memory)"),
        (Facts(requested=2, ready=0, failures=[Cause.OUT_OF_MEMORY, Cause.OTHER]), "error"),
        (Facts(requested=2, ready=0, failures=[Cause.OTHER, Cause.IMAGE_PULL]), "error (image pull)"),
        (Facts(requested=2, ready=2, failures=[Cause.OTHER]), "live"),  # its replacement is ready
        (Facts(requested=4, ready=2, stalled=True), "compute unavailable"),
        (Facts(requested=4, ready=2, stalled=True, failures=[Cause.OTHER]), "error"),
        (Facts(requested=4, ready=4, stalled=True), "live"),
    ],
)
def test_cases(facts: Facts, status: str) -> None:
    assert status_of(facts) == status


@given(FACTS)
def test_live_is_live(facts: Facts) -> None:
    """Nothing is called live without a ready replica, and enough ready ones are live whatever happened before."""
    status = status_of(facts)
    if status is Status.LIVE:
        assert facts.ready >= 1
    if facts.ready >= max(1, facts.requested):
        assert status is Status.LIVE


@given(FACTS)
def test_an_error_has_a_failure_and_a_missing_replica(facts: Facts) -> None:
    if status_of(facts).startswith("error"):
        assert facts.failures
        assert facts.ready < max(1, facts.requested)


@given(FACTS)
def test_one_more_ready_replica_never_makes_a_live_api_anything_else(facts: Facts) -> None:
    if status_of(facts) is Status.LIVE:
        more = Facts(**{**vars(facts), "ready": facts.ready + 1})
        assert status_of(more) is Status.LIVE


@given(FACTS, st.permutations(list(Cause)))
def test_the_order_of_failures_does_not_matter(facts: Facts, causes: list[Cause]) -> None:
    statuses = {
        status_of(Facts(**{**vars(facts), "failures": order})) for order in (causes, causes[::-1], [*causes, *causes])
    }
    assert len(statuses) == 1
