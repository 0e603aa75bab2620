"""Alarms that are made, described and sent alike."""

from __future__ import annotations

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns
from constructs import Construct

from cortex_cdk.constructs.alarm_options import Setting

AT_LEAST = cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD
MORE_THAN = cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD
FEWER_THAN = cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD

BREACHING = cloudwatch.TreatMissingData.BREACHING
IGNORE = cloudwatch.TreatMissingData.IGNORE
NOT_BREACHING = cloudwatch.TreatMissingData.NOT_BREACHING


class AlarmSet(Construct):
    """Alarms on one topic.

    Args:
        subject: what they are about, in words.
        operations_page: a path or a URL; the section of an alarm is named after it.
        topic: where those are sent that say nothing else; None: nowhere.
    """

    def __init__(
        self, scope: Construct, id: str, *, subject: str, operations_page: str, topic: sns.ITopic | None
    ) -> None:
        super().__init__(scope, id)
        self._subject = subject
        self._operations_page = operations_page
        self._topic = topic
        self.alarms: dict[str, cloudwatch.Alarm] = {}
        """Those that were made, by name."""

    def add(
        self,
        name: str,
        setting: Setting,
        metric: cloudwatch.IMetric,
        meaning: str,
        operator: cloudwatch.ComparisonOperator,
        missing: cloudwatch.TreatMissingData,
        *,
        periods: int,
        most: bool = False,
        of: str = "",
    ) -> None:
        """Make an alarm.

        Args:
            name: as in the options, such as ``server_errors``.
            setting: its threshold, and where it is sent.
            metric: what is compared with the threshold.
            meaning: the condition in words.
            operator: how it is compared.
            missing: what a period without data counts as.
            periods: how many periods it looks back.
            most: whether four of five of them will do; otherwise all of them must breach.
            of: tells apart several alarms of the name.
        """
        alarm = cloudwatch.Alarm(
            self,
            _camel(name) + (f"-{of}" if of else ""),
            metric=metric,
            threshold=setting.threshold,
            comparison_operator=operator,
            evaluation_periods=periods,
            datapoints_to_alarm=periods - periods // 5 if most else periods,
            treat_missing_data=missing,
            alarm_description=self.description(name, meaning),
        )
        topic = setting.topic or self._topic
        if topic is not None:
            alarm.add_alarm_action(actions.SnsAction(topic))
            alarm.add_ok_action(actions.SnsAction(topic))  # closes what the first one opened
        self.alarms[name + (f"-{of}" if of else "")] = alarm

    def description(self, name: str, meaning: str) -> str:
        """What whoever gets the alarm reads."""
        return f"{self._subject}: {meaning}. What to do: {self.section(name)}"

    def section(self, name: str) -> str:
        """Where it says what to do about an alarm."""
        return f"{self._operations_page}#{name.replace('_', '-')}"


def _camel(name: str) -> str:
    return name.title().replace("_", "")
