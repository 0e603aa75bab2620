"""A tick when AWS fails, when its state is lost, and when a single API is at fault."""

from dataclasses import replace

import pytest

from cortex_cdk.autoscaling import Policy
from cortex_cdk.scaler.tick import Result
from tests.support.aws import fails

POLICY = Policy(min_replicas=1, max_replicas=50, window_s=10)
QUICK = replace(POLICY, downscale_stabilization_period_s=30)


def test_scaling_goes_down_only_after_a_whole_period_when_the_state_was_lost(world):
    world.fake.add_service("iris", QUICK, desired=10)
    world.ticks(6, lambda: world.report("iris", 10.0))
    world.fake.items = {key: item for key, item in world.fake.items.items() if key[0].startswith("load#")}
    counts = []
    for _ in range(5):
        world.ticks(1, lambda: world.report("iris", 5.0))
        counts.append(world.fake.desired("iris"))
    assert counts == [10, 10, 10, 5, 5]
    assert world.decisions("iris")[6]["state_lost"] is True


@pytest.mark.parametrize(
    "broken",
    [
        {"history": {"S": "{"}},
        {"history": {"S": '{"began": 1}'}},
        {"history": {"N": "1"}},
        {"desired": {"S": "x"}},
        {"slot": {"S": "x"}},
        {"slot": None},
    ],
)
def test_a_state_that_cannot_be_read_is_a_lost_one(world, broken):
    world.fake.add_service("iris", QUICK, desired=10)
    world.ticks(6, lambda: world.report("iris", 10.0))
    item = world.fake.items["scaler#iris", "state"] | broken
    world.fake.items["scaler#iris", "state"] = {name: value for name, value in item.items() if value}
    world.ticks(1, lambda: world.report("iris", 5.0))
    assert world.decisions("iris")[-1]["state_lost"] is True
    assert world.fake.desired("iris") == 10
    world.ticks(4, lambda: world.report("iris", 5.0))
    assert world.fake.desired("iris") == 5


def test_a_failed_update_is_made_up_for_by_the_next_tick(world):
    world.fake.add_service("iris", POLICY, desired=2)
    world.report("iris", 8.0)
    world.fake.faults = [fails("UpdateService", code="ThrottlingException")]
    assert world.tick() == {Result.FAILED: 1}
    assert world.fake.desired("iris") == 2
    assert "ThrottlingException" in world.decisions("iris")[-1]["error"]
    assert world.summary()["Errors"] == 1
    world.fake.faults = []
    world.later(iris=8.0)
    assert world.fake.desired("iris") == 8


def test_an_update_whose_answer_is_lost_is_not_made_twice(world):
    world.fake.add_service("iris", POLICY, desired=2)
    world.report("iris", 100.0)
    world.fake.lost = [fails("UpdateService")]
    world.tick()
    assert world.fake.desired("iris") == 20
    world.fake.lost = []
    world.tick()
    assert world.fake.desired("iris") == 20


@pytest.mark.parametrize("operation", ["ListServices", "DescribeServices", "BatchGetItem", "PutItem"])
def test_when_aws_is_down_everything_holds_is_counted_and_goes_on_afterwards(world, operation):
    world.fake.add_service("iris", POLICY, desired=2)
    world.report("iris", 8.0)
    world.fake.faults = [fails(operation)]
    world.tick()
    assert world.fake.desired("iris") == 2
    assert not world.fake.called("UpdateService")
    assert world.summary()["Errors"] == 1
    assert operation in world.errors()[0]["message"]
    world.fake.faults = []
    assert world.tick() == {Result.UPDATED: 1}  # even in the same slot, for nothing had been decided
    assert world.fake.desired("iris") == 8


def test_when_load_reports_cannot_be_read_the_count_is_held_within_bounds(world):
    world.fake.add_service("iris", POLICY, desired=5)
    world.fake.add_service("bounded", replace(POLICY, min_replicas=3, init_replicas=3), desired=1)
    world.fake.faults = [fails("Query")]
    assert world.tick() == {Result.FAILED: 2}
    assert (world.fake.desired("iris"), world.fake.desired("bounded")) == (5, 3)
    assert world.decisions("iris")[-1]["held_by"] == "no_data"
    assert "Query: Down" in world.decisions("iris")[-1]["error"]


@pytest.mark.parametrize("error", [None, KeyError("x")])
def test_one_bad_api_of_many_stops_no_other(world, error):
    names = [f"api-{number}" for number in range(30)]
    for name in names:
        world.fake.add_service(name, POLICY, desired=2)
        world.report(name, 8.0)

    def fault(operation, request):
        bad = operation == "PutItem" and request["Item"]["pk"]["S"] == "scaler#api-7"
        if bad and error is not None:
            raise error
        return fails("PutItem")(operation, request) if bad else None

    world.fake.faults = [fault]
    assert world.tick() == {Result.FAILED: 1, Result.UPDATED: 29}
    assert [name for name in names if world.fake.desired(name) != 8] == ["api-7"]
    assert [line["Api"] for line in world.errors()] == ["api-7"]


def test_ten_services_that_cannot_be_described_stop_no_other(world):
    for number in range(30):
        world.fake.add_service(f"api-{number}", POLICY, desired=2)
        world.report(f"api-{number}", 8.0)
    bad = next(iter(world.fake.services))
    world.fake.faults = [fails("DescribeServices", when=lambda request: bad in request["services"])]
    assert world.tick() == {Result.UPDATED: 20}


def test_a_service_deleted_meanwhile_is_no_fault(world):
    arn = world.fake.add_service("iris", POLICY)
    world.fake.before = lambda operation, request: operation == "DescribeServices" and world.fake.services.pop(arn)
    assert world.tick() == {}
    assert world.summary()["Errors"] == 0
