"""The configuration of one simulated flight, drawn from its seed together with the weather.

A preset narrows what may be drawn; ``any`` draws the preset too. Nothing here knows how a world is
built: a scenario is a mission file and the conditions that it is flown under.

Source: TigerBeetle's VOPR, whose seed draws the cluster's configuration too ("swarm testing").
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from sim.balloon import SITES, STEADY_DRAG, Launch, Site, draw_launch
from sim.clock import part_rng
from sim.fakes.board import PI_4, PI_5, PI_ZERO_2W
from sim.fakes.gnss_settings import M8, M10, ORBITAL
from sim.fault_schedule import Scheduled
from sim.hardware import Hardware
from sim.orbit import REVOLUTIONS, Orbit, build
from sim.radio.channel import MEAN_BURST_S, MEAN_LOSS
from wire.airtime_budget import CADENCE_KEYS, AirtimeBudget
from wire.mission import CadenceSection, Mission, SourceSection
from wire.mission_eyes import EyesSection
from wire.mission_microphone import MicrophoneSection
from wire.mission_orbit import OrbitSection, OrbitStation
from wire.mission_radio import RADIO_TABLES, RadioSection
from wire.unknown_name import unknown_name

PRESETS = ("calm", "cold", "deaf", "storm", "night", "brownout", "orbit")
ANY = "any"
PAD_S = (120, 900)
BURST_M = (6_000.0, 34_000.0)
CLIMB_MPS = (3.5, 7.0)
LANDING_MPS = (4.0, 9.0)
REST_S = 1_500.0  # after landing: the faults have stopped, the backlog comes home
NIGHT_HOURS = (20.5, 27.0)  # local time
COLD_K = (-28.0, -12.0)
MTUS = (96, 128, 200, 222, 255)
SHUNT_MOHM = {"ina219": 100, "ina226": 20}  # 3.2 A and 4 A: a thinking Pi 5 draws 3 A from one cell
# Rate and framing are drawn, and a LoRa module has its own.
DRAWN_MODEM: dict[str, Any] = {"kind": "kiss-tcp", **dict.fromkeys(RADIO_TABLES)}
RATES_BPS = (1_200, 2_400)
# bit/s and duty cycle in percent: HF packet, LoRa at SF12, an ISM band, and what is in between.
SLOW_LINKS = (
    (300, 100), (300, 10), (293, 1), (1_200, 10), (2_400, 10), (2_400, 1), (100, 100), (100, 10),
)
SLOW_SHARE = 0.2  # of the flights
EARS_SHARE = 0.3
EYES_SHARE = 0.3
ORBIT_HARDWARE = Hardware(PI_ZERO_2W, ORBITAL)  # no other board lives on two small panels
ORBIT_CADENCE = {"track_s": 300, "housekeeping_s": 300, "picture_s": 3600, "api_s": 1800}
ORBIT_MIND_S = 900
KNOWS_SHARE = 0.7  # of the orbits, the payload has its elements and stations
TUNED_SHARE = 0.8
FORGED_PER_HOUR = 40.0  # frames to the payload, and as many to the station, in every drawn flight


@dataclass(frozen=True, slots=True)
class Conditions:
    """What is not in the mission file. Losses are shares 0..0.95, bursts their mean length."""

    site: Site | None = None  # None: the world draws one
    launch: Launch | None = None  # None: drawn with the balloon
    warmth_k: float | None = None  # against the standard atmosphere; None: the site's
    charge: float | None = None  # of the battery at the start, 0..1; None: drawn
    health: float = 1.0  # capacity left of what the mission file says, by age
    hardware: Hardware = field(default_factory=Hardware)
    down_loss: float = MEAN_LOSS
    up_loss: float = MEAN_LOSS
    burst_s: float = MEAN_BURST_S
    has_uplink: bool = True  # the station transmits
    orbit: Orbit | None = None  # in place of a balloon
    is_tuned: bool = True  # stations follow the Doppler shift of an orbit
    fall_exponent: float = STEADY_DRAG  # wire.landing_forecast.FALL_EXPONENT is what was measured
    mast_m: float | None = None  # of the station; None: no horizon hides a balloon
    forged_per_hour: float = 0.0  # each way, by somebody without the keys


@dataclass(frozen=True, slots=True)
class Scenario:
    """One flight to be flown; the same scenario is the same flight, byte for byte."""

    seed: int
    preset: str
    mission: Mission
    conditions: Conditions
    faults: tuple[Scheduled, ...] = field(default=())


def draw(seed: int, mission: Mission, preset: str = ANY) -> Scenario:
    """The scenario of ``seed``, without faults (``sim.faults.draw`` adds them).

    Raises ValueError, naming the presets, for an unknown one.
    """
    if preset != ANY and preset not in PRESETS:
        raise ValueError(unknown_name("preset", preset, (ANY, *PRESETS)))
    rng = part_rng(seed, "scenario")
    chosen = rng.choice(PRESETS)
    preset = chosen if preset == ANY else preset
    site = rng.choice(SITES)
    conditions = _conditions(rng, preset, site)
    drawn = _mission(rng, mission, preset)
    if preset == "orbit":
        drawn, conditions = into_orbit(seed, drawn, conditions, REVOLUTIONS, True)
    link = part_rng(seed, "link")
    if preset != "calm" and link.random() < SLOW_SHARE:
        drawn = _slowed(link, drawn)
    ears = part_rng(seed, "ears")
    if preset != "calm" and ears.random() < EARS_SHARE:
        drawn = drawn.model_copy(update={"microphone": MicrophoneSection(
            device="plughw:1,0", every_s=ears.choice((60, 120)), take_s=ears.choice((2, 4)),
            sensitivity_dbfs=ears.choice((None, -26.0)))})
    if preset != "calm" and part_rng(seed, "eyes").random() < EYES_SHARE:
        drawn = drawn.model_copy(update={"eyes": EyesSection()})
    return Scenario(seed, preset, drawn, conditions)


def into_orbit(
    seed: int, mission: Mission, conditions: Conditions, revolutions: float,
    is_handicapped: bool = False,
) -> tuple[Mission, Conditions]:
    """The same flight in an orbit: that of the mission file, or a drawn one over up to three
    stations, with records as seldom as an orbit needs them. Handicapped, the payload of some seeds
    does not know its elements, and the stations of some do not follow the Doppler shift."""
    rng = part_rng(seed, "orbit")
    site = conditions.site or rng.choice(SITES)
    launch = conditions.launch or draw_launch(rng, site)
    others = rng.sample([each for each in SITES if each != site], rng.randint(0, 2))
    stations = stations_at(rng, (site, *others))
    orbit = build(rng, mission.orbit, stations, launch, revolutions)
    is_known = not is_handicapped or rng.random() < KNOWS_SHARE
    is_tuned = not is_handicapped or rng.random() < TUNED_SHARE
    if mission.orbit is None:
        known = OrbitSection(tle=orbit.elements.lines, stations=stations)
        mission = mission.model_copy(update={
            "orbit": known if is_known else OrbitSection(),
            "cadence": mission.cadence.model_copy(update=ORBIT_CADENCE),
            "mind": mission.mind.model_copy(update={"every_s": ORBIT_MIND_S}),
        })
    return mission, replace(conditions, orbit=orbit, is_tuned=is_tuned, hardware=ORBIT_HARDWARE)


def stations_at(rng: random.Random, sites: Iterable[Site]) -> tuple[OrbitStation, ...]:
    """A station at each site, with drawn hills around it."""
    return tuple(
        OrbitStation(name=f"station{number}", latitude_deg=each.latitude_deg,
                     longitude_deg=each.longitude_deg, altitude_m=each.elevation_m,
                     elevation_min_deg=rng.choice((0.0, 5.0, 10.0)))
        for number, each in enumerate(sites, 1))


def _conditions(rng: random.Random, preset: str, site: Site) -> Conditions:
    drawn: dict[str, Any] = {
        "site": site,
        "launch": _launch(rng, site, is_night=preset == "night"),
        "charge": rng.uniform(0.6, 1.0),
        "health": rng.uniform(0.7, 1.0),
        "hardware": Hardware(
            rng.choice((PI_ZERO_2W, PI_4, PI_5)), rng.choice((M8, M10)),
            has_brownout=preset == "brownout", send_dip_mv=rng.choice((0.0, 0.0, 100.0, 300.0)),
        ),
        "down_loss": rng.uniform(0.05, 0.5),
        "up_loss": rng.uniform(0.05, 0.6),
        "burst_s": rng.uniform(1.0, 20.0),
        "has_uplink": rng.random() < 0.85,
        "forged_per_hour": FORGED_PER_HOUR,
    }
    narrowed: dict[str, dict[str, Any]] = {
        "calm": {"down_loss": 0.05, "up_loss": 0.05, "burst_s": 1.0, "charge": 1.0,
                 "has_uplink": True},
        "cold": {"warmth_k": rng.uniform(*COLD_K)},
        "deaf": {"has_uplink": False},
        "storm": {"down_loss": rng.uniform(0.5, 0.8), "up_loss": rng.uniform(0.5, 0.8),
                  "burst_s": rng.uniform(10.0, 60.0), "has_uplink": True},
        "night": {"warmth_k": rng.uniform(-15.0, -5.0)},
        "brownout": {"charge": rng.uniform(0.12, 0.3), "warmth_k": rng.uniform(-20.0, 0.0)},
        "orbit": {"has_uplink": True, "hardware": ORBIT_HARDWARE},
    }
    return Conditions(**{**drawn, **narrowed[preset]})


def _launch(rng: random.Random, site: Site, is_night: bool) -> Launch:
    usual = draw_launch(rng, site)
    start_utc_ms = usual.start_utc_ms
    if is_night:
        local_ms = round((rng.uniform(*NIGHT_HOURS) - site.longitude_deg / 15) * 3_600_000)
        start_utc_ms = start_utc_ms // 86_400_000 * 86_400_000 + local_ms
    return Launch(
        start_utc_ms, rng.randint(*PAD_S), rng.uniform(*BURST_M), rng.uniform(*CLIMB_MPS),
        rng.uniform(*LANDING_MPS), REST_S,
    )


def _slowed(rng: random.Random, mission: Mission) -> Mission:
    """The same mission on a slow link: it records less, and what it cannot promise is left out or
    written as slow as it has to be."""
    rate_bps, duty_percent = rng.choice(SLOW_LINKS)
    framing, is_written = rng.choice(("ax25", "plain")), rng.random() < 0.5
    radio = mission.radio.model_dump(exclude={"listen_s"})
    cadence = mission.cadence.model_dump(exclude=set(CADENCE_KEYS))
    cadence |= {
        "track_s": rng.choice((60, 300)), "housekeeping_s": rng.choice((300, 600)),
        "picture_s": 3600, "api_s": rng.choice((600, 1800)),
    }
    mind = mission.mind.model_copy(update={"every_s": rng.choice((300, 600, 1200))})
    radio |= {**DRAWN_MODEM, "rate_bps": rate_bps, "duty_percent": duty_percent,
              "framing": framing}
    slowed = mission.model_copy(update={
        "radio": RadioSection(**radio), "cadence": CadenceSection(**cadence), "mind": mind})
    if is_written:
        least_s = math.ceil(AirtimeBudget(slowed).least_ms / 1000)
        written = {key: max(least_s, getattr(mission.cadence, key)) for key in CADENCE_KEYS}
        slowed = slowed.model_copy(update={"cadence": slowed.cadence.model_copy(update=written)})
    if AirtimeBudget(slowed).flaw() is not None:  # too slow for a callsign of its own
        slowed = slowed.model_copy(
            update={"radio": slowed.radio.model_copy(update={"framing": "ax25"})})
    return slowed


def _mission(rng: random.Random, mission: Mission, preset: str) -> Mission:
    """The mission file with other numbers in it, all allowed ones."""
    listen_every_s = rng.choice((10, 20, 30, 60))
    power = rng.choice(tuple(SHUNT_MOHM))
    changed: dict[str, dict[str, Any]] = {
        "radio": {
            **DRAWN_MODEM, "mtu_bytes": rng.choice(MTUS), "rate_bps": rng.choice(RATES_BPS),
            "listen_every_s": listen_every_s, "listen_s": rng.choice((2, 3, 5)),
        },
        "cadence": {
            "beacon_ground_s": rng.choice((15, 30, 60)), "beacon_flight_s": rng.choice((5, 10, 20)),
            "track_s": rng.choice((10, 20, 60)), "housekeeping_s": rng.choice((30, 60, 120)),
            "picture_s": rng.choice((240, 480, 900)), "api_s": rng.choice((60, 150, 300)),
        },
        "sensors": {
            "outside": rng.choice(("bme280", "bmp388")), "power": power,
            "power_shunt_mohm": SHUNT_MOHM[power], "camera": rng.random() < 0.9,
        },
        "mind": {"every_s": rng.choice((60, 150, 300))},
        "power": {"capacity_mah": rng.choice((1_500, 3_000, 6_000))},
        "flight": {"cutdown_pin": 17},  # so that there is something that must not happen
        "ground": {
            "raw_log_mb": 4,  # so that a flood finds its bound
            # What the payload asks, the station can ask for it.
            "sources": tuple(SourceSection(name=api.name, url=api.url) for api in mission.api),
        },
    }
    sections = {
        name: getattr(mission, name).model_copy(update=values) for name, values in changed.items()
    }
    if preset == "calm":
        sections["radio"] = mission.radio
    return mission.model_copy(update=sections)
