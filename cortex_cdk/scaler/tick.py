"""One tick over all APIs of a cluster.

1. Find the services that carry the scaler's tag, with their counts.
2. Read the states of their APIs, then for each API, many at once: read its load reports, decide, win the slot
   (``state.py`` says how and why in this order).
3. Update the services whose count or percents change, those that lack most first.

What fails, fails alone: an API whose state or service cannot be read or written keeps its count, and the next tick
tries again. A tick ends before the next one begins; what it has not come to by then is left to that one, so that no
update is made that a later decision has overtaken.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from typing import Any, TypeVar

from . import metrics, services, state
from .json_client import Aws, AwsError
from .metrics import Metric
from .plan import Moment, Plan, plan
from .service_tags import ScalerTarget, TagError, parse
from .services import Service
from .settings import Settings

T = TypeVar("T")
R = TypeVar("R")

GOLDEN = 0.618033988749895
"""Multiples of it, without their whole part, are spread evenly over 0..1, however many there are."""

DECIDE_LIMIT_S = 7.0
"""Seconds after which a tick decides about no other API, so that time is left to carry out what it has decided."""

LIMIT_S = 8.0
"""Seconds after which a tick begins nothing new. The next one begins 10 s after it."""


class Result(StrEnum):
    """What became of an API in a tick."""

    UNCHANGED = "unchanged"
    UPDATED = "updated"
    POSTPONED = "postponed"
    """To the next tick: too many updates, or no time left."""
    DECIDED_BEFORE = "decided_before"
    """By another tick of the same slot."""
    FAILED = "failed"


class Scaler:
    """Scales all APIs of a cluster; one for the whole life of a process, whose connections it keeps.

    Args:
        settings: what to work on.
        aws: the services of AWS.
        clock: seconds since the epoch; the machine's clock unless told.
        write: takes a log line; standard output does unless told.
    """

    def __init__(
        self,
        settings: Settings,
        aws: Aws,
        *,
        clock: Callable[[], float] | None = None,
        write: Callable[[str], None] | None = None,
    ) -> None:
        self._settings = settings
        self._aws = aws
        self._clock = clock or time.time
        self._write = write or _write_line
        self._pool = ThreadPoolExecutor(settings.threads, thread_name_prefix="scaler")
        self._finished_slot: int | None = None

    def tick(self) -> Counter[Result]:
        """Decide about every API and carry it out; never raises because of AWS or a wrong tag.

        Returns:
            How many APIs had which result.
        """
        began = time.monotonic()
        moment = Moment(now=round(self._clock(), 3), decide_until=began + DECIDE_LIMIT_S, deadline=began + LIMIT_S)
        results: Counter[Result] = Counter()
        if moment.slot == self._finished_slot:  # delivered twice, and cheap to tell
            return results
        found = services.find(self._aws.ecs, self._settings.cluster, self._pool, moment.deadline)
        for error in found.errors:
            self._log("error", f"services cannot be read, and keep their counts: {error}", moment)
        targets = self._targets(found.services, moment, results)
        plans = self._plans(targets, moment, results)
        changes = list(enumerate(_by_urgency([planned for planned in plans if planned.changes])))
        results.update(result for _, result in self._each(lambda entry: self._carry_out(*entry, moment), changes))
        results.update(self._leave(planned, moment) for planned in plans if not planned.changes)
        if not found.errors and not results[Result.FAILED]:
            self._finished_slot = moment.slot
        self._log_tick(len(found.errors) + results[Result.FAILED], time.monotonic() - began, moment, results)
        return results

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown()

    def _each(self, work: Callable[[T], R], items: Sequence[T]) -> list[tuple[T, R]]:
        """Work on many items at once, on the first ones first.

        A thread gets its share of them at once: to hand over one by one takes as much CPU as a call of AWS.
        """

        def share(number: int) -> list[tuple[T, R]]:
            return [(item, work(item)) for item in items[number :: self._settings.threads]]

        shares = self._pool.map(share, range(min(self._settings.threads, len(items))))
        return [pair for pairs in shares for pair in pairs]

    def _targets(
        self, found: Iterable[Service], moment: Moment, results: Counter[Result]
    ) -> dict[str, tuple[ScalerTarget, Service]]:
        """What to scale, by API."""
        targets: dict[str, tuple[ScalerTarget, Service]] = {}
        for service in sorted(found, key=lambda service: service.created or 0):
            try:
                target = parse(service.tags)
            except TagError as error:
                results[Result.FAILED] += 1
                self._log("error", f"not scaled, for its tags are wrong: {error}", moment, service=service.arn)
                continue
            if target.api in targets:  # while a stack replaces its service, there are two
                older = targets[target.api][1].arn
                self._log("warning", f"not scaled: a newer service serves {target.api}", moment, service=older)
            targets[target.api] = (target, service)
        return targets

    def _plans(
        self, targets: dict[str, tuple[ScalerTarget, Service]], moment: Moment, results: Counter[Result]
    ) -> list[Plan]:
        states = state.read(self._aws.dynamodb, self._settings.table, targets, moment.deadline)
        apis = _rotated(list(targets), moment.slot)

        def decide(api: str) -> Plan | Result | Exception:
            if time.monotonic() >= moment.decide_until:
                return Result.POSTPONED
            stored = states[api]
            if isinstance(stored, AwsError):
                return stored
            try:
                planned = plan(self._aws.dynamodb, self._settings.table, *targets[api], stored, moment)
                return Result.DECIDED_BEFORE if planned is None else planned
            except Exception as error:  # of one API, which must not stop the others
                return error

        plans = []
        for api, outcome in self._each(decide, apis):
            if isinstance(outcome, Plan):
                plans.append(outcome)
            elif isinstance(outcome, Result):
                results[outcome] += 1
            else:
                results[Result.FAILED] += 1
                message = f"not decided, and keeps its count: {_named(outcome)}"
                self._log("error", message, moment, api=api, result=Result.FAILED, service=targets[api][1].arn)
        return plans

    def _carry_out(self, rank: int, planned: Plan, moment: Moment) -> Result:
        """Update a service, unless many others come first, and log the decision with what became of it."""
        failure: Exception | None = planned.error
        if rank >= self._settings.updates_a_tick or time.monotonic() >= moment.deadline:
            result = Result.POSTPONED
        else:
            try:
                services.update(
                    self._aws.ecs,
                    self._settings.cluster,
                    planned.service,
                    planned.decision.desired,
                    planned.percents,
                    moment.deadline,
                )
                result = Result.UPDATED if planned.error is None else Result.FAILED
            except Exception as error:
                result, failure = Result.FAILED, error
        self._log_decision(planned, result, failure, moment)
        return result

    def _leave(self, planned: Plan, moment: Moment) -> Result:
        """Log a decision that changes nothing."""
        result = Result.UNCHANGED if planned.error is None else Result.FAILED
        self._log_decision(planned, result, planned.error, moment)
        return result

    def _log_decision(self, planned: Plan, result: Result, failure: Exception | None, moment: Moment) -> None:
        target, service, decision = planned.target, planned.service, planned.decision
        fields = {
            **metrics.fields_of(decision),
            **planned.fields,
            "result": result,
            "error": None if failure is None else _named(failure),
            "service": service.arn,
            "slot": moment.slot,
            "policy": target.fingerprint,
            "policy_changed": planned.policy_changed or None,
            "initial": planned.initial or None,
            "deploying": service.deploying or None,
            "maximum_percent": planned.percents.maximum_percent,
            "minimum_healthy_percent": planned.percents.minimum_healthy_percent,
            "ignored_tags": target.ignored or None,
        }
        values = metrics.of_decision(decision, target.policy.target_replica_concurrency, service.running)
        level = "error" if failure is not None else "info"
        self._log(level, planned.reason, moment, values, api=target.api, **fields)

    def _log_tick(self, errors: int, seconds: float, moment: Moment, results: Counter[Result]) -> None:
        apis = sum(results.values())
        values = {
            "Ticks": Metric(1),
            "Errors": Metric(errors),
            "Apis": Metric(apis),
            "Updates": Metric(results[Result.UPDATED]),
            "Postponed": Metric(results[Result.POSTPONED]),
            "TickDuration": Metric(round(seconds * 1000, 1), "Milliseconds"),
        }
        words = ", ".join(f"{count} {result.replace('_', ' ')}" for result, count in sorted(results.items())) or "none"
        message = f"{apis} APIs in {seconds:.2f} s: {words}"
        self._log("error" if errors else "info", message, moment, values, slot=moment.slot)

    def _log(
        self,
        level: str,
        message: str,
        moment: Moment,
        values: dict[str, Metric] | None = None,
        *,
        api: str | None = None,
        **fields: Any,
    ) -> None:
        dimensions = {metrics.CLUSTER: self._settings.cluster_name}
        if api is not None:
            dimensions[metrics.API] = api
        namespace = self._settings.namespace
        self._write(metrics.line(level, message, moment.now, namespace, dimensions, values or {}, fields))


def _rotated(apis: list[str], slot: int) -> list[str]:
    """Another one first in each slot, so that it is not always the same ones for which no time is left."""
    start = int(slot * GOLDEN % 1 * len(apis))
    return apis[start:] + apis[:start]


def _by_urgency(plans: list[Plan]) -> list[Plan]:
    """The most urgent first."""
    return sorted(plans, key=lambda planned: (planned.urgency, planned.target.api))


def _named(error: Exception) -> str:
    return str(error) if isinstance(error, AwsError) else f"{type(error).__name__}: {error}"


def _write_line(line: str) -> None:
    # One call a line, since many threads write; without a log, the work goes on.
    try:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    except OSError:
        pass
