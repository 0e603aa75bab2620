"""What a release of an API is: what its task definition tells its containers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cortex_cdk.operations.tasks import API_CONTAINER


@dataclass(frozen=True, kw_only=True)
class Release:
    """A release of an API. What is None was not made by ``TensorFlowApi``, and is not known.

    Attributes:
        definition: ARN of the task definition.
        endpoint: the path, such as ``/my-api``.
        log_group: where its containers write their logs.
        log_prefix: how the names of their log streams begin; then comes ``/<container>/<task id>``.
        metric_namespace: of its metrics.
        tracker: ``classification`` or ``regression``; None without a tracker.
    """

    definition: str
    endpoint: str | None = None
    log_group: str | None = None
    log_prefix: str = ""
    metric_namespace: str = "Cortex"
    tracker: str | None = None


def release_of(document: Mapping[str, Any]) -> Release:
    """A release out of the answer of ``DescribeTaskDefinition``."""
    definition = str(document["taskDefinitionArn"])
    for container in document.get("containerDefinitions") or ():
        if container.get("name") == API_CONTAINER:
            break
    else:
        return Release(definition=definition)
    variables = {one.get("name"): one.get("value", "") for one in container.get("environment") or ()}
    settings = _settings(variables.get("CORTEX_SETTINGS", ""))
    options = (container.get("logConfiguration") or {}).get("options") or {}
    return Release(
        definition=definition,
        endpoint=_text(settings, "api", "endpoint"),
        log_group=options.get("awslogs-group"),
        log_prefix=options.get("awslogs-stream-prefix", ""),
        metric_namespace=_text(settings, "reporting", "metric_namespace") or "Cortex",
        tracker=_text(settings, "tracker", "model_type"),
    )


def _settings(text: str) -> Mapping[str, Any]:
    try:
        document = json.loads(text)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _text(settings: Mapping[str, Any], section: str, key: str) -> str | None:
    found = settings.get(section)
    value = found.get(key) if isinstance(found, dict) else None
    return value if isinstance(value, str) else None
