"""CDK constructs that put TensorFlow models behind autoscaled HTTP endpoints in one's own AWS account.

``Cluster`` is where APIs run, ``TensorFlowApi`` is one of them; ``Endpoint`` and ``Scaler`` are parts of a cluster that
also work alone. What they are told wrong is reported by ``app.synth()``, all of it at once.

Example: A stack of one's own
    from aws_cdk import App, Stack

    from cortex_cdk.constructs import ApiImage, Cluster, InstanceGroup, TensorFlowApi
    from cortex_cdk.spec import load

    app = App()
    stack = Stack(app, "models")
    cluster = Cluster(stack, "Cluster", instance_groups=[InstanceGroup(instance_types=["m5.large"], max_instances=4)])
    project = load("cortex.yaml", allow_local_models=False)
    for spec in project.apis:
        api = TensorFlowApi(stack, spec.name, cluster=cluster, spec=spec, image=ApiImage(project=project.folder))
        api.metric_latency().create_alarm(stack, f"{spec.name}-slow", threshold=500, evaluation_periods=3)
    app.synth()
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cortex_cdk.constructs.alarm_options import AlarmOptions as AlarmOptions
    from cortex_cdk.constructs.alarm_options import ApiAlarms as ApiAlarms
    from cortex_cdk.constructs.alarm_options import ClusterAlarms as ClusterAlarms
    from cortex_cdk.constructs.cluster import Cluster as Cluster
    from cortex_cdk.constructs.cluster import ClusterAttributes as ClusterAttributes
    from cortex_cdk.constructs.cluster import ClusterBase as ClusterBase
    from cortex_cdk.constructs.endpoint import Endpoint as Endpoint
    from cortex_cdk.constructs.endpoint import EndpointAttributes as EndpointAttributes
    from cortex_cdk.constructs.endpoint import EndpointBase as EndpointBase
    from cortex_cdk.constructs.images import ApiImage as ApiImage
    from cortex_cdk.constructs.images import DownloaderImage as DownloaderImage
    from cortex_cdk.constructs.images import ServingImage as ServingImage
    from cortex_cdk.constructs.interfaces import ICluster as ICluster
    from cortex_cdk.constructs.interfaces import IEndpoint as IEndpoint
    from cortex_cdk.constructs.interfaces import IScaler as IScaler
    from cortex_cdk.constructs.monitoring import ApiMonitoring as ApiMonitoring
    from cortex_cdk.constructs.monitoring import ClusterMonitoring as ClusterMonitoring
    from cortex_cdk.constructs.scaler import Scaler as Scaler
    from cortex_cdk.constructs.scaler import ScalerAttributes as ScalerAttributes
    from cortex_cdk.constructs.scaler import ScalerBase as ScalerBase
    from cortex_cdk.constructs.tensorflow_api import TensorFlowApi as TensorFlowApi
    from cortex_cdk.model_pin.pin import PinnedModel as PinnedModel
    from cortex_cdk.spec.cluster.instance_group import InstanceGroup as InstanceGroup
    from cortex_cdk.spec.cluster.instance_types import InstanceCapacity as InstanceCapacity
    from cortex_cdk.spec.cluster.model import JwtVerification as JwtVerification

_MODULES = {
    "AlarmOptions": "alarm_options",
    "ApiAlarms": "alarm_options",
    "ApiImage": "images",
    "ApiMonitoring": "monitoring",
    "Cluster": "cluster",
    "ClusterAlarms": "alarm_options",
    "ClusterAttributes": "cluster",
    "ClusterBase": "cluster",
    "ClusterMonitoring": "monitoring",
    "DownloaderImage": "images",
    "Endpoint": "endpoint",
    "EndpointAttributes": "endpoint",
    "EndpointBase": "endpoint",
    "ICluster": "interfaces",
    "IEndpoint": "interfaces",
    "IScaler": "interfaces",
    "InstanceCapacity": ".spec.cluster.instance_types",
    "InstanceGroup": ".spec.cluster.instance_group",
    "JwtVerification": ".spec.cluster.model",
    "PinnedModel": "tensorflow_api",
    "Scaler": "scaler",
    "ScalerAttributes": "scaler",
    "ScalerBase": "scaler",
    "ServingImage": "images",
    "TensorFlowApi": "tensorflow_api",
}
__all__ = list(_MODULES)


def __getattr__(name: str) -> Any:
    # Loaded on first use: aws_cdk takes seconds, and placement and the like do without.
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_MODULES[name]}", __name__), name)
    globals()[name] = value
    return value
