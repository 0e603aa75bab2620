"""TensorFlow, imported once, late and quietly: the server's port is open and answers while the import runs."""

from __future__ import annotations

import importlib
import importlib.util
import logging
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_lock = threading.Lock()
_tensorflow: Any = None


def is_installed() -> bool:
    """Whether TensorFlow can be found, without importing it."""
    return importlib.util.find_spec("tensorflow") is not None


def import_tensorflow() -> Any:
    """The module ``tensorflow``; the first call takes seconds."""
    global _tensorflow  # noqa: PLW0603 - every call to a model passes here, and must not wait for the lock
    if _tensorflow is None:
        with _lock:  # else two models that load at once would both redirect standard error
            if _tensorflow is None:
                _tensorflow = _import()
    return _tensorflow


def _import() -> Any:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # 2 is errors and worse
    with _held_back_stderr():
        tensorflow = importlib.import_module("tensorflow")
    tensorflow.get_logger().setLevel(logging.ERROR)
    return tensorflow


@contextmanager
def _held_back_stderr() -> Iterator[None]:
    """Hold back what is written to file descriptor 2, and write it only if the import fails.

    TensorFlow's C++ code greets there before its log level counts.
    """
    sys.stderr.flush()
    original = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            os.dup2(original, 2)
            held.seek(0)
            os.write(2, held.read())
            raise
        finally:
            os.dup2(original, 2)
            os.close(original)
