"""A station that heard ten minutes of a signed flight, and can be lied to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from groundstation.archive.archive import Archive
from groundstation.export.export import write_all
from groundstation.export.feeds import SummaryFeed
from groundstation.ground import Ground
from groundstation.reading.reader import FlightReader
from groundstation.web.stream import PageFeed
from tests.groundstation.far_end import MASTER_KEY, SIGNED_MISSION, START_MS, FarEnd, state_at
from wire import ukhas
from wire.mission import Mission
from wire.ukhas import Sentence

KEY = SIGNED_MISSION.downlink_key(MASTER_KEY)
QUIET_S = 1200  # the payload was last heard this long before the lie
FLOWN = range(0, 600, 10)


class Station:
    """A station that heard ten minutes of the flight, and what others make of its archive."""

    def __init__(
        self, path: Path, key: bytes | None = KEY, mission: Mission = SIGNED_MISSION
    ) -> None:
        self.far = FarEnd(mission=mission)
        self.archive = Archive(path / "flight.sqlite", is_durable=False)
        self.ground = Ground(mission, self.archive, None, key)
        self.reader = FlightReader(self.archive.path, mission)
        self.hear(self.far.tell(), 0)
        for at_s in FLOWN:
            self.hear(self.far.beacon(state_at(at_s)), at_s)
        self.stream = PageFeed(self.reader, lambda: START_MS)
        self.summaries = SummaryFeed(self.reader, mission)
        self.at, _ = self.stream.step(None)

    def hear(self, data: bytes, at_s: float) -> None:
        self.ground.receive(data, START_MS + round(at_s * 1000))

    def lie(self, count: int = 4, at_s: float = FLOWN[-1] + QUIET_S) -> None:
        """Sentences that put it into a valley forty kilometres away."""
        state = state_at(at_s)
        for i in range(count):
            self.hear(ukhas.encode(Sentence(
                "N0CALL", i, int(START_MS / 1000 + at_s + 3 * i) % 86_400,
                state.latitude_deg + 0.3 + i * 5e-4, state.longitude_deg - 0.3, 120,
            )), at_s + 3 * i)

    def update(self) -> Any:
        """The page's next message."""
        self.at, message = self.stream.step(self.at)
        return json.loads(message.split("data: ", 1)[1])

    def exported(self, path: Path) -> Any:
        """The features of the track, as a file has them."""
        write_all(self.reader, path)
        return json.loads((path / "track.geojson").read_text())["features"]

    def close(self) -> None:
        self.reader.close()
        self.archive.close()
