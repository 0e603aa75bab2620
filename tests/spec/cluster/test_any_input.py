"""Whatever a file holds, checking it gives a cluster or problems, never an exception."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cortex_cdk.spec.cluster import check
from cortex_cdk.spec.cluster.document import FORMAT

ROOT = Path(__file__).parents[3]
KEYS = st.sampled_from(sorted({key for keys in FORMAT.keys.values() for key in keys} | {"<<", "m5.large", "'[key]'"}))
SCALARS = st.sampled_from(
    [
        *["a", "1", "0", "-1", "1.5", "true", "null", "''", "60s", "30", "'1'", ".inf", "010", "!!binary x", "*a"],
        *["m5.large", "g5.xlarge", "m5.tiny", "10.0.0.0/16", "10.0.0.1/8", "::/0", "eu-central-1", "eu-central-1a"],
        *["vpc-0a1b2c3d", "subnet-0a1b2c3d", "arn:aws:acm:us-east-1:123456789012:certificate/a", "https://a", "a@b.cd"],
        *["arn:aws:sns:us-east-1:123456789012:a", "{enabled: false}", "{threshold: 200, minutes: 3}", "{a.b: {}}"],
        *["[]", "{}", "[m5.large]", "[m5.large, m5.large]", "{m5.large: {vcpus: 1, memory_mib: 1}}", "retain"],
    ]
)
RELAXED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def never_raises(folder: Path, content: bytes) -> None:
    path = folder / "cluster.yaml"
    path.write_bytes(content)
    spec, problems = check(path)
    assert (spec is None) == bool(problems)
    for problem in problems:
        assert str(problem).encode()
        assert json.dumps(problem.to_dict(), allow_nan=False)
    positions = [(problem.line, problem.column) for problem in problems if problem.line is not None]
    assert positions == sorted(positions)


def maps(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(st.tuples(KEYS, inner), max_size=5).map(
        lambda pairs: "{" + ", ".join(f"{key} : {value}" for key, value in pairs) + "}"
    )


def lists(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]")


@RELAXED
@given(maps(st.recursive(SCALARS, lambda inner: maps(inner) | lists(inner), max_leaves=20)))
def test_known_keys_with_any_values(tmp_path, content):
    never_raises(tmp_path, content.encode())


@RELAXED
@given(st.binary(max_size=60) | st.text(alphabet="-?:,[]{}#&*!|>'\"%@`<~=. \n\tab01\\", max_size=80).map(str.encode))
def test_bytes(tmp_path, content):
    never_raises(tmp_path, content)


@RELAXED
@given(st.data())
def test_a_valid_file_with_a_part_replaced(tmp_path, data):
    valid = "\n".join(line.removeprefix("#") for line in (ROOT / "examples/cluster.yaml").read_text().splitlines())
    start = data.draw(st.integers(0, len(valid)))
    length = data.draw(st.integers(0, 12))
    inserted = data.draw(SCALARS | KEYS | st.text(alphabet="\n -:{}[]'\"\t", max_size=4))
    never_raises(tmp_path, (valid[:start] + inserted + valid[start + length :]).encode())
