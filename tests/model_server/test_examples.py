"""The examples, on real input: real models, the examples' own predictors, the client and the model server."""

from __future__ import annotations

import csv
import importlib.util
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cortex_runtime.tf_serving.client import TensorFlowClient
from tests.support.model_server import DEADLINE_S, Calls, ModelServer

EXAMPLES = Path(__file__).parents[2] / "examples"
IRIS = EXAMPLES / "iris-classifier"
CODE = EXAMPLES / "code-language"
MEASUREMENTS = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
LANGUAGES = {
    ".c": "C",
    ".go": "Go",
    ".hs": "Haskell",
    ".java": "Java",
    ".js": "JavaScript",
    ".py": "Python",
    ".rb": "Ruby",
    ".rs": "Rust",
    ".sh": "Shell",
    ".sql": "SQL",
}


def predictor(project: Path, client: TensorFlowClient, config: dict[str, Any]) -> Any:
    """The project's predictor, made as the runtime makes it."""
    location = importlib.util.spec_from_file_location("predictor", project / "predictor.py")
    assert location is not None
    assert location.loader is not None
    module = importlib.util.module_from_spec(location)
    location.loader.exec_module(module)
    return module.TensorFlowPredictor(client, config)


def held_out() -> list[tuple[dict[str, float], str]]:
    """The flowers that train.py does not train on: every fifth row."""
    with (IRIS / "iris.csv").open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert len(rows) == 150
    return [({name: float(row[name]) for name in MEASUREMENTS}, row["species"]) for row in rows[::5]]


@pytest.fixture
def iris_project(tmp_path: Path) -> Path:
    """A copy of the predictor's folder, so that importing it leaves nothing in the example."""
    shutil.copytree(IRIS, tmp_path / "iris", ignore=shutil.ignore_patterns("model", "__pycache__"))
    return tmp_path / "iris"


def accuracy(predict: Callable[[dict[str, float]], str]) -> float:
    flowers = held_out()
    return sum(predict(measured) == species for measured, species in flowers) / len(flowers)


def test_iris_names_flowers_that_it_has_not_seen(model_server: ModelServer, iris_project: Path) -> None:
    client = TensorFlowClient(model_server.address, model_name="iris-classifier")
    assert client.signature_key == "predict"  # of two, the one that is taken without asking
    iris = predictor(iris_project, client, {})
    assert accuracy(iris.predict) >= 0.93
    assert iris.predict(json.loads((IRIS / "sample.json").read_text())) == "setosa"


def test_iris_takes_batches(calls: Calls) -> None:
    flowers = [measured for measured, _ in held_out()]
    answer = calls.arrays("iris-classifier", {n: [f[n] for f in flowers] for n in MEASUREMENTS}, "predict")
    assert answer["class_ids"].shape == (30, 1)
    assert answer["probabilities"].shape == (30, 3)
    assert answer["probabilities"].sum(axis=1) == pytest.approx(1)
    assert (answer["probabilities"].argmax(axis=1) == answer["class_ids"].ravel()).all()
    names = ["setosa", "versicolor", "virginica"]
    assert [value.decode() for value in answer["classes"].ravel()] == [names[i] for i in answer["class_ids"].ravel()]


def test_iris_trained_again_is_as_good(start_model_server: Callable[..., ModelServer], iris_project: Path) -> None:
    trained = subprocess.run(
        [sys.executable, iris_project / "train.py"],  # writes model/1
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert trained.returncode == 0, trained.stderr
    printed = float(trained.stdout.partition("held-out flowers: ")[2].split()[0])
    assert printed >= 0.93
    server = start_model_server(f"--model=iris={iris_project / 'model'}").wait_available("iris")
    client = TensorFlowClient(server.address, model_name="iris")
    # What the server answers is what the script has measured.
    assert accuracy(predictor(iris_project, client, {}).predict) == pytest.approx(printed, abs=0.0005)


@pytest.fixture
def code_language(
    model_server: ModelServer, code_language_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Any:
    """The predictor, in a copy of the project to which the script has fetched the model."""
    project = tmp_path / "code-language"
    shutil.copytree(CODE, project, ignore=shutil.ignore_patterns("model", "languages.json"))
    subprocess.run([sys.executable, project / "fetch_model.py"], check=True, timeout=DEADLINE_S)
    assert (project / "model" / "saved_model.pb").read_bytes() == (code_language_model / "saved_model.pb").read_bytes()
    monkeypatch.chdir(project)
    client = TensorFlowClient(model_server.address, model_name="code-language", signature_key="predict")
    return predictor(project, client, {"top": 3})


def test_source_files_are_told_apart(code_language: Any) -> None:
    samples = sorted((CODE / "samples").iterdir())
    found = {sample.name: code_language.predict({"text": sample.read_text()})["language"] for sample in samples}
    assert found == {sample.name: LANGUAGES[sample.suffix] for sample in samples}
    assert len(set(found.values())) >= 6


def test_the_answer_has_the_likeliest_languages(code_language: Any) -> None:
    answer = code_language.predict(json.loads((CODE / "sample.json").read_text()))
    assert answer["language"] == "Python"
    assert len(answer["top"]) == 3
    assert answer["top"][0] == {"language": "Python", "probability": answer["probability"]}
    probabilities = [entry["probability"] for entry in answer["top"]]
    assert probabilities == sorted(probabilities, reverse=True)
    assert 0.5 < probabilities[0] <= 1


def test_fetching_again_replaces_what_is_there(code_language: Any) -> None:
    project = Path.cwd()
    (project / "model" / "left-over").touch()
    subprocess.run([sys.executable, project / "fetch_model.py"], check=True, timeout=DEADLINE_S)
    assert not (project / "model" / "left-over").exists()
    assert (project / "model" / "variables" / "variables.index").exists()
