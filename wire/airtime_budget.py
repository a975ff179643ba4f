"""The airtime budget of a mission: beacon interval, listening window, and capacity for text.

The rule: between two beacons there is always room for one full frame of words. A cadence that the
mission file writes down is a promise and is kept, with no gap longer than twice that, or the file
is refused (``flaw``); one that is left out is the default, or as slow as the link needs.

Payload, station, preflight and the simulator's checks all use this module, so that they cannot
disagree.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wire import auth, frames, horus
from wire.airtime import Airtime
from wire.beacon import Phase, PowerMode
from wire.mission_radio import LORA
from wire.mission_swarm import SLOT_GUARD_MS

if TYPE_CHECKING:
    from wire.mission import Mission

IDENT_EVERY_MS = 600_000  # ITU RR 19 leaves it to national rules, which say ten minutes
IDENT_MARGIN_MS = 5_000  # a step that comes late, a modem that is not idle yet
UPLINK_BYTES_MIN = 64  # each command but a long question, and a report on three blocks
UPLINK_MARGIN_MS = 240  # until the station has noticed the beacon; it looks every 200 ms
LOW_ALTITUDE_M = 3_000  # falling below this, the beacon matters most
LANDED_FRESH_MS = 900_000
LANDED_LATER_MS = 4_500_000
LANDED_OLD_S, LANDED_OLDEST_S, CRITICAL_S = 60, 300, 60
CADENCE_KEYS = ("beacon_ground_s", "beacon_flight_s", "beacon_low_s", "beacon_landed_s")
HOUR_MS = 3_600_000
# What fills an hour: means of a simulated flight of the example mission, as records on the air, its
# texts packed with the model of its bundle.
MUSING_BYTES, MUSING_CHARACTERS = 58, 96
PICTURE_BYTES = 2_550


@dataclass(frozen=True, slots=True)
class HourlyCapacity:
    """What an hour of flight carries when nothing is lost: the beacons, and either the words or the
    pictures."""

    beacon_every_ms: int
    beacons: int
    frames: int
    word_bytes: int
    musings: int
    characters: int
    pictures: float


class AirtimeBudget:
    """Of one mission. Times in ms; ``*_ms`` of a frame are until the next one may begin."""

    def __init__(self, mission: Mission) -> None:
        radio = mission.radio
        self.airtime = air = Airtime.of(radio)
        self._mission = mission
        mac_bytes = auth.DOWNLINK_MAC_BYTES if mission.keys.downlink_mac else 0
        beacon_bytes = frames.BEACON_BYTES + mac_bytes
        self.ident_bytes = (
            frames.IDENT_OVERHEAD_BYTES + mac_bytes + len(mission.payload.identification.encode()))
        self.beacon_ms = air.occupied_ms(beacon_bytes)
        self.words_ms = air.occupied_ms(radio.mtu_bytes)  # a full frame
        self.ident_ms = air.occupied_ms(self.ident_bytes)
        # AX.25 has the callsign in each packet: there it goes only where it costs next to nothing.
        self.must_identify = radio.framing == "plain"
        self.identifies = self.must_identify or 100 * self.ident_ms <= IDENT_EVERY_MS
        beacon_on_air_ms = air.on_air_ms(beacon_bytes)
        # How often to look whether a neighbour was heard, before its next frame takes the place of
        # the first; the shortest that is carried home is a beacon.
        self.overhear_ms = (
            HOUR_MS if mission.swarm is None else air.on_air_ms(frames.BEACON_BYTES))
        self.listen_ms_min = air.on_air_ms(UPLINK_BYTES_MIN) + UPLINK_MARGIN_MS
        pause_ms = self.beacon_ms - beacon_on_air_ms  # it listens in this one too
        asked_ms = 1000 * radio.listen_s
        self.is_listen_enough = max(asked_ms, pause_ms) >= self.listen_ms_min
        self.listen_ms = asked_ms if self.is_listen_enough else self.listen_ms_min
        self.window_ms = max(self.listen_ms, pause_ms)
        self.silence_ms = beacon_on_air_ms + self.window_ms  # from a listening beacon's start
        self.round_ms = 0 if mission.swarm is None else mission.swarm.round_ms
        # A slot holds a beacon, its window, and a full frame of words.
        self.slot_ms_min = self.silence_ms + air.on_air_ms(radio.mtu_bytes) + SLOT_GUARD_MS
        # The callsign waits for a frame of words that has begun, for a beacon that listens, and
        # where payloads take turns for its own.
        self._ident_wait_ms = self.words_ms + self.silence_ms + IDENT_MARGIN_MS + self.round_ms
        early_ms = self._ident_wait_ms if self.must_identify else 0
        self.ident_every_ms = max(1, IDENT_EVERY_MS - early_ms)  # after the one before, it is due
        ident_ms = self.ident_ms if self.identifies else 0
        self.owed_ms = self.words_ms + ident_ms  # what may go between two beacons
        self._between_ms = self.beacon_ms + self.words_ms
        if self.ident_every_ms < self._between_ms + ident_ms:  # it goes between any two
            self._between_ms += ident_ms
        self._around_window_ms = self.silence_ms + ident_ms + self.words_ms
        self.least_ms = max(
            self._between_ms, math.ceil(self._around_window_ms / 2), self.round_ms)

    @property
    def uplink_bytes_max(self) -> int:
        """The largest frame that the station may send into a listening window."""
        room_ms = self.window_ms - UPLINK_MARGIN_MS
        return min(self._mission.radio.mtu_bytes, self.airtime.bytes_in(room_ms))

    @property
    def window_every_ms(self) -> int:
        """From one listening window to the next, in ascent."""
        every_ms = self.beacon_every_ms(Phase.ASCENT, PowerMode.NOMINAL, None)
        return max(1000 * self._mission.radio.listen_every_s, every_ms, self._around_window_ms)

    @property
    def report_bytes_max(self) -> int:
        """The largest report. Both ends must agree, so it follows from the mission file alone."""
        return min(self._mission.symbol_mtu_bytes, self.uplink_bytes_max)

    def beacon_every_ms(
        self, phase: Phase | None, power: PowerMode | None, altitude_m: float | None,
        phase_age_ms: float = 0, is_away: bool = False,
    ) -> int:
        """Interval between beacons; no gap exceeds twice this. None is unknown.

        ``is_away`` is true of a payload in orbit that knows that no station can hear it.
        """
        wanted_s = self._wanted_s(phase, power, altitude_m, phase_age_ms)
        orbit = self._mission.orbit
        if is_away and orbit is not None:
            wanted_s = max(wanted_s, orbit.beacon_away_s)
        return max(1000 * wanted_s, self.least_ms)

    def _wanted_s(
        self, phase: Phase | None, power: PowerMode | None, altitude_m: float | None,
        phase_age_ms: float,
    ) -> int:
        """The interval that the mission requests; table of docs/flying.md."""
        cadence = self._mission.cadence
        if power is PowerMode.CRITICAL:
            return CRITICAL_S
        if phase in (Phase.BOOT, Phase.GROUND):
            return cadence.beacon_ground_s
        if phase is Phase.LANDED:
            if phase_age_ms < LANDED_FRESH_MS:
                return cadence.beacon_landed_s
            return LANDED_OLD_S if phase_age_ms < LANDED_LATER_MS else LANDED_OLDEST_S
        if phase is Phase.DESCENT and altitude_m is not None and altitude_m < LOW_ALTITUDE_M:
            return cadence.beacon_low_s
        return cadence.beacon_flight_s

    def hour(self) -> HourlyCapacity:
        """What it carries in an hour of ascent."""
        every_ms = self.beacon_every_ms(Phase.ASCENT, PowerMode.NOMINAL, None)
        beacons, full_frames = self._in_turns() if self.round_ms else self._in_an_hour(every_ms)
        word_bytes = full_frames * (
            self._mission.symbol_mtu_bytes - frames.DATA_OVERHEAD_BYTES - 1)
        musings = word_bytes / MUSING_BYTES
        return HourlyCapacity(
            every_ms, int(beacons), int(full_frames), int(word_bytes), int(musings),
            int(musings * MUSING_CHARACTERS), word_bytes / PICTURE_BYTES,
        )

    def _in_turns(self) -> tuple[float, float]:
        """(beacons, full frames) in an hour of slots, each with a beacon and its window."""
        assert self._mission.swarm is not None and self._mission.swarm.slot_s is not None
        turns = HOUR_MS / self.round_ms
        spoken_ms = 1000 * self._mission.swarm.slot_s - SLOT_GUARD_MS - self.silence_ms
        return turns, turns * (spoken_ms // self.words_ms)

    def _in_an_hour(self, every_ms: int) -> tuple[float, float]:
        """(beacons, full frames) in an hour where it sends at any time."""
        radio, cadence = self._mission.radio, self._mission.cadence
        windows = HOUR_MS / self.window_every_ms
        spoken_ms = HOUR_MS - windows * self.silence_ms
        beacons = min(HOUR_MS / every_ms, windows + spoken_ms / every_ms)
        taken_ms = beacons * self.beacon_ms + windows * (self.silence_ms - self.beacon_ms)
        if self.identifies:
            taken_ms += min(beacons, HOUR_MS / self.ident_every_ms) * self.ident_ms
        size = max(size for size in horus.FRAME_SIZES if size <= radio.mtu_bytes)
        horus_ms = self.airtime.occupied_ms(size)
        if radio.horus and self.beacon_ms + horus_ms + self.words_ms <= every_ms:
            taken_ms += beacons / cadence.horus_every_beacons * horus_ms
        return beacons, (HOUR_MS - taken_ms) / self.words_ms

    def flaw(self) -> str | None:
        """Why this mission cannot keep what it promises, in one sentence; None when it can.

        Only what was written down is a promise: in the file, or by a command.
        """
        if self._mission.radio.kind == "none":
            return None
        return (self._listen_flaw() or self._slot_flaw() or self._cadence_flaw()
                or self._ident_flaw())

    def _listen_flaw(self) -> str | None:
        radio = self._mission.radio
        if self.is_listen_enough or "listen_s" not in radio.model_fields_set:
            return None
        return (
            f"radio.listen_s = {radio.listen_s}: too short for a command, which requires "
            f"{self.listen_ms_min / 1000:.1f} s at {radio.rate}; allowed is "
            f"{_seconds(self.listen_ms_min)} or more, or omit the key"
        )

    def _slot_flaw(self) -> str | None:
        swarm = self._mission.swarm
        if swarm is None or swarm.slot_s is None or 1000 * swarm.slot_s >= self.slot_ms_min:
            return None
        return (
            f"swarm.slot_s = {swarm.slot_s}: too short for a beacon, its listening window and a "
            f"full frame, which require {self.slot_ms_min / 1000:.1f} s at "
            f"{self._mission.radio.rate}; allowed is {_seconds(self.slot_ms_min)} or more"
        )

    def _cadence_flaw(self) -> str | None:
        radio, cadence = self._mission.radio, self._mission.cadence
        written = [key for key in CADENCE_KEYS if key in cadence.model_fields_set]
        if not written:
            return None
        wanted = {key: int(getattr(cadence, key)) for key in written}
        short = [f"{key} = {s}" for key, s in wanted.items() if 1000 * s < self._between_ms]
        if short:
            return (
                f"cadence.{', '.join(short)}: too short for a beacon and a full frame, which "
                f"require {self._between_ms / 1000:.1f} s at {radio.rate}, "
                f"duty_percent = {radio.duty_percent} and mtu_bytes = {radio.mtu_bytes}; allowed "
                f"is {_seconds(self.least_ms)} or more, or omit the key"
            )
        early = [f"{key} = {s}" for key, s in wanted.items() if 1000 * s < self.round_ms]
        if early:
            return (
                f"cadence.{', '.join(early)}: shorter than a round of all slots, "
                f"{_seconds(self.round_ms)} s, in which each payload sends one beacon; allowed is "
                f"{_seconds(self.round_ms)} or more, or omit the key"
            )
        key, wanted_s = min(wanted.items(), key=lambda item: item[1])
        if 2000 * wanted_s < self._around_window_ms:
            longest_s = (2000 * wanted_s - self._around_window_ms + self.window_ms) // 1000
            return (
                f"radio.listen_s = {radio.listen_s}: too long for cadence.{key} = {wanted_s}: with "
                "the frames that follow the window there would be no beacon for "
                f"{self._around_window_ms / 1000:.1f} s; allowed is listen_s up to {longest_s}, or "
                f"{key} from {_seconds(self.least_ms)}"
            )
        return None

    def _ident_flaw(self) -> str | None:
        over = self.ident_bytes - self._mission.radio.mtu_bytes
        if over > 0:
            named = len(self._mission.payload.name.encode())
            return (
                f"payload.name: has {named} bytes, with which the callsign does not fit into a "
                f"frame of {self._mission.radio.mtu_bytes}; allowed are up to "
                f"{named - over} bytes, or radio.mtu_bytes from {self.ident_bytes}"
            )
        wait_ms = self.ident_ms + self._ident_wait_ms
        if not self.must_identify or wait_ms < IDENT_EVERY_MS:
            return None
        radio = self._mission.radio
        return (
            f'radio.framing = "plain": the callsign must be sent every {IDENT_EVERY_MS // 1000} s '
            f"and may be delayed by {wait_ms / 1000:.0f} s at {radio.rate}, duty_percent = "
            f"{radio.duty_percent} and mtu_bytes = {radio.mtu_bytes}; allowed is "
            f"{self._ident_advice()}"
        )

    def _ident_advice(self) -> str:
        """The MTU with which the callsign would come in time, where there is one, or else."""
        left_ms = IDENT_EVERY_MS - self.ident_ms - self._ident_wait_ms + self.words_ms
        on_air_ms = (left_ms - 1) * self._mission.radio.duty_percent // 100
        mtu_bytes = self.airtime.bytes_in(on_air_ms)
        advice = [f"mtu_bytes up to {mtu_bytes}"] * (mtu_bytes >= frames.MTU_BYTES_MIN)
        is_module = self._mission.radio.kind in LORA
        return " or ".join([*advice, "a faster modulation" if is_module else 'framing = "ax25"'])


def _seconds(time_ms: int) -> int:
    return math.ceil(time_ms / 1000)
