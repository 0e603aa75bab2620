"""Pods in the place of the emulator's own way to start, to watch and to end ECS tasks."""

from __future__ import annotations

import threading
from typing import Any

from ministack.services import ecs
from pod import Pod, log

_pods: dict[str, Pod] = {}


def install() -> None:
    """Put them there."""
    ecs._start_task_worker = _start
    ecs._maybe_mark_stopped = _watch
    ecs._cleanup_task_resources = _clean_up
    # Digests are those of images that were built here: no first task needs to find them out.
    ecs._deployment_needs_first_task = lambda *arguments, **more: False


def _start(task: dict[str, Any], definition: dict[str, Any], overrides: list[Any], docker: Any) -> None:
    arn = task["taskArn"]
    if not ecs._mark_task_pending(arn, task) or not ecs._mark_task_activating(arn, task):
        return
    pod = _pods[arn] = Pod(task, definition, overrides, docker)
    try:
        pod.start()
    except Exception as error:
        log.warning("task %s does not start: %s", pod.name, error)
        raise
    if not ecs._mark_task_running(arn, task):
        _clean_up(task, docker)


def _watch(task: dict[str, Any], docker: Any = None) -> None:
    """Stop a task whose essential container has ended."""
    pod = _pods.get(task["taskArn"])
    if pod is None or task.get("lastStatus") != "RUNNING":
        return
    gone = pod.exited()
    if gone is None:
        return
    reason = f"Essential container {gone[0]} exited with {gone[1]}"
    if ecs._mark_task_stopped(pod.arn, task, reason, "EssentialContainerExited", exit_code=gone[1]):
        _clean_up(task, docker)


def _clean_up(task: dict[str, Any], docker: Any, extra_container: Any = None) -> None:
    """End a task's containers in the background: ``UpdateService`` and ``StopTask`` do not wait for it."""
    pod = _pods.pop(task["taskArn"], None)
    tokens, task["_metadata_tokens"] = list(task.get("_metadata_tokens") or ()), []
    if pod is None:
        return

    def end() -> None:
        pod.stop()
        for token in tokens:
            ecs.ecs_metadata.unregister_token(token)

    threading.Thread(target=end, name=f"stop-{pod.name}", daemon=True).start()
