"""Lines of replicas' logs for people: what the runtime writes as JSON, in one line each."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, NamedTuple

from cortex_cdk.operations.log_events import Event
from cortex_cdk.operations.tasks import SHORT_ID

_SHOWN_ELSEWHERE = frozenset({"time", "level", "message", "api", "worker", "traceback", "status", "stream"})
_SERIOUS = frozenset({"warning", "error", "critical"})


class Line(NamedTuple):
    """A line of a replica's log.

    Attributes:
        at: its time, in seconds since the epoch.
        replica: id of the task.
        container: its container.
        fields: what the runtime wrote; None for a line of somebody else.
        text: the line as it is.
    """

    at: float
    replica: str
    container: str
    fields: dict[str, Any] | None
    text: str

    @property
    def is_metric(self) -> bool:
        """Whether it is there for CloudWatch to make metrics of: one a second and replica."""
        return self.fields is not None and "_aws" in self.fields

    @property
    def level(self) -> str:
        """``info`` unless the line says otherwise."""
        return str((self.fields or {}).get("level", "info"))

    @property
    def words(self) -> str:
        """The line without its time and source; a traceback on lines of its own."""
        if self.fields is None:
            return self.text
        parts = []
        if "worker" in self.fields:
            parts.append(f"worker {self.fields['worker']}")
        if self.level in _SERIOUS:
            parts.append(f"{self.level.upper()}: {self.fields['message']}")
        else:
            parts.append(str(self.fields["message"]))
        parts += [f"{name}={value}" for name, value in self.fields.items() if name not in _SHOWN_ELSEWHERE]
        text = "  ".join(parts)
        trace = self.fields.get("traceback")
        return f"{text}\n{str(trace).rstrip()}" if trace else text

    def as_text(self) -> str:
        """The line with its local time and source."""
        clock = datetime.fromtimestamp(self.at).strftime("%H:%M:%S.%f")[:-3]
        return f"{clock}  {self.replica[:SHORT_ID]}  {self.container:<10}  {self.words}"

    def as_json(self) -> dict[str, Any]:
        """The line for programs: ``log`` is the runtime's record, or the line as a string."""
        moment = datetime.fromtimestamp(self.at).astimezone().isoformat(timespec="milliseconds")
        return {
            "time": moment,
            "replica": self.replica,
            "container": self.container,
            "log": self.text if self.fields is None else self.fields,
        }


def line_of(event: Event, prefix: str) -> Line | None:
    """The line that an event is; None when its stream is no replica's.

    Args:
        prefix: how the names of replicas' streams begin; then comes ``/<container>/<task id>``.
    """
    parts = event.stream.removeprefix(f"{prefix}/").split("/")
    if len(parts) != 2 or not all(parts):
        return None
    container, replica = parts
    fields = None
    if event.message.startswith("{"):
        try:
            found = json.loads(event.message)
        except ValueError:
            found = None
        if isinstance(found, dict) and "message" in found:
            fields = found
    return Line(event.at_ms / 1000, replica, container, fields, event.message)
