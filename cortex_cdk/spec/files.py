"""What the paths in ``cortex.yaml`` name. Nothing outside the project's folder is part of the project."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from cortex_cdk.spec.s3_uri import S3Uri


class BadPath(Exception):
    """A path cannot be used; the message says why. ``allowed`` is set where it is less than elsewhere."""

    def __init__(self, message: str, hint: str | None = None, allowed: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.allowed = allowed


def predictor_file(folder: Path, text: str) -> Path:
    """The absolute path of a file below ``folder``.

    Raises:
        BadPath: when there is none, or it is outside.
    """
    path = _below(folder, text)
    if path.is_dir():
        raise BadPath("is a folder", "name the Python file that defines the class TensorFlowPredictor")
    if not path.is_file():
        raise BadPath("no such file", _similar(path))
    return path


def python_path(folder: Path, text: str) -> Path:
    """The absolute path of ``folder`` or a folder below it.

    Raises:
        BadPath: when there is none, or it is outside.
    """
    path = _below(folder, text)
    if path.is_file():
        raise BadPath("is a file", "name a folder; modules in the folder of cortex.yaml are found without this key")
    if not path.is_dir():
        raise BadPath("no such folder")
    return path


def model_location(folder: Path, text: str, *, allow_local: bool) -> S3Uri | Path:
    """Where a model is. A local path is made absolute; whether there is a model is not looked at.

    Raises:
        BadPath: when it is neither an S3 URI nor a local path, or the latter is not allowed.
    """
    if text.startswith("s3://"):
        try:
            return S3Uri.parse(text)
        except ValueError as error:
            raise BadPath(str(error)) from None
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]*):", text)
    if scheme:
        hint = "write s3:// with small letters and two slashes" if scheme[1].lower() in ("s3", "s3a", "s3n") else None
        raise BadPath(f"models are not read from {scheme[1]}:", hint)
    if not allow_local:
        message = "a local path, which only works when serving locally"
        raise BadPath(message, "upload the model and write its S3 URI", allowed="s3://bucket/key")
    return Path(folder, text)


def normal(text: str) -> str:
    """A relative path without ``./``, ``//`` and ``..`` inside: ``./src//a.py`` is ``src/a.py``."""
    parts: list[str] = []
    for part in PurePosixPath(text).parts:
        if part == ".." and parts:
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts) or "."


def _below(folder: Path, text: str) -> Path:
    if text.startswith(("/", "~")):
        raise BadPath("not a path relative to the folder of cortex.yaml")
    if normal(text).split("/")[0] == "..":
        raise BadPath("outside the folder of cortex.yaml", "only what is in that folder is part of the project")
    path = folder / normal(text)
    try:
        path.exists()  # raises where the name is too long
        outside = not path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError) as error:  # a name that is too long, links in a circle
        raise BadPath(f"cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if outside:
        raise BadPath(
            "a link to something outside the folder of cortex.yaml", "only what is in that folder is deployed"
        )
    return path


def _similar(path: Path) -> str | None:
    if path.suffix != ".py" and path.with_name(f"{path.name}.py").is_file():
        return f"did you mean {path.name}.py?"
    return None
