"""Which elements count: the newest that anybody gave, and none that were called back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from groundstation.archive import outbox
from groundstation.archive.archive import Archive
from groundstation.passes.current_elements import current
from sim.orbit import renewed
from tests.wire.orbits import HOUR_MS, ISS, iss
from wire.commands import Opcode
from wire.mission_orbit import OrbitSection

EPOCH_MS = iss().epoch_ms
NEWER = renewed(iss(), EPOCH_MS + 20 * 24 * HOUR_MS)
OLDER = renewed(iss(), EPOCH_MS - 20 * 24 * HOUR_MS)
OF_MISSION = OrbitSection(tle=ISS)


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    archive = Archive(tmp_path / "archive.sqlite", is_durable=False)
    yield archive
    archive.close()


def lines(archive: Archive, orbit: OrbitSection | None = OF_MISSION) -> tuple[str, str] | None:
    found = current(archive.db, orbit)
    return None if found is None else found.lines


def queued(archive: Archive, text: str, at_ms: int = EPOCH_MS) -> int:
    return outbox.post(archive.path, Opcode.ELEMENTS, text, at_ms).command_id


def test_they_are_the_newest_of_the_mission_file_and_the_queue(archive: Archive) -> None:
    assert (lines(archive), lines(archive, OrbitSection())) == (ISS, None)
    queued(archive, OLDER.text)
    assert (lines(archive), lines(archive, OrbitSection())) == (ISS, OLDER.lines)
    queued(archive, NEWER.text)
    assert lines(archive) == lines(archive, OrbitSection()) == NEWER.lines
    assert lines(archive, None) is None


def test_the_latest_replace_those_queued_before_as_they_do_aboard(archive: Archive) -> None:
    """The first were of another satellite."""
    queued(archive, renewed(iss(), EPOCH_MS + 30 * 24 * HOUR_MS).text)
    queued(archive, NEWER.text)
    assert lines(archive) == NEWER.lines


def test_what_was_withdrawn_or_refused_does_not_count(archive: Archive) -> None:
    outbox.withdraw(archive.db, queued(archive, NEWER.text))
    assert lines(archive) == ISS
    number = queued(archive, NEWER.text)
    assert lines(archive) == NEWER.lines
    outbox.fail(archive.db, number, "the epoch is more than 60 days away")
    assert lines(archive) == ISS


def test_what_expired_counts_still(archive: Archive) -> None:
    """The payload never heard it, but it is where it is."""
    queued(archive, NEWER.text)
    outbox.expire(archive.db, EPOCH_MS + 48 * HOUR_MS)
    assert outbox.waiting(archive.db) == [] and lines(archive) == NEWER.lines


def test_a_damaged_entry_is_passed_over(archive: Archive) -> None:
    number = queued(archive, NEWER.text)
    archive.db.execute("UPDATE outbox SET text = 'no elements' WHERE id = ?", (number,))
    assert lines(archive) == ISS
