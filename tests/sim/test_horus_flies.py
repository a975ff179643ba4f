"""A flight beside whose modem a transmitter speaks Horus 4FSK, of which 30 % is lost.

Our modulator makes the sound, noise is added to it, and the peer's demodulator listens; what it
makes of it, as horusdemodlib gives it to the station, is in the archive, and true. There is no way
up on this radio.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from payload.flight_ports import FlightPorts
from payload.link import horus_fsk
from sim.clock import part_rng
from sim.radio.channel import GilbertElliott
from sim.world import World
from tests.payload.link.test_horus_fsk import heard, ours
from tests.sim.flights import mission
from tests.sim.test_interop import truth_m
from wire.mission import HorusSection

pytest.importorskip("horusdemodlib")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # audioop, asn1tools
EB_N0_DB = 12.0
OFF_M_MAX = 100.0


class Transmitter:
    """A ``Speaker`` with air behind it: who is faded in the middle of a packet hears none of it."""

    def __init__(self) -> None:
        self.world: World
        self.ends_ms = self.sent = self.faded = self.damaged = 0
        self._fading = GilbertElliott(part_rng(5, "horus"), mean_loss=0.30)

    def say(self, frame: bytes) -> bool:
        now_ms = self.world.clock.now_ms
        if now_ms < self.ends_ms:
            return False
        start_ms, self.ends_ms = now_ms, now_ms + horus_fsk.duration_ms(len(frame))
        self.world.at(self.ends_ms, lambda: self._ends(frame, start_ms))
        return True

    def cancel(self) -> None: ...

    def _ends(self, frame: bytes, start_ms: int) -> None:
        self.sent += 1
        if self._fading.is_bad((start_ms + self.ends_ms) / 2):
            self.faded += 1
            return
        found = heard(ours(frame), EB_N0_DB, self.sent)
        if found:
            self.world.air.station_hears(found)
        else:
            self.damaged += 1


@pytest.mark.parametrize("seconds", [240, pytest.param(3600, marks=pytest.mark.thorough)])
def test_what_is_heard_of_it_is_true(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: int
) -> None:
    example = mission()
    plan = example.model_copy(update={
        "horus": HorusSection(device="plughw:1,0", every_s=30),
        "radio": example.radio.model_copy(update={"horus": False})})
    transmitter = Transmitter()
    monkeypatch.setattr("sim.world.FlightPorts", partial(FlightPorts, speaker=transmitter))
    world = transmitter.world = World(plan, 5, "scripted", tmp_path)
    world.run_until(seconds)
    rows = [dict(row) for row in world.archive.db.execute("SELECT * FROM sighting")]
    assert transmitter.sent >= seconds / 30 - 1
    assert len(rows) == transmitter.sent - transmitter.faded - transmitter.damaged
    assert len(rows) >= 0.4 * transmitter.sent and transmitter.damaged <= 0.1 * transmitter.sent
    assert {row["via"] for row in rows} == {"horus"}
    placed = [row for row in rows if row["latitude_deg"] is not None]
    assert placed, "it had a fix"
    for row in placed:
        at_s = (row["utc_ms"] - world.clock.start_utc_ms) / 1000 - row["fix_age_s"]
        off_m = truth_m(world, at_s, (row["latitude_deg"], row["longitude_deg"]))
        assert off_m < OFF_M_MAX, row
    print(f"\nHorus 4FSK: {transmitter.sent} packets, {transmitter.faded} lost, "
          f"{transmitter.damaged} not decoded, {len(rows)} in the archive")
    world.close()
