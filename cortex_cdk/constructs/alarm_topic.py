"""Where alarms are sent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct, IConstruct


class AlarmTopic(Construct):
    """An encrypted SNS topic to which CloudWatch and EventBridge of this account may send.

    The key is its own: AWS's key for SNS does not let them in, and alarms would be lost without a word
    (https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html). It costs $1 a month.

    Args:
        emails: addresses to subscribe; each is asked to confirm.
    """

    def __init__(self, scope: Construct, id: str, *, emails: Sequence[str] = ()) -> None:
        super().__init__(scope, id)
        key = kms.Key(self, "Key", enable_key_rotation=True, description="Alarms on their way through SNS")
        for statement in _sending(self, ["kms:Decrypt", "kms:GenerateDataKey*"], "*"):  # of a key's policy: that key
            key.add_to_resource_policy(statement)
        self.topic = sns.Topic(self, "Topic", master_key=key, enforce_ssl=True)
        allow_senders([self.topic])
        for email in emails:
            self.topic.add_subscription(subscriptions.EmailSubscription(email))


def allow_senders(topics: Iterable[sns.ITopic | None]) -> None:
    """Let alarms and events of this account be sent to ``topics``; one that was imported has to do so itself."""
    for topic in {topic for topic in topics if topic is not None}:
        for statement in _sending(topic, ["sns:Publish"], topic.topic_arn):
            topic.add_to_resource_policy(statement)


def _sending(scope: IConstruct, actions: Sequence[str], resource: str) -> list[iam.PolicyStatement]:
    """What both senders need. EventBridge names no source in such requests, so that only its rules' own permissions
    limit it."""
    account = {"StringEquals": {"aws:SourceAccount": Stack.of(scope).account}}
    return [
        iam.PolicyStatement(
            sid=sid,
            actions=list(actions),
            principals=[iam.ServicePrincipal(service)],
            resources=[resource],
            conditions=conditions,
        )
        for sid, service, conditions in (
            ("Alarms", "cloudwatch.amazonaws.com", account),
            ("Events", "events.amazonaws.com", None),
        )
    ]
