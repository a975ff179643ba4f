"""Bits flipped in the store of a flown payload; ``python -m bench.upsets`` flips 10,000."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import upsets
from bench.upsets import FlownStore
from payload.storage import database


@pytest.fixture(scope="module")
def flown(tmp_path_factory: pytest.TempPathFactory) -> FlownStore:
    return upsets.fly(tmp_path_factory.mktemp("flown"), 240)


def test_no_upset_changes_a_record_silently_or_stops_the_beacon(flown: FlownStore) -> None:
    assert len(flown.records) > 20 and len(flown.lacked) > 20 and all(flown.pages.values())
    counts = upsets.run(flown, 60)
    assert sum(each.total() for each in counts.values()) == 60
    for target, each in counts.items():
        assert (each["silent"], each["stopped"]) == (0, 0), target
        assert each["left out"] + each["salvaged"] > 0, target


def test_without_its_checksums_they_would(flown: FlownStore, monkeypatch: pytest.MonkeyPatch,
                                          tmp_path: Path) -> None:
    """In the words of a musing."""
    at = flown.data.index(b"senses") + 12
    data = flown.data[:at] + bytes((flown.data[at] ^ 1,)) + flown.data[at + 1 :]
    assert upsets.outcome(flown, data, tmp_path) == "left out"
    monkeypatch.setattr(database, "is_whole", lambda row: True)
    assert upsets.outcome(flown, data, tmp_path) == "silent"
