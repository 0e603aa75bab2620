"""A cluster in memory, and scalers that work on it at times of the test's choice."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from cortex_cdk.scaler.settings import Settings
from cortex_cdk.scaler.tick import Result, Scaler
from tests.support.aws import CLUSTER, NEW, TABLE, FakeAws

SETTINGS = Settings(cluster=CLUSTER, table=TABLE, threads=4)


class World:
    """A cluster, its clock, and everything that was logged."""

    def __init__(self) -> None:
        self.fake = FakeAws()
        self.now = NEW + 5
        self.lines: list[dict[str, Any]] = []
        self._scalers: list[Scaler] = []

    def scaler(self, **changed: Any) -> Scaler:
        """A scaler in a process of its own."""
        settings = replace(SETTINGS, **changed)
        made = Scaler(
            settings, self.fake.aws, clock=lambda: self.now, write=lambda line: self.lines.append(json.loads(line))
        )
        self._scalers.append(made)
        return made

    def tick(self, after: float = 0.0) -> Counter[Result]:
        """A tick in a new process, so many seconds later."""
        self.now += after
        return self.scaler().tick()

    def later(self, **loads: float) -> Counter[Result]:
        """A tick in a new process 10 s later, with these reports of APIs' loads."""
        self.now += 10
        for api, in_flight in loads.items():
            self.report(api, in_flight)
        return self.scaler().tick()

    def ticks(self, count: int, each: Callable[[], None] = lambda: None) -> None:
        """Ticks 10 s apart."""
        for _ in range(count):
            self.now += 10
            each()
            self.scaler().tick()

    def report(self, api: str, in_flight: float, *, buckets: int = 1, **fields: Any) -> None:
        """Reports of the buckets before the one of now, as a replica would have written them."""
        for number in range(1, buckets + 1):
            self.fake.report(api, self.now - 10 * number, in_flight, **fields)

    def decisions(self, api: str) -> list[dict[str, Any]]:
        """The log lines of an API's decisions."""
        return [line for line in self.lines if line.get("Api") == api and "desired" in line]

    def summary(self) -> dict[str, Any]:
        """The log line of the last tick."""
        return [line for line in self.lines if "Ticks" in line][-1]

    def errors(self) -> list[dict[str, Any]]:
        """The log lines of errors about one thing."""
        return [line for line in self.lines if line["level"] == "error" and "Ticks" not in line]

    def close(self) -> None:
        """End all scalers."""
        for scaler in self._scalers:
            scaler.close()


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.close()
