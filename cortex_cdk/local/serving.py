"""All of a project on this machine: one model server, a replica of each API, and one port before them."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import aiohttp

from cortex_cdk.local import replica_process
from cortex_cdk.local.child import Child
from cortex_cdk.local.console.console import Console
from cortex_cdk.local.model_server_process import free_port, model_server_command
from cortex_cdk.local.model_store import LocalModel, ModelStore
from cortex_cdk.local.router import Router, fetch_readiness
from cortex_cdk.spec.model import ApiSpec, Project

REPLICA_STOP_S = replica_process.SHUTDOWN_TIMEOUT_S + 1
MODEL_SERVER_STOP_S = 2.0
NOT_READY_EVERY_S = 10.0


class PortTakenError(Exception):
    """Something else listens on the port; the message says so."""


@dataclass(frozen=True)
class Options:
    """How to serve.

    Attributes:
        host, port: where to listen.
        model_server: address of a running model server to use instead of starting one; it must serve each API's model
            under the API's name.
        log_format: ``text`` or ``json``, of all processes.
        max_body_bytes: the largest request body, when it is not to be the runtime's default.
        request_timeout_s: the longest that ``predict`` may take.
        console: whether there is a page at ``/_console``.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    model_server: str | None = None
    log_format: str = "text"
    max_body_bytes: int | None = None
    console: bool = True
    request_timeout_s: float = 60.0

    @property
    def url(self) -> str:
        """The base URL for people on this machine."""
        host = "localhost" if self.host in ("127.0.0.1", "0.0.0.0", "::", "::1") else self.host  # noqa: S104
        return f"http://{host}:{self.port}"


@dataclass
class _Replica:
    api: ApiSpec
    base_url: str
    child: Child


class LocalServing:
    """Runs the processes of a project.

    Args:
        options: how to serve.
        folder: an existing folder for sockets and the like, which lives longer than this object.
        store: the models.
        say: takes lines about what happens.
        on_ready: called with each API that has become ready, and its URL.
    """

    def __init__(
        self,
        options: Options,
        folder: Path,
        store: ModelStore,
        *,
        say: Callable[[str], None] = print,
        on_ready: Callable[[ApiSpec, str], None] = lambda api, url: None,
    ) -> None:
        self.options = options
        self._folder = folder
        self._store = store
        self._say = say
        self._on_ready = on_ready
        self._models: dict[str, LocalModel] = {}
        self._model_server: Child | None = None
        self._model_server_address = options.model_server or ""
        self._replicas: dict[str, _Replica] = {}
        self._router: Router | None = None
        self._console: Console | None = None
        self._session: aiohttp.ClientSession | None = None
        self._watches: list[asyncio.Task[None]] = []
        self._changing = asyncio.Lock()
        self._stopped = False
        self._failed: asyncio.Queue[str] = asyncio.Queue()

    async def start(self, project: Project, models: Mapping[str, LocalModel]) -> None:
        """Start everything; does not wait until it is ready.

        Raises:
            OSError: when the port cannot be had; ``check_port`` says so before.
            NoModelServerError: when there is none to start.
        """
        self._session = aiohttp.ClientSession()
        self._models = dict(models)
        if self.options.console:
            await self._start_console()
        self._start_model_server(project)
        await self._start_replicas(project)

    async def change(self, project: Project, models: Mapping[str, LocalModel], *, models_changed: bool) -> None:
        """Serve a changed project: replicas are replaced, the model server only when a model has changed.

        Args:
            project, models: as they are now.
            models_changed: the content of a model has changed, be it in the same place.
        """
        async with self._changing:
            changed = models_changed or dict(models) != self._models
            await self._stop_replicas()
            if changed:
                await self._stop_model_server()
                self._models = dict(models)
            if self._stopped:
                return
            if changed:
                self._start_model_server(project)
            await self._start_replicas(project)

    async def stop(self) -> None:
        """End everything, the model server after those who use it."""
        self._stopped = True
        async with self._changing:
            await self._stop_replicas()
            if self._console is not None:
                await self._console.stop()
            await self._stop_model_server()
            if self._session is not None:
                await self._session.close()

    def kill(self) -> None:
        """End all processes at once."""
        for replica in self._replicas.values():
            replica.child.kill()
        if self._model_server is not None:
            self._model_server.kill()

    async def failed(self) -> str:
        """Wait until an API turns out to be one that cannot be served as it is; returns its name."""
        return await self._failed.get()

    def _has_failed(self, api: str) -> None:
        if self._console is not None:
            self._console.failed(api)
        self._failed.put_nowait(api)

    def _has_ended(self, api: str, code: int) -> None:
        """A replica has ended for good."""
        self._has_failed(api)
        if self._router is None:
            self._watches.append(asyncio.create_task(self._stand_in(self._replicas[api].api)))
        else:
            self._router.targets[self._replicas[api].api.endpoint] = None

    # Parts

    async def _start_console(self) -> None:
        console = Console(self._folder)
        try:
            await console.start()
        except OSError as error:  # serving goes on without it
            self._say(f"there is no console: {error}")
            await console.stop()
        else:
            self._console = console

    def _start_model_server(self, project: Project) -> None:
        if self.options.model_server is not None:
            return
        apis = [api.name for api in project.apis]
        command = model_server_command(self._store, apis, self._folder, self.options.log_format)
        self._model_server_address = command.address
        self._model_server = Child("the model server", command.command, say=self._say)
        self._model_server.start()
        self._say(f"starting the model server ({command.title})")

    async def _stop_model_server(self) -> None:
        if self._model_server is not None:
            await self._model_server.stop(MODEL_SERVER_STOP_S)
            self._model_server = None

    async def _start_replicas(self, project: Project) -> None:
        alone = len(project.apis) == 1
        if self._console is not None:
            self._console.serve(project)
        for api in project.apis:
            host, port = (self.options.host, self.options.port) if alone else ("127.0.0.1", free_port())
            settings = replica_process.replica_settings(
                project,
                api,
                host=host,
                port=port,
                model_server=self._model_server_address,
                log_format=self.options.log_format,
                max_body_bytes=self.options.max_body_bytes,
                request_timeout_s=self.options.request_timeout_s,
                extension=self._console.extension(with_page=alone) if self._console is not None else None,
            )
            child = Child(
                api.name,
                replica_process.COMMAND,
                environment=replica_process.environment(settings, self._folder / f"{api.name}.settings.json"),
                final_codes=frozenset({replica_process.PREDICTOR_FAILED, replica_process.WRONG_SETTINGS}),
                on_final=partial(self._has_ended, api.name),
                say=self._say,
            )
            reached = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104
            self._replicas[api.name] = _Replica(api, f"http://{reached}:{port}", child)
            child.start()
            self._watches.append(asyncio.create_task(self._watch(self._replicas[api.name])))
        if not alone:
            self._router = Router({r.api.endpoint: r.base_url for r in self._replicas.values()}, self._console)
            await self._router.start(self.options.host, self.options.port)

    async def _stand_in(self, api: ApiSpec) -> None:
        """Answer at the port of an only replica that has ended for good, until a change brings another one."""
        self._router = Router({api.endpoint: None}, self._console)
        try:
            await self._router.start(self.options.host, self.options.port)
        except OSError as error:
            self._say(f"nothing answers at {self.options.url}: {error.strerror}")

    async def _stop_replicas(self) -> None:
        if self._console is not None:
            self._console.suspend()
        for watch in self._watches:
            watch.cancel()
        await asyncio.gather(*self._watches, return_exceptions=True)
        self._watches.clear()
        # At once: the router waits for the answers that the replicas still give.
        ends = [r.child.stop(REPLICA_STOP_S) for r in self._replicas.values()]
        await asyncio.gather(*ends, *([self._router.stop()] if self._router is not None else []))
        self._router = None
        self._replicas.clear()

    async def _watch(self, replica: _Replica) -> None:
        """Say when a replica has become ready, and why it is not when that takes long."""
        assert self._session is not None
        loop = asyncio.get_running_loop()
        was_ready, told = False, loop.time()
        while True:
            now = await fetch_readiness(self._session, replica.base_url)
            if now.ready and not was_ready:
                self._on_ready(replica.api, self.options.url + replica.api.endpoint)
            elif now.model_state == "END" and self._model_server is not None:
                self._say(f"{replica.api.name}: {'; '.join(now.reasons)}")
                self._has_failed(replica.api.name)  # the server does not try again
                return
            elif not now.ready and loop.time() - told > NOT_READY_EVERY_S and replica.child.final_code is None:
                told = loop.time()
                self._say(f"{replica.api.name} is not ready: {'; '.join(now.reasons)}")
            was_ready = now.ready
            await asyncio.sleep(1.0 if now.ready else 0.1)


def check_port(host: str, port: int) -> None:
    """Raise ``PortTakenError`` when ``host:port`` cannot be listened on."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((host, port))
        except OSError as error:
            reason = f"cannot listen on {host}:{port}: {error.strerror}"
            raise PortTakenError(f"{reason}; choose another port with --port") from None
        with contextlib.suppress(OSError):
            sock.listen(1)
