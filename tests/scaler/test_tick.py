"""A tick over the APIs of a cluster: what it decides, and what it changes."""

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
