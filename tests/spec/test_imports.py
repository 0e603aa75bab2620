"""Importing the package and its plain objects stays cheap: no pydantic, no YAML parser."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import cortex_cdk.spec

HEAVY = ["pydantic", "pydantic_core", "yaml", "boto3", "aws_cdk", "numpy", "grpc"]


def heavy_modules_after(statement: str) -> set[str]:
    code = f"import sys, json; {statement}; print(json.dumps([m for m in {HEAVY} if m in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


@pytest.mark.parametrize(
    "statement",
    [
        "import cortex_cdk",
        "import cortex_cdk.spec",
        "from cortex_cdk.spec import ApiSpec, Project, Problem, SpecError, Quantity, CountOrPercent, S3Uri",
    ],
)
def test_light(statement):
    assert heavy_modules_after(statement) == set()


def test_checking_needs_pydantic_and_yaml_only():
    statement = "from cortex_cdk.spec import check; check('absent.yaml')"
    assert heavy_modules_after(statement) == {"pydantic", "pydantic_core", "yaml"}


def test_every_public_name_is_there():
    for name in cortex_cdk.spec.__all__:
        home = "cortex_cdk.autoscaling." if name == "CountOrPercent" else "cortex_cdk.spec."
        assert getattr(cortex_cdk.spec, name).__module__.startswith(home)


def test_no_other_name_is_there():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = cortex_cdk.spec.nothing
