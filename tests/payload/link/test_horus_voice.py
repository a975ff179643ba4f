"""A transmitter of its own: at its interval, rarer on an empty battery, never while silenced."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from payload.link.horus_voice import CRITICAL_FACTOR, FRAME_BYTES_MAX, HorusVoice
from tests.payload.test_flight import FIRST_COUNTER
from tests.payload.test_flight import Bench as FlightBench
from wire import commands, horus
from wire.beacon import Beacon, PowerMode
from wire.commands import Command, Opcode
from wire.horus import Packet
from wire.mission import HorusSection

SECTION = HorusSection(device="plughw:1,0", every_s=20)


class Speaker:
    """Takes what it is given, unless it is busy."""

    def __init__(self) -> None:
        self.said: list[bytes] = []
        self.cancels = 0
        self.is_busy = False

    def say(self, frame: bytes) -> bool:
        if not self.is_busy:
            self.said.append(frame)
        return not self.is_busy

    def cancel(self) -> None:
        self.cancels += 1


def packet(number: int) -> Packet:
    return Packet("N0CALL", number, Beacon(altitude_m=9000), "I am counting.", None, 3)


def run(
    voice: HorusVoice, seconds: range, mode: PowerMode = PowerMode.NOMINAL,
    is_silenced: bool = False, build: Callable[[int], Packet] = packet,
) -> list[str]:
    notes = [note for second in seconds
             for note in voice.update(second * 1000, is_silenced, mode, build)]
    return [note.body["event"] for note in notes]


def test_its_interval_and_numbers() -> None:
    speaker = Speaker()
    voice = HorusVoice(speaker, SECTION, 3)
    assert run(voice, range(61)) == []
    found = [horus.decode(frame) for frame in speaker.said]
    assert [each.sequence for each in found if each is not None] == [0x3000 + n for n in range(4)]
    assert all(len(frame) <= FRAME_BYTES_MAX for frame in speaker.said)


def test_a_busy_speaker_is_asked_again_and_no_number_is_lost() -> None:
    speaker = Speaker()
    voice = HorusVoice(speaker, SECTION, 3)
    speaker.is_busy = True
    run(voice, range(5))
    speaker.is_busy = False
    run(voice, range(5, 6))
    (found,) = [horus.decode(frame) for frame in speaker.said]
    assert found is not None and found.sequence == 0x3000


def test_rarer_on_an_empty_battery() -> None:
    speaker = Speaker()
    run(HorusVoice(speaker, SECTION, 3), range(20 * CRITICAL_FACTOR + 1), PowerMode.CRITICAL)
    assert len(speaker.said) == 2


def test_silenced_it_stops_at_once_and_goes_on_later() -> None:
    speaker = Speaker()
    voice = HorusVoice(speaker, SECTION, 3)
    run(voice, range(1))
    run(voice, range(1, 100), is_silenced=True)
    assert (len(speaker.said), speaker.cancels) == (1, 99)
    run(voice, range(100, 101))
    assert len(speaker.said) == 2


def test_a_packet_that_cannot_be_built_is_told_once() -> None:
    def broken(number: int) -> Packet:
        raise ValueError("a mistake of ours")

    speaker = Speaker()
    voice = HorusVoice(speaker, SECTION, 3)
    assert run(voice, range(100), build=broken) == ["horus_voice_failing"]
    assert run(voice, range(100, 121)) == ["horus_voice_returned"]


@pytest.mark.parametrize(("speaker", "section"), [(None, SECTION), (Speaker(), None)])
def test_without_one_nothing_is_said(
    speaker: Speaker | None, section: HorusSection | None
) -> None:
    assert run(HorusVoice(speaker, section, 3), range(100)) == []
    assert speaker is None or not speaker.said


def test_a_flight_speaks_until_it_is_told_to_be_silent(tmp_path: Path) -> None:
    """The real flight: a packet every twenty seconds, none after TX_OFF, and again when it ends."""
    speaker = Speaker()

    class Aloft(FlightBench):
        mission = FlightBench.mission.model_copy(update={"horus": SECTION})

    bench = Aloft(tmp_path, speaker=speaker)
    bench.run(60)
    before = len(speaker.said)
    assert before == 4
    found = horus.decode(speaker.said[-1])
    assert found is not None and found.beacon.altitude_m == pytest.approx(100, abs=1)
    bench.uplink(commands.encode(Command(Opcode.TX_OFF, (1,))), FIRST_COUNTER + 5)
    bench.run(50)
    assert len(speaker.said) <= before + 1 and speaker.cancels > 40
    bench.run(60)
    assert len(speaker.said) > before + 1
