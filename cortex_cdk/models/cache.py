"""A cache of folders on disk whose entries appear whole or not at all, shared safely by processes.

An entry is filled beside its place and then renamed to it, under a file lock that the system drops when a process dies.
So an interrupted fill leaves nothing that is used, and of several processes that want one entry a single one fills it.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

APP = "cortex-cdk"
_CONTENT = "model"
_SIZES = "sizes.json"


def user_cache_dir() -> Path:
    """The user's cache folder for models: ``$XDG_CACHE_HOME/cortex-cdk/models``, below ``~/.cache`` by default."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG base directory specification has relative paths ignored.
    root = Path(base) if Path(base).is_absolute() else Path.home() / ".cache"
    return root / APP / "models"


def entry(place: Path, fill: Callable[[Path], None]) -> Path:
    """Return the folder cached at ``place``, after filling it when it is absent or somebody has damaged it.

    Args:
        place: the entry; its parents are made as needed. The cached folder is ``place / "model"``.
        fill: writes the folder, which it finds empty; it may also write beside it. When it raises, nothing remains.

    Raises:
        OSError: when the cache cannot be written.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    content = place / _CONTENT
    with _locked(place.with_name(f"{place.name}.lock")):
        if _is_whole(place):
            return content
        partial = place.with_name(f"{place.name}.partial")
        for remains in (partial, place):
            if remains.exists():
                shutil.rmtree(remains)
        try:
            (partial / _CONTENT).mkdir(parents=True)
            fill(partial / _CONTENT)
            for beside in partial.iterdir():
                if beside.name != _CONTENT:
                    beside.unlink()
            (partial / _SIZES).write_text(json.dumps(_sizes(partial / _CONTENT)))
            partial.rename(place)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return content


def _sizes(folder: Path) -> dict[str, int]:
    """The size in bytes of each file, by its path relative to the folder."""
    return {str(file.relative_to(folder)): file.stat().st_size for file in sorted(folder.rglob("*")) if file.is_file()}


def _is_whole(place: Path) -> bool:
    """Whether the entry still has the files that it was filled with: people clear out caches by hand."""
    try:
        return bool(json.loads((place / _SIZES).read_text()) == _sizes(place / _CONTENT))
    except (OSError, ValueError):
        return False


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock, waiting for the process that has it. The file stays: removing it would race."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
