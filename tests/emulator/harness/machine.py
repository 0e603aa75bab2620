"""What the machine must have, and how it gets it."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HOME = Path("/var/lib/cortex-emulator")
"""Programs and images, which outlive a run."""

RUN = Path("/run/cortex-emulator")
"""Sockets and state of one run. There is one at a time: it has a bridge and an address of its own."""

ROOT = Path(__file__).parents[3]
"""The project."""

CDK_CLI = "2.1148.1"  # of the library's time; later ones refuse its schema
EMULATOR = "1.5.33"

PACKAGES = ("podman", "runc", "catatonit", "netavark", "iptables", "debootstrap", "iproute2")
PROGRAMS = ("podman", "runc", "debootstrap", "ip", "node", "npm")

EMULATOR_PYTHON = HOME / "venv/bin/python"
CDK = HOME / "cdk/node_modules/.bin/cdk"


@contextmanager
def alone() -> Iterator[None]:
    """Wait until no other program is in such a block: two that make the same images would spoil them."""
    HOME.mkdir(parents=True, exist_ok=True)
    with (HOME / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def missing() -> list[str]:
    """Why nothing can be deployed on this machine, in words; empty when it can."""
    reasons = []
    if os.geteuid() != 0:
        reasons.append("it needs root")
    if absent := [name for name in PROGRAMS if shutil.which(name, path=_PATH) is None]:
        reasons.append(f"there is no {', no '.join(absent)}")
    if not EMULATOR_PYTHON.exists() or not CDK.exists():
        reasons.append(f"{HOME} is not set up")
    return reasons and [*reasons, "`make emulator` sets it up (Debian, as root)"]


def install() -> None:
    """Install what is missing. Can be run again."""
    absent = [name for name in PROGRAMS if shutil.which(name, path=_PATH) is None]
    if os.geteuid() != 0 or (absent and shutil.which("apt-get") is None):
        raise SystemExit("The emulated deployment needs Debian and root")
    if {"node", "npm"} & {*absent}:
        raise SystemExit("Node.js is missing; install version 22 or newer")
    if absent:
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "-qq"], check=True)
        subprocess.run(
            ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *PACKAGES], check=True, env=environment
        )
    _install_marked(
        HOME / "cdk",
        f"aws-cdk@{CDK_CLI}",
        ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(HOME / "cdk"), f"aws-cdk@{CDK_CLI}"],
    )
    # Apart from the project's packages: they want other versions of what both use.
    packages = [f"ministack=={EMULATOR}", "boto3", "docker"]
    _install_marked(
        HOME / "venv",
        " ".join(packages),
        [sys.executable, "-m", "venv", str(HOME / "venv")],
        [str(EMULATOR_PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages],
    )


def _install_marked(folder: Path, content: str, *commands: list[str]) -> None:
    """Run commands that fill a folder, unless it was filled with the same before."""
    mark = folder / ".installed"
    if mark.is_file() and mark.read_text() == content:
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for command in commands:
        subprocess.run(command, check=True)
    mark.write_text(content)


_PATH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"))
