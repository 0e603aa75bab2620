"""Specs of clusters, without files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from cortex_cdk.spec.cluster import ClusterSpec, load


def cluster_spec(**changes: Any) -> ClusterSpec:
    """A valid spec with the defaults of ``cluster.yaml``, but for ``changes``."""
    return replace(load(Path("/nowhere/cluster.yaml")), **changes)
