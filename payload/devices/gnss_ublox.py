"""u-blox GNSS receiver: sets it up for flight, keeps checking that it still is, and yields fixes.

Sources: u-blox M8 interface description UBX-13003221 (NAV-PVT 32.17.15, CFG-NAV5 32.10.19, CFG-MSG
32.10.16, ACK 32.8) and M10 SPG 5.10 UBX-21035062 (CFG-VALSET 3.10.5, CFG-VALGET 3.10.4).

Airborne <1g (dynamic model 6) is what lets the receiver work above 12 km; it lives in RAM, so a
brown-out in flight forgets it. The set-up therefore runs at the start, every 60 s, and after any
sign of a reset, and the model is read back each time. One command is outstanding at a time:

    step            acknowledged or answered   NAK or silence
    SET_NAV5        READ_NAV5                  SET_VALSET
    SET_VALSET      READ_VALGET                READ_NAV5
    READ_NAV5       ENABLE_PVT                 READ_VALGET
    READ_VALGET     ENABLE_PVT                 ENABLE_PVT, model unknown
    ENABLE_PVT      VERSION                    ENABLE_VALSET
    ENABLE_VALSET   VERSION                    VERSION
    VERSION         IDLE                       IDLE
    IDLE            SET_NAV5 after 60 s (15 s while the model is not airborne) or a reset

Every step also ends on silence, so a clone chip that
ignores all of it costs a few seconds and then serves as a plain NMEA receiver.
"""

from __future__ import annotations

from enum import Enum, auto

from payload.devices.gnss_stream import (
    GnssStreamParser,
    NmeaSentence,
    UbxMessage,
    encode_ubx,
)
from payload.devices.nmea import NmeaFixes, utc_ms
from payload.ports import ByteStream, DeviceAbsent, GnssFix

AIRBORNE_1G = 6
ANSWER_MS_MAX = 1_500  # a receiver answers within its navigation epoch of 1 s
REASSERT_MS = 60_000
RETRY_MS = 15_000  # the same while the model is not known to be airborne
PVT_SILENCE_MS = 5_000  # five missed epochs: the message is off again, so the RAM was cleared
JAM_EVERY_MS = 4_000
RESTART_GAP_MS = 5_000  # rounds start no closer than this, however often a reset is suspected
READ_BYTES_MAX = 4_096  # per poll: 4 s of a full 9600 baud line; the rest waits for the next poll
PVT_BYTES = (84, 92)  # M7, and M8 or later

_NAV_PVT, _ACK_ACK, _ACK_NAK = (0x01, 0x07), (0x05, 0x01), (0x05, 0x00)
_CFG_MSG, _CFG_NAV5, _MON_VER = (0x06, 0x01), (0x06, 0x24), (0x0A, 0x04)
_MON_HW, _MON_RF = (0x0A, 0x09), (0x0A, 0x38)
_JAM_AT = {_MON_HW: 45, _MON_RF: 4 + 16}  # of MON-RF the first block (UBX-21035062 3.14.9)
_VALSET, _VALGET = (0x06, 0x8A), (0x06, 0x8B)
_KEY_DYNAMIC_MODEL = 0x20110021
# CFG-MSGOUT-UBX_NAV_PVT_I2C and _UART1. One port only: one key the receiver does not have, such as
# UART2 on an M10, makes it refuse them all; receivers with USB still take CFG-MSG.
PVT_ON_I2C, PVT_ON_UART1 = 0x20910006, 0x20910007
_NAV5_AIRBORNE = (0x0001).to_bytes(2, "little") + bytes((AIRBORNE_1G,)) + bytes(33)


class _Step(Enum):
    SET_NAV5 = auto()
    SET_VALSET = auto()
    READ_NAV5 = auto()
    READ_VALGET = auto()
    ENABLE_PVT = auto()
    ENABLE_VALSET = auto()
    VERSION = auto()
    IDLE = auto()


def _valset(key: int, value: int) -> bytes:
    """A single-byte value into the RAM layer; after a reset it is set again."""
    item = key.to_bytes(4, "little") + bytes((value,))
    return encode_ubx(*_VALSET, b"\x00\x01\x00\x00" + item)


_COMMANDS: dict[_Step, tuple[tuple[int, int], bytes]] = {
    _Step.SET_NAV5: (_CFG_NAV5, encode_ubx(*_CFG_NAV5, _NAV5_AIRBORNE)),
    _Step.SET_VALSET: (_VALSET, _valset(_KEY_DYNAMIC_MODEL, AIRBORNE_1G)),
    _Step.READ_NAV5: (_CFG_NAV5, encode_ubx(*_CFG_NAV5)),
    _Step.READ_VALGET: (
        _VALGET, encode_ubx(*_VALGET, bytes(4) + _KEY_DYNAMIC_MODEL.to_bytes(4, "little")),
    ),
    _Step.ENABLE_PVT: (_CFG_MSG, encode_ubx(*_CFG_MSG, bytes((*_NAV_PVT, 1)))),
    _Step.VERSION: (_MON_VER, encode_ubx(*_MON_VER)),
}
# The table of the module docstring.
_NEXT: dict[_Step, tuple[_Step, _Step]] = {
    _Step.SET_NAV5: (_Step.READ_NAV5, _Step.SET_VALSET),
    _Step.SET_VALSET: (_Step.READ_VALGET, _Step.READ_NAV5),
    _Step.READ_NAV5: (_Step.ENABLE_PVT, _Step.READ_VALGET),
    _Step.READ_VALGET: (_Step.ENABLE_PVT, _Step.ENABLE_PVT),
    _Step.ENABLE_PVT: (_Step.VERSION, _Step.ENABLE_VALSET),
    _Step.ENABLE_VALSET: (_Step.VERSION, _Step.VERSION),
    _Step.VERSION: (_Step.IDLE, _Step.IDLE),
}
_READS = (_Step.READ_NAV5, _Step.READ_VALGET, _Step.VERSION)  # ended by the data, not by the ACK


class UbloxGnss:
    """A u-blox receiver, or a clone that at least speaks NMEA, behind a byte stream."""

    def __init__(self, stream: ByteStream, pvt_key: int = PVT_ON_UART1) -> None:
        """``pvt_key`` switches NAV-PVT on for the port that ``stream`` is connected to."""
        self.version: str | None = None  # software and hardware, from MON-VER
        self.resets_seen = 0
        self.rejected_fixes = 0  # NAV-PVT of a wrong length or with an impossible position
        self._stream = stream
        self._commands = {**_COMMANDS, _Step.ENABLE_VALSET: (_VALSET, _valset(pvt_key, 1))}
        self._parser = GnssStreamParser()
        self._nmea = NmeaFixes()
        self._dynamic_model: int | None = None
        self._model_read: int | None = None  # what this round of the set-up read back
        self._step = _Step.IDLE
        self._sent_ms = 0
        self._round_started_ms: int | None = None
        self._has_reset_pending = False
        self._pvt_ms: int | None = None
        self._time_of_week_ms: int | None = None
        self._jam_indicator: int | None = None
        self._jam_asked_ms = 0

    @property
    def dynamic_model(self) -> int | None:
        """As last read back; None before the first answer and after a reset."""
        return self._dynamic_model

    @property
    def jam_indicator(self) -> int | None:
        """0 none .. 255 strong, as MON-HW or MON-RF last reported it; None when neither did."""
        return self._jam_indicator

    @property
    def damage_count(self) -> int:
        """Broken frames and rejected fixes since the start."""
        return self._parser.bad_frames + self.rejected_fixes

    def poll(self, now_ms: int) -> list[GnssFix]:
        """Fixes since the last call, oldest first. Raises DeviceAbsent when the stream is gone."""
        try:
            data = self._stream.read(READ_BYTES_MAX)
            fixes = self._take(data, now_ms)
            self._set_up(now_ms)
            self._ask_for_jamming(now_ms)
        except DeviceAbsent:
            self._forget()
            raise
        return fixes

    def _forget(self) -> None:
        """The receiver was unplugged: the one that returns has to be set up."""
        self._dynamic_model = None
        self._step, self._round_started_ms = _Step.IDLE, None
        self._pvt_ms = self._time_of_week_ms = self._jam_indicator = None
        self._parser, self._nmea = GnssStreamParser(), NmeaFixes()

    def _take(self, data: bytes, now_ms: int) -> list[GnssFix]:
        fixes: list[GnssFix] = []
        for message in self._parser.feed(data):
            fix: GnssFix | None = None
            if isinstance(message, NmeaSentence):
                fix = self._take_nmea(message, now_ms)
            elif (message.message_class, message.message_id) == _NAV_PVT:
                fix = self._take_pvt(message.payload, now_ms)
            else:
                self._take_answer(message, now_ms)
            if fix is not None:
                fixes.append(fix)
        return fixes

    def _take_nmea(self, sentence: NmeaSentence, now_ms: int) -> GnssFix | None:
        """A fix from NMEA, only while NAV-PVT is not flowing: one epoch must not count twice."""
        if sentence.kind == "TXT" and "u-blox" in ",".join(sentence.fields):
            self._notice_reset(now_ms)  # the banner that a receiver prints once, at its start
        has_pvt = self._pvt_ms is not None and now_ms - self._pvt_ms < PVT_SILENCE_MS
        fix = self._nmea.feed(sentence, now_ms)
        return None if has_pvt else fix

    def _take_pvt(self, payload: bytes, now_ms: int) -> GnssFix | None:
        if len(payload) not in PVT_BYTES:
            self.rejected_fixes += 1
            return None
        time_of_week_ms = int.from_bytes(payload[0:4], "little")
        # Also once a week, on Sunday 00:00 GPS time; a needless set-up costs nothing.
        if self._time_of_week_ms is not None and time_of_week_ms < self._time_of_week_ms:
            self._notice_reset(now_ms)
        self._time_of_week_ms, self._pvt_ms = time_of_week_ms, now_ms
        fix = decode_pvt(payload, now_ms)
        if fix is None:
            self.rejected_fixes += 1
        return fix

    def _ask_for_jamming(self, now_ms: int) -> None:
        """Between two rounds of the set-up; one that knows neither message says nothing."""
        if self._step is _Step.IDLE and now_ms - self._jam_asked_ms >= JAM_EVERY_MS:
            self._jam_asked_ms, self._jam_indicator = now_ms, None
            self._stream.write(encode_ubx(*_MON_HW) + encode_ubx(*_MON_RF))

    def _take_answer(self, message: UbxMessage, now_ms: int) -> None:
        kind = (message.message_class, message.message_id)
        if kind in _JAM_AT and len(message.payload) > _JAM_AT[kind]:
            self._jam_indicator = message.payload[_JAM_AT[kind]]
            return
        if self._step is _Step.IDLE:
            return
        expected = self._commands[self._step][0]
        if kind in (_ACK_ACK, _ACK_NAK):
            if tuple(message.payload) != expected:
                return  # the answer to a step that was given up
            if kind == _ACK_NAK:
                self._go_on(False, now_ms)
            elif self._step not in _READS:
                self._go_on(True, now_ms)
        elif kind == expected and self._step in _READS:
            self._go_on(self._take_read(message.payload), now_ms)

    def _take_read(self, payload: bytes) -> bool:
        """Keep the answer to a poll; False where it lacks what was requested."""
        if self._step is _Step.READ_NAV5 and len(payload) >= 3:
            self._dynamic_model = self._model_read = payload[2]
            return True
        is_valget = self._step is _Step.READ_VALGET and len(payload) >= 9
        if is_valget and int.from_bytes(payload[4:8], "little") == _KEY_DYNAMIC_MODEL:
            self._dynamic_model = self._model_read = payload[8]
            return True
        if self._step is _Step.VERSION and len(payload) >= 40:
            parts = (payload[:30], payload[30:40])
            words = (part.split(b"\0", 1)[0].decode("ascii", "replace") for part in parts)
            self.version = " ".join(words)
            return True
        return False

    def _set_up(self, now_ms: int) -> None:
        """Start a round when one is due, and end a step that was met with silence."""
        if self._step is not _Step.IDLE:
            if now_ms - self._sent_ms >= ANSWER_MS_MAX:
                self._go_on(False, now_ms)
            return
        is_pvt_lost = self._pvt_ms is not None and now_ms - self._pvt_ms >= PVT_SILENCE_MS
        if is_pvt_lost or self._has_reset_pending:
            self._notice_reset(now_ms)
            return
        gap_ms = REASSERT_MS if self._dynamic_model == AIRBORNE_1G else RETRY_MS
        if self._round_started_ms is None or now_ms - self._round_started_ms >= gap_ms:
            self._start_round(now_ms)

    def _notice_reset(self, now_ms: int) -> None:
        """Something only a freshly started receiver does: the model is unknown, set it again."""
        self._time_of_week_ms = self._pvt_ms = None
        started_ms = self._round_started_ms
        if started_ms is not None and now_ms - started_ms < RESTART_GAP_MS:
            self._has_reset_pending = True
            self._dynamic_model = None
            return
        self.resets_seen += 1
        self._dynamic_model = None
        self._start_round(now_ms)

    def _start_round(self, now_ms: int) -> None:
        self._round_started_ms, self._model_read = now_ms, None
        self._has_reset_pending = False
        self._send(_Step.SET_NAV5, now_ms)

    def _go_on(self, was_answered: bool, now_ms: int) -> None:
        after = _NEXT[self._step][0 if was_answered else 1]
        if self._step is _Step.READ_VALGET and self._model_read is None:
            self._dynamic_model = None  # neither way of reading it back answered
        self._send(after, now_ms)

    def _send(self, step: _Step, now_ms: int) -> None:
        self._step, self._sent_ms = step, now_ms
        if step is not _Step.IDLE:
            self._stream.write(self._commands[step][1])


def decode_pvt(payload: bytes, now_ms: int) -> GnssFix | None:
    """A fix from NAV-PVT; None when it claims a position that is not on the globe.

    Without gnssFixOK the receiver itself does not trust the position: fix type 0, no position.
    UTC needs validDate, validTime and fullyResolved (else the seconds may be off by leap seconds).
    """

    def signed(at: int) -> int:
        return int.from_bytes(payload[at : at + 4], "little", signed=True)

    valid, fix_type, flags, satellites = payload[11], payload[20], payload[21], payload[23]
    utc = _pvt_utc_ms(payload) if valid & 0x07 == 0x07 else None
    is_llh_invalid = len(payload) == 92 and payload[78] & 0x01  # M9 and later: flags3 invalidLlh
    # 1 is dead reckoning without satellites and 5 time only; 4 is both, which is a 3D fix.
    fix_type = {2: 2, 3: 3, 4: 3}.get(fix_type, 0) if flags & 0x01 and not is_llh_invalid else 0
    if fix_type == 0:
        return GnssFix(now_ms, 0, satellites, utc, None, None, None, None, None, None, None)
    longitude_deg, latitude_deg = signed(24) * 1e-7, signed(28) * 1e-7
    if abs(latitude_deg) > 90 or abs(longitude_deg) > 180:
        return None
    return GnssFix(
        taken_ms=now_ms,
        fix_type=fix_type,
        satellites=satellites,
        utc_ms=utc,
        latitude_deg=latitude_deg,
        longitude_deg=longitude_deg,
        altitude_m=signed(36) / 1000 if fix_type == 3 else None,  # a 2D fix holds an old altitude
        climb_mps=-signed(56) / 1000 if fix_type == 3 else None,  # velD points down
        speed_mps=signed(60) / 1000,
        heading_deg=signed(64) * 1e-5,
        pdop=int.from_bytes(payload[76:78], "little") / 100,
    )


def _pvt_utc_ms(payload: bytes) -> int | None:
    year = int.from_bytes(payload[4:6], "little")
    month, day, hour, minute, second = payload[6:11]
    if hour > 23 or minute > 59 or second > 60 or not 1970 <= year <= 9999:
        return None
    nanoseconds = int.from_bytes(payload[16:20], "little", signed=True)  # -1e9..1e9
    time_of_day_ms = ((hour * 60 + minute) * 60 + second) * 1000 + round(nanoseconds / 1e6)
    return utc_ms(year, month, day, time_of_day_ms)
