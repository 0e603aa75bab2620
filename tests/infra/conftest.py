"""Projects and clusters without files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App

from cortex_cdk.constructs import ApiImage
from cortex_cdk.spec import Project
from cortex_cdk.spec.cluster import ClusterSpec
from cortex_cdk.spec.cluster.build import cluster_spec
from cortex_cdk.spec.cluster.document import Cluster
from cortex_infra import add_stacks
from tests.support.api_specs import api_spec
from tests.support.cloud_template import Template


def cluster(**keys: Any) -> ClusterSpec:
    """The cluster of a ``cluster.yaml`` with these keys."""
    return cluster_spec(Cluster.model_validate(keys))


def project_of(folder: Path, *names: str) -> Project:
    """A project with APIs of these names."""
    return Project(folder, folder / "cortex.yaml", tuple(api_spec(name) for name in names))


def templates_of(folder: Path, *names: str, **keys: Any) -> dict[str, Template]:
    """The templates of APIs of these names, on a cluster with these keys, by the names of their stacks."""
    app = App()
    add_stacks(app, project_of(folder, *names), cluster(**keys), api={"image": ApiImage(project=folder)})
    return {stack.stack_name: Template(stack.template) for stack in app.synth().stacks}


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project's folder."""
    made = tmp_path_factory.mktemp("project")
    (made / "predictor.py").write_text("class TensorFlowPredictor: ...\n")
    return made
