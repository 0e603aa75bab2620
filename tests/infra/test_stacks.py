"""One stack for the cluster, one for each API."""

from __future__ import annotations

import json

import pytest
from aws_cdk import App

from cortex_cdk.constructs import PinnedModel
from cortex_infra import add_stacks
from tests.infra.conftest import cluster, project_of, templates_of
from tests.support.cloud_template import text_of

PINNED = PinnedModel(uri="s3://models/one/7", version="7", fingerprint="f" * 32)
MANY = 50
pytestmark = pytest.mark.timeout(900)  # so many take a while to synthesize on a busy machine


@pytest.fixture(scope="module")
def many(folder):
    return templates_of(folder, *(f"api-{number}" for number in range(MANY)))


def test_fifty_apis(many):
    assert len(many) == 1 + MANY
    assert max(len(template.resources) for template in many.values()) < 100
    priorities = [t.one("ElasticLoadBalancingV2::ListenerRule")["Priority"] for n, t in many.items() if n != "cortex"]
    assert len({*priorities}) == MANY


def test_no_api_changes_the_cluster_or_another_api(many, folder):
    few = templates_of(folder, "api-7", "api-3")
    assert few["cortex"].document == many["cortex"].document
    assert few["cortex-api-7"].document == many["cortex-api-7"].document


def test_apis_import_only_what_the_cluster_always_exports(many):
    exported = {
        output["Export"]["Name"] for output in many["cortex"].document["Outputs"].values() if "Export" in output
    }
    text = json.dumps(many["cortex-api-0"].document)
    imported = {part.split('"')[0] for part in text.split('"Fn::ImportValue": "')[1:]}
    assert imported
    assert imported <= exported


def test_outputs(many):
    outputs = many["cortex-api-0"].document["Outputs"]
    assert text_of(outputs["Url"]["Value"]) == "http://<later>/api-0"
    assert text_of(outputs["Curl"]["Value"]).startswith("curl ")
    assert "#dashboards" in text_of(outputs["Dashboard"]["Value"])
    assert {"Url", "ClusterName", "Dashboard"} <= many["cortex"].document["Outputs"].keys()


def test_versions_that_are_known(folder):
    app = App()
    stacks = add_stacks(app, project_of(folder, "one", "two"), cluster(cluster_name="mine"), models={"one": PINNED})
    assert stacks.cluster.stack_name == "mine"
    assert [stack.stack_name for stack in stacks.apis.values()] == ["mine-one", "mine-two"]
    assert stacks.apis["one"].api.node.try_find_child("Model") is None
    assert stacks.apis["two"].api.node.try_find_child("Model") is not None
