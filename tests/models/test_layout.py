"""The rules for exports and numbered versions, on listings and on local folders."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortex_cdk.models.errors import LayoutError
from cortex_cdk.models.layout import Export, Location, find_export, locate, version_number

WHOLE = ("saved_model.pb", "variables/variables.index", "variables/variables.data-00000-of-00001")


def below(folder: str, files: tuple[str, ...] = WHOLE) -> list[str]:
    return [f"{folder}/{file}" for file in files]


def write(root: Path, files: list[str]) -> None:
    for file in files:
        target = root / file
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(b"x")


def test_a_bare_export_is_version_1() -> None:
    assert locate(WHOLE, "here") == Location("", 1)


def test_the_highest_number_wins_not_the_last_name() -> None:
    assert locate([*below("9"), *below("10"), *below("2")], "here") == Location("10", 10)


@given(st.sets(st.integers(0, 2**63 - 1), min_size=1, max_size=8), st.randoms())
def test_the_highest_of_any_versions_in_any_order(versions: set[int], random: object) -> None:
    files = [file for version in versions for file in below(str(version))]
    random.shuffle(files)  # type: ignore[attr-defined]
    assert locate(files, "here") == Location(str(max(versions)), max(versions))


def test_leading_zeros_count_as_the_number() -> None:
    assert locate([*below("0009"), *below("0010")], "here") == Location("0010", 10)


@pytest.mark.parametrize(
    ("name", "version"),
    [("1", 1), ("0", 0), ("007", 7), ("1586444320", 1586444320), ("9223372036854775807", 2**63 - 1)],
)
def test_names_of_versions(name: str, version: int) -> None:
    assert version_number(name) == version


@pytest.mark.parametrize(
    "name", ["", "v1", "-1", "+1", "1.0", " 1", "1_0", "٣", "²", "9223372036854775808", "1" * 5000]
)
def test_names_that_are_no_versions(name: str) -> None:
    assert version_number(name) is None


def test_other_folders_and_files_beside_versions_are_ignored() -> None:
    files = [*below("3"), *below("tmp-99"), "README.md", "eval/events.out", "12"]
    assert locate(files, "here") == Location("3", 3)


def test_an_empty_numbered_folder_is_no_version() -> None:
    assert locate([*below("3"), "4/", "5/variables/"], "here") == Location("3", 3)


def test_the_highest_version_is_not_passed_over_when_it_is_incomplete() -> None:
    with pytest.raises(
        LayoutError, match=r"version 10/ has the highest number but no saved_model\.pb .*found: assets/"
    ):
        locate([*below("9"), "10/assets/vocabulary.txt"], "here")


def test_two_folders_of_the_same_number_are_an_error() -> None:
    with pytest.raises(LayoutError, match="10/ and 0010/ are both version 10"):
        locate([*below("10"), *below("0010"), *below("9")], "here")


def test_an_export_with_numbered_folders_in_it_is_served_itself() -> None:
    assert locate([*WHOLE, *below("7")], "here") == Location("", 1)


@pytest.mark.parametrize(
    "files",
    [
        ["saved_model.pb"],
        ["saved_model.pbtxt"],
        ["saved_model.pb", "variables/"],
        ["saved_model.pb", "assets/vocabulary.txt", "fingerprint.pb"],
        [*WHOLE, "variables/checkpoint"],
        # the shards of an earlier export beside a whole set
        [*WHOLE, "variables/variables.data-00001-of-00002"],
    ],
)
def test_exports_that_tensorflow_loads(files: list[str]) -> None:
    assert locate(files, "here") == Location("", 1)


@pytest.mark.parametrize(
    ("files", "lacks"),
    [
        (["variables/variables.index"], r"variables\.data-00000-of-00001"),
        (["variables/variables.data-00000-of-00001"], r"variables\.index"),
        (["variables/variables.index", "variables/variables.data-00001-of-00002"], r"variables\.data-00000-of-00002;"),
    ],
)
def test_partly_copied_variables_are_an_error(files: list[str], lacks: str) -> None:
    with pytest.raises(LayoutError, match=f"here: the export is incomplete, variables/ lacks {lacks}"):
        locate(["saved_model.pb", *files], "here")


def test_nothing_found_says_what_was_found_and_what_is_expected() -> None:
    with pytest.raises(LayoutError) as caught:
        locate(["model.h5", "logs/events"], "s3://bucket/key")
    message = str(caught.value)
    assert message.startswith("s3://bucket/key: no TensorFlow export here (found: logs/, model.h5); ")
    assert "variables.data-00000-of-00001" in message
    assert "numbered versions" in message


def test_a_model_one_folder_further_down_is_hinted_at() -> None:
    with pytest.raises(LayoutError, match="did you mean its folder iris/"):
        locate(below("iris"), "here")


def test_a_top_folder_is_entered_only_when_asked_to() -> None:
    assert locate(below("iris"), "here", top_folder=True) == Location("iris", 1)
    assert locate([*below("iris/9"), *below("iris/10")], "here", top_folder=True) == Location("iris/10", 10)
    assert locate(below("a/b"), "here", top_folder=True) == Location("a/b", 1)


def test_of_two_top_folders_none_is_entered() -> None:
    with pytest.raises(LayoutError, match="found: a/, b/"):
        locate([*below("a"), *below("b")], "here", top_folder=True)


def test_location_holds_only_what_is_below_it() -> None:
    assert Location("1", 1).holds("1/saved_model.pb")
    assert not Location("1", 1).holds("10/saved_model.pb")
    assert Location("", 1).holds("saved_model.pb")


def test_find_export_in_a_folder_of_versions(tmp_path: Path) -> None:
    write(tmp_path, [*below("9"), *below("10"), "notes/readme.txt"])
    assert find_export(tmp_path) == Export(tmp_path / "10", 10)


def test_find_export_of_a_bare_export(tmp_path: Path) -> None:
    write(tmp_path, list(WHOLE))
    assert find_export(tmp_path) == Export(tmp_path, 1)


def test_find_export_sees_missing_shards_of_a_version(tmp_path: Path) -> None:
    write(tmp_path, ["2/saved_model.pb", "2/variables/variables.index"])
    with pytest.raises(LayoutError, match="version 2/: the export is incomplete"):
        find_export(tmp_path)


def test_find_export_follows_links_and_ignores_dangling_ones(tmp_path: Path) -> None:
    write(tmp_path / "store", list(WHOLE))
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "1").symlink_to(tmp_path / "store")
    assert find_export(tmp_path / "models").version == 1
    (tmp_path / "models" / "2").mkdir()
    (tmp_path / "models" / "2" / "saved_model.pb").symlink_to(tmp_path / "gone")
    assert find_export(tmp_path / "models").version == 1


def test_find_export_of_nothing(tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match="there is no such folder"):
        find_export(tmp_path / "gone")
    with pytest.raises(LayoutError, match="found: nothing"):
        find_export(tmp_path)


def test_find_export_of_the_file_names_its_folder(tmp_path: Path) -> None:
    write(tmp_path, list(WHOLE))
    with pytest.raises(LayoutError, match=f"a file, not a folder; give the folder it is in: {tmp_path}"):
        find_export(tmp_path / "saved_model.pb")
