"""The load of an API out of its replicas' reports."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cortex_cdk.autoscaling import LoadReport
from cortex_cdk.operations.load import current, history

NOW = 1_000_017.0


def test_now() -> None:
    reports = [LoadReport("a", 1_000_000, 1.5), LoadReport("b", 1_000_000, 2.0), LoadReport("a", 999_990, 9.0)]
    found = current(reports, NOW)
    assert found is not None
    assert (found.in_flight, found.replicas) == (3.5, 2)
    assert current(reports, NOW + 30) is None
    assert current([], NOW) is None


@given(st.floats(0, 600))
def test_while_reports_come_there_is_never_a_gap(seconds: float) -> None:
    """Each comes some seconds after the end of its bucket."""
    now = 1_000_000 + seconds
    reports = [LoadReport("a", bucket, 2.0) for bucket in range(999_900, 1_000_600, 10) if bucket + 10 + 4.5 <= now]
    found = current(reports, now)
    assert found is not None
    assert found.in_flight == 2.0


def test_the_last_minutes() -> None:
    reports = [
        LoadReport("a", 1_000_000, 1.0),
        LoadReport("b", 1_000_000, 2.0),
        LoadReport("a", 999_980, 4.0),
        LoadReport("a", 999_970, 4.0, seconds=5.0),  # it started within the bucket
        LoadReport("a", 1_000_010, 9.0),  # not over
        LoadReport("a", 999_000, 9.0),  # too old
    ]
    assert history(reports, NOW, 40) == [2.0, 4.0, None, 3.0]
    # Reports of a bucket are waited for.
    assert history(reports, 1_000_012.0, 40) == [None, 2.0, 4.0, None]


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 9), st.floats(0, 100)), max_size=30), st.randoms())
def test_reports_may_come_twice_and_in_any_order(values: list[tuple[str, int, float]], random: object) -> None:
    unique = {(replica, bucket): mean for replica, bucket, mean in values}
    reports = [LoadReport(replica, 999_900 + 10 * bucket, mean) for (replica, bucket), mean in unique.items()]
    twice = [*reports, *reports]
    random.shuffle(twice)  # type: ignore[attr-defined]
    assert history(twice, NOW, 600) == history(reports, NOW, 600)
    assert len(history(reports, NOW, 600)) == 60
