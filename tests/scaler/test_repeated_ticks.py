"""Ticks that are delivered twice, late, in another order, or at once: one of them decides."""

import threading

import pytest

from cortex_cdk.autoscaling import Policy
from cortex_cdk.scaler.tick import Result
from tests.support.aws import NEW

POLICY = Policy(min_replicas=1, max_replicas=50, window_s=10)


def test_a_tick_delivered_twice_decides_once(world):
    world.fake.add_service("iris", POLICY, desired=2)
    world.report("iris", 100.0)
    scaler = world.scaler()
    scaler.tick()
    assert world.fake.desired("iris") == 20
    calls = len(world.fake.calls)
    assert scaler.tick() == {}  # the same process tells by itself
    assert len(world.fake.calls) == calls
    assert world.tick(1) == {Result.DECIDED_BEFORE: 1}  # another by the state
    assert world.fake.desired("iris") == 20
    assert len(world.decisions("iris")) == 1


def test_two_ticks_close_together_on_both_sides_of_a_boundary_decide_once(world):
    world.now = NEW + 9.9
    world.fake.add_service("iris", POLICY, desired=2)
    world.report("iris", 100.0)
    world.tick()
    world.now += 0.2
    world.report("iris", 100.0)
    world.tick()
    assert world.fake.desired("iris") == 20
    assert world.decisions("iris")[-1]["held_by"] == "repeated"


@pytest.mark.parametrize(("order", "decisions"), [((10, 20, 15), 2), ((25, 5, 10), 1)])
def test_slots_are_taken_from_the_clock_not_from_the_order_of_messages(world, order, decisions):
    """Of the clocks of three processes some are behind: they decide nothing in a slot that has been passed."""
    world.fake.add_service("iris", POLICY, desired=2)
    for second in order:
        world.now = NEW + second
        world.report("iris", 100.0)
        world.tick()
    assert len(world.decisions("iris")) == decisions


def test_a_late_tick_decides_with_the_time_it_runs_at(world):
    world.fake.add_service("iris", POLICY, desired=2)
    world.report("iris", 8.0)
    world.now = NEW + 14.5
    world.tick()
    assert world.decisions("iris")[-1]["slot"] == NEW // 10 + 1
    assert world.decisions("iris")[-1]["held_by"] == "no_data"  # the report is too old by now


def test_of_many_ticks_at_once_one_decides(world):
    world.fake.add_service("iris", POLICY, desired=2)
    world.report("iris", 100.0)
    barrier = threading.Barrier(4)

    def meet(operation, request):
        if operation == "PutItem":  # all have decided, none has written
            barrier.wait(30)

    world.fake.before = meet
    results = []
    threads = [threading.Thread(target=lambda: results.append(world.tick())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(next(iter(result)) for result in results) == [Result.DECIDED_BEFORE] * 3 + [Result.UPDATED]
    assert len(world.fake.called("UpdateService")) == 1
    assert len(world.decisions("iris")) == 1


def test_a_slot_far_ahead_was_written_by_a_wrong_clock_and_stops_nobody(world):
    world.fake.add_service("iris", POLICY, desired=2)
    world.tick(86_400)
    world.now -= 86_400
    world.report("iris", 8.0)
    world.tick()
    assert world.fake.desired("iris") == 8
