"""One run of ``cortex-cdk serve``: from a validated project to the last process ended.

Signals end it: the first SIGINT, SIGTERM or SIGHUP gracefully, a second one at once. With ``reload``, a change of the
project's files replaces what it concerns.
"""

from __future__ import annotations

import asyncio
import signal
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cortex_cdk.local.model_server_process import NoModelServerError
from cortex_cdk.local.model_store import Download, LocalModel, ModelStore
from cortex_cdk.local.serving import LocalServing, Options
from cortex_cdk.models.errors import ModelError
from cortex_cdk.spec.model import ApiSpec, Project

if TYPE_CHECKING:
    from watchfiles import Change

WATCHED = frozenset({".py", ".yaml", ".yml", ".json", ".txt"})
"""Suffixes of files whose change is served: sources, not what a predictor may write beside them."""
MODEL_POLL_MS = 1000

Prepare = Callable[[], Project | None]
"""Reads the project again; None, after saying why, when it is not valid."""


class Session:
    """Serves a project until it is told to stop.

    Args:
        project: what to serve.
        options: how.
        replacements: local models by API name (``--model``).
        say: takes lines about what happens.
        on_ready: called with each API that has become ready, and its URL.
        download: for models in S3.
    """

    def __init__(
        self,
        project: Project,
        options: Options,
        *,
        replacements: Mapping[str, Path],
        say: Callable[[str], None],
        on_ready: Callable[[ApiSpec, str], None],
        download: Download,
    ) -> None:
        self._project = project
        self._options = options
        self._replacements = replacements
        self._say = say
        self._on_ready = on_ready
        self._download = download
        self._stop = asyncio.Event()

    def run(self, prepare: Prepare | None = None) -> int:
        """Serve; returns the exit status. With ``prepare``, files are watched and changes are served.

        Raises:
            ModelError: when a model cannot be had.
            NoModelServerError, PortTakenError: when nothing can be served here.
        """
        with tempfile.TemporaryDirectory(prefix="cortex-cdk-") as folder:
            models_folder = Path(folder) / "models"
            models_folder.mkdir()
            store = ModelStore(models_folder, self._download, self._replacements)
            models = self._models(store, self._project)
            return asyncio.run(self._serve(Path(folder), store, models, prepare))

    def _models(self, store: ModelStore, project: Project) -> dict[str, LocalModel]:
        if self._options.model_server is not None:
            return {}
        return {api.name: store.add(api) for api in project.apis}

    async def _serve(
        self, folder: Path, store: ModelStore, models: dict[str, LocalModel], prepare: Prepare | None
    ) -> int:
        serving = LocalServing(self._options, folder, store, say=self._say, on_ready=self._on_ready)
        self._handle_signals(serving)
        failed = asyncio.create_task(self._failed(serving, wait_for_change=prepare is not None))
        tasks: list[asyncio.Task[Any]] = [asyncio.create_task(self._stop.wait()), failed]
        started = False
        try:
            await serving.start(self._project, models)
            started = True
            if prepare is not None:
                tasks.append(asyncio.create_task(self._reload(serving, store, prepare)))
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                if task.done() and not task.cancelled():
                    task.result()  # an error of the reload is not swallowed
            return 1 if failed.done() else 0
        finally:
            if started:
                self._say("stopping")
            await serving.stop()
            for task in tasks:
                task.cancel()

    async def _failed(self, serving: LocalServing, *, wait_for_change: bool) -> None:
        """Say which API cannot be served as it is; returns when that is the end."""
        while True:
            api = await serving.failed()
            self._say(f"{api} cannot be served: its error is in the log above")
            if not wait_for_change:
                return
            self._say("waiting for a change of the project's files")

    def _handle_signals(self, serving: LocalServing) -> None:
        def stop() -> None:
            if self._stop.is_set():
                serving.kill()
            self._stop.set()

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, stop)

    async def _reload(self, serving: LocalServing, store: ModelStore, prepare: Prepare) -> None:
        from watchfiles import DefaultFilter, awatch

        ignored = DefaultFilter()

        def watched(change: Change, path: str) -> bool:
            return Path(path).suffix in WATCHED and ignored(change, path)

        sources: set[Path] = set()
        models_changed = False
        seen = await asyncio.to_thread(store.fingerprint, self._project.apis)
        watch = awatch(self._project.folder, watch_filter=watched, yield_on_timeout=True, rust_timeout=MODEL_POLL_MS)
        async for changes in watch:
            sources |= {Path(path) for _, path in changes}
            # Models may lie elsewhere, and files that appear together with their folder cause no event.
            now = await asyncio.to_thread(store.fingerprint, self._project.apis)
            if now != seen:
                seen, models_changed = now, True
                continue  # it may still be being written
            if not sources and not models_changed:
                continue
            self._say(f"changed: {self._changed(sources, models_changed)}")
            sources, restart_model_server, models_changed = set(), models_changed, False
            project = await asyncio.to_thread(prepare)
            if project is None:
                self._say("what was served before the change is still there")
                continue
            try:
                models = await asyncio.to_thread(self._models, store, project)
                await serving.change(project, models, models_changed=restart_model_server)
            except (ModelError, NoModelServerError, OSError) as error:
                self._say(f"error: {error}")
                continue
            self._project = project
            seen = await asyncio.to_thread(store.fingerprint, project.apis)

    @staticmethod
    def _changed(sources: set[Path], models_changed: bool) -> str:
        names = ["a model"] if models_changed else []
        names += sorted(path.name for path in sources)
        return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
