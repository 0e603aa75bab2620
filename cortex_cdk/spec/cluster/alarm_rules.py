"""Rules between the keys of alarms. The constructs check alarms with them, too."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from cortex_cdk.spec.cluster.alarm_kinds import AlarmKind
from cortex_cdk.spec.values import Rule, Values, Violation


def alarms(values: Values) -> Iterator[Violation]:
    """Either `emails` or `topic_arn`; topics are of the cluster's `region`; names in `apis` are in `cortex.yaml`."""
    if values.have("emails", "topic_arn") and values["emails"]:
        message = "only the cluster's own topic can be told whom to tell"
        yield Violation(("emails", "topic_arn"), message, "remove topic_arn, or subscribe the addresses to that topic")


def alarm(kind: AlarmKind) -> Rule:
    """The rule for an alarm: it is given only what it has, and a threshold that makes sense."""

    def rule(values: Values) -> Iterator[Violation]:
        hint = f"what it has is {', '.join(kind.keys)}" if kind.keys else "remove it"
        for key in ("threshold", "minutes", "min_count"):
            if values.have(key) and key not in kind.keys:
                yield Violation((key,), f"this alarm has no {key}", hint)
        if values.have("threshold") and kind.threshold is not None and values["threshold"] > kind.highest:
            yield Violation(("threshold",), f"{values['threshold']:g} is too high, at most {kind.highest:g}")

    return rule


def topic_of(region: str) -> Rule:
    """The rule for each section with a topic: it is of this region."""

    def rule(values: Values) -> Iterator[Violation]:
        if values.have("topic_arn"):
            found = values["topic_arn"].split(":")[3]
            if found != region:
                yield Violation(("topic_arn",), f"it is of the region {found}, the cluster of {region}")

    return rule


def known_apis(given: Collection[str], known: Collection[str]) -> Iterator[Violation]:
    """APIs that have alarms are in ``cortex.yaml``.

    Args:
        given: the names in ``alarms.apis``.
        known: those in ``cortex.yaml``.
    """
    for name in given:
        if name not in known:
            message = "there is no API of this name in cortex.yaml"
            yield Violation(("apis",), message, f"there are: {', '.join(known)}", item=name)
