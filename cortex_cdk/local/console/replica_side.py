"""The console's part in the front process of a replica (``cortex_runtime.extension``).

It sends what ``sampler`` measures to the process of ``cortex-cdk serve`` and hands requests for the page on to it. A
reader that is slow, or away, costs samples and no more: nothing here waits for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from cortex_cdk.local.console import messages
from cortex_cdk.local.console.forward import Forwarder
from cortex_cdk.local.console.messages import Condition, Hello, Message
from cortex_cdk.local.console.sampler import Sampler
from cortex_runtime.load import LoadReport
from cortex_runtime.replica import Replica

CONNECT_EVERY_S = 1.0
MOST_UNREAD_BYTES = 1 << 18
"""What the reader has not taken in: above this, samples are left out."""


def create(replica: Replica, samples: str, page: str) -> ReplicaSide:
    """The factory that the replica's settings name.

    Args:
        replica: in whose process this is.
        samples, page: the Unix sockets for what is measured and for requests, of ``Console``.
    """
    return ReplicaSide(replica, samples, page)


class ReplicaSide:
    """Sends what one replica does, once a second, and hands requests for the page on."""

    def __init__(self, replica: Replica, samples: str, page: str) -> None:
        self._api = replica.settings.api.name
        self._sampler = Sampler(replica)
        self._socket = samples
        self._forward = Forwarder(page)
        self._writer: asyncio.StreamWriter | None = None
        self._told: Condition | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to measure; the event loop runs."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="console")

    async def stop(self) -> None:
        """Send the last of it and hang up."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        self._hang_up()

    def reported(self, report: LoadReport) -> None:
        """Pass a load report on."""
        load = self._sampler.load(report)
        if load is not None:
            self._send(load)

    async def __call__(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ) -> None:
        """Answer a request for the page (ASGI)."""
        await self._forward(scope, receive, send)

    async def _run(self) -> None:
        while True:
            now = time.time()
            second = int(now)
            await asyncio.sleep(second + 1 - now)
            await self._connect()
            measured = self._sampler.second(second)
            condition = self._sampler.condition()
            if condition != self._told and self._send(condition):
                self._told = condition
            self._send(measured)

    async def _connect(self) -> None:
        if self._writer is not None and not self._writer.is_closing():
            return
        self._hang_up()
        with contextlib.suppress(OSError, TimeoutError):
            _, self._writer = await asyncio.wait_for(asyncio.open_unix_connection(self._socket), CONNECT_EVERY_S)
            self._told = None
            self._send(Hello(api=self._api))

    def _send(self, message: Message) -> bool:
        """Send a line, unless nobody reads; returns whether it was sent."""
        writer = self._writer
        if writer is None or writer.is_closing() or writer.transport.get_write_buffer_size() > MOST_UNREAD_BYTES:
            return False
        writer.write(messages.encode(message) + b"\n")
        return True

    def _hang_up(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None
