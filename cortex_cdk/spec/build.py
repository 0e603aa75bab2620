"""From the validated document to the frozen specs that everything else works with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cortex_cdk.spec import document, files, model
from cortex_cdk.spec.presets import utilization


def api_spec(api: document.Api, folder: Path) -> model.ApiSpec:
    """The spec of an API that is known to be valid; defaults that depend on other keys are filled in."""
    return model.ApiSpec(
        name=api.name,
        endpoint=api.endpoint or f"/{api.name}",
        predictor=_predictor(api.predictor, folder),
        tracker=model.TrackerSpec(model_type=api.tracker.model_type, key=api.tracker.key) if api.tracker else None,
        compute=model.ComputeSpec(cpu=api.compute.cpu, gpu=api.compute.gpu, mem=api.compute.mem),
        autoscaling=autoscaling_spec(api.autoscaling),
        update_strategy=model.UpdateStrategySpec(
            max_surge=api.update_strategy.max_surge, max_unavailable=api.update_strategy.max_unavailable
        ),
    )


def autoscaling_spec(section: document.Autoscaling) -> model.AutoscalingSpec:
    """The spec of a section ``autoscaling`` that is known to be valid."""
    target = section.target_replica_concurrency
    if target is None:
        target = section.workers_per_replica * section.threads_per_worker * utilization(section.preset)
    return model.AutoscalingSpec(
        preset=section.preset,
        min_replicas=section.min_replicas,
        max_replicas=section.max_replicas,
        init_replicas=section.init_replicas or section.min_replicas,
        workers_per_replica=section.workers_per_replica,
        threads_per_worker=section.threads_per_worker,
        target_replica_concurrency=target,
        max_replica_concurrency=section.max_replica_concurrency,
        window=section.window,
        upscale_window=section.upscale_window,
        queue_drain_period=section.queue_drain_period,
        downscale_stabilization_period=section.downscale_stabilization_period,
        upscale_stabilization_period=section.upscale_stabilization_period,
        max_downscale_factor=section.max_downscale_factor,
        max_upscale_factor=section.max_upscale_factor,
        downscale_tolerance=section.downscale_tolerance,
        upscale_tolerance=section.upscale_tolerance,
    )


def autoscaling_of(**keys: Any) -> model.AutoscalingSpec:
    """The spec that a section with these keys, written as in ``cortex.yaml``, would have.

    Raises:
        pydantic.ValidationError: when a key is unknown or a value is not allowed.
    """
    return autoscaling_spec(document.Autoscaling.model_validate(keys))


def _predictor(predictor: document.Predictor, folder: Path) -> model.PredictorSpec:
    return model.PredictorSpec(
        type=predictor.type,
        path=files.normal(predictor.path),
        model=predictor.model,
        model_location=files.model_location(folder, predictor.model, allow_local=True),
        signature_key=predictor.signature_key,
        config=predictor.config,
        python_path=files.normal(predictor.python_path),
        env=predictor.env,
    )
