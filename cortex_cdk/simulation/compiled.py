"""``compiled``: a function made into machine code by numba on its first call, kept on disk where possible.

Compiling takes some seconds, so the machine code is kept, in ``$XDG_CACHE_HOME/cortex-cdk/machine-code``, below
``~/.cache`` by default, or below ``$NUMBA_CACHE_DIR``. What numba keeps is good until the function's own file changes,
whatever becomes of functions and constants that it takes from other files. So there is a folder for each state of all
files that have compiled functions, and of numba: code that was made from anything else is never found. Old folders may
be deleted at any time.

Where no folder can be written to, and for functions of other files, each process compiles for itself.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar, cast

try:
    import numba
except ImportError as error:  # pragma: no cover
    raise ImportError("simulations need numba: pip install 'cortex-cdk[simulate]'") from error

F = TypeVar("F", bound=Callable[..., Any])


_config: Any = numba.config


def compiled(function: F) -> F:
    """Compile ``function`` on its first call.

    What it takes from other files of this project has to come from such that have compiled functions, too.
    """
    made: Any = None
    is_source = os.path.realpath(function.__code__.co_filename) in SOURCES
    if FOLDER is not None and is_source and not _config.DISABLE_JIT:
        made = _kept(function, FOLDER)
    return cast(F, numba.njit(function) if made is None else made)


def _kept(function: Callable[..., Any], folder: str) -> Any:
    """Compiled, and kept in the folder; None where numba would keep it elsewhere."""
    before, _config.CACHE_DIR = _config.CACHE_DIR, folder
    try:
        made: Any = numba.njit(cache=True)(function)
    except RuntimeError:  # it finds no folder at all
        return None
    finally:
        _config.CACHE_DIR = before
    return made if made.stats.cache_path.startswith(folder) else None


def _sources() -> dict[str, bytes]:
    """The files of this package that have compiled functions, and this one, by path."""
    here = Path(os.path.realpath(__file__))
    texts = {path: path.read_bytes() for path in sorted(here.parent.rglob("*.py"))}
    uses = re.compile(rb"^\s*@compiled\b", re.MULTILINE)
    return {str(path): text for path, text in texts.items() if path == here or uses.search(text)}


def _folder(sources: dict[str, bytes]) -> str | None:
    """The folder for machine code of these files, made if need be; None when it cannot be written to."""
    digest = hashlib.sha256(" ".join(map(version, ("numba", "llvmlite", "numpy"))).encode())
    for path, text in sources.items():
        digest.update(f"\n{path} {len(text)}\n".encode() + text)
    try:
        folder = Path(_config.CACHE_DIR or _user_cache(), "cortex-cdk", "machine-code", digest.hexdigest()[:20])
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except (OSError, RuntimeError):  # RuntimeError: of a user without a home
        return None
    return str(folder)


def _user_cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME", "")
    # Relative paths are invalid: https://specifications.freedesktop.org/basedir-spec/latest/
    return Path(base) if Path(base).is_absolute() else Path.home() / ".cache"


SOURCES = _sources()
FOLDER = _folder(SOURCES)
