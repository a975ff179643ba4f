"""Goal: whoever loses or alters the words of a neighbour, or never stops to talk, is found.

Method: bugs planted in one part that all payloads share, under one balloon for some minutes.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from payload.link.custody import Custody
from payload.link.time_slots import TimeSlots
from payload.mind.neighbour_talk import OF_ONE_A_DAY_MAX
from payload.prompt import PersonaText
from payload.storage import retention
from sim.replay import Replay
from sim.scenario import Conditions
from sim.swarm import Swarm, missions, under_one_balloon
from sim.verify import swarm_checks
from sim.verify.checks import Checks
from sim.verify.swarm_checks import NAMES, SwarmChecks
from sim.world import PersonaParts, World
from tests.sim.flights import hop_rows, mission, write_csv
from wire import relaying
from wire.records import Kind, pack_body, unpack_body

CALLED = ("EDDA", "FENN")
PERSONAS = [PersonaParts(text=PersonaText(name, f"You are {name}.", ("Say it.",), "A script."))
            for name in CALLED]
END_S = 330


def fly(
    folder: Path, end_s: float = END_S, slot_s: int | None = None,
) -> tuple[SwarmChecks, list[World], list[Checks]]:
    """Who looked on; the closed worlds, and the checks of each."""
    folder.mkdir(parents=True, exist_ok=True)
    path = Replay(write_csv(folder / "hop.csv", hop_rows()))
    worlds = under_one_balloon(
        missions(mission(), CALLED, slot_s=slot_s), 5, folder, Conditions(charge=1.0), path,
        PERSONAS)
    checks = [Checks(world) for world in worlds]
    across = SwarmChecks(worlds, checks)
    swarm = Swarm(worlds, 5, is_talking=True)
    swarm.run_until(end_s)
    swarm.close()
    across.look_at_archives([world.archive_path for world in worlds])
    return across, worlds, checks


def broken(checks: list[Checks]) -> set[str]:
    """The checks between payloads that failed."""
    return {violation.check for each in checks for violation in each.violations} & set(NAMES)


def test_without_a_bug_nothing_is_found_and_much_was_looked_at(tmp_path: Path) -> None:
    """And a record that is altered in one archive, or was never made, is."""
    across, worlds, checks = fly(tmp_path)
    assert broken(checks) == set()
    assert all(across.said.values())
    with closing(sqlite3.connect(worlds[0].payload_path)) as db:
        assert db.execute("SELECT COUNT(*) FROM record WHERE kind = ?",
                          (int(Kind.RELAYED),)).fetchone()[0] > 0
    with closing(sqlite3.connect(worlds[0].archive_path)) as db:
        number, body = db.execute(
            "SELECT record_id, body FROM record WHERE node_id = 8 LIMIT 1").fetchone()
        altered = pack_body({**unpack_body(body), "text": "altered"})
        db.execute("UPDATE record SET body = ? WHERE node_id = 8 AND record_id = ?",
                   (altered, number))
        db.commit()
    across.look_at_archives([worlds[0].archive_path])
    assert broken(checks) == {"archives_agree"}


def test_a_relay_that_drops_what_it_took_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Custody, "take_parcels", lambda self, now_ms: [])
    assert broken(fly(tmp_path)[2]) == {"custody_kept"}


def test_a_relay_that_alters_is_found_and_believed_by_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = relaying.pack
    monkeypatch.setattr(relaying, "pack", lambda heard: whole(
        each._replace(data=each.data[:-1] + bytes([each.data[-1] ^ 1])) for each in heard))
    _, worlds, checks = fly(tmp_path)
    assert broken(checks) == {"carried_true", "custody_kept"}  # neither is it what was taken
    for world in worlds:
        with closing(sqlite3.connect(world.archive_path)) as db:
            assert not db.execute("SELECT 1 FROM ear WHERE station LIKE 'via %'").fetchall()


def test_a_relay_that_takes_more_than_its_share_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(swarm_checks, "SHARE_BYTES", 100)
    monkeypatch.setattr(swarm_checks, "SHARE_BYTES_PER_S", 0)
    assert broken(fly(tmp_path)[2]) == {"custody_bounded"}


def test_parcels_beyond_their_bound_are_found_in_the_store_that_the_payload_has_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check once opened the file again, waited five seconds for its lock and saw nothing."""
    monkeypatch.setattr(swarm_checks, "RELAYED_MAX", 0)
    monkeypatch.setattr(swarm_checks, "COUNT_EVERY_MS", 60_000)
    assert broken(fly(tmp_path)[2]) == {"custody_bounded"}


def test_parcels_that_are_dropped_at_their_bound_break_no_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once each was taken for a record that was counted as dropped and had been kept."""
    monkeypatch.setattr(retention, "RELAYED_MAX", 0)
    monkeypatch.setattr(swarm_checks, "RELAYED_MAX", 0)
    monkeypatch.setattr(swarm_checks, "COUNT_EVERY_MS", 60_000)
    _, _, checks = fly(tmp_path)
    assert all(each.ledger.dropped_ids for each in checks)
    assert [each.violations for each in checks] == [[], []]


@pytest.mark.parametrize("musings", [
    [(8, 1, number) for number in range(OF_ONE_A_DAY_MAX + 2)], [(8, 1, 5), (8, 1, 5)]])
def test_whoever_answers_too_often_or_twice_is_found(
    tmp_path: Path, musings: list[tuple[int, int, int]]
) -> None:
    """The last of these is what is too much."""
    path = Replay(write_csv(tmp_path / "hop.csv", hop_rows()))
    worlds = under_one_balloon(missions(mission(), CALLED), 5, tmp_path, Conditions(), path)
    checks = [Checks(world) for world in worlds]
    watch = SwarmChecks(worlds, checks).watches[0]
    for musing in musings[:-1]:
        watch.look_at_answer(musing)
    assert broken(checks) == set()
    watch.look_at_answer(musings[-1])
    assert broken(checks) == {"talk_bounded"}
    for world in worlds:
        world.close()


def test_payloads_that_take_turns_never_send_at_the_same_time(tmp_path: Path) -> None:
    across, worlds, checks = fly(tmp_path, slot_s=8)
    assert [each.violations for each in checks] == [[], []]
    assert all(watch.frames_in_turn > 50 for watch in across.watches)
    assert not any(world.channel.counts["down_cut"] for world in worlds)


def test_slots_that_are_off_by_one_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class OffByOne(TimeSlots):
        """EDDA counts from one."""

        def next_slot(self, utc_ms, now_ms):
            is_first = self._node_id == 7
            return super().next_slot(None if utc_ms is None else utc_ms - 8000 * is_first, now_ms)

    monkeypatch.setattr("payload.flight.TimeSlots", OffByOne)
    found = fly(tmp_path, slot_s=8)[2]
    assert "turns_kept" in {each.check for each in found[0].violations}
    assert "turns_kept" not in {each.check for each in found[1].violations}
