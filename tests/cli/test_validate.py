"""``cortex-cdk validate``: all problems at once, in the right places, with the right exit status."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from cortex_cdk.cli.init import example_folder
from tests.support.cli import Result, call, run

API = """\
- name: iris
  predictor:
    type: tensorflow
    path: predictor.py
    model: model
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    shutil.copytree(example_folder(), tmp_path / "project", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "project" / "cortex.yaml").write_text(API)
    return tmp_path / "project"


def problems(result: Result) -> list[dict[str, Any]]:
    document = json.loads(result.out)
    assert document["ok"] is False
    assert (result.code, result.err) == (1, "")
    found: list[dict[str, Any]] = document["problems"]
    return found


def test_a_valid_project(project: Path) -> None:
    result = run("validate", cwd=project)
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines()[:2] == [
        "cortex.yaml is valid: 1 API",
        "  iris: /iris, model model (version 1, signature predict)",
    ]
    assert "    input petal_length: float32 (-1,)\n" in result.out
    assert "    output class_ids: int64 (-1, 1)\n" in result.out


def test_a_valid_project_as_json(project: Path) -> None:
    s3 = API.replace("iris", "other").replace("model: model", "model: s3://bucket/key\n    signature_key: one")
    (project / "cortex.yaml").write_text(API + s3)
    result = run("validate", "--json", cwd=project)
    assert (result.code, result.err) == (0, "")
    local = {"name": "iris", "endpoint": "/iris", "model": "model", "version": 1, "signature_key": "predict"}
    remote = {
        "name": "other",
        "endpoint": "/other",
        "model": "s3://bucket/key",
        "version": None,
        "signature_key": "one",
    }
    document = json.loads(result.out)
    inputs, outputs = (document["apis"][0].pop(part) for part in ("inputs", "outputs"))
    assert inputs["petal_length"] == {"dtype": "float32", "shape": [-1]}
    assert outputs["class_ids"] == {"dtype": "int64", "shape": [-1, 1]}
    assert document == {"ok": True, "problems": [], "apis": [local, remote | {"inputs": None, "outputs": None}]}


@pytest.mark.parametrize("argument", ["project/cortex.yaml", "project"])
def test_the_file_or_its_folder_can_be_given(project: Path, argument: str) -> None:
    result = call("validate", argument, cwd=project.parent)
    assert (result.code, result.out.splitlines()[0]) == (0, "project/cortex.yaml is valid: 1 API")


def test_the_nearest_file_is_found_from_a_folder_below(project: Path) -> None:
    result = call("validate", cwd=project / "model")
    assert (result.code, result.out.splitlines()[0]) == (0, f"{project}/cortex.yaml is valid: 1 API")


def test_no_file_anywhere(tmp_path: Path) -> None:
    result = call("validate", cwd=tmp_path)
    assert (result.code, result.raw) == (1, b"")
    assert "error: cortex.yaml: cannot be read: No such file or directory" in result.err
    assert [entry["file"] for entry in problems(call("validate", "--json", cwd=tmp_path))] == ["cortex.yaml"]


def test_all_problems_at_once(project: Path) -> None:
    """One of the YAML, one of a predictor file, one of a model's layout, one of a signature: in one run."""
    (project / "wrong.py").write_text("class TensorFlowPredictor:\n    def __init__(self, client, config): ...\n")
    (project / "empty").mkdir()
    text = (
        API.replace("model: model", "model: model\n    signature_key: predikt")
        + "  computee: {}\n"
        + API.replace("iris", "two").replace("predictor.py", "wrong.py").replace("model: model", "model: empty")
    )
    (project / "cortex.yaml").write_text(text)
    found = problems(run("validate", "--json", cwd=project))
    assert [(entry["file"], entry["line"], entry["column"], entry["api"], entry["key"]) for entry in found] == [
        ("cortex.yaml", 6, 20, "iris", "predictor.signature_key"),
        ("cortex.yaml", 7, 3, "iris", "computee"),
        ("cortex.yaml", 12, 12, "two", "predictor.model"),
        ("wrong.py", 1, 1, "two", None),
        ("wrong.py", 2, 5, "two", None),
    ]
    assert found[0]["message"] == (
        "signature_key is 'predikt', but the model's signatures are: predict, serving_default"
    )
    assert found[0]["hint"] == "did you mean predict?"
    assert found[0]["value"] == "predikt"
    assert "no TensorFlow export here (found: nothing)" in found[2]["message"]

    result = run("validate", cwd=project)
    assert (result.code, result.raw) == (1, b"")
    assert "error: cortex.yaml:6:20: iris: predictor.signature_key: signature_key is 'predikt'" in result.err
    assert result.err.count("error: ") == 5
    assert result.err.endswith("5 problems found\n")


def test_the_models_version_is_that_with_the_highest_number(project: Path) -> None:
    for number in ("9", "10"):
        shutil.copytree(project / "model" / "1", project / "model" / number)
    assert "(version 10, signature predict)" in call("validate", cwd=project).out
    (project / "model" / "10" / "saved_model.pb").unlink()
    (found,) = problems(call("validate", "--json", cwd=project))
    assert (found["key"], found["line"]) == ("predictor.model", 5)
    assert "version 10/ has the highest number but no saved_model.pb" in found["message"]


def test_a_damaged_export(project: Path) -> None:
    (project / "model" / "1" / "saved_model.pb").write_bytes(b"\xff\xff\xff")
    (found,) = problems(call("validate", "--json", cwd=project))
    assert "model/1/saved_model.pb: not a SavedModel" in found["message"]


def test_a_zip(project: Path) -> None:
    shutil.make_archive(str(project / "packed"), "zip", project, "model")
    (project / "cortex.yaml").write_text(API.replace("model: model", "model: packed.zip"))
    assert "model packed.zip (version 1, signature predict)" in call("validate", cwd=project).out
    (project / "packed.zip").write_bytes(b"none")
    (found,) = problems(call("validate", "--json", cwd=project))
    assert "packed.zip cannot be read as a zip" in found["message"]


def test_the_predictor_is_not_run(project: Path) -> None:
    predictor = project / "predictor.py"
    predictor.write_text("import sys\nsys.exit('it ran')\n" + predictor.read_text())
    assert call("validate", cwd=project).code == 0


def test_a_model_problem_does_not_need_the_name_of_its_api(project: Path) -> None:
    (project / "cortex.yaml").write_text(API.replace("name: iris", "name: 7").replace("model: model", "model: gone"))
    found = problems(call("validate", "--json", cwd=project))
    assert [(entry["api"], entry["key"]) for entry in found] == [("#1", "name"), ("#1", "predictor.model")]


@pytest.mark.parametrize("text", ["", "a: [", "- 1\n- null\n- predictor: 3\n", "\x00", "3"])
def test_odd_files_are_problems_not_tracebacks(project: Path, text: str) -> None:
    (project / "cortex.yaml").write_text(text)
    assert problems(call("validate", "--json", cwd=project))


def test_the_cluster_yaml_beside_it_is_checked_too(project: Path) -> None:
    (project / "cluster.yaml").write_text("regoin: eu-central-1\nlog_retention_days: 31\n")
    (project / "cortex.yaml").write_text(API + "  computee: {}\n")
    found = problems(run("validate", "--json", cwd=project))
    assert [(entry["file"], entry["line"], entry["api"], entry["key"]) for entry in found] == [
        ("cortex.yaml", 6, "iris", "computee"),
        ("cluster.yaml", 1, None, "regoin"),
        ("cluster.yaml", 2, None, "log_retention_days"),
    ]
    result = run("validate", cwd=project)
    assert (result.code, result.raw) == (1, b"")
    assert "error: cluster.yaml:1:1: regoin: unknown key; allowed: cluster_name, region" in result.err
    assert result.err.endswith("3 problems found\n")


def test_a_valid_cluster_yaml(project: Path) -> None:
    (project / "cluster.yaml").write_text("cluster_name: mine\n")
    result = call("validate", "project", cwd=project.parent)
    assert result.out.splitlines()[-2:] == [
        "project/cluster.yaml is valid: cluster mine",
        "  instance group: default (m5.large)",
    ]
    assert json.loads(call("validate", "--json", cwd=project).out)["ok"] is True
    (project / "cluster.yaml").unlink()
    assert "cluster" not in call("validate", cwd=project).out


def test_alarms_of_an_api_that_is_not_there(project: Path) -> None:
    (project / "cluster.yaml").write_text("alarms:\n  apis:\n    irsi: {latency: {threshold: 800}}\n")
    (found,) = problems(call("validate", "--json", cwd=project))
    assert (found["file"], found["line"], found["column"]) == ("cluster.yaml", 3, 5)
    assert (found["key"], found["message"]) == ("alarms.apis.irsi", "there is no API of this name in cortex.yaml")
    result = call("validate", cwd=project)
    assert "error: cluster.yaml:3:5: alarms.apis.irsi: there is no API of this name in cortex.yaml" in result.err
    assert "(there are: iris)" in result.err
    (project / "cluster.yaml").write_text("alarms:\n  apis:\n    iris: {latency: {threshold: 800}}\n")
    assert call("validate", cwd=project).code == 0
