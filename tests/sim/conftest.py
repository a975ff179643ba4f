"""Which faults of docs/faults.md are flown in the quick set; ``make test-all`` flies every one."""

from __future__ import annotations

import re

import pytest

# One each of receiver, power cuts, storage, link, commands, mind: what a flight can lose, or do
# that it must not. The flights of test_soak.py draw faults of every kind.
QUICK = {9, 30, 36, 44, 53, 69}


def pytest_itemcollected(item: pytest.Item) -> None:
    number = re.match(r"test_fault_(\d+)_", item.name)
    if number is not None and int(number[1]) not in QUICK:
        item.add_marker(pytest.mark.thorough)
