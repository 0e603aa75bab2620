"""A project folder to check ``cortex.yaml`` files in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from cortex_cdk.spec import ApiSpec, Problem, Project, check, json_schema
from cortex_cdk.spec.yaml_document import read

PREDICTOR = """\
class TensorFlowPredictor:
    def __init__(self, tensorflow_client, config):
        self.client = tensorflow_client

    def predict(self, payload):
        return self.client.predict(payload)
"""
_SCHEMA = Draft202012Validator(json_schema())


@dataclass
class Workspace:
    """A folder with a valid ``predictor.py`` and a folder ``src``. ``cortex.yaml`` is written by each check."""

    folder: Path

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def check(self, content: str | bytes, **options: Any) -> tuple[Project | None, list[Problem]]:
        """Check a file. Whatever is accepted must be accepted by the JSON Schema, too."""
        text = dedent(content) if isinstance(content, str) else content
        project, problems = check(self.write("cortex.yaml", text), **options)
        assert (project is None) == bool(problems)
        if project is not None:
            data = read(text if isinstance(text, str) else text.decode("utf-8-sig")).data
            assert [error.message for error in _SCHEMA.iter_errors(data)] == []
        return project, problems

    def problems(self, content: str | bytes, **options: Any) -> list[Problem]:
        project, problems = self.check(content, **options)
        assert project is None, "expected problems"
        return problems

    def problem(self, content: str | bytes, **options: Any) -> Problem:
        problems = self.problems(content, **options)
        assert len(problems) == 1, [str(problem) for problem in problems]
        return problems[0]

    def apis(self, content: str | bytes, **options: Any) -> tuple[ApiSpec, ...]:
        project, problems = self.check(content, **options)
        assert project is not None, [str(problem) for problem in problems]
        return project.apis

    def api(self, content: str | bytes, **options: Any) -> ApiSpec:
        (api,) = self.apis(content, **options)
        return api

    @staticmethod
    def with_key(path: str, written: str) -> str:
        """A minimal file with one key more, or another value of one; ``written`` is YAML, on one line."""
        api: dict[str, Any] = {
            "name": "my-api",
            "predictor": {"type": "tensorflow", "path": "predictor.py", "model": "s3://my-bucket/my-model"},
        }
        section = api
        *parents, key = path.split(".")
        for parent in parents:
            section = section.setdefault(parent, {"model_type": "classification"} if parent == "tracker" else {})
        section[key] = "PLACEHOLDER"
        return yaml.safe_dump([api], sort_keys=False).replace("PLACEHOLDER", written)

    @staticmethod
    def accepted_by_schema(text: str) -> bool:
        return bool(_SCHEMA.is_valid(read(text).data))


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    project = Workspace(tmp_path)
    project.write("predictor.py", PREDICTOR)
    (tmp_path / "src").mkdir()
    return project
