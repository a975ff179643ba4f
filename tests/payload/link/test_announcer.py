"""Which life this is goes out soon, again and again, and never takes much of the air."""

from itertools import pairwise

import pytest

from payload.link.announcer import (
    AIRTIME_FACTOR,
    FIRST_SPACING_MS,
    SPACING_MAX_MS,
    STATIONS_SILENT_MS,
    Announcer,
)

CALLSIGN_MS = 600_000


def sent_ms(announcer: Announcer, begin_ms: int, end_ms: int, occupied_ms: int = 100) -> list[int]:
    """When it goes out in this time, where the radio is always free."""
    found = []
    for now_ms in range(begin_ms, end_ms, 1000):
        if now_ms % CALLSIGN_MS == 0:
            announcer.note_callsign()
        if announcer.is_due(now_ms):
            announcer.note_sent(now_ms, occupied_ms)
            found.append(now_ms)
    return found


def test_it_goes_at_once_and_then_more_and_more_seldom_while_nobody_answers() -> None:
    times = sent_ms(Announcer(), 1000, CALLSIGN_MS)
    gaps = [after - before for before, after in pairwise(times)]
    assert times[0] == 1000 and gaps[0] == FIRST_SPACING_MS
    assert gaps == sorted(gaps) and gaps[-1] == SPACING_MAX_MS


def test_once_it_is_reported_on_it_goes_with_the_callsign_alone() -> None:
    announcer = Announcer()
    sent_ms(announcer, 1000, 60_000)
    for now_ms in range(60_000, 3 * CALLSIGN_MS, 60_000):
        announcer.note_report(now_ms)
        found = sent_ms(announcer, now_ms + 1000, now_ms + 61_000)
        assert found == ([now_ms + 60_000] if (now_ms + 60_000) % CALLSIGN_MS == 0 else [])


def test_when_all_stations_have_been_silent_for_long_it_goes_more_often_again() -> None:
    announcer = Announcer()
    sent_ms(announcer, 0, 60_000)
    announcer.note_report(60_000)
    quiet = sent_ms(announcer, 61_000, 60_000 + STATIONS_SILENT_MS)
    assert quiet == list(range(CALLSIGN_MS, 60_000 + STATIONS_SILENT_MS, CALLSIGN_MS))
    begin_ms = 60_000 + STATIONS_SILENT_MS
    again = sent_ms(announcer, begin_ms, begin_ms + 3600_000)
    assert again[0] <= begin_ms + SPACING_MAX_MS and len(again) >= 3600_000 // SPACING_MAX_MS


@pytest.mark.parametrize("occupied_ms", [100, 800, 10_000, 60_000])
def test_it_never_takes_more_than_its_share_of_the_air(occupied_ms: int) -> None:
    announcer = Announcer()
    times = [now for now in range(0, 20 * 3600_000, 1000) if _goes(announcer, now, occupied_ms)]
    gaps = [after - before for before, after in pairwise(times)]
    assert min(gaps) >= AIRTIME_FACTOR * occupied_ms and len(times) > 5


def _goes(announcer: Announcer, now_ms: int, occupied_ms: int) -> bool:
    is_due = announcer.is_due(now_ms)
    if is_due:
        announcer.note_sent(now_ms, occupied_ms)
    return is_due
