"""Ray Serve's autoscaler, the rules of Ray 2.60.

Sources, all at https://github.com/ray-project/ray/blob/ray-2.60.0/python/ray/serve/:

- the decision: ``autoscaling_policy.py`` (``replica_queue_length_autoscaling_policy`` and what wraps it)
- the load: ``_private/autoscaling_state.py`` (``get_total_num_requests``), ``_private/router.py``
- defaults: ``config.py`` (``AutoscalingConfig``), ``_private/constants.py``; also described at
  https://docs.ray.io/en/latest/serve/advanced-guides/advanced-autoscaling.html

The rules:

- A handle notes its queued and running requests every fifth of the look-back period (6 s) and sends the notes of the
  look-back period (30 s) to the controller every 10 s. The load is the mean of these notes over time, each note
  holding until the next one and the last until now. The mean begins where every running replica has a note: after a
  new replica's first note it covers what came since, and no more.
- Wanted: load / target, that is running replicas x (load per running replica / target). The step from the *running*
  replicas to it is multiplied by the up- or downscaling factor and rounded up; a step down that rounds to nothing is
  one.
- A wish other than the requested count takes effect once all wishes pointed the same way for the upscale delay (30 s)
  or the downscale delay (600 s) of wall clock. The last wish of the period counts. (Earlier versions counted loops of
  0.1 s.)
- No running replica, but load: one times the upscaling factor at once, or what is requested already. Last: the
  bounds.

Here requests wait at the replicas and not at a handle, which is the same to the load. What is simpler than the
original: one handle; it notes the mean of the last second; requests of a replica that has stopped stay in older
notes; a decision each ``control_interval_s`` where the original makes one each 0.1 s.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from cortex_cdk.simulation.policies.base import Metrics, Outcome
from cortex_cdk.simulation.policies.settings import check

if TYPE_CHECKING:
    from cortex_cdk.simulation.policies.context import ReplicaBounds

_NOTED_S = 1.0
_CLOCK_STEP_S = 1e-6


@dataclass(frozen=True, kw_only=True)
class RayServeSettings:
    """Settings of Ray Serve, with the defaults of ``AutoscalingConfig`` unless another source is named.

    Attributes:
        target_ongoing_requests: requests, running and queued, per replica that are aimed at.
        upscale_delay_s: seconds for which more must have been wanted.
        downscale_delay_s: seconds for which less must have been wanted.
        upscaling_factor: multiplies a step up (``smoothing_factor``: 1).
        downscaling_factor: multiplies a step down (likewise).
        look_back_period_s: seconds of notes that are sent.
        note_share: seconds between notes, as a share of the look-back period
            (``RAY_SERVE_AUTOSCALING_METRIC_RECORD_INTERVAL_FACTOR`` in constants.py); never above the interval below.
        metrics_interval_s: seconds between sending notes.
        control_interval_s: seconds between decisions; the original's 0.1 (``CONTROL_LOOP_INTERVAL_S``) would only cost
            time, since the load changes when notes come and delays are of wall clock.
    """

    target_ongoing_requests: float = 2.0
    upscale_delay_s: float = 30.0
    downscale_delay_s: float = 600.0
    upscaling_factor: float = 1.0
    downscaling_factor: float = 1.0
    look_back_period_s: float = 30.0
    note_share: float = 0.2
    metrics_interval_s: float = 10.0
    control_interval_s: float = 2.0

    def __post_init__(self) -> None:
        check(self, "target_ongoing_requests", above=0)
        check(self, "upscale_delay_s", at_least=0)
        check(self, "downscale_delay_s", at_least=0)
        check(self, "upscaling_factor", above=0)
        check(self, "downscaling_factor", above=0)
        check(self, "look_back_period_s", above=0)
        check(self, "note_share", above=0, at_most=1)
        check(self, "metrics_interval_s", above=0)
        check(self, "control_interval_s", above=0)

    @property
    def note_interval_s(self) -> float:
        """Seconds between notes."""
        return min(self.look_back_period_s * self.note_share, self.metrics_interval_s)


class Note(NamedTuple):
    """Requests in flight and running replicas at a time."""

    time: float
    in_flight: float
    replicas: int


def mean_of_notes(notes: tuple[Note, ...], now: float) -> float:
    """Mean requests in flight from when every replica had a note until ``now``; 0 without notes."""
    if not notes:
        return 0.0
    first = 0
    for index in range(1, len(notes)):
        if notes[index].replicas > notes[index - 1].replicas:
            first = index
    notes = notes[first:]
    ends = [*(note.time for note in notes[1:]), now]
    covered = now - notes[0].time
    if covered <= 0:
        return notes[-1].in_flight
    return sum(note.in_flight * (end - note.time) for note, end in zip(notes, ends, strict=True)) / covered


class RayServe:
    """Ray Serve's autoscaler as a policy."""

    def __init__(self, settings: RayServeSettings, bounds: ReplicaBounds, name: str = "ray") -> None:
        self.settings = settings
        self.name = name
        self._bounds = bounds
        self.initial()

    @property
    def interval_s(self) -> float:
        """Seconds from one tick to the next."""
        return self.settings.control_interval_s

    def initial(self) -> int:
        """Begin a run: forget the past."""
        self._notes: deque[Note] = deque()
        self._sent: tuple[Note, ...] = ()
        self._next_note = self.settings.note_interval_s
        self._next_sending = self.settings.metrics_interval_s
        self._direction = 0
        self._wished_since = 0.0
        return self._bounds.initial

    def decide(self, now: float, metrics: Metrics) -> Outcome:
        """One tick."""
        self._note_and_send(now, metrics)
        load = mean_of_notes(self._sent, now)
        requested, running = metrics.requested, metrics.ready
        if running == 0:
            # Nothing runs: the original does not wait for its delays.
            at_once = math.ceil(self.settings.upscaling_factor) if load > 0 else 0
            return Outcome(self._bounds.nearest(max(at_once, requested)), None, "no replica is running")
        wish = self._scaled(load / self.settings.target_ongoing_requests, running)
        desired, reason = self._delayed(now, wish, requested)
        reason = (
            f"{load:.4g} ongoing requests at a target of {self.settings.target_ongoing_requests:g}, {running} running: "
            f"{wish} wanted, {reason}"
        )
        return Outcome(self._bounds.nearest(desired), None, reason)

    def _note_and_send(self, now: float, metrics: Metrics) -> None:
        if now + _CLOCK_STEP_S >= self._next_note:
            self._next_note += self.settings.note_interval_s
            in_flight = metrics.in_flight(_NOTED_S)
            if in_flight is not None:
                self._notes.append(Note(now, in_flight, metrics.ready))
        if now + _CLOCK_STEP_S >= self._next_sending:
            self._next_sending += self.settings.metrics_interval_s
            while self._notes and self._notes[0].time < now - self.settings.look_back_period_s:
                self._notes.popleft()
            self._sent = tuple(self._notes)

    def _scaled(self, wanted: float, running: int) -> int:
        delta = wanted - running
        factor = self.settings.upscaling_factor if delta > 0 else self.settings.downscaling_factor
        scaled = math.ceil(running + factor * delta)
        if math.ceil(wanted) < running and scaled == running:
            scaled -= 1
        return max(0, scaled)

    def _delayed(self, now: float, wish: int, requested: int) -> tuple[int, str]:
        """The wish once it has been in one direction for long enough, else the requested count."""
        direction = (wish > requested) - (wish < requested)
        if direction == 0:
            self._direction = 0
            return requested, "as requested"
        if direction != self._direction:
            self._direction = direction
            self._wished_since = now
        delay = self.settings.upscale_delay_s if direction > 0 else self.settings.downscale_delay_s
        waited = now - self._wished_since
        if waited + _CLOCK_STEP_S < delay:
            return requested, f"held for {delay - waited:.4g} s more"
        self._direction = 0
        return wish, f"after {delay:g} s"
