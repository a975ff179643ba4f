"""u-blox receiver: sets and reads back the airborne model, and yields only fixes worth having."""

from __future__ import annotations

import datetime
from collections.abc import Callable

import pytest
from pyubx2 import GET, UBXMessage, UBXReader

from payload.devices.gnss_stream import GnssStreamParser, UbxMessage, encode_ubx
from payload.devices.gnss_ublox import UbloxGnss, decode_pvt
from payload.ports import DeviceAbsent, GnssFix

PVT = {
    "iTOW": 216_000_000, "year": 2026, "month": 11, "day": 21, "hour": 12, "min": 0, "second": 1,
    "validDate": 1, "validTime": 1, "fullyResolved": 1, "nano": -250_000, "fixType": 3,
    "gnssFixOk": 1, "numSV": 9, "lon": -122.4194155, "lat": 37.7749295, "height": 31_045_500,
    "hMSL": 31_000_250, "velN": 3000, "velE": -4000, "velD": -5120, "gSpeed": 5000,
    "headMot": 306.86999, "pDOP": 1.5,
}
UTC_MS = int(datetime.datetime(2026, 11, 21, 12, 0, 1, tzinfo=datetime.UTC).timestamp() * 1000)


def pvt(**changes: float) -> bytes:
    message: bytes = UBXMessage("NAV", "NAV-PVT", GET, **{**PVT, **changes}).serialize()
    return message


def nmea(body: str) -> bytes:
    checksum = 0
    for byte in body.encode():
        checksum ^= byte
    return f"${body}*{checksum:02X}\r\n".encode()


class Receiver:
    """The far end: keeps a model in RAM, answers as ``answer`` says, and can be unplugged."""

    def __init__(self, answer: Callable[[Receiver, UbxMessage], bytes] | None = None) -> None:
        self.model = 0
        self.has_pvt = False
        self.sent: list[tuple[int, int]] = []
        self.out = b""
        self.is_gone = False
        self._answer = answer or m8
        self._parser = GnssStreamParser()

    @property
    def settings(self) -> list[tuple[int, int]]:
        """What was sent to set something up: all but the questions after noise."""
        return [kind for kind in self.sent if kind not in ((0x0A, 0x09), (0x0A, 0x38))]

    def read(self, max_bytes: int) -> bytes:
        if self.is_gone:
            raise DeviceAbsent("gone")
        data, self.out = self.out[:max_bytes], self.out[max_bytes:]
        return data

    def write(self, data: bytes) -> None:
        if self.is_gone:
            raise DeviceAbsent("gone")
        for message in self._parser.feed(data):
            assert isinstance(message, UbxMessage)
            self.sent.append((message.message_class, message.message_id))
            self.out += self._answer(self, message)


def ack(message: UbxMessage, is_ack: bool = True) -> bytes:
    return encode_ubx(5, int(is_ack), bytes((message.message_class, message.message_id)))


def m8(receiver: Receiver, message: UbxMessage) -> bytes:
    """A receiver of generation 8: CFG-NAV5 and CFG-MSG, no CFG-VALSET."""
    kind = (message.message_class, message.message_id)
    if kind == (6, 0x24) and len(message.payload) == 36:
        receiver.model = message.payload[2]
        return ack(message)
    if kind == (6, 0x24):
        return encode_ubx(6, 0x24, bytes((0xFF, 0xFF, receiver.model)) + bytes(33)) + ack(message)
    if kind == (6, 1):
        receiver.has_pvt = True
        return ack(message)
    if kind == (10, 4):
        return encode_ubx(10, 4, b"ROM CORE 3.01".ljust(30, b"\0") + b"00080000".ljust(10, b"\0"))
    return ack(message, False)


def m10(receiver: Receiver, message: UbxMessage) -> bytes:
    """A receiver of generation 10: only CFG-VALSET and CFG-VALGET, NAK to the rest."""
    kind, payload = (message.message_class, message.message_id), message.payload
    if kind == (6, 0x8A) and payload[4:8] == (0x20110021).to_bytes(4, "little"):
        receiver.model = payload[8]
        return ack(message)
    if kind == (6, 0x8A) and payload[4:8] == (0x20910007).to_bytes(4, "little"):
        receiver.has_pvt = True
        return ack(message)
    if kind == (6, 0x8B):
        reply = b"\x01\x00\x00\x00" + payload[4:8] + bytes((receiver.model,))
        return encode_ubx(6, 0x8B, reply) + ack(message)
    return ack(message, False)


def clone(receiver: Receiver, message: UbxMessage) -> bytes:
    """A chip that speaks only NMEA and ignores everything."""
    return b""


def run(gnss: UbloxGnss, start_ms: int, end_ms: int) -> list[GnssFix]:
    return [fix for now_ms in range(start_ms, end_ms, 100) for fix in gnss.poll(now_ms)]


@pytest.mark.parametrize("generation", [m8, m10])
def test_airborne_is_set_and_read_back(
    generation: Callable[[Receiver, UbxMessage], bytes],
) -> None:
    """Goal: both dialects end with model 6 read back and NAV-PVT on, again after 60 s."""
    receiver = Receiver(generation)
    gnss = UbloxGnss(receiver)
    assert gnss.dynamic_model is None
    run(gnss, 0, 5000)
    assert (receiver.model, gnss.dynamic_model, receiver.has_pvt) == (6, 6, True)
    count = len(receiver.settings)
    run(gnss, 5000, 59_000)
    assert len(receiver.settings) == count
    run(gnss, 59_000, 66_000)
    assert len(receiver.settings) == 2 * count
    assert gnss.version == ("ROM CORE 3.01 00080000" if generation is m8 else None)


def test_clone_that_takes_the_setting_and_ignores_it() -> None:
    """Goal: the model is what was read back, not what was asked for."""

    def liar(receiver: Receiver, message: UbxMessage) -> bytes:
        answer = m8(receiver, message)
        receiver.model = 3
        return answer

    gnss = UbloxGnss(Receiver(liar))
    run(gnss, 0, 10_000)
    assert gnss.dynamic_model == 3


def test_clone_that_answers_nothing_still_gives_fixes() -> None:
    """Goal: NMEA alone makes fixes; the model stays unknown and is asked for again."""
    receiver = Receiver(clone)
    gnss = UbloxGnss(receiver)
    rmc = nmea("GNRMC,120001.00,A,4807.038,N,01131.000,W,022.4,084.4,211126,003.1,W")
    gga = nmea("GNGGA,120001.00,4807.038,N,01131.000,W,1,08,0.9,545.4,M,46.9,M,,")
    receiver.out = rmc + gga
    (fix,) = gnss.poll(0)
    assert fix == GnssFix(
        0, 3, 8, UTC_MS, pytest.approx(48.1173), pytest.approx(-11.516667), 545.4, None,
        pytest.approx(22.4 * 1852 / 3600), 84.4,
    )
    run(gnss, 0, 30_000)
    assert gnss.dynamic_model is None
    assert receiver.sent.count((6, 0x24)) >= 4


def test_nmea_without_a_fix_or_with_nonsense() -> None:
    """Goal: stale coordinates, empty fields and impossible angles never become a position."""
    void = "GNRMC,120001.00,V,4807.038,N,01131.000,E,0.0,0.0,211126,,"
    good_rmc = "GNRMC,120001.00,A,4807.038,N,01131.000,E,0.0,0.0,211126,,"
    cases = [
        ("GNGGA,120001.00,4807.038,N,01131.000,E,0,00,99.9,545.4,M,46.9,M,,", good_rmc),
        ("GNGGA,120001.00,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,", void),
        ("GNGGA,,,,,,,,,,,,,,", "GNRMC,,,,,,,,,,,"),
        ("GNGGA,120001.00,9107.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,", good_rmc),
        ("GNGGA,120001.00,4867.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,", good_rmc),
        ("GNGGA,120001.00,4807.038,E,01131.000,N,1,08,0.9,545.4,M,46.9,M,,", good_rmc),
        ("GNGGA,120001.00,nan,N,inf,E,1,xx,0.9,nan,M,46.9,M,,", good_rmc),
    ]
    for gga, rmc in cases:
        receiver = Receiver(clone)
        receiver.out = nmea(gga) + nmea(rmc)
        (fix,) = UbloxGnss(receiver).poll(0)
        assert (fix.fix_type, fix.latitude_deg, fix.altitude_m) == (0, None, None), gga


def test_nmea_dates() -> None:
    """Goal: a date that does not exist is unknown. Method: fields just inside and just outside."""
    for stamp, date, is_known in (
        ("235959.00", "311226", True), ("235960.00", "311226", True),
        ("240000.00", "311226", False), ("120001.00", "300226", False),
        ("120001.00", "", False), ("1200", "311226", False),
    ):
        receiver = Receiver(clone)
        receiver.out = nmea(
            f"GNGGA,{stamp},4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,"
        ) + nmea(f"GNRMC,{stamp},A,4807.038,N,01131.000,E,0.0,,{date},,")
        (fix,) = UbloxGnss(receiver).poll(0)
        assert (fix.utc_ms is not None) == is_known, (stamp, date)
        assert fix.heading_deg is None


def test_pvt_values_and_units() -> None:
    """Goal: every field in its unit. Method: pyubx2 writes the message."""
    fix = decode_pvt(pvt()[6:-2], 7)
    assert fix == GnssFix(
        7, 3, 9, UTC_MS, pytest.approx(37.7749295), pytest.approx(-122.4194155), 31_000.25, 5.12,
        5.0, pytest.approx(306.86999), 1.5,
    )
    assert decode_pvt(pvt()[6:-2][:84], 7) == fix  # generation 7 ends there


@pytest.mark.parametrize(
    "changes",
    [{"gnssFixOk": 0}, {"fixType": 0}, {"fixType": 5}, {"fixType": 1}, {"invalidLlh": 1}],
)
def test_pvt_that_is_no_fix(changes: dict[str, int]) -> None:
    """Goal: without the receiver's own OK there is no position, but satellites and time stay."""
    fix = decode_pvt(pvt(**changes)[6:-2], 0)
    assert fix is not None
    assert (fix.fix_type, fix.latitude_deg, fix.climb_mps, fix.satellites) == (0, None, None, 9)
    assert fix.utc_ms == UTC_MS


@pytest.mark.parametrize(
    "changes",
    [{"validDate": 0}, {"validTime": 0}, {"fullyResolved": 0}, {"month": 13}, {"day": 0},
     {"hour": 24}, {"second": 61}, {"year": 0}],
)
def test_pvt_time_is_unknown_unless_resolved(changes: dict[str, int]) -> None:
    """Goal: UTC only when the receiver is sure of it and the calendar has such a day."""
    fix = decode_pvt(pvt(**changes)[6:-2], 0)
    assert fix is not None
    assert (fix.fix_type, fix.utc_ms) == (3, None)


def test_pvt_off_the_globe_is_rejected() -> None:
    """Goal: latitude 91 is counted, not delivered; the pole itself is a place."""
    receiver = Receiver()
    gnss = UbloxGnss(receiver)
    receiver.out = pvt(lat=91.0) + pvt(lon=180.1) + encode_ubx(1, 7, bytes(10)) + pvt(lat=90.0)
    (fix,) = gnss.poll(0)
    assert (fix.latitude_deg, gnss.rejected_fixes) == (pytest.approx(90.0), 3)


def test_2d_fix_has_no_altitude() -> None:
    """Goal: the altitude that a 2D fix carries is an old one and is left out."""
    fix = decode_pvt(pvt(fixType=2)[6:-2], 0)
    assert fix is not None
    assert (fix.fix_type, fix.altitude_m, fix.climb_mps) == (2, None, None)


def test_split_at_every_byte_of_a_pvt() -> None:
    """Goal: cuts in the stream lose no fix."""
    data = pvt() + pvt(iTOW=216_001_000)
    for cut in range(len(data)):
        receiver = Receiver(clone)
        gnss = UbloxGnss(receiver)
        receiver.out = data[:cut]
        fixes = gnss.poll(0)
        receiver.out = data[cut:]
        assert len(fixes + gnss.poll(100)) == 2


def test_nmea_beside_pvt_is_not_counted_twice() -> None:
    """Goal: one epoch is one fix while NAV-PVT flows; NMEA takes over when it stops."""
    receiver = Receiver(clone)
    gnss = UbloxGnss(receiver)
    pair = nmea("GNRMC,120001.00,A,4807.038,N,01131.000,E,0,0,211126,,") + nmea(
        "GNGGA,120001.00,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,"
    )
    receiver.out = pvt() + pair
    assert len(gnss.poll(0)) == 1
    receiver.out = pair
    assert len(gnss.poll(4000)) == 0
    receiver.out = pair
    assert len(gnss.poll(6000)) == 1


def restart_by_silence(receiver: Receiver, gnss: UbloxGnss) -> None:
    receiver.out = pvt()
    gnss.poll(20_000)
    receiver.model, receiver.has_pvt = 0, False
    run(gnss, 20_100, 25_100)


def restart_by_banner(receiver: Receiver, gnss: UbloxGnss) -> None:
    receiver.model = 0
    receiver.out = nmea("GNTXT,01,01,02,u-blox AG - www.u-blox.com")
    gnss.poll(25_000)


def restart_by_time_of_week(receiver: Receiver, gnss: UbloxGnss) -> None:
    receiver.out = pvt()
    gnss.poll(24_000)
    receiver.model = 0
    receiver.out = pvt(iTOW=1000)
    gnss.poll(25_000)


@pytest.mark.parametrize(
    "restart", [restart_by_silence, restart_by_banner, restart_by_time_of_week]
)
def test_reset_in_flight_is_noticed(
    restart: Callable[[Receiver, UbloxGnss], None],
) -> None:
    """Goal: after a brown-out the model is unknown at once, and airborne again in seconds."""
    receiver = Receiver()
    gnss = UbloxGnss(receiver)
    run(gnss, 0, 3000)
    assert gnss.dynamic_model == 6
    restart(receiver, gnss)
    assert (gnss.dynamic_model, gnss.resets_seen) == (None, 1)
    run(gnss, 25_200, 28_000)
    assert (receiver.model, gnss.dynamic_model) == (6, 6)


def test_banner_during_the_set_up_repeats_it() -> None:
    """Goal: a receiver that was still starting when it was set up is set up again."""
    receiver = Receiver()
    gnss = UbloxGnss(receiver)
    run(gnss, 0, 1500)
    receiver.model = 0
    receiver.out = nmea("GNTXT,01,01,02,u-blox AG - www.u-blox.com")
    run(gnss, 1500, 9000)
    assert (receiver.model, gnss.dynamic_model) == (6, 6)


def test_unplugged_and_back() -> None:
    """Goal: DeviceAbsent comes out, and a receiver that returns is set up from the start."""
    receiver = Receiver()
    gnss = UbloxGnss(receiver)
    run(gnss, 0, 3000)
    receiver.is_gone = True
    with pytest.raises(DeviceAbsent):
        gnss.poll(3000)
    assert gnss.dynamic_model is None
    receiver.is_gone, receiver.model = False, 0
    run(gnss, 3100, 5000)
    assert (receiver.model, gnss.dynamic_model) == (6, 6)


def test_commands_are_what_pyubx2_reads() -> None:
    """Goal: what we send is valid UBX. Method: pyubx2 parses every command of a whole round."""
    sent: list[bytes] = []

    def record(receiver: Receiver, message: UbxMessage) -> bytes:
        sent.append(encode_ubx(message.message_class, message.message_id, message.payload))
        return ack(message, False)

    run(UbloxGnss(Receiver(record)), 0, 5000)
    for frame in sent:
        is_poll = len(frame) == 8 or frame[2:4] == b"\x06\x8b"
        assert UBXReader.parse(frame, msgmode=2 if is_poll else 1) is not None
    valset = next(frame for frame in sent if frame[2:4] == b"\x06\x8a")
    assert UBXReader.parse(valset, msgmode=1).CFG_NAVSPG_DYNMODEL == 6
