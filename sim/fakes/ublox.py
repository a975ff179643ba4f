"""A fake u-blox receiver: its serial output and input.

It speaks NMEA until it is told to send NAV-PVT, and obeys the limits of its dynamic model: without
an airborne one it loses its fix at 12 km, as the real one does. Switched on by the simulation's
start, it stays on over a reboot of the payload.

What can be broken is a public attribute or method, set and cleared from outside at any time; what
needs random numbers draws them from a generator of its own, so that a fault shifts nothing else.

Simplified: NMEA ends when NAV-PVT begins (a real one sends both until told otherwise).
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime

from payload.ports import DeviceAbsent
from sim.balloon import AirState, Trajectory
from sim.clock import SimClock
from sim.fakes.gnss_messages import (
    PDOP_UNKNOWN,
    WEEK_S,
    Epoch,
    nav_pvt,
    nmea,
    sentences,
    spoilt,
    time_of_week_ms,
    ubx,
)
from sim.fakes.gnss_settings import M8, CommandReader, Generation, ReceiverSettings

BUFFER_BYTES_MAX = 4096  # of the operating system's serial port; what comes later is lost
TIME_KNOWN_S = 12  # cold start: UTC is resolved ...
FIRST_FIX_S = 28  # ... and some seconds later the position
CATCH_UP_EPOCHS = 40  # more would not fit the buffer anyway
LINE_BYTES_PER_S = 960  # at 9600 baud
SATELLITES_MIN = 4
WANDER_M = (2.5, 2.5, 5.0)  # its error at most: east, north, up
WANDER_STEP_M = (0.3, 0.3, 0.6)  # standard deviation of what is added to it each second
METRES_PER_DEGREE = (80_000, 111_200)  # east, at middle latitudes, and north
BANNER = "GNTXT,01,01,02,u-blox AG - www.u-blox.com"


class FakeUblox:
    """A ``ByteStream``. A port that comes back under another path is the same stream to the core.

    Faults, all off at first:

    is_unplugged          the port is gone, every call raises DeviceAbsent; ``reset`` it on return
    is_silent             the port is there, and nothing comes out of it
    is_wrong_baud         endless garbage out, and nothing that is written is understood
    is_lock_lost          no satellites, no fix; the time goes on
    keeps_stale_place     without a fix the last position stays in the messages
    is_frozen             place, motion and satellites stay as they are while the time goes on
    is_time_frozen        the time stays as it is
    date_offset_s         added to the time that it tells
    has_week_glitch       the one epoch in which the time of the week wraps is dated a week early
    bad_checksum_part     share of the messages with a wrong checksum, 0..1
    refuses_model         a NAK to every dynamic model
    forced_latitude_deg, forced_longitude_deg, forced_altitude_m    told in place of the truth
    jam_level             0 nothing .. 1 deaf; with ``jammed_while`` only while that returns True
    """

    def __init__(
        self, clock: SimClock, trajectory: Trajectory, rng: random.Random,
        generation: Generation = M8,
    ) -> None:
        self.is_unplugged = False
        self.is_silent = False
        self.is_wrong_baud = False
        self.is_lock_lost = False
        self.keeps_stale_place = False
        self.is_frozen = False
        self.is_time_frozen = False
        self.date_offset_s = 0
        self.has_week_glitch = False
        self.bad_checksum_part = 0.0
        self.forced_latitude_deg: float | None = None
        self.forced_longitude_deg: float | None = None
        self.forced_altitude_m: float | None = None
        self.jam_level = 0.0
        self.jammed_while: Callable[[], bool] | None = None
        self._jump_m, self._jump_fixes = 0.0, 0
        self._clock = clock
        self._trajectory = trajectory
        self._rng = rng
        self._fault_rng = random.Random(rng.getrandbits(64))
        self._settings = ReceiverSettings(generation)
        self._commands = CommandReader()
        self._switched_on_s = self._epoch_s = clock.now_ms // 1000
        self._out = bytearray()
        self._junk = bytearray()
        self._offset_m = [0.0, 0.0, 0.0]  # slowly wandering error: east, north, up
        self._seen: Epoch | None = None  # the last epoch before it was falsified
        self._placed: Epoch | None = None  # the same, with a fix
        self.placed_ms: int | None = None  # when it last told one, ms since the beginning
        self._latest: Epoch | None = None  # the last epoch that came out

    @property
    def dynamic_model(self) -> int:
        return self._settings.dynamic_model

    @dynamic_model.setter
    def dynamic_model(self, model: int) -> None:
        self._settings.dynamic_model = model

    @property
    def refuses_model(self) -> bool:
        return self._settings.refuses_model

    @refuses_model.setter
    def refuses_model(self, is_refused: bool) -> None:
        self._settings.refuses_model = is_refused

    def reset(self) -> None:
        """A brown-out of the receiver: settings and satellites are forgotten."""
        self._settings.forget()
        self._commands.clear()
        self._switched_on_s = self._epoch_s = self._clock.now_ms // 1000
        self._out.clear()
        self._junk.clear()
        self._seen = self._placed = self._latest = None
        if self._settings.generation.speaks_ubx:
            self._send(nmea(BANNER))

    def flush(self) -> None:
        """What the operating system held when the payload rebooted is gone."""
        self._out.clear()
        self._commands.clear()
        self._epoch_s = self._clock.now_ms // 1000

    def jump(self, up_m: float, fixes: int) -> None:
        """The next ``fixes`` fixes are ``up_m`` too high."""
        self._jump_m, self._jump_fixes = up_m, fixes

    def inject(self, data: bytes) -> None:
        """``data`` comes out of the port as it is; while it fills the line, epochs have no room."""
        self._junk += data

    def hold_back(self) -> None:
        """What was injected and has not come out yet does not."""
        self._junk.clear()

    def pretend_year(self, year: int) -> None:
        """Tell the present day and time in another year, 1980..2099."""
        now = datetime.fromtimestamp(self._clock.utc_ms // 1000, UTC)
        first, there = datetime(now.year, 1, 1, tzinfo=UTC), datetime(year, 1, 1, tzinfo=UTC)
        self.date_offset_s = round((there - first).total_seconds())

    def wrap_week_in(self, seconds: int) -> None:
        """Shift the told time so that the time of the week wraps in so many seconds."""
        left_s = WEEK_S - time_of_week_ms(self._clock.utc_ms) // 1000
        self.date_offset_s = left_s - seconds

    def read(self, max_bytes: int) -> bytes:
        """What has arrived until now. Raises DeviceAbsent when unplugged."""
        second = self._clock.now_ms // 1000
        if self.is_unplugged:
            self._out.clear()
            self._epoch_s = second
            raise DeviceAbsent("the receiver is unplugged")
        self._epoch_s = max(self._epoch_s, second - CATCH_UP_EPOCHS)
        while self._epoch_s < second:
            self._epoch_s += 1
            self._emit(self._epoch_s)
        data = bytes(self._out[:max_bytes])
        del self._out[:max_bytes]
        return data

    def write(self, data: bytes) -> None:
        """Commands from the payload. Raises DeviceAbsent when unplugged."""
        if self.is_unplugged:
            raise DeviceAbsent("the receiver is unplugged")
        if self.is_wrong_baud or self.is_silent:
            return
        for message in self._commands.feed(data):
            answer = self._settings.answer(*message)
            if answer:
                self._send(answer)

    def _send(self, data: bytes) -> None:
        if self.is_wrong_baud:
            data = self._fault_rng.randbytes(len(data))
        if not self.is_silent:
            self._out += data[: BUFFER_BYTES_MAX - len(self._out)]

    def _emit(self, second: int) -> None:
        """What the receiver says about the epoch at ``second`` of the simulation."""
        if self._junk:
            self._send(bytes(self._junk[:LINE_BYTES_PER_S]))
            del self._junk[:LINE_BYTES_PER_S]
        if self._junk:
            return
        epoch = self._with_faults(self._observe(second))
        is_stale = self.keeps_stale_place and self._placed is not None
        has_place = epoch.has_fix or is_stale
        if self._settings.is_pvt_on:
            message = ubx(0x01, 0x07, nav_pvt(epoch, has_place))
        else:
            message = sentences(epoch, has_place)
        if self.bad_checksum_part and self._fault_rng.random() < self.bad_checksum_part:
            message = spoilt(message)
        self._send(message)

    def _observe(self, second: int) -> Epoch:
        """The truth with the errors that an honest receiver makes."""
        state = self._trajectory.state(second)
        on_s = second - self._switched_on_s
        self._wander(state)
        east_m, north_m, up_m = self._offset_m
        east_deg, north_deg = east_m / METRES_PER_DEGREE[0], north_m / METRES_PER_DEGREE[1]
        fix_type, is_valid, satellites, pdop = self._quality(state, on_s)
        return Epoch(
            self._clock.start_utc_ms + second * 1000, on_s >= TIME_KNOWN_S, fix_type, is_valid,
            satellites, pdop, state.latitude_deg + north_deg, state.longitude_deg + east_deg,
            state.altitude_m + up_m, state.climb_mps, state.speed_mps, state.heading_deg,
        )

    def _wander(self, state: AirState) -> None:
        if state.recorded is not None:
            return  # the record has its own errors
        for index, (size, limit) in enumerate(zip(WANDER_STEP_M, WANDER_M, strict=True)):
            moved = 0.97 * self._offset_m[index] + self._rng.gauss(0, size)
            self._offset_m[index] = min(max(moved, -limit), limit)

    def _quality(self, state: AirState, on_s: int) -> tuple[int, bool, int, float]:
        """(fix type, whether the sanity checks pass, satellites, PDOP) of this epoch."""
        recorded = state.recorded
        if recorded is not None:
            fix_type, pdop = recorded.fix_type, recorded.pdop or PDOP_UNKNOWN
            satellites = 9 if recorded.satellites is None else recorded.satellites
        else:
            satellites = min(9 + int(state.altitude_m > 3_000) * 3, on_s * 12 // FIRST_FIX_S)
            satellites = max(0, satellites + self._rng.choice((-1, 0, 0, 0, 1)))
            fix_type, pdop = 3, 1.3 + 8.0 / max(4, satellites)
        jam = self._jamming()
        if self.is_lock_lost or jam:
            satellites = 0 if self.is_lock_lost else int(satellites * (1 - jam))
            if satellites < SATELLITES_MIN:
                return 0, True, satellites, PDOP_UNKNOWN
        if on_s < FIRST_FIX_S:
            return 0, True, min(satellites, 3), PDOP_UNKNOWN
        if not self._settings.is_within_limits(
            state.altitude_m, state.speed_mps, state.climb_mps
        ):
            kept = fix_type if self._settings.generation.keeps_fix_type else 0
            return kept, False, satellites, PDOP_UNKNOWN
        return fix_type, True, satellites, pdop

    def _jamming(self) -> float:
        """The jam level now; MON-HW and MON-RF show it."""
        is_jammed = self.jam_level > 0 and (self.jammed_while is None or self.jammed_while())
        level = self.jam_level if is_jammed else 0.0
        self._settings.jam_indicator = round(8 + 247 * level)
        return level

    def _with_faults(self, epoch: Epoch) -> Epoch:
        """The epoch as it is told."""
        seen, latest = self._seen, self._latest
        if self.is_frozen and seen is not None:
            epoch = seen._replace(utc_ms=epoch.utc_ms, has_time=epoch.has_time)
        elif self.keeps_stale_place and self._placed is not None and not epoch.has_fix:
            old = self._placed
            epoch = epoch._replace(
                latitude_deg=old.latitude_deg, longitude_deg=old.longitude_deg,
                altitude_m=old.altitude_m, climb_mps=old.climb_mps, speed_mps=old.speed_mps,
            )
        self._seen = epoch
        if epoch.has_fix:
            self._placed = epoch
            self.placed_ms = epoch.utc_ms - self._clock.start_utc_ms
        if self.date_offset_s or self.has_week_glitch:
            epoch = self._misdated(epoch)
        if self.is_time_frozen and latest is not None:
            epoch = epoch._replace(utc_ms=latest.utc_ms)
        if self._jump_fixes and epoch.has_fix:
            self._jump_fixes -= 1
            epoch = epoch._replace(altitude_m=epoch.altitude_m + self._jump_m)
        if self.forced_latitude_deg is not None:
            epoch = epoch._replace(latitude_deg=self.forced_latitude_deg)
        if self.forced_longitude_deg is not None:
            epoch = epoch._replace(longitude_deg=self.forced_longitude_deg)
        if self.forced_altitude_m is not None:
            epoch = epoch._replace(altitude_m=self.forced_altitude_m)
        self._latest = epoch
        return epoch

    def _misdated(self, epoch: Epoch) -> Epoch:
        """As ``date_offset_s`` says; the week number may be late by one epoch."""
        utc_ms = epoch.utc_ms + self.date_offset_s * 1000
        if self.has_week_glitch and time_of_week_ms(utc_ms) < 1000:
            utc_ms -= WEEK_S * 1000
        return epoch._replace(utc_ms=utc_ms)
