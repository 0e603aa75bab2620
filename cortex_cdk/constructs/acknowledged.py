"""Findings of cdk-nag's AwsSolutions pack that these constructs mean as they are, with the reason of each.

They are recorded with the constructs, so that an app that uses the pack need not explain them again.
"""

from __future__ import annotations

from typing import Any

from aws_cdk import Acknowledgment, Stack, Validations
from constructs import IConstruct

REASONS = {
    "IAM5": "the wildcard is below one cluster or one model, or the action has no resource level",
    "EC23": "the range is a reference: the VPC's own, or what the user gives",
    "EC26": "the volume is encrypted; the rule cannot read it through the launch template's reference",
    "AS3": "ECS starts and ends the instances, and reports that itself",
    "S1": "it is the bucket of access logs itself",
    "L1": "the runtime that the code is tested with",
    "ECS2": "the settings hold no secrets; those are granted to the task's role and read by the predictor",
    "DDB3": "load of the last hour: nothing to recover",
}


def acknowledge(construct: IConstruct, *rules: str) -> None:
    """Record that ``construct`` and what is in it break ``rules`` on purpose.

    Args:
        construct: what is not as the rules want it.
        rules: keys of ``REASONS``, or with the finding that is meant: ``IAM5[Action::ecs:Submit*]``.
    """
    for rule in rules:
        reason = REASONS[rule.partition("[")[0]]
        Validations.of(construct).acknowledge(Acknowledgment(id=f"AwsSolutions::AwsSolutions-{rule}", reason=reason))


def acknowledge_wildcard(construct: IConstruct, arn: str) -> None:
    """Record that ``construct`` may do something with all that ``arn``, which has a ``*`` in it, stands for."""
    acknowledge(construct, f"IAM5[Resource::{_shown(Stack.of(construct).resolve(arn))}]")


def _shown(resolved: Any) -> str:
    """A text with references as the pack writes them: ``<LogicalId>``."""
    if isinstance(resolved, str):
        return resolved
    if "Fn::Join" in resolved:
        separator, parts = resolved["Fn::Join"]
        return str(separator).join(_shown(part) for part in parts)
    if "Fn::GetAtt" in resolved:
        return f"<{'.'.join(resolved['Fn::GetAtt'])}>"
    return f"<{resolved['Ref']}>" if "Ref" in resolved else str(resolved)
