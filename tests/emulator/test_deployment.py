"""A project's life: deployed, scaled, changed, broken, removed. The tests build on each other, in this order."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tests.emulator.harness import cdk, cloud, emulator, machine, processes, projects
from tests.emulator.harness.cloud import Api
from tests.emulator.harness.traffic import traffic

pytestmark = pytest.mark.timeout(1500)  # with the base images, which are made once

FLOWER = json.loads((machine.ROOT / "examples/iris-classifier/sample.json").read_text())
QUICK = {
    "window": "10s",
    "downscale_stabilization_period": "30s",
    "max_downscale_factor": 0,
    "max_replicas": 3,
}


@pytest.fixture(scope="module")
def project(cloud: None, work: Path) -> Path:
    """The project, deployed in its first release."""
    folder = projects.paced(work / "paced", release="first", pause_s=0.2, **QUICK)
    cdk.deploy(folder)
    return folder


@pytest.fixture(scope="module")
def api(project: Path) -> Api:
    """Its API, with one replica."""
    api = Api("paced")
    api.wait_running(1)
    return api


def test_a_prediction_through_the_load_balancer(api: Api) -> None:
    answer = api.predict(FLOWER)
    assert answer.status_code == 200, answer.text
    assert answer.json()["label"] == "setosa"
    assert answer.json()["release"] == "first"


def test_a_path_that_no_api_has(api: Api) -> None:
    with api.client() as client:
        assert client.post("/paced/more", json=FLOWER).status_code == 404


def test_a_second_deployment_changes_nothing(api: Api, project: Path) -> None:
    before = api.tasks()
    printed = cdk.deploy(project)
    assert printed.count("(no changes)") == 2, printed
    assert api.tasks() == before


def test_load_brings_replicas_and_they_go_again(api: Api) -> None:
    with traffic(api, FLOWER, clients=6) as answers:
        api.wait(lambda: api.service()["desiredCount"] == 3, "the scaler wants 3 replicas")
        api.wait_running(3)
        settled = time.monotonic()
        api.wait(lambda: len({body["replica"] for body in answers.since(settled)}) == 3, "all 3 replicas answer")
        api.wait(
            lambda: len({report["sk"].partition("#")[2] for report in api.reports()[-3:]}) == 3, "all 3 replicas report"
        )
    api.wait_running(1)
    assert answers.failures == []
    assert max(report["in_flight"] for report in api.reports()) > 2
    raised = next(line for line in api.decisions() if line["desired"] == 3)
    assert raised["in_flight"] > 2
    assert api.predict(FLOWER).status_code == 200


def test_a_changed_policy_takes_effect_without_a_new_task(api: Api, project: Path) -> None:
    before = api.tasks()
    projects.paced(project, release="first", pause_s=0.2, **QUICK | {"min_replicas": 2})
    cdk.deploy(project)
    api.wait_running(2)
    after = api.tasks()
    assert before.items() <= after.items()
    assert len({*after.values()}) == 1


def test_a_new_release_loses_no_request(api: Api, project: Path) -> None:
    before = api.tasks()
    with traffic(api, FLOWER, clients=2) as answers:
        projects.paced(project, release="second", pause_s=0.2, **QUICK | {"min_replicas": 2})
        cdk.deploy(project)
        api.wait(lambda: not {*before} & {*api.tasks()} and len(api.service()["deployments"]) == 1, "new tasks alone")
        moved = time.monotonic()
        api.wait(lambda: len(answers.since(moved)) > 20, "20 more answers")
    assert answers.failures == []
    assert {body["release"] for body in answers.since(moved + 1)} == {"second"}


def test_a_release_that_cannot_start_is_taken_back(api: Api, project: Path) -> None:
    before = api.tasks()
    good = api.service()["taskDefinition"]
    with traffic(api, FLOWER, clients=2) as answers:
        projects.paced(project, release="third", broken=True, **QUICK | {"min_replicas": 2})
        cdk.deploy(project)

        def failed() -> bool:
            deployments = api.service()["deployments"]
            return any(deployment["rolloutState"] == "FAILED" for deployment in deployments)

        api.wait(failed, "the deployment has failed")
        api.wait(lambda: api.service()["taskDefinition"] == good, "the service is back at its last release")
        back = time.monotonic()
        api.wait(lambda: len(answers.since(back)) > 20, "20 more answers")
    assert answers.failures == []
    assert {body["release"] for _, body in answers.good} == {"second"}
    assert {*before} <= {*api.tasks()}


def test_destroy_leaves_nothing_that_runs(api: Api, project: Path) -> None:
    """Of all that is left, logs are meant to be: the bucket of access logs, and the VPC's flow log."""
    cdk.destroy(project)
    assert cloud.stacks() == set()
    processes.wait_until(lambda: not cloud.containers(), "no container is left", cloud.DEADLINE_S)
    assert emulator.client("dynamodb").list_tables()["TableNames"] == []
    assert emulator.client("sqs").list_queues().get("QueueUrls", []) == []
    assert emulator.client("lambda").list_functions()["Functions"] == []
    assert emulator.client("elbv2").describe_load_balancers()["LoadBalancers"] == []
    assert emulator.client("elbv2").describe_target_groups()["TargetGroups"] == []
    assert emulator.client("events").list_rules()["Rules"] == []
