"""From the validated document to the frozen specs that everything else works with."""

from __future__ import annotations

from pathlib import Path

from cortex_cdk.spec import document, files, model


def api_spec(api: document.Api, folder: Path) -> model.ApiSpec:
    """The spec of an API that is known to be valid; defaults that depend on other keys are filled in."""
    autoscaling = api.autoscaling
    target = autoscaling.target_replica_concurrency
    if target is None:
        target = float(autoscaling.workers_per_replica * autoscaling.threads_per_worker)
    return model.ApiSpec(
        name=api.name,
        endpoint=api.endpoint or f"/{api.name}",
        predictor=_predictor(api.predictor, folder),
        tracker=model.TrackerSpec(model_type=api.tracker.model_type, key=api.tracker.key) if api.tracker else None,
        compute=model.ComputeSpec(cpu=api.compute.cpu, gpu=api.compute.gpu, mem=api.compute.mem),
        autoscaling=model.AutoscalingSpec(
            min_replicas=autoscaling.min_replicas,
            max_replicas=autoscaling.max_replicas,
            init_replicas=autoscaling.init_replicas or autoscaling.min_replicas,
            workers_per_replica=autoscaling.workers_per_replica,
            threads_per_worker=autoscaling.threads_per_worker,
            target_replica_concurrency=target,
            max_replica_concurrency=autoscaling.max_replica_concurrency,
            window=autoscaling.window,
            downscale_stabilization_period=autoscaling.downscale_stabilization_period,
            upscale_stabilization_period=autoscaling.upscale_stabilization_period,
            max_downscale_factor=autoscaling.max_downscale_factor,
            max_upscale_factor=autoscaling.max_upscale_factor,
            downscale_tolerance=autoscaling.downscale_tolerance,
            upscale_tolerance=autoscaling.upscale_tolerance,
        ),
        update_strategy=model.UpdateStrategySpec(
            max_surge=api.update_strategy.max_surge, max_unavailable=api.update_strategy.max_unavailable
        ),
    )


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
