"""Modules that are held back load when they are used, and everything works as if they had been."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def alone(script: str) -> str:
    """What a process of its own prints: here everything was imported long ago."""
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=True,
        env={**os.environ, "PYTHONPATH": os.fspath(ROOT)}).stdout


@pytest.mark.parametrize("use", [
    "import asyncio; asyncio.run(asyncio.sleep(0))",
    "from asyncio import sleep, run; run(sleep(0))",
    "import asyncio.events; asyncio.events.new_event_loop().close()",
    "import ssl; ssl.create_default_context()",
    "from payload.drivers import http; http.ssl.create_default_context()",
    "import http.client; http.client.HTTPSConnection('localhost')",
])
def test_a_module_loads_when_it_is_used(use: str) -> None:
    printed = alone(
        "import sys; from payload import late_imports; import structlog, asyncio, ssl\n"
        "held = {'_ssl', 'asyncio.events'} & set(sys.modules)\n"
        f"{use}\n"
        "print(held, sorted({'_ssl', 'asyncio.events'} & set(sys.modules)))")
    assert printed.startswith("set() [") and printed != "set() []\n"


def test_a_module_that_is_there_already_stays() -> None:
    assert alone(
        "import sys, asyncio, ssl; before = [asyncio, ssl]\n"
        "from payload import late_imports\n"
        "print(before == [sys.modules[n] for n in ('asyncio', 'ssl')])") == "True\n"
