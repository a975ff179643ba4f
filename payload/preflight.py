"""Preflight: one page, read in ten seconds, that says whether this payload may fly.

The flight computer itself is asked, after it has run for some seconds as it will in flight; what
only the machine around it knows comes in ``Machine``. A line is *missing* when something that the
mission file says is aboard is not, or when nobody could save the flight without it: then it is
NO-GO. *warn* is for the flyer to judge. In flight nothing here stops anything: the payload goes on
without whatever fails, and says so in its events and beacon.

Source: research/flight.md 5.10.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from payload.flight import Flight
from payload.situation import Situation
from wire.beacon import PowerMode
from wire.records import TimeQuality

FREE_BYTES_MIN = 1 << 30
NOBODY = "N0CALL"  # the example's callsign
SATELLITES_GOOD = 6
FIX_AGE_S_MAX = 5.0


class Verdict(StrEnum):
    """What a line of the page says."""

    OK = "ok"
    WARN = "warn"
    MISSING = "missing"


class Line(NamedTuple):
    """``words`` is what was found, and what to do where it is not ok."""

    verdict: Verdict
    what: str
    words: str


@dataclass(frozen=True, slots=True)
class Machine:
    """What the flight core does not look at. ``*_flaw`` is one sentence, None when all is well."""

    is_watchdog_armed: bool | None  # the hardware's; None where there is none
    free_bytes: int | None
    persona_flaw: str | None
    key_flaw: str | None


def examine(flight: Flight, machine: Machine, now_ms: int) -> list[Line]:
    """Every line, in the order in which a flyer goes through them. ``now_ms`` since boot."""
    situation = flight.situation(now_ms)
    lines = [_callsign(flight), _watchdog(machine), _disk(machine), _store(flight)]
    lines += [_clock(flight), *_gnss(flight, situation), *_sensors(flight, situation)]
    return [*lines, _camera(flight), _radio(flight), *_files(flight, machine), *_cutdown(flight)]


def is_go(lines: list[Line]) -> bool:
    """Nothing that must be there is missing."""
    return all(line.verdict is not Verdict.MISSING for line in lines)


def page(lines: list[Line]) -> str:
    """The page, worst last, so that it is what stays on the screen."""
    rank = list(Verdict)
    ordered = sorted(lines, key=lambda line: rank.index(line.verdict))
    text = [f"{line.verdict:<8} {line.what:<10} {line.words}" for line in ordered]
    count = sum(line.verdict is Verdict.MISSING for line in lines)
    warnings = sum(line.verdict is Verdict.WARN for line in lines)
    end = "GO" if is_go(lines) else f"NO-GO: {count} missing"
    return "\n".join([*text, "", end + (f", {warnings} to judge" if warnings else "")])


def _callsign(flight: Flight) -> Line:
    payload = flight.settings.mission.payload
    if payload.callsign == NOBODY:
        return Line(Verdict.WARN, "callsign",
                    f"{NOBODY} is nobody: set payload.callsign before anything transmits")
    return Line(Verdict.OK, "callsign", f"{payload.callsign}, {payload.name}")


def _watchdog(machine: Machine) -> Line:
    if machine.is_watchdog_armed:
        return Line(Verdict.OK, "watchdog", "armed: a hung Pi is started again")
    found = "this machine has none" if machine.is_watchdog_armed is None else "not armed"
    return Line(Verdict.MISSING, "watchdog",
                f"{found}: run systemd/install.sh and reboot, or a hung Pi stays hung")


def _disk(machine: Machine) -> Line:
    if machine.free_bytes is None:
        return Line(Verdict.MISSING, "disk", "cannot be asked: check payload.data_dir and its card")
    free = f"{machine.free_bytes / (1 << 30):.1f} GB free"
    if machine.free_bytes < FREE_BYTES_MIN:
        return Line(Verdict.WARN, "disk", f"{free}: make room, a flight takes some 50 MB")
    return Line(Verdict.OK, "disk", free)


def _store(flight: Flight) -> Line:
    store = flight.store
    if store.is_failing or store.boot == 0:
        return Line(Verdict.MISSING, "store", "takes no records: is the card read-only or broken?")
    if store.salvaged_from is not None:
        return Line(Verdict.WARN, "store",
                    f"was damaged and is salvaged, the old file is {store.salvaged_from.name}: "
                    "do not trust this card")
    return Line(Verdict.OK, "store", f"whole and writable, boot {store.boot}, "
                f"{store.unconfirmed_count()} records to send")


def _clock(flight: Flight) -> Line:
    quality = flight.clock.quality
    if quality is TimeQuality.GPS:
        return Line(Verdict.OK, "clock", "set by GNSS")
    return Line(Verdict.WARN, "clock",
                f"{quality.name.lower()}: records are dated once the receiver tells the time")


def _gnss(flight: Flight, situation: Situation) -> Iterator[Line]:
    navigation, device = flight.navigation, flight.settings.mission.sensors.gnss_device
    is_silent = navigation.fix is None and not navigation.rejects.total()
    if is_silent and navigation.dynamic_model_ok is None:
        yield Line(Verdict.MISSING, "gnss", f"no receiver speaks on {device}: check its wires")
        return
    if situation.fix_age_s is None or situation.fix_age_s > FIX_AGE_S_MAX:
        yield Line(Verdict.WARN, "gnss", "no fix yet: give it open sky, and wait for one")
    else:
        satellites = situation.satellites or 0
        verdict = Verdict.OK if satellites >= SATELLITES_GOOD else Verdict.WARN
        advice = "" if verdict is Verdict.OK else ": few, wait for six"
        yield Line(verdict, "gnss", f"3D fix, {satellites} satellites{advice}")
    if navigation.is_jammed:
        yield Line(Verdict.WARN, "gnss", "is jammed: move camera and radio away from its antenna")
    if navigation.dynamic_model_ok:
        yield Line(Verdict.OK, "gnss mode", "airborne, read back")
    else:
        found = "not read back" if navigation.dynamic_model_ok is None else "refused"
        yield Line(Verdict.MISSING, "gnss mode",
                   f"airborne mode {found}: above 12 km this receiver will say nothing")


def _sensors(flight: Flight, situation: Situation) -> Iterator[Line]:
    sensors = flight.settings.mission.sensors
    if sensors.outside != "none":
        if situation.outside_c is None:
            yield Line(Verdict.MISSING, "outside",
                       f"{sensors.outside} at 0x{sensors.outside_address:02x} does not answer")
        else:
            pressure = situation.pressure_hpa
            more = "" if pressure is None else f", {pressure:.0f} hPa"
            yield Line(Verdict.OK, "outside", f"{situation.outside_c:.1f} C{more}")
    if sensors.power == "none":
        yield Line(Verdict.WARN, "battery", "nobody measures it: the mind will think at half rate")
    elif situation.battery_mv is None:
        yield Line(Verdict.MISSING, "battery",
                   f"{sensors.power} at 0x{sensors.power_address:02x} does not answer")
    else:
        yield _battery(flight.power.mode, situation.battery_mv)


def _battery(mode: PowerMode, battery_mv: float) -> Line:
    volts = f"{battery_mv / 1000:.2f} V"
    if mode in (PowerMode.LOW, PowerMode.CRITICAL):
        return Line(Verdict.MISSING, "battery", f"{volts}, {mode.name.lower()}: charge it")
    if mode is PowerMode.NOMINAL:
        return Line(Verdict.OK, "battery", volts)
    return Line(Verdict.WARN, "battery", f"{volts}, {mode.name.lower()}: a full one flies longer")


def _camera(flight: Flight) -> Line:
    if not flight.settings.mission.sensors.camera:
        return Line(Verdict.OK, "camera", "none in the mission")
    if flight.camera.last_picture_ms is None:
        return Line(Verdict.MISSING, "camera", "no picture came: check its cable and picamera2")
    return Line(Verdict.OK, "camera", f"a picture of {flight.camera.last_scene or 'something'}")


def _radio(flight: Flight) -> Line:
    radio = flight.settings.mission.radio
    if radio.kind == "none":
        return Line(Verdict.WARN, "radio", "none in the mission: nobody will hear this flight")
    where = f"{radio.host}:{radio.port}" if radio.kind == "kiss-tcp" else radio.device
    if flight.downlink.is_radio_lost:
        return Line(Verdict.MISSING, "radio", f"no modem at {where}: is it on, is Dire Wolf up?")
    return Line(Verdict.OK, "radio", f"{where} takes frames: see that the ground hears them")


def _files(flight: Flight, machine: Machine) -> Iterator[Line]:
    plan = flight.settings.mission
    if not plan.mind.bundle:
        yield Line(Verdict.WARN, "persona", "none in the mission: it flies without a voice")
    elif machine.persona_flaw is not None:
        yield Line(Verdict.MISSING, "persona", machine.persona_flaw)
    else:
        yield Line(Verdict.OK, "persona", f"{plan.mind.bundle}, every file as it was signed")
    if machine.key_flaw is not None:
        yield Line(Verdict.MISSING, "key", machine.key_flaw)
    else:
        signs = "commands, and frames are signed" if plan.keys.downlink_mac else "commands"
        yield Line(Verdict.OK, "key", f"{plan.keys.file}, mode 0600: {signs}")


def _cutdown(flight: Flight) -> Iterator[Line]:
    pin = flight.settings.mission.flight.cutdown_pin
    if pin is None:
        return
    if flight.cutdown.has_pin:
        yield Line(Verdict.OK, "cutdown", f"pin {pin} is low; test the burn wire by hand")
    else:
        yield Line(Verdict.MISSING, "cutdown", f"pin {pin} cannot be driven: check gpiozero, lgpio")
