"""A tick over the APIs of a cluster, and each fault that it has to live with."""

import threading
from dataclasses import replace

import pytest

from cortex_cdk.autoscaling import CountOrPercent, Policy, rollout
from cortex_cdk.scaler.service_tags import Strategy
from cortex_cdk.scaler.tick import Result
from tests.support.aws import NEW, fails

POLICY = Policy(min_replicas=1, max_replicas=50, window_s=10)
QUICK = replace(POLICY, downscale_stabilization_period_s=30)
COUNT = CountOrPercent


def test_the_load_decides(world):
    world.fake.add_service("iris", POLICY, desired=2)
    world.report("iris", 7.2)
    assert world.tick() == {Result.UPDATED: 1}
    assert world.fake.desired("iris") == 8


def test_count_and_percents_travel_together_and_the_rest_of_the_configuration_stays(world):
    strategy = Strategy(max_surge=COUNT(25, True), max_unavailable=COUNT(0, False))
    world.fake.add_service("iris", POLICY, strategy=strategy, desired=10)
    before = world.fake.service("iris")["deploymentConfiguration"]
    world.report("iris", 3.0)
    world.ticks(31, lambda: world.report("iris", 3.0))
    assert world.fake.desired("iris") == 5
    assert world.fake.percents("iris") == tuple(rollout(strategy, 5)) == (140, 100)
    changed = {"maximumPercent": 140, "minimumHealthyPercent": 100}
    assert world.fake.service("iris")["deploymentConfiguration"] == {**before, **changed}
    for request in world.fake.called("UpdateService"):
        assert request.keys() == {"cluster", "service", "desiredCount", "deploymentConfiguration"}


def test_nothing_is_updated_when_nothing_changes(world):
    world.fake.add_service("iris", POLICY, desired=3)
    world.report("iris", 3.0)
    assert world.tick() == {Result.UPDATED: 1}  # the percents were not yet those of 3
    world.ticks(3, lambda: world.report("iris", 3.0))
    assert len(world.fake.called("UpdateService")) == 1


def test_other_update_strategies_alone_are_carried_out_too(world):
    world.fake.add_service("iris", POLICY, desired=4)
    world.report("iris", 4.0)
    world.tick()
    assert world.fake.percents("iris") == (125, 75)
    world.fake.retag("iris", POLICY, Strategy(max_surge=COUNT(4, False), max_unavailable=COUNT(0, False)))
    world.later(iris=4.0)
    assert (world.fake.desired("iris"), world.fake.percents("iris")) == (4, (200, 100))


def test_services_that_ecs_does_not_roll_get_their_count_alone(world):
    world.fake.add_service("iris", POLICY, desired=2, deploymentController={"type": "EXTERNAL"})
    world.report("iris", 7.2)
    world.tick()
    assert world.fake.desired("iris") == 8
    assert "deploymentConfiguration" not in world.fake.called("UpdateService")[0]


def test_only_active_services_with_the_tag_are_looked_after(world):
    world.fake.add_service("iris", POLICY)
    world.fake.add_service("other", tags={"team": "x"})
    world.fake.add_service("gone", POLICY, status="DRAINING")
    assert sum(world.tick().values()) == 1
    assert [line["Api"] for line in world.lines if "desired" in line] == ["iris"]


def test_all_pages_of_services_are_read(world):
    for number in range(234):
        world.fake.add_service(f"api-{number}", POLICY)
        world.report(f"api-{number}", 1.0)
    assert sum(world.tick().values()) == 234
    assert len(world.fake.called("ListServices")) == 3
    assert len(world.fake.called("DescribeServices")) == 24
    assert len(world.fake.called("BatchGetItem")) == 3


# New services


def test_the_first_tick_of_a_new_service_sets_init_replicas(world):
    policy = replace(POLICY, init_replicas=6)
    world.fake.add_service("iris", policy, created=NEW - 20)
    world.tick()
    assert world.fake.desired("iris") == 6
    assert world.decisions("iris")[-1]["message"] == "1 -> 6: a new service begins with 6 replicas (init_replicas)"
    assert world.decisions("iris")[-1]["initial"] is True
    world.later(iris=0.0)
    assert world.fake.desired("iris") == 6  # from here on the rules: no step down in the first period
    assert "initial" not in world.decisions("iris")[-1]


def test_init_replicas_are_set_again_when_the_update_failed(world):
    world.fake.add_service("iris", replace(POLICY, init_replicas=6), created=NEW)
    world.fake.faults = [fails("UpdateService")]
    assert world.tick() == {Result.FAILED: 1}
    world.fake.faults = []
    world.later(iris=1.0)
    assert world.fake.desired("iris") == 6


def test_a_service_made_again_is_a_new_one(world):
    policy = replace(POLICY, init_replicas=4)
    world.fake.add_service("iris", policy, created=NEW)
    world.tick()
    world.fake.services.clear()
    world.fake.add_service("iris", policy, created=NEW + 12, desired=1)
    world.tick(10)
    assert world.fake.desired("iris") == 4


def test_init_replicas_are_not_for_services_that_were_there_before(world):
    world.fake.add_service("iris", replace(POLICY, init_replicas=6), desired=3)
    world.report("iris", 3.0)
    world.tick()
    assert world.fake.desired("iris") == 3


def test_of_two_services_of_an_api_the_newer_is_scaled(world):
    world.fake.add_service("iris", POLICY, desired=3, created=NEW - 9000)
    newer = world.fake.add_service("iris-2", POLICY, desired=2, created=NEW - 5000)
    tags = world.fake.service("iris")["tags"]
    world.fake.services[newer]["tags"] = tags
    world.report("iris", 7.2)
    world.tick()
    assert (world.fake.desired("iris"), world.fake.desired("iris-2")) == (3, 8)
    assert "a newer service" in next(line["message"] for line in world.lines if line["level"] == "warning")


# Deliveries


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


@pytest.mark.parametrize("order", [(10, 20, 15), (25, 5, 10)])
def test_slots_are_taken_from_the_clock_not_from_the_order_of_messages(world, order):
    world.fake.add_service("iris", POLICY, desired=2)
    for second in order:
        world.now = NEW + second
        world.report("iris", 100.0)
        world.tick()
    # Of the clocks of three processes one was behind: it decided nothing in a slot that had been passed.
    assert len(world.decisions("iris")) == 2 if order == (10, 20, 15) else 1


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


# Policies


def test_a_changed_policy_takes_effect_at_once_and_keeps_the_history(world):
    world.fake.add_service("iris", POLICY, desired=8)
    world.report("iris", 8.0)
    world.tick()
    world.fake.retag("iris", replace(POLICY, target_replica_concurrency=2.0, max_replicas=6))
    world.later(iris=8.0)
    assert world.fake.desired("iris") == 6  # clamped to the new bounds at once, and held there by the first period
    assert world.decisions("iris")[-1]["policy_changed"] is True
    world.fake.retag("iris", replace(POLICY, target_replica_concurrency=0.5))
    world.later(iris=8.0)
    assert world.fake.desired("iris") == 16
    world.later(iris=8.0)
    assert "policy_changed" not in world.decisions("iris")[-1]


def test_bounds_hold_without_data(world):
    world.fake.add_service("iris", replace(POLICY, max_replicas=5), desired=9)
    world.tick()
    assert world.fake.desired("iris") == 5
    assert world.decisions("iris")[-1]["valid"] is False


@pytest.mark.parametrize(
    ("tag", "value", "named"),
    [
        ("cortex:window_s", "1m", "cortex:window_s is '1m'"),
        ("cortex:min_replicas", "1.5", "cortex:min_replicas is '1.5'"),
        ("cortex:max_surge", "lots", "cortex:max_surge is 'lots'"),
        ("cortex:max_replicas", "0", "max_replicas is 0"),
        ("cortex:api", "", "cortex:api is missing or empty"),
    ],
)
def test_wrong_tags_stop_their_own_api_alone(world, tag, value, named):
    world.fake.add_service("wrong", POLICY, desired=2)
    world.fake.add_service("right", POLICY, desired=2)
    next(found for found in world.fake.service("wrong")["tags"] if found["key"] == tag)["value"] = value
    for api in ("wrong", "right"):
        world.report(api, 8.0)
    assert world.tick() == {Result.FAILED: 1, Result.UPDATED: 1}
    assert (world.fake.desired("wrong"), world.fake.desired("right")) == (2, 8)
    error = world.errors()[0]
    assert named in error["message"]
    assert error["service"].endswith("/wrong")
    assert world.summary()["Errors"] == 1


# Faults


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


# Rates


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
