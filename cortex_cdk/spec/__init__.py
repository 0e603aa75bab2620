"""``cortex.yaml`` as validated, typed specs.

``check(path)`` gives the project and all problems, ``load(path)`` the project or raises ``SpecError``.
Importing this package is cheap: pydantic and the YAML parser are loaded on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cortex_cdk.autoscaling.count_or_percent import CountOrPercent as CountOrPercent
    from cortex_cdk.spec.build import autoscaling_of as autoscaling_of
    from cortex_cdk.spec.checker import check as check
    from cortex_cdk.spec.checker import load as load
    from cortex_cdk.spec.model import ApiSpec as ApiSpec
    from cortex_cdk.spec.model import AutoscalingSpec as AutoscalingSpec
    from cortex_cdk.spec.model import ComputeSpec as ComputeSpec
    from cortex_cdk.spec.model import PredictorSpec as PredictorSpec
    from cortex_cdk.spec.model import Project as Project
    from cortex_cdk.spec.model import TrackerSpec as TrackerSpec
    from cortex_cdk.spec.model import UpdateStrategySpec as UpdateStrategySpec
    from cortex_cdk.spec.problem import Problem as Problem
    from cortex_cdk.spec.problem import SpecError as SpecError
    from cortex_cdk.spec.quantity import Quantity as Quantity
    from cortex_cdk.spec.reference import reference_markdown as reference_markdown
    from cortex_cdk.spec.s3_uri import S3Uri as S3Uri
    from cortex_cdk.spec.schema import json_schema as json_schema

_MODULES = {
    "check": "checker",
    "load": "checker",
    "CountOrPercent": ".autoscaling.count_or_percent",
    "json_schema": "schema",
    "ApiSpec": "model",
    "AutoscalingSpec": "model",
    "autoscaling_of": "build",
    "ComputeSpec": "model",
    "PredictorSpec": "model",
    "Project": "model",
    "TrackerSpec": "model",
    "UpdateStrategySpec": "model",
    "Problem": "problem",
    "SpecError": "problem",
    "Quantity": "quantity",
    "reference_markdown": "reference",
    "S3Uri": "s3_uri",
}
__all__ = [
    "ApiSpec",
    "AutoscalingSpec",
    "ComputeSpec",
    "CountOrPercent",
    "PredictorSpec",
    "Problem",
    "Project",
    "Quantity",
    "S3Uri",
    "SpecError",
    "TrackerSpec",
    "UpdateStrategySpec",
    "autoscaling_of",
    "check",
    "json_schema",
    "load",
    "reference_markdown",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_MODULES[name]}", __name__), name)
    globals()[name] = value
    return value
