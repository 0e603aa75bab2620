"""Reads a file as one YAML document; what prevents that is a problem like any other."""

from __future__ import annotations

from pathlib import Path

from cortex_cdk.spec.problem import Problem, SpecError
from cortex_cdk.spec.yaml_document import Document, EmptyDocumentError, read
from cortex_cdk.spec.yaml_nodes import DocumentError, content_of, decode


def read_file(path: Path, name: str) -> Document | None:
    """The document, or None when the file is empty.

    Args:
        path: the file.
        name: of such files, for hints.

    Raises:
        SpecError: with the one problem, when there is no file or it cannot be read.
    """
    shown = str(path)
    try:
        content = content_of(path)
    except OSError as error:
        message = f"cannot be read: {error.strerror}"
        raise SpecError([Problem(shown, message, hint=_hint(path, name, error))]) from None
    except ValueError as error:  # a NUL in the path
        raise SpecError([Problem(shown, f"cannot be read: {error}")]) from None
    try:
        return read(decode(content))
    except EmptyDocumentError:
        return None
    except DocumentError as error:
        place = error.place
        line, column = (place.line, place.column) if place else (None, None)
        raise SpecError([Problem(shown, error.message, line, column, hint=error.hint)]) from None


def _hint(path: Path, name: str, error: OSError) -> str | None:
    if isinstance(error, IsADirectoryError):
        return f"name the file: {path / name}"
    if isinstance(error, FileNotFoundError):
        return f"run the command in the folder of {name}, or name the file"
    return None
