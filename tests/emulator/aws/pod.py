"""ECS tasks of several containers, which the emulator alone starts side by side and each with a network of its own.

A task here is what the agent of ECS makes of one: a network namespace that all containers share (``awsvpc``), volumes
that begin with the content and the owner of the image's folder, an order of start and of stop (``dependsOn``), health
checks, and the user, the capabilities and the read-only root of the task definition. A task is RUNNING, and gets
requests, when all its health checks pass: there is no load balancer's health check that could find that out.
(Source: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters_ec2.html)
"""

from __future__ import annotations

import logging
import os
import resource
import threading
import time
import uuid
from functools import partial
from typing import Any

from docker.errors import DockerException, NotFound
from docker.types import Ulimit
from ministack.core import container_reaper
from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.services import ecs

NETWORK = os.environ["CORTEX_POD_NETWORK"]
GATEWAY = os.environ["CORTEX_POD_GATEWAY"]
PAUSE_IMAGE = os.environ["CORTEX_POD_IMAGE"]
STOP_TIMEOUT_S = 30
START_TIMEOUT_S = 180
POLL_S = 0.2

log = logging.getLogger("pods")


class StartError(Exception):
    """A task cannot start; the message says why."""


class Pod:
    """One task.

    Args:
        task: the emulator's record of it.
        definition: its task definition.
        overrides: of containers, from ``RunTask``.
        docker: the client.
    """

    def __init__(self, task: dict[str, Any], definition: dict[str, Any], overrides: list[Any], docker: Any) -> None:
        self.task = task
        self.arn: str = task["taskArn"]
        self.name = self.arn.rpartition("/")[2][:8]
        self._definition = definition
        self._containers = {container["name"]: container for container in definition["containerDefinitions"]}
        self._records = {record["name"]: record for record in task["containers"]}
        self._overrides = overrides
        self._docker = docker
        self._pause: Any = None
        self._made: dict[str, Any] = {}  # in the order in which they started
        self._stopping = threading.Event()
        self._starting = threading.Lock()

    def start(self) -> None:
        """Start everything and wait until it is healthy.

        Raises:
            StartError, DockerException: when that fails.
        """
        self._pause = self._docker.containers.run(
            PAUSE_IMAGE,
            ["sleep", "infinity"],
            name=f"{self.name}-pause",
            network=NETWORK,
            detach=True,
            labels=_labels(),
        )
        for name in self._in_order():
            for dependency in self._containers[name].get("dependsOn") or ():
                self._wait_for(dependency["containerName"], dependency["condition"])
            with self._starting:
                if self._stopping.is_set():
                    return
                self._start_container(name)
        for name, container in self._containers.items():
            if container.get("healthCheck") and container.get("essential", True):
                self._wait_for(name, "HEALTHY")
        self._publish_address()

    def stop(self) -> None:
        """End all containers, each before those that it depends on, and leave nothing."""
        self._stopping.set()
        with self._starting:  # the container that is being made is stopped, too
            made = dict(self._made)
        dependents = {
            name: [other for other in made if name in _dependencies(self._containers[other])] for name in made
        }
        threads: dict[str, threading.Thread] = {}

        def end(name: str) -> None:
            for other in dependents[name]:
                threads[other].join()
            timeout = int(self._containers[name].get("stopTimeout") or STOP_TIMEOUT_S)
            _quietly(lambda: made[name].stop(timeout=timeout))

        for name in reversed(made):
            threads[name] = threading.Thread(target=end, args=(name,), daemon=True)
            threads[name].start()
        for thread in threads.values():
            thread.join()
        for container in [*made.values(), self._pause]:
            if container is not None:
                _quietly(partial(container.remove, v=True, force=True))
        for volume in self._definition.get("volumes") or ():
            _quietly(partial(self._remove_volume, volume["name"]))

    def exited(self) -> tuple[str, int] | None:
        """An essential container that has ended, with its exit status."""
        for name, container in self._made.items():
            if self._containers[name].get("essential", True):
                status = _exit_status(container)
                if status is not None:
                    return name, status
        return None

    def _in_order(self) -> list[str]:
        """The containers, each after those that it depends on."""
        done: list[str] = []

        def visit(name: str, path: tuple[str, ...]) -> None:
            if name in path:
                raise StartError(f"containers depend on each other: {' -> '.join((*path, name))}")
            if name not in done:
                for other in _dependencies(self._containers[name]):
                    visit(other, (*path, name))
                done.append(name)

        for name in self._containers:
            visit(name, ())
        return done

    def _start_container(self, name: str) -> None:
        definition = self._containers[name]
        environment = self._environment(definition)
        linux = definition.get("linuxParameters") or {}
        container = self._docker.containers.create(
            definition["image"],
            command=definition.get("command"),
            entrypoint=definition.get("entryPoint"),
            environment=environment,
            name=f"{self.name}-{name}",
            labels=_labels(),
            network_mode=f"container:{self._pause.id}",
            user=definition.get("user"),
            read_only=bool(definition.get("readonlyRootFilesystem")),
            cap_drop=(linux.get("capabilities") or {}).get("drop") or [],
            cap_add=(linux.get("capabilities") or {}).get("add") or [],
            init=bool(linux.get("initProcessEnabled")),
            ulimits=_limits(definition),
            volumes=[
                f"{self._volume(mount['sourceVolume'])}:{mount['containerPath']}:{_mode(mount)}"
                for mount in definition.get("mountPoints") or ()
            ],
        )
        self._made[name] = container
        self.task["_docker_ids"].append(container.id)  # the emulator removes those that no task has
        container.start()
        ecs._start_awslogs_forwarder(container, definition, self.name)
        record = self._records[name]
        record |= {"runtimeId": container.id[:12], "lastStatus": "RUNNING"}
        if definition.get("healthCheck"):
            scope = get_account_id(), get_region()
            threading.Thread(target=self._check, args=(name, *scope), daemon=True).start()

    def _environment(self, definition: dict[str, Any]) -> dict[str, str]:
        override = ecs._container_override_for(self._overrides, definition["name"])
        given = [*definition.get("environment", ()), *override.get("environment", ())]
        environment = {entry["name"]: entry["value"] for entry in given}
        environment |= ecs._resolve_container_secrets(definition)
        token = ecs._register_metadata(
            self.arn, self.task["clusterArn"], self._definition, definition, "EC2", environment, False, GATEWAY
        )
        self.task.setdefault("_metadata_tokens", []).append(token)
        # Clients take credentials from no other address than the agent's; so these are in the environment. The region
        # is not: on instances, ECS does not tell it.
        for name in ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN"):
            environment.pop(name, None)
        return environment | {"AWS_ACCESS_KEY_ID": "task", "AWS_SECRET_ACCESS_KEY": "task"}

    def _wait_for(self, name: str, condition: str) -> None:
        """Wait for a condition of ``dependsOn``."""
        end = time.monotonic() + float(self._containers[name].get("startTimeout") or START_TIMEOUT_S)
        while not self._stopping.is_set():
            status = _exit_status(self._made[name])
            record = self._records[name]
            if status is not None:
                record |= {"lastStatus": "STOPPED", "exitCode": status}
                if condition == "COMPLETE" or (condition == "SUCCESS" and status == 0):
                    return
                raise StartError(f"container {name} exited with {status}, and {condition} was waited for")
            if condition == "START" or record.get("healthStatus") == condition:
                return
            gone = self.exited()
            if gone is not None:
                raise StartError(f"essential container {gone[0]} exited with {gone[1]}")
            if record.get("healthStatus") == "UNHEALTHY":
                raise StartError(f"container {name} is UNHEALTHY")
            if time.monotonic() > end:
                raise StartError(f"container {name} is not {condition} in time")
            time.sleep(POLL_S)
        raise StartError("the task was stopped")

    def _check(self, name: str, account: str, region: str) -> None:
        """Run a container's health check until the task ends; a task whose essential container fails it is stopped."""
        check, record = self._containers[name]["healthCheck"], self._records[name]
        command = check["command"]
        command = ["/bin/sh", "-c", command[1]] if command[0] == "CMD-SHELL" else command[1:]
        interval, retries = float(check.get("interval", 30)), int(check.get("retries", 3))
        patient_until = time.monotonic() + float(check.get("startPeriod", 0))
        failures = 0
        record["healthStatus"] = "UNKNOWN"
        while not self._stopping.is_set():
            try:
                passed = self._made[name].exec_run(command).exit_code == 0
            except DockerException:
                passed = False
            failures = 0 if passed else failures + (time.monotonic() > patient_until)
            if passed:
                record["healthStatus"] = "HEALTHY"
            elif failures >= retries:
                record["healthStatus"] = "UNHEALTHY"
                if self._containers[name].get("essential", True):
                    with request_scope(account, region):
                        reason = "Task failed container health checks"
                        if ecs._mark_task_stopped(self.arn, self.task, reason, "EssentialContainerExited"):
                            ecs._cleanup_task_resources(self.task, self._docker)
                return
            self._stopping.wait(interval if passed else min(interval, 1))  # tests need not wait for the first success

    def _publish_address(self) -> None:
        self._pause.reload()
        address = self._pause.attrs["NetworkSettings"]["Networks"][NETWORK]["IPAddress"]
        details = [
            {"name": "subnetId", "value": self.task.get("_subnet") or ""},
            {"name": "privateIPv4Address", "value": address},
        ]
        kind = {"type": "ElasticNetworkInterface", "status": "ATTACHED"}
        self.task["_container_ip"] = address
        self.task["attachments"] = [{"id": str(uuid.uuid4()), **kind, "details": details}]

    def _remove_volume(self, name: str) -> None:
        self._docker.volumes.get(self._volume(name)).remove(force=True)

    def _volume(self, name: str) -> str:
        return f"{self.name}-{name}"


def _labels() -> dict[str, str]:
    return dict(container_reaper.own_labels("ecs"))


def _mode(mount: dict[str, Any]) -> str:
    return "ro" if mount.get("readOnly") else "rw"


def _limits(definition: dict[str, Any]) -> list[Ulimit]:
    """A container's limits, or this machine's where those are lower: a virtual machine may not let them be raised."""
    wanted = {"nofile": (1024, 4096), "nproc": (4096, 4096)} | {  # else podman raises them as far as a host could
        limit["name"]: (int(limit["softLimit"]), int(limit["hardLimit"])) for limit in definition.get("ulimits") or ()
    }
    limits = []
    for name, (soft, hard) in wanted.items():
        highest = resource.getrlimit(getattr(resource, f"RLIMIT_{name.upper()}"))[1]
        if highest != resource.RLIM_INFINITY:
            soft, hard = min(soft, highest), min(hard, highest)
        limits.append(Ulimit(name=name, soft=soft, hard=hard))
    return limits


def _dependencies(container: dict[str, Any]) -> list[str]:
    return [dependency["containerName"] for dependency in container.get("dependsOn") or ()]


def _exit_status(container: Any) -> int | None:
    """A container's exit status; None while it runs, and where the daemon does not answer."""
    try:
        container.reload()
    except NotFound:
        return 137
    except DockerException:
        return None
    return int(container.attrs["State"]["ExitCode"]) if container.status in ("exited", "stopped") else None


def _quietly(action: Any) -> None:
    try:
        action()
    except (DockerException, OSError):
        log.debug("clean-up", exc_info=True)
