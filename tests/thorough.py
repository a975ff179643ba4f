"""What is left to the thorough set (``make test-all``): all but a few of many like parameters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def sampled(values: Iterable[Any], quick: int = 1) -> list[Any]:
    """``values`` as parameters: the first ``quick`` run in both sets, the rest in one."""
    return [value if number < quick else pytest.param(value, marks=pytest.mark.thorough)
            for number, value in enumerate(values)]
