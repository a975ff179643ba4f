"""Commands: which goes up first, how long each may wait, and how it is called back."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from groundstation.archive import command_order, command_state, outbox
from groundstation.archive.archive import Archive
from groundstation.archive.command_order import ATTEMPTS_MAX, Precedence
from groundstation.archive.outbox import (
    COMMANDS_WAITING_MAX,
    QUESTIONS_WAITING_EACH_MAX,
    QUESTIONS_WAITING_MAX,
    OutboxFull,
    QueuedCommand,
)
from tests.groundstation.far_end import START_MS
from tests.groundstation.uplink.outbox_station import Station
from wire import commands
from wire.commands import QUESTIONS, Opcode
from wire.frames import FeedbackFrame
from wire.mission import MissionError, parse
from wire.records import Kind

ARM, FIRE, ABORT = Opcode.CUTDOWN_ARM, Opcode.CUTDOWN_FIRE, Opcode.CUTDOWN_ABORT
HOUR_MS = 3_600_000


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    made = Station(tmp_path)
    yield made
    made.archive.close()


# -- what goes first ------------------------------------------------------------------------


def test_an_abort_behind_24_questions_goes_in_the_first_window(station: Station) -> None:
    """Found in a review: 24 questions of one minute's posts stood 500 s before a CUTDOWN_ARM."""
    for number in range(24):
        station.queue(Opcode.ASK, f"question {number}?", asker=f"10.0.0.{number % 4}")
    station.queue(ABORT)
    assert station.window() is ABORT


@pytest.mark.parametrize("opcode", [ARM, Opcode.TX_OFF, Opcode.PING])
def test_no_command_waits_behind_questions(station: Station, opcode: Opcode) -> None:
    """Found in a review: TX_OFF first went after 80 minutes, behind 240 questions."""
    for number in range(QUESTIONS_WAITING_MAX):
        station.queue(Opcode.ASK, f"question {number}?", asker=f"10.0.0.{number}")
    station.queue(opcode, "10" if opcode is Opcode.TX_OFF else "")
    assert station.window() is opcode


def test_classes_go_in_their_order_and_within_one_the_oldest_first(station: Station) -> None:
    station.queue(Opcode.ASK, "Cold?")
    station.queue(Opcode.PING)
    station.queue(Opcode.REBOOT)
    station.queue(Opcode.SAFE_ENTER)
    station.queue(Opcode.TX_OFF, "5")
    station.queue(ABORT)
    station.queue(ARM)
    said = [station.window(is_heard=True) for _ in range(7)]
    assert said == [ABORT, ARM, Opcode.SAFE_ENTER, Opcode.TX_OFF, Opcode.PING, Opcode.REBOOT,
                    Opcode.ASK]


@pytest.mark.parametrize("opcode", list(Opcode))
def test_every_opcode_has_a_class(opcode: Opcode) -> None:
    assert command_order.of(opcode) in Precedence
    assert (command_order.of(opcode) is Precedence.QUESTION) is (opcode in QUESTIONS)


def test_questions_take_turns_between_those_who_ask(station: Station) -> None:
    """Seven of one address do not stand before one of another."""
    for number in range(7):
        station.queue(Opcode.ASK, f"a{number}", asker="10.0.0.1")
    for number in range(2):
        station.queue(Opcode.ASK, f"b{number}", asker="10.0.0.2")
    station.queue(Opcode.ASK, "c0", asker="10.0.0.3")
    said = []
    for _ in range(10):
        station.window(is_heard=True)
        said.append(str(commands.decode(station.said.body).arguments[-1]))
    assert said == ["a0", "b0", "c0", "a1", "b1", "a2", "a3", "a4", "a5", "a6"]


def test_the_order_that_is_shown_is_the_order_in_which_they_go(station: Station) -> None:
    for asker, text in (("x", "a0"), ("x", "a1"), ("y", "b0"), ("x", "a2"), ("y", "b1")):
        station.queue(Opcode.ASK, text, asker=asker)
    station.queue(Opcode.PING)
    db = station.archive.db
    shown = [entry.command_id for entry in command_order.in_order(
        outbox.waiting(db), outbox.last_sent_ms(db))]
    said = []
    for _ in range(6):
        station.window(is_heard=True)
        row = db.execute("SELECT MAX(outbox_id) FROM uplink WHERE counter = ?",
                         (station.said.counter,)).fetchone()
        said.append(row[0])
    assert shown == said


def test_a_question_too_many_is_refused_in_one_sentence(station: Station) -> None:
    for number in range(QUESTIONS_WAITING_EACH_MAX):
        station.queue(Opcode.ASK, f"{number}?", asker="10.0.0.1")
    with pytest.raises(OutboxFull, match=r"^8 of your questions are already waiting"):
        station.queue(Opcode.ASK, "one more?", asker="10.0.0.1")
    for number in range(QUESTIONS_WAITING_MAX - QUESTIONS_WAITING_EACH_MAX):
        station.queue(Opcode.ASK, f"{number}?", asker=f"10.0.1.{number}")
    with pytest.raises(OutboxFull, match=r"^64 questions are already waiting"):
        station.queue(Opcode.ASK, "and me?", asker="10.0.0.9")
    station.window(is_heard=True)
    station.window()
    station.queue(Opcode.ASK, "and me?", asker="10.0.0.9")


def test_a_command_too_many_is_refused_and_an_abort_never(station: Station) -> None:
    for _ in range(COMMANDS_WAITING_MAX):
        station.queue(Opcode.PING)
    with pytest.raises(OutboxFull, match=r"^64 commands are already waiting"):
        station.queue(Opcode.TX_OFF, "5")
    aborts = [station.queue(ABORT) for _ in range(3)]
    assert [station.state(command_id) for command_id in aborts] == [
        "withdrawn", "withdrawn", "queued"], "one is enough"
    station.queue(Opcode.ASK, "Still there?")


def test_commands_leave_every_fourth_window_to_a_report_and_an_abort_does_not_wait_for_it(
    station: Station,
) -> None:
    for number in range(6):
        station.queue(Opcode.ASK, f"{number}?")
    station.push(Kind.MUSING, {"text": "thought", "by": "model"})
    assert [station.window(is_heard=True) for _ in range(4)] == [Opcode.ASK] * 3 + [FeedbackFrame]
    station.push(Kind.MUSING, {"text": "another", "by": "model"})
    assert [station.window(is_heard=True) for _ in range(3)] == [Opcode.ASK] * 3
    station.queue(ABORT)
    assert station.window() is ABORT
    assert station.window() is FeedbackFrame, "then it does: nobody heard that abort"
    assert station.window() is ABORT


# -- lifetimes ------------------------------------------------------------------------------


def test_arm_and_fire_that_waited_nine_hours_are_never_sent(station: Station) -> None:
    """Found in a review: both were signed and sent in the first two windows."""
    entries = [station.queue(opcode) for opcode in (ARM, FIRE)]
    station.now_ms += 9 * HOUR_MS
    assert [station.window(is_armed=True, is_heard=True) for _ in range(5)] == [None] * 5
    assert [station.state(command_id) for command_id in entries] == ["expired", "expired"]
    assert {command_state.in_words(station.entry(n), "EDDA") for n in entries} == {
        "expired, never sent"}


@pytest.mark.parametrize(("opcode", "text", "lives_s"), [
    (ARM, "", 180), (Opcode.REBOOT, "", 180), (ABORT, "", 3600), (Opcode.TX_OFF, "5", 3600),
    (Opcode.PING, "", 3600), (Opcode.ASK, "Cold?", 21_600),
])
def test_a_command_goes_up_until_its_lifetime_is_over(
    station: Station, opcode: Opcode, text: str, lives_s: int
) -> None:
    command_id = station.queue(opcode, text)
    assert station.window(after_s=lives_s - 1) is opcode
    assert station.window(after_s=1) is None
    assert station.state(command_id) == "expired" and station.entry(command_id).attempts == 1


def test_a_command_is_not_signed_at_the_instant_at_which_it_expires(station: Station) -> None:
    station.queue(ARM)
    station.now_ms += 180_000
    station.beacon(is_listening=True)
    assert station.ground.next_uplink(station.now_ms + 200) is None, "and nobody had noted it yet"


def test_hazardous_commands_are_tried_as_long_as_they_live(station: Station) -> None:
    command_id = station.queue(ARM)
    said = [station.window(after_s=5) for _ in range(40)]
    assert said[:35].count(ARM) > 10 and said[36:] == [None] * 4
    entry = station.entry(command_id)
    assert entry.state == "expired" and entry.attempts == said.count(ARM)
    assert command_state.in_words(entry, "EDDA") == (
        f"expired, sent {entry.attempts} times and never confirmed by EDDA")


def test_a_safety_command_is_not_given_up_after_thirty_tries(station: Station) -> None:
    for opcode, state in ((Opcode.PING, "failed"), (ABORT, "sent")):
        command_id = station.queue(opcode)
        for _ in range(ATTEMPTS_MAX + 15):
            station.window()
        assert station.state(command_id) == state


@pytest.mark.parametrize(("opcode", "seconds", "is_allowed"), [
    (ARM, 10, True), (ARM, 9, False), (ARM, 600, True), (ARM, 601, False),
    (Opcode.PING, 86_400, True), (Opcode.PING, 86_401, False), (Opcode.PING, 0, False),
])
def test_a_lifetime_is_given_with_the_command_within_bounds(
    station: Station, opcode: Opcode, seconds: int, is_allowed: bool
) -> None:
    if not is_allowed:
        with pytest.raises(ValueError, match=rf"lifetime of {opcode.name.lower()} must be 10\.\."):
            station.queue(opcode, lifetime_s=seconds)
        return
    entry = station.entry(station.queue(opcode, lifetime_s=seconds))
    assert entry.expires_ms - entry.created_ms == 1000 * seconds


@pytest.mark.parametrize(("key", "low", "high"), [
    ("hazardous_lifetime_s", 30, 600), ("command_lifetime_s", 60, 86_400),
    ("question_lifetime_s", 60, 86_400),
])
def test_lifetimes_of_the_mission_file_have_bounds(key: str, low: int, high: int) -> None:
    text = (Path(__file__).parents[3] / "mission.toml").read_text()
    line = next(line for line in text.splitlines() if line.startswith(f"{key} = "))
    for value in (low, high):
        mission = parse(text.replace(line, f"{key} = {value}"), "m")
        opcode = {"h": ARM, "c": Opcode.PING, "q": Opcode.ASK}[key[0]]
        assert command_order.lifetime_s(opcode, mission.ground) == value
    for value in (low - 1, high + 1):
        with pytest.raises(MissionError, match=f"ground.{key} = {value}"):
            parse(text.replace(line, f"{key} = {value}"), "m")


def test_what_was_queued_before_the_clock_was_set_back_expires(station: Station) -> None:
    """Its three minutes would have become an hour and three minutes."""
    station.now_ms += HOUR_MS
    arm, ping = station.queue(ARM), station.queue(Opcode.PING)
    station.now_ms -= HOUR_MS
    assert station.window() is None
    assert station.state(arm) == station.state(ping) == "expired"


# -- withdrawing ----------------------------------------------------------------------------


def test_a_command_can_be_withdrawn_until_it_is_signed(station: Station) -> None:
    command_id = station.queue(Opcode.PING)
    entry = outbox.withdraw(station.archive.db, command_id)
    assert command_state.of_withdrawal(entry, "EDDA") == "withdrawn before it was sent"
    assert station.window() is None
    with pytest.raises(ValueError, match=f"command {command_id} is already withdrawn"):
        outbox.withdraw(station.archive.db, command_id)
    with pytest.raises(ValueError, match="no queued command has the number 5"):
        outbox.withdraw(station.archive.db, 5)


def test_one_that_was_sent_may_have_been_taken_and_it_says_so(station: Station) -> None:
    command_id = station.queue(ARM)
    assert station.window() is ARM and station.window(is_heard=True) is ARM
    entry = outbox.withdraw(station.archive.db, command_id)
    assert command_state.of_withdrawal(entry, "EDDA") == (
        "withdrawn; it was sent 2 times, EDDA may have received it; send cutdown_abort to be sure")
    assert station.window() is None, "and it does not go again"
    assert station.state(command_id) == "confirmed", "it had been taken, and that is shown"
    with pytest.raises(ValueError, match="was already received"):
        outbox.withdraw(station.archive.db, command_id)


def test_one_that_is_called_back_while_it_is_chosen_does_not_go(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process withdraws it, and is told that it was not sent."""
    command_id = station.queue(ARM)
    in_order = command_order.in_order

    def called_back(*arguments: Any) -> list[QueuedCommand]:
        chosen = in_order(*arguments)
        with outbox.of_another_process(station.archive.path) as db:
            outbox.withdraw(db, command_id)
        return chosen

    monkeypatch.setattr(command_order, "in_order", called_back)
    assert station.window() is None
    assert station.state(command_id) == "withdrawn" and station.entry(command_id).attempts == 0


# -- the archive ----------------------------------------------------------------------------


def test_commands_of_an_archive_without_lifetimes_are_kept_and_not_sent(tmp_path: Path) -> None:
    path = tmp_path / "archive.sqlite"
    Archive(path, is_durable=False).close()
    with sqlite3.connect(path) as db:
        db.execute("DROP TABLE outbox")
        db.execute(
            "CREATE TABLE outbox(id INTEGER PRIMARY KEY, kind TEXT NOT NULL, opcode INTEGER NOT"
            " NULL, text TEXT NOT NULL, state TEXT NOT NULL, created_ms INTEGER NOT NULL, attempts"
            " INTEGER NOT NULL DEFAULT 0, last_sent_ms INTEGER, confirmed_ms INTEGER, answered_ms"
            " INTEGER, counter INTEGER, why TEXT)")
        db.execute("INSERT INTO outbox(id, kind, opcode, text, state, created_ms) VALUES"
                   " (16, 'command', 17, '', 'queued', ?)", (START_MS,))
    station = Station(tmp_path)
    assert station.window(is_armed=True) is None
    assert station.entry(16).opcode is ARM and station.state(16) == "expired"
    station.archive.close()
