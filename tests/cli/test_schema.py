"""``cortex-cdk schema``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cortex_cdk.spec import cluster, json_schema
from tests.support.cli import call, run


@pytest.mark.parametrize(
    ("arguments", "schema"),
    [((), json_schema()), (("cortex.yaml",), json_schema()), (("cluster.yaml",), cluster.json_schema())],
)
def test_schema_prints_the_json_schema(tmp_path: Path, arguments: tuple[str, ...], schema: object) -> None:
    result = run("schema", *arguments, cwd=tmp_path)
    assert (result.code, result.err) == (0, "")
    assert json.loads(result.out) == schema


def test_files_that_have_none(tmp_path: Path) -> None:
    result = call("schema", "predictor.py", cwd=tmp_path)
    assert result.code == 2
    assert "'cortex.yaml', 'cluster.yaml'" in result.err
