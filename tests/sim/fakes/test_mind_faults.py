"""A mind that fails: what comes out of the port, kind by kind."""

from __future__ import annotations

import pytest

from payload.ports import MindFailed, MindReply, MindRequest
from payload.prompt import Moment, suffix
from sim.clock import SimClock
from sim.fakes.mind_faults import LOAD_MS, PRIVATE_TEXT, SAME_TEXT, MindFault
from sim.fakes.scripted_mind import ScriptedMind

MOMENT = suffix(Moment("cold", "ascent", 9_000.0, 5.0, -42.0))


class Desk:
    def __init__(self, fault: MindFault | None = None) -> None:
        self.clock = SimClock(0)
        self.mind = ScriptedMind(self.clock)
        self.mind.fault = fault
        self.number = 0

    def think(self) -> MindReply | MindFailed | None:
        """One request and, a minute later, what came of it."""
        self.number += 1
        assert self.mind.start(MindRequest(
            self.number, "", MOMENT, "", 1, 10, 64, 0.7, 0.05, self.number), 0)
        self.clock.now_ms += 60_000
        return self.mind.poll(0)

    def say(self) -> str:
        reply = self.think()
        assert isinstance(reply, MindReply)
        return reply.drafts[0]


def _is_cut_character(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def test_texts() -> None:
    """Each kind is recognisably what it is called."""
    said = {fault: Desk(fault).say() for fault in MindFault
            if fault not in (MindFault.HANGS, MindFault.DIES, MindFault.LOADS, MindFault.LATE)}
    honest = Desk().say()
    assert said[MindFault.EMPTY] == ""
    assert len(said[MindFault.ENDLESS]) > 190_000
    assert "." not in said[MindFault.ENDLESS]
    assert 19_000 < len(said[MindFault.LONG].encode()) < 21_000
    assert "\x1b[31m" + honest in said[MindFault.CONTROL]
    assert _is_cut_character(said[MindFault.SURROGATES])
    assert not said[MindFault.NON_ASCII].isascii()
    assert said[MindFault.SENTENCE].startswith("$$EDDA,")
    assert said[MindFault.KISS][0] == "\xc0"
    assert "CUTDOWN" in said[MindFault.COMMAND]
    assert said[MindFault.PRIVATE] == PRIVATE_TEXT
    assert len(said) == 11


def test_the_same_sentence_for_an_hour() -> None:
    desk = Desk(MindFault.SAME)
    assert {desk.say() for _ in range(60)} == {SAME_TEXT}
    desk.mind.fault = None
    assert desk.say() != SAME_TEXT


def test_it_hangs_until_it_is_killed() -> None:
    desk = Desk(MindFault.HANGS)
    assert desk.think() is None
    desk.clock.now_ms += 3_600_000
    assert desk.mind.poll(0) is None
    assert desk.mind.is_busy
    desk.mind.cancel(0)
    assert not desk.mind.is_busy


def test_it_dies_every_time() -> None:
    desk = Desk(MindFault.DIES)
    for _ in range(3):
        failed = desk.think()
        assert isinstance(failed, MindFailed)
        assert (failed.reason, failed.request_id) == ("crashed", desk.number)


def test_loading_takes_ten_minutes_and_begins_again_after_a_kill() -> None:
    desk = Desk(MindFault.LOADS)
    request = MindRequest(1, "", MOMENT, "", 1, 10, 64, 0.7, 0.05, 1)
    for begin_ms in (0, LOAD_MS):
        desk.clock.now_ms = begin_ms
        assert not desk.mind.start(request, 0)
        desk.clock.now_ms = begin_ms + LOAD_MS - 1
        assert not desk.mind.start(request, 0)
        desk.clock.now_ms = begin_ms + LOAD_MS
        assert desk.mind.start(request, 0)
        desk.mind.cancel(0)


def test_late_replies_belong_to_the_request_before() -> None:
    desk = Desk()
    desk.think()
    desk.mind.fault = MindFault.LATE
    for _ in range(3):
        reply = desk.think()
        assert isinstance(reply, MindReply)
        assert reply.request_id == desk.number - 1


@pytest.mark.parametrize("fault", list(MindFault))
def test_healed_it_thinks_again(fault: MindFault) -> None:
    desk = Desk(fault)
    if fault is not MindFault.LOADS:
        desk.think()
    desk.mind.cancel(0)
    desk.mind.fault = None
    reply = desk.think()
    assert isinstance(reply, MindReply)
    assert reply.request_id == desk.number
