"""From a project's folder to its stacks."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from constructs import Construct

from cortex_cdk.constructs import PinnedModel
from cortex_cdk.model_pin.pin import pin
from cortex_cdk.models.errors import DownloadError
from cortex_cdk.spec import Project, S3Uri, both_files
from cortex_infra.removed_apis import warn_of_removed_apis
from cortex_infra.stacks import ProjectStacks, add_stacks


def add_project(scope: Construct, folder: str | Path = ".") -> ProjectStacks:
    """Add the stacks of the ``cortex.yaml`` in a folder, on the cluster of the ``cluster.yaml`` beside it.

    Where there are credentials, S3 is asked for the models' versions, and CloudFormation for the stacks of APIs that
    are no longer in the file. Without them, ``cdk synth`` works, too: a deployment then looks the versions up itself.

    Args:
        scope: the app, or a stage of it.
        folder: of both files; the second may be absent.

    Raises:
        SpecError: with all problems of both files.
        ModelError: when a model in S3 cannot be served.
    """
    project, home = both_files.load(Path(folder) / "cortex.yaml", allow_local_models=False)
    credentials = _have_credentials()
    stacks = add_stacks(scope, project, home, models=_known_models(project) if credentials else {})
    if credentials:
        warn_of_removed_apis(stacks, home)
    return stacks


def _have_credentials() -> bool:
    import boto3

    return boto3.session.Session().get_credentials() is not None


def _known_models(project: Project) -> Mapping[str, PinnedModel]:
    """The models' versions, as far as S3 can be read; the others are looked up when their stack is deployed."""
    found: dict[str, PinnedModel] = {}
    for api in project.apis:
        location = api.predictor.model_location
        assert isinstance(location, S3Uri)  # local models were refused
        try:
            found[api.name] = pin(location)
        except DownloadError as error:
            print(f"{api.name}: the model's version will be looked up at deployment: {error}", file=sys.stderr)
    return found
