"""The mission file: one TOML file that both ends read, checked before anything is built.

Every key has its unit in its name. An unknown key, a missing key or a value out of range becomes
one sentence naming the file, the key and what is allowed.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError

from wire import auth, hidden_text, sources, toml_faults
from wire.airtime_budget import AirtimeBudget
from wire.ax25 import Address
from wire.mission_control_room import ControlRoomSection
from wire.mission_eyes import EyesSection
from wire.mission_microphone import MicrophoneSection
from wire.mission_mqtt import MqttSection, StationName
from wire.mission_orbit import OrbitSection
from wire.mission_radio import RadioSection, Section
from wire.mission_sensors import SensorSection
from wire.mission_swarm import SwarmSection
from wire.sampling import RANGES

ADDRESS = "an address that begins with http:// or https://"
SONDEHUB_URL = "https://api.v2.sondehub.org"
NOBODYS = ("N0CALL", "MYCALL", "4FSKTEST")  # SondeHub hides them


class MissionError(Exception):
    """The mission file cannot be used; the message is one sentence for a person."""


class Payload(Section):
    name: Annotated[str, Field(min_length=1, max_length=16)]
    callsign: Annotated[str, Field(pattern=r"^[A-Z0-9][A-Z0-9/-]{2,14}$", description=(
        "3 to 15 capital letters, digits, / and -, of which the first is a letter or a digit"))]
    node_id: Annotated[int, Field(ge=1, le=254)]
    data_dir: str = "data"

    @property
    def identification(self) -> str:
        """What an IDENT frame says."""
        return f"DE {self.callsign} {self.name}"


class CadenceSection(Section):
    beacon_ground_s: Annotated[int, Field(ge=5, le=3600)] = 30
    beacon_flight_s: Annotated[int, Field(ge=5, le=3600)] = 10
    beacon_low_s: Annotated[int, Field(ge=5, le=3600)] = 5
    beacon_landed_s: Annotated[int, Field(ge=5, le=3600)] = 15
    horus_every_beacons: Annotated[int, Field(ge=1, le=20)] = 2
    horus_musing_every: Annotated[int, Field(ge=0, le=100)] = 3
    track_s: Annotated[int, Field(ge=1, le=300)] = 10
    housekeeping_s: Annotated[int, Field(ge=5, le=600)] = 60
    picture_s: Annotated[int, Field(ge=30, le=3600)] = 480
    api_s: Annotated[int, Field(ge=10, le=3600)] = 150


class HorusSection(Section):
    """[horus]: a transmitter of its own that is given 4FSK as sound."""

    device: Annotated[str, Field(min_length=1)]
    every_s: Annotated[int, Field(ge=10, le=3600)] = 30
    level_percent: Annotated[int, Field(ge=1, le=100)] = 50
    base_hz: Annotated[int, Field(ge=500, le=2500)] = 1000
    key_pin: Annotated[int, Field(ge=16, le=27)] | None = None


class PowerSection(Section):
    capacity_mah: Annotated[int, Field(ge=100, le=100_000)]
    eco_mv: Annotated[int, Field(ge=2000, le=30_000)]
    low_mv: Annotated[int, Field(ge=2000, le=30_000)]
    critical_mv: Annotated[int, Field(ge=2000, le=30_000)]
    hysteresis_mv: Annotated[int, Field(ge=10, le=2000)] = 150
    powersave: bool = False
    reserve_h: Annotated[float, Field(ge=0, le=48)] = 2.0  # of beacons after landing


TrustedKey = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description=(
    "64 digits of 0 to 9 and a to f, as `spacepi-train keygen` prints them"))]


def _in_range(name: str) -> Any:
    """The range of one value of the sampling, the same as in a manifest."""
    low, high = RANGES[name]
    return Field(ge=low, le=high)


class MindSection(Section):
    bundle: str = ""
    diary: str = ""  # what an earlier flight mused about, to be remembered
    trusted_keys: Annotated[tuple[TrustedKey, ...], Field(strict=False, max_length=16)] = ()
    threads: Annotated[int, Field(ge=1, le=8)] | None = None  # one less than the processor's cores
    deadline_s: Annotated[int, Field(ge=5, le=600)] = 60
    every_s: Annotated[int, Field(ge=10, le=3600)] = 150
    pace: Literal["interval", "worth"] = "interval"
    # Those of the bundle where they are not set here.
    temperature: Annotated[float, _in_range("temperature")] | None = None
    min_p: Annotated[float, _in_range("min_p")] | None = None
    drafts: Annotated[int, _in_range("drafts")] | None = None
    sentences_max: Annotated[int, _in_range("sentences_max")] | None = None
    max_tokens: Annotated[int, _in_range("max_tokens")] | None = None
    private_words: Annotated[
        tuple[Annotated[str, Field(min_length=2, max_length=64)], ...], Field(strict=False)
    ] = ()  # an array of the file is a list

    @property
    def public_keys(self) -> tuple[bytes, ...]:
        """Those of ``trusted_keys``, 32 bytes each: who may have signed the bundle."""
        return tuple(map(bytes.fromhex, self.trusted_keys))

    @property
    def overrides(self) -> dict[str, int | float]:
        """What this file says of the sampling, which is otherwise the bundle's."""
        return {name: value for name in RANGES
                if (value := getattr(self, name)) is not None}


class SourceSection(Section):
    name: Annotated[str, Field(
        pattern=r"^[a-z]{1,12}$", description="1 to 12 small letters, a to z")]
    url: Annotated[
        str, Field(pattern=r"^https?://", max_length=500, description=f"{ADDRESS}, of at most 500 "
                   "characters"), AfterValidator(sources.checked_address)]
    text: Annotated[
        str, Field(max_length=200), AfterValidator(sources.checked_sentence)] = ""


class ApiSection(SourceSection):
    fresh_s: Annotated[int, Field(ge=0, le=86_400)] = 0
    keep: bool = False


def _tuples(value: Any) -> Any:
    """TOML has lists where we want tuples."""
    if not isinstance(value, list):
        return value
    return tuple(tuple(corner) if isinstance(corner, list) else corner for corner in value)


Latitude = Annotated[float, Field(
    ge=-90, le=90, description="a latitude, from -90 to 90 degrees")]
Longitude = Annotated[float, Field(
    ge=-180, le=180, description="a longitude, from -180 to 180 degrees")]
Altitude = Annotated[float, Field(
    ge=-500, le=9000, description="an altitude, from -500 to 9000 m")]
Corner = Annotated[tuple[Latitude, Longitude], Field(
    description="[latitude, longitude] in degrees")]
Place = Annotated[tuple[Latitude, Longitude, Altitude], Field(
    description="[latitude, longitude, altitude] in degrees and m")]


class FlightSection(Section):
    landing_mps: Annotated[float, Field(ge=2, le=20)] = 5.0
    burst_altitude_m: Annotated[float, Field(ge=100, le=60_000)] | None = None
    fence: Annotated[tuple[Corner, ...], BeforeValidator(_tuples), Field(max_length=64)] = ()
    ceiling_m: Annotated[float, Field(ge=100, le=60_000)] | None = None
    # Pulled low from power-on until the payload runs; GPIO 0 to 8 and the serial port's 14 and 15
    # are not, and would heat the wire (BCM2835 ARM Peripherals, table 6-31).
    cutdown_pin: Annotated[int, Field(ge=16, le=27)] | None = None
    burn_s: Annotated[int, Field(ge=1, le=30)] = 5
    fence_may_fire: bool = False


class GroundSection(Section):
    station: StationName = "ground"
    station_number: Annotated[int, Field(ge=0, le=15)] = 0
    web_host: str = "127.0.0.1"
    web_port: Annotated[int, Field(ge=1, le=65535)] = 8080
    archive_dir: str = "archive"
    raw_log_mb: Annotated[int, Field(ge=4, le=100_000)] = 256
    report_every_s: Annotated[int, Field(ge=5, le=600)] = 20
    hazardous_lifetime_s: Annotated[int, Field(ge=30, le=600)] = 180
    command_lifetime_s: Annotated[int, Field(ge=60, le=86_400)] = 3600
    question_lifetime_s: Annotated[int, Field(ge=60, le=86_400)] = 21_600
    sondehub: Literal["off", "dev", "on"] = "off"
    sondehub_url: Annotated[
        str, Field(pattern=r"^https?://[^/\s]+", description=f"{ADDRESS} and has a host")
    ] = SONDEHUB_URL
    sondehub_callsign: Annotated[str, Field(pattern=r"^([A-Za-z0-9_/-]{3,24})?$", description=(
        "3 to 24 letters from A to Z, digits, _, / and -, or empty"))] = ""
    sondehub_position: Annotated[Place | None, BeforeValidator(_tuples)] = None
    sondehub_antenna: Annotated[str, Field(max_length=64)] = ""
    sondehub_receive: bool = False
    tawhiri_url: Annotated[str, Field(
        pattern=r"^(https?://[^/\s?#]+[^\s?#]*)?$",
        description=f"{ADDRESS}, without blanks, ? and #, or empty")] = ""
    # What this station asks for the payload; it asks nothing and nobody else.
    sources: Annotated[
        tuple[SourceSection, ...], BeforeValidator(_tuples), Field(max_length=16)] = ()
    mqtt: MqttSection | None = None  # where other stations share what they receive
    control_room: ControlRoomSection | None = None  # what they share besides: one outbox

    @property
    def raw_log_bytes_max(self) -> int:
        return self.raw_log_mb * 1_000_000


class KeySection(Section):
    file: str = "mission.key"
    downlink_mac: bool = True


class Mission(Section):
    """The whole mission file."""

    payload: Payload
    radio: RadioSection
    power: PowerSection
    cadence: CadenceSection = CadenceSection()
    sensors: SensorSection = SensorSection()
    horus: HorusSection | None = None
    microphone: MicrophoneSection | None = None
    eyes: EyesSection | None = None
    mind: MindSection = MindSection()
    flight: FlightSection = FlightSection()
    orbit: OrbitSection | None = None  # a payload that orbits has it, a balloon has not
    swarm: SwarmSection | None = None  # a payload that carries for no other has none
    api: tuple[ApiSection, ...] = ()
    ground: GroundSection = GroundSection()
    keys: KeySection = KeySection()

    @property
    def symbol_mtu_bytes(self) -> int:
        """The MTU for which both ends of the transfer cut symbols: what a MAC leaves of a frame.

        It depends on this file alone, never on who has a key, so the two ends cannot disagree.
        """
        mac_bytes = auth.DOWNLINK_MAC_BYTES if self.keys.downlink_mac else 0
        return self.radio.mtu_bytes - mac_bytes

    @property
    def neighbour_names(self) -> dict[int, str]:
        """node id -> name of the payloads that [swarm] lists."""
        return {} if self.swarm is None else self.swarm.names

    def downlink_key(self, master_key: bytes) -> bytes | None:
        """The key that signs the downlink; None where this mission does not sign it."""
        if not self.keys.downlink_mac:
            return None
        return auth.derive_key(master_key, self.payload.node_id, auth.Direction.DOWNLINK)


def load(path: Path) -> Mission:
    """The mission in ``path``. Raises MissionError with one sentence on anything wrong."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise MissionError(
            f"{path}: no such mission file; pass yours with --mission FILE, or copy the example "
            "mission.toml of the project and enter your callsign"
        ) from error
    except OSError as error:
        raise MissionError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise MissionError(f"{path}: is not UTF-8 text (byte {error.start})") from error
    return parse(text, str(path))


def parse(text: str, name: str) -> Mission:
    """The mission in TOML ``text``; ``name`` is what messages call it. Raises MissionError."""
    try:
        data = tomllib.loads(text)
    except ValueError as error:  # also a number of more digits than Python reads
        raise MissionError(f"{name}: is not TOML: {toml_faults.syntax(error)}") from error
    except RecursionError as error:
        raise MissionError(f"{name}: TOML is nested too deeply") from error
    if not data:
        raise MissionError(f"{name}: is empty; start from the mission.toml of the project")
    place = hidden_text.place_of(data)
    if place is not None:
        raise MissionError(f"{name}: {toml_faults.place_words(place)} holds a control character, "
                           "which nobody can see; remove it")
    if isinstance(data.get("api"), list):
        data["api"] = tuple(data["api"])
    try:
        mission = Mission.model_validate(data)
    except ValidationError as error:
        raise MissionError(f"{name}: {toml_faults.sentences(Mission, error)[0]}") from error
    power = mission.power
    if not power.eco_mv > power.low_mv > power.critical_mv:
        raise MissionError(
            f"{name}: power.eco_mv ({power.eco_mv}) must be above power.low_mv ({power.low_mv}), "
            f"which must be above power.critical_mv ({power.critical_mv})"
        )
    _check_flight(mission.flight, name)
    _check_pins(mission, name)
    _check_sondehub(mission, name)
    _check_sources("api", mission.api, name)
    _check_sources("ground.sources", mission.ground.sources, name)
    if mission.radio.framing == "ax25":
        try:
            Address.parse(mission.payload.callsign)
        except ValueError as error:
            raise MissionError(f"{name}: payload.callsign for framing ax25: {error}") from error
    flaw = (mission.sensors.flaw() or mission.radio.flaw() or AirtimeBudget(mission).flaw()
            or (mission.orbit.flaw() if mission.orbit is not None else None)
            or _eyes_flaw(mission) or _swarm_flaw(mission))
    if flaw is not None:
        raise MissionError(f"{name}: {flaw}")
    return mission


def _eyes_flaw(mission: Mission) -> str | None:
    if mission.eyes is not None and not mission.sensors.camera:
        return "eyes requires sensors.camera = true: they look at its pictures"
    return None


def _swarm_flaw(mission: Mission) -> str | None:
    if mission.swarm is None:
        return None
    if not mission.keys.downlink_mac:
        return "swarm requires keys.downlink_mac = true: only signed frames are carried"
    names = {source.name for source in (*mission.api, *mission.ground.sources)}
    own = {sources.GROUND, mission.payload.name}
    return mission.swarm.flaw(mission.payload.node_id, names | own)


def _check_flight(flight: FlightSection, name: str) -> None:
    if 0 < len(flight.fence) < 3:
        raise MissionError(
            f"{name}: flight.fence has {len(flight.fence)} corners; allowed: 3 to 64, or none")
    has_fence = bool(flight.fence) or flight.ceiling_m is not None
    if flight.fence_may_fire and not (has_fence and flight.cutdown_pin is not None):
        raise MissionError(
            f"{name}: flight.fence_may_fire requires a flight.fence or flight.ceiling_m, and a "
            "flight.cutdown_pin")


def _check_pins(mission: Mission, name: str) -> None:
    pin, radio = mission.flight.cutdown_pin, mission.radio
    key_pin = None if mission.horus is None else mission.horus.key_pin
    if key_pin is not None and key_pin in (pin, *radio.used_pins):
        raise MissionError(
            f"{name}: horus.key_pin = {key_pin}: is the cutdown's or the radio module's")
    if pin is not None and pin in radio.used_pins:
        raise MissionError(f"{name}: flight.cutdown_pin = {pin}: is a pin of the radio module, "
                           f"[radio.{radio.kind}]")


def _check_sources(key: str, listed: tuple[SourceSection, ...], name: str) -> None:
    names = [source.name for source in listed]
    twice = next((each for each in names if names.count(each) > 1), None)
    if twice is not None:
        raise MissionError(f"{name}: {key} has {twice!r} twice; each name stands for one source")


def _check_sondehub(mission: Mission, name: str) -> None:
    ground, payload = mission.ground, mission.payload
    if ground.sondehub != "off" and not ground.sondehub_callsign:
        raise MissionError(
            f"{name}: ground.sondehub = \"{ground.sondehub}\" requires a ground.sondehub_callsign")
    calls = {f"payload.callsign {payload.callsign}": payload.callsign,
             f"ground.sondehub_callsign {ground.sondehub_callsign}": ground.sondehub_callsign}
    for where, callsign in calls.items():
        if ground.sondehub == "on" and callsign.upper().split("-")[0] in NOBODYS:
            raise MissionError(
                f"{name}: {where} is a placeholder that SondeHub hides; enter yours, or use "
                "ground.sondehub = \"dev\"")
