"""docs/constructs.md: up to date, complete, and its example works."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import griffe
import pytest

import cortex_cdk.constructs
from scripts import generate_constructs
from tests.support.cloud_template import Template

PAGE = generate_constructs.PAGE.read_text(encoding="utf-8")


def test_the_published_page_is_up_to_date():
    assert generate_constructs.constructs_markdown() == PAGE, "run make docs"


def test_everything_public_has_a_section():
    assert {*re.findall(r"^### (\w+)$", PAGE, re.MULTILINE)} == {*cortex_cdk.constructs.__all__}


def test_every_argument_and_every_method_is_described():
    rows = re.findall(r"^\| `.*$", PAGE, re.MULTILINE)
    constructs = PAGE.partition("## Constructs\n")[2].partition("\n## ")[0]
    assert len(rows) > 100
    assert [
        row for row in constructs.splitlines() if row.startswith("| `") and "(" in row and row.endswith("|  |")
    ] == []
    four_columns = re.findall(r"^\| argument .*\n\|---.*\n((?:\|.*\n)+)", constructs, re.MULTILINE)
    assert [row for table in four_columns for row in table.splitlines() if row.endswith("|  |")] == []


def test_the_example_is_an_app(tmp_path, monkeypatch):
    (tmp_path / "cortex.yaml").write_text(
        "- name: my-api\n  predictor: {type: tensorflow, path: predictor.py, model: s3://my-bucket/my-model}\n"
    )
    (tmp_path / "predictor.py").write_text(
        "class TensorFlowPredictor:\n"
        "    def __init__(self, tensorflow_client, config): ...\n"
        "    def predict(self, payload): ...\n"
    )
    (code,) = re.findall(r"^```python\n(from aws_cdk.*?)```", PAGE, re.MULTILINE | re.DOTALL)
    (tmp_path / "app.py").write_text(code)
    monkeypatch.chdir(tmp_path)
    app = runpy.run_path("app.py")["app"]
    (stack,) = app.synth().stacks
    template = Template(stack.template)
    assert template.one("ECS::Service")
    (alarm,) = [a for a in template.all("CloudWatch::Alarm") if a.get("MetricName") == "Latency"]
    assert alarm["Threshold"] == 500


def module(tmp_path: Path, code: str) -> griffe.Class:
    (tmp_path / "told.py").write_text(code)
    found = griffe.load("told", search_paths=[tmp_path])["Thing"]
    assert isinstance(found, griffe.Class)
    return found


def test_what_a_docstring_says_of_nothing_is_an_error(tmp_path):
    thing = module(
        tmp_path,
        'class Thing:\n    """A thing.\n\n    Args:\n        size: how large.\n        gone: away.\n    """\n\n'
        "    def __init__(self, size: int) -> None: ...\n",
    )
    with pytest.raises(generate_constructs.DocstringError, match="describes gone, which is not there"):
        list(generate_constructs._of_class(thing))


def test_types_come_from_annotations_arguments_methods_and_classes(tmp_path):
    thing = module(
        tmp_path,
        'class Thing:\n    """A thing."""\n\n'
        "    def __init__(self, size: int) -> None:\n"
        "        self.size = size\n"
        "        self.part = self._part()\n"
        "        self.other = other.Other(1)\n"
        "        self.told: str = f()\n\n"
        "    def _part(self) -> Part | None: ...\n",
    )
    page = "\n".join(generate_constructs._of_class(thing))
    for row in (
        "| `size` | `int` |",
        r"| `part` | `Part \| None` |",
        "| `other` | `other.Other` |",
        "| `told` | `str` |",
    ):
        assert row in page
