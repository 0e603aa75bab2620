"""mkdocs.yml: the site builds without a warning, has every page, and fetches nothing from elsewhere."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.docs.pages import DOCS, ROOT, tokens

FETCHED = re.compile(
    r"""<(?:script|img|iframe|source)\b[^>]*?\bsrc=["']?(https?:)?//|<link\b[^>]*?\bhref=["']?(https?:)?//"""
)


def build(folder: Path) -> subprocess.CompletedProcess[str]:
    """Build the site of the pages in a folder."""
    command = [sys.executable, "-m", "zensical", "build", "--strict"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what the site is made from."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(DOCS, folder / "docs")
    shutil.copy(ROOT / "mkdocs.yml", folder)
    return folder


@pytest.fixture(scope="module")
def site(source: Path) -> Path:
    result = build(source)
    assert result.returncode == 0, result.stdout + result.stderr
    return source / "site"


def in_nav(entries: object) -> Iterator[str]:
    """The pages that a navigation names."""
    if isinstance(entries, str):
        yield entries
    elif isinstance(entries, list):
        for entry in entries:
            yield from in_nav(entry)
    elif isinstance(entries, dict):
        for value in entries.values():
            yield from in_nav(value)


def test_every_page_is_in_the_navigation_once():
    # The tag in it names a function of Zensical's own dependencies, which a safe loader does not call.
    text = re.sub(r"!!python/\S+", "", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    assert sorted(in_nav(yaml.safe_load(text)["nav"])) == sorted(page.name for page in DOCS.glob("*.md"))


def test_every_table_is_one(site):
    for page in DOCS.glob("*.md"):
        html = (site / f"{page.stem}.html").read_text(encoding="utf-8")
        assert html.count("<table>") == sum(token.type == "table_open" for token in tokens(page)), page.name


def test_nothing_is_fetched_from_elsewhere(site):
    pages = sorted(site.glob("*.html"))
    assert len(pages) > 10
    for page in pages:
        assert FETCHED.search(page.read_text(encoding="utf-8")) is None, page.name
    for style in site.rglob("*.css"):
        assert re.search(r"url\(['\"]?(https?:)?//|@import", style.read_text(encoding="utf-8")) is None, style.name


def test_what_would_be_fetched_is_seen():
    for tag in (
        '<script src="https://a.b/c.js">',
        '<link rel="preload" href="//a.b">',
        "<img alt='' src=http://a.b/c>",
    ):
        assert FETCHED.search(tag)
    assert FETCHED.search('<a href="https://a.b"><script src="c.js">') is None


def test_a_broken_link_fails_the_build(source, tmp_path):
    shutil.copytree(source / "docs", tmp_path / "docs")
    shutil.copy(source / "mkdocs.yml", tmp_path)
    with (tmp_path / "docs" / "faq.md").open("a") as page:
        page.write("\n[gone](cost.md#gone)\n")
    result = build(tmp_path)
    assert result.returncode != 0
    assert "anchor does not exist" in result.stdout + result.stderr
