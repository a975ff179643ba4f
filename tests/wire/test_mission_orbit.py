"""[orbit] of the mission file."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.wire.orbits import ISS
from wire.mission import MissionError, parse

EXAMPLE = (Path(__file__).parents[2] / "mission.toml").read_text(encoding="utf-8")
TLE = f"tle = {list(ISS)!r}\n"
STATION = '[[orbit.stations]]\nname = "home"\nlatitude_deg = 48.1\nlongitude_deg = 11.5\n'


def test_a_balloon_has_none_and_an_orbit_may_be_empty() -> None:
    assert parse(EXAMPLE, "m").orbit is None
    orbit = parse(EXAMPLE + "\n[orbit]\n", "m").orbit
    assert orbit is not None
    assert orbit.elements is None and orbit.stations == () and orbit.beacon_away_s == 300


def test_elements_and_stations_are_read() -> None:
    orbit = parse(f"{EXAMPLE}\n[orbit]\n{TLE}{STATION}", "m").orbit
    assert orbit is not None and orbit.elements is not None
    assert orbit.elements.lines == ISS
    assert orbit.stations[0].vantage.place == (48.1, 11.5, 0.0)
    assert orbit.stations[0].elevation_min_deg == 5.0


def test_stations_need_no_elements_that_nobody_knows_before_a_launch() -> None:
    orbit = parse(f"{EXAMPLE}\n[orbit]\n{STATION}", "m").orbit
    assert orbit is not None and orbit.elements is None and orbit.stations[0].name == "home"


@pytest.mark.parametrize(("text", "said"), [
    (TLE.replace("15.50103472202482", "15.50103472202483"), "orbit.tle.*checksum 2"),
    ('tle = ["1"]\n', "orbit.tle"),
    (TLE + "heights = 3\n",
     r"\[orbit\]: unknown key 'heights'; available: beacon_away_s, stations, tle"),
    (TLE + STATION + "hut = 1\n",
     r"the first \[\[orbit\.stations\]\]: unknown key 'hut'; available: altitude_m"),
    (TLE + STATION + "altitude_m = 9001.0\n",
     r"the first \[\[orbit\.stations\]\]: altitude_m = 9001.0: must be a number from -500"),
    (TLE + "beacon_away_s = 29\n", "orbit.beacon_away_s = 29"),
    (TLE + STATION + STATION, "orbit.stations has 'home' twice"),
])
def test_what_is_not_allowed_is_one_sentence(text: str, said: str) -> None:
    with pytest.raises(MissionError, match=said) as raised:
        parse(f"{EXAMPLE}\n[orbit]\n{text}", "m")
    assert "\n" not in str(raised.value)
