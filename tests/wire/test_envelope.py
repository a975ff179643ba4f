"""Both ends share an envelope; what is in none of ours is other people's traffic."""

from pathlib import Path

import pytest

from wire import ax25, mission
from wire.ax25 import Address
from wire.envelope import Envelope

EXAMPLE = (Path(__file__).resolve().parents[2] / "mission.toml").read_text()


def test_ax25_carries_the_callsign() -> None:
    envelope = Envelope(mission.parse(EXAMPLE, "m"))
    packet = ax25.decode(envelope.wrap(b"frame"))
    assert packet is not None and str(packet.source) == "N0CALL"
    assert envelope.unwrap(envelope.wrap(b"frame")) == b"frame"


def test_other_traffic_is_not_ours() -> None:
    envelope = Envelope(mission.parse(EXAMPLE, "m"))
    aprs = ax25.encode(Address("APRS"), Address("N0CALL"), b"!5206.00N")
    assert envelope.unwrap(aprs) is None and envelope.unwrap(b"noise") is None


def test_plain_is_no_envelope() -> None:
    plain = EXAMPLE.replace('framing = "ax25"', 'framing = "plain"')
    envelope = Envelope(mission.parse(plain, "m"))
    assert envelope.wrap(b"frame") == b"frame" == envelope.unwrap(b"frame")


def test_a_callsign_that_ax25_cannot_carry_is_one_sentence() -> None:
    with pytest.raises(mission.MissionError, match=r"callsign of 1\.\.6"):
        mission.parse(EXAMPLE.replace("N0CALL", "TOOLONGCALL"), "m")
