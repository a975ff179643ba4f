"""Preflight: a one-page check, readable in ten seconds, of whether this payload may fly.

The flight computer itself is examined, after it has run for some seconds as it will in flight; what
only the machine around it knows comes in ``Machine``. A line is *no-go* when something that the
mission file says is aboard does not answer, or when the flight could not be saved without it.
*judge* is left to the operator. In flight nothing here stops anything: the payload goes on without
whatever fails, and says so in its events and beacon.

"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from textwrap import shorten
from typing import NamedTuple

from payload.flight import Flight
from payload.navigation.fix_age import POINT_MS
from payload.situation import Situation
from wire.airtime_budget import AirtimeBudget
from wire.beacon import PowerMode
from wire.commands import ARMED_S
from wire.mission_radio import LORA, RadioSection
from wire.mission_sensors import ONE_WIRE, SensorSection
from wire.records import TimeQuality
from wire.sampling import Sampling

FREE_BYTES_MIN = 1 << 30
NOBODY = "N0CALL"  # the example's callsign
SATELLITES_GOOD = 6
MUSING_MAX = 70  # letters of it on the page
SETTLE_MS = 12_000  # the first readings, and the ten steady seconds of the power mode
ABSENT = "absent: "  # so begins what there is no use waiting for
AWAITED = ("gnss", "gnss mode", "clock", "camera", "microphone", "mind")  # until the time is up


class Verdict(StrEnum):
    """What a line of the page says."""

    GO = "go"
    JUDGE = "judge"
    NO_GO = "no-go"


class Line(NamedTuple):
    """``words`` is what was found, and what to do where it is not a go."""

    verdict: Verdict
    what: str
    words: str


@dataclass(frozen=True, slots=True)
class Machine:
    """What the flight core does not keep. ``*_flaw`` is one sentence, None when all is well."""

    is_watchdog_armed: bool | None  # the hardware's; None where there is none
    free_bytes: int | None
    persona_flaw: str | None
    key_flaw: str | None
    mind_absence: str | None  # why no model can run on this machine; the flight does without
    musing: str | None = None  # what it thought since it was started


def examine(flight: Flight, machine: Machine, now_ms: int) -> list[Line]:
    """Every line, in the order in which a flyer goes through them. ``now_ms`` since boot."""
    situation = flight.situation(now_ms)
    lines = [_callsign(flight), _watchdog(machine), _disk(machine), _store(flight)]
    lines += [_clock(flight), *_gnss(flight, situation), *_sensors(flight, situation)]
    lines += [*_power_saving(flight), _radio(flight), *_horus(flight), *_link(flight)]
    lines += [*_files(flight, machine), *_cutdown(flight)]
    if flight.starts.is_safe:  # what is off cannot be examined
        return [*lines, _safe(flight)]
    return [*lines, _camera(flight), *_microphone(flight), *_mind(flight, machine)]


def is_go(lines: list[Line]) -> bool:
    """No line says no-go."""
    return all(line.verdict is not Verdict.NO_GO for line in lines)


def is_settled(lines: list[Line], now_ms: int) -> bool:
    """Nothing is left to wait for, and the battery's ten steady seconds are over."""
    is_waiting = any(line.what in AWAITED and not line.words.startswith(ABSENT)
                     for line in lines if line.verdict is not Verdict.GO)
    return now_ms >= SETTLE_MS and not is_waiting


def page(lines: list[Line]) -> str:
    """The page, worst last, so that it is what stays on the screen."""
    rank = list(Verdict)
    ordered = sorted(lines, key=lambda line: rank.index(line.verdict))
    text = [f"{line.verdict:<8} {line.what:<10} {line.words}" for line in ordered]
    flaws = sum(line.verdict is Verdict.NO_GO for line in lines)
    doubts = sum(line.verdict is Verdict.JUDGE for line in lines)
    end = "GO" if is_go(lines) else f"NO-GO: {flaws} to fix"
    return "\n".join([*text, "", end + (f", {doubts} to judge" if doubts else "")])


def _callsign(flight: Flight) -> Line:
    payload = flight.settings.mission.payload
    if payload.callsign == NOBODY:
        return Line(Verdict.JUDGE, "callsign",
                    f"{NOBODY} is a placeholder: set payload.callsign before transmitting")
    return Line(Verdict.GO, "callsign", f"{payload.callsign}, {payload.name}")


def _watchdog(machine: Machine) -> Line:
    if machine.is_watchdog_armed:
        return Line(Verdict.GO, "watchdog", "armed: a Pi that hangs is restarted")
    found = "this machine has none" if machine.is_watchdog_armed is None else "not armed"
    return Line(Verdict.NO_GO, "watchdog",
                f"{found}: run systemd/install.sh and reboot, otherwise a Pi that hangs is not "
                "restarted")


def _disk(machine: Machine) -> Line:
    if machine.free_bytes is None:
        return Line(Verdict.NO_GO, "disk", "cannot be queried: check payload.data_dir and its "
                                           "card")
    free = f"{machine.free_bytes / (1 << 30):.1f} GB free"
    if machine.free_bytes < FREE_BYTES_MIN:
        return Line(Verdict.JUDGE, "disk", f"{free}: free some space, a flight needs about 50 MB")
    return Line(Verdict.GO, "disk", free)


def _store(flight: Flight) -> Line:
    store = flight.store
    if store.is_failing or store.boot == 0:
        return Line(Verdict.NO_GO, "store", "does not accept records: is the card read-only or "
                                            "broken?")
    if store.salvaged_from is not None:
        return Line(Verdict.JUDGE, "store",
                    "was damaged and has been salvaged, the old file is "
                    f"{store.salvaged_from.name}: do not trust this card")
    waiting = store.unconfirmed_count()
    to_send = "not counted yet" if waiting is None else f"{waiting} records to send"
    return Line(Verdict.GO, "store", f"writable, boot {store.boot}, {to_send}")


def _clock(flight: Flight) -> Line:
    quality = flight.clock.quality
    if quality is TimeQuality.GPS:
        return Line(Verdict.GO, "clock", "set by GNSS")
    return Line(Verdict.JUDGE, "clock",
                f"{quality.name.lower()}: records get their UTC time after the first fix")


def _gnss(flight: Flight, situation: Situation) -> Iterator[Line]:
    navigation, place = flight.navigation, flight.settings.mission.sensors.gnss_place
    is_silent = navigation.fix is None and not navigation.rejects.total()
    if is_silent and navigation.dynamic_model_ok is None:
        yield Line(Verdict.NO_GO, "gnss", f"no receiver at {place}: check its wiring")
        return
    if situation.fix_age_s is None or situation.fix_age_s * 1000 > POINT_MS:
        yield Line(Verdict.JUDGE, "gnss", "no fix yet: move it under open sky and wait")
    else:
        satellites = situation.satellites or 0
        verdict = Verdict.GO if satellites >= SATELLITES_GOOD else Verdict.JUDGE
        advice = "" if verdict is Verdict.GO else ": few, wait for six"
        yield Line(verdict, "gnss", f"3D fix, {satellites} satellites{advice}")
    if navigation.is_jammed:
        yield Line(Verdict.JUDGE, "gnss", "reports jamming: move camera and radio away from its "
                                          "antenna")
    if navigation.dynamic_model_ok:
        yield Line(Verdict.GO, "gnss mode", "airborne, verified")
    else:
        found = "not verified" if navigation.dynamic_model_ok is None else "refused"
        yield Line(Verdict.NO_GO, "gnss mode",
                   f"airborne mode {found}: above 12 km this receiver reports no fixes")


def _sensors(flight: Flight, situation: Situation) -> Iterator[Line]:
    sensors = flight.settings.mission.sensors
    if sensors.outside != "none":
        if situation.outside_c is None:
            yield _silent(sensors, "outside")
        else:
            pressure = situation.pressure_hpa
            more = "" if pressure is None else f", {pressure:.0f} hPa"
            yield Line(Verdict.GO, "outside", f"{situation.outside_c:.1f} C{more}")
    if sensors.inside != "none":
        if situation.inside_c is None:
            yield _silent(sensors, "inside")
        else:
            yield Line(Verdict.GO, "inside", f"{situation.inside_c:.1f} C")
    yield from _panel_and_spin(sensors, situation)
    if sensors.power == "none":
        yield Line(Verdict.JUDGE, "battery", "not measured: the mind thinks at half rate")
    elif situation.battery_mv is None:
        yield _silent(sensors, "power", "battery")
    else:
        yield _battery(flight.power.mode, situation.battery_mv)


def _panel_and_spin(sensors: SensorSection, situation: Situation) -> Iterator[Line]:
    """Nothing in the flight depends on them, so that they are silent is for a person to judge."""
    if sensors.panel != "none":
        if situation.panel_mv is None or situation.panel_ma is None:
            yield _silent(sensors, "panel")._replace(verdict=Verdict.JUDGE)
        else:
            yield Line(Verdict.GO, "panel",
                       f"{situation.panel_mv / 1000:.2f} V, {situation.panel_ma:.0f} mA")
    if sensors.spin != "none":
        if situation.spin_dps is None:
            yield _silent(sensors, "spin")._replace(verdict=Verdict.JUDGE)
        else:
            yield Line(Verdict.GO, "spin", f"{situation.spin_dps:.0f} degrees a second")


def _silent(sensors: SensorSection, role: str, what: str | None = None) -> Line:
    chip, place = getattr(sensors, role), sensors.places[role]
    advice = ": check its wiring, and dtoverlay=w1-gpio" if chip == ONE_WIRE else ""
    return Line(Verdict.NO_GO, what or role, f"{chip} at {place} does not answer{advice}")


def _battery(mode: PowerMode, battery_mv: float) -> Line:
    volts = f"{battery_mv / 1000:.2f} V"
    if mode in (PowerMode.LOW, PowerMode.CRITICAL):
        return Line(Verdict.NO_GO, "battery", f"{volts}, {mode.name.lower()}: charge it")
    if mode is PowerMode.NOMINAL:
        return Line(Verdict.GO, "battery", volts)
    return Line(Verdict.JUDGE, "battery", f"{volts}, {mode.name.lower()}: charge it for a longer "
                                          "flight")


def _power_saving(flight: Flight) -> Iterator[Line]:
    if not flight.settings.mission.power.powersave:
        return
    summary = flight.power_saving.summary
    if summary is None:
        yield Line(Verdict.JUDGE, "powersave", "the powersave service is off: systemctl "
                                               "enable --now spacepi-powersave")
    else:
        yield Line(Verdict.GO, "powersave", summary)


def _safe(flight: Flight) -> Line:
    return Line(Verdict.NO_GO, "safe",
                f"SAFE: {flight.starts.unproven - 1} starts in a row ended within ten minutes. "
                "Camera, mind and API calls are off and not examined: find the cause, then "
                "spacepi-preflight --leave-safe")


def _camera(flight: Flight) -> Line:
    if not flight.settings.mission.sensors.camera:
        return Line(Verdict.GO, "camera", "none in the mission")
    if flight.camera.last_picture_ms is None:
        return Line(Verdict.NO_GO, "camera", "no picture: check its cable and picamera2")
    return Line(Verdict.GO, "camera", f"a picture of {flight.camera.last_scene or 'something'}")


def _microphone(flight: Flight) -> Iterator[Line]:
    """Nothing in the flight depends on it, so that it is silent is for a person to judge."""
    own, ears = flight.settings.mission.microphone, flight.ears
    if own is None:
        return
    if ears.last is None or ears.last_failure:
        yield Line(Verdict.JUDGE, "microphone",
                   f"{ears.last_failure or 'no take yet'}: check {own.device} with arecord -l")
        return
    level = f"{ears.last.level_dbfs:.0f} dB to full scale"
    if ears.last.spl_db is not None:
        level += f", {ears.last.spl_db:.0f} dB SPL"
    heard = " and ".join(ears.last.heard) or "nothing it can name"
    yield Line(Verdict.GO, "microphone", f"hears {heard}, {level}: speak, and look again")


def _radio(flight: Flight) -> Line:
    radio, transmitter = flight.settings.mission.radio, flight.downlink.transmitter
    if radio.kind == "none":
        return Line(Verdict.JUDGE, "radio", "none in the mission: this flight transmits nothing")
    where = f"{radio.host}:{radio.port}" if radio.kind == "kiss-tcp" else radio.device
    if radio.kind in LORA:
        return _module(transmitter.is_lost, radio, transmitter.identity)
    if transmitter.is_lost:
        return Line(Verdict.NO_GO, "radio", f"no modem at {where}: is it switched on, is Dire Wolf "
                                            "running?")
    return Line(Verdict.GO, "radio", f"{where} accepts frames: has it {radio.rate_bps} bit/s, is "
                                     "it received?")


def _horus(flight: Flight) -> Iterator[Line]:
    """A transmitter says nothing of itself: somebody must hear it."""
    own = flight.settings.mission.horus
    if own is not None:
        yield Line(Verdict.JUDGE, "horus", f"{own.device} sounds every {own.every_s} s: is it "
                                           "received?")


def _module(is_lost: bool, radio: RadioSection, identity: str | None) -> Line:
    """One that was asked has reported its version and settings; without pins it cannot be asked."""
    if not is_lost and identity is not None:
        return Line(Verdict.GO, "radio", f"{identity}: is it received?")
    is_asked = radio.kind != "ebyte" or radio.ebyte is None or radio.ebyte.m0_pin is not None
    if not is_lost and not is_asked:
        return Line(Verdict.JUDGE, "radio",
                    f"{radio.device} is used as it is set: without m0_pin, m1_pin it is not "
                    "checked")
    advice = {
        "ebyte": "M0, M1 and AUX", "rylr": "radio.baud",
        "sx1262": "pins, dtparam=spi=on in config.txt",
    }.get(radio.kind, "dtparam=spi=on in config.txt")
    return Line(Verdict.NO_GO, "radio", f"no answer from {radio.device}: check the wiring, "
                                        f"radio.device, {advice}")


def _link(flight: Flight) -> Iterator[Line]:
    """What an hour of flight brings, if nothing is lost."""
    mission = flight.settings.mission
    if mission.radio.kind == "none":
        return
    hour = AirtimeBudget(mission).hour()
    is_slow = hour.beacon_every_ms > 1000 * mission.cadence.beacon_flight_s
    pictures = f"{hour.pictures:.0f}" if hour.pictures >= 10 else f"{hour.pictures:.1f}"
    yield Line(
        Verdict.JUDGE if is_slow else Verdict.GO, "link",
        f"{'slow: ' if is_slow else ''}a beacon every {hour.beacon_every_ms / 1000:.0f} s, and per "
        f"hour {hour.musings} musings or {pictures} pictures")


def _files(flight: Flight, machine: Machine) -> Iterator[Line]:
    plan = flight.settings.mission
    if not plan.mind.bundle:
        yield Line(Verdict.JUDGE, "persona", "none in the mission: no musings")
    elif machine.persona_flaw is not None:
        # Without a mind nobody has assembled its model, and nothing is lost with it.
        verdict = Verdict.NO_GO if machine.mind_absence is None else Verdict.JUDGE
        yield Line(verdict, "persona", machine.persona_flaw)
    else:
        yield Line(Verdict.GO, "persona",
                   f"{plan.mind.bundle}, all files signed by a trusted key")
        yield from _sampling(flight.mind.sampling, flight.mind.examined)
    if machine.key_flaw is not None:
        yield Line(Verdict.NO_GO, "key", machine.key_flaw)
    else:
        where = f"{plan.keys.file}, mode 0600"
        if plan.keys.downlink_mac:
            yield Line(Verdict.GO, "key", f"{where}: authenticates commands and signs frames")
        else:
            yield Line(Verdict.JUDGE, "key", f"{where}: authenticates commands; frames are not "
                                             "signed, so no record is ever confirmed")


def _sampling(flown: Sampling, examined: Sampling) -> Iterator[Line]:
    """What the mission file overrides was not examined before the bundle was signed."""
    signed = asdict(examined)
    changed = [f"{name} {value} (bundle: {signed[name]})"
               for name, value in asdict(flown).items() if value != signed[name]]
    if changed:
        yield Line(Verdict.JUDGE, "sampling", f"not as examined: {', '.join(changed)}")


def _mind(flight: Flight, machine: Machine) -> Iterator[Line]:
    """Asked for a musing: a worker may greet and yet have no memory left to think in.

    Absent is not a no-go: the flight core is whole without a mind. One that is there and fails is.
    """
    if not flight.settings.mission.mind.bundle:
        return
    if machine.mind_absence is not None:
        yield Line(Verdict.JUDGE, "mind", ABSENT + machine.mind_absence)
    elif machine.persona_flaw is not None:
        return
    elif machine.musing is not None:
        musing = shorten(machine.musing, MUSING_MAX, placeholder=" …")
        yield Line(Verdict.GO, "mind", f"thinks: {musing}")
    elif flight.mind.is_busy:
        yield Line(Verdict.JUDGE, "mind", "still generating its first musing: allow a slow board "
                                          "more time")
    elif flight.mind.faults:
        yield Line(Verdict.NO_GO, "mind", "failed, does not answer: see journalctl -u spacepi-mind")
    elif flight.mind.rejected:
        yield Line(Verdict.NO_GO, "mind",
                   f"answers, but nothing usable in {flight.mind.rejected} replies: examine the "
                   "bundle again")
    else:
        yield Line(Verdict.NO_GO, "mind", "generates nothing: see journalctl -u spacepi-mind")


def _cutdown(flight: Flight) -> Iterator[Line]:
    pin = flight.settings.mission.flight.cutdown_pin
    if pin is None:
        return
    window_every_ms = AirtimeBudget(flight.settings.mission).window_every_ms
    if flight.cutdown.has_pin and window_every_ms > 1000 * ARMED_S:
        yield Line(Verdict.JUDGE, "cutdown",
                   f"pin {pin} is low; the link listens every {window_every_ms / 1000:.0f} s, too "
                   "rarely for arm and fire: only the geofence can trigger it")
    elif flight.cutdown.has_pin:
        yield Line(Verdict.GO, "cutdown", f"pin {pin} is low; test the burn wire by hand")
    else:
        yield Line(Verdict.NO_GO, "cutdown", f"pin {pin} cannot be driven: check gpiozero, lgpio")
