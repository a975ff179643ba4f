"""How far a question has come, from what the payload shows, and which question it follows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from groundstation.archive import delivery, outbox, threads
from groundstation.archive.delivery import DeliveryStage as Stage
from groundstation.archive.threads import FOLLOWS_WITHIN_MS, PERSON_CHARS_MAX
from groundstation.reading.reader import FlightReader
from tests.groundstation.far_end import SIGNED_MISSION, START_MS
from tests.groundstation.uplink.outbox_station import Station
from wire import commands
from wire.airtime_budget import AirtimeBudget
from wire.commands import Command, Opcode
from wire.frames import COMMAND_OVERHEAD_BYTES, CommandFrame
from wire.records import Kind


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    made = Station(tmp_path)
    yield made
    made.archive.close()


def ask(station: Station, text: str, asker: str = "person Ana") -> int:
    return station.queue(Opcode.ASK, text, asker=asker)


def hear(station: Station) -> Command:
    """The next question to go up: what the payload then has aboard."""
    while not isinstance(station.window(is_heard=True), Opcode):
        pass  # a report goes first
    assert isinstance(station.said, CommandFrame)
    station.now_ms += 1000
    station.beacon()
    return commands.decode(station.said.body)


def reply(station: Station, question_id: int, text: str = "Cold.") -> None:
    station.push(Kind.REPLY, {"text": text, "question": "?", "question_id": question_id,
                              "by": "model"})


def test_each_stage_is_shown_on_evidence_and_in_order(station: Station) -> None:
    """Goal: queued, on air, heard aboard, thinking, answered. Method: one question, step by step,
    with the times of the evidence."""
    question = ask(station, "Is it cold?")
    stages = [delivery.stage(station.entry(question))]
    station.window()
    on_air_ms = station.now_ms
    stages.append(delivery.stage(station.entry(question)))
    hear(station)
    stages.append(delivery.stage(station.entry(question)))
    station.push(Kind.EVENT, {"event": "question_begun", "severity": "info",
                              "fields": {"question_id": question}})
    stages.append(delivery.stage(station.entry(question)))
    reply(station, question)
    entry = station.entry(question)
    stages.append(delivery.stage(entry))
    assert stages == [
        Stage.QUEUED, Stage.ON_AIR, Stage.HEARD_ABOARD, Stage.THINKING, Stage.ANSWERED]
    steps = delivery.steps(entry)
    assert [step.stage for step in steps] == [
        Stage.QUEUED, Stage.ON_AIR, Stage.HEARD_ABOARD, Stage.ANSWERED]
    times = [step.at_ms for step in steps]
    assert times[0] == START_MS and times[1] is not None and times[1] > on_air_ms
    assert times == sorted(times)


def test_a_refusal_says_why_and_comes_after_the_hearing(station: Station) -> None:
    question = ask(station, "Is it cold?")
    station.window(is_heard=True)
    station.result("too many questions wait")
    entry = station.entry(question)
    assert delivery.stage(entry) is Stage.REFUSED and entry.why == "too many questions wait"
    assert [step.stage for step in delivery.steps(entry)] == [
        Stage.QUEUED, Stage.ON_AIR, Stage.HEARD_ABOARD, Stage.REFUSED]


@pytest.mark.parametrize(("first", "last"), [
    ("reply", "begun"), ("begun", "reply"), ("begun", "begun")])
def test_evidence_may_come_late_and_in_any_order(station: Station, first: str, last: str) -> None:
    """The radio loses and reorders: whatever is shown last, no stage goes back."""
    question = ask(station, "Is it cold?")
    station.window()
    for what in (first, last):
        if what == "reply":
            reply(station, question)
        else:
            station.push(Kind.EVENT, {"event": "question_begun", "severity": "info",
                                      "fields": {"question_id": question}})
    has_reply = "reply" in (first, last)
    assert delivery.stage(station.entry(question)) is (
        Stage.ANSWERED if has_reply else Stage.THINKING)


@pytest.mark.parametrize("fields", [
    None, {}, {"question_id": "x"}, {"question_id": -1}, {"question_id": 1 << 40}, [1]])
def test_an_event_of_another_shape_begins_nothing(station: Station, fields: object) -> None:
    question = ask(station, "Is it cold?")
    station.push(Kind.EVENT, {"event": "question_begun", "severity": "info", "fields": fields})
    assert delivery.stage(station.entry(question)) is Stage.QUEUED


def test_no_command_is_thought_about(station: Station) -> None:
    ping = station.queue(Opcode.PING)
    station.push(Kind.EVENT, {"event": "question_begun", "severity": "info",
                              "fields": {"question_id": ping}})
    assert delivery.stage(station.entry(ping)) is Stage.HEARD_ABOARD


def test_a_question_without_one_before_it_goes_as_it_did(station: Station) -> None:
    """Byte for byte: the payload's prompt for it is the one it was trained with."""
    question = ask(station, "Is it cold?")
    hear(station)
    assert isinstance(station.said, CommandFrame)
    assert station.said.body == commands.encode(Command(Opcode.ASK, (question, "Is it cold?")))


def test_the_next_question_of_a_person_names_the_one_before(station: Station) -> None:
    """Goal: threads by person, in turn. Method: two people ask twice each."""
    ana = ask(station, "Is it cold?", "person Ana")
    ben = ask(station, "Who are you?", "person Ben")
    assert [hear(station).opcode for _ in range(2)] == [Opcode.ASK, Opcode.ASK]
    reply(station, ana)
    ana_2 = ask(station, "How cold?", "person Ana")
    ben_2 = ask(station, "And where?", "person Ben")
    assert {hear(station), hear(station)} == {
        Command(Opcode.FOLLOW_UP, (ana_2, ana, "How cold?")),
        Command(Opcode.FOLLOW_UP, (ben_2, ben, "And where?"))}
    reader = FlightReader(station.archive.path, SIGNED_MISSION)
    shown = {item["id"]: item for item in reader.flight()["outbox"]}
    reader.close()
    assert [shown[n]["follows"] for n in (ana, ben, ana_2, ben_2)] == [None, None, ana, ben]
    assert shown[ana]["reply"]["text"] == "Cold." and shown[ana_2]["reply"] is None
    assert shown[ana]["stage"] == "answered"
    assert [step[0] for step in shown[ana]["steps"]] == [
        "queued", "on air", "heard aboard", "answered"]


@pytest.mark.parametrize("case", ["unknown asker", "refused", "never heard", "too long ago"])
def test_nothing_is_followed_that_was_not_said_to_the_same_person(
    station: Station, case: str
) -> None:
    asker = "" if case == "unknown asker" else "person Ana"
    first = ask(station, "Is it cold?", asker)
    if case == "never heard":
        outbox.withdraw(station.archive.db, first)
    else:
        hear(station)
    if case == "refused":
        station.result("too many questions wait")
    elif case == "too long ago":
        reply(station, first)
        station.now_ms += FOLLOWS_WITHIN_MS + 1
    second = ask(station, "How cold?", asker)
    assert threads.before(station.archive.db, station.entry(second)) is None


def test_a_window_without_room_for_the_number_still_carries_the_question(tmp_path: Path) -> None:
    """Goal: the longest question that fitted before still goes. Method: a link of short frames,
    a question that fills one, and one that leaves room for the number."""
    radio = SIGNED_MISSION.radio.model_copy(update={"mtu_bytes": 128})
    mission = SIGNED_MISSION.model_copy(update={"radio": radio})
    station = Station(tmp_path, mission)
    room = AirtimeBudget(mission).uplink_bytes_max - COMMAND_OVERHEAD_BYTES
    first = ask(station, "Is it cold?")
    hear(station)
    reply(station, first)
    empty = len(commands.encode(Command(Opcode.ASK, (first, "x" * 100)))) - 100
    texts = ["x" * (room - empty), "y" * (room - empty - 5)]
    asked = [ask(station, text) for text in texts]
    assert hear(station) == Command(Opcode.ASK, (asked[0], texts[0]))
    assert hear(station) == Command(Opcode.FOLLOW_UP, (asked[1], asked[0], texts[1]))
    station.archive.close()


@pytest.mark.parametrize("name", ["", " ", "\u200b", "\x1b", "x" * (PERSON_CHARS_MAX + 1)])
def test_a_name_is_bounded_and_visible(name: str) -> None:
    with pytest.raises(ValueError, match=f"^a name has 1 to {PERSON_CHARS_MAX} visible"):
        threads.asker_of(name)


def test_a_name_is_cleaned_and_never_an_address() -> None:
    assert threads.asker_of("An\x1b[31ma\n") == "person An[31ma"
    assert threads.asker_of("127.0.0.1") != "127.0.0.1"
