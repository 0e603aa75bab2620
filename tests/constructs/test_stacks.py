"""One stack for the cluster, one for each API; the app that makes them of a folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from aws_cdk import App

from cortex_cdk.constructs import ApiImage, add_stacks
from cortex_cdk.spec import Project
from tests.constructs.conftest import PINNED
from tests.support.api_specs import api_spec
from tests.support.cloud_template import Template, text_of

ROOT = Path(__file__).parents[2]
MANY = 50


def templates_of(project: Path, *names: str) -> dict[str, Template]:
    app = App()
    specs = tuple(api_spec(name) for name in names)
    add_stacks(app, Project(project, project / "cortex.yaml", specs), api={"image": ApiImage(project=project)})
    return {stack.stack_name: Template(stack.template) for stack in app.synth().stacks}


@pytest.fixture(scope="module")
def many(project: Path) -> dict[str, Template]:
    return templates_of(project, *(f"api-{number}" for number in range(MANY)))


def test_fifty_apis(many):
    assert len(many) == 1 + MANY
    assert max(len(template.resources) for template in many.values()) < 100
    priorities = [t.one("ElasticLoadBalancingV2::ListenerRule")["Priority"] for n, t in many.items() if n != "cortex"]
    assert len({*priorities}) == MANY


def test_no_api_changes_the_cluster_or_another_api(many, project):
    few = templates_of(project, "api-7", "api-3")
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
    assert {"Url", "ClusterName"} <= many["cortex"].document["Outputs"].keys()


def test_versions_that_are_known(project):
    app = App()
    parts = Project(project, project / "cortex.yaml", (api_spec("one"), api_spec("two")))
    _, stacks = add_stacks(app, parts, name="mine", models={"one": PINNED})
    assert [stack.stack_name for stack in stacks.values()] == ["mine-one", "mine-two"]
    assert stacks["one"].api.node.try_find_child("Model") is None
    assert stacks["two"].api.node.try_find_child("Model") is not None


def run_app(folder: Path, out: Path) -> subprocess.CompletedProcess[str]:
    """Without credentials, as ``cdk synth`` runs it."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    environment |= {
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": str(out / "none"),
        "AWS_SHARED_CREDENTIALS_FILE": str(out / "none"),
        "CDK_OUTDIR": str(out),
        "CDK_CONTEXT_JSON": json.dumps({"project": str(folder)}),
    }
    command = [sys.executable, str(ROOT / "app.py")]
    return subprocess.run(command, env=environment, capture_output=True, text=True, cwd=folder)


def test_the_app(tmp_path):
    (tmp_path / "predictor.py").write_text((ROOT / "examples/iris-classifier/predictor.py").read_text())
    text = (ROOT / "examples/iris-classifier/cortex.yaml").read_text()
    (tmp_path / "cortex.yaml").write_text(text.replace("model: model", "model: s3://models/iris"))
    done = run_app(tmp_path, tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (tmp_path / "out").glob("*.template.json")} == {
        "cortex.template.json",
        "cortex-iris-classifier.template.json",
    }


def test_the_app_says_what_is_wrong(tmp_path):
    done = run_app(ROOT / "examples/iris-classifier", tmp_path)
    assert done.returncode == 1
    assert "predictor.model" in done.stderr
    assert "a local path, which only works when serving locally" in done.stderr
    assert "Traceback" not in done.stderr
