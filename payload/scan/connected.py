"""Turns what was found into the keys of [sensors]: which chip measures what.

A rule of thumb where several could: a thermometer on a wire is hung outside and a board lies in the
box; of two alike the one with the lower address, or the id that sorts first, is outside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from payload.devices.probes import UBLOX, UNKNOWN, FoundChip
from wire.mission_sensors import ONE_WIRE, SensorSection

RYLR = "RYLR998"
# Of the air: who hangs outside comes first.
_OUTSIDE_FIRST = (ONE_WIRE, "sht4x", "bme280", "bmp388", "bmp280")
_POWER = ("ina219", "ina226")
Value = str | int


@dataclass(frozen=True, slots=True)
class FoundLine:
    """A serial port and who speaks on it, UBLOX or RYLR; nobody where ``name`` is None."""

    path: str
    name: str | None = None
    baud: int | None = None


@dataclass(frozen=True, slots=True)
class Connected:
    """What is connected. ``bus`` is the number of the I2C bus that was asked, None without one."""

    bus: int | None
    chips: list[FoundChip] = field(default_factory=list)
    thermometers: list[str] = field(default_factory=list)
    lines: list[FoundLine] = field(default_factory=list)
    flaw: str | None = None  # why the bus could not be asked

    @property
    def has_anything(self) -> bool:
        return bool(self.chips or self.thermometers or any(line.name for line in self.lines))


def page(connected: Connected) -> str:
    """What was found, for a person."""
    lines: list[str] = []
    if connected.bus is not None:
        lines.append(f"I2C bus {connected.bus}" + ("" if connected.chips else ": nothing answers"))
        lines += [f"  0x{chip.address:02x}  {_told(chip)}" for chip in connected.chips]
    if connected.flaw is not None:
        lines.append(connected.flaw[0].upper() + connected.flaw[1:] + ".")
    if connected.thermometers:
        lines.append("1-Wire bus")
        lines += [f"  {name}  {ONE_WIRE}" for name in connected.thermometers]
    if connected.lines:
        lines.append("Serial ports")
        lines += [f"  {line.path}  " + (f"{line.name}, {line.baud} baud" if line.name else
                                        "silent: a modem that waits, or nothing connected")
                  for line in connected.lines]
    return "\n".join(lines)


def _told(chip: FoundChip) -> str:
    return "unknown: not read by spacepi" if chip.name == UNKNOWN else chip.name


def keys(connected: Connected) -> dict[str, Value | None]:
    """Keys of [sensors] with the value that what was found requires; None: the key goes.

    Keys of what scan cannot see (camera, shunts) are not in it, nor the receiver's if none spoke,
    nor "none" for chips on a bus that could not be asked.
    """
    wanted: dict[str, Value | None] = {}
    air = sorted(
        [(ONE_WIRE, name) for name in connected.thermometers]
        + [(chip.name, chip.address) for chip in connected.chips if chip.name in _OUTSIDE_FIRST],
        key=lambda found: (_OUTSIDE_FIRST.index(found[0]), found[1]))
    for place, role in enumerate(("outside", "inside")):
        wanted |= _air_keys(role, air[place : place + 1], len(connected.thermometers) > 1)
    power = [chip for chip in connected.chips if chip.name in _POWER]
    spin = [chip for chip in connected.chips if chip.name == "lsm6ds"]
    for role, found in (("power", power[:1]), ("panel", power[1:2]), ("spin", spin[:1])):
        wanted |= {role: found[0].name if found else "none",
                   f"{role}_address": found[0].address if found else None}
    if connected.bus is None or connected.flaw is not None:
        absent = [role for role, value in wanted.items() if value == "none"]
        wanted = {key: value for key, value in wanted.items() if key.split("_")[0] not in absent}
    else:
        wanted = {"i2c_bus": connected.bus, **wanted}
    return wanted | _receiver_keys(connected)


def _air_keys(
    role: str, found: Sequence[tuple[str, Value]], has_several: bool
) -> dict[str, Value | None]:
    name, place = found[0] if found else ("none", None)
    is_wire = name == ONE_WIRE
    return {role: name, f"{role}_address": None if is_wire else place,
            f"{role}_id": place if is_wire and has_several else None}


def _receiver_keys(connected: Connected) -> dict[str, Value | None]:
    for line in connected.lines:
        if line.name == UBLOX:
            return {"gnss_address": None, "gnss_device": line.path, "gnss_baud": line.baud}
    for chip in connected.chips:
        if chip.name == UBLOX:
            return {"gnss_address": chip.address}
    return {}


def written(key: str, value: Value) -> str:
    """One line of the mission file."""
    if isinstance(value, str):
        return f'{key} = "{value}"'
    return f"{key} = 0x{value:02x}" if key.endswith("_address") else f"{key} = {value}"


def section(wanted: dict[str, Value | None]) -> str:
    """The [sensors] section, in the order of the mission file."""
    order = list(SensorSection.model_fields)
    lines = [written(key, value) for key in order if (value := wanted.get(key)) is not None]
    return "\n".join(["[sensors]", *lines])
