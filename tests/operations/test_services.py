"""Services of ECS: which are APIs, whether their release was taken back, whether they wait for instances."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from cortex_cdk.autoscaling import Policy
from cortex_cdk.operations.services import Deployment, Event, Service, services_of
from cortex_cdk.operations.tasks import Task
from cortex_cdk.scaler.service_tags import Strategy, tags_of

NOW = datetime(2026, 5, 31, 12, tzinfo=UTC)


def ago(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


def document(api: str, **more: Any) -> dict[str, Any]:
    tags = tags_of(Policy(max_replicas=7), Strategy(), api)
    return {
        "serviceArn": f"arn/{api}",
        "serviceName": api,
        "status": "ACTIVE",
        "desiredCount": 2,
        "taskDefinition": "definition:2",
        "tags": [{"key": key, "value": value} for key, value in tags.items()],
    } | more


def service(**values: Any) -> Service:
    return Service(
        **{"arn": "a", "name": "n", "tags": {"cortex:api": "iris"}, "requested": 2, "definition": "d"} | values
    )


def test_apis_are_the_active_services_with_the_scalers_tag() -> None:
    found = services_of(
        [
            document("b"),
            document("a"),
            document("gone", status="INACTIVE"),
            document("plain", tags=[]),
            document("empty", tags=[{"key": "cortex:api", "value": ""}]),
        ]
    )
    assert [one.api for one in found] == ["a", "b"]
    assert found[0].target is not None
    assert found[0].target.policy.max_replicas == 7


def test_of_two_services_of_an_api_the_newer_counts() -> None:
    old, new = document("a", serviceArn="old", createdAt=ago(9)), document("a", serviceArn="new", createdAt=ago(1))
    for order in ([old, new], [new, old]):
        assert [one.arn for one in services_of(order)] == ["new"]


def test_wrong_tags_are_no_policy() -> None:
    assert service(tags={"cortex:api": "iris", "cortex:min_replicas": "many"}).target is None


def test_a_release_that_was_taken_back() -> None:
    primary = Deployment(status="PRIMARY", definition="d:1", state="COMPLETED", created=ago(5))
    gone = Deployment(status="ACTIVE", definition="d:2", state="FAILED", reason="circuit breaker was triggered")
    assert service(deployments=[primary, gone]).rolled_back == "circuit breaker was triggered"
    assert service(deployments=[primary]).rolled_back is None
    back = Event(ago(5.5), "(service n) rolling back to deployment ecs-svc/1.")
    assert service(deployments=[primary], events=[back]).rolled_back == back.message
    # The next release forgets it.
    good = Deployment(status="PRIMARY", definition="d:10", state="COMPLETED", created=ago(1))
    assert service(deployments=[good, gone]).rolled_back is None
    assert service(deployments=[primary], events=[Event(ago(20), back.message)]).rolled_back is None
    rolling = Deployment(status="PRIMARY", definition="d1", reason="circuit breaker: rolling back to deploymentId 1")
    assert service(deployments=[rolling]).rolled_back == rolling.reason


def test_a_first_release_that_fails() -> None:
    failed = Deployment(status="PRIMARY", definition="d:1", state="FAILED")
    assert service(deployments=[failed]).rolled_back == "its deployment has failed"


def test_later_releases_than_the_services_were_taken_back() -> None:
    now = service(definition="arn:aws:ecs:us-east-1:123456789012:task-definition/iris:9")
    names = {number: now.definition.removesuffix("9") + number for number in ("8", "9", "10")}
    assert [now.was_taken_back(names[number]) for number in ("8", "9", "10")] == [False, False, True]
    assert not now.was_taken_back("of-somebody-else")


def test_replicas_that_wait_for_an_instance() -> None:
    def waiting(minutes: float) -> Task:
        return Task(id="1", definition="d", status="PROVISIONING", created=ago(minutes))

    assert not service().stalled([waiting(2)], NOW)
    assert service().stalled([waiting(2), waiting(6)], NOW)
    assert not service().stalled([Task(id="1", definition="d", status="PENDING", created=ago(60))], NOW)


def test_tasks_that_ecs_cannot_place() -> None:
    unplaced = "(service n) was unable to place a task because no container instance met all of its requirements."
    placed = "(service n) has started 1 tasks: (task 1)."
    assert service(events=[Event(ago(1), unplaced), Event(ago(9), placed)]).stalled([], NOW)
    assert service(events=[Event(ago(1), unplaced)]).unplaced(NOW) == unplaced
    assert not service(events=[Event(ago(1), placed), Event(ago(2), unplaced)]).stalled([], NOW)
    assert not service(events=[Event(ago(30), unplaced)]).stalled([], NOW)
    assert not service(events=[Event(ago(1), "(service n) has reached a steady state.")]).stalled([], NOW)


def test_when_a_service_was_updated() -> None:
    primary = Deployment(status="PRIMARY", definition="d", created=ago(3))
    former = Deployment(status="ACTIVE", definition="d", created=ago(1))
    assert service(created=ago(99), deployments=[former, primary]).updated == ago(3)
    assert service(created=ago(99)).updated == ago(99)
