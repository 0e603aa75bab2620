"""A decision in words, for a terminal, a log and a console."""

from __future__ import annotations

from .decision import Decision, Rule, Step

_TITLES = {
    Rule.NO_DATA: "no data",
    Rule.REPEATED: "same tick",
    Rule.LOAD: "load",
    Rule.MISSING_REPORTS: "missing reports",
    Rule.TOLERANCE: "tolerance",
    Rule.MAX_DOWNSCALE_FACTOR: "step down",
    Rule.MAX_UPSCALE_FACTOR: "step up",
    Rule.MIN_REPLICAS: "lower bound",
    Rule.MAX_REPLICAS: "upper bound",
    Rule.DOWNSCALE_STABILIZATION: "stabilization",
    Rule.UPSCALE_STABILIZATION: "stabilization",
}


def explain(decision: Decision) -> list[str]:
    """The decision as lines of plain text: what is requested, then each rule that had a say, in order.

    A line of a rule begins with its name and ends with the count that it left.
    """
    was = decision.observation.replicas
    counted = "replica" if decision.desired == 1 else "replicas"
    if not decision.valid:
        first = f"Hold {decision.desired} {counted}."
    elif decision.desired == was:
        first = f"Keep {was} {counted}."
    else:
        direction = "up" if decision.desired > was else "down"
        first = f"Scale {direction} from {was} to {decision.desired} {counted}."
    return [first, *(_line(step) for step in decision.steps)]


def _line(step: Step) -> str:
    return f"  {_TITLES[step.rule] + ':':<17}{step.reason} -> {step.after}"
