"""What a policy may hold."""

from __future__ import annotations

import math

import pytest

from cortex_cdk.autoscaling import Policy


@pytest.mark.parametrize(
    ("name", "values", "allowed"),
    [
        ("min_replicas", [-1], "at least 0"),
        ("max_replicas", [0, -3, 2**31, 10**400], r"at least 1, at least min_replicas \(1\) and at most 2147483647"),
        ("init_replicas", [0, 101], r"from min_replicas to max_replicas \(1 to 100\)"),
        ("target_replica_concurrency", [0, -1, math.inf, math.nan], "above 0"),
        ("window_s", [0, 9.99, math.inf, math.nan], "at least 10"),
        ("upscale_window_s", [0, 9.99, 60.1, math.nan], r"from 10 to window_s \(60\)"),
        ("downscale_stabilization_period_s", [-1, math.inf, math.nan], "at least 0"),
        ("upscale_stabilization_period_s", [-1, math.inf, math.nan], "at least 0"),
        ("max_downscale_factor", [-0.1, 1, math.nan], "at least 0 and below 1"),
        ("max_upscale_factor", [1, 0, math.inf, math.nan], "above 1"),
        ("downscale_tolerance", [-0.1, 1, math.nan], "at least 0 and below 1"),
        ("upscale_tolerance", [-0.1, math.inf, math.nan], "at least 0"),
    ],
)
def test_values_outside_their_range_are_named(name: str, values: list[float], allowed: str) -> None:
    for value in values:
        with pytest.raises(ValueError, match=rf"^{name} is .*, must be {allowed}"):
            Policy(**{name: value})


def test_values_at_the_edge_of_their_range() -> None:
    Policy(min_replicas=0, init_replicas=0, max_replicas=1, target_replica_concurrency=5e-324, window_s=10)
    Policy(max_replicas=2**31 - 1, init_replicas=2**31 - 1, min_replicas=2**31 - 1, upscale_window_s=60)
    Policy(downscale_tolerance=0, upscale_tolerance=1e308, max_downscale_factor=0, max_upscale_factor=1e308)
    Policy(downscale_stabilization_period_s=0, upscale_stabilization_period_s=1e308, upscale_window_s=10)


def test_bounds_that_contradict_each_other() -> None:
    with pytest.raises(ValueError, match=r"^max_replicas is 4, must be .* at least min_replicas \(5\)"):
        Policy(min_replicas=5, max_replicas=4)


@pytest.mark.parametrize(("count", "bounded"), [(0, 2), (2, 2), (3, 3), (5, 5), (6, 5)])
def test_bounded(count: int, bounded: int) -> None:
    assert Policy(min_replicas=2, max_replicas=5, init_replicas=2).bounded(count) == bounded


def test_the_defaults_are_those_of_cortex() -> None:
    policy = Policy()
    assert (policy.min_replicas, policy.max_replicas, policy.init_replicas) == (1, 100, 1)
    assert (policy.window_s, policy.upscale_window_s, policy.target_replica_concurrency) == (60, None, 1)
    assert (policy.downscale_stabilization_period_s, policy.upscale_stabilization_period_s) == (300, 0)
    assert (policy.max_downscale_factor, policy.max_upscale_factor) == (0.5, 10)
    assert (policy.downscale_tolerance, policy.upscale_tolerance) == (0.1, 0.1)
