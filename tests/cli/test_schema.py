"""``cortex-cdk schema``."""

from __future__ import annotations

import json
from pathlib import Path

from cortex_cdk.spec import json_schema
from tests.support.cli import run


def test_schema_prints_the_json_schema(tmp_path: Path) -> None:
    result = run("schema", cwd=tmp_path)
    assert (result.code, result.err) == (0, "")
    assert json.loads(result.out) == json_schema()
