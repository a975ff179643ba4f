"""The fake receiver through the real driver: honest flights, limits of the models, faults."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from pyubx2 import UBXReader

from payload.devices.gnss_ublox import UbloxGnss
from payload.ports import GnssFix, PortError
from sim.clock import SimClock, part_rng
from sim.fakes.gnss_messages import WEEK_ROLLOVER_S, WEEK_S, long_line, oversized_ubx, ubx
from sim.fakes.gnss_settings import CLONE, FIELD_M8, LIMITS, M8, M10, Generation, ReceiverSettings
from sim.fakes.ublox import FIRST_FIX_S, FakeUblox
from tests.sim.desks import START_UTC_MS, Track


class Desk:
    """A receiver on a track, read by the real driver once a second."""

    def __init__(self, generation: Generation = M8, is_set_up: bool = True) -> None:
        self.track = Track()
        self.clock = SimClock(START_UTC_MS)
        self.port = FakeUblox(self.clock, self.track, part_rng(1, "receiver"), generation)
        self.gnss = UbloxGnss(self.port)
        if is_set_up:
            self.run(60)

    def run(self, seconds: int) -> list[GnssFix]:
        fixes: list[GnssFix] = []
        for _ in range(seconds):
            self.clock.now_ms += 1_000
            fixes += self.gnss.poll(self.clock.now_ms)
        return fixes

    def last(self, seconds: int = 3) -> GnssFix:
        return self.run(seconds)[-1]

    def raw(self) -> bytes:
        """What comes out in the next second, unread by the driver."""
        self.clock.now_ms += 1_000
        return self.port.read(1 << 20)


@pytest.mark.parametrize("generation", [M8, M10])
def test_it_starts_cold_and_then_tells_the_truth(generation: Generation) -> None:
    """Time before place; then one fix a second within a few metres, in airborne mode."""
    desk = Desk(generation, is_set_up=False)
    fixes = desk.run(60)
    assert desk.gnss.dynamic_model == 6
    first = next(i for i, fix in enumerate(fixes) if fix.fix_type == 3)
    assert FIRST_FIX_S - 3 <= first <= FIRST_FIX_S
    assert any(fix.utc_ms is not None for fix in fixes[:first])
    assert fixes[5].utc_ms is None
    fixes = desk.run(300)
    assert len(fixes) == 300
    last, truth = fixes[-1], desk.track.state(360)
    assert {fix.fix_type for fix in fixes} == {3}
    assert last.altitude_m == pytest.approx(truth.altitude_m, abs=8)
    assert last.latitude_deg == pytest.approx(truth.latitude_deg, abs=1e-4)
    assert (last.speed_mps, last.heading_deg) == pytest.approx((5.0, 90.0))
    assert last.utc_ms == START_UTC_MS + 360_000
    assert desk.gnss.damage_count == 0
    assert desk.gnss.version is not None
    assert generation.version[0].decode() in desk.gnss.version


def test_a_generation_is_set_up_in_its_own_way_only() -> None:
    """An M8 refuses keys, an M10 refuses CFG-NAV5 and CFG-MSG; one wrong key spoils them all."""
    nav5 = b"\x01\x00\x06" + bytes(33)
    key = b"\x21\x00\x11\x20\x06"
    unknown = b"\x08\x00\x91\x20\x01"  # UART2, which an M10 has not
    old, new = ReceiverSettings(M8), ReceiverSettings(M10)
    ack, nak = ubx(5, 1, b"\x06\x24"), ubx(5, 0, b"\x06\x24")
    assert (old.answer(6, 0x24, nav5), new.answer(6, 0x24, nav5)) == (ack, nak)
    assert (old.dynamic_model, new.dynamic_model) == (6, 0)
    head = b"\x00\x01\x00\x00"
    assert old.answer(6, 0x8A, head + key) == ubx(5, 0, b"\x06\x8a")
    assert new.answer(6, 0x8A, head + key + unknown) == ubx(5, 0, b"\x06\x8a")
    assert new.dynamic_model == 0
    assert new.answer(6, 0x8A, head + key) == ubx(5, 1, b"\x06\x8a")
    assert new.dynamic_model == 6
    assert new.answer(6, 0x01, b"\x01\x07\x01") == ubx(5, 0, b"\x06\x01")


@pytest.mark.parametrize("generation", [M8, M10, FIELD_M8])
@pytest.mark.parametrize("model", [0, 2, 3, 4, 5, 6, 7, 8, 9])
def test_the_ceiling_of_every_model(generation: Generation, model: int) -> None:
    """A metre below it there is a fix, a metre above it there is none."""
    ceilings_m = {0: 12_000, 2: 9_000, 3: 9_000, 4: 6_000, 5: 500, 9: 9_000}
    ceiling_m = ceilings_m.get(model, {"M8": 50_000, "M10": 80_000}.get(generation.name, 18_000))
    settings = ReceiverSettings(generation)
    settings.dynamic_model = model
    assert settings.is_within_limits(ceiling_m - 1, 2.0, 1.0)
    assert not settings.is_within_limits(ceiling_m + 1, 2.0, 1.0)


def test_speeds_are_checked_in_the_lower_models_only() -> None:
    for model, limits in LIMITS.items():
        settings = ReceiverSettings(M8)
        settings.dynamic_model = model
        assert settings.is_within_limits(400, limits.horizontal_mps, -limits.vertical_mps)
        assert not settings.is_within_limits(400, limits.horizontal_mps + 1, 0)
        assert not settings.is_within_limits(400, 0, -limits.vertical_mps - 1)
        settings.dynamic_model = 6
        assert settings.is_within_limits(400, 300, -120)


@pytest.mark.parametrize("generation", [M8, M10])
def test_a_portable_receiver_loses_its_fix_at_12_km(generation: Generation) -> None:
    """However the chip shows it, the driver has no position; it sets the model again by itself."""
    desk = Desk(generation)
    desk.track.altitude_m = 12_500.0
    assert desk.last().fix_type == 3
    desk.port.dynamic_model = 0
    fix = desk.last(2)
    assert (fix.fix_type, fix.altitude_m, fix.latitude_deg) == (0, None, None)
    assert desk.last(80).fix_type == 3
    assert desk.port.dynamic_model == 6


@pytest.mark.parametrize(("generation", "fix_type"), [(M8, 0), (M10, 3)])
def test_how_an_invalid_position_shows(generation: Generation, fix_type: int) -> None:
    """As no fix at all, or as a fix that is not OK; no place is told either way."""
    desk = Desk(generation)
    desk.track.altitude_m, desk.port.dynamic_model = 12_500.0, 0
    told = UBXReader.parse(desk.raw())
    assert (told.fixType, told.gnssFixOk, told.invalidLlh) == (fix_type, 0, 1)
    assert (told.lat, told.lon, told.hMSL) == (0, 0, 0)


def test_a_model_that_cannot_be_set() -> None:
    """A NAK to the airborne model: everything else works, up to 12 km."""
    for generation in (M8, M10):
        desk = Desk(generation, is_set_up=False)
        desk.port.refuses_model = True
        assert desk.last(60).fix_type == 3
        assert desk.gnss.dynamic_model == 0
        desk.track.altitude_m = 12_001.0
        desk.run(1)
        assert desk.last().fix_type == 0


def test_a_brown_out_of_the_receiver_is_noticed() -> None:
    desk = Desk()
    desk.track.altitude_m = 20_000.0
    desk.port.reset()
    assert desk.port.dynamic_model == 0
    assert desk.last(60).fix_type == 3
    assert desk.gnss.resets_seen >= 1


def test_a_clone_speaks_nmea_only_and_knows_the_date() -> None:
    desk = Desk(CLONE)
    fix = desk.last()
    assert (fix.fix_type, fix.satellites > 5) == (3, True)
    assert fix.utc_ms == START_UTC_MS + 63_000
    assert desk.gnss.dynamic_model is None
    desk.track.altitude_m = 12_100.0
    assert desk.last().fix_type == 0


@pytest.mark.parametrize(("latitude", "longitude"), [(47.999999999, 12.999999999), (-33.5, -70.6),
                                                     (0.0001, -179.99999), (89.9999, 0.0)])
def test_places_in_nmea(latitude: float, longitude: float) -> None:
    """Minutes are never 60, and every hemisphere is its own."""
    desk = Desk(CLONE)
    desk.port.forced_latitude_deg, desk.port.forced_longitude_deg = latitude, longitude
    fix = desk.last()
    assert fix.latitude_deg == pytest.approx(latitude, abs=1e-6)
    assert fix.longitude_deg == pytest.approx(longitude, abs=1e-6)
    desk = Desk(M8)
    desk.port.forced_latitude_deg, desk.port.forced_longitude_deg = latitude, longitude
    fix = desk.last()
    assert fix.latitude_deg == pytest.approx(latitude, abs=1e-6)
    assert fix.longitude_deg == pytest.approx(longitude, abs=1e-6)


def test_a_port_that_vanishes_holds_nothing_back() -> None:
    """While it is gone every call raises; what it would have said then is never read."""
    desk = Desk()
    desk.port.is_unplugged = True
    for _ in range(30):
        with pytest.raises(PortError):
            desk.run(1)
    with pytest.raises(PortError):
        desk.port.write(b"x")
    desk.port.is_unplugged = False
    assert len(desk.run(1)) == 1
    desk.port.reset()
    assert desk.last(60).fix_type == 3
    assert desk.port.dynamic_model == 6


def test_a_silent_port() -> None:
    desk = Desk()
    desk.port.is_silent = True
    assert desk.run(20) == []
    desk.port.is_silent = False
    assert desk.last(30).fix_type == 3


def test_a_wrong_baud_is_garbage_both_ways() -> None:
    desk = Desk(is_set_up=False)
    desk.port.is_wrong_baud = True
    assert desk.run(120) == []
    assert desk.port.dynamic_model == 0
    assert len(desk.raw()) > 50
    desk.port.is_wrong_baud = False
    assert desk.last(60).fix_type == 3


def test_frozen_values_and_frozen_time() -> None:
    """Place and satellites stand still while the time goes on, or the time alone stands still."""
    desk = Desk()
    desk.port.is_frozen = True
    desk.track.altitude_m = 9_000.0
    first, *_, last = desk.run(10)
    assert (first.altitude_m, first.satellites) == (last.altitude_m, last.satellites)
    assert last.utc_ms == first.utc_ms + 9_000  # type: ignore[operator]
    desk.port.is_frozen, desk.port.is_time_frozen = False, True
    first, *_, last = desk.run(10)
    assert first.utc_ms == last.utc_ms
    assert last.altitude_m == pytest.approx(9_000, abs=8)
    desk.port.is_time_frozen = False
    assert desk.last().utc_ms == START_UTC_MS + desk.clock.now_ms


@pytest.mark.parametrize("generation", [M8, CLONE])
@pytest.mark.parametrize("year", [1980, 2006, 2046])
def test_wrong_years(generation: Generation, year: int) -> None:
    """The same day and time in another year, through UBX and through NMEA's two digits."""
    desk = Desk(generation)
    desk.port.pretend_year(year)
    utc_ms = desk.last().utc_ms
    assert utc_ms is not None
    told = datetime.fromtimestamp(utc_ms / 1000, UTC)
    assert (told.year, told.month, told.day in (18, 19, 20)) == (year, 6, True)


def test_week_rollover_keeps_the_time_of_the_week() -> None:
    desk = Desk()
    before = desk.raw()[6:10]
    desk.port.date_offset_s = -WEEK_ROLLOVER_S
    after = desk.raw()
    assert int.from_bytes(after[6:10], "little") == int.from_bytes(before, "little") + 1_000
    assert int.from_bytes(after[10:12], "little") == 2007


def test_the_week_wraps_and_one_epoch_is_dated_a_week_early() -> None:
    desk = Desk()
    desk.port.has_week_glitch = True
    desk.port.wrap_week_in(5)
    times = [int.from_bytes(desk.raw()[6:10], "little") for _ in range(8)]
    assert times[3:6] == [WEEK_S * 1000 - 1_000, 0, 1_000]
    desk.port.wrap_week_in(5)
    fixes = desk.run(8)
    steps = [(b.utc_ms or 0) - (a.utc_ms or 0) for a, b in pairwise(fixes)]
    assert steps[3:6] == [1_000 - WEEK_S * 1000, WEEK_S * 1000 + 1_000, 1_000]


def test_a_jump_lasts_for_as_many_fixes_as_asked() -> None:
    desk = Desk()
    desk.port.jump(20_000.0, 3)
    heights = [round((fix.altitude_m or 0) / 1000) for fix in desk.run(6)]
    assert heights == [25, 25, 25, 5, 5, 5]


@pytest.mark.parametrize(("latitude", "longitude", "altitude_m"), [
    (0.0, 0.0, None), (91.0, None, None), (None, None, -500.0), (None, None, 99_999.0),
])
def test_impossible_places_have_good_checksums(
    latitude: float | None, longitude: float | None, altitude_m: float | None
) -> None:
    desk = Desk()
    desk.port.forced_latitude_deg, desk.port.forced_longitude_deg = latitude, longitude
    desk.port.forced_altitude_m = altitude_m
    told = UBXReader.parse(desk.raw())
    assert latitude is None or told.lat == latitude
    assert longitude is None or told.lon == longitude
    assert altitude_m is None or told.hMSL == altitude_m * 1000
    assert desk.gnss.poll(desk.clock.now_ms) == []
    fixes, rejected = desk.run(3), desk.gnss.rejected_fixes
    assert (len(fixes), rejected) == ((0, 3) if latitude == 91.0 else (3, 0))


def test_lost_lock_with_and_without_the_stale_place() -> None:
    """Fix type 0 both times; the coordinates of the last fix may still be in the bytes."""
    desk = Desk()
    desk.port.is_lock_lost = True
    told = UBXReader.parse(desk.raw())
    assert (told.fixType, told.numSV, told.lat, told.hMSL) == (0, 0, 0, 0)
    desk.port.keeps_stale_place = True
    told = UBXReader.parse(desk.raw())
    assert (told.fixType, told.gnssFixOk) == (0, 0)
    assert told.lat == pytest.approx(47.0006, abs=1e-3)
    fix = desk.last()
    assert (fix.fix_type, fix.latitude_deg) == (0, None)
    desk.port.is_lock_lost = False
    assert desk.last().fix_type == 3


def test_a_stale_place_is_never_told_before_the_first_fix() -> None:
    desk = Desk(is_set_up=False)
    desk.port.keeps_stale_place = True
    desk.run(20)
    assert UBXReader.parse(desk.raw()).lat == 0


@pytest.mark.parametrize("generation", [M8, CLONE])
def test_bad_checksums(generation: Generation) -> None:
    desk = Desk(generation)
    desk.port.bad_checksum_part = 1.0
    desk.run(1)
    assert desk.run(20) == []
    desk.port.bad_checksum_part = 0.5
    assert 20 < len(desk.run(100)) < 80


def test_junk_between_the_epochs_costs_no_good_message() -> None:
    """A frame of 65535 bytes that is never sent, and empty fields, which are no position."""
    desk = Desk()
    for junk in (oversized_ubx(), b"$GNGGA,,,,,,0,,,,,,,,*78\r\n", b"$GNGGA,,,,*00"):
        desk.port.inject(junk)
        assert len(desk.run(4)) == 4


def test_a_line_of_10_kb_without_an_end_keeps_the_port_busy() -> None:
    """At 960 bytes a second it takes eleven seconds; the first epoch after it is whole."""
    desk = Desk()
    desk.port.inject(long_line(10_000))
    assert [len(desk.raw()) for _ in range(10)] == [960] * 10
    assert desk.raw().startswith(b"1" * 400 + b"\xb5\x62")
    desk.port.inject(long_line(10_000))
    assert (len(desk.run(10)), len(desk.run(10))) == (0, 10)


def test_what_was_held_back_does_not_come_out_any_more() -> None:
    """Seed 787: a fault of two minutes had filled the port for four."""
    desk = Desk()
    desk.port.inject(long_line(200_000))
    desk.run(2)
    desk.port.hold_back()
    assert len(desk.run(10)) >= 9


@pytest.mark.parametrize(("generation", "poll", "where"), [
    (M8, ubx(0x0A, 0x09, b""), "jamInd"), (M10, ubx(0x0A, 0x38, b""), "jamInd_01"),
])
def test_jamming_by_the_camera(generation: Generation, poll: bytes, where: str) -> None:
    """While it runs the indicator is high and the fix is gone; both chips say so in their way."""
    running = [False]
    desk = Desk(generation)
    desk.port.jam_level, desk.port.jammed_while = 0.9, lambda: running[0]
    for running[0], fix_type in ((False, 3), (True, 0)):
        desk.raw()
        desk.port.write(poll)
        indicator = getattr(UBXReader.parse(desk.port.read(4_096)), where)
        assert (indicator > 128, desk.last(2).fix_type) == (running[0], fix_type)
    desk.port.jammed_while = None
    running[0] = False
    assert desk.last().fix_type == 0, "without a condition it is jammed all the time"


def test_the_serial_buffer_is_bounded() -> None:
    """Nobody reads for an hour: the newest seconds are there, the rest is gone."""
    desk = Desk()
    desk.clock.now_ms += 3_600_000
    assert 0 < len(desk.port.read(1 << 20)) <= 4_096
    desk.port.inject(long_line(100_000))
    desk.clock.now_ms += 60_000
    assert len(desk.port.read(1 << 20)) == 4_096


def test_faults_shift_nothing_else() -> None:
    """What is drawn for a fault comes from a generator of its own."""
    quiet, noisy = Desk(), Desk()
    noisy.port.bad_checksum_part, noisy.port.is_wrong_baud = 0.5, True
    quiet.run(20)
    noisy.run(20)
    noisy.port.bad_checksum_part, noisy.port.is_wrong_baud = 0.0, False
    assert quiet.raw() == noisy.raw()
