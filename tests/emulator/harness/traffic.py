"""Clients that call an API over and over, and remember each answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.emulator.harness.cloud import Api


@dataclass
class Answers:
    """What the clients got. ``failures`` are those that were no 200, in words."""

    good: list[tuple[float, Any]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def since(self, moment: float) -> list[Any]:
        """The bodies of good answers after a moment of ``time.monotonic``."""
        return [body for at, body in list(self.good) if at > moment]


@contextmanager
def traffic(api: Api, payload: Any, *, clients: int) -> Iterator[Answers]:
    """So many clients, each with one request under way, for as long as the block takes.

    None of them tries again: an answer that is lost stays lost.
    """
    answers, over = Answers(), threading.Event()

    def call() -> None:
        with api.client() as client:
            while not over.is_set():
                try:
                    answer = client.post(f"/{api.name}", json=payload)
                except httpx.HTTPError as error:
                    answers.failures.append(f"{type(error).__name__}: {error}")
                    continue
                if answer.status_code == 200:
                    answers.good.append((time.monotonic(), answer.json()))
                else:
                    answers.failures.append(f"{answer.status_code}: {answer.text[:200]}")

    threads = [threading.Thread(target=call, daemon=True) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        over.set()
        for thread in threads:
            thread.join()
