"""``cluster.yaml`` as a validated, typed spec: where the APIs of ``cortex.yaml`` run in AWS.

``check(path)`` gives the spec and all problems, ``load(path)`` the spec or raises ``SpecError``. Without a file, all
keys have their defaults. Importing this package is cheap: pydantic and the YAML parser are loaded on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cortex_cdk.spec.cluster.checker import check as check
    from cortex_cdk.spec.cluster.checker import load as load
    from cortex_cdk.spec.cluster.instance_group import InstanceGroup as InstanceGroup
    from cortex_cdk.spec.cluster.instance_types import InstanceCapacity as InstanceCapacity
    from cortex_cdk.spec.cluster.model import AlarmSpec as AlarmSpec
    from cortex_cdk.spec.cluster.model import AlarmsSpec as AlarmsSpec
    from cortex_cdk.spec.cluster.model import ClusterSpec as ClusterSpec
    from cortex_cdk.spec.cluster.model import EndpointSpec as EndpointSpec
    from cortex_cdk.spec.cluster.model import JwtVerification as JwtVerification
    from cortex_cdk.spec.cluster.model import VpcSpec as VpcSpec
    from cortex_cdk.spec.cluster.reference import reference_markdown as reference_markdown
    from cortex_cdk.spec.cluster.schema import json_schema as json_schema

_MODULES = {
    "AlarmSpec": "model",
    "AlarmsSpec": "model",
    "ClusterSpec": "model",
    "EndpointSpec": "model",
    "InstanceCapacity": "instance_types",
    "InstanceGroup": "instance_group",
    "JwtVerification": "model",
    "VpcSpec": "model",
    "check": "checker",
    "json_schema": "schema",
    "load": "checker",
    "reference_markdown": "reference",
}
__all__ = list(_MODULES)
FILE = "cluster.yaml"


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_MODULES[name]}", __name__), name)
    globals()[name] = value
    return value
