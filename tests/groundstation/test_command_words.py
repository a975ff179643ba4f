"""Commands as people type them: every name and argument comes from the tables of wire.commands."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from groundstation import command_words
from groundstation.archive import outbox
from groundstation.archive.archive import Archive
from groundstation.ground import Ground
from payload.link.settings import FlightSettings
from tests.groundstation.far_end import MASTER_KEY, MISSION, START_MS, FarEnd, state_at
from tests.wire.orbits import ISS
from wire import commands, frames, key_file
from wire.airtime_budget import AirtimeBudget
from wire.auth import Direction, derive_key
from wire.commands import ARGUMENTS, RANGES, Command, Opcode, Range
from wire.frames import CommandFrame
from wire.mission import CadenceSection
from wire.mission_radio import RadioSection
from wire.records import Kind
from wire.settings import TABLE, Setting

KEY = derive_key(MASTER_KEY, 7, Direction.UPLINK)


NOW_S = 54_000_000
NEVER_TYPED = (Opcode.FOLLOW_UP, Opcode.ELEMENTS)


@pytest.mark.parametrize("opcode", NEVER_TYPED)
def test_what_the_station_makes_or_reads_from_a_file_is_never_typed(opcode: Opcode) -> None:
    name = opcode.name.lower()
    assert name not in command_words.names()
    with pytest.raises(ValueError, match=f"unknown command '{name}'"):
        command_words.find(name)


@pytest.mark.parametrize("opcode", [o for o in Opcode if o not in NEVER_TYPED])
def test_every_other_opcode_can_be_typed(opcode: Opcode) -> None:
    assert command_words.find(opcode.name.lower()) is opcode
    assert command_words.find(opcode.name.lower().replace("_", "-")) is opcode
    assert command_words.usage(opcode).startswith(f"{opcode.name.lower()} requires ")


def test_a_question_gets_the_number_of_its_command() -> None:
    made = command_words.command(Opcode.ASK, 70_000, "Is it cold up there?", NOW_S)
    assert made == Command(Opcode.ASK, (70_000, "Is it cold up there?"))
    assert command_words.command(Opcode.PING, 70_000, "", NOW_S) == Command(Opcode.PING)


def test_what_is_a_text_is_shown_in_quotes() -> None:
    assert command_words.in_words(Opcode.NOTE, "It rains.") == 'note "It rains."'
    assert command_words.in_words(Opcode.TX_OFF, "5") == "tx_off 5"


def test_the_time_that_is_set_is_that_of_sending(tmp_path: Path) -> None:
    """It waits for the payload to listen, and nobody can type the seconds since 2025."""
    archive = Archive(tmp_path / "archive.sqlite")
    ground, far = Ground(MISSION, archive, KEY), FarEnd(KEY)
    outbox.post(archive.path, command_words.find("time_set"), "", START_MS)
    later_ms = START_MS + 600_000
    ground.receive(far.beacon(state_at(600), is_listening=True), later_ms)
    up = ground.next_uplink(later_ms)
    assert up is not None
    frame = frames.decode_uplink(up, KEY)
    assert isinstance(frame, CommandFrame)
    assert commands.decode(frame.body) == Command(
        Opcode.TIME_SET, (outbox.seconds_of(later_ms),))
    with pytest.raises(ValueError, match=r"^time_set requires no argument$"):
        outbox.post(archive.path, Opcode.TIME_SET, "60000000", later_ms)
    archive.close()


@pytest.mark.parametrize(("kinds", "text", "arguments"), [
    ((int,), "60", (60,)),
    ((int, int), "60  -5", (60, -5)),
    ((str, int), "beacon_s 10", ("beacon_s", 10)),
    ((int, str), "3 two words", (3, "two words")),
])
def test_arguments_are_read_by_their_types(monkeypatch, kinds, text, arguments) -> None:
    """Method: an opcode that takes what later ones may take."""
    monkeypatch.setitem(ARGUMENTS, Opcode.PING, kinds)
    wide = tuple(Range("a number", -100, 100) for kind in kinds if kind is int)
    monkeypatch.setitem(RANGES, Opcode.PING, wide)
    assert command_words.command(Opcode.PING, 1, text, NOW_S) == Command(Opcode.PING, arguments)


@pytest.mark.parametrize(("kinds", "text", "sentence"), [
    ((), "now", "ping requires no argument"),
    ((int,), "", "ping requires a whole number"),
    ((int,), "6.5", "ping requires a whole number, and '6.5' is not a whole number"),
    ((int,), "1 2", "ping requires a whole number"),
    ((int, str), "3", "ping requires a whole number and a text"),
])
def test_wrong_arguments_are_one_clause(monkeypatch, kinds, text, sentence) -> None:
    monkeypatch.setitem(ARGUMENTS, Opcode.PING, kinds)
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        command_words.command(Opcode.PING, 1, text, NOW_S)


@pytest.mark.parametrize("text", ["beacon_flight_s 10", "cadence.beacon_flight_s 10", "2 10"])
def test_a_setting_is_typed_by_its_name(text: str) -> None:
    assert command_words.command(Opcode.SETTING_SET, 1, text, NOW_S) == Command(
        Opcode.SETTING_SET, (2, 10))
    assert command_words.in_words(Opcode.SETTING_SET, text) == f"setting_set {text}"


@pytest.mark.parametrize(("text", "sentence"), [
    ("beacon_s 10", r"unknown setting .beacon_s. \(did you mean .beacon_low_s.\?\); available: "),
    ("track_s", "setting_set requires the name of a setting and a whole number$"),
    ("track_s often", "setting_set requires the name of a setting and a whole number, and 'often'"),
])
def test_a_setting_that_is_none_is_one_clause(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^{sentence}"):
        command_words.command(Opcode.SETTING_SET, 1, text, NOW_S)


@pytest.mark.parametrize("setting", TABLE, ids=lambda setting: setting.name)
def test_a_setting_is_sent_with_what_the_payload_takes_alone(setting: Setting) -> None:
    """Goal: no flight is waited for to hear that a value is out of range. Method: both ends, and
    the next beside them."""
    for value in (setting.low, setting.high):
        command_words.check_setting(Opcode.SETTING_SET, f"{setting.key}  {value}", MISSION)
    for value in (setting.low - 1, setting.high + 1, -(10**30)):
        told = rf"^setting {setting.name} must be {setting.low}\.\.{setting.high} s, not {value}$"
        with pytest.raises(ValueError, match=told):
            command_words.check_setting(Opcode.SETTING_SET, f"{setting.number} {value}", MISSION)


def test_the_beacon_of_a_slow_link_may_be_as_slow_as_the_payload_takes_it() -> None:
    radio = {"kind": "kiss-tcp", "rate_bps": 300, "duty_percent": 1}
    slow = MISSION.model_copy(
        update={"radio": RadioSection.model_validate(radio), "cadence": CadenceSection()})
    longest_s = math.ceil(AirtimeBudget(slow).least_ms / 1000)
    assert longest_s > 300
    aboard = FlightSettings(slow, None)
    command_words.check_setting(Opcode.SETTING_SET, f"beacon_low_s {longest_s}", slow)
    assert aboard.change(3, longest_s) is None
    with pytest.raises(ValueError, match=rf"5\.\.{longest_s} s, not {longest_s + 1}$"):
        command_words.check_setting(Opcode.SETTING_SET, f"beacon_low_s {longest_s + 1}", slow)
    assert aboard.change(3, longest_s + 1) is not None


def test_an_unknown_name_is_told_all_there_are() -> None:
    with pytest.raises(ValueError, match="unknown command 'fly'; available: ping, ask, "):
        command_words.find("fly")


def test_a_command_goes_up_signed_and_comes_back_answered(tmp_path: Path) -> None:
    """Goal: queued, sent, confirmed by the beacon, answered by the result; a refused one says why.
    """
    archive = Archive(tmp_path / "archive.sqlite")
    ground, far = Ground(MISSION, archive, KEY), FarEnd(KEY)
    for number, (name, result) in enumerate((("ping", "ok"), ("muse_now", "refused"))):
        now_ms = START_MS + number * 60_000
        entry = outbox.post(archive.path, command_words.find(name), "", now_ms)
        ground.receive(far.beacon(state_at(number), is_listening=True), now_ms)
        up = ground.next_uplink(now_ms)
        assert up is not None
        frame = frames.decode_uplink(up, KEY)
        assert isinstance(frame, CommandFrame)
        assert commands.decode(frame.body).opcode.name.lower() == name
        far.push(Kind.COMMAND_RESULT, now_ms, {
            "counter": frame.counter, "command": name, "result": result, "why": "not now"})
        data = far.data(now_ms + 5_000)
        assert data is not None
        ground.receive(data, now_ms + 5_000)
        done = outbox.one(archive.db, entry.command_id)
        assert done is not None
        assert (done.state, done.why) == (
            ("answered", None) if result == "ok" else ("failed", "not now"))
    archive.close()


@pytest.fixture
def station(
    tmp_path: Path, ground: Callable[..., tuple[int, str, str]]
) -> Callable[..., tuple[int, str, str]]:
    """A folder with a key and an archive, and the command: (exit status, stdout, stderr)."""
    path = tmp_path / "mission.toml"
    path.write_text(
        '[payload]\nname = "EDDA"\ncallsign = "N0CALL"\nnode_id = 7\n'
        '[radio]\nkind = "none"\n'
        "[power]\ncapacity_mah = 3000\neco_mv = 3600\nlow_mv = 3400\ncritical_mv = 3200\n"
    )
    key_file.create(tmp_path / "mission.key", MASTER_KEY)
    (tmp_path / "archive").mkdir()
    Archive(tmp_path / "archive" / "archive.sqlite").close()
    return lambda *arguments: ground(*arguments, "-m", path)


def test_the_command_queues_and_lists(station, tmp_path: Path) -> None:
    assert station("commands") == (0, "The queue is empty.\n", "")
    assert station("command", "ping")[:2] == (0, _queued(tmp_path, 1, "ping", "1 h"))
    assert station("command", "ask", "Is", "it", "cold?")[:2] == (
        0, _queued(tmp_path, 2, 'ask "Is it cold?"', "6 h"))
    status, out, _ = station("commands")
    first, second = out.splitlines()
    assert status == 0 and first.endswith("UTC  ping: queued, will be sent when EDDA listens")
    assert second.endswith('UTC  ask "Is it cold?": queued, will be sent when EDDA listens')


@pytest.mark.parametrize(("arguments", "told"), [
    (("note", "Rain is near."), 'note "Rain is near."'), (("note", "Rain"), 'note "Rain".'),
    (("ask", "Tell me more."), 'ask "Tell me more."'), (("answer", "3", "Fine."), "answer 3 Fine."),
])
def test_a_text_with_a_full_stop_gets_no_second_one(station, arguments, told) -> None:
    status, out, _ = station("command", *arguments)
    assert status == 0 and f" is queued: {told} It expires in " in out


@pytest.mark.parametrize("name_line", ["", "ISS (ZARYA)\n"])
def test_elements_are_queued_from_their_file(station, tmp_path: Path, name_line: str) -> None:
    """Blanks and all; for a day, as the next pass may be half of one away."""
    path = tmp_path / "iss.tle"
    path.write_text(name_line + "\n".join(ISS) + "\n")
    words = "elements of 25544, epoch 19343.69339541"
    assert station("elements", str(path)) == (0, _queued(tmp_path, 1, words, "24 h"), "")
    with sqlite3.connect(tmp_path / "archive" / "archive.sqlite") as db:
        assert db.execute("SELECT text FROM outbox").fetchall() == [("".join(ISS),)]
    assert f"UTC  {words}: queued" in station("commands")[1]


def test_a_file_that_is_not_there_is_one_sentence(station, tmp_path: Path) -> None:
    path = tmp_path / "none.tle"
    assert station("elements", str(path)) == (
        1, "", f"spacepi-ground: {path}: cannot be read (No such file or directory)\n")


def test_a_file_without_elements_queues_nothing(station, tmp_path: Path) -> None:
    path = tmp_path / "iss.tle"
    path.write_text(ISS[0])
    assert station("elements", str(path)) == (
        1, "", f"spacepi-ground: {path}: has 1 lines; allowed are the two of a TLE, and a name "
        "before them\n")
    assert _outbox(tmp_path) == []


@pytest.mark.parametrize(("arguments", "sentence"), [
    (("fly",), "unknown command 'fly'; available: ping, "),
    (("ping", "now"), "ping requires no argument"),
    (("ping", "-5"), "ping requires no argument"),
    (("ask",), "ask requires a text"),
    (("ask", "x" * 161), "a question must have 1..160 bytes"),
    (("setting_set", "track_s", "301"), "setting cadence.track_s must be 1..300 s, not 301"),
    (("setting_set", "track_s", "-5"), "setting cadence.track_s must be 1..300 s, not -5"),
    (("setting_set", "9", "5"), "setting mind.every_s must be 10..3600 s, not 5"),
])
def test_a_wrong_command_is_one_sentence_and_queues_nothing(
    station, tmp_path: Path, arguments, sentence
) -> None:
    status, out, err = station("command", *arguments)
    assert (status, out) == (1, "")
    assert err.startswith(f"spacepi-ground: {sentence}") and err.count("\n") == 1
    assert _outbox(tmp_path) == []


def test_without_a_key_nothing_is_queued(station, tmp_path: Path) -> None:
    (tmp_path / "mission.key").unlink()
    status, _, err = station("command", "ping")
    assert status == 1 and "no such key file" in err
    assert _outbox(tmp_path) == []


def _outbox(folder: Path) -> list[int]:
    with sqlite3.connect(folder / "archive" / "archive.sqlite") as db:
        return [row[0] for row in db.execute("SELECT id FROM outbox ORDER BY id")]


def _queued(folder: Path, count: int, words: str, lifetime: str) -> str:
    entries = _outbox(folder)
    assert len(entries) == count
    return f"Command {entries[-1]} is queued: {words}. It expires in {lifetime}.\n"
