"""The transmitter: what a modem that is busy, hangs, fails or is absent does to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from payload.link.transmitter import RETRY_MS, STUCK_MS, Transmitter
from payload.notes import event
from payload.ports import DeviceAbsent
from tests.payload.fakes import FakeRadio
from wire import mission
from wire.airtime import Airtime

AIRTIME = Airtime.of(mission.load(Path(__file__).resolve().parents[3] / "mission.toml").radio)
FRAME = bytes(40)
ON_AIR_MS = AIRTIME.on_air_ms(len(FRAME))
OVERHEAR_MS = 70


def transmitter(radio: FakeRadio | None, is_chip: bool = False) -> Transmitter:
    return Transmitter(radio, AIRTIME, is_chip)


def test_a_frame_that_is_not_taken_occupies_nothing() -> None:
    tx = transmitter(FakeRadio(airtime_ms=400))
    assert tx.send(FRAME, 0)
    busy_until_ms = tx.busy_until_ms
    assert busy_until_ms == AIRTIME.occupied_ms(len(FRAME))
    assert not tx.send(FRAME, 399)
    assert tx.busy_until_ms == busy_until_ms


def test_without_a_modem_it_is_absent_and_not_lost() -> None:
    tx = transmitter(None)
    assert tx.is_absent and not tx.is_lost and tx.identity is None
    assert tx.take_notes() == []


@pytest.mark.parametrize(("after_ms", "is_lost"), [(STUCK_MS - 1, False), (STUCK_MS, True)])
def test_a_modem_that_never_ends_is_lost_until_it_takes_a_frame(
    after_ms: int, is_lost: bool
) -> None:
    radio = FakeRadio(airtime_ms=10**6)
    tx = transmitter(radio)
    assert tx.send(FRAME, 0) and not tx.has_sent(1_000)
    assert not tx.has_sent(1_000 + after_ms)
    assert tx.is_lost is is_lost
    lost = [event("radio_lost", "error", reason="never done sending")]
    assert tx.take_notes() == (lost if is_lost else [])
    assert tx.has_sent(10**6) and tx.send(FRAME, 10**6) and not tx.is_lost
    assert tx.take_notes() == ([event("radio_returned")] if is_lost else [])


def test_a_modem_that_was_slow_once_has_its_whole_time_again() -> None:
    radio = FakeRadio(airtime_ms=5_000)
    tx = transmitter(radio)
    assert tx.send(FRAME, 0) and not tx.has_sent(1_000) and tx.has_sent(5_000)
    assert tx.send(FRAME, STUCK_MS) and not tx.has_sent(STUCK_MS + 4_999) and not tx.is_lost


def test_what_fails_is_raised_and_said_once() -> None:
    radio = FakeRadio()
    radio.is_dead = True
    tx = transmitter(radio)
    for _ in range(2):
        with pytest.raises(DeviceAbsent):
            tx.send(FRAME, 0)
        tx.lose("DeviceAbsent")
    assert tx.take_notes() == [event("radio_lost", "error", reason="DeviceAbsent")]
    assert tx.take_notes() == [] and tx.is_lost and not tx.is_absent


@pytest.mark.parametrize(("is_chip", "overhear_ms", "now_ms", "look_ms"), [
    (False, OVERHEAR_MS, 0, 9_000),  # a modem listens by itself
    (True, OVERHEAR_MS, 0, ON_AIR_MS),  # a chip is told to, once the frame is out
    (True, OVERHEAR_MS, ON_AIR_MS, ON_AIR_MS + RETRY_MS),  # later than computed
    (True, OVERHEAR_MS, ON_AIR_MS + 50, ON_AIR_MS + 50 + OVERHEAR_MS),
    (True, None, ON_AIR_MS + 50, 9_000),
])
def test_when_a_modem_is_looked_at(
    is_chip: bool, overhear_ms: int | None, now_ms: int, look_ms: int
) -> None:
    tx = transmitter(FakeRadio(airtime_ms=ON_AIR_MS + 50), is_chip)
    assert tx.send(FRAME, 0)
    assert tx.look_ms(9_000, overhear_ms, now_ms) == look_ms
    assert tx.look_ms(now_ms + 1, overhear_ms, now_ms) == now_ms + 1
