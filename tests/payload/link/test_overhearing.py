"""Whose word counts: only musings under the neighbour's own key, in a session that it told."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from payload.link.overhearing import BLOCKS_MAX, SESSIONS_MAX, KnownNeighbour, Overhearing
from payload.mind.neighbour_talk import NeighbourMusing
from wire import frames
from wire.blocks import BlockWriter
from wire.bodies import NO_MODELS
from wire.frames import DataFrame, FrameCounter, IncarnationFrame
from wire.outgoing import Lane
from wire.records import Kind, Record, TimeQuality
from wire.session import Session

KEY, OTHER_KEY = bytes(range(32)), bytes(32)
SESSION = Session(3, 4)
MTU_BYTES = 120
UTC_MS = 1_790_000_000_000
BODY = {"text": "The frost is on the lamp.", "about": "cold", "senses": "climbing.", "by": "model"}


def listener() -> Overhearing:
    return Overhearing(7, {8: KnownNeighbour(KEY, NO_MODELS)}, MTU_BYTES)


def told(session: Session = SESSION, key: bytes = KEY, node_id: int = 8) -> bytes:
    return frames.encode_downlink(
        IncarnationFrame(node_id, FrameCounter(session.boot_bits, 1), session), key)


def said(
    bodies: Iterable[dict[str, object]] = (BODY,), kind: Kind = Kind.MUSING, block: int = 0,
    key: bytes = KEY, session: Session = SESSION, lane: Lane = Lane.PRECIOUS,
    quality: TimeQuality = TimeQuality.GPS, node_id: int = 8, utc_ms: int = UTC_MS,
    mtu_bytes: int = MTU_BYTES,
) -> list[bytes]:
    """The frames of a block with one record for each body."""
    writer = BlockWriter(mtu_bytes)
    for number, body in enumerate(bodies):
        assert writer.add(Record(11 + number, kind, 4, utc_ms + 100 * number, quality, body))
    writer.close()
    return [frames.encode_downlink(DataFrame(
        node_id, FrameCounter(session.boot_bits, esi), lane, block, writer.symbols, esi,
        writer.symbol(esi), False, session=session), key) for esi in range(writer.symbols)]


def heard(listening: Overhearing, data: Iterable[bytes]) -> list[NeighbourMusing]:
    return [musing for each in data for musing in listening.read(listening.verify(each))]


def test_a_musing_is_understood_once_its_session_is_told() -> None:
    listening = listener()
    assert heard(listening, said()) == [] and listening.unplaced_frames > 0
    expected = NeighbourMusing(8, 3, 11, "The frost is on the lamp.", UTC_MS, False)
    assert heard(listening, [told(), *said()]) == [expected]


@pytest.mark.parametrize(("answers", "is_reply"), [
    ([7, 1, 2], True), ([9, 1, 2], False), ([], False), (7, False), ("7", False), (None, False)])
def test_an_answer_names_whom_it_answers(answers: object, is_reply: bool) -> None:
    (musing,) = heard(listener(), [told(), *said([{**BODY, "answers": answers}])])
    assert musing.is_reply is is_reply


@pytest.mark.parametrize("forged", [
    [told(key=OTHER_KEY), *said()],
    [told(), *said(key=OTHER_KEY)],
    [told(), *said(session=Session(3, 20))],
    [told(Session(5, 2)), *said()],
    [told(), *said(node_id=9)],
    [told(node_id=9), *said()],
])
def test_under_another_key_in_another_session_or_name_nothing_is_said(forged: list[bytes]) -> None:
    assert heard(listener(), forged) == []


def test_a_frame_that_is_cut_or_changed_says_nothing() -> None:
    (frame,) = said([{**BODY, "text": "Frost on a lamp."}])
    listening = listener()
    assert heard(listening, [told()]) == []
    for at in range(len(frame)):
        broken = frame[:at] + bytes((frame[at] ^ 0x20,)) + frame[at + 1 :]
        assert heard(listening, [frame[:at], broken]) == []
    assert len(heard(listening, [frame])) == 1


@pytest.mark.parametrize("frames_said", [
    said(kind=Kind.REPLY), said(kind=Kind.EVENT), said(quality=TimeQuality.NONE),
    said(lane=Lane.PICTURE), said([{**BODY, "by": "canned"}]), said([{**BODY, "text": 5}]),
    said([{"about": "cold", "by": "model"}])])
def test_only_a_models_musing_with_its_time_counts(frames_said: list[bytes]) -> None:
    assert heard(listener(), [told(), *frames_said]) == []


def test_a_text_in_a_model_that_is_not_here_is_counted() -> None:
    listening = listener()
    sealed = {"sealed": {"model": "abcd", "coded": b"x"}, "by": "model"}
    assert heard(listening, [told(), *said([sealed])]) == []
    assert listening.sealed_records == 1


def test_blocks_and_sessions_are_bounded() -> None:
    listening = listener()
    for boot in range(40):
        session = Session(3, boot)
        heard(listening, [told(session), *(
            said(block=block, session=session)[0] for block in range(BLOCKS_MAX + 3))])
    held = listening._heard[8]
    assert (len(held.readers), len(held.sessions)) == (BLOCKS_MAX, SESSIONS_MAX)


def test_symbols_that_contradict_each_other_are_forgotten() -> None:
    """Two blocks under one number, as after a store that began anew and drew the same session."""
    listening = listener()
    long = said([{**BODY, "text": f"{number} lamps and the frost on them."} for number in range(9)])
    assert len(long) > 2
    heard(listening, [told(), long[-1]])
    assert heard(listening, said()) == [] and not listening._heard[8].readers
    assert len(heard(listening, said())) == 1
