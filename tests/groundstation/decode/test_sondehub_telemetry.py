"""What others uploaded to SondeHub of our payload: an answer taken apart, and read again."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from groundstation.decode.sondehub_telemetry import (
    ENTRIES_MAX,
    ENTRY_BYTES_MAX,
    UNPACKED_BYTES_MAX,
    parse,
    uploaded,
)
from tests.groundstation.far_end import START_MS

CALL = "N0CALL"


def stamp(utc_ms: int) -> str:
    """As SondeHub writes a time."""
    return datetime.fromtimestamp(utc_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def entry(at_s: float = 0, **changes: Any) -> dict[str, Any]:
    """What a Horus receiver uploads."""
    return {
        "software_name": "horusdemodlib", "uploader_callsign": "PA0XYZ",
        "payload_callsign": CALL, "datetime": stamp(START_MS + round(at_s * 1000)),
        "lat": 52.1, "lon": 13.2, "alt": 9_000.5, "temp": -41.0, "batt": 3.9, "sats": 9,
        "vel_v": 5.1, "vel_h": 12.0, "heading": 70, "pressure": 300.1, "humidity": 12,
        "modulation": "Horus Binary", "uploader_position": [52.0, 13.0, 40], **changes}


def answer(*entries: dict[str, Any]) -> bytes:
    """The server's: by the second, with those who uploaded it as well."""
    return json.dumps({CALL: {f"{e['datetime']} {i}": e | {
        "uploaders": [{"uploader_callsign": e["uploader_callsign"]}]}
        for i, e in enumerate(entries)}}).encode()


def found(body: bytes, own: str = "MYCALL", now_s: float = 60) -> list[Any]:
    return uploaded(body, CALL, own, START_MS + round(now_s * 1000))


def test_entries_come_oldest_first_with_their_time_and_are_read_again():
    entries = found(gzip.compress(answer(entry(20), entry(5, lat=52.2))))
    assert [each.at_ms for each in entries] == [START_MS + 5_000, START_MS + 20_000]
    packet = parse(entries[0].raw)
    assert packet is not None and packet.callsign == CALL and packet.humidity_percent == 12
    state = packet.beacon
    assert (state.latitude_deg, state.longitude_deg, state.altitude_m) == (52.2, 13.2, 9_000.5)
    assert (state.battery_mv, state.outside_c, state.climb_mps) == (3900, -41.0, 5.1)
    assert state.time_of_day_s == (START_MS // 1000 + 5) % 86_400
    assert b"uploaders" not in entries[0].raw and b"uploader_position" not in entries[0].raw
    assert found(answer(entry(20), entry(5, lat=52.2))) == entries, "packed or not"


def test_the_same_entry_is_the_same_bytes_however_the_server_orders_it():
    one = entry(5)
    other = dict(reversed(one.items()))
    assert found(answer(one))[0].raw == found(answer(other))[0].raw


def test_what_this_station_uploaded_itself_is_left_out():
    assert found(answer(entry(5, uploader_callsign="mycall"), entry(9)))[0].at_ms == (
        START_MS + 9_000)


@pytest.mark.parametrize("changes", [
    {"payload_callsign": "OTHER"}, {"lat": 91}, {"lat": None}, {"lon": "x"}, {"datetime": 5},
    {"datetime": "today"}, {"datetime": "2027-01-01T00:00:00"}, {"comment": "x" * ENTRY_BYTES_MAX},
    {"datetime": "1970-01-01T00:00:00Z"}, {"datetime": "0001-01-01T00:00:00+14:00"},
])
def test_an_entry_that_makes_no_sense_is_left_out(changes):
    assert found(answer(entry(**changes))) == []


def test_a_clock_that_is_ahead_is_not_believed_and_a_little_ahead_is_now():
    assert found(answer(entry(200))) == []
    assert found(answer(entry(100)))[0].at_ms == START_MS + 60_000


def test_no_place_is_none():
    packet = parse(json.dumps(entry(lat=0, lon=0)).encode())
    assert packet is not None and packet.beacon.latitude_deg is None


def test_only_the_newest_of_very_many_are_taken():
    entries = found(answer(*(entry(at / 100) for at in range(ENTRIES_MAX + 3))))
    assert len(entries) == ENTRIES_MAX and entries[-1].at_ms == START_MS + (ENTRIES_MAX + 2) * 10


@pytest.mark.parametrize("body", [
    b"", b"[]", b"3", b"{", b"<html>", b"\x1f\x8b", gzip.compress(answer(entry()), mtime=0)[:-9],
    gzip.compress(b" " * (UNPACKED_BYTES_MAX + 1), mtime=0), b"[" * 100_000,
    b"Duration must be either",
])
def test_what_is_no_answer_is_one_error(body):
    with pytest.raises(ValueError, match=r"\w"):
        found(body)


@pytest.mark.parametrize("body", [b"{}", b'{"N0CALL": []}', b'{"N0CALL": {"a": 3}}',
                                  b'{"OTHER": {"a": {}}}'])
def test_an_answer_without_entries_is_empty(body):
    assert found(body) == []


def test_an_answer_cut_at_every_byte_is_an_error_and_nothing_else():
    for whole in (answer(entry()), gzip.compress(answer(entry()))):
        for at in range(len(whole)):
            with pytest.raises(ValueError, match=r"\w"):
                found(whole[:at])
