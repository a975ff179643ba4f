"""Frames and reports stand in one session: in another they are nobody's, whatever the key."""

import json
import random
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.test_frames import KEY
from wire import frames
from wire.auth import Authenticity
from wire.frames import (
    BlockReport,
    DataFrame,
    FeedbackFrame,
    FrameCounter,
    ImpostorFrame,
    IncarnationFrame,
    UnplacedFrame,
)
from wire.session import Session, draw_incarnation

GOLDEN_DIR = Path(__file__).parent.parent / "golden"
GOLDEN = json.loads((GOLDEN_DIR / "session_frames.json").read_text())
SESSION = Session(0x3FA0C1D2, 9)
COUNTER = FrameCounter(11, 1238)
DATA = {
    "data": DataFrame(7, COUNTER, 1, 0, 64, 5, b"\x00hello", False, session=SESSION),
    "data_open": DataFrame(7, COUNTER, 2, 65_534, 1, 0, b"\xff", True, session=SESSION),
}
REPORT = FeedbackFrame(
    7, 5, 60_000_005, 77, COUNTER, 3, 9,
    (BlockReport(4, 3, (1 << 64) - 8), BlockReport(8, 255, 0)), SESSION,
)
SESSIONS = st.builds(Session, st.integers(1, (1 << 32) - 1), st.integers(0, (1 << 32) - 1))


def only(*sessions: Session) -> Callable[[int, int], Iterable[Session]]:
    """``SessionsOf`` of a station that knows these."""
    return lambda node_id, boot_bits: [s for s in sessions if s.boot_bits == boot_bits]


@pytest.mark.parametrize("name", DATA)
def test_data_in_a_session_is_golden(name: str) -> None:
    data = bytes.fromhex(GOLDEN[name])
    assert frames.encode_downlink(DATA[name], KEY) == data
    genuine = DATA[name]._replace(authenticity=Authenticity.GENUINE)
    assert frames.decode_downlink(data, {7: KEY}, only(SESSION)) == genuine
    heard = frames.decode_downlink(data)
    assert heard == DATA[name]._replace(authenticity=Authenticity.UNVERIFIED, session=None)


def test_a_report_in_a_session_is_golden() -> None:
    data = bytes.fromhex(GOLDEN["feedback"])
    assert frames.encode_uplink(REPORT, KEY) == data
    assert frames.decode_uplink(data, KEY, SESSION) == REPORT


@given(SESSIONS, SESSIONS)
def test_a_frame_of_one_session_is_genuine_in_no_other(one: Session, other: Session) -> None:
    """Nor is it without any; the unsigned bytes of both are the same but for four bits."""
    sent = DATA["data"]._replace(counter=FrameCounter(one.boot_bits, 5), session=one)
    data = frames.encode_downlink(sent, KEY)
    heard = frames.decode_downlink(data, {7: KEY}, lambda node_id, boot_bits: [other])
    assert isinstance(heard, DataFrame) is (one == other)
    assert one == other or heard == UnplacedFrame(7)
    assert frames.decode_downlink(data, {7: KEY}) == ImpostorFrame(7, Authenticity.FORGED)
    said = frames.encode_uplink(replace(REPORT, session=one), KEY)
    assert (frames.decode_uplink(said, KEY, other) is None) is (one != other)
    assert frames.decode_uplink(said, KEY) is None


def test_of_several_sessions_the_one_that_fits_is_told() -> None:
    others = [Session(SESSION.incarnation, 9 + 16 * n) for n in range(1, 4)]
    data = frames.encode_downlink(DATA["data"], KEY)
    heard = frames.decode_downlink(data, {7: KEY}, only(*others, SESSION))
    assert isinstance(heard, DataFrame) and heard.session == SESSION
    assert frames.decode_downlink(data, {7: KEY}, only(*others)) == UnplacedFrame(7)
    assert frames.decode_downlink(data, {7: KEY}, only()) == UnplacedFrame(7)


def test_what_is_not_signed_is_an_impostor_in_whatever_session() -> None:
    data = frames.encode_downlink(DATA["data"])
    heard = frames.decode_downlink(data, {7: KEY}, only(SESSION))
    assert heard == ImpostorFrame(7, Authenticity.UNSIGNED)
    assert isinstance(frames.decode_downlink(data, None, only(SESSION)), DataFrame)


@given(SESSIONS, st.integers(0, 4095))
def test_an_incarnation_tells_the_session_and_agrees_with_its_counter(
    session: Session, number: int
) -> None:
    sent = IncarnationFrame(7, FrameCounter(session.boot_bits, number), session)
    data = frames.encode_downlink(sent, KEY)
    assert len(data) == frames.INCARNATION_BYTES + 4
    assert len(frames.encode_downlink(sent)) == frames.INCARNATION_BYTES
    assert frames.decode_downlink(data, {7: KEY}, only()) == sent._replace(
        authenticity=Authenticity.GENUINE)
    wrong = sent._replace(counter=FrameCounter(session.boot_bits ^ 1, number))
    assert frames.decode_downlink(frames.encode_downlink(wrong)) is None
    nobody = sent._replace(session=Session(0, session.boot))
    assert frames.decode_downlink(frames.encode_downlink(nobody)) is None


def test_incarnations_are_never_zero_and_seldom_the_same() -> None:
    chance = random.Random(1)
    drawn = [draw_incarnation(chance) for _ in range(10_000)]
    assert min(drawn) > 0 and max(drawn) < 1 << 32 and len(set(drawn)) > 9_990
