"""What the tests of the page measure in a browser; looks.js does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.chromium import Browser

LOOKS = Path(__file__).with_name("looks.js").read_text(encoding="utf-8").strip()


def look(page: Browser, what: str) -> Any:
    """One of ``collisions``, ``cutOff``, ``stage`` and ``focus``, of the page as it is."""
    return page.value(f"{LOOKS}.{what}()")
