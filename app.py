"""The CDK app: puts the APIs of ``cortex.yaml`` onto the cluster of ``cluster.yaml``.

``cdk deploy --all`` takes the files of this folder, ``cdk deploy --all -c project=FOLDER`` those of another.
"""

from aws_cdk import App

from cortex_infra import add_project, plain_errors

with plain_errors():
    app = App()
    stacks = add_project(app, app.node.try_get_context("project") or ".")
    # What a predictor may do in AWS is granted to its API: bucket.grant_read(stacks.apis["my-api"].api)
    app.synth()
