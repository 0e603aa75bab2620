"""Metrics that AWS sends and the emulator does not, measured on what runs: services, containers, targets, callers."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from tests.emulator.harness import emulator, podman
from tests.emulator.harness.cloud import Api
from tests.support.metric_store import Metric, MetricStore
from tests.support.widgets import graphs

EVERY_S = 10.0
_MIB = 2**20


class Observer:
    """Looks at APIs every 10 s, and puts what it sees under the names that their dashboards ask for.

    Args:
        store: where it goes.
        apis: with the bodies of their dashboards.
    """

    def __init__(self, store: MetricStore, apis: Mapping[Api, Mapping[str, Any]]) -> None:
        self._store = store
        self._wanted = {api: wanted(body) for api, body in apis.items()}
        self._used: dict[str, tuple[float, float]] = {}

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Look for as long as the block takes; what fails there is raised at its end."""
        over = threading.Event()

        def look() -> None:
            while not over.wait(EVERY_S):
                self._look()

        with ThreadPoolExecutor(1) as pool:
            looking = pool.submit(look)
            try:
                yield
            finally:
                over.set()
            looking.result()

    def _look(self) -> None:
        used = containers_use()
        for api, names in self._wanted.items():
            now = time.time()
            for key, value in (self._service(api) | self._load(api, used, now)).items():
                self._store.put(names[key], now, value)
        self._used = {name: (time.time(), cpu_s) for name, (cpu_s, _) in used.items()}

    def _service(self, api: Api) -> dict[tuple[str, str], float]:
        service = api.service()
        group = service["loadBalancers"][0]["targetGroupArn"]
        targets = emulator.client("elbv2").describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
        healthy = sum(target["TargetHealth"]["State"] == "healthy" for target in targets)
        return {
            ("ECS/ContainerInsights", "DeploymentCount"): len(service["deployments"]),
            ("ECS/ContainerInsights", "PendingTaskCount"): service["pendingCount"],
            ("AWS/ApplicationELB", "HealthyHostCount"): healthy,
            ("AWS/ApplicationELB", "UnHealthyHostCount"): len(targets) - healthy,
        }

    def _load(self, api: Api, used: Mapping[str, tuple[float, int]], now: float) -> dict[tuple[str, str], float]:
        """Used of what is reserved, of all tasks together."""
        cores = memory = reserved_cores = reserved_memory = 0.0
        for arn, definition in api.tasks().items():
            found = emulator.client("ecs").describe_task_definition(taskDefinition=definition)["taskDefinition"]
            for container in found["containerDefinitions"]:
                name = f"{arn.rpartition('/')[2][:8]}-{container['name']}"
                if name not in used or name not in self._used:
                    continue  # it has ended, or has only begun
                before, cpu_s = self._used[name]
                cores += (used[name][0] - cpu_s) / (now - before)
                memory += used[name][1]
                reserved_cores += container.get("cpu", 0) / 1024
                reserved_memory += container.get("memoryReservation", 0) * _MIB
        if not reserved_cores:
            return {}
        return {
            ("AWS/ECS", "CPUUtilization"): 100 * cores / reserved_cores,
            ("AWS/ECS", "MemoryUtilization"): 100 * memory / reserved_memory,
        }


def wanted(body: Mapping[str, Any]) -> dict[tuple[str, str], Metric]:
    """The metrics that a dashboard asks for, by namespace and name."""
    return {
        (metric.namespace, metric.name): metric
        for graph in graphs(body, {})
        for line in graph.lines
        for metric in line.metrics
    }


def containers_use() -> dict[str, tuple[float, int]]:
    """Seconds of CPU so far, and bytes of memory now, of each container by its name."""
    printed = podman.run("stats", "--no-stream", "--format", "{{.Name}} {{.CPUNano}} {{.ContainerStats.MemUsage}}")
    rows = [line.split() for line in printed.splitlines()]
    return {name: (int(nanoseconds) / 1e9, int(used)) for name, nanoseconds, used in rows}
