"""[eyes] of the mission file: its bounds, and the camera that it looks through."""

from __future__ import annotations

from pathlib import Path

import pytest

from wire import mission
from wire.mission import MissionError
from wire.mission_eyes import EyesSection

EXAMPLE = (Path(__file__).parents[2] / "mission.toml").read_text()


def parse(section: str, example: str = EXAMPLE) -> EyesSection | None:
    return mission.parse(f"{example}\n{section}", "m.toml").eyes


def test_without_the_section_pictures_are_only_sent() -> None:
    assert parse("") is None
    assert parse("[eyes]") == EyesSection()


@pytest.mark.parametrize("field_deg", [20, 120])
def test_bounds_of_the_field_are_allowed(field_deg: float) -> None:
    eyes = parse(f"[eyes]\nfield_deg = {field_deg}")
    assert eyes is not None and eyes.field_deg == field_deg


@pytest.mark.parametrize("field_deg", ["19.9", "120.1", "nan", '"wide"'])
def test_a_field_beyond_its_bounds_is_named(field_deg: str) -> None:
    with pytest.raises(MissionError, match=r"eyes\.field_deg"):
        parse(f"[eyes]\nfield_deg = {field_deg}")


def test_eyes_without_a_camera_are_refused() -> None:
    blind = EXAMPLE.replace("\ncamera = true", "\ncamera = false")
    assert blind != EXAMPLE
    with pytest.raises(MissionError, match=r"eyes requires sensors\.camera = true"):
        parse("[eyes]", blind)
