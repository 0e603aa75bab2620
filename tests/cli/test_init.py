"""``cortex-cdk init``: the project is valid as it stands, and nothing is overwritten."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from cortex_cdk.cli.init import example_folder
from cortex_cdk.models.saved_model import inspect
from cortex_cdk.spec import cluster, json_schema, load
from tests.support.cli import call, run

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("init")
    result = run("init", "my-api", cwd=folder)
    assert (result.code, result.err) == (0, "")
    assert "  cd my-api\n  cortex-cdk serve\n" in result.out
    assert "  cd my-api\n  cortex-cdk predict my-api\n" in result.out
    return folder / "my-api"


def test_the_project_is_valid(project: Path) -> None:
    assert call("validate", cwd=project).code == 0
    (api,) = load(project / "cortex.yaml").apis
    assert (api.name, api.endpoint) == ("my-api", "/my-api")


def test_the_sample_has_the_inputs_of_the_model(project: Path) -> None:
    sample = json.loads((project / "sample.json").read_text())
    assert sample.keys() == inspect(project / "model").signatures["predict"].inputs.keys()


def test_editors_find_the_schema(project: Path) -> None:
    for name in ("cortex", "cluster"):
        first = (project / f"{name}.yaml").read_text().splitlines()[0]
        assert first == f"# yaml-language-server: $schema={name}.schema.json"
    assert json.loads((project / "cluster.schema.json").read_text()) == cluster.json_schema()
    assert json.loads((project / "cortex.schema.json").read_text()) == json_schema()


def test_all_files_of_the_example_are_there_and_only_names_differ(project: Path) -> None:
    example = example_folder()
    made = {file.relative_to(project).as_posix() for file in project.rglob("*") if file.is_file()}
    kept = {
        file.relative_to(example).as_posix()
        for file in example.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts and not file.name.startswith(".")
    }
    assert made == kept | {"cortex.schema.json", "cluster.schema.json", "cluster.yaml", "app.py", "cdk.json"}
    assert "model/1/saved_model.pb" in made
    for name in kept - {"cortex.yaml", "README.md"}:
        assert (project / name).read_bytes() == (example / name).read_bytes()
    ours, theirs = (yaml.safe_load((folder / "cortex.yaml").read_text()) for folder in (project, example))
    assert ours == [theirs[0] | {"name": "my-api"}]
    assert "localhost:8080/my-api" in (project / "README.md").read_text()


def test_it_can_be_deployed_as_the_checkout_can(project: Path) -> None:
    for name in ("app.py", "cdk.json"):
        assert (project / name).read_bytes() == (ROOT / name).read_bytes()
    assert cluster.load(project / "cluster.yaml") == cluster.load(project / "absent.yaml")


def test_nothing_is_overwritten(project: Path) -> None:
    before = {file: file.read_bytes() for file in project.rglob("*") if file.is_file()}
    result = run("init", "my-api", cwd=project.parent)
    assert (result.code, result.raw) == (1, b"")
    assert "error: my-api/ already has README.md, app.py, cdk.json, cluster.schema.json, cluster.yaml and" in result.err
    assert {file: file.read_bytes() for file in project.rglob("*") if file.is_file()} == before


def test_one_file_in_the_way_is_enough_and_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "my-api").mkdir()
    (tmp_path / "my-api" / "predictor.py").write_text("mine")
    result = call("init", "my-api", cwd=tmp_path)
    assert result.code == 1
    assert "my-api/ already has predictor.py; choose another name" in result.err
    assert [file.name for file in (tmp_path / "my-api").iterdir()] == ["predictor.py"]


def test_a_folder_with_other_files_is_filled(tmp_path: Path) -> None:
    (tmp_path / "my-api").mkdir()
    (tmp_path / "my-api" / "notes.txt").write_text("mine")
    assert call("init", "my-api", cwd=tmp_path).code == 0
    assert (tmp_path / "my-api" / "notes.txt").read_text() == "mine"
    assert (tmp_path / "my-api" / "cortex.yaml").is_file()


def test_a_file_of_that_name(tmp_path: Path) -> None:
    (tmp_path / "my-api").write_text("mine")
    result = call("init", "my-api", cwd=tmp_path)
    assert result.code == 1
    assert "my-api exists and is not a folder" in result.err


@pytest.mark.parametrize("name", ["My-api", "1api", "api-", "a" * 43, "a/b", "..", "a b", ""])
def test_names_that_no_api_can_have(tmp_path: Path, name: str) -> None:
    result = call("init", name, cwd=tmp_path)
    assert result.code == 1
    assert f"error: {name!r} cannot be the name of an API; allowed: lower-case letters" in result.err
    assert list(tmp_path.iterdir()) == []
