"""Steady load on replicas in which every answer is checked against its own request.

Each request carries a number that no other has, and its answer must be that number's (``arithmetic.py``), with the id
of that request. A request ends as exactly one of: the right answer, an error with its status, the end of its
connection, a wrong answer, or no answer until the deadline; the last two are never right.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import aiohttp
import orjson

from tests.support.arithmetic import expected
from tests.support.http_wire import DEADLINE_S
from tests.support.replica import wait_until

RIGHT, WRONG, UNANSWERED, CONNECTION = "right", "wrong", "unanswered", "connection"
PAUSE_AFTER_ERROR_S = 0.02

numbers = itertools.count(1)
"""A number for each request of this process. The model server's float32 holds those below 2**24."""


class Outcome(NamedTuple):
    """How one request ended.

    Attributes:
        n: its number.
        kind: ``RIGHT``, ``WRONG``, ``UNANSWERED``, ``CONNECTION``, or the status of an error.
        sent_at, ended_at: seconds of the monotonic clock.
        detail: the error in words.
    """

    n: int
    kind: str | int
    sent_at: float
    ended_at: float
    detail: str = ""


def judge(
    payload: Mapping[str, Any], request_id: str, status: int, given_id: str | None, body: bytes
) -> tuple[str | int, str]:
    """The kind of an answer, and what is wrong with it."""
    try:
        found = json.loads(body)
    except ValueError:
        return WRONG, f"{status}, no JSON: {body[:200]!r}"
    if given_id != request_id:
        return WRONG, f"{status}: the answer of {given_id!r} for {request_id!r}"
    if status == 200:
        return (RIGHT, "") if found == expected(payload) else (WRONG, f"for {payload['n']}: {body[:200]!r}")
    if set(found) < {"error", "request_id"} or found["request_id"] != request_id:
        return WRONG, f"{status} for {request_id!r}: {body[:200]!r}"
    return status, str(found["error"])


async def ask(session: aiohttp.ClientSession, url: str, payload: dict[str, Any], *, chunked: bool = False) -> Outcome:
    """Send one request to an endpoint, and check its answer. ``session`` has the deadline."""
    n = payload["n"]
    request_id = f"request-{n}"
    sent_at = time.monotonic()
    try:
        async with session.post(
            url, data=orjson.dumps(payload), headers={"x-request-id": request_id}, chunked=chunked or None
        ) as answer:
            body = await answer.read()
        kind: str | int
        kind, detail = judge(payload, request_id, answer.status, answer.headers.get("x-request-id"), body)
    except TimeoutError:  # some of aiohttp's are ClientErrors, too
        kind, detail = UNANSWERED, f"no answer to {request_id} within {session.timeout.total} s"
    except (aiohttp.ClientError, OSError) as error:
        kind, detail = CONNECTION, f"{type(error).__name__}: {error}"
    return Outcome(n, kind, sent_at, time.monotonic(), detail)


def new_session(deadline_s: float = DEADLINE_S, connections: int = 1) -> aiohttp.ClientSession:
    """A client that keeps its connections. A request that has no answer after ``deadline_s`` is given up."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=connections, keepalive_timeout=600),
        timeout=aiohttp.ClientTimeout(total=deadline_s),
    )


class Load:
    """Clients that ask one replica, each on a connection of its own, and ask again as soon as they have the answer.

    Used as a context manager: the clients run in a thread of their own. At its end, each waits for its last answer.

    Args:
        port: where the replica listens.
        clients: how many.
        payload: further keys of the payload of a request, from its number.
        think_s: pause between an answer and the next request.
        endpoint: its path.
        chunked: send the bodies in chunks, their length untold.
    """

    def __init__(
        self,
        port: int,
        *,
        clients: int = 8,
        payload: Callable[[int], dict[str, Any]] = lambda n: {},
        think_s: float = 0.0,
        endpoint: str = "/api",
        chunked: bool = False,
    ) -> None:
        self.outcomes: list[Outcome] = []
        self._url = f"http://127.0.0.1:{port}{endpoint}"
        self._clients = clients
        self._payload = payload
        self._think_s = think_s
        self._chunked = chunked
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="load")

    def __enter__(self) -> Load:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Send no more, and wait for the last answers."""
        self._stopped.set()
        self._thread.join()

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(self._clients):
                group.create_task(self._ask_again_and_again())

    async def _ask_again_and_again(self) -> None:
        async with new_session() as session:
            while not self._stopped.is_set():
                n = next(numbers)
                outcome = await ask(session, self._url, {"n": n, **self._payload(n)}, chunked=self._chunked)
                self.outcomes.append(outcome)
                await asyncio.sleep(PAUSE_AFTER_ERROR_S if outcome.kind == CONNECTION else self._think_s)

    # What became of the requests

    def wait_right(self, count: int = 1) -> None:
        """Wait for so many right answers to requests that are sent from now on."""
        now, seen = time.monotonic(), len(self.outcomes)

        def enough() -> bool:
            new = self.outcomes[seen:]
            assert not (bad := [o for o in new if o.kind in (WRONG, UNANSWERED)]), bad[:3]
            return sum(1 for o in new if o.kind == RIGHT and o.sent_at >= now) >= count

        wait_until(enough, f"{count} right answers; lost so far: {self.lost()}")

    def wait_lost(self, count: int, kind: str | int) -> None:
        """Wait until so many requests in all have ended as this kind."""
        wait_until(lambda: self.lost()[kind] >= count, f"{count} of {kind}, not {self.lost()}")

    def of(self, kind: str | int) -> list[Outcome]:
        """The requests that ended so."""
        return [outcome for outcome in self.outcomes if outcome.kind == kind]

    def lost(self) -> Counter[str | int]:
        """How many requests ended with anything but the right answer, by kind."""
        return Counter(outcome.kind for outcome in self.outcomes if outcome.kind != RIGHT)

    def gap_s(self, since: float) -> float:
        """The longest time without a right answer that began at ``since`` (monotonic clock) or later."""
        times = [since, *sorted(o.ended_at for o in self.outcomes if o.kind == RIGHT and o.ended_at > since)]
        return max((b - a for a, b in itertools.pairwise(times)), default=float("inf"))
