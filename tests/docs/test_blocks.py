"""What stands in the pages to be typed or copied is right: configuration, commands, Python."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
import yaml
from typer.exceptions import TyperException

from cortex_cdk import spec
from cortex_cdk.cli.main import app
from cortex_cdk.spec import cluster
from cortex_runtime.errors import ModelInputError
from cortex_runtime.tf_serving.client import TensorFlowClient
from tests.docs import pages
from tests.docs.pages import DOCS, ROOT, Block, Command, blocks, commands, split_commands

YAML = blocks("yaml", "yml")
PYTHON = blocks("python")
COMMANDS = commands()
OURS = [command for command in COMMANDS if command.words[0] == "cortex-cdk"]
PREDICTOR = """
class TensorFlowPredictor:
    def __init__(self, tensorflow_client, config): ...
    def predict(self, payload): ...
"""
SHORTEST = {"type": "tensorflow", "path": "predictor.py", "model": "s3://my-bucket/my-model"}
SECTIONS = {"predictor", "tracker", "compute", "autoscaling", "update_strategy"}
SCHEMA_LINE = re.compile(r"# yaml-language-server: \$schema=(cortex|cluster)\.schema\.json\s*")


def yaml_problems(block: Block, folder: Path) -> list[str]:
    """What is wrong with a YAML block.

    A list is a ``cortex.yaml``, a map with sections of an API a part of one, any other map a ``cluster.yaml``; what the
    block is labelled as, it must be.
    """
    if SCHEMA_LINE.fullmatch(block.text):
        return []
    data = yaml.safe_load(block.text)
    kind = "cortex.yaml" if isinstance(data, list) or SECTIONS & {*data} else "cluster.yaml"
    if block.label and block.label != kind:
        return [f"labelled {block.label}, but looks like a {kind}"]
    file = folder / kind
    if kind == "cluster.yaml":
        file.write_text(block.text, encoding="utf-8")
        return [str(problem) for problem in cluster.check(file)[1]]
    if isinstance(data, list):
        file.write_text(block.text, encoding="utf-8")
    else:
        data = [{"name": "my-api", "predictor": SHORTEST, **data}]
        file.write_text(json.dumps(data), encoding="utf-8")
    for api in data:
        (folder / api["predictor"]["path"]).write_text(PREDICTOR, encoding="utf-8")
        (folder / api["predictor"].get("python_path", ".")).mkdir(exist_ok=True)
    return [str(problem) for problem in spec.check(file)[1]]


@pytest.mark.parametrize("block", YAML, ids=lambda block: block.place)
def test_configuration_is_valid(block, tmp_path):
    assert yaml_problems(block, tmp_path) == []


@pytest.mark.parametrize(
    ("text", "label", "problem"),
    [
        (
            "- name: a\n  predictor: {type: tensorflow, path: p.py, model: s3://my-bucket/k}\n  computes: {}\n",
            None,
            "computes",
        ),
        ("autoscaling: {min_replica: 2}\n", None, "min_replica"),
        ("region: moon\n", None, "moon"),
        ("autoscalling: {}\n", None, "autoscalling"),
        ("region: eu-central-1\n", "cortex.yaml", "labelled"),
    ],
)
def test_wrong_configuration_is_seen(text, label, problem, tmp_path):
    found = yaml_problems(Block("page.md:1", "yaml", text, label), tmp_path)
    assert len(found) == 1
    assert problem in found[0]


def usage_error(command: Command) -> str | None:
    """What the program says to this command line, which is parsed and not run; None when it takes it."""
    program = typer.main.get_command(app)
    assert isinstance(program, typer.core.TyperGroup)
    _, *words = command.words
    if words and not words[0].startswith("-") and words[0] not in program.commands:
        return f"no such command: {words[0]}"
    parser, words = (
        (program.commands[words[0]], words[1:]) if words and words[0] in program.commands else (program, words)
    )
    try:
        with parser.make_context("cortex-cdk", list(words)):
            return None
    except typer.Exit:  # --version
        return None
    except TyperException as error:
        if command.in_sentence and type(error).__name__ == "MissingParameter":
            return None
        return str(error)


@pytest.mark.parametrize("command", OURS, ids=lambda command: f"{command.place} {' '.join(command.words[1:3])}")
def test_commands_are_taken(command, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert usage_error(command) is None


@pytest.mark.parametrize(
    ("words", "in_sentence"),
    [
        ("cortex-cdk server", False),
        ("cortex-cdk serve --ports 80", False),
        ("cortex-cdk serve --port many", True),
        ("cortex-cdk predict", False),
        ("cortex-cdk validate one two", True),
    ],
)
def test_commands_that_are_not_taken_are_seen(words, in_sentence):
    assert usage_error(Command("page.md:1", tuple(words.split()), in_sentence))


def test_a_sentence_may_leave_out_what_a_command_needs():
    assert usage_error(Command("page.md:1", ("cortex-cdk", "predict"), in_sentence=True)) is None


def test_shell_is_split_into_commands():
    line = "A=1 one --x 'a b' | two > file; three  # comment"
    assert list(split_commands(line)) == [("one", "--x", "a b"), ("two",), ("three",)]


def test_every_command_of_the_program_is_in_the_pages():
    program = typer.main.get_command(app)
    assert isinstance(program, typer.core.TyperGroup)
    assert {*program.commands} <= {word for command in OURS for word in command.words[1:2]}


def test_make_targets_exist():
    targets = {*re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)}
    named = {command.words[1] for command in COMMANDS if command.words[0] == "make"}
    assert named
    assert named <= targets


def test_modules_that_are_run_exist():
    named = {
        command.words[command.words.index("-m") + 1]
        for command in COMMANDS
        if Path(command.words[0]).name.startswith("python") and "-m" in command.words
    }
    assert {"cortex_runtime", "cortex_cdk.local.model_server", "tests.soak"} <= named
    assert [name for name in named if importlib.util.find_spec(name) is None] == []


def test_extras_that_are_installed_exist():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = {
        extra
        for command in COMMANDS
        if command.words[:2] == ("pip", "install")
        for extras in re.findall(r"^\.\[(.*)\]$", command.words[2])
        for extra in extras.split(",")
    }
    assert named
    assert named <= {*project["optional-dependencies"]}


def unknown_imports(code: str) -> Iterator[str]:
    """What Python code imports from this project that is not there."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(("cortex_cdk", "cortex_runtime")):
            module = importlib.import_module(str(node.module))
            yield from (name.name for name in node.names if not hasattr(module, name.name))


def as_code(text: str) -> str:
    """A block as it compiles: one that is a signature alone, as those of methods are, gets its ``def`` and a body."""
    signature = re.fullmatch(r"(@\w+\n)?(\w+\(.*\) -> .+)\n", text)
    return f"{signature[1] or ''}def {signature[2]}: ...\n" if signature else text


@pytest.mark.parametrize("block", PYTHON, ids=lambda block: block.place)
def test_python_compiles_and_imports_what_is_there(block):
    code = as_code(block.text)
    compile(code, block.place, "exec")
    assert [*unknown_imports(code)] == []


def test_imports_of_what_is_not_there_are_seen():
    assert [*unknown_imports("from cortex_cdk.constructs import Cluster, Clutter")] == ["Clutter"]


@pytest.fixture(scope="module")
def rows_predictor(model_server):
    """The predictor of docs/moving-over.md, in front of the iris model."""
    (block,) = [block for block in PYTHON if block.place.startswith("docs/moving-over.md")]
    names: dict[str, type] = {}
    exec(block.text, names)
    client = TensorFlowClient(model_server.address, model_name="iris-classifier")
    yield names["TensorFlowPredictor"](client, {})
    client.close()


def test_the_predictor_for_instances_answers_row_by_row(rows_predictor):
    setosa = {"sepal_length": 5.2, "sepal_width": 3.6, "petal_length": 1.4, "petal_width": 0.3}
    virginica = {"sepal_length": 6.3, "sepal_width": 3.3, "petal_length": 6.0, "petal_width": 2.5}
    predictions = rows_predictor.predict({"instances": [setosa, virginica]})["predictions"]
    assert [list(row["class_ids"]) for row in predictions] == [[0], [2]]
    assert [row["probabilities"].shape for row in predictions] == [(3,), (3,)]


@pytest.mark.parametrize(
    "payload", [None, [], {}, {"instances": []}, {"instances": 3}, {"instances": [1]}, {"instances": [{}]}]
)
def test_the_predictor_for_instances_refuses_other_payloads(rows_predictor, payload):
    with pytest.raises(ModelInputError):
        rows_predictor.predict(payload)


def test_all_pages_are_looked_at():
    assert {page.name for page in pages.PAGES} == {
        "README.md",
        *(path.name for path in DOCS.iterdir() if path.suffix == ".md"),
    }
