"""The state that CloudWatch gives an alarm.

(Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html, as of November 2026.) An
alarm looks at the periods that end now, and at two more than it needs, as in the documentation's examples.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from typing import Any

from tests.support.metric_math import Series, evaluate
from tests.support.metric_store import Metric, MetricStore

OK, ALARM, UNKNOWN = "OK", "ALARM", "INSUFFICIENT_DATA"
MORE = 2
_COMPARISONS = {
    "GreaterThanThreshold": operator.gt,
    "GreaterThanOrEqualToThreshold": operator.ge,
    "LessThanThreshold": operator.lt,
}


def state_of(points: Sequence[bool | None], *, of: int, enough: int, missing: str, before: str = UNKNOWN) -> str:
    """The state of an alarm.

    Args:
        points: of the evaluation range, the newest last: whether each breaches; None where it is missing.
        of: how many points count.
        enough: how many of them must breach.
        missing: ``breaching``, ``notBreaching`` or ``ignore``.
        before: the state until now.
    """
    real = [point for point in points if point is not None][-of:]
    breaching = sum(real)
    lacking = of - len(real)
    if breaching >= enough or (missing == "breaching" and breaching + lacking >= enough):
        return ALARM
    if missing == "ignore" and lacking and breaching == len(real):
        return before
    return OK


def evaluated(
    alarm: Mapping[str, Any], store: MetricStore, now: int, *, before: str = UNKNOWN, fills_empty: bool = True
) -> str:
    """The state at ``now`` of an alarm of a template, given its properties without references."""
    period, of = period_of(alarm), alarm["EvaluationPeriods"]
    starts = [now - number * period for number in range(of + MORE, 0, -1)]
    values = _values(alarm, store, period, starts, fills_empty)
    breaches = _COMPARISONS[alarm["ComparisonOperator"]]
    points = [breaches(values[start], alarm["Threshold"]) if start in values else None for start in starts]
    enough = alarm["DatapointsToAlarm"]
    return state_of(points, of=of, enough=enough, missing=alarm["TreatMissingData"], before=before)


def period_of(alarm: Mapping[str, Any]) -> int:
    """Seconds of one point of an alarm; all its metrics must have the same."""
    periods = {query["MetricStat"]["Period"] for query in alarm.get("Metrics", []) if "MetricStat" in query}
    (period,) = periods or {alarm["Period"]}
    return int(period)


def _values(
    alarm: Mapping[str, Any], store: MetricStore, period: int, starts: Sequence[int], fills_empty: bool
) -> Series:
    if "Metrics" not in alarm:
        dimensions = frozenset((d["Name"], d["Value"]) for d in alarm["Dimensions"])
        key = Metric(alarm["Namespace"], alarm["MetricName"], dimensions)
        return store.statistic(key, alarm["Statistic"], period, starts)
    (expression,) = [query["Expression"] for query in alarm["Metrics"] if query.get("ReturnData", True)]
    return evaluate(expression, store.series(alarm["Metrics"], starts), starts, fills_empty=fills_empty)
