"""Whatever a file holds, checking it gives a project or problems, never an exception."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cortex_cdk.spec import check
from cortex_cdk.spec.predictor_source import check as check_source

VALID = (Path(__file__).parent / "files" / "everything.yaml").read_text()
SCALARS = st.sampled_from(
    [
        *[
            "a",
            "1",
            "-1",
            "1.5",
            ".inf",
            ".nan",
            "on",
            "null",
            "~",
            "''",
            "60s",
            "25%",
            "8G",
            "010",
            "1:30",
            "2020-01-01",
        ],
        *["s3://bucket/key", "predictor.py", "..", "/", "!!binary x", "!x y", "*a", "&a b", "<<", '"\\0"', '"\\ud800"'],
        *[
            "[]",
            "{}",
            "[a]",
            "{a: b}",
            "{<<: *a}",
            "tensorflow",
            "python",
            "'[key]'",
            "{'[key]': 1}",
            "9" * 30,
            "1e999",
        ],
    ]
)
KEYS = st.sampled_from(
    [
        *["name", "endpoint", "predictor", "tracker", "compute", "autoscaling", "update_strategy", "type", "path"],
        *["model", "config", "env", "python_path", "signature_key", "key", "model_type", "cpu", "gpu", "mem"],
        *["min_replicas", "max_surge", "max_unavailable", "window", "target_replica_concurrency"],
        *["<<", "1", "on", "? a", "{a: b}", "x y", "'[key]'", "&k name", "''", "~", "max_replica_concurrency"],
    ]
)
RELAXED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=2500)


def never_raises(folder: Path, content: bytes) -> None:
    path = folder / "cortex.yaml"
    path.write_bytes(content)
    project, problems = check(path)
    assert (project is None) == bool(problems)
    for problem in problems:
        assert str(problem).encode()
        assert json.dumps(problem.to_dict(), allow_nan=False)
    positions = [(p.line, p.column) for p in problems if p.file == str(path) and p.line is not None]
    assert positions == sorted(positions)


@RELAXED
@given(st.binary(max_size=60))
def test_bytes(workspace, content):
    never_raises(workspace.folder, content)


@RELAXED
@given(st.text(max_size=60))
def test_text(workspace, content):
    never_raises(workspace.folder, content.encode("utf-8", "replace"))


@RELAXED
@given(st.text(alphabet="-?:,[]{}#&*!|>'\"%@`<~=. \n\tab01\\", max_size=80))
@example("- ? - a: &a\n  : *a")
@example("- {<<: [], a: &a {<<: *a}}")
def test_yaml_like_text(workspace, content):
    never_raises(workspace.folder, content.encode())


@RELAXED
@given(st.recursive(SCALARS, lambda inner: st.lists(st.tuples(KEYS, inner), max_size=6), max_leaves=25))
def test_known_keys_with_any_values(workspace, tree):
    never_raises(workspace.folder, f"- {flow(tree)}\n".encode())


def flow(tree) -> str:
    if isinstance(tree, str):
        return tree
    return "{" + ", ".join(f"{key} : {flow(value)}" for key, value in tree) + "}"


@RELAXED
@given(st.data())
def test_a_valid_file_with_a_part_replaced(workspace, data):
    start = data.draw(st.integers(0, len(VALID)))
    length = data.draw(st.integers(0, 12))
    inserted = data.draw(SCALARS | KEYS | st.text(alphabet="\n -:{}[]'\"\t", max_size=4))
    never_raises(workspace.folder, (VALID[:start] + inserted + VALID[start + length :]).encode())


@RELAXED
@given(
    st.binary(max_size=60) | st.text(alphabet="classdef():=@\n \tTensorFlowPredictor\\'\"", max_size=80).map(str.encode)
)
def test_predictor_files(tmp_path, content):
    path = tmp_path / "predictor.py"
    path.write_bytes(content)
    for problem in check_source(path):
        assert str(problem)


@pytest.mark.parametrize("value", [float("nan"), object(), {"a": {1, 2}}])
def test_a_value_that_json_cannot_hold_is_shown(value):
    from cortex_cdk.spec import Problem

    assert Problem("f", "m", value=value).to_dict()["value"] == repr(value)
