"""Fixes and flights for the tests of the flight core's senses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgpack

from payload.navigation.phase import PhaseMachine
from payload.ports import DeviceAbsent, GnssFix
from tests import recordings

UTC_MS = 1_790_000_000_000  # 2026-09-21T14:13:20Z


def fix_at(now_ms: int, altitude_m: float | None = 120.0, **changes: object) -> GnssFix:
    """A good 3D fix near Bremen at ``now_ms``."""
    fix = GnssFix(
        taken_ms=now_ms, fix_type=3, satellites=9, utc_ms=UTC_MS + now_ms, latitude_deg=53.07,
        longitude_deg=8.8, altitude_m=altitude_m, climb_mps=None, speed_mps=0.0, heading_deg=0.0,
    )
    return replace(fix, **changes)  # type: ignore[arg-type]


class FakeGnss:
    """Hands over what was put into ``queue``; absent while ``is_absent``."""

    def __init__(self) -> None:
        self.queue: list[GnssFix] = []
        self.is_absent = False
        self.dynamic_model: int | None = 6
        self.jam_indicator: int | None = None

    def poll(self, now_ms: int) -> list[GnssFix]:
        if self.is_absent:
            raise DeviceAbsent("gone")
        queue, self.queue = self.queue, []
        return queue


@dataclass(frozen=True)
class Row:
    """One second of a recorded flight; ``fix`` is None where nothing was recorded."""

    now_ms: int
    fix: GnssFix | None
    pressure_hpa: float | None


def recorded(path: Path) -> Iterator[Row]:
    """Every second of a recorded flight, from its first row on."""
    rows = recordings.rows(path)
    first, last = min(rows), max(rows)
    for second in range(first, last + 1):
        now_ms = (second - first) * 1000
        row = rows.get(second)
        if row is None:
            yield Row(now_ms, None, None)
            continue
        value = {key: float(text) if text else None for key, text in row.items()
                 if key != "time_utc"}
        fix = fix_at(
            now_ms, value["gps_alt_m"], fix_type=int(row.get("fix", 3)),
            satellites=int(row.get("sats", 9)), latitude_deg=value["lat_deg"],
            longitude_deg=value["lon_deg"], speed_mps=value.get("speed_mps"),
            heading_deg=value.get("heading_deg"))
        yield Row(now_ms, fix, value["pressure_hpa"])


@dataclass
class Balloon:
    """A made flight: metres of altitude by second, for a flight of any size."""

    ground_m: float = 100.0
    wait_s: int = 60
    climb_mps: float = 5.0
    top_m: float = 3_000.0
    fall_mps: float = 20.0
    rest_s: int = 400

    def altitudes(self) -> list[float]:
        path = [self.ground_m] * self.wait_s
        while path[-1] < self.top_m:
            path.append(path[-1] + self.climb_mps)
        while path[-1] > self.ground_m:
            path.append(max(self.ground_m, path[-1] - self.fall_mps))
        return path + [self.ground_m] * self.rest_s


class Trip:
    """A phase machine on a path of altitudes, one a second; None is a second without a fix."""

    def __init__(self, saved: dict[str, Any] | None = None, utc_ms: int = UTC_MS) -> None:
        self.machine = PhaseMachine(saved, 0)
        self.utc_ms = utc_ms  # at this boot
        self.now_ms = 0
        self.events: list[dict[str, Any]] = []

    def fly(self, altitudes: list[float | None], **changes: Any) -> Trip:
        for altitude_m in altitudes:
            fix = None
            if altitude_m is not None:
                fix = fix_at(self.now_ms, altitude_m, utc_ms=self.utc_ms + self.now_ms, **changes)
            self.give(fix)
        return self

    def give(self, fix: GnssFix | None, pressure_hpa: float | None = None) -> None:
        notes = self.machine.update(fix, pressure_hpa, self.now_ms)
        self.events += [note.body for note in notes]
        self.now_ms += 1000

    def reboot(self, off_s: int = 20) -> Trip:
        """Cut the power; the state goes through the store's own packing."""
        saved = msgpack.unpackb(msgpack.packb(self.machine.saved()))
        return Trip(saved, self.utc_ms + self.now_ms + off_s * 1000)

    @property
    def path(self) -> list[str]:
        return [e["fields"]["to"] for e in self.events if e["event"] == "phase"]


def ramp(start_m: float, rate_mps: float, seconds: int) -> list[float]:
    return [start_m + rate_mps * second for second in range(seconds)]


GROUND = [100.0] * 60
FLIGHT = ["ground", "ascent", "descent", "landed"]
