"""Replay recorded ticks through ``decide`` and print every one that comes out differently.

    python -m cortex_cdk.autoscaling.replay FILE.json

The file holds ``scenarios``, each with the policies in force (``configs``), the time (``t``) and the average load
(``avg_in_flight``) of each tick, what failed or was set between them, and what is expected of each tick: ``expected``,
parallel lists. A value that is absent from ``expected`` is not compared. Without ``t``, tick k is at
``phase_s + k * (10 + drift_s_per_tick)``. Each tick that differs is a line of the output.

Exit status: 0 when nothing differs, 1 when something does, 2 when the file cannot be replayed.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from .decide import decide
from .decision import Decision, Observation
from .history import History
from .policy import TICK_S, Policy

_SECONDS = (
    "window",
    "upscale_window",
    "queue_drain_period",
    "downscale_stabilization_period",
    "upscale_stabilization_period",
)
_OTHERS = (
    "min_replicas",
    "max_replicas",
    "init_replicas",
    "target_replica_concurrency",
    "max_downscale_factor",
    "max_upscale_factor",
    "downscale_tolerance",
    "upscale_tolerance",
)
_UPDATE_ERRORS = "update_error_ticks"


class Difference(NamedTuple):
    """A tick that came out differently: ``values`` maps what differs to what was expected and what came out."""

    scenario: str
    tick: int
    time: float
    values: dict[str, tuple[Any, Any]]


class Outcome(NamedTuple):
    """Of one tick: the decision and the count after it, which is the one before where setting it failed."""

    decision: Decision
    status: str
    before: int
    after: int

    def value(self, name: str) -> Any:
        """What a list of ``expected`` holds of this tick."""
        decision = self.decision
        match name:
            case "status":
                return self.status
            case "replicas_before":
                return self.before
            case "replicas_after":
                return self.after
            case "request":
                return decision.desired if decision.valid else None
            case "upscale_factor_ceil":
                return decision.upscale_factor_ceiling
            case "upscale_stabilization_ceil":
                return decision.upscale_stabilization_ceiling
            case _:
                return getattr(decision, name)


COMPARED = (
    "status",
    "recommendation",
    "request",
    "replicas_before",
    "replicas_after",
    "downscale_factor_floor",
    "upscale_factor_ceil",
    "downscale_stabilization_floor",
    "upscale_stabilization_ceil",
)


def policy_of(config: dict[str, Any]) -> Policy:
    """The policy that an entry of ``configs`` describes; what it does not name has its default."""
    names = (*_OTHERS, *(f"{name}_s" for name in _SECONDS))
    values = {name: config[name] for name in names if config.get(name) is not None}
    values.setdefault("init_replicas", values.get("min_replicas", Policy.min_replicas))
    return Policy(**values)


def times(scenario: dict[str, Any]) -> list[float]:
    """The time of each tick."""
    if scenario.get("t") is not None:
        return list(scenario["t"])
    step = TICK_S + (scenario.get("drift_s_per_tick") or 0)
    return [(scenario.get("phase_s") or 0) + tick * step for tick in range(len(scenario["avg_in_flight"]))]


def replay(scenario: dict[str, Any]) -> Iterator[Outcome]:
    """The outcomes of a scenario's ticks, in order."""
    configs = sorted(scenario["configs"], key=lambda config: config.get("from_tick") or 0)
    policies = {max(0, config.get("from_tick") or 0): policy_of(config) for config in configs}
    policy = policies[min(policies)]
    awaken, metrics_errors, update_errors = (
        frozenset(scenario.get(name) or ()) for name in ("awaken_before_ticks", "metrics_error_ticks", _UPDATE_ERRORS)
    )
    replicas, history = policy.init_replicas, History()
    at, averages = times(scenario), scenario["avg_in_flight"]
    if len(at) != len(averages):
        raise ValueError(f"{len(at)} times in t, but {len(averages)} values of avg_in_flight")
    for tick, (now, average) in enumerate(zip(at, averages, strict=True)):
        policy = policies.get(tick, policy)
        if tick in awaken and replicas == 0:
            replicas, history = 1, history.recorded(now, 1)
        failed = tick in metrics_errors
        observation = Observation(replicas=replicas, average_in_flight=None if failed else average)
        decision = decide(policy, observation, history, now)
        history, before = decision.history, policy.bounded(replicas)
        replicas = before if tick in update_errors else decision.desired
        status = "metrics_error" if failed else "ok" if decision.valid else "no_metrics"
        yield Outcome(decision, status, before, replicas)


def differences(scenario: dict[str, Any]) -> Iterator[Difference]:
    """The ticks of a scenario that come out differently from its ``expected``."""
    expected, at = scenario["expected"], times(scenario)
    compared = [name for name in COMPARED if expected.get(name) is not None]
    for name in compared:
        if len(expected[name]) != len(at):
            raise ValueError(f"{len(at)} ticks, but {len(expected[name])} values of {name}")
    update_errors = frozenset(scenario.get(_UPDATE_ERRORS) or ())
    for tick, outcome in enumerate(replay(scenario)):
        wrong = {}
        for name in compared:
            wanted, got = expected[name][tick], outcome.value(name)
            if name == "status" and got == "ok" and wanted == "update_error" and tick in update_errors:
                continue
            if wanted != got:
                wrong[name] = (wanted, got)
        if wrong:
            yield Difference(str(scenario.get("id", "?")), tick, at[tick], wrong)


def replay_file(path: Path) -> tuple[int, int, list[Difference]]:
    """How many scenarios and ticks a file has, and the ticks that come out differently.

    Raises:
        ValueError: when it is no file of recorded ticks; the message names the scenario that cannot be replayed.
        OSError: when it cannot be read.
    """
    try:
        scenarios = list(json.loads(path.read_bytes())["scenarios"])
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"not a file of recorded ticks: {type(error).__name__}: {error}") from error
    ticks = 0
    found: list[Difference] = []
    for number, scenario in enumerate(scenarios):
        try:
            found += differences(scenario)
            ticks += len(times(scenario))
        except (AttributeError, KeyError, TypeError, ValueError, ArithmeticError) as error:
            name = scenario.get("id", number) if isinstance(scenario, dict) else number
            raise ValueError(f"scenario {name} cannot be replayed: {type(error).__name__}: {error}") from error
    return len(scenarios), ticks, found


def main(arguments: list[str]) -> int:
    """Replay the file that is named; 0 when nothing differs, 1 when something does, 2 when it cannot be replayed."""
    if len(arguments) != 1 or arguments[0].startswith("-"):
        asked = arguments in (["-h"], ["--help"])
        print((__doc__ or "").strip(), file=sys.stdout if asked else sys.stderr)
        return 0 if asked else 2
    path = Path(arguments[0])
    try:
        scenarios, ticks, found = replay_file(path)
    except (OSError, ValueError) as error:
        print(f"{path}: {getattr(error, 'strerror', None) or error}", file=sys.stderr)
        return 2
    try:
        for difference in found:
            values = "; ".join(f"{name} expected {want}, is {got}" for name, (want, got) in difference.values.items())
            print(f"{difference.scenario} tick {difference.tick} at {difference.time} s: {values}")
        print(f"{scenarios} scenarios, {ticks} ticks, {len(found)} mismatches", flush=True)
    except BrokenPipeError:  # whoever reads, such as ``head``, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
