"""How many replicas an API gets: the rules, and nothing but the rules.

Only the standard library is used, time is an argument, and nothing does I/O: the Lambda, the server on this machine,
the simulator and the tests call the same functions.

- ``decide(policy, observation, history, now)`` is the decision of a tick and its reasons; ``explain`` words it.
- ``average_in_flight(reports, now, window)`` and ``observe`` make load reports into what is decided by.
- ``rollout(update_strategy, desired)`` makes an update's surge and outage into the percents of ECS.
- ``python -m cortex_cdk.autoscaling.replay FILE.json`` replays recorded ticks.
"""

from .count_or_percent import CountOrPercent
from .decide import decide
from .decision import Decision, Observation, Rule, Step
from .explain import explain
from .history import History, Record
from .load import Load, average_in_flight, observe
from .policy import BUCKET_S, TICK_S, Policy
from .report import LoadReport
from .rollout import Rollout, UpdateStrategy, rollout
from .work import Work

__all__ = [
    "BUCKET_S",
    "TICK_S",
    "CountOrPercent",
    "Decision",
    "History",
    "Load",
    "LoadReport",
    "Observation",
    "Policy",
    "Record",
    "Rollout",
    "Rule",
    "Step",
    "UpdateStrategy",
    "Work",
    "average_in_flight",
    "decide",
    "explain",
    "observe",
    "rollout",
]
