"""The page as one file: markup, style and scripts in it, and a policy that lets it load nothing else.

The charts are drawn by uPlot (https://github.com/leeoniya/uPlot, MIT), which lies in ``uplot/`` with its licence.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path

_HERE = Path(__file__).parent


@cache
def page() -> bytes:
    """The page's HTML, the same for every project: what is shown comes by events."""
    style, scripts = _parts()
    text = _read("page.html").replace("/*style*/", style)
    for place, script in zip(("/*uplot*/", "/*script*/"), scripts, strict=True):
        text = text.replace(place, script)
    return text.encode()


@cache
def headers() -> dict[str, str]:
    """The headers of the page. Its own style and scripts are named by their hashes: nothing put into it would run."""
    style, scripts = _parts()
    policy = (
        "default-src 'none'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
        f"frame-ancestors 'none'; style-src {_hash(style)}; script-src {' '.join(map(_hash, scripts))}"
    )
    return {
        "Cache-Control": "no-store",
        "Content-Security-Policy": policy,
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }


@cache
def _parts() -> tuple[str, tuple[str, str]]:
    scripts = _read("uplot/uPlot.iife.min.js"), _read("charts.js") + _read("page.js")
    return _read("uplot/uPlot.min.css") + _read("page.css"), scripts


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _read(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")
