"""What a command may change in flight, and what it never may."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from payload.link.settings import FlightSettings
from payload.navigation.profile import BALLOON, ORBIT
from wire import mission as mission_file
from wire.airtime_budget import CADENCE_KEYS
from wire.mission_orbit import OrbitSection
from wire.settings import TABLE, Setting, find

MISSION = mission_file.load(Path(__file__).parents[3] / "mission.toml")
PATIENT = MISSION.model_copy(update={"cadence": MISSION.cadence.model_copy(
    update=dict.fromkeys(CADENCE_KEYS, 60))})  # with which any listening window goes


@pytest.mark.parametrize("setting", TABLE, ids=lambda setting: setting.name)
def test_every_setting_takes_its_range_and_nothing_beside_it(setting: Setting) -> None:
    settings = FlightSettings(PATIENT, None)
    for value in (setting.low, setting.high):
        assert settings.change(setting.number, value) is None
        assert settings.value(setting.number) == value
    for wrong in (setting.low - 1, setting.high + 1, -1, 1 << 40):
        reason = settings.change(setting.number, wrong)
        assert reason == f"{setting.name} is {setting.low}..{setting.high}"
        assert settings.value(setting.number) == setting.high


def test_the_ranges_are_within_those_of_the_mission_file() -> None:
    """What a command sets must be what a mission file could have said."""
    for setting in TABLE:
        section = type(getattr(MISSION, setting.section))
        for value in (setting.low, setting.high):
            section.model_validate({**getattr(MISSION, setting.section).model_dump(),
                                    setting.key: value})


def test_no_setting_can_stop_the_beacon_or_the_listening() -> None:
    for setting in TABLE:
        if "beacon" in setting.key or setting.section == "radio":
            assert 1 <= setting.low <= setting.high <= 300


@pytest.mark.parametrize(("number", "value"), [
    (0, 5), (99, 5), (True, 5), (1, True), (1, 5.0), (1, "5"), (1, None), ("1", 5)])
def test_nonsense_is_refused(number: object, value: object) -> None:
    settings = FlightSettings(MISSION, None)
    assert settings.change(number, value) is not None  # type: ignore[arg-type]
    assert settings.mission == MISSION


def test_a_change_survives_a_reboot_and_a_damaged_memory_does_not() -> None:
    settings = FlightSettings(MISSION, None)
    settings.change(5, 30)
    assert FlightSettings(MISSION, settings.saved()).mission.cadence.track_s == 30
    for damaged in (None, [], "x", {5: 0}, {5: "30"}, {99: 1}, {"5": 30}):
        assert FlightSettings(MISSION, damaged).mission == MISSION


def test_what_was_set_in_any_order_is_there_after_a_reboot() -> None:
    """A bug: a window that only seldom windows leave room for was checked before they were set."""
    rng = random.Random(1)
    of_the_link = [setting for setting in TABLE if setting.number in (1, 2, 3, 4, 10, 11)]
    for _ in range(400):
        settings = FlightSettings(MISSION, None)
        for setting in rng.choices(of_the_link, k=8):
            low, high = setting.low, setting.high
            value = rng.choice([low, low + 2, high, rng.randint(low, high)])
            settings.change(setting.number, value)
        again = FlightSettings(MISSION, settings.saved())
        assert (again.saved(), again.mission) == (settings.saved(), settings.mission)


def test_where_not_all_are_allowed_any_more_the_others_are_kept() -> None:
    """The mission file is another one; a beacon within the window would be lost."""
    settings = FlightSettings(PATIENT, None)
    window, often = find("listen_s"), find("listen_every_s")
    assert settings.change(5, 30) is None
    assert settings.change(window.number, window.high) is None
    assert settings.change(often.number, 60) is None
    restored = FlightSettings(MISSION, settings.saved())
    assert restored.mission.cadence.track_s == 30
    assert 0 < len(restored.saved()) < len(settings.saved())


def test_after_half_an_hour_of_silence_the_radio_is_as_the_file_says() -> None:
    settings = FlightSettings(MISSION, None)
    settings.change(2, 60)
    settings.change(10, 120)
    settings.change(9, 600)
    assert settings.update(BALLOON.command_loss_ms - 1, in_flight=True) == []
    assert settings.update(None, in_flight=True) == []
    assert settings.update(BALLOON.command_loss_ms, in_flight=False) == []
    notes = settings.update(BALLOON.command_loss_ms, in_flight=True)
    assert [note.body["event"] for note in notes] == ["command_loss"]
    assert settings.mission.cadence == MISSION.cadence
    assert settings.mission.radio == MISSION.radio
    assert settings.mission.mind.every_s == 600
    assert settings.update(BALLOON.command_loss_ms + 1, in_flight=True) == []


def test_in_orbit_three_days_of_silence_take_every_setting_back() -> None:
    flown = MISSION.model_copy(update={"orbit": OrbitSection()})
    settings = FlightSettings(flown, None, ORBIT.command_loss_ms)
    settings.change(2, 60)
    settings.change(9, 600)
    assert settings.update(ORBIT.command_loss_ms - 1, in_flight=True) == []
    assert settings.mission.mind.every_s == 600
    notes = settings.update(ORBIT.command_loss_ms, in_flight=True)
    assert [note.body["event"] for note in notes] == ["command_loss"]
    assert settings.mission == flown


def test_a_setting_is_found_by_its_name_with_or_without_its_section() -> None:
    assert len({setting.key for setting in TABLE}) == len(TABLE), "a key alone names one"
    for setting in TABLE:
        assert find(setting.key) is find(setting.name) is find(str(setting.number)) is setting
    for wrong in ("beacon", "cadence.every_s", "0", "12", "-1", "²", ""):
        with pytest.raises(ValueError, match=r"^unknown setting .*; available: beacon_ground_s, "):
            find(wrong)
