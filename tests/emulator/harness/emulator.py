"""The emulator of AWS, with the podman that runs its containers. It outlives the program that starts it."""

from __future__ import annotations

import json
import os
import shutil
import urllib.request
from dataclasses import asdict
from pathlib import Path
from typing import Any

import boto3

from tests.emulator.harness import base_images, docker_for_cdk, machine, podman, processes

PORT = 4599
URL = f"http://127.0.0.1:{PORT}"
ACCOUNT, REGION = "000000000000", "us-east-1"
LOG = machine.HOME / "emulator.log"
PODMAN_LOG = machine.HOME / "podman.log"

_STATE = machine.RUN / "processes.json"
_CODE = Path(__file__).parents[1] / "aws"


def environment() -> dict[str, str]:
    """For programs that use the emulator: its address and its keys, and nothing of the user's own account."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CDK_"))}
    return kept | {
        "AWS_ENDPOINT_URL": URL,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "emulator",
        "AWS_SECRET_ACCESS_KEY": "emulator",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def client(service: str) -> Any:
    """A client of a service of the emulator."""
    return boto3.client(
        service, endpoint_url=URL, region_name=REGION, aws_access_key_id="emulator", aws_secret_access_key="emulator"
    )


def running() -> list[processes.Process]:
    """The processes of a run that still live."""
    if not _STATE.exists():
        return []
    found = [processes.Process(**{**state, "log": Path(state["log"])}) for state in json.loads(_STATE.read_text())]
    return [process for process in found if process.runs()]


def up() -> None:
    """Start it, empty. Makes the base images first, where they are missing; that takes some minutes.

    Raises:
        RuntimeError: when one runs already, or it cannot be started.
    """
    with machine.alone():
        _up()


def _up() -> None:
    if running():
        raise RuntimeError("an emulated deployment is there already; remove it with `make destroy-emulated`")
    down()  # what a run that was killed has left
    podman.configure()
    for log in (LOG, PODMAN_LOG):
        log.write_bytes(b"")
    base_images.make()
    # The CLI does not build an image whose name is there, even where the base image has another content by now.
    podman.forget_images("/cdkasset-", ".dkr.ecr.")
    service = podman.start_service(PODMAN_LOG)
    _remember(service)
    podman.make_network(base_images.PYTHON)
    emulator = processes.start("the emulator", _command(), LOG, _environment(), cwd=_CODE)
    _remember(service, emulator)
    emulator.wait_until(_answers, "answers")
    docker_for_cdk.write_program()


def down() -> None:
    """Stop it, and remove all that it has made but the images."""
    for process in reversed(running()):
        if process.name == "the emulator":
            process.stop()
    podman.remove_all()
    for process in running():
        process.stop()
    shutil.rmtree(machine.RUN, ignore_errors=True)


def _command() -> list[str]:
    addresses = [text for host in ("127.0.0.1", podman.GATEWAY) for text in ("--bind", f"{host}:{PORT}")]
    return [str(machine.EMULATOR_PYTHON), "-m", "hypercorn", "app:app", "--keep-alive", "75", *addresses]


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "LC_ALL")}
    home = machine.RUN / "home"
    home.mkdir(parents=True, exist_ok=True)
    return kept | {
        "HOME": str(home),
        "TMPDIR": str(home),
        "PYTHONDONTWRITEBYTECODE": "1",
        "DOCKER_HOST": f"unix://{podman.SOCKET}",
        "GATEWAY_PORT": str(PORT),
        "LAMBDA_EXECUTOR": "local",
        "CORTEX_POD_NETWORK": podman.NETWORK,
        "CORTEX_POD_GATEWAY": podman.GATEWAY,
        "CORTEX_POD_IMAGE": base_images.PYTHON,
    }


def _answers() -> bool:
    try:
        with urllib.request.urlopen(f"{URL}/_ministack/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _remember(*started: processes.Process) -> None:
    _STATE.write_text(json.dumps([{**asdict(process), "log": str(process.log)} for process in started]))
