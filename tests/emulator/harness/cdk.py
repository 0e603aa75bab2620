"""The CDK's command line against the emulator."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from tests.emulator.harness import docker_for_cdk, emulator, machine

TIMEOUT_S = 900.0


class CdkError(Exception):
    """A command failed; the message is what it has printed."""


def bootstrap() -> None:
    """Make what deployments need in an account. Not where an app is: it would be run first."""
    _run("bootstrap", f"aws://{emulator.ACCOUNT}/{emulator.REGION}", cwd=machine.RUN)


def deploy(project: Path, *, credentials_at_synth: bool = True) -> str:
    """``cdk deploy --all`` in the project's checkout for the project in a folder.

    Args:
        project: the folder.
        credentials_at_synth: whether the app can read S3, and with that a model's version; otherwise the version is
            looked up by the deployment itself.

    Returns:
        What it has printed.
    """
    app = _app(project, "" if credentials_at_synth else "env -u AWS_ACCESS_KEY_ID -u AWS_SECRET_ACCESS_KEY ")
    return _run("deploy", "--all", "--require-approval", "never", "--progress", "events", *app)


def destroy(project: Path, *stacks: str) -> str:
    """``cdk destroy``, the same way; all stacks unless some are named."""
    return _run("destroy", "--force", *_app(project), *(stacks or ["--all"]))


def _app(project: Path, prefix: str = "") -> list[str]:
    return ["--app", f"{prefix}{sys.executable} app.py", "--context", f"project={project}", "--output", str(_out())]


def _out() -> Path:
    return machine.RUN / "cdk.out"


def _run(*arguments: str, cwd: Path = machine.ROOT) -> str:
    shutil.rmtree(_out(), ignore_errors=True)
    environment = emulator.environment() | {
        "CDK_DOCKER": str(docker_for_cdk.PROGRAM),
        "CDK_HOME": str(machine.RUN / "cdk-home"),  # accounts are remembered there by their keys
        "CDK_DISABLE_CLI_TELEMETRY": "true",
        "CDK_VALIDATION": "false",  # of templates, which takes longer than all else that the app does
        "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "1",
        "JSII_SILENCE_WARNING_DEPRECATED_NODE_VERSION": "1",
    }
    try:
        done = subprocess.run(
            [str(machine.CDK), *arguments, "--ci", "--no-notices"],
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT_S,
        )
    except subprocess.TimeoutExpired as error:
        raise CdkError(f"cdk {arguments[0]}: not within {TIMEOUT_S:.0f} s\n{(error.stdout or b'')[-4000:]!r}") from None
    if done.returncode != 0:
        said = "\n".join(line for line in done.stdout.splitlines() if not line.startswith("b'!!"))  # Node.js is old
        raise CdkError(f"cdk {arguments[0]}: exit status {done.returncode}\n{said[-8000:]}")
    return done.stdout
