"""What the CDK's command line runs as ``docker``: podman, with the emulator's registry for pushes.

Images stay where they were built, under the registry's name, which is where the emulator starts them from.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import boto3

from tests.emulator.harness import machine, podman

PROGRAM = machine.RUN / "docker"


def write_program() -> Path:
    """Write the program that runs this module, and return its path."""
    PROGRAM.write_text(
        f'#!/bin/sh\nPYTHONPATH={machine.ROOT}:{machine.ROOT}/runtime exec {sys.executable} -m {__name__} "$@"\n'
    )
    PROGRAM.chmod(0o755)
    return PROGRAM


def main(arguments: list[str]) -> int:
    """Do what ``docker ARGUMENTS`` would; the exit status."""
    match arguments:
        case ["login", *_]:
            sys.stdin.read()
            return 0
        case ["push", *_, name]:
            _register(name)
            return 0
        case ["build", *rest]:
            arguments = ["build", "--network=host", *rest]
    os.execvpe("podman", podman.command(*arguments), podman.environment())


def _register(name: str) -> None:
    """Tell the emulator's registry of an image ``HOST/REPOSITORY:TAG``."""
    repository, _, tag = name.partition("/")[2].rpartition(":")
    digest = podman.run("image", "inspect", "--format", "{{.Id}}", name)
    manifest = json.dumps({"schemaVersion": 2, "config": {"digest": digest}})
    boto3.client("ecr").put_image(repositoryName=repository, imageTag=tag, imageManifest=manifest)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
