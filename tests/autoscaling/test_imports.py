"""The rules need nothing but the standard library."""

from __future__ import annotations

import json
import pkgutil
import subprocess
import sys

import pytest

import cortex_cdk.autoscaling

MODULES = ["", *(f".{module.name}" for module in pkgutil.iter_modules(cortex_cdk.autoscaling.__path__))]


def modules_after(statement: str) -> set[str]:
    """The top-level modules that a statement loads, in an interpreter of its own."""
    code = f"import sys, json; before = set(sys.modules); {statement}; print(json.dumps([*set(sys.modules) - before]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in json.loads(done.stdout)}


@pytest.mark.parametrize("module", MODULES)
def test_only_the_standard_library_is_loaded(module: str) -> None:
    loaded = modules_after(f"import cortex_cdk.autoscaling{module}")
    assert "cortex_cdk" in loaded
    assert loaded - {"cortex_cdk"} <= sys.stdlib_module_names
    assert loaded.isdisjoint({"aws_cdk", "pydantic", "numpy", "boto3", "asyncio", "socket"})


def test_nothing_else_of_the_package_is_loaded() -> None:
    code = "import sys, cortex_cdk.autoscaling; print(*(m for m in sys.modules if m.startswith('cortex_cdk')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    allowed = {"cortex_cdk"} | {f"cortex_cdk.autoscaling{module}" for module in MODULES}
    assert set(done.stdout.split()) <= allowed


def test_every_public_name_is_there_and_documented() -> None:
    names = cortex_cdk.autoscaling.__all__
    assert names == sorted(names, key=lambda name: (not name.isupper(), name[0].islower(), name))
    for name in names:
        value = getattr(cortex_cdk.autoscaling, name)
        assert name.isupper() or value.__module__.startswith("cortex_cdk.autoscaling.")
        assert name.isupper() or value.__doc__
