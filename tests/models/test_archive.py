"""Zips of models: every layout unpacks, everything unsafe is refused, nothing is left half-written."""

from __future__ import annotations

import stat
import struct
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cortex_cdk.models.archive import Limits, unpack
from cortex_cdk.models.errors import ArchiveError, LayoutError, ModelError
from cortex_cdk.models.layout import Export

WHOLE = ("saved_model.pb", "variables/variables.index", "variables/variables.data-00000-of-00001")


def make_zip(path: Path, names: list[str], content: bytes = b"x", compression: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as file:
        for name in names:
            file.writestr(name, b"" if name.endswith("/") else content)
    return path


def below(folder: str) -> list[str]:
    return [f"{folder}/{name}" for name in WHOLE]


def files_in(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def dest(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out" / "model"


@pytest.mark.parametrize(
    ("names", "folder", "version"),
    [
        ([*WHOLE], "", 1),
        (below("iris"), "", 1),
        (["iris/", "iris/variables/", *below("iris")], "", 1),
        ([*below("9"), *below("10")], "10", 10),
        ([*below("iris/9"), *below("iris/0010")], "0010", 10),
        ([*below("iris"), "__MACOSX/iris/._saved_model.pb", "__MACOSX/._iris", "iris/.DS_Store"], "", 1),
        ([*below("iris"), "README.md"], "", 1),
    ],
    ids=["flat", "top folder", "folder members", "versions", "versions below a top folder", "macOS", "file beside"],
)
def test_layouts(tmp_path: Path, dest: Path, names: list[str], folder: str, version: int) -> None:
    export = unpack(make_zip(tmp_path / "model.zip", names), dest)
    assert export == Export(dest / folder, version)
    assert files_in(export.path) == set(WHOLE)
    assert files_in(dest) == {f"{folder}/{name}".lstrip("/") for name in WHOLE}
    assert [path.name for path in dest.parent.iterdir()] == ["model"]


def test_content_arrives_unchanged_into_an_empty_folder(tmp_path: Path, dest: Path) -> None:
    content = bytes(range(256)) * 10_000
    dest.mkdir()
    unpack(make_zip(tmp_path / "model.zip", [*WHOLE], content), dest)
    assert (dest / WHOLE[2]).read_bytes() == content


def refused(archive: Path, dest: Path, words: str, limits: Limits | None = None) -> None:
    with pytest.raises(ArchiveError, match=words):
        unpack(archive, dest, limits) if limits else unpack(archive, dest)
    assert list(dest.parent.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("../evil", r"'\.\./evil' has '\.\.' in its path"),
        ("iris/../../evil", r"has '\.\.' in its path"),
        ("/etc/evil", "has an absolute path"),
        ("C:/evil", "has an absolute path"),
        ("iris\\..\\evil", "has a backslash"),
    ],
)
def test_paths_that_lead_outside(tmp_path: Path, dest: Path, name: str, words: str) -> None:
    refused(make_zip(tmp_path / "model.zip", [*WHOLE, name]), dest, words)


@given(name=st.text(st.sampled_from("./\\a:~"), min_size=1, max_size=12))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_no_name_writes_outside_the_destination(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    root = tmp_path_factory.mktemp("zip")
    archive = make_zip(root / "model.zip", [*WHOLE, name])
    before = files_in(root)
    try:
        unpack(archive, root / "a" / "b" / "model")
    except ModelError:
        assert files_in(root) == before
    written = files_in(root) - before
    assert all(file.startswith("a/b/model/") for file in written)


@pytest.mark.parametrize(("mode", "words"), [(stat.S_IFLNK, "is a symbolic link"), (stat.S_IFIFO, "is a special file")])
def test_links_and_special_files(tmp_path: Path, dest: Path, mode: int, words: str) -> None:
    archive = make_zip(tmp_path / "model.zip", [*WHOLE])
    with zipfile.ZipFile(archive, "a") as file:
        member = zipfile.ZipInfo("assets")
        member.external_attr = (mode | 0o777) << 16
        file.writestr(member, "/etc")
    refused(archive, dest, f"'assets' {words}")


def test_encrypted_members(tmp_path: Path, dest: Path) -> None:
    archive = make_zip(tmp_path / "model.zip", [*WHOLE])
    data = bytearray(archive.read_bytes())
    # Set bit 0 of the flags in the central directory: zipfile cannot write encrypted members itself.
    flags = data.index(b"PK\x01\x02") + 8
    data[flags : flags + 2] = struct.pack("<H", 1)
    archive.write_bytes(data)
    refused(archive, dest, "'saved_model.pb' is encrypted")


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("twin", ["saved_model.pb", "./saved_model.pb", "Saved_Model.pb"])
def test_two_members_for_one_file(tmp_path: Path, dest: Path, twin: str) -> None:
    refused(make_zip(tmp_path / "model.zip", [*WHOLE, twin]), dest, "are the same file")


def test_a_member_that_is_both_file_and_folder(tmp_path: Path, dest: Path) -> None:
    refused(make_zip(tmp_path / "model.zip", [*WHOLE, "assets", "assets/a.txt"]), dest, "'assets' is both a file and a")


def test_bounds(tmp_path: Path, dest: Path) -> None:
    archive = make_zip(tmp_path / "model.zip", [*WHOLE], bytes(1_000_000))
    refused(archive, dest, "has 3 members, more than the 2 allowed", Limits(members=2))
    refused(archive, dest, r"unpacks to 2\.9 MiB, more than the 1\.9 MiB", Limits(total_bytes=2_000_000))
    refused(archive, dest, "looks like a zip bomb", Limits(ratio_floor=1_000_000))
    assert unpack(archive, dest, Limits(members=3, total_bytes=3_000_000)).version == 1


def test_a_size_that_the_zip_understates_writes_no_more_than_it_declares(tmp_path: Path, dest: Path) -> None:
    archive = make_zip(tmp_path / "model.zip", ["saved_model.pb"], bytes(1_000_000))
    data = bytearray(archive.read_bytes())
    size = data.index(b"PK\x01\x02") + 24
    data[size : size + 4] = struct.pack("<I", 10)
    archive.write_bytes(data)
    refused(archive, dest, "cannot be read as a zip")


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_compressions_whose_output_zipfile_does_not_bound(tmp_path: Path, dest: Path, compression: int) -> None:
    refused(
        make_zip(tmp_path / "model.zip", [*WHOLE], b"x", compression), dest, "compressed otherwise than with deflate"
    )


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a" * 256, "a name in it of more than 255"),
        ("é" * 128, "a name in it of more than 255"),
        ("/".join(["a" * 100] * 11), "has a path of more than 1,024 bytes"),
        ("/".join("a" * 33), "is more than 32 folders deep"),
        ("a\x1b[2J", "has a control character in its path"),
        ("a\x9b", "has a control character in its path"),
    ],
)
def test_paths_that_are_no_good(tmp_path: Path, dest: Path, name: str, words: str) -> None:
    refused(make_zip(tmp_path / "model.zip", [*WHOLE, name]), dest, words)


def test_paths_that_are_as_long_as_can_be(tmp_path: Path, dest: Path) -> None:
    names = ["a" * 255, "/".join(["a" * 127] * 8), "/".join("b" * 32)]
    assert unpack(make_zip(tmp_path / "model.zip", [*WHOLE, *names]), dest).version == 1


def test_damaged_data(tmp_path: Path, dest: Path) -> None:
    content = bytes(range(256)) * 1000
    archive = make_zip(tmp_path / "model.zip", [*WHOLE], content)
    data = bytearray(archive.read_bytes())
    start = data.index(b"saved_model.pb") + 30
    data[start : start + 20] = b"\xff" * 20
    archive.write_bytes(data)
    refused(archive, dest, "'saved_model.pb' cannot be read as a zip")


def test_what_is_no_zip(tmp_path: Path, dest: Path) -> None:
    (tmp_path / "model.zip").write_bytes(b"not a zip")
    refused(tmp_path / "model.zip", dest, "cannot be read as a zip")
    truncated = make_zip(tmp_path / "cut.zip", [*WHOLE])
    truncated.write_bytes(truncated.read_bytes()[:-30])
    refused(truncated, dest, "cannot be read as a zip")
    refused(tmp_path / "gone.zip", dest, "there is no such file")


def test_a_zip_without_an_export(tmp_path: Path, dest: Path) -> None:
    archive = make_zip(tmp_path / "model.zip", ["keras/model.h5"])
    with pytest.raises(LayoutError, match=r"s3://b/model.zip: no TensorFlow export here"):
        unpack(archive, dest, name="s3://b/model.zip")
    assert list(dest.parent.iterdir()) == []


def test_a_destination_with_files_is_left_alone(tmp_path: Path, dest: Path) -> None:
    dest.mkdir()
    (dest / "mine").write_text("keep")
    with pytest.raises(OSError, match="not empty"):
        unpack(make_zip(tmp_path / "model.zip", [*WHOLE]), dest)
    assert files_in(dest.parent) == {"model/mine"}
