"""The models being served: each loads in its own thread, and its state can be asked for all the time.

States and words follow TensorFlow Serving's ``core/servable_state.h``, ``core/basic_manager.cc`` and
``model_servers/get_model_status_impl.cc``. Of each model one version is served, the one that its path resolves to.
"""

from __future__ import annotations

import enum
import os
import shutil
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import grpc

from cortex_cdk.local.model_server.errors import ServingError, invalid_argument, not_found
from cortex_cdk.local.model_server.servable import INIT_SIGNATURE, Servable, compile_signatures, load
from cortex_cdk.models.archive import unpack
from cortex_cdk.models.errors import ModelError
from cortex_cdk.models.layout import Export, find_export
from cortex_runtime.logs import Writer
from cortex_runtime.tf_serving import messages


class State(enum.IntEnum):
    """The states of ``ModelVersionStatus``."""

    START = 10
    LOADING = 20
    AVAILABLE = 30
    END = 50


@dataclass(frozen=True, slots=True)
class Status:
    """A model's state at one moment. ``version`` is None until the path has been resolved.

    ``servable`` is there when AVAILABLE; ``error`` when the model could not be loaded (END).
    """

    state: State
    version: int | None = None
    servable: Servable | None = None
    error: ServingError | None = None


class Registry:
    """The models by name. ``start`` loads them in the background; lookups never wait.

    Args:
        paths: by model name: an export folder, a folder of numbered versions, or a zip of either.
        log: what has been loaded or failed goes there.
        load_model: loads an export folder and version.
        threads: how many models load at once; others wait in START.
    """

    def __init__(
        self,
        paths: Mapping[str, Path],
        log: Writer,
        *,
        load_model: Callable[[Path, int], Servable] = load,
        threads: int | None = None,
    ) -> None:
        self._paths = dict(paths)
        self._log = log
        self._load_model = load_model
        self._turn = threading.Semaphore(threads or max(2, os.cpu_count() or 1))
        self._statuses = {name: Status(State.START) for name in paths}
        self._unpacked: list[Path] = []

    def start(self) -> None:
        """Begin to load every model."""
        for name in self._paths:
            # Daemons: TensorFlow cannot be interrupted while it loads, and a stop must not wait for it.
            threading.Thread(target=self._load, args=(name,), name=f"load-{name}", daemon=True).start()

    def close(self) -> None:
        """Remove what has been unpacked."""
        for folder in self._unpacked:
            shutil.rmtree(folder, ignore_errors=True)

    def servable(self, spec: messages.ModelSpec) -> Servable:
        """The model version that a request asks for.

        Raises:
            ServingError: INVALID_ARGUMENT when no name or a version label is given (there are none here); NOT_FOUND
                when there is no such model or version, or when it is not available (yet).
        """
        if not spec.name:
            raise invalid_argument("ModelSpec has no name specified.")
        choice = spec.WhichOneof("version_choice")
        if choice == "version_label":
            raise invalid_argument(f"Unrecognized servable version label: {spec.version_label}")
        status = self._statuses.get(spec.name)
        servable = status.servable if status else None
        if choice == "version":
            if servable is None or servable.version != spec.version.value:
                raise not_found(f"Servable not found for request: Specific({spec.name}, {spec.version.value})")
        elif servable is None:
            raise not_found(f"Servable not found for request: Latest({spec.name})")
        return servable

    def status(self, spec: messages.ModelSpec) -> Status:
        """The state of the model that a request asks for.

        Raises:
            ServingError: NOT_FOUND when there is no such model or version.
        """
        status = self._statuses.get(spec.name)
        if spec.HasField("version"):
            if status is None or status.version != spec.version.value:
                raise not_found(f"Could not find version {spec.version.value} of model {spec.name}")
        elif status is None:
            raise not_found(f"Could not find any versions of model {spec.name}")
        return status

    def _load(self, name: str) -> None:
        version = None
        with self._turn:
            self._statuses[name] = Status(State.LOADING)
            began = time.monotonic()
            try:
                export = self._export(name)
                version = export.version
                self._statuses[name] = Status(State.LOADING, version)
                servable = self._load_model(export.path, version)
                broken = compile_signatures(servable)
            except Exception as error:
                failure = _failure(error)
                self._statuses[name] = Status(State.END, version, error=failure)
                self._log.write("error", "model could not be loaded", model=name, version=version, error=str(failure))
                return
        for signature, problem in broken.items():
            self._log.write(
                "warning", "signature cannot be called", model=name, signature=signature, error=str(problem)
            )
        self._statuses[name] = Status(State.AVAILABLE, version, servable)
        self._log.write(
            "info",
            "model available",
            model=name,
            version=version,
            seconds=round(time.monotonic() - began, 2),
            signatures=",".join(sorted(set(servable.signatures) - {INIT_SIGNATURE})),
        )

    def _export(self, name: str) -> Export:
        path = self._paths[name]
        if path.is_file() and (path.suffix.lower() == ".zip" or zipfile.is_zipfile(path)):
            # It stays until the end: a graph may read its assets whenever it runs.
            folder = Path(tempfile.mkdtemp(prefix="cortex-model-server-"))
            self._unpacked.append(folder)
            return unpack(path, folder / "model")
        return find_export(path)


def _failure(error: Exception) -> ServingError:
    """What GetModelStatus tells of a model that could not be loaded."""
    if isinstance(error, ServingError):
        return error
    if isinstance(error, ModelError):
        return not_found(str(error))
    return ServingError(grpc.StatusCode.UNKNOWN, f"{type(error).__name__}: {error}")
