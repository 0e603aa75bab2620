"""Safe unpacking of zips that hold a TensorFlow export or numbered versions of one, flat or below a top folder.

A zip may come from anywhere. Nothing is written outside the destination, no links are made, and the limits bound what
is written. The destination appears whole or not at all.
"""

from __future__ import annotations

import io
import re
import stat
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from cortex_cdk.models.errors import ArchiveError
from cortex_cdk.models.layout import GRAPH_FILES, Export, Location, find_export, locate, version_number

_MIB = 1 << 20
_ENCRYPTED = 0x1  # bit 0 of a member's general purpose flags
_NOISE = ("__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini")
# zipfile lets the others unpack as much at once as their data holds, whatever size the zip declares.
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_DIRECTORY_BYTES = 8 * _MIB  # the list of all members, which is read at once
_GRAPH_BYTES = 2**31 - 1  # protobuf's limit for a message
_PATH_BYTES, _NAME_BYTES, _DEPTH = 1024, 255, 32
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
# What zipfile and zlib raise for damaged data.
_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    OverflowError,
    ValueError,
    OSError,
)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a zip may unpack to.

    ``ratio`` (unpacked over packed size) is judged above ``ratio_floor`` bytes only: small things may pack well.
    """

    members: int = 10_000
    total_bytes: int = 64 << 30
    ratio: float = 200.0
    ratio_floor: int = 256 * _MIB


DEFAULT_LIMITS = Limits()


def unpack(archive: Path, dest: Path, limits: Limits = DEFAULT_LIMITS, *, name: str | None = None) -> Export:
    """Unpack the model of a zip into ``dest``, which must not exist yet or be an empty folder.

    A top folder is dropped, and of numbered versions only the highest is unpacked. So ``dest`` then holds the export
    itself or one numbered folder, which is what ``layout.find_export`` expects.

    Raises:
        ArchiveError: for a damaged, encrypted or unsafe zip, or one above the limits.
        LayoutError: when it holds no whole TensorFlow export.
        OSError: when the destination cannot be written.
    """
    where = name or str(archive)
    with _open(archive, where) as opened:
        files, location = _look(opened, archive, where, limits)
        _extract(opened, files, location, dest, where)
    return find_export(dest)


def read_graph(archive: Path, limits: Limits = DEFAULT_LIMITS) -> tuple[int, str, bytes]:
    """The version, and the name and content of the graph file, of the model that ``unpack`` would unpack.

    Raises:
        ArchiveError: as ``unpack``.
        LayoutError: as ``unpack``.
    """
    where = str(archive)
    with _open(archive, where) as opened:
        files, location = _look(opened, archive, where, limits)
        inside = [str(PurePosixPath(location.folder, name)) for name in GRAPH_FILES]
        name = next(name for name in inside if name in files)
        if files[name].file_size > _GRAPH_BYTES:
            raise ArchiveError(
                f"{where}: member {_shown(name)} unpacks to {files[name].file_size:,} bytes, more than the "
                f"{_GRAPH_BYTES:,} that a SavedModel can have"
            )
        content = io.BytesIO()
        _copy(opened, files[name], content, where)
    return location.version, name, content.getvalue()


class _Bounded(io.BufferedReader):
    """The bytes of a zip. Its directory is read in one go, however large the zip says that it is."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Read, but no more than a directory may have."""
        if size is not None and size > _DIRECTORY_BYTES:
            raise zipfile.BadZipFile(f"its directory has {size:,} bytes, more than the {_DIRECTORY_BYTES:,} allowed")
        return super().read(size)


@contextmanager
def _open(archive: Path, where: str) -> Iterator[zipfile.ZipFile]:
    if not archive.is_file():
        raise ArchiveError(f"{where}: there is no such file")
    try:
        source = _Bounded(io.FileIO(archive))
    except OSError as error:
        raise _unreadable(where, error) from None
    with source:
        try:
            opened = zipfile.ZipFile(source)
        except _UNREADABLE as error:
            raise _unreadable(where, error) from None
        yield opened


def _look(
    opened: zipfile.ZipFile, archive: Path, where: str, limits: Limits
) -> tuple[dict[str, zipfile.ZipInfo], Location]:
    """The files of the zip by path, all judged safe, and where the model is among them."""
    files = _checked_files(opened.infolist(), where, limits)
    _check_size(sum(member.file_size for member in files.values()), archive.stat().st_size, where, limits)
    return files, locate(files, where, top_folder=True)


def _checked_files(members: list[zipfile.ZipInfo], where: str, limits: Limits) -> dict[str, zipfile.ZipInfo]:
    """All files of the zip by path, without noise. Every member is judged, also those that will not be unpacked."""
    if len(members) > limits.members:
        raise ArchiveError(f"{where}: has {len(members):,} members, more than the {limits.members:,} allowed")
    files: dict[str, zipfile.ZipInfo] = {}
    folded: dict[str, str] = {}
    for member in members:
        if problem := _problem(member):
            raise ArchiveError(f"{where}: member {_shown(member.filename)} {problem}; make the zip again without that")
        path = PurePosixPath(member.filename)
        if member.is_dir() or any(part in _NOISE or part.startswith("._") for part in path.parts):
            continue
        # Names that differ in case alone are one file on some file systems.
        key = str(path).casefold()
        if key in folded:
            names = f"{_shown(folded[key])} and {_shown(member.filename)}"
            raise ArchiveError(f"{where}: {names} are the same file; keep one")
        folded[key] = member.filename
        files[str(path)] = member
    for name in files:
        for parent in PurePosixPath(name).parents:
            if str(parent) in files:
                raise ArchiveError(f"{where}: {_shown(str(parent))} is both a file and a folder; make the zip again")
    return files


def _check_size(total: int, packed: int, where: str, limits: Limits) -> None:
    """Judge the sizes that the zip declares; zipfile reads no more of a member than that."""
    if total > limits.total_bytes:
        raise ArchiveError(
            f"{where}: unpacks to {total / _MIB:,.1f} MiB, more than the {limits.total_bytes / _MIB:,.1f} MiB allowed"
        )
    ratio = total / max(1, packed)
    if total > limits.ratio_floor and ratio > limits.ratio:
        raise ArchiveError(
            f"{where}: unpacks to {ratio:,.0f} times its size, more than the {limits.ratio:g} times allowed; "
            f"it looks like a zip bomb"
        )


def _problem(member: zipfile.ZipInfo) -> str | None:
    name = member.filename
    path = PurePosixPath(name)
    if path.is_absolute() or name[1:2] == ":":
        return "has an absolute path"
    if ".." in path.parts:
        return "has '..' in its path"
    if "\\" in name:
        return "has a backslash in its path"
    if _CONTROL.search(name):
        return "has a control character in its path"
    if not path.parts:
        return "has no name"
    if len(name.encode()) > _PATH_BYTES or max(len(part.encode()) for part in path.parts) > _NAME_BYTES:
        return f"has a path of more than {_PATH_BYTES:,} bytes, or a name in it of more than {_NAME_BYTES}"
    if len(path.parts) > _DEPTH:
        return f"is more than {_DEPTH} folders deep"
    mode = member.external_attr >> 16
    if stat.S_ISLNK(mode):
        return "is a symbolic link"
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is a special file"
    if member.flag_bits & _ENCRYPTED:
        return "is encrypted"
    if member.compress_type not in _COMPRESSIONS:
        return "is compressed otherwise than with deflate"
    return None


def _extract(
    opened: zipfile.ZipFile, files: dict[str, zipfile.ZipInfo], location: Location, dest: Path, where: str
) -> None:
    """Write the export's files beside ``dest``, then rename the folder."""
    folder = PurePosixPath(location.folder)
    root = folder.parent if version_number(folder.name) is not None else folder  # a version keeps its number
    dest.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{dest.name}.", dir=dest.parent) as temporary:
        partial = Path(temporary) / "model"
        for name, member in files.items():
            if location.holds(name):
                target = partial / PurePosixPath(name).relative_to(root)
                target.parent.mkdir(parents=True, exist_ok=True)
                with target.open("xb") as sink:
                    _copy(opened, member, sink, where)
        partial.rename(dest)


def _copy(opened: zipfile.ZipFile, member: zipfile.ZipInfo, sink: IO[bytes], where: str) -> None:
    try:
        source = opened.open(member)
    except _UNREADABLE as error:
        raise _unreadable(where, error, member) from None
    with source:
        while True:
            try:
                chunk = source.read(_MIB)
            except _UNREADABLE as error:
                raise _unreadable(where, error, member) from None
            if not chunk:
                return
            sink.write(chunk)


def _shown(name: str) -> str:
    """A name in quotes, shortened."""
    return repr(name if len(name) <= 200 else f"{name[:200]}...")


def _unreadable(where: str, error: Exception, member: zipfile.ZipInfo | None = None) -> ArchiveError:
    place = f"{where}: member {_shown(member.filename)}" if member else where
    return ArchiveError(f"{place} cannot be read as a zip ({error}); copy or make the zip again")
