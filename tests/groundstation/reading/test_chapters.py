"""The parts of a flight, from the phases that it told and the way that it went."""

from __future__ import annotations

from groundstation.archive.track import Point
from groundstation.reading.chapters import burst_of, chapter_at, chapters_of

MINUTE_MS = 60_000


def phase(name, minute, alt_m=None):
    return {"phase": name, "at_ms": minute * MINUTE_MS, "alt_m": alt_m}


def way(*heights):
    return [Point(i * MINUTE_MS, 52.0, 13.0, height) for i, height in enumerate(heights)]


FLOWN = [phase("BOOT", 0), phase("GROUND", 1, 40), phase("ASCENT", 2, 626),
         phase("DESCENT", 6, 25_000), phase("LANDED", 8, 60)]
HEIGHTS = (40, 40, 626, 15_000, 28_000, 26_000, 25_000, 9000, 60)


def test_waking_and_waiting_are_one_and_the_burst_is_a_moment_of_its_own():
    parts = chapters_of(FLOWN, way(*HEIGHTS))
    assert [(part.title, part.from_ms // MINUTE_MS, part.alt_m) for part in parts] == [
        ("On the ground", 0, None), ("The ascent", 2, None), ("The burst", 4, 28_000),
        ("The descent", 6, None), ("The landing", 8, 60)]
    assert [part.title for part in parts if part.is_burst] == ["The burst"]


def test_a_moment_is_in_the_chapter_that_began_last_and_before_all_in_the_first():
    parts = chapters_of(FLOWN, way(*HEIGHTS))
    titles = [chapter_at(parts, minute * MINUTE_MS) for minute in (-5, 2, 3, 4, 5, 99)]
    assert [title.title for title in titles if title] == [
        "On the ground", "The ascent", "The ascent", "The burst", "The burst", "The landing"]
    assert chapter_at([], 0) is None


def test_what_drifts_or_is_not_known_has_not_burst():
    assert burst_of(way(100, 28_000, 27_601)) is None
    assert burst_of(way(100, 28_000, 27_599)) == way(100, 28_000)[1]
    assert burst_of(way(None, None)) is None and burst_of([]) is None
    assert [part.title for part in chapters_of(FLOWN[:3], way(*HEIGHTS[:4]))] == [
        "On the ground", "The ascent"]


def test_a_fall_that_was_told_before_the_highest_point_has_no_burst():
    """A wrong first DESCENT: the top comes later, and the next fall has it."""
    phases = [phase("ASCENT", 0), phase("DESCENT", 1), phase("ASCENT", 2), phase("DESCENT", 6)]
    titles = [part.title for part in chapters_of(phases, way(*HEIGHTS))]
    assert titles == ["The ascent", "The descent", "The ascent", "The burst", "The descent"]
