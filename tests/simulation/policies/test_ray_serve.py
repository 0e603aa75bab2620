"""Ray Serve's autoscaler against worked examples of Ray's own tests and comments.

Numbers are from python/ray/serve/tests/unit/test_autoscaling_policy.py and the docstring of ``get_total_num_requests``
in python/ray/serve/_private/autoscaling_state.py, both at https://github.com/ray-project/ray/tree/ray-2.60.0.
"""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from cortex_cdk.simulation.policies import ReplicaBounds
from cortex_cdk.simulation.policies.ray_serve import Note, RayServe, RayServeSettings, mean_of_notes
from tests.simulation.policies.scripted import WIDE, Readings, counts, run


def decisions(policy: RayServe, ticks: Iterable[tuple[float, float, int, int]]) -> list[int]:
    """The counts for ticks of (time, load, running, requested). Notes are taken and sent at each tick."""
    return [
        policy.decide(now, Readings(requested=requested, ready=running, averages={1.0: load})).desired
        for now, load, running, requested in ticks
    ]


def noting_each_tick(bounds: ReplicaBounds = WIDE, **settings: float) -> RayServe:
    """Notes every 2 s and looks back no further, so that the load is that of the tick."""
    at_once = {"look_back_period_s": 1.0, "metrics_interval_s": 2.0, "note_share": 1.0, "control_interval_s": 2.0}
    return RayServe(RayServeSettings(**(at_once | settings)), bounds)


def test_the_load_is_a_mean_over_time_from_when_all_have_a_note() -> None:
    notes = (
        Note(0.1, 3, 1),
        Note(0.2, 8, 2),
        Note(0.3, 10, 3),  # the last of three sources joins
        Note(0.8, 12, 3),
        Note(0.9, 13, 3),
        Note(1.0, 14, 3),
        Note(1.4, 18, 3),
        Note(1.5, 17, 3),
    )
    assert mean_of_notes(notes, 2.0) == pytest.approx(23.4 / 1.7)


def test_without_notes_there_is_no_load() -> None:
    assert mean_of_notes((), 5.0) == 0.0
    assert mean_of_notes((Note(5.0, 3.0, 1),), 5.0) == 3.0


def test_a_replica_that_leaves_does_not_shorten_the_mean() -> None:
    assert mean_of_notes((Note(0.0, 10, 3), Note(5.0, 4, 2)), 10.0) == 7.0


@pytest.mark.parametrize("load", [20, 100, 10])
def test_the_target_is_shared_by_all_replicas(load: int) -> None:
    policy = noting_each_tick(target_ongoing_requests=5, upscale_delay_s=0, downscale_delay_s=0)
    assert decisions(policy, [(2, load, 4, 4)]) == [load // 5]


def test_replicas_that_start_slowly_do_not_confuse_it() -> None:
    policy = noting_each_tick(target_ongoing_requests=1, upscale_delay_s=0, downscale_delay_s=100_000)
    ticks = [(2, 100, 1, 1), (4, 100, 1, 100), (6, 123, 3, 100), (8, 10, 4, 123)]
    assert decisions(policy, ticks) == [100, 100, 123, 123]


def test_a_wish_must_last_for_its_delay_and_the_last_one_counts() -> None:
    policy = noting_each_tick(target_ongoing_requests=1)
    up = decisions(policy, [(2.0 * i, 2 + i, 1, 1) for i in range(1, 17)])
    assert up == [1] * 15 + [18]  # 2 s + 30 s: the wish of that tick, not the first one
    again = decisions(policy, [(32 + 2.0 * i, 20 + i, 18, 18) for i in range(1, 17)])
    assert again == [18] * 15 + [36]  # and anew for the next step
    down = decisions(policy, [(100 + 2.0 * i, 3, 18, 18) for i in range(1, 302)])
    assert down == [18] * 300 + [3]


def test_a_wish_for_the_other_direction_or_for_no_change_begins_anew() -> None:
    for interruption in (0.5, 2.0):
        policy = noting_each_tick(target_ongoing_requests=1)
        before = [(2.0 * i, 4, 2, 2) for i in range(1, 15)]
        after = [(30 + 2.0 * i, 4, 2, 2) for i in range(1, 17)]
        assert decisions(policy, [*before, (30, interruption, 2, 2), *after]) == [2] * 30 + [4]


@pytest.mark.parametrize("delay", [30.0, 0.0])
def test_a_load_that_goes_up_and_down_is_ridden_out_with_a_delay(delay: float) -> None:
    policy = noting_each_tick(target_ongoing_requests=50, upscale_delay_s=delay, downscale_delay_s=delay)
    ticks = [(2.0 * i, *((100, 1, 1) if i % 2 else (40, 2, 2))) for i in range(1, 101)]
    assert decisions(policy, ticks) == ([1, 2] * 50 if delay else [2, 1] * 50)


def test_factors_multiply_the_step_from_the_running_replicas() -> None:
    at_once = {"target_ongoing_requests": 1.0, "upscale_delay_s": 0.0, "downscale_delay_s": 0.0}
    assert decisions(noting_each_tick(**at_once, upscaling_factor=0.5), [(2, 10, 4, 4)]) == [7]
    assert decisions(noting_each_tick(**at_once, downscaling_factor=0.5), [(2, 4, 10, 10)]) == [7]
    # 10 + 0.05 x (8 - 10) = 9.9 would never go down.
    assert decisions(noting_each_tick(**at_once, downscaling_factor=0.05), [(2, 8, 10, 10)]) == [9]


def test_from_several_it_goes_down_to_one_at_least() -> None:
    policy = noting_each_tick(upscale_delay_s=0, downscale_delay_s=0, downscaling_factor=10)
    assert decisions(policy, [(2, 0, 5, 5)]) == [1]


def test_without_a_running_replica_it_does_not_wait() -> None:
    assert decisions(noting_each_tick(upscaling_factor=10), [(2, 1, 0, 1)]) == [10]
    assert decisions(noting_each_tick(upscaling_factor=0.5), [(2, 1, 0, 1)]) == [1]
    assert decisions(noting_each_tick(), [(2, 1, 0, 7)]) == [7]
    assert decisions(noting_each_tick(upscaling_factor=10), [(2, 0, 0, 1)]) == [1]


def test_bounds_hold() -> None:
    policy = noting_each_tick(ReplicaBounds(minimum=2, maximum=5, initial=3), upscale_delay_s=0, downscale_delay_s=0)
    assert policy.initial() == 3
    assert decisions(policy, [(2, 100, 3, 3), (4, 0, 5, 5)]) == [5, 2]


def test_defaults_are_those_of_autoscaling_config() -> None:
    settings = RayServeSettings()
    assert settings.target_ongoing_requests == 2
    assert (settings.upscale_delay_s, settings.downscale_delay_s) == (30, 600)
    assert (settings.look_back_period_s, settings.metrics_interval_s, settings.note_interval_s) == (30, 10, 6)
    assert RayServeSettings(look_back_period_s=300).note_interval_s == 10


def test_a_step_is_seen_with_the_next_notes_and_followed_after_the_delay() -> None:
    ticks = run(RayServe(RayServeSettings(), WIDE), lambda second: 1.0 if second < 301 else 20.0, 420)
    # Noted at 306 s, sent at 310 s, when the mean of the notes since 282 s is (1 x 24 + 20 x 4) / 28.
    assert "3.714 ongoing" in next(outcome.reason for time, _, outcome in ticks if time == 310)
    assert counts(ticks)[1][0] == 340
    # At 340 s the notes of 312 s to 336 s are 20 throughout.
    assert counts(ticks)[1][1] == 10


def test_a_load_that_ends_is_left_after_ten_minutes() -> None:
    policy = RayServe(RayServeSettings(), ReplicaBounds(minimum=1, maximum=50, initial=10))
    changes = counts(run(policy, lambda second: 20.0 if second < 301 else 0.0, 1200))
    # Since 310 s fewer than 10 are wanted; 600 s later there has been nothing in 30 s for long.
    assert changes == [(2.0, 10), (910.0, 1)]
