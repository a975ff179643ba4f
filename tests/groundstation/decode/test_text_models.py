"""Texts coded with a model: read with it, kept without it, asked for in plain, opened later."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from groundstation.archive import outbox, record_table
from groundstation.archive.archive import Archive
from groundstation.archive.outbox import PLAIN_TEXTS_MAX
from groundstation.decode import text_models
from groundstation.ground import Ground
from groundstation.reading.reader import FlightReader
from tests.groundstation.far_end import MASTER_KEY, MISSION, START_MS, FarEnd, state_at
from tests.wire.test_text_codec import OWN, model
from wire import auth, commands, frames, records
from wire.auth import Authenticity, Direction
from wire.bodies import SEALED, Packed, TextSeat, by_id
from wire.commands import Command, Opcode
from wire.frames import CommandFrame
from wire.mission import load as load_mission
from wire.records import Kind, Record, TimeQuality

KEY = auth.derive_key(MASTER_KEY, 7, Direction.UPLINK)
MODELS = by_id([model()])
SHORT_ID = model().model_id[:2]


class CodingEnd(FarEnd):
    """A payload that codes its texts until it is told that they cannot be read."""

    codes = True

    def push(self, kind, now_ms, body, quality=TimeQuality.GPS):
        self.next_record += 1
        record = Record(self.next_record, kind, self.boot, now_ms // 100 * 100, quality, body)
        self.send(record, now_ms)
        self.pushed.append(record)
        return record

    def send(self, record, now_ms):
        packed = records.pack(record, model() if self.codes else None)
        assert (packed.seat is TextSeat.MODEL) == self.codes
        self.sender.push(record, now_ms, packed)


def fly(far, station, now_ms, seconds=20):
    """Everything that is sent is heard; returns the time after it."""
    for _ in range(seconds):
        now_ms += 1000
        data = far.data(now_ms)
        if data is not None:
            station.receive(data, now_ms)
    return now_ms


def muse(far, count=4):
    for text in OWN[:count]:
        far.push(Kind.MUSING, START_MS, {"text": text, "by": "model", "alt": 9000})


def bodies_of(archive):
    rows = archive.db.execute("SELECT body FROM record ORDER BY record_id")
    return [records.unpack_body(row[0]) for row in rows]


def letters(archive):
    rows = archive.db.execute("SELECT opcode, text, state FROM outbox ORDER BY id")
    return [tuple(row) for row in rows if row["opcode"] == Opcode.PLAIN_TEXT]


def tally(archive, name):
    row = archive.db.execute("SELECT value FROM tally WHERE name = ?", (name,)).fetchone()
    return row[0] if row else 0


def test_with_the_model_texts_are_read_and_nothing_is_asked(tmp_path):
    archive = Archive(tmp_path / "a.sqlite", is_durable=False)
    far = CodingEnd(KEY)
    muse(far)
    fly(far, Ground(MISSION, archive, KEY, models=MODELS), START_MS)
    assert [b["text"] for b in bodies_of(archive)] == OWN and not letters(archive)


def test_without_it_the_rest_is_kept_and_plain_text_is_asked_for_once(tmp_path):
    path = tmp_path / "a.sqlite"
    archive = Archive(path, is_durable=False)
    far = CodingEnd(KEY)
    muse(far)
    with capture_logs() as logs:
        now_ms = fly(far, Ground(MISSION, archive, KEY), START_MS)
    assert all(b.keys() == {"alt", SEALED} for b in bodies_of(archive))
    assert letters(archive) == [(Opcode.PLAIN_TEXT, SHORT_ID.hex(), "queued")]
    assert [e["model"] for e in logs if e["event"] == "text_model_absent"] == [SHORT_ID.hex()]
    reader = FlightReader(path, MISSION)
    assert reader.flight()["link"]["sealed"] == 4 and not reader.entries(None, 10)
    archive.close()
    archive = Archive(path, is_durable=False)
    muse(far)
    fly(far, Ground(MISSION, archive, KEY), now_ms)
    assert len(letters(archive)) == 1, "once, and a restart forgets nothing"
    archive.close()


def test_the_whole_talk_from_sealed_to_readable(tmp_path):
    archive = Archive(tmp_path / "a.sqlite", is_durable=False)
    station, far = Ground(MISSION, archive, KEY), CodingEnd(KEY)
    muse(far)
    now_ms = fly(far, station, START_MS)
    station.receive(far.beacon(state_at(60), is_listening=True), now_ms)
    frame = frames.decode_uplink(station.next_uplink(now_ms + 200), KEY)
    assert isinstance(frame, CommandFrame)
    assert commands.decode(frame.body) == Command(
        Opcode.PLAIN_TEXT, (int.from_bytes(SHORT_ID),)
    )
    far.codes = False
    far.sender.withdraw([record.record_id for record in far.pushed])
    for record in far.pushed:
        far.send(record, now_ms)
    now_ms = fly(far, station, now_ms)
    assert [b["text"] for b in bodies_of(archive)] == OWN
    assert tally(archive, "sealed") == 0 and tally(archive, "conflicts") == 0
    assert len(FlightReader(archive.path, MISSION).entries(None, 10)) == 4
    rebuilt = bodies_of(archive)
    archive.rebuild()
    # Now one and the same record comes in two encodings.
    Ground(MISSION, archive, KEY, models=MODELS)
    assert bodies_of(archive) == rebuilt and tally(archive, "conflicts") == 0
    archive.close()


def test_a_model_that_came_withdraws_what_was_asked(tmp_path):
    archive = Archive(tmp_path / "a.sqlite", is_durable=False)
    far = CodingEnd(KEY)
    muse(far, 1)
    fly(far, Ground(MISSION, archive, KEY), START_MS)
    Ground(MISSION, archive, KEY, models=MODELS)
    assert [state for _, _, state in letters(archive)] == ["failed"]
    assert outbox.waiting(archive.db) == []


def test_a_station_without_a_key_asks_nothing(tmp_path):
    archive = Archive(tmp_path / "a.sqlite", is_durable=False)
    far = CodingEnd(KEY)
    muse(far, 1)
    fly(far, Ground(MISSION, archive, None), START_MS)
    assert len(bodies_of(archive)) == 1 and not letters(archive)


def test_made_up_models_cannot_fill_the_outbox(tmp_path):
    archive = Archive(tmp_path / "a.sqlite", is_durable=False)
    station, far = Ground(MISSION, archive, KEY), FarEnd(KEY)
    for number in range(PLAIN_TEXTS_MAX + 5):
        record = Record(number + 1, Kind.MUSING, 1, START_MS, TimeQuality.GPS, {})
        data = number.to_bytes(2) + b"\x02ab\x80"
        far.sender.push(record, START_MS, Packed(TextSeat.MODEL, data))
    for body in ({SEALED: 5}, {SEALED: {"model": "../../x"}}):
        far.push(Kind.MUSING, START_MS, body)
    fly(far, station, START_MS, 60)
    assert len(letters(archive)) == PLAIN_TEXTS_MAX
    other = FarEnd(KEY, node_id=9)
    other.sender.push(record, START_MS, Packed(TextSeat.MODEL, b"\xee\xee\x02ab\x80"))
    fly(other, station, START_MS)
    assert len(letters(archive)) == PLAIN_TEXTS_MAX, "another payload's models are not ours to ask"


def test_text_takes_the_place_of_the_same_record_sealed_and_of_no_other(tmp_path):
    archive = Archive(tmp_path / "a.sqlite", is_durable=False)
    sealed = {"alt": 1, SEALED: {"model": "abcd", "coded": b"x"}}

    def add(body):
        record = Record(5, Kind.MUSING, 1, START_MS, TimeQuality.GPS, body)
        with archive.batch():
            return record_table.add(archive, 7, [record], START_MS, Authenticity.UNSIGNED)

    assert add(sealed) and not add(sealed)
    assert not add({**sealed, SEALED: {"model": "1234", "coded": b"y"}}), "sealed another way"
    assert not add({"alt": 2, "text": "of another record"}) and tally(archive, "conflicts") == 1
    assert add({"text": "opened", "alt": 1}) and not add({"alt": 1, "text": "opened"})
    assert not add(sealed) and not add({"alt": 1, "text": "changed"})
    assert bodies_of(archive) == [{"text": "opened", "alt": 1}]
    assert tally(archive, "conflicts") == 2 and tally(archive, "sealed") == 0


# -- the command ---------------------------------------------------------------------------------


def raw_log(folder: Path) -> Path:
    """The raw log of a flight whose texts are coded."""
    archive = Archive(folder / "other" / "a.sqlite", is_durable=False)
    far = CodingEnd(KEY)
    muse(far)
    fly(far, Ground(MISSION, archive, None), START_MS)
    archive.close()
    return archive.raw_path


def musings(run, mission_path: Path, out: Path) -> list[str]:
    assert run("export", out, "-m", mission_path)[0] == 0
    return (out / "musings.txt").read_text().splitlines()


def test_rebuild_with_the_model_gives_the_text(mission, ground, tmp_path):
    model().save(tmp_path / "text.codec")
    assert ground("receive", "-m", mission, "--replay", raw_log(tmp_path))[0] == 0
    assert musings(ground, mission, tmp_path / "sealed") == []
    assert ground("rebuild", "-m", mission, "--codec", tmp_path / "text.codec")[0] == 0
    assert musings(ground, mission, tmp_path / "open") == OWN


@pytest.mark.parametrize("place", ["archive/edda.codec", "persona/text.codec"])
def test_models_beside_the_archive_and_of_the_bundle_are_found(
    mission, ground, tmp_path, place
):
    path = mission.parent / place
    path.parent.mkdir()
    model().save(path)
    mission.write_text(mission.read_text() + '[mind]\nbundle = "persona"\n')
    assert ground("receive", "-m", mission, "--replay", raw_log(tmp_path))[0] == 0
    assert musings(ground, mission, tmp_path / "out") == OWN


def test_an_unreadable_model_is_one_sentence_and_the_station_goes_on(
    mission, ground, tmp_path
):
    (tmp_path / "bad.codec").write_bytes(b"not a model")
    with capture_logs() as logs:
        arguments = ("--codec", tmp_path / "bad.codec", "--codec", tmp_path / "none.codec")
        assert ground("receive", "-m", mission, "--replay", raw_log(tmp_path), *arguments)[0] == 0
    said = [e["why"] for e in logs if e["event"] == "text_model_unreadable"]
    assert len(said) == 2 and "bad.codec: not a text model" in said[0]
    assert "none.codec: cannot be read (No such file or directory)" in said[1]
    db = sqlite3.connect(mission.parent / "archive" / "archive.sqlite")
    assert db.execute("SELECT COUNT(*) FROM record").fetchone()[0] == 4


def test_no_more_models_than_the_bound_are_read(mission, tmp_path):
    folder = tmp_path / "archive"
    folder.mkdir()
    for number in range(text_models.MODELS_MAX + 2):
        (folder / f"{number:02}.codec").write_bytes(b"not a model")
    model().save(tmp_path / "named")
    with capture_logs() as logs:
        found = text_models.load(load_mission(mission), tmp_path, [tmp_path / "named"])
    assert list(found) == [SHORT_ID], "named ones come first"
    events = [e["event"] for e in logs]
    assert events.count("text_model_unreadable") == text_models.MODELS_MAX - 1
    assert events.count("text_model_left_out") == 3
