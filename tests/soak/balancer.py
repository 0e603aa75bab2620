"""A load balancer in the client: it sends each request to the ready replica with the fewest outstanding ones."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import aiohttp

from tests.support.load_generator import new_session
from tests.support.replica import Replica

POLL_S = 0.25
"""How often each replica is asked whether it is ready; ``shutdown.grace_s`` must be longer."""
MAX_CONNECTIONS = 64


class Connections:
    """The connections to a replica from when it was found ready until it no longer is, and their requests' number."""

    def __init__(self) -> None:
        self.session = new_session(connections=MAX_CONNECTIONS)
        self.outstanding = 0

    async def close(self) -> None:
        """Close them, once everything is answered."""
        while self.outstanding:
            await asyncio.sleep(POLL_S)
        await self.session.close()


class Target:
    """A replica as the balancer sees it.

    Attributes:
        connections: None while it is not ready.
        outstanding: all requests that it has not answered yet, be it ready or not.
    """

    def __init__(self, index: int, replica: Replica) -> None:
        self.index = index
        self.replica = replica
        self.connections: Connections | None = None
        self.outstanding = 0

    @property
    def url(self) -> str:
        """Where the replica listens."""
        return f"http://127.0.0.1:{self.replica.port}"


class Balancer:
    """Watches the readiness of replicas, and shares requests out. A context manager."""

    def __init__(self, replicas: list[Replica]) -> None:
        self.targets = [Target(i, replica) for i, replica in enumerate(replicas)]
        self._changed = asyncio.Condition()
        self._watching: list[asyncio.Task[None]] = []
        self._closing: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Balancer:
        self._watching = [asyncio.create_task(self._watch(target)) for target in self.targets]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._watching:
            task.cancel()
        await asyncio.gather(*self._watching, return_exceptions=True)
        for target in self.targets:
            if target.connections is not None:
                await target.connections.close()
        await asyncio.gather(*self._closing)

    @contextlib.asynccontextmanager
    async def target(self) -> AsyncIterator[tuple[Target, aiohttp.ClientSession]]:
        """Where the next request goes, and the connections to use; waits while no replica is ready."""
        async with self._changed:
            await self._changed.wait_for(lambda: any(target.connections for target in self.targets))
        target = min((target for target in self.targets if target.connections), key=lambda target: target.outstanding)
        connections = target.connections
        assert connections is not None
        connections.outstanding += 1
        target.outstanding += 1
        try:
            yield target, connections.session
        finally:
            connections.outstanding -= 1
            target.outstanding -= 1

    async def _watch(self, target: Target) -> None:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2 * POLL_S)) as session:
            while True:
                ready = False
                with contextlib.suppress(aiohttp.ClientError, TimeoutError, OSError):
                    async with session.get(f"{target.url}/readyz") as answer:
                        ready = answer.status == 200
                if ready and target.connections is None:
                    target.connections = Connections()
                    async with self._changed:
                        self._changed.notify_all()
                elif not ready and target.connections is not None:
                    self._closing.append(asyncio.create_task(target.connections.close()))
                    target.connections = None
                await asyncio.sleep(POLL_S)
