"""Runs a function in a process that may have so much memory and no more: what needs more fails there, not here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
_PROGRAM = """
import importlib, resource, sys
module, function, most, *arguments = sys.argv[1:]
run = getattr(importlib.import_module(module), function)
with open("/proc/self/statm") as file:
    now = int(file.read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (now + int(most), now + int(most)))
run(*arguments)
"""


def run(module: str, function: str, *arguments: str, most_bytes: int) -> str:
    """Run ``module.function(*arguments)`` with at most so much memory beside what its imports take.

    Returns:
        What it printed. An exception in it, ``MemoryError`` above all, fails the test.
    """
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, module, function, str(most_bytes), *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
