"""The images' build contexts and Dockerfiles; building them needs a network and a builder of images."""

from __future__ import annotations

import ast
import json
import re
import sys
from pathlib import Path

import pytest
from aws_cdk import App, Stack

from cortex_cdk.constructs import ApiImage, DownloaderImage, ServingImage

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "runtime/cortex_runtime/docker"
# What a package is called where it is imported, when that is not its name.
IMPORTED_AS = {"google": "protobuf", "grpc": "grpcio"}


def context(image, project: Path, tmp_path: Path, **options) -> Path:
    """The folder that is handed to the builder."""
    app = App(outdir=str(tmp_path / "out"))
    image.bind(Stack(app, "stack"), "Image", **options)
    (found,) = (tmp_path / "out").glob("asset.*")
    return found


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    for name in ("predictor.py", "src/helper.py", "requirements.txt", "dependencies.sh", "data.csv"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    for name in (
        "cortex.yaml",
        "cluster.yaml",
        "cluster.schema.json",
        "cdk.json",
        "cdk.context.json",
        ".venv/bin/python",
        ".git/config",
        "src/__pycache__/helper.pyc",
        "cdk.out/tree.json",
        ".env",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("not for an image")
    return folder


def test_what_is_in_the_image_of_an_api(project, tmp_path):
    found = files(context(ApiImage(project=project, exclude=["*.csv"]), project, tmp_path))
    assert {name for name in found if name.startswith("project/")} == {
        "project/predictor.py",
        "project/src/helper.py",
        "project/requirements.txt",
        "project/dependencies.sh",
    }
    assert {"dependencies/requirements.txt", "dependencies/dependencies.sh"} <= found
    assert "cortex_runtime/server.py" in found
    assert not [name for name in found if "__pycache__" in name or name.startswith("cortex_cdk")]


def test_a_project_without_dependencies(tmp_path):
    folder = tmp_path / "bare"
    folder.mkdir()
    (folder / "predictor.py").write_text("")
    found = context(ApiImage(project=folder), folder, tmp_path)
    assert (found / "dependencies").is_dir()  # which the Dockerfile copies


def test_one_image_for_all_apis_of_a_project(project):
    """Equal content has one hash, so that it is built and pushed once."""
    stack = Stack(App(), "stack")
    for name in ("A", "B"):
        ApiImage(project=project).bind(stack, name)
    hashes = {stack.node.find_child(name).asset_hash for name in ("A", "B")}
    (project / "predictor.py").write_text("changed")
    ApiImage(project=project).bind(stack, "C")
    assert len(hashes) == 1
    assert stack.node.find_child("C").asset_hash not in hashes


def test_build_arguments(project, tmp_path):
    app = App(outdir=str(tmp_path / "out"))
    ApiImage(project=project, variant="full", base_image="mine:1").bind(Stack(app, "stack"), "Image")
    app.synth()
    (manifest,) = (tmp_path / "out").glob("*.assets.json")
    (image,) = json.loads(manifest.read_text())["dockerImages"].values()
    assert image["source"]["dockerBuildArgs"] == {"VARIANT": "full", "BASE_IMAGE": "mine:1"}
    assert image["source"]["platform"] == "linux/amd64"


@pytest.mark.parametrize(
    ("image", "gpu", "reference"),
    [
        (ServingImage(), False, "tensorflow/serving:2.19.1"),
        (ServingImage(), True, "tensorflow/serving:2.19.1-gpu"),
        (ServingImage(version="2.18.0"), True, "tensorflow/serving:2.18.0-gpu"),
        (ServingImage(digest="sha256:ab"), False, "tensorflow/serving:2.19.1@sha256:ab"),
        (ServingImage(base_image="mine"), True, "mine"),
    ],
)
def test_which_tensorflow_serving(image, gpu, reference):
    assert image.reference(gpu=gpu) == reference


def test_the_downloader_has_only_what_reads_models(project, tmp_path):
    found = files(context(DownloaderImage(), project, tmp_path))
    packages = {name.split("/")[1] for name in found if name.startswith("cortex_cdk/")}
    assert packages == {"__init__.py", "models", "model_pin", "spec"}
    assert {name for name in found if name.startswith("cortex_cdk/spec/")} == {
        "cortex_cdk/spec/__init__.py",
        "cortex_cdk/spec/s3_uri.py",
    }


@pytest.mark.parametrize("file", sorted(DOCKER.glob("*.Dockerfile")), ids=lambda path: path.name)
def test_dockerfiles(file: Path):
    """Not root at the end, the base image an argument, and no `latest`."""
    text = file.read_text()
    assert re.findall(r"^USER (.*)$", text, re.MULTILINE)[-1] == "1000:1000"
    assert "ARG BASE_IMAGE" in text
    assert ":latest" not in text


def test_the_runtimes_packages_are_those_of_the_tests():
    """The image has the versions that the tests ran with, and all that the runtime imports."""
    listed = requirements(DOCKER / "runtime.txt")
    locked = requirements(ROOT / "requirements.txt")
    assert [line for line in listed if line not in locked] == []
    names = {re.split(r"[=<> ;]", line)[0].replace("-", "_") for line in listed}
    imported = set()
    for source in (ROOT / "runtime/cortex_runtime").rglob("*.py"):
        for node in ast.walk(ast.parse(source.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                imported.add(str(node.module).partition(".")[0])
    imported -= {*sys.stdlib_module_names, "cortex_runtime", "botocore"}  # botocore comes with boto3
    assert {IMPORTED_AS.get(name, name) for name in imported} - names == set()
    assert [line for line in requirements(DOCKER / "downloader.txt") if line not in listed] == []


def requirements(file: Path) -> list[str]:
    lines = file.read_text().splitlines()
    return [line.removesuffix(" \\") for line in lines if line and not line.startswith(("#", " "))]


@pytest.mark.parametrize("file", [*sorted(DOCKER.glob("*.txt")), ROOT / "requirements.txt"], ids=lambda file: file.name)
def test_what_is_locked_has_its_version_and_hashes(file: Path):
    """So that pip refuses any other."""
    text = re.sub(r"^    #.*\n", "", file.read_text(), flags=re.MULTILINE)
    parts = re.split(r"^(?=[a-z])", text, flags=re.MULTILINE)[1:]
    assert parts
    for part in parts:
        first, *hashes = part.rstrip().split(" \\\n")
        assert re.fullmatch(r"[a-z0-9-]+==[0-9][0-9a-z.]*( ; .+)?", first)
        assert hashes
        assert all(re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}", line) for line in hashes)


@pytest.mark.parametrize("name", ["runtime", "full", "downloader"])
def test_an_image_installs_what_was_locked_and_nothing_else(name: str):
    locked = {re.split("[= ]", line)[0] for line in requirements(DOCKER / f"{name}.txt")}
    assert set(requirements(DOCKER / f"{name}.in")) <= locked
    (file,) = (path for path in DOCKER.glob("*.Dockerfile") if f"/tmp/{name}.txt" in path.read_text())
    assert f"--require-hashes -r /tmp/{name}.txt" in file.read_text()
