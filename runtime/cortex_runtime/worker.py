"""A predictor worker: one process that builds the user's predictor and runs ``predict`` in its threads.

Started by the front as ``python -m cortex_runtime.worker FD INDEX PID STACKS``: socket, index, the front's process, and
a pipe for ``stacks``.
Its threads take turns at reading the socket: the one that reads a request also runs it, so that no request is handed
from thread to thread.
"""

from __future__ import annotations

import contextlib
import gc
import inspect
import logging
import os
import signal
import socket
import sys
import threading
import time
import traceback
import types
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import TracebackType
from typing import Any

from . import answer, frames, logs, predictor_interface, prints, serialization
from .errors import ModelInputError, ModelServerError
from .frames import Kind
from .parent import end_with_parent
from .settings import Settings, parse
from .stacks import answer_with_stacks
from .tracker import observe

log = logging.getLogger("cortex_runtime.worker")  # not __name__: it is run as __main__

SHOWN = 2000
"""Characters of a payload or a prediction that ``?debug=true`` logs."""


MODULE_NAME = "cortex_predictor"
"""What Cortex called the module of a predictor: it may have pickled with this name."""


class PredictorError(Exception):
    """The predictor's file does not hold what it must."""


def load_predictor_class(project: Path, path: str) -> type:
    """Import the predictor's file and return its class.

    Raises:
        PredictorError: when there is no class of the right name, or its methods have other parameters.
        Exception: whatever the file itself raises.
    """
    loader = SourceFileLoader(MODULE_NAME, str(project / path))  # whatever the file is called
    module = types.ModuleType(MODULE_NAME)
    module.__file__, module.__loader__ = loader.path, loader
    sys.modules[MODULE_NAME] = module
    loader.exec_module(module)
    found = getattr(module, predictor_interface.CLASS_NAME, None)
    if not inspect.isclass(found):
        raise PredictorError(f"{path} defines no class {predictor_interface.CLASS_NAME}")
    for method in predictor_interface.METHODS:
        function = getattr(found, method, None)
        if function is None or function is getattr(object, method, None):
            raise PredictorError(f"{path}: {found.__name__} must define `{predictor_interface.expected(method)}`")
        if not callable(function):
            raise PredictorError(f"{path}: {found.__name__}.{method} is no function")
        if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
            raise PredictorError(f"{path}: {found.__name__}.{method} must not be async")
        with contextlib.suppress(ValueError):  # a callable without a readable signature
            if problem := predictor_interface.signature_problem(method, inspect.signature(function)):
                raise PredictorError(f"{path}: {problem}")
    return found


def build_predictor(settings: Settings) -> Any:
    """Import the predictor, wait for the model server, and build the one instance of this process."""
    from .tf_serving.client import TensorFlowClient  # before the user's folder can shadow what it imports

    project = Path(settings.predictor.project_dir).absolute()
    os.chdir(project)
    _add_to_import_path(str((project / settings.predictor.python_path).resolve()))
    predictor_class = load_predictor_class(project, settings.predictor.path)
    model = settings.model_server
    client = TensorFlowClient(
        model.address, model_name=model.model_name, signature_key=model.signature_key, timeout_s=model.timeout_s
    )
    return predictor_class(client, settings.predictor.config)


def _add_to_import_path(folder: str) -> None:
    """Add the user's folder before installed packages, but behind the standard library."""
    at = next((i for i, p in enumerate(sys.path) if p.endswith(("site-packages", "dist-packages"))), len(sys.path))
    sys.path.insert(at, folder)


class Connection:
    """The socket to the front, shared by the threads."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._reader = sock.makefile("rb")  # buffered: a small frame is one call to the kernel
        self._reading = threading.Lock()
        self._writing = threading.Lock()

    def receive(self) -> frames.Frame | None:
        """Wait for the next frame; None when the front has hung up."""
        with self._reading:
            try:
                return frames.read(self._reader)
            except ConnectionError:
                return None

    def send(self, kind: Kind, number: int = 0, meta: bytes = b"", body: bytes = b"") -> bool:
        """Send one frame; False when the front has hung up."""
        head = frames.head(kind, number, meta, len(body))
        with self._writing:
            try:
                if len(body) < 65536:
                    self._socket.sendall(head + body)
                else:
                    self._socket.sendall(head)
                    self._socket.sendall(body)
            except ConnectionError:
                return False
        return True


class Worker:
    """The loop of this process.

    Args:
        settings: of the replica.
        connection: the socket to the front.
        predictor: the user's instance.
    """

    def __init__(
        self,
        settings: Settings,
        connection: Connection,
        predictor: Any,
        streams: tuple[prints.PrintStream, ...] = (),
    ) -> None:
        self._settings = settings
        self._connection = connection
        self._predict = predictor.predict
        self._streams = streams

    def run(self) -> None:
        """Answer requests until the front hangs up."""
        for i in range(1, self._settings.concurrency.threads_per_worker):
            threading.Thread(target=self._loop, name=f"predict-{i}", daemon=True).start()
        self._loop()

    def _loop(self) -> None:
        while (frame := self._connection.receive()) is not None:
            request_id = frame.meta.decode()
            logs.set_request_id(request_id)
            try:
                meta, result = self._answer(request_id, frame.body, frame.kind == Kind.REQUEST_DEBUG)
            except BaseException as error:  # out of memory, say: the slot must be given back all the same
                self._log_failure("the request could not be answered", error)
                meta, result = _error(500, "the request could not be answered; the reason is in the log", request_id)
            for stream in self._streams:
                stream.end_of_request()
            logs.set_request_id(None)
            if not self._connection.send(Kind.ANSWER, frame.id, answer.encode(meta), result):
                return

    def _answer(self, request_id: str, body: bytes, debug: bool) -> tuple[answer.AnswerMeta, bytes]:
        try:
            payload = serialization.loads(body)
        except serialization.PayloadError as error:
            return _error(400, str(error), request_id)
        if debug:
            log.info("debug: payload: %s", shorten(body.strip()))
        try:
            prediction = self._predict(payload)
        except ModelInputError as error:
            log.warning("the model input does not fit: %s", error)
            return _error(400, str(error), request_id, error.details())
        except BaseException as error:
            self._log_failure("predict() failed", error)
            words = "the model server failed" if isinstance(error, ModelServerError) else "predict() failed"
            return _error(500, f"{words}; the traceback is in the log", request_id)
        try:
            if isinstance(prediction, bytes | bytearray | memoryview):
                result, content_type = bytes(prediction), answer.BYTES
            else:
                result, content_type = serialization.dumps(prediction), answer.JSON
        except Exception as error:
            self._log_failure(f"the prediction, a {type(prediction).__name__}, cannot be written as JSON", error)
            return _error(500, "the prediction cannot be written as JSON; the reason is in the log", request_id)
        if debug:
            log.info("debug: prediction: %s", shorten(result))
        tracker = self._settings.tracker
        observation = observe(tracker, prediction) if tracker is not None else None
        return answer.AnswerMeta(200, content_type, observation), result  # type: ignore[arg-type]

    def _log_failure(self, message: str, error: BaseException) -> None:
        log.error("%s: %s: %s", message, type(error).__name__, error, extra={"traceback": user_traceback(error)})


def _error(status: int, message: str, request_id: str, details: Any = None) -> tuple[answer.AnswerMeta, bytes]:
    body = {"error": message, **(details or {}), "request_id": request_id}
    return answer.AnswerMeta(status), serialization.dumps(body)


def shorten(data: bytes) -> str:
    """At most ``SHOWN`` characters of ``data`` as text, and how much is missing."""
    text = data[: 4 * SHOWN].decode(errors="replace")  # a character has up to 4 bytes
    if len(data) <= 4 * SHOWN and len(text) <= SHOWN:
        return text
    return f"{text[:SHOWN]}... ({len(data)} bytes in all)"


def user_traceback(error: BaseException) -> str:
    """The traceback of an error without the frames of this file that called the user's code."""
    trace: TracebackType | None = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    return "".join(traceback.format_exception(type(error), error, trace))


def quiet_garbage_collector() -> None:
    """Take what exists now out of garbage collections, and make them rare.

    A large JSON payload is many thousand lists; with Python's defaults, collections triggered by them take longer than
    parsing.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 50)


def main() -> int:
    """Run one worker; see the top of this file for the arguments."""
    began = time.perf_counter()
    sock = socket.socket(fileno=int(sys.argv[1]))
    sock.set_inheritable(False)
    # The front tells workers when to end, by hanging up. Handlers, since ignored signals are inherited by children.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    answer_with_stacks(int(sys.argv[4]))
    end_with_parent(int(sys.argv[3]), signal.SIGKILL)  # on Linux: even when predict() hangs and nobody reads the socket
    connection = Connection(sock)
    first = connection.receive()
    if first is None:
        return 1
    settings = parse(first.body)
    writer = logs.configure(settings.log, {"api": settings.api.name, "worker": int(sys.argv[2])})
    streams = prints.capture_prints(writer)
    try:
        try:
            predictor = build_predictor(settings)
        finally:
            for stream in streams:
                stream.end_of_request()
    except BaseException as error:
        reason = str(error) if isinstance(error, PredictorError) else f"{type(error).__name__}: {error}"
        trace = "" if isinstance(error, PredictorError) else user_traceback(error)
        connection.send(Kind.FAILED, 0, reason.encode(errors="replace")[:4000], trace.encode(errors="replace"))
        return 1
    quiet_garbage_collector()
    connection.send(Kind.READY)
    log.debug("built the predictor in %.2f s", time.perf_counter() - began)
    Worker(settings, connection, predictor, streams).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
