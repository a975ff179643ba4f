"""Two faults that change the same thing at once, in every order of their beginnings and ends."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from sim.faults.overrides import Overrides


@pytest.mark.parametrize("ends_first", [0, 1])
def test_what_was_there_before_returns_after_the_last(ends_first: int) -> None:
    receiver, overrides = SimpleNamespace(rate=0.1), Overrides()
    ends = [overrides.set(receiver, rate=0.5), overrides.set(receiver, rate=0.9)]
    assert receiver.rate == 0.9
    ends[ends_first]()
    assert receiver.rate == (0.9, 0.5)[ends_first]
    ends[1 - ends_first]()
    assert receiver.rate == 0.1
    overrides.set(receiver, rate=0.3)()
    assert receiver.rate == 0.1
