"""Structured logs: one record a line, JSON for machines or text for a terminal.

Everything ends up in one writer: the ``logging`` module's records, the access log, and what predictors print. Lines
go to file descriptor 1 with a single ``write``. A pipe takes lines of more than ``PIPE_BUF`` bytes in parts, between
which those of other processes would come: therefore a process that writes to a pipe has it locked.
"""

from __future__ import annotations

import fcntl
import logging
import os
import stat
import threading
import time
import traceback
from typing import Any

import orjson

from .settings import Log

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
CHATTY_LIBRARIES = (
    *("absl", "asyncio", "boto3", "botocore", "falcon", "filelock", "fsspec", "grpc", "gunicorn", "h5py", "httpcore"),
    *("httpx", "matplotlib", "numba", "PIL", "requests", "s3transfer", "tensorflow", "urllib3", "uvicorn"),
)
"""Whose loggers are shown from WARNING on."""

LONGEST_WHOLE = 65536
"""What a pipe holds. Other processes do not wait for longer lines, since it may take long until they are read."""

_COLOURS = {"warning": "\x1b[33m", "error": "\x1b[31m", "critical": "\x1b[31m", "debug": "\x1b[2m"}
_RESET, _DIM = "\x1b[0m", "\x1b[2m"

_running = threading.local()
_writing = threading.Lock()  # a pipe takes long lines in parts
os.register_at_fork(before=_writing.acquire, after_in_parent=_writing.release, after_in_child=_writing.release)


def set_request_id(request_id: str | None) -> None:
    """The id that this thread's log lines and prints carry from now on."""
    _running.request_id = request_id


def running_request_id() -> str | None:
    """The id of the request that this thread runs, if it runs one."""
    return getattr(_running, "request_id", None)


class Writer:
    """Writes records as lines to a file descriptor.

    Args:
        settings: level and format.
        context: fields of every record, such as ``{"api": "iris", "worker": 1}``.
        fd: where to; standard output unless told.
    """

    def __init__(self, settings: Log, context: dict[str, Any], fd: int = 1) -> None:
        self.fd = fd
        self.level = LEVELS[settings.level]
        self._shared = _is_pipe(fd)
        terminal = os.isatty(fd)
        self.text = settings.format == "text" or (settings.format == "auto" and terminal)
        self._colour = terminal and "NO_COLOR" not in os.environ
        self._context = context
        self._second = -1, ""  # the last that was written: most lines have it, too
        self._source = " ".join(f"{k} {v}" if k == "worker" else str(v) for k, v in context.items())

    def write(self, level: str, message: str, **fields: Any) -> None:
        """Write one record, if its level is at least the configured one; prints (``stream=...``) always.

        ``fields`` with the value None are left out.
        """
        if LEVELS.get(level, logging.CRITICAL) < self.level and "stream" not in fields:
            return
        now = time.time()
        fields = {k: v for k, v in fields.items() if v is not None}
        self.write_line(
            self._as_text(now, level, message, fields) if self.text else self._as_json(now, level, message, fields)
        )

    def write_line(self, line: bytes) -> None:
        """Write lines that are complete, with their ends."""
        with _writing:
            locked = self._shared and len(line) <= LONGEST_WHOLE and _lock(self.fd)
            try:
                while line:
                    line = line[os.write(self.fd, line) :]
            except OSError:  # disk full, reader gone: that must not take the service with it
                pass
            finally:
                if locked:
                    fcntl.lockf(self.fd, fcntl.LOCK_UN)

    def _as_json(self, now: float, level: str, message: str, fields: dict[str, Any]) -> bytes:
        second, words = self._second
        if second != int(now):
            second = int(now)
            words = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
            self._second = second, words
        stamp = f"{words}.{int(now % 1 * 1000):03d}Z"
        record = {"time": stamp, "level": level, "message": message, **self._context, **fields}
        try:
            return orjson.dumps(record, default=str, option=orjson.OPT_APPEND_NEWLINE)
        except orjson.JSONEncodeError:  # lone surrogates
            record = {k: v.encode(errors="replace").decode() if isinstance(v, str) else v for k, v in record.items()}
            return orjson.dumps(record, default=str, option=orjson.OPT_APPEND_NEWLINE)

    def _as_text(self, now: float, level: str, message: str, fields: dict[str, Any]) -> bytes:
        trace = fields.pop("traceback", None)
        fields.pop("status", None)  # the access log's message has it
        stamp = time.strftime("%H:%M:%S", time.localtime(now)) + f".{int(now % 1 * 1000):03d}"
        rest = "  ".join(f"{k}={v}" for k, v in fields.items())
        if self._colour:
            colour = _COLOURS.get(level, "")
            head = f"{_DIM}{stamp}  {self._source}{_RESET}  {colour}{message}{_RESET if colour else ''}"
            rest = f"{_DIM}{rest}{_RESET}" if rest else ""
        else:
            tag = f"{level.upper()}: " if level in _COLOURS else ""
            head = f"{stamp}  {self._source}  {tag}{message}"
        text = "  ".join(part for part in (head, rest) if part) + "\n"
        if trace:
            text += trace if trace.endswith("\n") else trace + "\n"
        return text.encode(errors="replace")


def _is_pipe(fd: int) -> bool:
    try:
        return stat.S_ISFIFO(os.fstat(fd).st_mode)
    except OSError:  # it is closed
        return False


def _lock(fd: int) -> bool:
    """Wait until no other process writes to a pipe; its end unlocks, too. False where pipes cannot be locked."""
    try:
        fcntl.lockf(fd, fcntl.LOCK_EX)
    except OSError:
        return False
    return True


class Handler(logging.Handler):
    """Sends the ``logging`` module's records to a writer, with their traceback and the running request's id."""

    def __init__(self, writer: Writer) -> None:
        super().__init__(writer.level)
        self._writer = writer

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record; a broken record is reported by ``logging`` itself."""
        try:
            trace = None
            if record.exc_info and record.exc_info[1] is not None:
                trace = "".join(traceback.format_exception(record.exc_info[1]))
            self._writer.write(
                record.levelname.lower(),
                record.getMessage(),
                logger=record.name if not record.name.startswith("cortex_runtime") else None,
                request_id=getattr(record, "request_id", None) or running_request_id(),
                traceback=getattr(record, "traceback", None) or trace,
            )
        except Exception:
            self.handleError(record)


def configure(settings: Log, context: dict[str, Any]) -> Writer:
    """Send all of ``logging`` to standard output in the configured format; returns the writer for direct use."""
    writer = Writer(settings, context)
    root = logging.getLogger()
    root.handlers[:] = [Handler(writer)]
    root.setLevel(writer.level)  # for the predictor's own loggers
    for library in CHATTY_LIBRARIES:
        logging.getLogger(library).setLevel(max(writer.level, logging.WARNING))
    logging.captureWarnings(True)
    return writer
