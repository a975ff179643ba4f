"""Preflight: a payload with everything is GO; each thing that is not there is one line."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from operator import attrgetter
from pathlib import Path

import pytest

from payload import preflight
from payload.drivers.single_instance import SingleInstance
from payload.flight import Flight
from payload.navigation.gnss import Navigation
from payload.power.power_saving import PowerSaving
from payload.preflight import Line, Machine, Verdict
from payload.safe_mode import StartHistory
from sim.fakes.microphone import MicrophoneFault
from sim.world import World
from tests.payload.flights import FakeGnss
from tests.sim.flights import hop_world, mission
from wire.beacon import PowerMode
from wire.mission import CadenceSection
from wire.mission_microphone import MicrophoneSection
from wire.mission_radio import RadioSection

ROOT = Path(__file__).parents[2]
WELL = Machine(True, 30 << 30, None, None, None, "The field is a stamp.")
PICTURE_BY_S = 130.0


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """On the pad, with everything that the example mission has."""
    world = hop_world(tmp_path_factory.mktemp("pad"))
    world.run_until(PICTURE_BY_S)
    yield world
    world.close()


def ask(world: World, machine: Machine = WELL) -> list[Line]:
    assert world.flight is not None
    return preflight.examine(world.flight, machine, world.daemon.now_ms)


def test_a_payload_with_everything_is_go(world: World) -> None:
    lines = ask(world)
    assert [line.what for line in lines if line.verdict is not Verdict.GO] == ["callsign"]
    assert preflight.is_go(lines)
    page = preflight.page(lines).splitlines()
    assert page[-1] == "GO, 1 to judge"
    assert len(page) <= 17 and max(map(len, page)) <= 100, "read in ten seconds"


@pytest.mark.parametrize(("change", "what", "verdict"), [
    ({"is_watchdog_armed": None}, "watchdog", Verdict.NO_GO),
    ({"is_watchdog_armed": False}, "watchdog", Verdict.NO_GO),
    ({"free_bytes": None}, "disk", Verdict.NO_GO),
    ({"free_bytes": 500 << 20}, "disk", Verdict.JUDGE),
    ({"persona_flaw": "edda.bundle: model.gguf was changed."}, "persona", Verdict.NO_GO),
    ({"musing": None}, "mind", Verdict.NO_GO),
    ({"mind_absence": "llama-cpp-python is not installed", "musing": None}, "mind", Verdict.JUDGE),
    ({"key_flaw": "mission.key: others can read this key"}, "key", Verdict.NO_GO),
])
def test_what_the_machine_lacks(
    world: World, change: dict[str, object], what: str, verdict: Verdict
) -> None:
    _one_line_is(ask(world, replace(WELL, **change)), what, verdict)


def _line_of(lines: list[Line], what: str, verdict: Verdict) -> str:
    (line,) = (line for line in lines if line.what == what)
    assert line.verdict is verdict
    return line.words


def test_ears_are_examined_where_the_mission_has_them(tmp_path: Path) -> None:
    """Goal: a take is told in plain words; none, and a dead microphone, are for a person to judge,
    with the device to look at. Method: on the pad with ears."""
    ears = MicrophoneSection(device="plughw:1,0", take_s=2, sensitivity_dbfs=-26.0)
    world = hop_world(tmp_path, flown=mission().model_copy(update={"microphone": ears}))
    try:
        world.run_until(22.0)
        words = _line_of(ask(world), "microphone", Verdict.JUDGE)
        assert words == "no take yet: check plughw:1,0 with arecord -l"
        world.run_until(60.0)
        words = _line_of(ask(world), "microphone", Verdict.GO)
        assert re.fullmatch(r"hears .+, -\d+ dB to full scale, \d+ dB SPL: .+", words)
        world.microphone.fault = MicrophoneFault.DEAD
        world.run_until(100.0)
        words = _line_of(ask(world), "microphone", Verdict.JUDGE)
        assert words.startswith("The microphone is dead: every sample is 0.")
    finally:
        world.close()


def _silent(flight: Flight, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(flight, "navigation", Navigation(None))


def _portable(flight: Flight, patch: pytest.MonkeyPatch) -> None:
    gnss = FakeGnss()
    gnss.dynamic_model = 0
    patch.setattr(flight.navigation, "_gnss", gnss)


def _salvaged(flight: Flight, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(flight.store, "salvaged_from", Path("payload.sqlite.damaged-1"))


def _warmer(flight: Flight, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(flight.mind, "sampling", flight.mind.examined.overridden({"temperature": 1.5}))


def _without(name: str) -> Callable[[Flight, pytest.MonkeyPatch], None]:
    def remove(flight: Flight, patch: pytest.MonkeyPatch) -> None:
        ask = flight.situation
        patch.setattr(flight, "situation", lambda now_ms: replace(ask(now_ms), **{name: None}))

    return remove


def _set(part: str, name: str, value: object) -> Callable[[Flight, pytest.MonkeyPatch], None]:
    def change(flight: Flight, patch: pytest.MonkeyPatch) -> None:
        patch.setattr(attrgetter(part)(flight), name, value)

    return change


@pytest.mark.parametrize(("break_it", "what", "verdict"), [
    (_silent, "gnss", Verdict.NO_GO),
    (_without("fix_age_s"), "gnss", Verdict.JUDGE),
    (_portable, "gnss mode", Verdict.NO_GO),
    (_without("outside_c"), "outside", Verdict.NO_GO),
    (_without("battery_mv"), "battery", Verdict.NO_GO),
    (_set("power", "mode", PowerMode.LOW), "battery", Verdict.NO_GO),
    (_set("power", "mode", PowerMode.ECO), "battery", Verdict.JUDGE),
    (_set("camera", "last_picture_ms", None), "camera", Verdict.NO_GO),
    (_set("downlink.transmitter", "is_lost", True), "radio", Verdict.NO_GO),
    (_set("store", "is_failing", True), "store", Verdict.NO_GO),
    (_salvaged, "store", Verdict.JUDGE),
    (_warmer, "sampling", Verdict.JUDGE),
])
def test_what_the_flight_lacks(
    world: World, monkeypatch: pytest.MonkeyPatch,
    break_it: Callable[[Flight, pytest.MonkeyPatch], None], what: str, verdict: Verdict,
) -> None:
    assert world.flight is not None
    break_it(world.flight, monkeypatch)
    _one_line_is(ask(world), what, verdict)


@pytest.mark.parametrize(("identity", "is_lost", "pins", "verdict", "words"), [
    ("E22 0022, channel 18, 2400 bit/s", False, True, Verdict.GO, "E22 0022, channel 18, 2400"),
    (None, False, True, Verdict.NO_GO, "no answer from /dev/serial0: check the wiring"),
    ("E22 0022, channel 18, 2400 bit/s", True, True, Verdict.NO_GO, "M0, M1 and AUX"),
    (None, False, False, Verdict.JUDGE, "without m0_pin, m1_pin it is not checked"),
    (None, True, False, Verdict.NO_GO, "no answer"),
])
def test_a_radio_module_says_who_it_is(
    world: World, monkeypatch: pytest.MonkeyPatch, identity: str | None, is_lost: bool, pins: bool,
    verdict: Verdict, words: str,
) -> None:
    assert world.flight is not None
    settings, plan = world.flight.settings, world.flight.settings.mission
    table = {"channel": 18, **({"m0_pin": 22, "m1_pin": 27} if pins else {})}
    radio = RadioSection.model_validate({"kind": "ebyte", "ebyte": table})
    monkeypatch.setattr(settings, "mission", plan.model_copy(update={"radio": radio}))
    monkeypatch.setattr(world.radio, "identity", identity)
    monkeypatch.setattr(world.flight.downlink.transmitter, "is_lost", is_lost)
    (line,) = [line for line in ask(world) if line.what == "radio"]
    assert line.verdict is verdict and words in line.words
    assert len(preflight.page([line]).splitlines()[0]) <= 100


@pytest.mark.parametrize(("kind", "identity", "verdict", "words"), [
    ("sx1276", "SX1276, 868.5 MHz, SF9, 125 kHz, 14 dBm", Verdict.GO, "14 dBm: is it received?"),
    ("sx1276", None, Verdict.NO_GO,
     "no answer from /dev/spidev0.0: check the wiring, radio.device, dtparam"),
    ("sx1262", "SX1262, 868.5 MHz, SF9, 125 kHz, 14 dBm", Verdict.GO, "14 dBm: is it received?"),
    ("sx1262", None, Verdict.NO_GO, "radio.device, pins, dtparam=spi=on in config.txt"),
])
def test_a_chip_on_spi_says_how_it_was_set(
    world: World, monkeypatch: pytest.MonkeyPatch, kind: str, identity: str | None,
    verdict: Verdict, words: str,
) -> None:
    assert world.flight is not None
    settings, plan = world.flight.settings, world.flight.settings.mission
    table = {"frequency_khz": 868_500}
    table |= {"busy_pin": 20, "reset_pin": 18} if kind == "sx1262" else {}
    radio = RadioSection.model_validate({"kind": kind, kind: table})
    monkeypatch.setattr(settings, "mission", plan.model_copy(update={"radio": radio}))
    monkeypatch.setattr(world.radio, "identity", identity)
    (line,) = [line for line in ask(world) if line.what == "radio"]
    assert line.verdict is verdict and words in line.words
    assert len(preflight.page([line]).splitlines()[0]) <= 120


def _words_of_the_link(world: World) -> str:
    return next(line.words for line in ask(world) if line.what == "link")


def test_the_page_says_what_an_hour_of_the_link_brings(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow one flies, but a flyer who did not mean it must see it."""
    assert world.flight is not None
    pattern = r"a beacon every (\d+) s, and per hour (\d+) musings or ([\d.]+) pictures"
    fast = re.fullmatch(pattern, _words_of_the_link(world))
    assert fast is not None and fast[1] == "10" and int(fast[2]) > 5_000
    settings, plan = world.flight.settings, world.flight.settings.mission
    slow = RadioSection(kind="kiss-tcp", rate_bps=2400, duty_percent=1)
    monkeypatch.setattr(settings, "mission", plan.model_copy(
        update={"radio": slow, "cadence": CadenceSection()}))
    _one_line_is(ask(world), "link", Verdict.JUDGE)
    found = re.fullmatch(f"slow: {pattern}", _words_of_the_link(world))
    assert found is not None and int(found[1]) > 180
    assert 50 < int(found[2]) < 80 and 1 <= float(found[3]) < 2


def test_a_link_that_listens_too_rarely_for_arm_and_fire_is_for_the_flyer_to_judge(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert world.flight is not None
    settings, plan = world.flight.settings, world.flight.settings.mission
    monkeypatch.setattr(world.flight.cutdown, "_pin", object())
    for duty_percent, verdict in ((10, Verdict.GO), (1, Verdict.JUDGE)):
        radio = RadioSection(kind="kiss-tcp", rate_bps=2400, duty_percent=duty_percent)
        section = plan.flight.model_copy(update={"cutdown_pin": 17})
        monkeypatch.setattr(settings, "mission", plan.model_copy(
            update={"radio": radio, "cadence": CadenceSection(), "flight": section}))
        line, = (line for line in ask(world) if line.what == "cutdown")
        assert line.verdict is verdict
        assert ("only the geofence can trigger it" in line.words) is (verdict is Verdict.JUDGE)


def test_safe_is_said_and_what_it_switches_off_is_not_blamed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Goal: not "check its cable" for a camera that was told to take no picture."""
    assert world.flight is not None
    monkeypatch.setattr(world.flight, "starts", StartHistory(2))
    monkeypatch.setattr(world.flight.camera, "last_picture_ms", None)
    lines = ask(world, replace(WELL, musing=None))
    _one_line_is(lines, "safe", Verdict.NO_GO)
    (safe,) = (line.words for line in lines if line.what == "safe")
    assert "2 starts in a row" in safe and "preflight --leave-safe" in safe
    assert not {line.what for line in lines} & {"camera", "mind"}
    world.flight.starts.clear()
    assert {"camera", "mind"} < {line.what for line in ask(world)}


def test_nobody_waits_for_a_mind_that_is_not_installed(world: World) -> None:
    absent = replace(WELL, musing=None, mind_absence="llama-cpp-python is not installed")
    lines = ask(world, absent)
    assert preflight.is_settled(lines, preflight.SETTLE_MS)
    assert preflight.page(lines).splitlines()[-1] == "GO, 2 to judge"
    assert not preflight.is_settled(ask(world, replace(WELL, musing=None)), preflight.SETTLE_MS)


@pytest.mark.parametrize(("part", "value", "says"), [
    ("_lost_since_ms", 5, "failed, does not answer"),
    ("rejected", 3, "nothing usable in 3 replies"),
    ("rejected", 0, "generates nothing"),
])
def test_failed_and_zero_are_two_things(
    world: World, monkeypatch: pytest.MonkeyPatch, part: str, value: int, says: str
) -> None:
    assert world.flight is not None
    monkeypatch.setattr(world.flight.mind, part, value)
    (line,) = (each for each in ask(world, replace(WELL, musing=None)) if each.what == "mind")
    assert line.verdict is Verdict.NO_GO and says in line.words


def test_a_mind_that_is_still_thinking_is_for_the_flyer_to_judge(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert world.flight is not None
    monkeypatch.setattr(world.flight.mind, "_thought", object())
    _one_line_is(ask(world, replace(WELL, musing=None)), "mind", Verdict.JUDGE)


def _one_line_is(lines: list[Line], what: str, verdict: Verdict) -> None:
    assert [line.verdict for line in lines if line.what == what] == [verdict]
    assert all(line.verdict is Verdict.GO for line in lines if line.what not in (what, "callsign"))
    assert preflight.is_go(lines) is (verdict is not Verdict.NO_GO)


def _preflight(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "payload", "preflight", "--seconds", "1"], cwd=folder, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, check=False, timeout=60)


def test_the_command_says_no_go_at_a_desk_and_who_has_the_store(tmp_path: Path) -> None:
    """The real process with nothing aboard; then while another payload runs."""
    text = (ROOT / "mission.toml").read_text().replace("i2c_bus = 1", "i2c_bus = 20")
    (tmp_path / "mission.toml").write_text(text.replace("port = 8001", "port = 1"))
    found = _preflight(tmp_path)
    assert found.returncode == 1, found.stderr
    *_, last = found.stdout.splitlines()
    assert last.startswith("NO-GO: ")
    assert "no-go    gnss       no receiver at /dev/ttyACM0" in found.stdout
    other = SingleInstance(tmp_path / "data" / "payload.sqlite")
    busy = _preflight(tmp_path)
    other.close()
    assert busy.returncode == 2 and "another payload has this store open" in busy.stderr


class Saver:
    """Somebody who saves power, or nobody."""

    def __init__(self, summary: str | None) -> None:
        self.summary = summary


@pytest.fixture(scope="module")
def full_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """On the pad, with every sensor that a mission can have, and with power saving."""
    plan = mission()
    sensors = plan.sensors.model_copy(update={
        "inside": "ds18b20", "panel": "ina219", "spin": "lsm6ds", "gnss_address": 0x42})
    power = plan.power.model_copy(update={"powersave": True})
    world = hop_world(tmp_path_factory.mktemp("full"),
                      flown=plan.model_copy(update={"sensors": sensors, "power": power}))
    world.run_until(40)
    yield world
    world.close()


@pytest.mark.parametrize(("what", "words", "lacking", "verdict", "advice"), [
    ("inside", " C", "inside_c", Verdict.NO_GO,
     "ds18b20 at the 1-Wire bus does not answer: check its wiring, and dtoverlay=w1-gpio"),
    ("panel", " mA", "panel_mv", Verdict.JUDGE, "ina219 at 0x41 does not answer"),
    ("spin", "degrees a second", "spin_dps", Verdict.JUDGE, "lsm6ds at 0x6a does not answer"),
])
def test_each_further_sensor_has_its_line(
    full_world: World, what: str, words: str, lacking: str, verdict: Verdict, advice: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (line,) = [line for line in ask(full_world) if line.what == what]
    assert line.verdict is Verdict.GO and words in line.words
    assert full_world.flight is not None
    _without(lacking)(full_world.flight, monkeypatch)
    (line,) = [line for line in ask(full_world) if line.what == what]
    assert (line.verdict, line.words) == (verdict, advice)


@pytest.mark.parametrize(("summary", "verdict"), [
    ("in flight off: Wi-Fi; between thoughts: governor", Verdict.GO), (None, Verdict.JUDGE),
])
def test_what_is_saved_is_told(
    full_world: World, summary: str | None, verdict: Verdict, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert full_world.flight is not None
    saving = PowerSaving(Saver(summary))  # type: ignore[arg-type]
    monkeypatch.setattr(full_world.flight, "power_saving", saving)
    (line,) = [line for line in ask(full_world) if line.what == "powersave"]
    assert line.verdict is verdict and (summary or "systemctl enable") in line.words
