"""Compares what the station shows with what the payload reported, and when it was true.

``sim.verify.truth`` compares the payload's reports with the world as they are sent. This module
compares the page of the station with those reports: everything it shows as verified was reported by
the payload, and by no other sender.

    told_truth.page    the newest beacon
    told_truth.track   every point of the verified track, and its time
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any, NamedTuple

from groundstation.reading.reader import FlightReader
from payload.notes import Note
from wire import beacon
from wire.frames import BeaconFrame
from wire.records import Kind, TimeQuality

if TYPE_CHECKING:
    from sim.verify.checks import Checks
    from sim.world import World

PAGE, TRACK, TIME = "told_truth.page", "told_truth.track", "told_truth.time"
NAMES = (PAGE, TRACK)
LOOK_EVERY_MS = 600_000
FIELDS = tuple(field.name for field in beacon.FIELDS if field.name not in ("phase", "power_mode"))
# A beacon has the time at which it was heard, a record that of the payload's clock
# (sim.verify.truth).
EARLY_MS, LATE_MS = 3_000, 60_000

_Place = tuple[int, int, int | None]


class ReportedPosition(NamedTuple):
    """When a position was reported, and whether with a known time."""

    at_ms: int  # since the beginning
    is_timed: bool


class Shown:
    """Looks at the page of one world; ``checks`` is told of what was never said."""

    def __init__(self, world: World, checks: Checks, look_every_ms: int) -> None:
        self._world = world
        self._checks = checks
        self._states: set[tuple[float | None, ...]] = set()  # of every beacon
        self._places: defaultdict[_Place, list[ReportedPosition]] = defaultdict(list)
        self._look_every_ms = self._due_ms = look_every_ms

    def on_beacon(self, frame: BeaconFrame) -> None:
        """The payload says this."""
        state = beacon.decode(frame.state)
        self._states.add(tuple(getattr(state, name) for name in FIELDS))
        if state.latitude_deg is not None and state.longitude_deg is not None:
            place = _place(state.latitude_deg, state.longitude_deg, state.altitude_m)
            self._places[place].append(ReportedPosition(self._world.clock.now_ms, True))

    def on_notes(self, notes: Iterable[Note]) -> None:
        """The payload has made these records."""
        flight = self._world.flight
        assert flight is not None
        is_timed = flight.clock.quality is TimeQuality.GPS
        for note in notes:
            body = note.body
            if note.kind is Kind.TRACK and "lat" in body and "lon" in body:
                place = body["lat"], body["lon"], body.get("alt")
                self._places[place].append(ReportedPosition(self._world.clock.now_ms, is_timed))

    def on_step(self) -> None:
        """Look, when it is time to."""
        if self._world.clock.now_ms >= self._due_ms:
            self._due_ms = self._world.clock.now_ms + self._look_every_ms
            self.look()

    def look(self) -> None:
        """At the page, where the station can tell its own payload from others."""
        if self._world.downlink_key is None:
            return
        with closing(FlightReader(self._world.archive_path, self._world.mission)) as reader:
            self._look_at_state(reader.flight()["beacon"])
            way = reader.history()["verified"]
            for point in zip(way["t"], way["lat"], way["lon"], way["alt"], strict=True):
                self._look_at_point(*point)

    def _look_at_state(self, shown: Mapping[str, Any] | None) -> None:
        if shown is not None and tuple(shown[name] for name in FIELDS) not in self._states:
            place = shown["latitude_deg"], shown["longitude_deg"], shown["altitude_m"]
            self._checks.violate(PAGE, f"the page shows a beacon that was never sent, at {place}")

    def _look_at_point(
        self, utc_ms: int, latitude_deg: float, longitude_deg: float, altitude_m: float | None
    ) -> None:
        self._checks.counts["shown"] += 1
        tellings = self._places.get(_place(latitude_deg, longitude_deg, altitude_m))
        place = f"{latitude_deg:.5f}, {longitude_deg:.5f}, {altitude_m} m"
        if tellings is None:
            self._checks.violate(TRACK, f"the verified way leads over {place}: never told")
        elif not any(self._is_timely(telling, utc_ms) for telling in tellings):
            late_s = (utc_ms - self._world.clock.start_utc_ms - tellings[-1].at_ms) / 1000
            self._checks.violate(TRACK, f"the verified way has {place} {late_s:+.0f} s late")

    def _is_timely(self, telling: ReportedPosition, utc_ms: int) -> bool:
        late_ms = utc_ms - self._world.clock.start_utc_ms - telling.at_ms
        excuses = self._checks.excuses  # the payload's clock dates it, or the station's, later on
        is_excused = excuses.hold(TIME, telling.at_ms) or excuses.held_since(TRACK, telling.at_ms)
        return is_excused or not telling.is_timed or -EARLY_MS <= late_ms <= LATE_MS


def _place(latitude_deg: float, longitude_deg: float, altitude_m: float | None) -> _Place:
    altitude = None if altitude_m is None else round(altitude_m)
    return round(latitude_deg * 1e7), round(longitude_deg * 1e7), altitude
