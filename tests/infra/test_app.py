"""The app of a folder, run as the CDK's command line runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.aws_server import REGION, aws_server

ROOT = Path(__file__).parents[2]
IRIS = ROOT / "examples/iris-classifier"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "predictor.py").write_text((IRIS / "predictor.py").read_text())
    text = (IRIS / "cortex.yaml").read_text()
    (folder / "cortex.yaml").write_text(text.replace("model: model", "model: s3://models/iris"))
    return folder


def run_app(folder: Path, out: Path, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Without credentials, unless ``environment`` has some."""
    variables = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    variables |= {
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": str(out / "none"),
        "AWS_SHARED_CREDENTIALS_FILE": str(out / "none"),
        "CDK_OUTDIR": str(out),
        "CDK_CONTEXT_JSON": json.dumps({"project": str(folder)}),
        **(environment or {}),
    }
    command = [sys.executable, str(ROOT / "app.py")]
    return subprocess.run(command, env=variables, capture_output=True, text=True, cwd=folder.parent)


def templates_in(out: Path) -> set[str]:
    return {path.name.removesuffix(".template.json") for path in out.glob("*.template.json")}


def test_without_credentials_and_without_a_cluster_yaml(project, tmp_path):
    done = run_app(project, tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert templates_in(tmp_path / "out") == {"cortex", "cortex-iris-classifier"}
    api = json.loads((tmp_path / "out/cortex-iris-classifier.template.json").read_text())
    assert any("Model" in name and r["Type"].startswith("Custom::") for name, r in api["Resources"].items())


def test_the_cluster_yaml_of_the_folder(project, tmp_path):
    (project / "cluster.yaml").write_text("cluster_name: mine\n")
    assert run_app(project, tmp_path / "out").returncode == 0
    assert templates_in(tmp_path / "out") == {"mine", "mine-iris-classifier"}


def test_all_mistakes_in_both_files(project, tmp_path):
    (project / "cortex.yaml").write_text((IRIS / "cortex.yaml").read_text())
    (project / "cluster.yaml").write_text("regoin: eu-central-1\nalarms: {apis: {irsi: {}}}\n")
    done = run_app(project, tmp_path / "out")
    assert done.returncode == 1
    assert "predictor.model" in done.stderr
    assert "a local path, which only works when serving locally" in done.stderr
    assert "cluster.yaml:1:1: regoin: unknown key" in done.stderr
    assert "cluster.yaml:2:17: alarms.apis.irsi: there is no API of this name in cortex.yaml" in done.stderr
    assert "Traceback" not in done.stderr
    assert templates_in(tmp_path / "out") == set()


def test_what_the_constructs_find_wrong(project, tmp_path):
    with (project / "cortex.yaml").open("a") as file:
        file.write("  compute: {gpu: 1}\n")
    done = run_app(project, tmp_path / "out")
    assert done.returncode == 1
    assert (
        "[cortex-iris-classifier/Api] a replica does not fit onto m5.large of instance group `default`" in done.stderr
    )
    assert "Traceback" not in done.stderr


def stack(client, name: str, tag: str) -> None:
    body = json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})
    client.create_stack(StackName=name, TemplateBody=body, Tags=[{"Key": "cortex-cdk:cluster", "Value": tag}])


def test_with_credentials(project, tmp_path):
    """The model's version is known, and stacks of this cluster's former APIs are named: the others are not."""
    with aws_server() as server:
        s3 = server.client("s3")
        s3.create_bucket(Bucket="models")
        for file in sorted((IRIS / "model").rglob("*")):
            if file.is_file():
                s3.upload_file(str(file), "models", f"iris/{file.relative_to(IRIS / 'model').as_posix()}")
        stacks = server.client("cloudformation")
        stack(stacks, "cortex-iris-classifier", "cortex")
        stack(stacks, "cortex-former", "cortex")
        stack(stacks, "cortex-gone", "cortex")
        stack(stacks, "cortex-of-another-cluster", "other")
        stacks.delete_stack(StackName="cortex-gone")
        done = run_app(project, tmp_path / "out", server.environment | {"CDK_DEFAULT_REGION": REGION})
    assert done.returncode == 0, done.stderr
    api = json.loads((tmp_path / "out/cortex-iris-classifier.template.json").read_text())
    assert "s3://models/iris/1" in json.dumps(api)
    told = "".join(path.read_text() for path in (tmp_path / "out").glob("*.json"))
    assert f"aws cloudformation delete-stack --stack-name cortex-former --region {REGION}" in told
    assert "cortex-of-another-cluster" not in told
    assert "cortex-gone" not in told
    assert told.count("delete-stack --stack-name cortex-iris-classifier") == 0


def test_stacks_that_cannot_be_listed_are_no_error(project, tmp_path):
    nobody = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "CDK_DEFAULT_REGION": REGION}
    done = run_app(project, tmp_path / "out", nobody | {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"})
    assert done.returncode == 0, done.stderr
    assert "the model's version will be looked up at deployment" in done.stderr
    assert templates_in(tmp_path / "out") == {"cortex", "cortex-iris-classifier"}


def test_other_errors_are_not_hidden():
    """A mistake of this project's own must show where it is."""
    source = "from cortex_infra import plain_errors\nwith plain_errors(): raise RuntimeError('surprise')"
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True)
    assert done.returncode == 1
    assert "Traceback" in done.stderr
