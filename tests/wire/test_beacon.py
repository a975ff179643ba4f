"""The beacon keeps every field it can say, and says unknown for every field it cannot."""

import dataclasses
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.beacon import FIELDS, Beacon, Phase, PowerMode, decode, encode
from wire.frames import STATE_BYTES

FULL = Beacon(
    time_of_day_s=45_000, latitude_deg=52.1, longitude_deg=-3.2, altitude_m=18_240,
    climb_mps=5.0, speed_mps=12, heading_deg=354, satellites=11, fix_age_s=1, phase=Phase.ASCENT,
    power_mode=PowerMode.NOMINAL, battery_mv=3920, outside_c=-41, inside_c=3, pressure_hpa=72.3,
    queue_records=57, faults=5, command_counter=7,
)
GOLDEN = Path(__file__).parent.parent / "golden" / "beacon_full.hex"


def test_golden_bytes() -> None:
    assert encode(FULL).hex() == GOLDEN.read_text().strip()


def test_every_field_survives_within_half_a_step() -> None:
    back = decode(encode(FULL))
    for field in FIELDS:
        said, heard = getattr(FULL, field.name), getattr(back, field.name)
        tolerance = 0.05 * said if field.name == "queue_records" else field.step / 2 + 1e-9
        assert abs(said - heard) <= tolerance, field.name
    assert (back.faults, back.command_counter, back.is_cutdown_armed) == (5, 7, False)


def test_there_are_at_least_fourteen_fields() -> None:
    assert len(dataclasses.fields(Beacon)) >= 14


def test_unknown_is_not_zero() -> None:
    empty = decode(encode(Beacon()))
    assert all(getattr(empty, field.name) is None for field in FIELDS)
    zero = decode(encode(Beacon(altitude_m=0, climb_mps=0, outside_c=0, latitude_deg=0)))
    assert (zero.altitude_m, zero.outside_c) == (0, 0)
    assert zero.latitude_deg is not None and abs(zero.latitude_deg) < 1e-5


@pytest.mark.parametrize("field", FIELDS, ids=lambda f: f.name)
@pytest.mark.parametrize("value", [-1.7e308, -1e9, 1e9, 1.7e308, math.nan, math.inf, -math.inf])
def test_any_number_encodes(field, value) -> None:
    """Clamped to the range when too large, unknown when not a number; never an exception."""
    beacon = Beacon(**{field.name: value})
    heard = getattr(decode(encode(beacon)), field.name)
    if not math.isfinite(value) or field.name in ("phase", "power_mode"):
        assert heard is None or not math.isnan(value)
    elif field.name != "heading_deg":
        assert heard is not None


@given(st.binary(min_size=STATE_BYTES, max_size=STATE_BYTES))
def test_any_bytes_are_some_beacon(data: bytes) -> None:
    beacon = decode(data)
    assert decode(encode(beacon)) == beacon


def test_queue_is_never_understated_to_zero() -> None:
    assert decode(encode(Beacon(queue_records=0))).queue_records == 0
    for queue in (1, 2, 10, 1000, 100_000):
        heard = decode(encode(Beacon(queue_records=queue))).queue_records
        assert heard is not None and queue <= heard + 1 <= queue * 1.06 + 2
