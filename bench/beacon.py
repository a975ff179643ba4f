"""The beacon: its size, its fields, and the size of the same fields in other encodings."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import msgpack

from bench.report import Figure
from wire.beacon import FIELDS, Beacon, Phase, PowerMode, encode
from wire.frames import BeaconFrame, FrameCounter, encode_downlink

EXAMPLE = Beacon(
    time_of_day_s=45_000, latitude_deg=52.1234567, longitude_deg=-3.2345678, altitude_m=18_240,
    climb_mps=5.0, speed_mps=12, heading_deg=354, satellites=11, fix_age_s=1, phase=Phase.ASCENT,
    power_mode=PowerMode.NOMINAL, battery_mv=3920, outside_c=-41, inside_c=3, pressure_hpa=72.3,
    queue_records=57, faults=5, command_counter=7,
)


def run(out_dir: Path) -> list[Figure]:
    """Sizes in bytes on the air."""
    values = dataclasses.asdict(EXAMPLE)
    frame = encode_downlink(BeaconFrame(7, FrameCounter(1, 1), encode(EXAMPLE), False))
    peers = {
        "JSON": float(len(json.dumps(values))),
        "msgpack map": float(len(msgpack.packb(values))),
        "msgpack list": float(len(msgpack.packb(list(values.values())))),
    }
    fields = len(FIELDS) + 3  # faults, command counter, cutdown
    return [
        Figure("beacon frame, CRC and command counter included", len(frame), "B", 32, "<=", peers),
        Figure("fields in it", fields, "", 14, ">="),
    ]
