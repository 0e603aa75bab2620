"""Links between the pages lead somewhere: to a file that is there, and to a heading that it has."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from tests.docs import pages
from tests.docs.pages import ROOT, tokens

PAGES = [*pages.PAGES, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
ELSEWHERE = re.compile(r"[a-z]+:")  # https:, mailto:


def problems(page: Path) -> list[str]:
    """What is wrong with the links of a page."""
    found = []
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists():
            found.append(f"{link}: there is no {path}")
        elif anchor and anchor not in anchors(target):
            found.append(f"{link}: {target.name} has no such heading")
    return found


def links(page: Path) -> Iterator[str]:
    """The links and pictures of a page that lead to other files here."""
    for token in tokens(page):
        for child in token.children or []:
            target = child.attrs.get("href") or child.attrs.get("src")
            if target and not ELSEWHERE.match(str(target)):
                yield str(target)


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    parsed = tokens(page)
    seen: Counter[str] = Counter()
    found = set()
    for token, following in pairwise(parsed):
        if token.type == "heading_open":
            text = "".join(child.content for child in following.children or [])
            slug = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
            found.add(slug if not seen[slug] else f"{slug}-{seen[slug]}")
            seen[slug] += 1
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    assert problems(page) == []


def test_broken_links_are_seen(tmp_path):
    (tmp_path / "other.md").write_text("# One\n\n## `Two` words, here\n\n## One\n")
    page = tmp_path / "page.md"
    page.write_text(
        "[a](other.md#one) [b](other.md#two-words-here) [c](other.md#one-1) [d](#self) [e](https://example.com/#gone)\n"
        "\n# Self\n\n"
        "| table |\n|---|\n| [f](gone.md) |\n\n"
        "[g](other.md#three) ![h](gone.png) [i](#gone)\n"
    )
    assert [problem.partition(":")[0] for problem in problems(page)] == [
        "gone.md",
        "other.md#three",
        "gone.png",
        "#gone",
    ]
