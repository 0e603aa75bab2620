"""What a ``Scaler`` makes, and what it may do."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from enum import Enum, auto
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aws_cdk import App, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs

from cortex_cdk.autoscaling import CountOrPercent, Policy
from cortex_cdk.constructs import Scaler
from cortex_cdk.constructs.source_cut import MODELS, SCALER, copy_package
from cortex_cdk.scaler import handler, service_tags
from cortex_cdk.spec.model import UpdateStrategySpec
from tests.support.cloud_template import Template

STRATEGY = UpdateStrategySpec(CountOrPercent.parse("25%"), CountOrPercent.parse("1"))


def test_six_ticks_a_minute_through_a_queue(templates):
    template = templates["cluster"]
    rule = template.one("Events::Rule")
    assert rule["ScheduleExpression"] == "rate(1 minute)"
    (target,) = rule["Targets"]
    assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 60, "MaximumRetryAttempts": 0}
    invoked = template.one("Lambda::EventInvokeConfig")
    assert (invoked["MaximumRetryAttempts"], invoked["MaximumEventAgeInSeconds"]) == (0, 60)
    mapping = template.one("Lambda::EventSourceMapping")
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["BatchSize"] == 1
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": 2}


def queue_of_ticks(template: Template) -> dict[str, Any]:
    (ticks,) = [queue for queue in template.all("SQS::Queue") if "RedrivePolicy" in queue]
    return ticks


def test_a_message_is_not_seen_twice_while_it_is_worked_on(templates):
    """https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html: six times the function's time-out."""
    template = templates["cluster"]
    assert queue_of_ticks(template)["VisibilityTimeout"] >= 6 * template.one("Lambda::Function")["Timeout"]


POLL_S = 20
"""The longest that Lambda takes to see a message: that of SQS's long polling."""


class Tick(Enum):
    """What becomes of a delivery."""

    DONE = auto()
    FAILS = auto()
    CRASHES = auto()
    """Or runs out of time: nothing is answered."""
    IS_NOT_RUN = auto()
    """The message is lost on its way, or Lambda is throttled."""


def fate(queue: dict[str, Any], delay: int, ticks: Sequence[Tick], monkeypatch: pytest.MonkeyPatch) -> tuple[str, int]:
    """What becomes of a message in the queue of the template, and how often a tick was run for it.

    SQS moves it to the dead letters when it would be received once more than ``maxReceiveCount`` says, and drops it at
    the age that the queue says. The handler is the Lambda's own, with a scaler that fails as told.
    """
    sent, due, outcomes, runs = 1e9, 1e9 + delay, iter(ticks), 0
    received = due + POLL_S / 2  # not too late
    for receive_count in count(1):
        if received - sent > queue["MessageRetentionPeriod"]:
            return "expired", runs
        if receive_count > queue["RedrivePolicy"]["maxReceiveCount"]:
            return "dead letter", runs
        outcome = next(outcomes)

        def run(outcome: Tick = outcome) -> None:
            nonlocal runs
            runs += 1
            if outcome is Tick.CRASHES:
                raise SystemExit
            if outcome is Tick.FAILS:
                raise RuntimeError("nobody thought of it")

        monkeypatch.setattr(handler, "_scaler", SimpleNamespace(tick=run))
        monkeypatch.setattr(handler.time, "time", lambda received=received: received)
        record = {
            "messageId": "1",
            "body": json.dumps({"due": due}),
            "attributes": {"ApproximateReceiveCount": str(receive_count)},
        }
        if outcome is not Tick.IS_NOT_RUN:
            with contextlib.suppress(SystemExit):
                if not handler.handler({"Records": [record]}, None)["batchItemFailures"]:
                    return "deleted", runs
        received += queue["VisibilityTimeout"] + POLL_S
    raise AssertionError("a message does not come for ever")


@pytest.mark.parametrize("delay", [0, 59])
@pytest.mark.parametrize(
    ("ticks", "expected"),
    [
        ([Tick.DONE], ("deleted", 1)),
        ([Tick.FAILS, Tick.FAILS], ("dead letter", 2)),
        ([Tick.CRASHES, Tick.CRASHES], ("dead letter", 2)),
        ([Tick.FAILS, Tick.CRASHES], ("dead letter", 2)),
        ([Tick.FAILS, Tick.DONE], ("deleted", 2)),
        ([Tick.IS_NOT_RUN, Tick.DONE], ("deleted", 1)),
    ],
)
def test_a_tick_that_fails_twice_ends_in_the_dead_letters(templates, monkeypatch, delay, ticks, expected):
    monkeypatch.setenv("CORTEX_CLUSTER", "cluster")
    monkeypatch.setenv("CORTEX_TABLE", "table")
    assert fate(queue_of_ticks(templates["cluster"]), delay, ticks, monkeypatch) == expected


def test_the_function(templates):
    function = templates["cluster"].one("Lambda::Function")
    assert function["Handler"] == "cortex_cdk.scaler.handler.handler"
    assert function["MemorySize"] == 384
    assert {*function["Environment"]["Variables"]} == {
        "CORTEX_CLUSTER",
        "CORTEX_TABLE",
        "CORTEX_QUEUE_URL",
        "CORTEX_METRIC_NAMESPACE",
    }
    assert "ReservedConcurrentExecutions" not in function


def test_the_table(templates):
    table = templates["cluster"].one("DynamoDB::Table")
    assert [(key["AttributeName"], key["KeyType"]) for key in table["KeySchema"]] == [("pk", "HASH"), ("sk", "RANGE")]
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires", "Enabled": True}


def test_what_the_function_may_do(templates):
    statements = templates["cluster"].statements("ScalerRole")
    actions = [
        action for s in statements for action in ([s["Action"]] if isinstance(s["Action"], str) else s["Action"])
    ]
    assert not [action for action in actions if "*" in action]
    everywhere = [s for s in statements if s["Resource"] == "*"]
    assert [s["Action"] for s in everywhere] == ["ecs:ListServices"]
    assert "ecs:cluster" in everywhere[0]["Condition"]["ArnEquals"]
    by_action = {s["Action"] if isinstance(s["Action"], str) else s["Action"][0]: s for s in statements}
    assert "aws:ResourceTag/cortex:cluster" in by_action["ecs:UpdateService"]["Condition"]["StringEquals"]
    assert by_action["dynamodb:PutItem"]["Condition"] == {
        "ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["scaler#*"]}
    }
    assert "ManagedPolicyArns" not in json.dumps(templates["cluster"].all("IAM::Role"))


def test_any_service_can_be_scaled():
    """Without the other constructs: an ECS service whose tasks send load reports."""
    stack = Stack(App(), "own")
    cluster = ecs.Cluster(stack, "Cluster", vpc=ec2.Vpc(stack, "Vpc"))
    task = ecs.FargateTaskDefinition(stack, "Task")
    task.add_container("main", image=ecs.ContainerImage.from_registry("mine"))
    service = ecs.FargateService(
        stack, "Service", cluster=cluster, task_definition=task, min_healthy_percent=100, max_healthy_percent=150
    )
    scaler = Scaler(stack, "Scaler", cluster=cluster, metric_namespace="Mine")
    policy = Policy(max_replicas=9, window_s=20, upscale_window_s=10)
    scaler.add_service(service, api="queue", policy=policy, update_strategy=STRATEGY)
    scaler.grant_report(task.task_role, "queue")
    template = Template(stack.node.root.synth().get_stack_by_name("own").template)

    tags = {tag["Key"]: tag["Value"] for tag in template.one("ECS::Service")["Tags"]}
    cluster_tag = tags.pop(service_tags.CLUSTER_TAG)
    assert "Ref" in cluster_tag
    target = service_tags.parse(tags)
    assert (target.api, target.policy) == ("queue", policy)
    assert template.one("ECS::Service")["DeploymentConfiguration"]["MinimumHealthyPercent"] == 88  # 8 of 9
    (statement,) = [s for s in template.statements("TaskRole") if "dynamodb" in json.dumps(s)]
    assert statement["Condition"]["ForAllValues:StringEquals"] == {"dynamodb:LeadingKeys": ["load#queue"]}
    assert scaler.metric_errors().namespace == "Mine"
    assert scaler.metric_ticks(statistic="Maximum").statistic == "Maximum"


def test_the_cuts_hold_no_more_than_they_need(tmp_path: Path):
    for parts, packages in ((SCALER, {"autoscaling", "scaler"}), (MODELS, {"models", "model_pin", "spec"})):
        folder = tmp_path / parts[1]
        copy_package(parts, folder)
        found = {path.relative_to(folder / "cortex_cdk") for path in folder.rglob("*") if path.is_file()}
        assert {path.parts[0] for path in found if len(path.parts) > 1} == packages
        assert not [path for path in found if "__pycache__" in path.parts]
        assert Path("__init__.py") in found
