"""How an API is, in one word: the rules, from counts and flags alone.

The words are Cortex's, and so are the rules, with three differences. A rollout is ``updating`` until enough replicas of
the new release are ready, not only until ``min_replicas`` are. Requests always need a replica: without a ready one
nothing is ``live``. And a failure counts until a replica that started after it is ready: ECS starts a new replica in
the place of one that failed, where Kubernetes restarts the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """How an API is."""

    LIVE = "live"
    UPDATING = "updating"
    ERROR = "error"
    IMAGE_PULL = "error (image pull)"
    OUT_OF_MEMORY = "error (out of memory)"
    COMPUTE_UNAVAILABLE = "compute unavailable"


class Cause(StrEnum):
    """Why a replica failed, as far as the status tells apart."""

    IMAGE_PULL = "image_pull"
    OUT_OF_MEMORY = "out_of_memory"
    OTHER = "other"


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the status follows from.

    Attributes:
        requested: replicas that are asked for.
        min_replicas: of the policy.
        ready: replicas of the latest release that take requests.
        stale: replicas of former releases that have not been told to stop.
        failures: causes of the failures of the latest release since its newest ready replica started.
        stalled: whether replicas wait for an instance longer than one needs to start.
    """

    requested: int
    min_replicas: int = 1
    ready: int = 0
    stale: int = 0
    failures: Sequence[Cause] = ()
    stalled: bool = False


def status_of(facts: Facts) -> Status:
    """The first of these that holds.

    1. ``live``: as many replicas of the latest release are ready as are requested, and at least one.
    2. ``error (image pull)``, ``error``, ``error (out of memory)``: a replica of the latest release has failed with
       that cause, and none that started later is ready.
    3. ``compute unavailable``: replicas wait for an instance that does not come.
    4. ``live``: the API scales up, and has ``min_replicas`` ready already.
    5. ``updating``.
    """
    if facts.ready >= max(facts.requested, 1):
        return Status.LIVE
    for cause, status in _ERRORS.items():
        if cause in facts.failures:
            return status
    if facts.stalled:
        return Status.COMPUTE_UNAVAILABLE
    if facts.ready >= max(facts.min_replicas, 1) and facts.stale == 0:
        return Status.LIVE
    return Status.UPDATING


_ERRORS = {
    Cause.IMAGE_PULL: Status.IMAGE_PULL,
    Cause.OTHER: Status.ERROR,
    Cause.OUT_OF_MEMORY: Status.OUT_OF_MEMORY,
}
