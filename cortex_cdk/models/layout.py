"""Where in a listing of files the model to serve is: the rules for exports and folders of numbered versions.

The rules work on relative paths alone, so that the same code judges local folders, zips and S3 prefixes. They follow
TensorFlow's own loader:

- An *export* is a folder with ``saved_model.pb`` (or ``saved_model.pbtxt``). ``variables/`` may be absent, since a
  model without variables has none, but a partly copied one is an error: values without ``variables.index``, the index
  without values, or a missing shard.
- In a folder of *versions*, every subfolder whose name is a whole number is a version and the highest number wins.
  Other names are ignored. The highest is never passed over for an older one because it is incomplete: that is an error.
- A folder that itself is an export is served as such, whatever else it holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from cortex_cdk.models.errors import LayoutError

GRAPH_FILES = ("saved_model.pb", "saved_model.pbtxt")
BARE_VERSION = 1  # the version of an export outside a numbered folder

EXPECTED = """\
expected a TensorFlow export:
    saved_model.pb
    variables/
        variables.index
        variables.data-00000-of-00001
or a folder of numbered versions of one, of which the highest number is served:
    1/
        saved_model.pb
        variables/"""

_VERSION = re.compile(r"[0-9]{1,30}")
_MAX_VERSION = 2**63 - 1  # TensorFlow Serving keeps versions as int64
_SHARD = re.compile(r"variables\.data-[0-9]{5}-of-([0-9]{5})")
_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Location:
    """Where the export is in a listing: ``folder`` is relative and POSIX, empty for the listing's root."""

    folder: str
    version: int

    def holds(self, file: str) -> bool:
        """Whether ``file`` of the same listing belongs to the export."""
        return not self.folder or file.startswith(f"{self.folder}/")


@dataclass(frozen=True, slots=True)
class Export:
    """A TensorFlow export on disk. ``version`` is its folder's number, or 1 for an export outside a numbered folder."""

    path: Path
    version: int


def version_number(name: str) -> int | None:
    """The version that a folder's name stands for, or None. Leading zeros are fine: ``0010`` is 10."""
    return int(name) if _VERSION.fullmatch(name) and int(name) <= _MAX_VERSION else None


def locate(files: Iterable[str], where: str, *, top_folder: bool = False) -> Location:
    """Find the export to serve.

    Args:
        files: relative POSIX paths; one that ends in ``/`` stands for a folder that may be empty.
        where: what the listing is of, for error messages.
        top_folder: also look inside a single top folder, as zips often have one.

    Raises:
        LayoutError: when there is none, it is incomplete, or two folders claim to be the highest version.
    """
    tree = _Tree(files)
    folder = ""
    while top_folder and not tree.is_export(folder) and not tree.versions(folder):
        inner = tree.folders(folder)
        if len(inner) != 1:
            break
        folder = _join(folder, inner[0])
    if tree.is_export(folder):
        location = Location(folder, BARE_VERSION)
    elif versions := tree.versions(folder):
        highest = max(versions)
        if len(versions[highest]) > 1:
            names = " and ".join(f"{name}/" for name in versions[highest])
            raise LayoutError(f"{where}: {names} are both version {highest}; remove one of them")
        location = Location(_join(folder, versions[highest][0]), highest)
    else:
        raise LayoutError(_nothing_found(tree, where))
    _check_complete(tree, location, where)
    return location


def find_export(path: Path) -> Export:
    """Find the export to serve in a local folder: the folder itself, or its highest numbered version.

    Raises:
        LayoutError: when the folder does not exist, cannot be read, or holds no whole export.
    """
    if not path.is_dir():
        if not path.exists():
            raise LayoutError(f"{path}: there is no such folder; {EXPECTED}")
        hint = f"give the folder it is in: {path.parent}" if path.name in GRAPH_FILES else EXPECTED
        raise LayoutError(f"{path}: this is a file, not a folder; {hint}")
    try:
        location = locate(_walk(path), str(path))
    except OSError as error:
        raise LayoutError(f"{error.filename or path}: cannot be read: {error.strerror}") from None
    return Export(path / location.folder, location.version)


class _Tree:
    """The files and folders of a listing, by folder."""

    def __init__(self, files: Iterable[str]) -> None:
        self._files: dict[str, dict[str, None]] = {"": {}}
        self._folders: dict[str, dict[str, None]] = {"": {}}
        self._filled: set[str] = set()  # folders with a file in them, at whatever depth
        for file in files:
            parts = PurePosixPath(file).parts
            is_folder = file.endswith("/")
            folder = ""
            above = [folder]
            for part in parts if is_folder else parts[:-1]:
                self._folders.setdefault(folder, {})[part] = None
                folder = _join(folder, part)
                above.append(folder)
            if not is_folder and parts:
                self._files.setdefault(folder, {})[parts[-1]] = None
                self._filled.update(above)

    def files(self, folder: str) -> list[str]:
        return list(self._files.get(folder, ()))

    def folders(self, folder: str) -> list[str]:
        return list(self._folders.get(folder, ()))

    def is_empty(self, folder: str) -> bool:
        return folder not in self._filled

    def is_export(self, folder: str) -> bool:
        return any(name in self._files.get(folder, ()) for name in GRAPH_FILES)

    def versions(self, folder: str) -> dict[int, list[str]]:
        """Folder names by version. Empty folders do not count: S3 and zips have no more than markers for them."""
        found: dict[int, list[str]] = {}
        for name in self.folders(folder):
            number = version_number(name)
            if number is not None and not self.is_empty(_join(folder, name)):
                found.setdefault(number, []).append(name)
        return found


def _check_complete(tree: _Tree, location: Location, where: str) -> None:
    place = f"{where}: version {location.folder}/" if location.folder else where
    if not tree.is_export(location.folder):
        raise LayoutError(
            f"{place} has the highest number but no {' or '.join(GRAPH_FILES)} "
            f"(found: {_found(tree, location.folder)}); complete it or remove it"
        )
    missing = _missing_variables(set(tree.files(_join(location.folder, "variables"))))
    if missing:
        more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
        raise LayoutError(
            f"{place}: the export is incomplete, variables/ lacks {', '.join(missing[:_SHOWN])}{more}; "
            f"export or copy the model again"
        )


def _missing_variables(names: set[str]) -> list[str]:
    """The files that ``variables/`` lacks. Neither index nor values is whole: the model has no variables."""
    totals = {match[1] for name in names if (match := _SHARD.fullmatch(name))}
    has_index = "variables.index" in names
    if not totals:
        return ["variables.data-00000-of-00001"] if has_index else []
    # Shards of an earlier export may lie beside the right ones: one whole set is enough.
    sets = [[f"variables.data-{number:05d}-of-{total}" for number in range(int(total))] for total in totals]
    missing = min(([name for name in wanted if name not in names] for wanted in sets), key=len)
    return missing if has_index else ["variables.index", *missing]


def _nothing_found(tree: _Tree, where: str) -> str:
    hint = ""
    for name in tree.folders(""):
        if tree.is_export(name) or tree.versions(name):
            hint = f"did you mean its folder {_printable(name)}/?\n"
            break
    return f"{where}: no TensorFlow export here (found: {_found(tree, '')}); {hint}{EXPECTED}"


def _found(tree: _Tree, folder: str) -> str:
    names = [f"{name}/" for name in sorted(tree.folders(folder))] + sorted(tree.files(folder))
    if not names:
        return "nothing"
    shown = ", ".join(map(_printable, names[:_SHOWN]))
    return shown + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


def _printable(name: str) -> str:
    """A name as it is, but for control characters and the like: it may come from anywhere and go to a terminal."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in name)


def _walk(folder: Path, prefix: str = "", depth: int = 0) -> Iterator[str]:
    """List what the rules look at and no more, so that a wrong path such as ``/`` is judged at once."""
    for entry in sorted(folder.iterdir()):
        name = prefix + entry.name
        if not entry.is_dir():
            if entry.exists():  # not a dangling link
                yield name
            continue
        yield f"{name}/"
        matters = entry.name == "variables" or version_number(entry.name) is not None
        if depth == 0 or (depth < 3 and matters):
            try:
                yield from _walk(entry, f"{name}/", depth + 1)
            except PermissionError:
                if matters:
                    raise


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name
