"""cortex.yaml and cluster.yaml: whatever they hold, `cortex-cdk validate` says what is wrong, within bounds."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings

from cortex_cdk.spec import check
from cortex_cdk.spec.cluster import check as check_cluster
from tests.fuzz import limited_memory
from tests.fuzz.yaml_mutations import BOMBS, mutated
from tests.support.cli import call

ROOT = Path(__file__).parents[2]
CORTEX = (ROOT / "tests/spec/files/everything.yaml").read_text()
CLUSTER = "\n".join(line.removeprefix("#") for line in (ROOT / "examples/cluster.yaml").read_text().splitlines())
RELAXED = settings(max_examples=settings().max_examples // 4)  # each is a run of the whole command
MEMORY = 300 << 20


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    shutil.copytree(ROOT / "examples/iris-classifier", folder, dirs_exist_ok=True)
    return folder


def validate(project: Path, name: str, content: bytes) -> None:
    (project / "cortex.yaml").write_text(CORTEX)
    (project / "cluster.yaml").unlink(missing_ok=True)
    (project / name).write_bytes(content)
    before = set(project.rglob("*"))
    result = call("validate", cwd=project)
    assert result.code in (0, 1)
    assert bool(result.err) == result.code
    shown = result.err + result.out
    assert "Traceback" not in shown
    assert all(char.isprintable() or char == "\n" for char in shown)
    assert set(project.rglob("*")) - before == set()


@RELAXED
@given(mutated(CORTEX))
def test_a_damaged_cortex_yaml(project: Path, content: bytes) -> None:
    validate(project, "cortex.yaml", content)


@RELAXED
@given(mutated(CLUSTER))
def test_a_damaged_cluster_yaml(project: Path, content: bytes) -> None:
    validate(project, "cluster.yaml", content)


def check_bombs(folder: str) -> None:
    """In a process of its own: check each bomb; both files have the same reader, and different sections."""
    path = Path(folder) / "file.yaml"
    for name, content in BOMBS.items():
        path.write_text(content)
        for checked in (check, check_cluster) if name in ("aliases", "many keys") else (check,):
            found, problems = checked(path)
            assert (found is None) == bool(problems), name
            assert all(len(str(problem)) < 5000 for problem in problems), name


def test_bombs_take_little_memory(tmp_path: Path) -> None:
    limited_memory.run(__name__, "check_bombs", str(tmp_path), most_bytes=MEMORY)


def test_a_device_is_not_read_to_its_end(tmp_path: Path) -> None:
    (tmp_path / "cortex.yaml").symlink_to("/dev/zero")
    result = call("validate", cwd=tmp_path)
    assert result.code == 1
    assert "too large" in result.err


@pytest.mark.parametrize("text", ['"\\e[2J"', '"\\x9b2J"', '"\\u202e"', "!<%1b[2J> a", "!<tag:%c2%9b> a"])
@pytest.mark.parametrize(
    "line", ["- name: {}", "- {}: 1", "- {{predictor: {{path: {}}}}}", "- {{predictor: {{env: {{{}: 1}}}}}}"]
)
def test_no_control_character_reaches_the_terminal(project: Path, line: str, text: str) -> None:
    validate(project, "cortex.yaml", line.format(text).encode())
