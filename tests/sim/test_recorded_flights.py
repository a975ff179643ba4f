"""Four recorded balloon flights through the whole system: burst and landing where they were.

Whole where the recordings are beside the checkout; else, and one of them always, thinned as they
lie here (tests/recordings.py).
"""

import json
import math
from pathlib import Path

import pytest

from sim import summary
from sim.replay import Replay
from sim.world import PersonaParts, World
from tests import recordings
from tests.recordings import seconds_of_day
from wire import mission

ROOT = Path(__file__).resolve().parents[2]
THINNED = recordings.THINNED
FLIGHTS = [THINNED[2], *(recordings.WHOLE or (THINNED[0], THINNED[1], THINNED[3]))]
LANDING_M_MAX = 300
BURST_S_MAX = 30


def recorded(path: Path) -> tuple[str, tuple[float, float]]:
    """(time of day of the highest fix, last position)."""
    rows = [row for _, row in sorted(recordings.rows(path).items()) if row["gps_alt_m"]]
    peak = max(rows, key=lambda row: float(row["gps_alt_m"]))
    return peak["time_utc"], (float(rows[-1]["lat_deg"]), float(rows[-1]["lon_deg"]))


@pytest.mark.thorough
@pytest.mark.parametrize("path", FLIGHTS, ids=recordings.name)
def test_a_recorded_flight_ends_where_it_ended(tmp_path: Path, path: Path) -> None:
    plan = mission.load(ROOT / "mission.toml")
    replay = Replay(recordings.as_replay(path, tmp_path))
    world = World(plan, 3, "scripted", tmp_path, replay, PersonaParts())
    world.run_until(world.end_s)
    result = summary.finish(world, None)
    peak_utc, (lat_deg, lon_deg) = recorded(path)
    assert result["phase_final"] == "landed" and result["records_lost"] == 0
    burst_s = seconds_of_day(result["burst_utc"][11:19])
    assert abs(burst_s - seconds_of_day(peak_utc)) <= BURST_S_MAX
    north_m = (result["landing"]["lat_deg"] - lat_deg) * 111_195
    east_m = (result["landing"]["lon_deg"] - lon_deg) * 111_195 * math.cos(math.radians(lat_deg))
    assert math.hypot(north_m, east_m) <= LANDING_M_MAX
    assert json.loads((tmp_path / "summary.json").read_text()) == result
