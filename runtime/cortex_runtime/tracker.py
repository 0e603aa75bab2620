"""What is counted of the predictions of an API: classes, or the statistics of a regression.

A worker extracts one ``Observation`` from each prediction; the front, one per replica, sums them up. Whatever cannot
be tracked is logged once per reason and never touches the answer.
"""

from __future__ import annotations

import enum
import logging
import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from .settings import Tracker as TrackerSettings

log = logging.getLogger(__name__)

MAX_CLASSES = 100
"""Distinct classes that are counted by name; CloudWatch bills each as a metric of its own."""

OTHER_CLASSES = "(other classes)"
"""Where predictions of further classes are counted."""


class Observation(msgspec.Struct, frozen=True, array_like=True):
    """The tracked value of one prediction, or the reason why there is none."""

    value: str | int | float | None
    problem: str | None = None


class RegressionStatistics(msgspec.Struct):
    """Of the values since the start or since the last report."""

    count: int = 0
    total: float = 0.0
    min: float = math.inf
    max: float = -math.inf

    def add(self, value: float) -> None:
        """Take in one value."""
        self.count += 1
        self.total += value
        self.min = min(self.min, value)
        self.max = max(self.max, value)

    @property
    def mean(self) -> float:
        """The arithmetic mean; NaN when there are no values."""
        return self.total / self.count if self.count else math.nan


def observe(settings: TrackerSettings, prediction: Any) -> Observation:
    """Read the tracked value out of a prediction; never raises."""
    try:
        return _read(settings, prediction)
    except Exception as error:  # of the predictor's own classes
        return Observation(None, f"a {type(prediction).__name__} cannot be read: {type(error).__name__}")


def _read(settings: TrackerSettings, prediction: Any) -> Observation:
    value = prediction
    if settings.key is not None:
        if not isinstance(prediction, Mapping):
            return Observation(None, f"tracker.key is {settings.key!r}, but the prediction is a {_kind(prediction)}")
        if settings.key not in prediction:
            return Observation(None, f"the prediction has no key {settings.key!r} (tracker.key)")
        value = prediction[settings.key]
    elif isinstance(prediction, Mapping):
        return Observation(None, "the prediction is an object: set tracker.key to the key to track")
    if isinstance(value, enum.Enum):  # as it is written in JSON
        value = value.value
    if isinstance(value, np.generic):
        value = value.item()
    if settings.model_type == "classification":
        if isinstance(value, str | int) and not isinstance(value, bool):
            return Observation(str(value).encode(errors="replace").decode())  # lone surrogates travel nowhere
        return Observation(None, f"a class must be a string or an integer, not a {_kind(value)}")
    if isinstance(value, float | int) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            return Observation(None, "the value is too large for a float")
        if math.isfinite(number):
            return Observation(number)
        return Observation(None, "the value is not finite")
    return Observation(None, f"a regression's value must be a float or an integer, not a {_kind(value)}")


def _kind(value: Any) -> str:
    names = {dict: "object", list: "list", str: "string", bool: "boolean", type(None): "null", bytes: "bytes"}
    return names.get(type(value), type(value).__name__)


class Tracker:
    """The sums of one replica. ``total_*`` since its start, ``take()`` since the last report."""

    def __init__(self, settings: TrackerSettings) -> None:
        self.settings = settings
        self.total_classes: Counter[str] = Counter()
        self.total_regression = RegressionStatistics()
        self._classes: Counter[str] = Counter()
        self._regression = RegressionStatistics()
        self._warned: set[str] = set()

    def record(self, observation: Observation) -> None:
        """Count one observation, or warn, once per reason, why it cannot be counted."""
        value = observation.value
        if value is None:
            self._warn(f"not tracked: {observation.problem}")
        elif self.settings.model_type == "classification":
            name = str(value)
            if name not in self.total_classes and len(self.total_classes) - self._overflowed >= MAX_CLASSES:
                self._warn(f"more than {MAX_CLASSES} classes: further ones are counted as {OTHER_CLASSES!r}")
                name = OTHER_CLASSES
            self.total_classes[name] += 1
            self._classes[name] += 1
        else:
            number = float(value)
            self.total_regression.add(number)
            self._regression.add(number)

    @property
    def _overflowed(self) -> bool:
        return OTHER_CLASSES in self.total_classes

    def take(self) -> dict[str, Any] | None:
        """What was counted since the last call, as a JSON object; None when nothing was."""
        if self.settings.model_type == "classification":
            if not self._classes:
                return None
            classes, self._classes = self._classes, Counter()
            return {"classes": dict(classes)}
        if not self._regression.count:
            return None
        taken, self._regression = self._regression, RegressionStatistics()
        return {"count": taken.count, "min": taken.min, "max": taken.max, "mean": taken.mean}

    def _warn(self, reason: str) -> None:
        if reason not in self._warned and len(self._warned) < 100:
            self._warned.add(reason)
            log.warning("tracker: %s", reason)
