"""Named sets of autoscaling values, for users who would rather say what they want than tune every key.

The defaults of ``cortex.yaml`` are Cortex's and stay as they are. A preset replaces some of them; a key that the file
gives counts all the same. docs/autoscaling.md measures the presets against other autoscalers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Preset:
    """Defaults of the section ``autoscaling``, as users would write them.

    Attributes:
        meaning: what it is for, in one phrase.
        values: by key.
        utilization: the default of ``target_replica_concurrency``, as a share of the requests that a replica serves at
            once (``workers_per_replica`` x ``threads_per_worker``).
    """

    meaning: str
    values: Mapping[str, Any]
    utilization: float = 1.0


PRESETS = {
    "responsive": Preset(
        "follows bursts within one tick and counts work rather than waiting, so that a backlog does not overshoot",
        {
            "window": "30s",
            "upscale_window": "10s",
            "queue_drain_period": "30s",
            "downscale_stabilization_period": "2m",
        },
        utilization=0.7,
    ),
}


def with_preset(section: Any) -> Any:
    """A section ``autoscaling`` as written, with the values of its preset for the keys that it leaves out."""
    if not isinstance(section, dict):
        return section
    name = section.get("preset")
    preset = PRESETS.get(name) if isinstance(name, str) else None
    return section if preset is None else {**preset.values, **section}


def utilization(name: str | None) -> float:
    """The share of its slots that a replica is meant to use, under the preset of that name or under none."""
    return PRESETS[name].utilization if name else 1.0
