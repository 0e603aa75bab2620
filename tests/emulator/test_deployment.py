"""A project's life: deployed, scaled, changed, broken, removed. The tests build on each other, in this order."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest

from cortex_cdk.autoscaling import TICK_S
from tests.emulator.harness import cdk, cloud, commands, emulator, machine, processes, projects
from tests.emulator.harness.cloud import Api
from tests.emulator.harness.traffic import Answers, traffic

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


def test_get_tells_what_runs(api: Api) -> None:
    found = commands.get("paced")
    assert (found["status"], found["replicas"]["ready"], found["replicas"]["requested"]) == ("live", 1, 1)
    assert {task["id"] for task in found["tasks"] if task["state"] == "ready"} == ids(api)
    assert found["url"].endswith("/paced")
    # The scaler's first tick comes with the minute, and its decision is told as soon as it is made.
    assert bool(found["notes"]) == (found["scaler"]["decided"] is None)
    api.wait(lambda: commands.get("paced")["notes"] == [], "the scaler decides")
    assert api.decisions()


def test_the_plan_is_of_what_is_deployed(api: Api, project: Path) -> None:
    planned = commands.plan(project)
    taken = [(one.get("cpu", 0), one.get("memoryReservation", 0)) for one in api.containers()]
    cpu_units, memory_mib = (sum(parts) for parts in zip(*taken, strict=True))
    assert planned["replica"] == {"cpu_units": cpu_units, "memory_mib": memory_mib, "gpus": 0}
    assert planned["replicas"] == {"min": api.service()["desiredCount"], "max": QUICK["max_replicas"]}


def ids(api: Api) -> set[str]:
    """Of the tasks that run."""
    return {arn.rpartition("/")[2] for arn in api.tasks()}


def test_load_brings_replicas_and_they_go_again(api: Api, project: Path) -> None:
    burst = commands.plan(project, "--typical", "1", "--burst", "6")["burst"]
    began = time.time()
    with commands.following("logs", "paced", "--follow", "--since", "1s", "--container", "api", last_s=15) as log:
        answers, shown = load_and_look(api)
        api.wait_running(1)
    written = [line["log"]["message"] for line in log.found if isinstance(line["log"], dict)]
    assert written.count("POST /paced 200") == len(answers.good) + 1  # and one after the load
    assert {line["replica"] for line in log.found} == {id[:8] for id in shown}
    assert (burst["replicas_before"], burst["replicas_needed"]) == (1, 3)
    enough = next(line for line in api.decisions() if line["desired"] == 3)["_aws"]["Timestamp"] / 1000
    assert enough - began < burst["enough_s"][1] + 2 * TICK_S  # what clients and reports may take on a busy machine


def load_and_look(api: Api) -> tuple[Answers, set[str]]:
    """Load for 3 replicas until they are seen by the commands, too; what clients got, and the tasks there were."""
    with traffic(api, FLOWER, clients=6) as answers:
        api.wait(lambda: api.service()["desiredCount"] == 3, "the scaler wants 3 replicas")
        api.wait_running(3)
        settled = time.monotonic()
        api.wait(lambda: len({body["replica"] for body in answers.since(settled)}) == 3, "all 3 replicas answer")
        api.wait(
            lambda: len({report["sk"].partition("#")[2] for report in api.reports()[-3:]}) == 3, "all 3 replicas report"
        )
        tasks = ids(api)
        found = commands.get("paced")
        assert (found["status"], found["replicas"]["ready"], found["replicas"]["requested"]) == ("live", 3, 3)
        assert {task["id"] for task in found["tasks"] if task["state"] == "ready"} == tasks
        api.wait(lambda: 5 < (commands.get("paced")["in_flight"] or 0) <= 6, "6 clients are 6 requests in flight")
        assert re.search(r"paced +live +3 +3 +3 ", commands.top_until("Keep 3 replicas"))
    assert answers.failures == []
    assert max(report["in_flight"] for report in api.reports()) > 2
    raised = next(line for line in api.decisions() if line["desired"] == 3)
    assert raised["in_flight"] > 2
    assert api.predict(FLOWER).status_code == 200
    return answers, tasks


def test_the_decisions_are_explained(api: Api) -> None:
    decided = [(line["replicas"], line["desired"]) for line in api.decisions()]
    told = [(line["requested"], line["desired"]) for line in commands.json_lines("explain", "paced", "--changes")]
    assert told == [pair for pair in decided if pair[0] != pair[1]]
    assert told[-1][1] == 1


def test_what_is_counted_is_what_was_logged(api: Api) -> None:
    lines = commands.json_lines("logs", "paced", "--since", "1h", "--container", "api")
    logged = sum(isinstance(line["log"], dict) and line["log"]["message"] == "POST /paced 200" for line in lines)
    assert logged > 100

    def counted() -> bool:
        traffic = commands.get("paced")["traffic"]
        return traffic["requests"] == {"2xx": logged, "4xx": 0, "5xx": 0} and traffic["classes"] == {"setosa": logged}

    api.wait(counted, "metrics and tracker count what was answered", timeout=60)
    assert 200 <= commands.get("paced")["traffic"]["latency_ms"]["p50"] < 2000


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
    with commands.following("get", "paced", "--watch") as seen, traffic(api, FLOWER, clients=2) as answers:
        projects.paced(project, release="second", pause_s=0.2, **QUICK | {"min_replicas": 2})
        planned = commands.plan(project)["updates"]["min"]
        cdk.deploy(project)
        api.wait(lambda: not {*before} & {*api.tasks()} and len(api.service()["deployments"]) == 1, "new tasks alone")
        moved = time.monotonic()
        api.wait(lambda: len(answers.since(moved)) > 20, "20 more answers")
    assert answers.failures == []
    assert {body["release"] for body in answers.since(moved + 1)} == {"second"}
    assert {one["apis"][0]["status"] for one in seen.found} == {"live", "updating"}
    assert commands.get("paced")["status"] == "live"
    assert planned["can_proceed"]
    replicas = [one["apis"][0]["replicas"] for one in seen.found]
    assert max(one["ready"] + one["starting"] + one["stale"] for one in replicas) == 2 + planned["added"]
    ready = [sum(task["state"] == "ready" for task in one["apis"][0]["tasks"]) for one in seen.found]
    assert min(ready) >= 2 - planned["removed"]


def test_a_release_that_cannot_start_is_taken_back(api: Api, project: Path) -> None:
    before = api.tasks()
    good = api.service()["taskDefinition"]
    with commands.following("get", "paced", "--watch") as seen, traffic(api, FLOWER, clients=2) as answers:
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
    while_it_failed = [one["apis"][0] for one in seen.found if one["apis"][0]["status"] == "error"]
    assert any("failed: " in note for one in while_it_failed for note in one["notes"])
    found = commands.get("paced")
    assert found["status"] == "live"
    (taken_back,) = [note for note in found["notes"] if "taken back" in note]
    command = re.search(r"`cortex-cdk (logs .*)`", taken_back)
    assert command is not None
    assert "this release cannot start" in commands.run(*command[1].split())
    broken = commands.json_lines("logs", "paced", "--since", "10m", "--container", "api")
    assert any("this release cannot start" in json.dumps(line["log"]) for line in broken)


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
