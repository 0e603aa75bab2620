"""Open-loop load: requests are sent when they arrive, whatever has become of those before them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlsplit

import uvloop

from benchmarks.part import MeasurementError

LATEST_ANSWER_S = 60.0
LEAD_S = 0.2

Send = Callable[[float], Awaitable[None]]
"""Has a request run that takes so many seconds; returns with its answer."""


class OpenLoopError(MeasurementError):
    """A request was answered wrongly or not at all."""


@dataclass(frozen=True)
class Sent:
    """When requests were really sent, and how long each waited: from then to its answer, less its service time. In
    seconds, in the order of arrival."""

    at: list[float]
    waits: list[float]


def run_http(url: str, expected: bytes, arrivals: Sequence[float], services: Sequence[float]) -> Sent:
    """Send ``{"t": SECONDS}`` to a server that sleeps so long, each on a connection of its own.

    Args:
        url: to POST to.
        expected: what each answer's body contains.
        arrivals: seconds from the beginning, ascending.
        services: seconds.

    Raises:
        OpenLoopError: an answer was wrong or came too late.
    """
    target = urlsplit(url)
    head = (
        f"POST {target.path} HTTP/1.1\r\nHost: {target.netloc}\r\nContent-Type: application/json\r\n"
        "Connection: close\r\nContent-Length: "
    ).encode()

    async def send(service: float) -> None:
        reader, writer = await asyncio.open_connection(target.hostname, target.port)
        try:
            body = b'{"t":%.6f}' % service
            writer.write(b"%s%d\r\n\r\n%s" % (head, len(body), body))
            answer_head = await reader.readuntil(b"\r\n\r\n")
            answer = await reader.readexactly(_content_length(answer_head))
        finally:
            writer.close()
        if b" 200 " not in answer_head.partition(b"\r\n")[0] or expected not in answer:
            raise OpenLoopError(f"{url} answered {answer_head!r} {answer!r}")

    return uvloop.run(_run(send, arrivals, services))


def run_ideal(slots: int, arrivals: Sequence[float], services: Sequence[float]) -> Sent:
    """The same against an ideal server in this process, one queue before ``slots`` threads that sleep: what generator
    and machine themselves add."""

    async def run() -> Sent:
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(slots) as threads:

            async def send(service: float) -> None:
                await loop.run_in_executor(threads, time.sleep, service)

            return await _run(send, arrivals, services)

    return uvloop.run(run())


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    raise OpenLoopError(f"an answer without Content-Length: {head!r}")


async def _run(send: Send, arrivals: Sequence[float], services: Sequence[float]) -> Sent:
    sent, waits = list(arrivals), list(services)

    async def one(index: int) -> None:
        began = time.perf_counter()
        sent[index] = began - beginning
        await send(services[index])
        waits[index] = time.perf_counter() - began - services[index]

    beginning, tasks = time.perf_counter() + LEAD_S, []
    for index, arrival in enumerate(arrivals):
        delay = beginning + arrival - time.perf_counter()
        if delay > 0:
            await asyncio.sleep(delay)
        tasks.append(asyncio.create_task(one(index)))
    try:
        async with asyncio.timeout(LATEST_ANSWER_S):
            await asyncio.gather(*tasks)
    except (OSError, EOFError, TimeoutError) as error:
        raise OpenLoopError(f"a request was not answered: {type(error).__name__} {error}") from error
    return Sent(sent, waits)
