"""A tick that has more to do than it may or can: how many updates, and for how long."""

from cortex_cdk.autoscaling import Policy
from cortex_cdk.scaler.tick import Result

POLICY = Policy(min_replicas=1, max_replicas=50, window_s=10)


def test_what_lacks_most_is_updated_first_when_there_is_too_much_to_update(world):
    for number in range(6):
        world.fake.add_service(f"up-{number}", POLICY, desired=10)
        world.report(f"up-{number}", 20.0 + 10 * number)
        world.fake.add_service(f"percents-{number}", POLICY, desired=10)
        world.report(f"percents-{number}", 10.0)
    assert world.scaler(updates_a_tick=4).tick() == {Result.UPDATED: 4, Result.POSTPONED: 8}
    assert [world.fake.desired(f"up-{number}") for number in range(6)] == [10, 10, 40, 50, 50, 50]
    assert world.summary()["Postponed"] == 8
    world.now += 10
    for number in range(6):
        world.report(f"up-{number}", 20.0 + 10 * number)
        world.report(f"percents-{number}", 10.0)
    world.scaler(updates_a_tick=4).tick()
    assert [world.fake.desired(f"up-{number}") for number in range(2)] == [20, 30]


def test_when_time_is_short_what_was_decided_is_still_carried_out(world, monkeypatch):
    """Deciding ends before the tick does: else a slow tick would win every slot and never change a count."""
    for number in range(6):
        world.fake.add_service(f"api-{number}", POLICY, desired=2)
        world.report(f"api-{number}", 8.0)
    seconds = 0.0

    def take_time(operation, request):
        nonlocal seconds
        seconds += 1.9 if operation == "Query" else 0.0

    world.fake.before = take_time
    monkeypatch.setattr("cortex_cdk.scaler.tick.time.monotonic", lambda: seconds)
    assert world.scaler(threads=1).tick() == {Result.UPDATED: 4, Result.POSTPONED: 2}


def test_a_tick_that_runs_out_of_time_leaves_the_rest_to_the_next(world, monkeypatch):
    world.fake.add_service("iris", POLICY, desired=2)
    world.report("iris", 8.0)
    monkeypatch.setattr("cortex_cdk.scaler.tick.DECIDE_LIMIT_S", 0.0)
    assert world.tick() == {Result.POSTPONED: 1}
    assert world.fake.desired("iris") == 2
    monkeypatch.undo()
    world.later(iris=8.0)
    assert world.fake.desired("iris") == 8


def test_it_is_not_always_the_same_apis_for_which_no_time_is_left(world, monkeypatch):
    for number in range(20):
        world.fake.add_service(f"api-{number}", POLICY, desired=2)
    seconds = iter(range(10**9))
    monkeypatch.setattr("cortex_cdk.scaler.tick.time.monotonic", lambda: next(seconds))
    for _ in range(12):
        assert world.tick(10)[Result.POSTPONED] >= 10
    decided = {line["Api"] for line in world.lines if "desired" in line}
    assert len(decided) == 20
