"""What is served where no model is: the same functions behind every server. Needs numpy and no more."""

import os
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

FEATURES = ("sepal_length", "sepal_width", "petal_length", "petal_width")
LABELS = ("setosa", "versicolor", "virginica")
# A linear classifier: the distance of a flower's measurements to those of an average flower of each species.
MEANS = np.array([[5.0, 3.4, 1.5, 0.2], [5.9, 2.8, 4.3, 1.3], [6.6, 3.0, 5.6, 2.0]], np.float32)
WEIGHTS, OFFSETS = 2 * MEANS.T, -(MEANS**2).sum(axis=1)


def stub(payload: Mapping[str, float]) -> str:
    """The species of a flower: a model that takes a few microseconds."""
    flower = np.array([payload[name] for name in FEATURES], np.float32)
    return LABELS[int((flower @ WEIGHTS + OFFSETS).argmax())]


def sleep(payload: Mapping[str, float]) -> str:
    """A model that takes ``payload["t"]`` seconds and no CPU."""
    time.sleep(payload["t"])
    return "slept"


def chosen() -> Callable[[Any], str]:
    """The one that ``PREDICTOR`` names."""
    return {"stub": stub, "sleep": sleep}[os.environ["PREDICTOR"]]
