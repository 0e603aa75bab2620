"""Gunicorn with one uvicorn worker as the server of a replica, and how it stops.

On SIGTERM or SIGINT the replica first fails readiness while it still serves (``shutdown.grace_s``), then stops
listening, answers everything in flight (at most ``shutdown.timeout_s``), and exits. A second signal skips the grace.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import os
import resource
import signal
import sys
import time
from types import FrameType
from typing import Any, ClassVar

import gunicorn.glogging
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from uvicorn.server import Server
from uvicorn_worker import UvicornWorker

from . import logs
from .app import create_app
from .front import Front
from .parent import end_with_parent
from .protocol import FrontProtocol
from .replica import Replica
from .settings import Settings

log = logging.getLogger(__name__)

PREDICTOR_FAILED = Arbiter.WORKER_BOOT_ERROR
"""Exit status of a replica whose predictor cannot be built (3); gunicorn does not start such a worker again."""

CLIENTS_LOOKED_AT_EVERY_S = 1.0

MAX_FILES = 100_000
"""A connection is one; more than requests in flight can be, which are at most 65,535."""


class ReplicaServer(Server):
    """Uvicorn's server with a graceful end."""

    replica: Replica
    failed: str | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to shut down; a second signal ends the grace.

        It is always the master that tells so, with SIGTERM. A terminal's SIGINT goes to every process of a group and
        would be a second one.
        """
        if sig == signal.SIGINT:
            return
        grace = self.replica.settings.shutdown.grace_s
        if self.replica.draining or grace == 0:
            self.should_exit = True
        if not self.replica.draining:
            self.replica.drain()
            # A signal handler: the log is written from the loop.
            loop = asyncio.get_running_loop()
            words = f"shutting down: serving for another {grace:g} s, not ready any more" if grace else "shutting down"
            loop.call_soon_threadsafe(log.info, words)
            loop.call_soon_threadsafe(loop.call_later, grace, self.exit)

    async def end_slow_connections(self) -> None:
        """End connections whose clients take more time than they have, for ever: while the replica stops, too."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(CLIENTS_LOOKED_AT_EVERY_S)
            for connection in list(self.server_state.connections):
                if isinstance(connection, FrontProtocol):
                    try:
                        connection.end_if_too_slow(loop.time())
                    except Exception:  # the others' limits must not end with this one's
                        log.exception("a connection's limits could not be looked at")

    def exit(self) -> None:
        """Stop listening, answer what is in flight, and end."""
        self.should_exit = True

    def fail(self, reason: str) -> None:
        """End because the predictor cannot be built."""
        self.failed = reason
        self.should_exit = True


class FrontWorker(UvicornWorker):
    """The gunicorn worker that is the front: the only one of its replica."""

    CONFIG_KWARGS: ClassVar = {
        "loop": "uvloop",
        "http": FrontProtocol,
        "ws": "none",
        "access_log": False,
        "server_header": False,
        "proxy_headers": False,
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        logging.getLogger("uvicorn.error").propagate = True  # the base class cuts it off from the root's handler

    async def _serve(self) -> None:
        settings: Settings = self.app.settings
        self.config.timeout_graceful_shutdown = math.ceil(settings.shutdown.timeout_s)
        server = ReplicaServer(self.config)
        writer = logs.configure(settings.log, {"api": settings.api.name})
        FrontProtocol.limits = settings.http.limits()
        FrontProtocol.max_head_bytes = settings.http.max_head_bytes
        server.replica = Replica(settings, writer, on_failure=server.fail)
        self.config.app = FrontProtocol.front = create_app(server.replica)
        self._install_sigquit_handler()
        end_with_parent(self.ppid, signal.SIGTERM)  # without its master nobody would ever end it
        slow = asyncio.create_task(server.end_slow_connections())
        await server.serve(sockets=self.sockets)
        slow.cancel()
        if server.failed is not None:
            log.error("giving up: the predictor could not be built: %s", server.failed)
        if server.failed is not None or not server.started:
            sys.exit(PREDICTOR_FAILED)


class Master(Arbiter):
    """Gunicorn's master, for which SIGINT is as graceful as SIGTERM, and which passes on a second signal."""

    _ending = False

    def handle_int(self) -> None:
        """Stop gracefully."""
        self.handle_term()

    def stop(self, graceful: bool = True) -> None:
        """Tell the front to end, and wait for it."""
        self._ending = True
        if graceful:
            self._wait_for_front()
        super().stop(graceful)

    def _wait_for_front(self) -> None:
        """As the base class does, which measures on the wall clock: that may jump, and requests would be lost."""
        for listener in self.LISTENERS:
            listener.close()
        self.LISTENERS[:] = []
        end = time.monotonic() + self.cfg.graceful_timeout
        self.kill_workers(signal.SIGTERM)
        while self.WORKERS and time.monotonic() < end:
            self.reap_workers()
            time.sleep(0.1)
        self.kill_workers(signal.SIGKILL)

    def signal(self, sig: int, frame: FrameType | None) -> None:
        """Take a signal, here in its handler; the others wait for the main loop."""
        if self._ending and sig in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT):
            self.kill_workers(signal.SIGQUIT if sig == signal.SIGQUIT else signal.SIGTERM)
        else:
            super().signal(sig, frame)


class ReplicaApplication(BaseApplication):
    """Gunicorn's configuration for one replica."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        super().__init__()

    def load_config(self) -> None:
        """Set what differs from gunicorn's defaults."""
        http, shutdown = self.settings.http, self.settings.shutdown
        config: dict[str, Any] = {
            "bind": f"[{http.host}]:{http.port}" if ":" in http.host else f"{http.host}:{http.port}",
            "workers": 1,
            "worker_class": FrontWorker,
            "logger_class": GunicornLogger,
            "keepalive": http.keep_alive_s,
            # Gunicorn's own limit lies behind ours: grace, then the answers, then the workers' end.
            "graceful_timeout": math.ceil(shutdown.grace_s + shutdown.timeout_s) + 10,
            "timeout": 60,
            "backlog": 2048,
            "control_socket_disable": True,
            "proc_name": f"cortex_runtime {self.settings.api.name}",
        }
        if os.access("/dev/shm", os.W_OK):  # noqa: S108 - gunicorn's heartbeat file; a container's disk may be read-only
            config["worker_tmp_dir"] = "/dev/shm"  # noqa: S108
        for key, value in config.items():
            if key in self.cfg.settings:
                self.cfg.set(key, value)

    def load(self) -> Front:
        """Required by gunicorn; the app is made in the worker, where its event loop runs."""
        return None  # type: ignore[return-value]

    def run(self) -> None:
        """Serve until the end."""
        try:
            Master(self).run()
        except RuntimeError as error:
            log.error("%s", error)
            sys.exit(1)


def _not_about_a_failed_predictor(record: logging.LogRecord) -> bool:
    """Leave out how gunicorn says that the front has ended with ``PREDICTOR_FAILED``: the front has said why."""
    if isinstance(record.args, tuple) and record.args[-1:] == (PREDICTOR_FAILED,):
        return False
    return not str(record.msg).startswith(("Shutting down: ", "Reason: "))


class GunicornLogger(gunicorn.glogging.Logger):
    """Gunicorn's log as structured records: its warnings and errors only."""

    def setup(self, cfg: Any) -> None:
        """Send everything to the ``logging`` module's root, where our handler is."""
        self.error_log.propagate = self.access_log.propagate = True
        self.error_log.handlers[:] = self.access_log.handlers[:] = []
        self.error_log.setLevel(logging.WARNING)
        self.error_log.addFilter(_not_about_a_failed_predictor)
        self.access_log.setLevel(logging.WARNING)


def _allow_many_connections() -> None:
    """Raise the limit of open files, which for the sake of old programs is low unless a program asks for more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, MAX_FILES) if hard > 0 else MAX_FILES), hard))


def serve(settings: Settings) -> None:
    """Serve one replica until it is told to end; exits the process."""
    logs.configure(settings.log, {"api": settings.api.name})
    log.info(
        "starting %s at http://%s:%d%s, workers: %d, threads in each: %d",
        settings.api.name,
        settings.http.host,
        settings.http.port,
        settings.api.endpoint,
        settings.concurrency.workers,
        settings.concurrency.threads_per_worker,
    )
    _allow_many_connections()
    if settings.parent_pid is not None:
        end_with_parent(settings.parent_pid, signal.SIGTERM)
    ReplicaApplication(settings).run()
