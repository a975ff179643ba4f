"""What is left to the thorough set (``make test-all``): all but a few of many like parameters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

THOROUGH = pytest.mark.thorough


def sampled(values: Iterable[Any], quick: int = 1) -> list[Any]:
    """``values`` as parameters: the first ``quick`` run in both sets, the rest in one."""
    return [value if number < quick else _thorough(value) for number, value in enumerate(values)]


def _thorough(value: Any) -> Any:
    if isinstance(value, type(pytest.param())):  # has an id or marks of its own
        return value._replace(marks=(*value.marks, THOROUGH))
    return pytest.param(*(value if isinstance(value, tuple) else (value,)), marks=THOROUGH)
