"""The clients of a soak: small, large and failing requests, clients that hang up, and slow ones."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import orjson

from tests.soak.balancer import Balancer
from tests.soak.ledger import Ledger
from tests.support.http_wire import DEADLINE_S
from tests.support.load_generator import CONNECTION, RIGHT, UNANSWERED, WRONG, Outcome, ask, judge, numbers

MIX = {"small": 6, "large": 1, "failing": 1, "hanging up": 2, "slow": 4, "byte by byte": 2}
"""How many clients there are of each kind."""
HEAD = "POST /api HTTP/1.1\r\nhost: soak\r\nx-request-id: {}\r\ncontent-length: {}\r\n{}\r\n"


class Traffic:
    """Clients that send requests through a balancer until they are told to stop.

    Args:
        balancer: where to.
        ledger: where what becomes of the requests is noted.
        seed: of everything random.
    """

    def __init__(self, balancer: Balancer, ledger: Ledger, seed: int) -> None:
        self._balancer = balancer
        self._ledger = ledger
        self._random = random.Random(seed)
        self._stopped = asyncio.Event()

    async def run(self) -> None:
        """Send until ``stop``, and wait for the last answers."""
        clients: dict[str, Callable[[], Awaitable[None]]] = {
            "small": self._small,
            "large": self._large,
            "failing": self._failing,
            "hanging up": self._hanging_up,
            "slow": self._slow,
            "byte by byte": self._byte_by_byte,
        }
        async with asyncio.TaskGroup() as group:
            for traffic, count in MIX.items():
                for _ in range(count):
                    group.create_task(self._again_and_again(clients[traffic]))

    def stop(self) -> None:
        """Send no more."""
        self._stopped.set()

    async def _again_and_again(self, client: Callable[[], Awaitable[None]]) -> None:
        while not self._stopped.is_set():
            await client()

    async def _small(self) -> None:
        await self._ask("small", {"model": self._random.random() < 0.5})
        await asyncio.sleep(self._random.expovariate(1 / 0.02))

    async def _large(self) -> None:
        await self._ask("large", {"ballast": [0.5] * 50_000, "padding": 200_000})
        await asyncio.sleep(self._random.expovariate(1 / 0.2))

    async def _failing(self) -> None:
        await self._ask("failing", {"harm": "fail"}, wanted=500)
        await asyncio.sleep(self._random.expovariate(1 / 0.1))

    async def _ask(self, traffic: str, payload: dict[str, object], wanted: str | int = RIGHT) -> None:
        async with self._balancer.target() as (target, session):
            outcome = await ask(session, f"{target.url}/api", {"n": next(numbers), **payload})
        self._ledger.note(traffic, target.index, outcome, wanted)

    # Clients that no HTTP library is like. They follow the balancer, too, one connection a request.

    @contextlib.asynccontextmanager
    async def _connection(self) -> AsyncIterator[tuple[int, asyncio.StreamReader, asyncio.StreamWriter]]:
        async with self._balancer.target() as (target, _):
            reader, writer = await asyncio.open_connection("127.0.0.1", target.replica.port, limit=1 << 24)
            try:
                yield target.index, reader, writer
            finally:
                writer.transport.abort()

    async def _hanging_up(self) -> None:
        """Hang up within the body, while it is waited for, or within the answer. Nothing is expected."""
        body = orjson.dumps({"n": next(numbers), "sleep_s": 0.005, "padding": 2_000_000})
        stage = self._random.randrange(3)
        with contextlib.suppress(OSError):
            async with self._connection() as (_, reader, writer):
                writer.write(HEAD.format("gone", len(body), "").encode() + body[: -1 if stage == 0 else None])
                if stage == 2:
                    await asyncio.wait_for(reader.read(100), DEADLINE_S)
                else:
                    await asyncio.sleep(self._random.uniform(0, 0.01))
        await asyncio.sleep(self._random.expovariate(1 / 0.1))

    async def _slow(self) -> None:
        """Send a body in pieces over a second, and read the answer in pieces, too."""
        payload = {"n": next(numbers), "ballast": "." * 10_000, "padding": 300_000}
        body = orjson.dumps(payload)
        request_id = f"request-{payload['n']}"
        sent_at = time.monotonic()
        index = -1
        kind: str | int
        try:
            async with asyncio.timeout(DEADLINE_S), self._connection() as (index, reader, writer):
                writer.write(HEAD.format(request_id, len(body), "connection: close\r\n").encode())
                for i in range(0, len(body), 1000):
                    writer.write(body[i : i + 1000])
                    await writer.drain()
                    await asyncio.sleep(0.1)
                answer = b""
                while data := await reader.read(50_000):
                    answer += data
                    await asyncio.sleep(0.05)
            head, _, rest = answer.partition(b"\r\n\r\n")
            if not head:
                raise ConnectionResetError("hung up without an answer")
            headers = dict(line.lower().split(": ", 1) for line in head.decode().split("\r\n")[1:])
            kind, detail = judge(payload, request_id, int(head.split()[1]), headers.get("x-request-id"), rest)
        except TimeoutError:
            kind, detail = UNANSWERED, request_id
        except OSError as error:
            kind, detail = CONNECTION, f"{type(error).__name__}: {error}"
        self._ledger.note("slow", index, Outcome(payload["n"], kind, sent_at, time.monotonic(), detail), RIGHT)

    async def _byte_by_byte(self) -> None:
        """Send a byte now and then, of the head or of the body. The replica must hang up, with nothing but a 408."""
        data = HEAD.format("slow" * 1000, 100_000, "").encode() + b" " * 100_000
        start = self._random.choice([0, len(data) - 100_000])
        sent_at = time.monotonic()
        answer = b""
        kind: str | int = UNANSWERED
        index = -1
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(DEADLINE_S), self._connection() as (index, reader, writer):
                writer.write(data[:start])
                end = asyncio.create_task(reader.read())
                for byte in data[start:]:
                    writer.write(bytes([byte]))
                    if (await asyncio.wait([end], timeout=0.1))[0]:
                        break
                answer = await end
        if time.monotonic() - sent_at < DEADLINE_S:
            kind = RIGHT if not answer or answer.startswith(b"HTTP/1.1 408 ") else WRONG
        self._ledger.note("byte by byte", index, Outcome(0, kind, sent_at, time.monotonic(), repr(answer[:100])), RIGHT)
