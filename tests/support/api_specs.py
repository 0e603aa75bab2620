"""Specs of APIs, without files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cortex_cdk.spec.build import api_spec as build
from cortex_cdk.spec.document import Api
from cortex_cdk.spec.model import ApiSpec


def api_spec(
    name: str = "my-api",
    *,
    endpoint: str | None = None,
    model: str | None = None,
    cpu: str = "200m",
    mem: str | None = None,
    gpu: int = 0,
    max_surge: str = "25%",
    max_unavailable: str = "25%",
    config: dict[str, Any] | None = None,
    **autoscaling: Any,
) -> ApiSpec:
    """A valid spec with the defaults of ``cortex.yaml``; ``autoscaling`` are keys of that section."""
    document = {
        "name": name,
        "predictor": {
            "type": "tensorflow",
            "path": "predictor.py",
            "model": model or f"s3://models/{name}",
            "config": config or {},
        },
        "compute": {"cpu": cpu, "gpu": gpu} | ({"mem": mem} if mem else {}),
        "autoscaling": autoscaling,
        "update_strategy": {"max_surge": max_surge, "max_unavailable": max_unavailable},
    }
    return build(Api.model_validate(document | ({"endpoint": endpoint} if endpoint else {})), Path("/project"))
