"""Virtual environments for the rivals, made once and again when what is pinned for one changes."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.part import MeasurementError

FOLDER = Path(__file__).parent
CACHE = FOLDER.parent.parent / ".cache" / "benchmarks"


class EnvironmentFailed(MeasurementError):
    """An environment could not be made; the message has pip's last words."""


def python(rival: str, tell: Callable[[str], None]) -> str:
    """The interpreter of a rival's environment, which is made when it is not there.

    Args:
        rival: name of its folder.
        tell: told what takes long.

    Raises:
        EnvironmentFailed: pip could not install what is pinned.
    """
    pinned = (FOLDER / rival / "requirements.txt").read_text()
    folder = CACHE / rival
    stamp, interpreter = folder / "installed.txt", folder / "bin" / "python"
    if stamp.exists() and stamp.read_text() == pinned:
        return str(interpreter)
    tell(f"making an environment for {rival} in {folder}")
    shutil.rmtree(folder, ignore_errors=True)
    requirements = FOLDER / rival / "requirements.txt"
    install = [str(interpreter), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    for command in ([sys.executable, "-m", "venv", str(folder)], [*install, "--no-deps", "-r", str(requirements)]):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise EnvironmentFailed(f"{' '.join(command)} failed: {done.stderr[-2000:]}")
    stamp.write_text(pinned)
    return str(interpreter)


def versions(interpreter: str, packages: tuple[str, ...]) -> str:
    """The versions of packages in an environment, such as ``fastapi 0.115.0, uvicorn 0.30.0``."""
    code = "import json, sys; from importlib.metadata import version; print(json.dumps([*map(version, sys.argv[1:])]))"
    done = subprocess.run([interpreter, "-c", code, *packages], capture_output=True, text=True, check=True)
    return ", ".join(f"{name} {found}" for name, found in zip(packages, json.loads(done.stdout), strict=True))
