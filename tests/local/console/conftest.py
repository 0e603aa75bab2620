"""A headless browser."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.conftest import require

if TYPE_CHECKING:
    from playwright.sync_api import Browser

NAMES = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium as the system has it, driven by Playwright, whose event loop runs in this thread until it ends."""
    path = next((found for name in NAMES if (found := shutil.which(name))), None)
    require(path is not None, "there is no Chromium (on Debian: apt install chromium)")
    require(importlib.util.find_spec("playwright") is not None, "playwright is not installed: make setup")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path)
        yield browser
        browser.close()
