"""The scaler's decisions, out of its log, in the words of the rules."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cortex_cdk.autoscaling import Decision, History, Observation, Rule, Step, explain
from cortex_cdk.operations import log_events
from cortex_cdk.operations.aws import Aws


@dataclass(frozen=True, kw_only=True)
class Decided:
    """A decision about an API, which was made again, word for word, at all ticks until ``until``.

    Attributes:
        api: the API's name.
        at, until: its first and its last tick, in seconds since the epoch.
        requested: the count before.
        desired: the count after.
        in_flight: requests in flight that it was made by; None when none were known.
        result: what became of it: ``unchanged``, ``updated``, ``postponed`` or ``failed``.
        reason: the decision in one line.
        words: the decision in lines: what was decided, then each rule that had a say.
    """

    api: str
    at: float
    until: float
    requested: int
    desired: int
    in_flight: float | None
    result: str
    reason: str
    words: Sequence[str]

    @property
    def changes(self) -> bool:
        """Whether the count changed."""
        return self.requested != self.desired


def read(aws: Aws, log_group: str, since: float, api: str | None = None, until: float | None = None) -> list[Decided]:
    """The decisions about an API, or about all, from a moment on, oldest first."""
    pattern = "{ $.desired = * }" if api is None else f"{{ $.Api = {json.dumps(api)} && $.desired = * }}"
    until_ms = None if until is None else int(until * 1000)
    events = log_events.read(aws, log_group, int(since * 1000), until_ms, pattern=pattern)
    found = (decided_of(event.message, event.at_ms / 1000) for event in events)
    return [one for one in found if one is not None and api in (None, one.api)]


def decided_of(line: str, at: float) -> Decided | None:
    """The decision that a line of the scaler's log is about; None when it is about something else."""
    try:
        document = json.loads(line)
        decision = _decision(document)
        reason, result = str(document["message"]), str(document["result"])
        words = [reason[:1].upper() + reason[1:] + "."] if document.get("initial") else explain(decision)
        if result == "postponed":
            words.append("  Not carried out: too many services to update at once; the next tick decides again.")
        if document.get("error"):
            words.append(f"  Failed: {document['error']}")
        return Decided(
            api=str(document["Api"]),
            at=_moment(document, at),
            until=_moment(document, at),
            requested=decision.observation.replicas,
            desired=decision.desired,
            in_flight=decision.observation.average_in_flight,
            result=result,
            reason=reason,
            words=words,
        )
    except (ValueError, TypeError, KeyError):
        return None


def merged(found: Iterable[Decided]) -> Iterator[Decided]:
    """Decisions about one API, those that follow each other with the same words as one."""
    last: Decided | None = None
    for one in found:
        if last is not None and _same(last, one):
            last = replace(last, until=one.until)
            continue
        if last is not None:
            yield last
        last = one
    if last is not None:
        yield last


def _same(one: Decided, other: Decided) -> bool:
    return (one.words, one.requested, one.desired) == (other.words, other.requested, other.desired)


def _moment(document: dict[str, Any], at: float) -> float:
    stamp = (document.get("_aws") or {}).get("Timestamp")
    return stamp / 1000 if isinstance(stamp, int | float) else at


def _decision(document: dict[str, Any]) -> Decision:
    steps = tuple(
        Step(Rule(step["rule"]), int(step["before"]), int(step["after"]), str(step["reason"]))
        for step in document["steps"]
    )
    observation = Observation(replicas=int(document["replicas"]), average_in_flight=document.get("in_flight"))
    return Decision(
        desired=int(document["desired"]),
        valid=bool(document["valid"]),
        history=History(),
        observation=observation,
        steps=steps,
    )
