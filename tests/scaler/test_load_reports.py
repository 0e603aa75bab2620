"""Which load reports a tick reads, and which of them it takes."""

from dataclasses import replace

import pytest

from cortex_cdk.autoscaling import Policy

POLICY = Policy(min_replicas=1, max_replicas=50, window_s=10)


def test_all_pages_of_load_reports_are_read(world):
    world.fake.page = 7
    world.fake.add_service("iris", replace(POLICY, window_s=60), desired=30)
    for number in range(30):
        world.report("iris", 1.5, replica=f"r{number}", buckets=6)
    world.tick()
    assert world.decisions("iris")[-1]["reports"] == 180
    assert world.fake.desired("iris") == 45


@pytest.mark.parametrize("window", [10, 60, 600])
def test_the_reports_that_are_read_are_all_that_a_decision_needs(world, window):
    """The oldest report of the window, and one before it, which tells that a replica's report is missing."""
    world.fake.add_service("iris", replace(POLICY, window_s=window), desired=2)
    buckets = window // 10
    for number in range(1, buckets + 1):
        world.fake.report("iris", world.now - 10 * number, 2.0, replica="a")
    world.fake.report("iris", world.now - 10 * (buckets + 1), 9.0, replica="b")
    for number in range(1, buckets):
        world.fake.report("iris", world.now - 10 * number, 0.0, replica="b")
    world.tick()
    decision = world.decisions("iris")[-1]
    assert decision["in_flight"] == 2.0
    assert decision["in_flight_if_full"] > 2.0


def test_items_that_are_no_load_reports_are_left_out(world):
    world.fake.add_service("iris", POLICY, desired=2)
    world.report("iris", 8.0)
    world.report("iris", -1.0, replica="negative")
    world.fake.report("iris", world.now - 10, 5.0, replica="text")
    key = next(key for key in world.fake.items if key[1].endswith("#text"))
    world.fake.items[key] = world.fake.items[key] | {"in_flight": {"N": "x"}}
    world.tick()
    assert world.fake.desired("iris") == 8
    assert (world.decisions("iris")[-1]["reports"], world.decisions("iris")[-1]["wrong_reports"]) == (1, 2)


@pytest.mark.parametrize(
    ("policy", "fields"),
    [
        (POLICY, {"sk", "in_flight", "seconds"}),
        (replace(POLICY, queue_drain_period_s=30.0), {"sk", "in_flight", "seconds", "queued", "arrived", "served"}),
    ],
)
def test_what_a_policy_does_not_decide_by_is_not_read(world, policy, fields):
    world.fake.add_service("iris", policy)
    world.tick()
    (request,) = world.fake.called("Query")
    assert set(request["ProjectionExpression"].split(", ")) == fields


def test_reports_read_before_are_read_anew_when_they_change(world):
    world.fake.add_service("iris", POLICY, desired=2)
    scaler = world.scaler()
    for in_flight in (8.0, 9.0):
        world.report("iris", in_flight)
        scaler.tick()
        assert world.decisions("iris")[-1]["in_flight"] == in_flight
        scaler._finished_slot = None
        del world.fake.items["scaler#iris", "state"]
