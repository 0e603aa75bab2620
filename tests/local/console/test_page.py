"""The page is one file that fetches nothing, runs nothing but its own scripts, and writes no text as markup."""

import base64
import hashlib
import re

from cortex_cdk.local.console import page
from cortex_cdk.local.console.page import headers


def policy() -> dict[str, list[str]]:
    parts = (part.split() for part in headers()["Content-Security-Policy"].split(";"))
    return {name: values for name, *values in parts}


def hashes(pattern: str) -> list[str]:
    found = re.findall(pattern, page.page().decode(), re.DOTALL)
    return [f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in found]


def test_only_what_is_in_the_file_runs():
    rules = policy()
    assert rules["default-src"] == ["'none'"]
    assert rules["connect-src"] == ["'self'"]
    assert rules["frame-ancestors"] == rules["form-action"] == rules["base-uri"] == ["'none'"]
    assert rules["script-src"] == hashes("<script>(.*?)</script>")
    assert rules["style-src"] == hashes("<style>(.*?)</style>")
    assert len(rules["script-src"]) == 2
    assert not any("unsafe" in value for values in rules.values() for value in values)


def test_it_names_nothing_elsewhere():
    """Apart from the notice of the charts' library."""
    text = page.page().decode().replace("https://github.com/leeoniya/uPlot", "")
    assert not re.findall(r"""(?:src|href|action)=["'](?!data:)""", text)
    assert not re.findall(r"url\(|@import|https?://", text)


def test_the_placeholders_are_gone():
    assert not re.search(r"/\*(style|script|uplot)\*/", page.page().decode())


def test_the_library_ships_with_its_licence():
    folder = page._HERE / "uplot"
    assert "Leon Sorokin" in (folder / "LICENSE").read_text()
    assert "MIT" in (folder / "LICENSE").read_text()
    assert "uPlot" in (folder / "uPlot.iife.min.js").read_text()[:100]


def test_text_is_never_markup():
    sinks = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|DOMParser"
    for name in ("charts.js", "page.js"):
        assert not re.search(sinks, (page._HERE / name).read_text())
