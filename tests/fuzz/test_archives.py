"""Zips of models: whatever they hold, nothing is written outside the destination, and little is held in memory."""

from __future__ import annotations

import bz2
import io
import lzma
import shutil
import stat
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from cortex_cdk.models.archive import Limits, read_graph, unpack
from cortex_cdk.models.errors import ArchiveError, ModelError
from cortex_cdk.models.saved_model import inspect
from tests.fuzz import limited_memory

WHOLE = ("saved_model.pb", "variables/variables.index", "variables/variables.data-00000-of-00001")
LIMITS = Limits(members=50, total_bytes=1 << 20)
MEMORY = 200 << 20
MIB = 1 << 20

NAMES = st.sampled_from(
    [
        *[
            "../evil",
            "a/../../evil",
            "/evil",
            "//evil",
            "C:/evil",
            "C:evil",
            "a\\..\\..\\evil",
            "~/evil",
            ".",
            "..",
            "./",
            "/",
        ],
        *[
            "a\0b",
            "a\nb",
            "\x1b[2J",
            "é" * 200,
            "a" * 300,
            "a/" * 40 + "a",
            "1/" + "a/" * 600,
            "1/" * 30,
            " ",
            "a ",
            "a.",
        ],
        *["1", "1/", "1/saved_model.pb", "01/saved_model.pb", "2/saved_model.pbtxt", "9" * 30 + "/saved_model.pb"],
        *[
            "variables",
            "variables/",
            "Variables/variables.index",
            "saved_model.pb/",
            "saved_model.pb/a",
            "./saved_model.pb",
        ],
        *[
            "variables/variables.data-00000-of-99999",
            "__MACOSX/../evil",
            "._a/../../evil",
            ".DS_Store",
            "NUL",
            "a:b",
            "-rf",
        ],
    ]
) | st.text(max_size=8)
MODES = st.sampled_from(
    [0, 0o100644, stat.S_IFLNK | 0o777, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFSOCK, 0o104777]
)
CONTENTS = st.sampled_from([b"", b"x", b"/etc/passwd", b"../../evil", bytes(3 * MIB)]) | st.binary(max_size=40)
COMPRESSIONS = st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])


@pytest.fixture(scope="module", autouse=True)
def _duplicates_are_fine() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("warnings.warn", lambda *_, **__: None)
        yield


@st.composite
def zips(draw: DrawFn) -> bytes:
    """A good zip with further members of any kind."""
    members = [(name, 0o100644, b"x") for name in WHOLE[: draw(st.sampled_from([3, 3, 3, 2, 1, 0]))]]
    for _ in range(draw(st.integers(0, 4))):
        members.insert(draw(st.integers(0, len(members))), (draw(NAMES), draw(MODES), draw(CONTENTS)))
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        for name, mode, data in members:
            member = zipfile.ZipInfo(name or " ")
            member.external_attr = mode << 16
            member.compress_type = draw(COMPRESSIONS)
            file.writestr(member, data)
    return content.getvalue()


@st.composite
def damaged(draw: DrawFn) -> bytes:
    """A zip with fields of its records overwritten, and parts removed, repeated or replaced."""
    content = bytearray(draw(zips()))
    for _ in range(draw(st.integers(1, 5))):
        signature = draw(st.sampled_from([b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06", b""]))
        start = content.find(signature)
        at = max(start, 0) + draw(st.integers(0, 46))
        match draw(st.sampled_from(["number", "bytes", "cut", "repeat", "zip64"])):
            case "number":
                size, code = draw(st.sampled_from([(2, "<H"), (4, "<I"), (8, "<Q")]))
                extremes = [0, 1, 8, 12, 14, 93, 99, 256**size - 1, 256**size // 2]
                content[at : at + size] = struct.pack(code, draw(st.sampled_from(extremes)))
            case "bytes":
                content[at : at + draw(st.integers(0, 6))] = draw(st.binary(max_size=6))
            case "cut":
                del content[at:][: draw(st.integers(1, 60))]
                del content[at : at + draw(st.integers(1, 60))]
            case "repeat":
                content[at:at] = content[at : at + draw(st.integers(1, 80))]
            case "zip64":
                end = content.rfind(b"PK\x05\x06")
                numbers = [draw(st.sampled_from([0, 1, 2**31, 2**63, 2**64 - 1, len(content)])) for _ in range(4)]
                record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, *numbers)
                locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, max(end, 0), 1)
                content[max(end, 0) : max(end, 0)] = record + locator
    return bytes(content)


@contextmanager
def sandbox() -> Iterator[Path]:
    """A folder with a witness beside the place where things are unpacked."""
    folder = Path(tempfile.mkdtemp())
    try:
        (folder / "witness").write_text("untouched")
        yield folder
    finally:
        shutil.rmtree(folder)


def refused(use: Callable[[], object]) -> str | None:
    """In which words a model is refused, if it is."""
    try:
        use()
    except ModelError as error:
        return str(error)
    return None


def judged(content: bytes, limits: Limits = LIMITS) -> None:
    """Unpacked as a whole or refused in words; either way nothing else has changed."""
    with sandbox() as folder:
        archive, dest = folder / "model.zip", folder / "a" / "b" / "model"
        archive.write_bytes(content)
        refusal = refused(lambda: unpack(archive, dest, limits))
        if refusal is None:
            files = [path for path in dest.rglob("*") if not path.is_dir()]
            assert all(path.is_file() and not path.is_symlink() for path in files)
            assert sum(path.stat().st_size for path in files) <= limits.total_bytes
        else:
            assert all(char.isprintable() or char == "\n" for char in refusal)
            assert [*dest.parent.glob("*")] == []
        assert (folder / "witness").read_text() == "untouched"
        outside = {path.name for path in folder.rglob("*") if dest not in path.parents and path != dest}
        assert outside <= {"model.zip", "witness", "a", "b"}
        refused(lambda: inspect(archive))


@given(zips())
def test_any_members(content: bytes) -> None:
    judged(content)


@given(damaged())
def test_any_damage(content: bytes) -> None:
    judged(content)


@given(st.binary(max_size=200) | st.binary(max_size=60).map(lambda rest: b"PK\x05\x06" + rest))
def test_any_bytes(content: bytes) -> None:
    judged(content)


def member(name: str, method: int, packed: bytes, size: int, crc: int = 0) -> tuple[bytes, bytes]:
    """A member as it stands in a zip, and its entry in the directory at offset 0; ``size`` is what it claims."""
    rest = struct.pack("<5H3L2H", 20, 0, method, 0, 0, crc, len(packed), size, len(name), 0)
    local = b"PK\x03\x04" + rest + name.encode() + packed
    return local, b"PK\x01\x02" + struct.pack("<H", 20) + rest + bytes(14) + name.encode()


def zip_of(local: bytes, entries: list[bytes]) -> bytes:
    directory = b"".join(entries)
    end = struct.pack(
        "<4s4H2LH",
        b"PK\x05\x06",
        0,
        0,
        min(len(entries), 65535),
        min(len(entries), 65535),
        len(directory),
        len(local),
        0,
    )
    return local + directory + end


def bomb(kind: str) -> bytes:
    """A small zip that stands for a lot."""
    part = zlib.compressobj(wbits=-15)
    deflated = (part.compress(bytes(MIB)) + part.flush(zlib.Z_FULL_FLUSH)) * 900 + zlib.compress(b"", wbits=-15)
    match kind:
        case "honest":
            return zip_of(*_one(member("saved_model.pb", 8, deflated, 900 * MIB)))
        case "understated":
            return zip_of(*_one(member("saved_model.pb", 8, deflated, 100)))
        case "bzip2":  # as much as 45 bytes stand for 900 kB
            return zip_of(*_one(member("saved_model.pb", 12, bz2.compress(bytes(300 * MIB), 9), 100)))
        case "lzma":
            filters = [{"id": lzma.FILTER_LZMA1, "preset": 0}]
            packed = lzma.compress(bytes(300 * MIB), lzma.FORMAT_RAW, filters=filters)
            head = struct.pack("<BBH", 9, 4, 5) + b"\x5d" + struct.pack("<L", 1 << 18)
            return zip_of(*_one(member("saved_model.pb", 14, head + packed, 100)))
        case "overlapping":
            local, entry = member("a", 8, deflated, 900 * MIB)
            return zip_of(local, [entry] * 5000)
        case "many members":
            return zip_of(b"", [member("", 0, b"", 0)[1]] * 1_000_000)
        case "long paths":
            entries = [member(f"{number}/" + "a/" * 30_000 + "a", 0, b"", 0)[1] for number in range(100)]
            return zip_of(b"", entries)
        case "a huge directory":
            end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, 2**32 - 2, 0, 0)
            return bytes(100) + end
    raise AssertionError(kind)


def _one(parts: tuple[bytes, bytes]) -> tuple[bytes, list[bytes]]:
    return parts[0], [parts[1]]


BOMBS = ("honest", "understated", "bzip2", "lzma", "overlapping", "many members", "long paths", "a huge directory")


def refuse_bombs(folder: str) -> None:
    """In a process of its own: neither looking into a zip nor unpacking it is possible, nor takes much."""
    dest = Path(folder) / "out" / "model"
    for kind in BOMBS:
        archive = Path(folder) / f"{kind}.zip"
        for use in (lambda: read_graph(archive), lambda: unpack(archive, dest)):  # noqa: B023
            try:
                use()
            except ArchiveError:
                assert not dest.exists(), kind
            else:
                raise AssertionError(f"{kind} was accepted")
    assert list(dest.parent.iterdir()) == []


def test_bombs_are_refused_within_little_memory(tmp_path: Path) -> None:
    for kind in BOMBS:
        (tmp_path / f"{kind}.zip").write_bytes(bomb(kind))
    limited_memory.run(__name__, "refuse_bombs", str(tmp_path), most_bytes=MEMORY)
