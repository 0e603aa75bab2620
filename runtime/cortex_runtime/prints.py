"""What predictors print, as log records with the id of the request that was running."""

from __future__ import annotations

import io
import sys
import threading
from typing import Any, TextIO

from .logs import Writer, running_request_id


class PrintStream(io.TextIOBase):
    """Stands in for ``sys.stdout`` or ``sys.stderr`` in a worker: each printed line becomes a record at once.

    Predictors' prints so appear with the id of the request that was running. What is written to the file descriptor
    itself (``.buffer``, C code, child processes) goes through as it is.
    """

    def __init__(self, writer: Writer, original: TextIO, name: str) -> None:
        self._writer = writer
        self._original = original
        self._name = name
        self._pending: dict[int, str] = {}  # by thread: the line that has no end yet

    def write(self, text: str) -> int:
        """Write the complete lines of ``text`` and keep the rest for later."""
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        thread = threading.get_ident()
        *lines, rest = (self._pending.pop(thread, "") + text).split("\n")
        for line in lines:
            self._print(line)
        if rest:
            self._pending[thread] = rest
        return len(text)

    def flush(self) -> None:
        """Do nothing: a line without an end is kept until it has one, or until the end of the request."""

    def end_of_request(self) -> None:
        """Write what this thread has printed without a line end."""
        if rest := self._pending.pop(threading.get_ident(), ""):
            self._print(rest)

    def _print(self, line: str) -> None:
        line = line.rstrip("\r").rsplit("\r", 1)[-1]  # of a progress bar, its last state
        if line:
            self._writer.write("info", line, stream=self._name, request_id=running_request_id())

    @property
    def buffer(self) -> Any:  # type of TextIO.buffer: BinaryIO
        """The bytes stream below, unstructured."""
        return self._original.buffer

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """Always UTF-8."""
        return "utf-8"

    def fileno(self) -> int:
        """The file descriptor of the stream that this one stands in for."""
        return self._original.fileno()

    def isatty(self) -> bool:
        """False: lines become records, so terminal codes would only garble them."""
        return False

    def writable(self) -> bool:
        """True."""
        return True


def capture_prints(writer: Writer) -> tuple[PrintStream, PrintStream]:
    """Turn what is printed in this process into log records; returns the new ``sys.stdout`` and ``sys.stderr``."""
    streams = (PrintStream(writer, sys.stdout, "stdout"), PrintStream(writer, sys.stderr, "stderr"))
    sys.stdout, sys.stderr = streams
    return streams
