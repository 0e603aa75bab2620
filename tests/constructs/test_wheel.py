"""The wheel has all that the constructs need: a small app synthesizes where nothing but the wheel is installed."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import venv
from pathlib import Path

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


def test_a_ten_line_app(tmp_path: Path):
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

    project = tmp_path / "project"
    project.mkdir()
    for file, text in {"app.py": APP, "cortex.yaml": YAML, "predictor.py": PREDICTOR}.items():
        (project / file).write_text(text)
    nobody = {"PATH": "/usr/bin:/bin:" + ":".join(node_folders()), "HOME": str(tmp_path)}
    python = str(environment / "bin/python")
    done = subprocess.run([python, "app.py"], cwd=project, env=nobody, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    template = json.loads((project / "cdk.out/api.template.json").read_text())
    assert "AWS::ECS::Service" in {resource["Type"] for resource in template["Resources"].values()}
    where = "import cortex_cdk, cortex_runtime; print(cortex_cdk.__file__, cortex_runtime.__file__)"
    told = subprocess.run([python, "-c", where], cwd=project, capture_output=True, text=True, check=True)
    assert all(str(site) in path for path in told.stdout.split())


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
