"""The APIs of ``cortex-cdk serve`` on this machine, for ``cortex-cdk top``: the events of its console, each second."""

from __future__ import annotations

import http.client
import json
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from typing import IO, Any
from urllib.parse import urlsplit

from cortex_cdk.cli.top_rows import HISTORY_S, Health, Row
from cortex_cdk.operations.errors import OperationError

EVENTS = "/_console?events"
WINDOW_S = 60
_TIMEOUT_S = 5.0
_PAUSE_S = 1.0
_HEALTHS = {"ready": Health.GOOD, "failed": Health.BAD}


class LocalSource:
    """Follows the events in a thread, and begins again when they end.

    Args:
        url: of ``cortex-cdk serve``.
    """

    window = "60 s"

    def __init__(self, url: str) -> None:
        self.title = f"cortex-cdk serve at {url}"
        parts = urlsplit(url)
        self._url, self._host, self._port = url, parts.hostname or "localhost", parts.port or 80
        self._lock = threading.Lock()
        self._apis: dict[str, ApiEvents] = {}
        self._problem: str | None = None
        self._told = threading.Event()
        self._closed = threading.Event()
        threading.Thread(target=self._run, name="top", daemon=True).start()

    def read(self) -> list[Row]:
        """See ``Source``."""
        if not self._told.wait(_TIMEOUT_S):
            raise OperationError(f"{self._url} has not answered for {_TIMEOUT_S:g} s")
        with self._lock:
            if self._problem is not None:
                raise OperationError(self._problem)
            return [self._apis[name].row() for name in sorted(self._apis)]

    def close(self) -> None:
        """Have the thread end with its next event."""
        self._closed.set()

    def _run(self) -> None:
        while not self._closed.is_set():
            try:
                problem = self._follow()
            except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
                problem = f"nothing answers at {self._url}; run `cortex-cdk serve` in the project, or give its --url"
            with self._lock:
                self._problem = problem
            self._told.set()
            self._closed.wait(_PAUSE_S)

    def _follow(self) -> str:
        """Take in events until they end; why they did."""
        connection = http.client.HTTPConnection(self._host, self._port, timeout=_TIMEOUT_S)
        try:
            connection.request("GET", EVENTS, headers={"Accept": "text/event-stream"})
            answer = connection.getresponse()
            if answer.status != 200:
                answer.read()
                return _refusal(self._url, answer.status)
            for name, data in events_of(answer):
                if self._closed.is_set():
                    break
                with self._lock:
                    self._take(name, data)
                    self._problem = None
                self._told.set()
            return f"{self._url} is starting again"
        finally:
            connection.close()

    def _take(self, name: str, data: Mapping[str, Any]) -> None:
        if name == "whole":
            self._apis = {api["name"]: ApiEvents(api) for api in data["apis"]}
        elif name == "second":
            for api, news in data["apis"].items():
                if api in self._apis:
                    self._apis[api].take(news)


class ApiEvents:
    """What the events say about one API."""

    def __init__(self, whole: Mapping[str, Any]) -> None:
        self._seconds: deque[list[Any]] = deque(maxlen=HISTORY_S)
        self._description: dict[str, Any] = {}
        self.take(whole)

    def take(self, news: Mapping[str, Any]) -> None:
        """Take in what is new."""
        self._seconds.extend(news["seconds"])
        self._description |= {key: value for key, value in news.items() if key != "seconds"}

    def row(self) -> Row:
        """Its row; rates and latency are those of the last ``WINDOW_S`` seconds."""
        found, now = self._description, self._seconds[-1][0] if self._seconds else 0
        recent = [second for second in self._seconds if second[0] > now - WINDOW_S]
        counts: dict[str, float] = {}
        for second in recent:
            for code, rate in second[5].items():
                kind = f"{str(code)[:1]}xx"
                counts[kind] = counts.get(kind, 0.0) + rate
        medians = sorted(second[3] for second in recent if second[3] is not None)
        highest = [second[4] for second in recent if second[4] is not None]
        decision = found.get("decision") or {}
        state = str(found["state"])
        return Row(
            name=str(found["name"]),
            status=state,
            health=_HEALTHS.get(state, Health.CHANGING),
            ready=int(state == "ready"),
            requested=1,
            wanted=decision.get("desired"),
            in_flight=self._seconds[-1][1] if self._seconds else None,
            history=self._history(now),
            rates={kind: total / len(recent) for kind, total in counts.items()},
            p50_ms=medians[len(medians) // 2] * 1000 if medians else None,
            p99_ms=max(highest) * 1000 if highest else None,
            words=self._words(decision),
        )

    def _history(self, now: int) -> list[float | None]:
        known = {second[0]: float(second[1]) for second in self._seconds}
        return [known.get(at) for at in range(now - HISTORY_S + 1, now + 1)]

    def _words(self, decision: Mapping[str, Any]) -> list[str]:
        reasons = [f"not ready: {reason}" for reason in self._description.get("reasons") or ()]
        if not decision:
            return reasons
        steps = [f"  {name + ':':<17}{reason}" for name, reason in decision["steps"]]
        return [*reasons, f"With replicas in the cloud the scaler would now say: {decision['headline']}", *steps]


def events_of(stream: http.client.HTTPResponse | IO[bytes]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The server-sent events of a stream: names and JSON objects."""
    name, data = "message", ""
    for raw in stream:
        line = raw.decode("utf-8").rstrip("\r\n")
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            name = value
        elif field == "data":
            data += value
        elif not line and data:
            yield name, json.loads(data)
            name, data = "message", ""


def _refusal(url: str, status: int) -> str:
    if status == 503:
        return f"{url} is starting"
    return f"{url} has no console that could be asked ({status}); is it `cortex-cdk serve`, without --no-console?"
