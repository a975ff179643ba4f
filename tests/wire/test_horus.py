"""Horus Binary v3: golden bytes, what the reference decoder makes of ours, and any bytes at all."""

import binascii
import dataclasses
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wire import horus
from wire.beacon import FIELDS, Beacon, Phase, PowerMode
from wire.horus import Packet

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # asn1tools' own
FULL = Beacon(
    time_of_day_s=45_000, latitude_deg=52.12345, longitude_deg=-3.23456, altitude_m=18_240,
    climb_mps=5.02, speed_mps=12.5, satellites=11, fix_age_s=1,
    phase=Phase.ASCENT, power_mode=PowerMode.ECO, battery_mv=3920, outside_c=-41.5, inside_c=3.0,
    pressure_hpa=72.3, queue_records=57, faults=5, command_counter=0xBEEF, is_cutdown_armed=True,
)
MUSING = "The cold has a sound; it is the tape creaking."


def packet_of(musing: str = "", beacon: Beacon = FULL) -> Packet:
    return Packet("EDDA-1", 513, beacon, musing, 40, 3)


GOLDEN = (
    "e4e97f9540f3cc003020157e4b6373e50db9004b2832aefba9b0880a49cb65c0c2d5c0fa85a79075302883d402c0"
    "4840c0600001400e6fbbc000000000000000"
)
GOLDEN_WITHOUT_MUSING = (
    "87fc3f9540f3cc003020157e4b6373e50db9004b280b5703ea169e41d4c0a20f500b012103018000050039beef"
    "000000"
)
# What horusdemodlib's own C encoder puts on the air (its CMakeLists.txt, test_horus_binary_v3).
GOLDEN_OF_HORUSDEMODLIB = (
    "5AC0401A1917967D079F021100000000889545744AA2881083CEB9ECC2B9ECC2802F79D73D98573D985005EF3AE7"
    "B30AE7B30A00BDE75CF6615CF6614017B20574F4F46574F4F46574F4F46574F4F46574F4F46574F4F46574F4F4657"
    "4F4F460E02ED8FF0100000000000042000000000C6AE5910100000040416F0002000000"
)


def framed(body: bytes) -> bytes:
    size = next(s for s in horus.FRAME_SIZES if s >= len(body) + 2)
    body = body.ljust(size - 2, b"\0")
    return binascii.crc_hqx(body, 0xFFFF).to_bytes(2, "little") + body


def test_a_beacon_and_a_musing_come_back() -> None:
    data = horus.encode(packet_of(MUSING), 128)
    packet = horus.decode(data)
    assert packet is not None
    assert (packet.callsign, packet.sequence) == ("EDDA-1", 513)
    assert (packet.humidity_percent, packet.boot) == (40, 3)
    assert packet.musing == "The cold has a sound - it is the tape creaking."
    for field in dataclasses.fields(Beacon):
        sent, heard = getattr(FULL, field.name), getattr(packet.beacon, field.name)
        assert heard == pytest.approx(sent, abs=0.15), field.name


def test_golden_bytes() -> None:
    assert horus.encode(packet_of("Cold."), 96).hex() == GOLDEN
    assert horus.encode(packet_of()).hex() == GOLDEN_WITHOUT_MUSING


def test_the_golden_frame_of_horusdemodlib() -> None:
    packet = horus.decode(bytes.fromhex(GOLDEN_OF_HORUSDEMODLIB))
    assert packet is not None
    assert (packet.callsign, packet.sequence, packet.musing) == ("4FSKTEST-V2", 0, "")
    beacon = packet.beacon
    assert beacon.time_of_day_s == 3 and beacon.altitude_m == 56
    assert beacon.latitude_deg == pytest.approx(23e-5)
    assert beacon.longitude_deg == pytest.approx(34e-5)


def test_unknown_is_not_zero_and_zero_is_not_unknown() -> None:
    nothing = horus.decode(horus.encode(Packet("N0CALL", 0, Beacon())))
    assert nothing == Packet("N0CALL", 0, Beacon())
    zero = Beacon(latitude_deg=0.0, longitude_deg=0.0, altitude_m=-1000, time_of_day_s=0,
                  speed_mps=0, satellites=0, inside_c=0.0, battery_mv=0)
    packet = horus.decode(horus.encode(Packet("N0CALL", 0, zero, "", 0, 0)))
    assert packet is not None and (packet.humidity_percent, packet.boot) == (0, 0)
    assert packet.beacon.latitude_deg == pytest.approx(0, abs=2e-5)
    assert packet.beacon.altitude_m == -999 and packet.beacon.time_of_day_s == 0
    assert packet.beacon.satellites == 0 and packet.beacon.inside_c == 0


@pytest.mark.parametrize("bytes_max", horus.FRAME_SIZES)
def test_the_longest_callsign_and_musing_fit_every_size(bytes_max: int) -> None:
    told = Packet("abcDEF-0123abc-", 65_535, FULL, MUSING * 20, 40, 3)
    data = horus.encode(told, bytes_max)
    packet = horus.decode(data)
    assert len(data) == bytes_max and packet is not None
    assert packet.beacon.latitude_deg == pytest.approx(FULL.latitude_deg)
    assert packet.musing == "" or packet.musing.endswith("...")
    assert bytes_max < 64 or packet.musing


@pytest.mark.parametrize(("said", "sent"), [
    ("Don't panic, it's 3 °C!", "Dont panic - its 3 deg C."),
    ("Zoë – naïve façade…", "Zoe - naive facade..."),
    ("\x1b[31m$$RED*\n\u202e\ud800 雲", "31mRED"),
])
def test_a_musing_is_made_of_the_allowed_characters(said: str, sent: str) -> None:
    assert horus.sanitise(said) == sent


numbers = st.one_of(st.none(), st.floats(), st.integers(-10**12, 10**12))


@given(st.builds(
    Beacon, **{field.name: numbers for field in FIELDS} | {
        "phase": st.none() | st.sampled_from(Phase),
        "power_mode": st.none() | st.sampled_from(PowerMode),
        "faults": st.integers(0, 1 << 20), "command_counter": st.integers(0, 1 << 33),
        "is_cutdown_armed": st.booleans(),
    },
), st.text(max_size=20), st.integers(), st.text(max_size=300), numbers,
    st.none() | st.integers(0, 1 << 32), st.sampled_from(horus.FRAME_SIZES))
def test_any_beacon_makes_a_frame(
    beacon: Beacon, callsign: str, sequence: int, musing: str, humidity: float | None,
    boot: int | None, bytes_max: int,
) -> None:
    told = Packet(callsign, sequence, beacon, musing, humidity, boot)
    data = horus.encode(told, bytes_max)
    packet = horus.decode(data)
    assert len(data) <= bytes_max and packet is not None
    known = beacon.altitude_m is not None and math.isfinite(beacon.altitude_m)
    assert (packet.beacon.altitude_m is not None) == known


@settings(max_examples=300)
@given(st.sampled_from(horus.FRAME_SIZES).flatmap(
    lambda size: st.binary(min_size=size - 2, max_size=size - 2)
))
def test_any_bytes_are_a_packet_or_nothing(body: bytes) -> None:
    horus.decode(framed(body))
    horus.decode(body + b"\0\0")


def test_every_flipped_bit_is_noticed() -> None:
    data = horus.encode(packet_of("Cold."), 96)
    for bit in range(len(data) * 8):
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << bit % 8
        assert horus.decode(bytes(damaged)) is None


@pytest.fixture(scope="module")
def reference() -> Any:
    """The ASN.1 of PyPI's horusdemodlib, compiled; the decoder that SondeHub's receivers run."""
    asn1tools = pytest.importorskip("asn1tools", reason="horusdemodlib")
    pytest.importorskip("horusdemodlib")
    import horusdemodlib

    path = Path(horusdemodlib.__file__).parent.parent / "horusbinaryv3" / "HorusBinaryV3.asn1"
    return asn1tools.compile_files(str(path), codec="uper")


def test_the_reference_reads_ours(reference: Any) -> None:
    from horusdemodlib.decoder import decode_packet

    heard = decode_packet(horus.encode(packet_of(MUSING), 128))
    assert heard["crc_ok"] and heard["callsign"] == "EDDA-1" and heard["sequence_number"] == 513
    assert heard["latitude"] == pytest.approx(52.12345)
    assert heard["longitude"] == pytest.approx(-3.23456)
    assert heard["altitude"] == 18_240 and heard["speed"] == 45 and heard["satellites"] == 11
    assert heard["ascent_rate"] == pytest.approx(5.02)
    assert heard["ext_pressure"] == pytest.approx(72.3)
    assert heard["temperature"] == 3.0 and heard["ext_temperature"] == -41.5
    assert heard["battery_voltage"] == 3.92 and heard["time"] == "12:30:00"
    assert heard["musing_0"] == "The cold has a sound - it is the tape creaking."
    assert heard["ext_humidity"] == 40
    assert heard["custom_data"] == "01" "21" "03" "01" "800005" "0039" "beef"


@pytest.mark.parametrize("beacon", [Beacon(), FULL, Beacon(inside_c=-200, battery_mv=1e9)])
@pytest.mark.parametrize("musing", ["", "a", MUSING * 3])
def test_the_reference_encodes_the_same_bytes(reference: Any, beacon: Beacon, musing: str) -> None:
    data = horus.encode(packet_of(musing, beacon), 96)
    fields = reference.decode("Telemetry", data[2:])
    again = reference.encode("Telemetry", fields)
    assert data[2:].rstrip(b"\0") == again.rstrip(b"\0")


def test_we_read_what_others_send(reference: Any) -> None:
    fields = {
        "payloadCallsign": "VK3-other/9", "sequenceNumber": 9, "timeOfDaySeconds": -1,
        "latitude": 0, "longitude": 0, "altitudeMeters": -1000,
        "extraSensors": [
            {"name": "rad", "values": ("horusInt", [1, -300, 70_000])},
            {"values": ("horusReal", [0.5, -1234.5])}, {"name": "only-a-name"},
            {"values": ("horusBool", {f"b{i}": bool(i % 2) for i in range(8)})},
        ],
        "counts": [1, 1000, -1], "humidityPercentage": 40, "gnssPowerSaveState": "tracking",
        "temperatureCelsius-x10": {"external": -655, "custom2": 3},
        "milliVolts": {"solar": 5, "battery": 1234}, "customData": b"meow",
    }
    packet = horus.decode(framed(reference.encode("Telemetry", fields)))
    assert packet is not None
    assert packet.callsign == "VK3-other/9" and packet.humidity_percent == 40
    assert packet.beacon == Beacon(outside_c=-65.5, battery_mv=1234)
