"""Cache entries: whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from cortex_cdk.models.cache import entry, user_cache_dir


def test_the_users_cache_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", "/var/my-cache")
    assert user_cache_dir() == Path("/var/my-cache/cortex-cdk/models")
    for ignored in ("", "relative/path"):
        monkeypatch.setenv("XDG_CACHE_HOME", ignored)
        assert user_cache_dir() == tmp_path / ".cache" / "cortex-cdk" / "models"


def test_an_entry_is_filled_once(tmp_path: Path) -> None:
    calls: list[Path] = []

    def fill(folder: Path) -> None:
        calls.append(folder)
        (folder / "sub").mkdir()
        (folder / "sub" / "a").write_text("1")
        folder.with_name("beside").write_text("not part of it")

    place = tmp_path / "deep" / "entry"
    found = entry(place, fill)
    assert (found / "sub" / "a").read_text() == "1"
    assert entry(place, fill) == found
    assert len(calls) == 1
    assert place not in calls[0].parents
    assert not (place / "beside").exists()


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_fill_that_fails_leaves_nothing(tmp_path: Path, error: type[BaseException]) -> None:
    def fill(folder: Path) -> None:
        (folder / "a").write_text("1")
        raise error

    with pytest.raises(error):
        entry(tmp_path / "entry", fill)
    assert [path.name for path in tmp_path.iterdir()] == ["entry.lock"]


def test_the_remains_of_a_process_that_died_are_not_used(tmp_path: Path) -> None:
    (tmp_path / "entry.partial" / "model").mkdir(parents=True)
    (tmp_path / "entry.partial" / "model" / "old").write_text("half")
    found = entry(tmp_path / "entry", lambda folder: (folder / "a").touch())
    assert [path.name for path in found.iterdir()] == ["a"]
    assert not (tmp_path / "entry.partial").exists()


@pytest.mark.parametrize("damage", ["cut", "gone", "more", "all"])
def test_a_damaged_entry_is_filled_again(tmp_path: Path, damage: str) -> None:
    def fill(folder: Path) -> None:
        (folder / "a").write_text("whole")

    found = entry(tmp_path / "entry", fill)
    if damage == "cut":
        (found / "a").write_text("who")
    elif damage == "gone":
        (found / "a").unlink()
    elif damage == "more":
        (found / "b").write_text("")
    else:
        (tmp_path / "entry" / "sizes.json").unlink()
    entry(tmp_path / "entry", fill)
    assert {path.name: path.read_text() for path in found.iterdir()} == {"a": "whole"}
