"""The settings document of ``cortex_runtime`` for a replica on ECS."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from cortex_cdk.constructs.timing import Timing
from cortex_cdk.spec.model import ApiSpec

PROJECT_DIR = "/project"
MODEL_NAME = "model"
MODEL_SERVER_PORT = 8500

MAX_BYTES = 40_000
"""Of a document. ECS takes task definitions of at most 64 KiB in all, with everything else in them
(https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html)."""


def replica_settings(spec: ApiSpec, timing: Timing, *, port: int, reporting: Mapping[str, str]) -> dict[str, Any]:
    """The document; ``reporting`` is its section of that name."""
    predictor, scaling, tracker = spec.predictor, spec.autoscaling, spec.tracker
    return {
        "api": {"name": spec.name, "endpoint": spec.endpoint},
        "predictor": {
            "project_dir": PROJECT_DIR,
            "path": predictor.path,
            "python_path": predictor.python_path,
            "config": dict(predictor.config),
            "env": dict(predictor.env),
            "timeout_s": float(timing.request_s),
        },
        "model_server": {
            "address": f"localhost:{MODEL_SERVER_PORT}",
            "model_name": MODEL_NAME,
            "signature_key": predictor.signature_key,
            "timeout_s": timing.model_call_s,
        },
        "tracker": {"model_type": tracker.model_type, "key": tracker.key} if tracker is not None else None,
        "concurrency": {
            "workers": scaling.workers_per_replica,
            "threads_per_worker": scaling.threads_per_worker,
            "max_in_flight": scaling.max_replica_concurrency,
        },
        "http": {"port": port, "keep_alive_s": timing.keep_alive_s},
        "shutdown": {"grace_s": float(timing.grace_s), "timeout_s": float(timing.drain_s)},
        "log": {"format": "json"},
        "reporting": dict(reporting),
    }


def too_large(settings: Mapping[str, Any]) -> list[str]:
    """Why the document cannot be handed over, in words."""
    size = len(json.dumps(settings, default=str).encode())
    if size <= MAX_BYTES:
        return []
    return [
        f"predictor.config and predictor.env make settings of {size:,} bytes, at most {MAX_BYTES:,} fit into a task "
        f"definition; put large data into a file beside the predictor"
    ]
