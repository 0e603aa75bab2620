"""podman with a storage, a network and a service of its own, so that nothing of the machine's is touched."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
from pathlib import Path
from typing import Any

from tests.emulator.harness import machine, processes

NETWORK = "cortex-emulator"
SUBNET = "10.99.0.0/24"
GATEWAY = "10.99.0.1"
KEEPER = "keep"
BRIDGE_ADDRESS = "02:42:0a:63:00:01"

SOCKET = machine.RUN / "podman.sock"
_CONFIGURATION = machine.RUN / "containers.conf"

# Without cap_sys_resource, as in many virtual machines, limits cannot be raised above the process's own; and there is
# no systemd that could look after cgroups. Each health check leaves a process behind for `exit_command_delay` seconds,
# which is 5 minutes by default.
_SETTINGS = """\
[containers]
default_ulimits = ["nofile={nofile}:{nofile}", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
exit_command_delay = 10
"""


def environment() -> dict[str, str]:
    """Of all that calls podman."""
    return {**os.environ, "CONTAINERS_CONF": str(_CONFIGURATION)}


def command(*arguments: str) -> list[str]:
    """A command line of podman."""
    places = {
        "--root": machine.HOME / "storage",
        "--runroot": machine.RUN / "storage",
        "--network-config-dir": machine.RUN / "networks",
        "--tmpdir": machine.RUN / "tmp",
    }
    options = [text for option, folder in places.items() for text in (option, str(folder))]
    return ["podman", *options, *arguments]


def run(*arguments: str, **options: Any) -> str:
    """Run podman to its end and return what it prints.

    Raises:
        RuntimeError: with what it says, when it fails.
    """
    done = subprocess.run(
        command(*arguments), env=environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True, **options
    )
    if done.returncode != 0:
        raise RuntimeError(f"podman {' '.join(arguments)}: {(done.stderr or done.stdout).strip()[-4000:]}")
    return done.stdout.strip()


def configure() -> None:
    """Write podman's settings."""
    for folder in (machine.RUN / "networks", machine.RUN / "tmp", machine.HOME):
        folder.mkdir(parents=True, exist_ok=True)
    _CONFIGURATION.write_text(_SETTINGS.format(nofile=min(65536, resource.getrlimit(resource.RLIMIT_NOFILE)[1])))


def has_image(name: str) -> bool:
    """Whether there is such an image."""
    return subprocess.run(command("image", "exists", name), env=environment()).returncode == 0


def start_service(log: Path) -> processes.Process:
    """Start the service that answers on ``SOCKET``."""
    service = processes.start(
        "podman's service", command("system", "service", "--time=0", f"unix://{SOCKET}"), log, environment()
    )
    service.wait_until(SOCKET.exists, "answers")
    return service


def make_network(image: str) -> None:
    """Make the pods' network: they reach each other and the machine's address in it, and nothing else.

    A container of ``image`` keeps the bridge up, with one address for good. Otherwise it would take that of the pod
    that came last, and connections would hang whenever it changes.
    """
    run("network", "create", "--internal", "--disable-dns", "--subnet", SUBNET, "--gateway", GATEWAY, NETWORK)
    run("run", "--detach", "--name", KEEPER, "--network", NETWORK, image, "sleep", "infinity")
    bridge = json.loads(run("network", "inspect", NETWORK))[0]["network_interface"]
    subprocess.run(["ip", "link", "set", "dev", bridge, "address", BRIDGE_ADDRESS], check=True)


def forget_images(*parts: str) -> None:
    """Take the names with one of ``parts`` in them from images. What these are made of stays, to build from."""
    for name in run("images", "--format", "{{.Repository}}:{{.Tag}}").split():
        if any(part in name for part in parts):
            run("untag", name, name)


def remove_all() -> None:
    """Remove all containers, volumes and the network; images stay."""
    if not _CONFIGURATION.exists():
        return
    names = run("ps", "--all", "--format", "{{.Names}}").split()
    # Those whose network others share come last.
    for some in ([name for name in names if not name.endswith("-pause")], names):
        if some:
            run("rm", "--force", "--ignore", "--time", "0", *some)
    run("volume", "prune", "--force")
    run("network", "rm", "--force", NETWORK)
    shutil.rmtree(machine.RUN / "networks", ignore_errors=True)
