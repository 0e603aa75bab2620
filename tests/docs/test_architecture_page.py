"""docs/architecture.md: its times are those of the code, and its picture can be read."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from cortex_cdk.constructs.timing import Timing

DOCS = Path(__file__).parents[2] / "docs"
PICTURE = DOCS / "images" / "architecture.svg"
SVG = "{http://www.w3.org/2000/svg}"


def test_times_are_those_of_the_code():
    page = (DOCS / "architecture.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| [^|]*\(`(\w+)`\) \| (\d+) s \|", page, re.MULTILINE))
    own = {name for name, member in vars(Timing).items() if isinstance(member, property)}
    assert rows == {name: f"{getattr(Timing(), name):g}" for name in {"request_s", *own}}


def test_the_picture_says_in_words_what_it_shows():
    root = ElementTree.parse(PICTURE).getroot()
    assert root.get("role") == "img"
    named = {element.get("id"): element.text for element in root if element.tag in (f"{SVG}title", f"{SVG}desc")}
    assert root.get("aria-labelledby", "").split() == list(named)
    assert all(named.values())


def test_the_picture_fetches_nothing():
    """Where pages are shown, what a picture fetches is blocked."""
    text = PICTURE.read_text(encoding="utf-8")
    assert set(re.findall(r"url\((.*?)\)", text)) == {"#to-request", "#to-scale", "#to-deploy"}
    assert "href" not in text
    assert "@import" not in text


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_of_the_picture_stand_out(scheme):
    """WCAG 2.2 wants a contrast of 4.5 of texts of this size."""
    light, dark = re.findall(r"--page: .*?;\s*}", PICTURE.read_text(encoding="utf-8"), re.DOTALL)
    colors = dict(re.findall(r"--([\w-]+): (#\w{6});", light))
    colors |= dict(re.findall(r"--([\w-]+): (#\w{6});", dark)) if scheme == "dark" else {}
    for text in ("text", "faint", "request", "scale", "deploy"):
        for ground in ("page", "box", "outer", "inner"):
            assert contrast(colors[text], colors[ground]) >= 4.5, (text, ground)


def contrast(one: str, other: str) -> float:
    """As WCAG 2.2 defines it (https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio)."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(color: str) -> float:
    parts = [int(color[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
