"""The wheel has all that a deployment needs: an app of one's own, and that of `cortex-cdk init`."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.conftest import require

ROOT = Path(__file__).parents[2]
APP = """\
from aws_cdk import App, Stack
from cortex_cdk.constructs import ApiImage, Cluster, InstanceGroup, TensorFlowApi
from cortex_cdk.spec import load

app = App(outdir="cdk.out")
(spec,) = load("cortex.yaml").apis
cluster = Cluster(Stack(app, "cluster"), "Cluster", instance_groups=[InstanceGroup(instance_types=["c6i.large"])])
api = TensorFlowApi(Stack(app, "api"), "Api", cluster=cluster, spec=spec, image=ApiImage(project="."))
app.synth()
"""
YAML = """\
- name: my-api
  predictor:
    type: tensorflow
    path: predictor.py
    model: s3://models/my-api
"""
PREDICTOR = """\
class TensorFlowPredictor:
    def __init__(self, tensorflow_client, config): ...
    def predict(self, payload): ...
"""


@pytest.mark.timeout(900)  # it builds a wheel and synthesizes twice
def test_apps_where_nothing_but_the_wheel_is_installed(tmp_path: Path):
    """In an environment of its own, with what this one has of packages from elsewhere, but not the checkout."""
    require("aws_cdk" in packages(), "aws-cdk-lib is not installed")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    environment = tmp_path / "environment"
    venv.create(environment, with_pip=False)
    (site,) = environment.glob("lib/*/site-packages")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(site)]
    subprocess.run([*pip, str(wheel)], check=True)
    for name in packages():  # the checkout itself is installed by a .pth file, which is none of them
        place = next(Path(folder) / name for folder in sys.path if (Path(folder) / name).exists())
        if not (site / name).exists():
            (site / name).symlink_to(place)
    nobody = {"PATH": "/usr/bin:/bin:" + ":".join(node_folders()), "HOME": str(tmp_path)}
    nobody |= {"AWS_EC2_METADATA_DISABLED": "true", "CDK_VALIDATION": "false"}
    nobody |= {
        "JSII_RUNTIME_PACKAGE_CACHE_ROOT": str(Path.home() / ".cache/aws/jsii/package-cache")
    }  # of the CDK's files
    python = str(environment / "bin/python")

    def run(folder: Path, *arguments: str) -> str:
        done = subprocess.run([python, *arguments], cwd=folder, env=nobody, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    project = tmp_path / "project"
    project.mkdir()
    for file, text in {"app.py": APP, "cortex.yaml": YAML, "predictor.py": PREDICTOR}.items():
        (project / file).write_text(text)
    run(project, "app.py")
    assert "AWS::ECS::Service" in types_in(project / "cdk.out/api.template.json")
    modules = "cortex_cdk, cortex_infra, cortex_runtime"
    told = run(project, "-c", f"import {modules}; print(*(module.__file__ for module in ({modules})))")
    assert all(str(site) in path for path in told.split())

    run(tmp_path, "-c", "import sys; sys.argv[1:] = ['init', 'my-api']; from cortex_cdk.cli.main import main; main()")
    made = tmp_path / "my-api"
    (made / "cortex.yaml").write_text(
        (made / "cortex.yaml").read_text().replace("model: model", "model: s3://models/my-api")
    )
    nobody |= {"CDK_OUTDIR": str(made / "cdk.out"), "CDK_VALIDATION": "true"}
    command = json.loads((made / "cdk.json").read_text())["app"].split()
    assert command[0] == "python3"  # that of the user's environment, where it is activated
    run(made, *command[1:])
    assert "AWS::ECS::Cluster" in types_in(made / "cdk.out/cortex.template.json")
    assert "AWS::ECS::Service" in types_in(made / "cdk.out/cortex-my-api.template.json")
    report = json.loads((made / "cdk.out/validation-report.json").read_text())
    assert [found for plugin in report["pluginReports"] for found in plugin["violations"]] == []


def types_in(template: Path) -> set[str]:
    """The types of the resources of a template."""
    return {resource["Type"] for resource in json.loads(template.read_text())["Resources"].values()}


def packages() -> list[str]:
    """Top folders and modules of installed packages."""
    (folder,) = {
        Path(path) for path in sys.path if path.endswith("site-packages") and (Path(path) / "pydantic").exists()
    }
    unwanted = ("cortex", "__", "tensorflow", "_pytest")
    return [entry.name for entry in folder.iterdir() if entry.suffix != ".pth" and not entry.name.startswith(unwanted)]


def node_folders() -> list[str]:
    """Where node is, which the library runs."""
    node = shutil.which("node")
    require(node is not None, "node is not installed")
    return [str(Path(str(node)).parent)]
