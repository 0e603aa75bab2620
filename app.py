"""The CDK app of a project: ``cdk deploy --all`` in the folder of ``cortex.yaml``, or with ``-c project=FOLDER``."""

from __future__ import annotations

import sys
from pathlib import Path

from aws_cdk import App

from cortex_cdk.constructs import PinnedModel, add_stacks
from cortex_cdk.model_pin.pin import pin
from cortex_cdk.models.errors import DownloadError, ModelError
from cortex_cdk.spec import Project, S3Uri, SpecError, load


def main() -> int:
    """Synthesize; exit status 1 when the project or a model is wrong."""
    app = App()
    folder = Path(app.node.try_get_context("project") or ".")
    try:
        project = load(folder / "cortex.yaml", allow_local_models=False)
        models = known_models(project)
    except (SpecError, ModelError) as error:
        print(error, file=sys.stderr)
        return 1
    add_stacks(app, project, models=models)
    app.synth()
    return 0


def known_models(project: Project) -> dict[str, PinnedModel]:
    """The models' versions, where there are credentials with which S3 can be read.

    The others are looked up when their stack is deployed: so ``cdk synth`` needs neither credentials nor a network.
    """
    import boto3

    if boto3.session.Session().get_credentials() is None:
        return {}
    found: dict[str, PinnedModel] = {}
    for api in project.apis:
        location = api.predictor.model_location
        assert isinstance(location, S3Uri)  # local models were refused
        try:
            found[api.name] = pin(location)
        except DownloadError as error:
            print(f"{api.name}: the model's version will be looked up at deployment: {error}", file=sys.stderr)
    return found


if __name__ == "__main__":
    sys.exit(main())
