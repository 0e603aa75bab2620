"""What one tick decides about one API: from its service, its state and its load reports to the count to request."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

from cortex_cdk.autoscaling import Decision, History, Observation, Rollout, decide, observe, rollout

from . import reports, state
from .json_client import AwsError, Client
from .service_tags import ScalerTarget
from .services import Service
from .state import State, Stored

NEW_S = 900.0
"""A service without a state that was made so many seconds ago, or less, is new; an older one has lost its state."""


@dataclass(frozen=True, kw_only=True)
class Moment:
    """The tick: its time, its slot, its name, and until when it decides and works (as ``time.monotonic()`` counts)."""

    now: float
    decide_until: float
    deadline: float
    owner: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def slot(self) -> int:
        """The slot that it decides in."""
        return state.slot_of(self.now)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A decision that this tick may carry out: its slot is won.

    Attributes:
        target: the API.
        service: as it is.
        decision: what was decided, and why.
        percents: those that belong to the count.
        policy_changed: whether the former decision was made by another policy.
        initial: whether it is a new service, which gets ``init_replicas`` whatever the load.
        error: why the load is not known, when reading it failed.
        fields: more for the log line.
    """

    target: ScalerTarget
    service: Service
    decision: Decision
    percents: Rollout
    policy_changed: bool = False
    initial: bool = False
    error: AwsError | None = None
    fields: dict[str, Any] = field(default_factory=dict)

    @property
    def reason(self) -> str:
        """The decision in one line."""
        if self.initial:
            was, desired = self.service.desired, self.decision.desired
            return f"{was} -> {desired}: a new service begins with {desired} replicas (init_replicas)"
        return self.decision.reason

    @property
    def changes(self) -> bool:
        """Whether the service is to be updated."""
        return not self.service.has(self.decision.desired, self.percents)

    @property
    def urgency(self) -> tuple[int, float]:
        """What to carry out first sorts first: scaling up, most wanting first; then the others."""
        change = self.decision.desired - self.service.desired
        share = self.decision.desired / max(self.service.desired, 1)
        return (0, -share) if change > 0 else (1, share)


def plan(
    dynamodb: Client, table: str, target: ScalerTarget, service: Service, stored: Stored, moment: Moment
) -> Plan | None:
    """Decide, and win the slot; None when it is decided already.

    Raises:
        AwsError: when the state cannot be written, and nothing is decided.
    """
    former = stored.state
    if former is not None and moment.slot <= former.slot <= moment.slot + state.AHEAD_SLOTS:
        return None
    error: AwsError | None = None
    fields: dict[str, Any] = {}
    initial = _is_initial(target, service, stored, moment.now)
    if initial:
        decision = _initial(target, service, moment.now)
    else:
        history = former.history if former is not None and former.service == service.identity else History()
        try:
            policy = target.policy
            work = policy.queue_drain_period_s is not None
            found, wrong = reports.read(
                dynamodb, table, target.api, moment.now, policy.window_s, moment.deadline, work=work
            )
            observation = observe(policy, found, moment.now, service.desired)
            fields = {"reports": len(found), "wrong_reports": wrong or None}
        except AwsError as failure:  # as without data: hold, within bounds
            error, observation = failure, Observation(replicas=service.desired, average_in_flight=None)
        decision = decide(target.policy, observation, history, moment.now)
        if former is None:
            fields["state_lost"] = True
    now = State(
        slot=moment.slot,
        desired=decision.desired,
        history=decision.history,
        service=service.identity,
        policy=target.fingerprint,
        initial=initial,
    )
    if not state.claim(dynamodb, table, target.api, now, stored, moment.owner, moment.now, moment.deadline):
        return None
    return Plan(
        target=target,
        service=service,
        decision=decision,
        percents=rollout(target.update_strategy, decision.desired),
        policy_changed=former is not None and former.policy != target.fingerprint,
        initial=initial,
        error=error,
        fields=fields,
    )


def _is_initial(target: ScalerTarget, service: Service, stored: Stored, now: float) -> bool:
    """Whether the service still has to get ``init_replicas``, which ECS cannot be told beforehand."""
    former = stored.state
    if former is None:
        return service.created is not None and now - service.created < NEW_S
    if former.service != service.identity:
        return True
    return former.initial and service.desired != former.desired


def _initial(target: ScalerTarget, service: Service, now: float) -> Decision:
    return Decision(
        desired=target.policy.init_replicas,
        valid=True,
        history=History().at(now),
        observation=Observation(replicas=service.desired, average_in_flight=None),
    )
