"""Machine code on disk: found again, never that of other sources, and not needed."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cortex_cdk.simulation import compiled

PACKAGE = Path(compiled.__file__).parents[1]
HEADER = "from cortex_cdk.simulation.compiled import compiled\n"
CODE = "import cortex_cdk.simulation.outer as m; print(m.outer(41), *m.outer.stats.cache_hits.values())"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of this package with two small files in it, of which ``outer.py`` calls what is in ``inner.py``."""
    copied = tmp_path / "project" / "cortex_cdk" / "simulation"
    copied.mkdir(parents=True)
    for name in ("__init__.py", "simulation/__init__.py", "simulation/compiled.py"):
        shutil.copy(PACKAGE / name, copied.parent / name)
    (copied / "inner.py").write_text(f"{HEADER}@compiled\ndef inner(x): return x + 1\n")
    outer = f"{HEADER}from cortex_cdk.simulation.inner import inner\n@compiled\ndef outer(x): return inner(x)\n"
    (copied / "outer.py").write_text(outer)
    return copied


@pytest.fixture
def call(project: Path, tmp_path: Path) -> Callable[..., str]:
    """Calls ``outer(41)`` in a process of its own; answers its result, and 1 when its machine code was on disk."""

    def call(**variables: str) -> str:
        environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
        environment |= {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache"), **variables}
        command, folder = [sys.executable, "-c", CODE], project.parents[1]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        assert done.stderr == ""
        return done.stdout.strip()

    return call


def test_it_is_found_again_until_any_of_its_sources_changes(
    project: Path, tmp_path: Path, call: Callable[..., str]
) -> None:
    assert call() == "42"
    assert call() == "42 1"
    inner = project / "inner.py"
    written = inner.stat()
    inner.write_text(inner.read_text().replace("x + 1", "x + 2"))
    os.utime(inner, ns=(written.st_atime_ns, written.st_mtime_ns))
    shutil.rmtree(project / "__pycache__", ignore_errors=True)  # Python, too, judges by time and size
    assert call() == "43"
    folders = [path for path in (tmp_path / "cache" / "cortex-cdk" / "machine-code").iterdir() if any(path.iterdir())]
    assert len(folders) == 2
    assert not list(project.rglob("*.nbc"))


def test_numba_cache_dir_is_where_it_is_kept(tmp_path: Path, call: Callable[..., str]) -> None:
    assert call(NUMBA_CACHE_DIR=str(tmp_path / "numba")) == "42"
    assert list((tmp_path / "numba").rglob("outer.outer*.nbc"))
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("relative", ["", "cache"])
def test_a_home_that_cannot_be_written_to(relative: str, project: Path, call: Callable[..., str]) -> None:
    assert call(HOME=os.devnull, XDG_CACHE_HOME=relative) == "42"
    assert not list(project.parents[1].rglob("*.nbc"))


def test_functions_from_no_file_and_from_other_files_are_not_kept() -> None:
    for source in ("<string>", __file__):
        names: dict[str, Callable[[int], int]] = {}
        exec(compile("def function(x): return x + 1", source, "exec"), names)
        made = compiled.compiled(names["function"])
        assert made(41) == 42
        assert made.stats.cache_path is None  # type: ignore[attr-defined]


def imports(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Names that a file of this project gets from another one, and the module that it gets them from."""
    for node in tree.body:
        assert not isinstance(node, ast.Import) or not any("cortex_cdk" in name.name for name in node.names)
        if isinstance(node, ast.ImportFrom) and (node.level or (node.module or "").startswith("cortex_cdk")):
            assert not node.level
            yield from ((alias.asname or alias.name, node.module or "") for alias in node.names)


def compiled_functions(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and any(getattr(d, "id", "") == "compiled" for d in node.decorator_list):
            yield node


@pytest.mark.parametrize("source", sorted(compiled.SOURCES), ids=lambda source: Path(source).stem)
def test_compiled_functions_take_nothing_from_files_that_do_not_count(source: str) -> None:
    tree = ast.parse(Path(source).read_text())
    found = dict(imports(tree))
    for function in compiled_functions(tree):
        for node in (inner for statement in function.body for inner in ast.walk(statement)):
            if isinstance(node, ast.Name) and node.id in found:
                module = PACKAGE.parent.joinpath(*found[node.id].split(".")).with_suffix(".py")
                assert str(module.resolve()) in compiled.SOURCES, f"{function.name} takes {node.id} from {module}"


def test_all_files_with_compiled_functions_count() -> None:
    found = {"kernel", "heaps", "histogram", "lower_bound", "oracle", "compiled"}
    assert {Path(source).stem for source in compiled.SOURCES} == found
    for path in (PACKAGE / "simulation").rglob("*.py"):
        tree = ast.parse(path.read_text())
        assert not list(compiled_functions(tree)) or str(path.resolve()) in compiled.SOURCES
        assert path.stem == "compiled" or "njit" not in path.read_text()
