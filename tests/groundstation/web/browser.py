"""The browser of the tests, and what is skipped where it, or a library of the page, is missing."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest

from bench import chromium
from bench.chromium import Browser
from groundstation import vendor
from groundstation.web.routes import STATIC

__all__ = ["Browser", "find_chromium", "need_axe", "need_vendor"]


def _miss(what: str, remedy: str = "") -> NoReturn:
    """Skips the test by name; with SPACEPI_REQUIRE_ALL=1, as in CI, it fails."""
    if os.environ.get("SPACEPI_REQUIRE_ALL") == "1":
        pytest.fail(f"{what} and SPACEPI_REQUIRE_ALL is set")
    pytest.skip(f"{what}{remedy}")


def find_chromium() -> str:
    """The path of Chromium; skips the test where it is absent."""
    return chromium.find() or _miss("Chromium is not installed")


def need_vendor() -> None:
    """Skips the test where Leaflet and uPlot are absent, or the browser."""
    find_chromium()
    if not vendor.is_complete(STATIC / "vendor"):
        _miss("vendor files are not installed", "; run make")


def need_axe() -> str:
    """The source of axe-core; skips the test where it is absent."""
    if not vendor.has_axe():
        _miss("axe-core is not installed", "; run make")
    return vendor.AXE.read_text(encoding="utf-8")
