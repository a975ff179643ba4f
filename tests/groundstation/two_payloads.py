"""A station that verifies EDDA's first ten minutes, and hears another payload beside it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from groundstation.archive.archive import Archive
from groundstation.ground import Ground
from tests.groundstation.far_end import MASTER_KEY, SIGNED_MISSION, START_MS, FarEnd, state_at
from wire import frames
from wire.frames import IdentFrame
from wire.records import Kind

KEY = SIGNED_MISSION.downlink_key(MASTER_KEY)
OTHER = 9
LAST_S = 600
NOW_MS = START_MS + (LAST_S + 5) * 1000
OURS_SAID, OTHER_SAID = "I can see the pond.", "I can see EDDA."
NORTH_DEG = 0.2  # of ours flies the other


class Pair:
    """Both ends of two payloads, and the archive of who hears them."""

    def __init__(self, folder: Path) -> None:
        self.archive = Archive(folder / "flight.sqlite", is_durable=False)
        self.ground = Ground(SIGNED_MISSION, self.archive, KEY, KEY)
        self.ours = FarEnd(mission=SIGNED_MISSION)
        self.other = FarEnd(node_id=OTHER)

    def fly(self, *, with_other: bool = True) -> None:
        """A beacon of each every ten seconds, and one line."""
        self.hear(self.ours.tell(), 0)
        self.ours.push(Kind.MUSING, START_MS, {"text": OURS_SAID, "by": "model"})
        self.other.push(Kind.MUSING, START_MS, {"text": OTHER_SAID, "by": "model"})
        if with_other:
            self.identify("DE N0CALL-9 LUMEN")
        for at_s in range(0, LAST_S, 10):
            self.hear(self.ours.beacon(state_at(at_s)), at_s)
            if with_other:
                self.hear_other(at_s)
        self.hear(self.ours.data(NOW_MS), LAST_S)
        if with_other:
            self.hear(self.other.data(NOW_MS), LAST_S)

    def hear(self, data: bytes | None, at_s: float) -> None:
        assert data is not None
        self.ground.receive(data, START_MS + round(at_s * 1000))

    def hear_other(self, at_s: float) -> None:
        state = state_at(at_s)
        assert state.latitude_deg is not None
        self.hear(self.other.beacon(replace(
            state, latitude_deg=state.latitude_deg + NORTH_DEG, battery_mv=3700)), at_s + 1)

    def identify(self, text: str, node_id: int = OTHER) -> None:
        self.hear(frames.encode_downlink(IdentFrame(node_id, text), None), 0)

    def close(self) -> None:
        self.archive.close()
