"""When a record was made, as the page tells it: its own date, or the moment it was heard."""

from __future__ import annotations

from typing import Any

import pytest

from groundstation.archive.rows import FUTURE_MS, KEPT_MS, PAST_MS, when_of
from wire.auth import Authenticity
from wire.records import TimeQuality

HEARD_MS = 1_800_000_000_000
GENUINE, UNSIGNED = Authenticity.GENUINE.value, Authenticity.UNSIGNED.value


def row(authenticity: str, time_ms: int, quality: int = TimeQuality.GPS,
        offset_ms: int | None = None) -> Any:
    return {"time_ms": time_ms, "heard_utc_ms": HEARD_MS, "quality": int(quality),
            "offset_ms": offset_ms, "authenticity": authenticity}


@pytest.mark.parametrize(("authenticity", "past_ms"), [(GENUINE, KEPT_MS), (UNSIGNED, PAST_MS)])
def test_a_verified_record_keeps_its_date_though_it_comes_days_later(
    authenticity: str, past_ms: int
) -> None:
    """Goal: as old as allowed, and a millisecond older. Found in five days of orbit: what waited
    longer than two days for a pass was dated as it was heard."""
    oldest_ms = HEARD_MS - past_ms
    assert when_of(row(authenticity, oldest_ms)) == (oldest_ms, True)
    assert when_of(row(authenticity, oldest_ms - 1)) == (HEARD_MS, False)
    of_its_boot = row(authenticity, 5_000, TimeQuality.NONE, oldest_ms - 5_000)
    assert when_of(of_its_boot) == (oldest_ms, False)


def test_no_record_is_from_the_future() -> None:
    for authenticity in (GENUINE, UNSIGNED):
        latest_ms = HEARD_MS + FUTURE_MS
        assert when_of(row(authenticity, latest_ms)) == (latest_ms, True)
        assert when_of(row(authenticity, latest_ms + 1)) == (HEARD_MS, False)
