"""The validated content of a ``cortex.yaml``: plain frozen objects, every default filled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

from cortex_cdk.autoscaling import CountOrPercent, Policy
from cortex_cdk.spec.quantity import Quantity
from cortex_cdk.spec.s3_uri import S3Uri


@dataclass(frozen=True)
class PredictorSpec:
    """The user's predictor and its model.

    Attributes:
        path: the predictor file, relative to the project folder, ``/`` between its parts.
        model: as written in the file.
        model_location: ``model`` parsed; a local one is an absolute path, which need not exist.
        signature_key: which signature of the model to use, or None when the model decides.
        config: handed to the predictor's ``__init__``; JSON values only.
        python_path: the folder added to the import path, relative to the project folder (``.`` by default).
        env: environment variables of the predictor.
    """

    path: str
    model: str
    model_location: S3Uri | Path
    signature_key: str | None
    config: Mapping[str, Any]
    python_path: str
    env: Mapping[str, str]
    type: Literal["tensorflow"] = "tensorflow"


@dataclass(frozen=True)
class TrackerSpec:
    """What is counted of each prediction: ``key`` of it, or all of it when None."""

    model_type: Literal["classification", "regression"]
    key: str | None


@dataclass(frozen=True)
class ComputeSpec:
    """What a replica asks for: ``cpu`` in cores, ``gpu`` whole GPUs, ``mem`` in bytes (None: no request)."""

    cpu: Quantity
    gpu: int
    mem: Quantity | None


@dataclass(frozen=True)
class AutoscalingSpec:
    """How many replicas there are and how the count follows the load.

    ``target_replica_concurrency`` and ``max_replica_concurrency`` are requests in flight per replica; factors and
    tolerances are ratios of the current count. ``preset`` is the name it was written under; the values include it.
    """

    preset: str | None
    min_replicas: int
    max_replicas: int
    init_replicas: int
    workers_per_replica: int
    threads_per_worker: int
    target_replica_concurrency: float
    max_replica_concurrency: int
    window: timedelta
    upscale_window: timedelta | None
    queue_drain_period: timedelta | None
    downscale_stabilization_period: timedelta
    upscale_stabilization_period: timedelta
    max_downscale_factor: float
    max_upscale_factor: float
    downscale_tolerance: float
    upscale_tolerance: float

    @property
    def slots(self) -> int:
        """How many requests a replica serves at once."""
        return self.workers_per_replica * self.threads_per_worker

    def policy(self) -> Policy:
        """What the autoscaling rules need of it."""
        return Policy(
            min_replicas=self.min_replicas,
            max_replicas=self.max_replicas,
            init_replicas=self.init_replicas,
            target_replica_concurrency=self.target_replica_concurrency,
            window_s=self.window.total_seconds(),
            upscale_window_s=self.upscale_window.total_seconds() if self.upscale_window else None,
            queue_drain_period_s=self.queue_drain_period.total_seconds() if self.queue_drain_period else None,
            downscale_stabilization_period_s=self.downscale_stabilization_period.total_seconds(),
            upscale_stabilization_period_s=self.upscale_stabilization_period.total_seconds(),
            max_downscale_factor=self.max_downscale_factor,
            max_upscale_factor=self.max_upscale_factor,
            downscale_tolerance=self.downscale_tolerance,
            upscale_tolerance=self.upscale_tolerance,
        )


@dataclass(frozen=True)
class UpdateStrategySpec:
    """How many replicas an update may add (rounded up) and miss (rounded down), of the desired count."""

    max_surge: CountOrPercent
    max_unavailable: CountOrPercent


@dataclass(frozen=True)
class ApiSpec:
    """One API: an entry of the list in ``cortex.yaml``."""

    name: str
    endpoint: str
    predictor: PredictorSpec
    tracker: TrackerSpec | None
    compute: ComputeSpec
    autoscaling: AutoscalingSpec
    update_strategy: UpdateStrategySpec


@dataclass(frozen=True)
class Project:
    """A ``cortex.yaml`` and the folder it is in.

    Attributes:
        folder: absolute; what the paths of the APIs are relative to.
        path: the file, absolute.
        apis: in the order of the file, at least one.
    """

    folder: Path
    path: Path
    apis: tuple[ApiSpec, ...]
