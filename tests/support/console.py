"""The console of a running ``cortex-cdk serve``, as a program sees it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import httpx

from tests.support.replica import wait_until


class Events:
    """An open stream of events, read by a thread; a context manager."""

    def __init__(self, url: str) -> None:
        self.whole: dict[str, Any] = {}
        self.seconds: list[dict[str, Any]] = []
        self.error: Exception | None = None
        self.ended = threading.Event()
        self._url = url
        self._client = httpx.Client(timeout=httpx.Timeout(10, read=60))
        self._thread = threading.Thread(target=self._read)

    def __enter__(self) -> Events:
        self._thread.start()
        wait_until(lambda: self.whole or self.error, "the first event comes")
        assert self.error is None
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped = True
        self._client.close()
        self._thread.join(70)

    def _read(self) -> None:
        try:
            with self._client.stream("GET", f"{self._url}/_console?events") as answer:
                assert answer.status_code == 200, answer.status_code
                assert answer.headers["content-type"] == "text/event-stream"
                kind = ""
                for line in answer.iter_lines():
                    name, _, value = line.partition(": ")
                    if name == "event":
                        kind = value
                    elif name == "data" and kind == "whole":
                        self.whole = json.loads(value)
                    elif name == "data":
                        self.seconds.append(json.loads(value))
        except Exception as error:
            self.error = error
        self.ended.set()

    def api(self, name: str) -> dict[str, Any]:
        """All that is known of an API: what came first, and what changed since."""
        (found,) = [dict(api) for api in self.whole["apis"] if api["name"] == name]
        rows = list(found["seconds"])
        for event in list(self.seconds):
            news = event["apis"][name]
            rows += news["seconds"]
            found |= news
        return found | {"seconds": rows}

    def answered(self, name: str) -> dict[str, float]:
        """Answers by code, as far as they came in this stream; exact when each second was about one."""
        total: dict[str, float] = {}
        for row in self.api(name)["seconds"]:
            for code, rate in row[5].items():
                total[code] = total.get(code, 0.0) + rate
        return total

    def wait(self, name: str, condition: Callable[[dict[str, Any]], Any], what: str) -> dict[str, Any]:
        """Wait until what is known of an API meets a condition."""
        wait_until(lambda: condition(self.api(name)), f"{what}; known is {self.api(name)}")
        return self.api(name)
