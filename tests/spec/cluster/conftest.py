"""A folder to check ``cluster.yaml`` files in."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from cortex_cdk.spec import Problem
from cortex_cdk.spec.cluster import ClusterSpec, check, json_schema
from cortex_cdk.spec.yaml_document import read

_SCHEMA = Draft202012Validator(json_schema())


@dataclass
class Folder:
    """``cluster.yaml`` is written by each check."""

    path: Path

    def check(
        self, content: str | bytes, apis: Collection[str] | None = None
    ) -> tuple[ClusterSpec | None, list[Problem]]:
        """Check a file. Whatever is accepted must be accepted by the JSON Schema, too."""
        file = self.path / "cluster.yaml"
        file.write_bytes(dedent(content).encode() if isinstance(content, str) else content)
        spec, problems = check(file, apis=apis)
        assert (spec is None) == bool(problems)
        if spec is not None and yaml.safe_load(file.read_bytes()) is not None:
            errors = _SCHEMA.iter_errors(read(file.read_bytes().decode("utf-8-sig")).data)
            assert [error.message for error in errors] == []
        return spec, problems

    def spec(self, content: str) -> ClusterSpec:
        spec, problems = self.check(content)
        assert spec is not None, [str(problem) for problem in problems]
        return spec

    def problems(self, content: str | bytes) -> list[Problem]:
        spec, problems = self.check(content)
        assert spec is None, "expected problems"
        return problems

    def problem(self, content: str | bytes) -> Problem:
        problems = self.problems(content)
        assert len(problems) == 1, [str(problem) for problem in problems]
        return problems[0]

    @staticmethod
    def with_key(path: str, written: str) -> str:
        """A file with one key, and what that one needs; ``written`` is YAML, on one line."""
        needed: dict[str, Any] = {
            "instance_groups": {"instance_types": ["m5.large"]},
            "vpc": {"id": "vpc-0a1b2c3d"},
            "jwt": {"issuer": "https://a.example", "jwks_uri": "https://a.example/keys"},
            "capacities": {"vcpus": 2, "memory_mib": 8192},
        }
        *parents, key = path.split(".")
        data: dict[str, Any] = {}
        section = data
        for parent in parents:
            inner = dict(needed.get(parent, {}))
            many = {"instance_groups": [inner], "capacities": {"m5.large": inner}, "apis": {"my-api": inner}}
            section[parent] = many.get(parent, inner)
            section = inner
        section[key] = "PLACEHOLDER"
        if parents[:1] == ["vpc"]:
            data |= {"region": "eu-central-1", "account": "123456789012"}
        if "jwt" in parents:
            data["endpoint"]["certificate_arns"] = [CERTIFICATE]
        return yaml.safe_dump(data, sort_keys=False).replace("PLACEHOLDER", written)

    @staticmethod
    def accepted_by_schema(text: str) -> bool:
        return bool(_SCHEMA.is_valid(read(text).data))


CERTIFICATE = "arn:aws:acm:eu-central-1:123456789012:certificate/0a1b2c3d-0000"


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)
