"""What is known of one API: ten minutes of seconds and decisions, and how its replica is."""

from __future__ import annotations

from collections import deque
from dataclasses import asdict
from typing import Any

import msgspec

from cortex_cdk.autoscaling import TICK_S, LoadReport
from cortex_cdk.local.console.messages import Condition, Load, Second
from cortex_cdk.local.console.payloads import example_of, sample_of
from cortex_cdk.local.console.scaling import Outcome, WouldScale
from cortex_cdk.spec.model import ApiSpec, Project

KEPT_S = 600
"""Seconds that are shown."""


class ApiRecord:
    """One API of the project, and the replica that serves it here.

    Every value that it gives is JSON; times are in seconds since the epoch.
    """

    def __init__(self, project: Project, api: ApiSpec) -> None:
        self._seconds: deque[Second] = deque(maxlen=KEPT_S)
        self._decisions: deque[Outcome] = deque(maxlen=KEPT_S // TICK_S)
        self._scaling = WouldScale(api.autoscaling.policy())
        self._new: list[Second] = []
        self._changed = self._decided = False
        self._processes = 0
        self.replace(project, api)

    def replace(self, project: Project, api: ApiSpec) -> None:
        """Go on with a changed project, whose replica is about to start."""
        self.api = api
        self._sample = sample_of(project, api)
        self._scaling.policy = api.autoscaling.policy()
        self._condition: Condition | None = None
        self._was_ready = False
        self._trouble: list[str] = []  # why it was not ready when it last said so
        self._failure: list[str] | None = None
        self._changed = True

    # What happens

    def connected(self) -> None:
        """A process of the replica has begun to tell of itself."""
        self._processes += 1
        self._condition, self._was_ready, self._trouble, self._failure = None, False, [], None
        self._changed = True

    def disconnected(self) -> None:
        """It tells no more."""
        self._condition = None
        self._changed = True

    def failed(self) -> None:
        """It cannot be served as it is."""
        self._failure = [*self._trouble, "its error is in the log of cortex-cdk serve"]
        self._changed = True

    def take(self, message: Second | Condition | Load) -> None:
        """Take in what the replica tells."""
        if isinstance(message, Second):
            if not self._seconds or message.at > self._seconds[-1].at:  # the clock may have been set back
                self._seconds.append(message)
                self._new.append(message)
        elif isinstance(message, Condition):
            self._condition = message
            if not message.draining:
                self._trouble = message.not_ready_because
            self._was_ready = self._was_ready or not message.not_ready_because
            self._changed = True
        else:
            # An id is never used again by another process: two of them may report the same bucket.
            self._scaling.report(LoadReport(f"{self.api.name}-{self._processes}", **msgspec.structs.asdict(message)))

    def decide(self, now: float) -> None:
        """Decide as the scaler does at its ticks."""
        self._decisions.append(self._scaling.decide(now))
        self._decided = True

    # What is shown

    def whole(self) -> dict[str, Any]:
        """All of it, for a page that has just been opened."""
        return {
            **self._description(),
            "decision": self._decision(),
            "seconds": [_second(second) for second in self._seconds],
            "decisions": [[outcome.at, outcome.desired] for outcome in self._decisions],
        }

    def news(self) -> dict[str, Any]:
        """What is new since the last call."""
        found: dict[str, Any] = {"seconds": [_second(second) for second in self._new]}
        if self._changed:
            found |= self._description()
        if self._decided:
            found["decision"] = self._decision()
        self._new, self._changed, self._decided = [], False, False
        return found

    def _decision(self) -> dict[str, Any] | None:
        return asdict(self._decisions[-1]) if self._decisions else None

    def _description(self) -> dict[str, Any]:
        spec, condition = self.api.autoscaling, self._condition
        summary = condition.summary if condition is not None else {}
        inputs = summary.get("inputs")
        example = None if self._sample is not None else example_of(inputs)
        return {
            "name": self.api.name,
            "endpoint": self.api.endpoint,
            "state": self._state(),
            "reasons": self._reasons(),
            "slots": spec.slots,
            "max_in_flight": spec.max_replica_concurrency,
            "target": spec.target_replica_concurrency,
            "min_replicas": spec.min_replicas,
            "max_replicas": spec.max_replicas,
            "window_s": self._scaling.policy.window_s,
            "model": summary.get("model"),
            "inputs": inputs,
            "outputs": summary.get("outputs"),
            "error": summary.get("error"),
            "payload": self._sample[0] if self._sample is not None else example,
            "payload_from": self._sample[1] if self._sample is not None else None,
        }

    def _state(self) -> str:
        if self._failure is not None:
            return "failed"
        if self._condition is None:
            return "starting"
        if self._condition.draining:
            return "stopping"
        if not self._condition.not_ready_because:
            return "ready"
        return "not ready" if self._was_ready else "starting"

    def _reasons(self) -> list[str]:
        if self._failure is not None:
            return self._failure
        return ["its process starts"] if self._condition is None else self._condition.not_ready_because


def _second(second: Second) -> list[Any]:
    """A second as the page takes it: start, in flight, queued, p50 and p99 in seconds, answers per second by code."""
    rates = {code: round(count / second.seconds, 3) for code, count in second.requests.items()}
    return [second.at, second.in_flight, second.queued, second.p50_s, second.p99_s, rates]
