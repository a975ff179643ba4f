"""Packets byte by byte: every byte of every kind of frame belongs to one part, and any bytes do."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from groundstation.decode import anatomy
from groundstation.sanitise import clean_text
from tests.groundstation.far_end import MASTER_KEY, SIGNED_MISSION, START_MS, FarEnd, state_at
from tests.hostile import examples
from wire import commands, frames, ukhas
from wire.auth import Direction, derive_key
from wire.commands import Command, Opcode
from wire.frames import CommandFrame, IdentFrame
from wire.records import Kind
from wire.ukhas import Sentence

UPLINK_KEY = derive_key(MASTER_KEY, 7, Direction.UPLINK)


def values(found: anatomy.Anatomy) -> dict[str, str]:
    return {part.name: part.value for part in found.parts}


def covers(found: anatomy.Anatomy, raw: bytes) -> bool:
    """The parts that are no values within others follow each other from the first byte to the last.
    """
    at = 0
    for part in found.parts:
        if part.size:
            if part.at != at:
                return False
            at += part.size
    return at == len(raw)


def test_a_signed_beacon_is_told_field_by_field() -> None:
    raw = FarEnd(mission=SIGNED_MISSION).beacon(state_at(1000), is_listening=True)
    found = anatomy.of(raw)
    assert (found.kind, found.node_id, found.is_signed) == ("beacon", 7, True)
    assert covers(found, raw) and len(raw) == 36
    told = values(found)
    assert told["version, type, window"] == "1, beacon (signed), it listens now"
    assert told["phase"] == "ASCENT" and told["is_cutdown_armed"] == "False"
    assert told["CRC-32"].endswith(", holds") and "signature" in told


def test_data_identification_and_commands_are_told() -> None:
    far = FarEnd(mission=SIGNED_MISSION)
    far.push(Kind.MUSING, START_MS, {"text": "Cold."})
    raw = far.data(START_MS + 9_000)
    assert raw is not None
    found = anatomy.of(raw)
    assert found.kind == "data" and covers(found, raw) and "contents" in values(found)
    raw = frames.encode_downlink(IdentFrame(7, "N0CALL <b>balloon</b>"))
    assert values(anatomy.of(raw))["text"] == "N0CALL <b>balloon</b>", "text, which stays text"
    body = commands.encode(Command(Opcode.TX_OFF, (10,)))
    raw = frames.encode_uplink(CommandFrame(7, 3, 1234, body), UPLINK_KEY)
    found = anatomy.of(raw)
    assert found.kind == "command" and covers(found, raw)
    assert values(found)["body"] == "tx_off 10" and values(found)["counter"] == "1234"


def test_other_formats_and_noise_are_told() -> None:
    raw = ukhas.encode(Sentence("M0NTY", 5, 3600, 52.5, 13.4, 1200))
    found = anatomy.of(raw)
    assert found.kind == "ukhas" and covers(found, raw) and values(found)["callsign"] == "M0NTY"
    assert anatomy.of(b"").kind == "noise"
    noise = anatomy.of(b"\x00noise")
    assert noise.kind == "noise" and covers(noise, b"\x00noise")


@given(st.one_of(st.binary(max_size=300), st.sampled_from(list(examples.flight())).flatmap(
    lambda raw: st.integers(0, 8 * len(raw) - 1).map(
        lambda bit: bytes(byte ^ (1 << bit % 8 if at == bit // 8 else 0)
                          for at, byte in enumerate(raw))))))
def test_any_bytes_have_an_anatomy_of_clean_text(raw: bytes) -> None:
    found = anatomy.of(raw)
    assert covers(found, raw)
    for part in found.parts:
        assert part.value == clean_text(part.value, anatomy.VALUE_CHARACTERS_MAX)


def test_every_frame_of_a_flight_has_one() -> None:
    kinds = {anatomy.of(raw).kind for raw in examples.flight()}
    assert kinds >= {"beacon", "data"}
    assert all(covers(anatomy.of(raw), raw) for raw in examples.flight())
