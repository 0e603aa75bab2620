"""The wheel has all that its users need, and the runtime stands on its own."""

import ast
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NEVER_IN_RUNTIME = {"cortex_cdk", "tensorflow", "tensorflow_serving", "aws_cdk", "boto3", "yaml", "pydantic"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    (found,) = out.glob("*.whl")
    return found


def test_what_is_in_it(wheel: Path):
    names = set(zipfile.ZipFile(wheel).namelist())
    for name in (
        "cortex_cdk/py.typed",
        "cortex_cdk/cli/main.py",
        "cortex_cdk/_examples/app.py",
        "cortex_cdk/_examples/cdk.json",
        "cortex_cdk/_examples/cluster.yaml",
        "cortex_infra/__init__.py",
        "cortex_infra/py.typed",
        "cortex_cdk/local/console/page.html",
        "cortex_cdk/local/console/uplot/LICENSE",
        "cortex_cdk/local/console/uplot/uPlot.iife.min.js",
        "cortex_runtime/py.typed",
        "cortex_runtime/tf_serving/descriptors.binpb",
        "cortex_cdk/_examples/iris-classifier/cortex.yaml",
        "cortex_cdk/_examples/iris-classifier/model/1/saved_model.pb",
        "cortex_cdk/_examples/iris-classifier/model/1/variables/variables.index",
    ):
        assert name in names
    assert not [name for name in names if "__pycache__" in name or name.startswith(("tests/", "benchmarks/"))]


def test_a_project_from_the_wheel_alone(wheel: Path, tmp_path: Path):
    """Installed outside of the checkout: what is only in the checkout would be missing."""
    target = tmp_path / "installed"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(target)]
    subprocess.run([*pip, str(wheel)], check=True)

    def cortex_cdk(*arguments: str) -> str:
        source = (
            f"import sys; sys.path.insert(0, {str(target)!r}); import cortex_cdk, cortex_runtime; "
            f"assert all(m.__file__.startswith({str(target)!r}) for m in (cortex_cdk, cortex_runtime)); "
            f"sys.argv[1:] = {list(arguments)!r}; from cortex_cdk.cli.main import main; main()"
        )
        done = subprocess.run([sys.executable, "-P", "-c", source], cwd=tmp_path, text=True, capture_output=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    cortex_cdk("init", "my-api")
    assert "is valid" in cortex_cdk("validate", "my-api")


def imports_of(folder: Path, unwanted: set[str]) -> dict[str, str]:
    """Imports of unwanted packages, by their places."""
    found = {}
    for file in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            else:
                continue
            for name in names:
                if name.partition(".")[0] in unwanted:
                    found[f"{file.name}:{node.lineno}"] = name
    return found


def test_the_runtime_imports_nothing_above_it():
    assert not imports_of(ROOT / "runtime", NEVER_IN_RUNTIME)


def test_the_stacks_are_above_everything():
    """The constructs are of use without the app that this project makes of them."""
    assert not imports_of(ROOT / "cortex_cdk", {"cortex_infra"})
    assert not imports_of(ROOT / "runtime", {"cortex_infra"})
    assert imports_of(ROOT / "infra", {"cortex_cdk"})


def test_a_worker_loads_no_tensorflow():
    source = "import sys, cortex_runtime.worker, cortex_runtime.tf_serving.client; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", source], check=True, text=True, capture_output=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert not loaded & NEVER_IN_RUNTIME
