"""The console in the process of ``cortex-cdk serve``: takes in what replicas measure, and serves the page."""

from __future__ import annotations

import asyncio
import contextlib
import time
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web

from cortex_cdk.autoscaling import TICK_S
from cortex_cdk.local.console import messages, page
from cortex_cdk.local.console.access import refusal
from cortex_cdk.local.console.messages import Hello
from cortex_cdk.local.console.record import KEPT_S, ApiRecord
from cortex_cdk.local.console.subscribers import Subscriber, Subscribers, encoded
from cortex_cdk.spec.document import CONSOLE
from cortex_cdk.spec.model import Project

_LATE_S = 0.2
"""After each full second: what the replicas measured in it has come by then."""


class Console:
    """Ten minutes of each API of a project, and the page that shows them.

    Args:
        folder: an existing folder that nobody else can write to, for two Unix sockets.
    """

    def __init__(self, folder: Path) -> None:
        self._samples_socket = folder / "samples.sock"
        self._page_socket = folder / "console.sock"
        self._records: dict[str, ApiRecord] = {}
        self._subscribers = Subscribers()
        self._samples: asyncio.Server | None = None
        self._readers: set[asyncio.Task[None]] = set()
        self._runner: web.AppRunner | None = None
        self._ticks: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen at the sockets and begin to tick.

        Raises:
            OSError: when a socket cannot be had, such as below too long a path.
        """
        self._samples = await asyncio.start_unix_server(self._take_in, self._samples_socket, limit=messages.MOST_BYTES)
        app = web.Application()
        app.router.add_get(CONSOLE, self._answer)
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=1)
        await self._runner.setup()
        await web.UnixSite(self._runner, str(self._page_socket)).start()
        self._ticks = asyncio.create_task(self._tick(), name="console")

    async def stop(self) -> None:
        """End all of it."""
        self._subscribers.close()
        for task in (self._ticks, *self._readers):
            if task is not None:
                task.cancel()
        if self._samples is not None:
            self._samples.close()
        if self._runner is not None:
            await self._runner.cleanup()

    def extension(self, *, with_page: bool) -> dict[str, Any]:
        """The settings of a replica's side of it; ``with_page`` when nothing else answers at the replica's port."""
        return {
            "factory": "cortex_cdk.local.console.replica_side:create",
            "options": {"samples": str(self._samples_socket), "page": str(self._page_socket)},
            "path": CONSOLE if with_page else None,
        }

    # What happens to the project

    def serve(self, project: Project) -> None:
        """The APIs are those of ``project``, and their replicas are about to start; what is known of them stays."""
        former, self._records = self._records, {}
        for api in project.apis:
            record = former.get(api.name)
            if record is None:
                record = ApiRecord(project, api)
            else:
                record.replace(project, api)
            self._records[api.name] = record
        self._subscribers.open()

    def suspend(self) -> None:
        """The replicas are about to stop: let go of the pages, which ask again until there are new ones."""
        self._subscribers.close()

    def failed(self, api: str) -> None:
        """An API cannot be served as it is."""
        self._records[api].failed()

    # From the replicas

    async def _take_in(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._readers.add(task)
        try:
            with contextlib.suppress(OSError, ValueError, msgspec.DecodeError):  # of a process that was killed
                await self._take_in_lines(reader)
        finally:
            self._readers.discard(task)
            writer.close()

    async def _take_in_lines(self, reader: asyncio.StreamReader) -> None:
        hello = messages.decode(await reader.readline())
        record = self._records.get(hello.api) if isinstance(hello, Hello) else None
        if record is None:  # of a project that has changed
            return
        record.connected()
        try:
            while line := await reader.readline():
                message = messages.decode(line)
                if not isinstance(message, Hello):
                    record.take(message)
        finally:
            record.disconnected()

    # To the pages

    async def _tick(self) -> None:
        decided = int(time.time()) // TICK_S
        while True:
            now = time.time()
            await asyncio.sleep(1 - (now - _LATE_S) % 1)
            now = time.time()
            if int(now) // TICK_S != decided:
                decided = int(now) // TICK_S
                for record in self._records.values():
                    record.decide(now)
            news = {name: record.news() for name, record in self._records.items()}
            self._subscribers.send("second", {"now": int(now), "apis": news})

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer a request that came to a port of this process, if it is one to be answered."""
        transport = request.transport
        peer = transport.get_extra_info("peername") if transport is not None else None
        own = transport.get_extra_info("sockname") if transport is not None else None
        headers = {name.lower(): value for name, value in request.headers.items()}
        refused = refusal(request.method, headers, peer[0] if peer else "", own[0] if own else "")
        if refused is not None:
            return web.json_response({"error": refused.reason}, status=refused.status, headers=refused.headers)
        return await self._answer(request)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if "events" in request.query:
            return await self._stream(request)
        return web.Response(body=page.page(), content_type="text/html", charset="utf-8", headers=page.headers())

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        subscriber = self._subscribers.add()
        if subscriber is None:
            error = "the replicas are being replaced, or too many pages are open"
            return web.json_response({"error": error}, status=503, headers={"Retry-After": "1"})
        try:
            response = web.StreamResponse(
                headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
            )
            await response.prepare(request)
            if request.method == "HEAD":
                return response
            whole = {
                "now": int(time.time()),
                "kept_s": KEPT_S,
                "tick_s": TICK_S,
                "apis": [record.whole() for record in self._records.values()],
            }
            await response.write(b"retry: 1000\n\n" + encoded("whole", whole))
            await _pass_on(subscriber, response)
            if subscriber.too_slow and request.transport is not None:
                request.transport.abort()  # or the end of the answer would wait for it
            return response
        finally:
            self._subscribers.remove(subscriber)


async def _pass_on(subscriber: Subscriber, response: web.StreamResponse) -> None:
    """Send events until the subscription ends, also while a page does not read."""

    async def send() -> None:
        while True:
            await response.write(await subscriber.next())

    sending = asyncio.ensure_future(send())
    ended = asyncio.ensure_future(subscriber.ended.wait())
    try:
        await asyncio.wait({sending, ended}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (sending, ended):
            task.cancel()
        await asyncio.gather(sending, ended, return_exceptions=True)
