"""One replica of an API on this machine: the runtime's settings for it, and its command."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from cortex_cdk.spec.model import ApiSpec, Project

SHUTDOWN_TIMEOUT_S = 5.0
PREDICTOR_FAILED = 3
"""Exit code of the runtime when the predictor cannot be built (``cortex_runtime.server.PREDICTOR_FAILED``)."""
WRONG_SETTINGS = 2

COMMAND = [sys.executable, "-P", "-m", "cortex_runtime"]


def replica_settings(
    project: Project,
    api: ApiSpec,
    *,
    host: str,
    port: int,
    model_server: str,
    log_format: str = "auto",
    max_body_bytes: int | None = None,
    request_timeout_s: float = 60.0,
    extension: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """The settings document of ``cortex_runtime`` for one API, served here; ``extension`` is part of it as it is."""
    http: dict[str, Any] = {"host": host, "port": port}
    if max_body_bytes is not None:
        http["max_body_bytes"] = max_body_bytes
    tracker = api.tracker
    return {
        "api": {"name": api.name, "endpoint": api.endpoint},
        "predictor": {
            "project_dir": str(project.folder),
            "path": api.predictor.path,
            "python_path": api.predictor.python_path,
            "config": dict(api.predictor.config),
            "env": dict(api.predictor.env),
            "timeout_s": request_timeout_s,
        },
        "model_server": {
            "address": model_server,
            "model_name": api.name,
            "signature_key": api.predictor.signature_key,
            "timeout_s": 0.95 * request_timeout_s,  # it is given up first, so that the log names what hangs
        },
        "tracker": {"model_type": tracker.model_type, "key": tracker.key} if tracker is not None else None,
        "concurrency": {
            "workers": api.autoscaling.workers_per_replica,
            "threads_per_worker": api.autoscaling.threads_per_worker,
            "max_in_flight": api.autoscaling.max_replica_concurrency,
        },
        "http": http,
        # Nothing routes to a replica on this machine after it was told to end.
        "shutdown": {"grace_s": 0, "timeout_s": SHUTDOWN_TIMEOUT_S},
        "log": {"format": log_format},
        "extension": extension,
        "replica_id": f"{api.name}-local",
        "parent_pid": os.getpid(),
    }


def environment(settings: dict[str, Any], file: Path) -> dict[str, str]:
    """Write the settings to ``file``; the variables that hand them over.

    They may hold a large ``predictor.config``, and Linux takes no variable of more than 128 KiB.
    """
    file.write_text(json.dumps(settings))
    return {"CORTEX_SETTINGS_FILE": str(file)}
