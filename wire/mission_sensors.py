"""The [sensors] section of the mission file: which chip measures what, and where it is connected.

A role names a chip and its place. Without a chip the quantity is unknown, which is no fault.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import Field, model_validator

from wire.mission_radio import Section

GnssBaud = Literal[9600, 38400, 115200, 57600, 19200, 4800, 230400, 460800]
GNSS_BAUDS: tuple[int, ...] = get_args(GnssBaud)  # the likeliest first
# 0x00 to 0x07 and 0x78 to 0x7F are reserved (NXP UM10204, table 4).
Address = Annotated[int, Field(ge=0x08, le=0x77)]
ShuntMohm = Annotated[int, Field(ge=10, le=1000)]
AirChip = Literal["bme280", "bmp280", "bmp388", "sht4x", "ds18b20", "none"]
SpinChip = Literal["lsm6ds", "none"]
PowerChip = Literal["ina219", "ina226", "none"]
ONE_WIRE = "ds18b20"  # on the 1-Wire bus; it has an id in place of an address
SHT4X_ADDRESS = 0x44
OneWireId = Annotated[str, Field(pattern=r"^(28-[0-9a-f]{12})?$", description=(
    "28- and 12 digits of 0 to 9 and a to f, as `ls /sys/bus/w1/devices` lists it, or empty"))]


class SensorSection(Section):
    i2c_bus: Annotated[int, Field(ge=0, le=20)] | None = 1
    outside: AirChip = "bme280"
    outside_address: Address = 0x76
    outside_id: OneWireId = ""  # of a DS18B20; the only one where it is left out
    inside: AirChip = "none"
    inside_address: Address = 0x77
    inside_id: OneWireId = ""
    power: PowerChip = "ina219"
    power_address: Address = 0x40
    power_shunt_mohm: ShuntMohm = 100
    panel: PowerChip = "none"
    panel_address: Address = 0x41
    panel_shunt_mohm: ShuntMohm = 100
    spin: SpinChip = "none"
    spin_address: Address = 0x6A
    gnss_address: Address | None = None  # on the I2C bus, in place of a device
    gnss_device: str = "/dev/ttyACM0"
    gnss_baud: GnssBaud = 9600
    camera: bool = True

    @model_validator(mode="before")
    @classmethod
    def _at_its_chips_address(cls, data: Any) -> Any:
        """Left out, the address of an SHT4x is the one that most are sold with."""
        if not isinstance(data, dict):
            return data
        usual = {f"{role}_address": SHT4X_ADDRESS for role in ("outside", "inside")
                 if data.get(role) == "sht4x"}
        return {**usual, **data}

    @property
    def places(self) -> dict[str, str]:
        """role -> where its chip is, as a person says it; only of roles that have a chip."""
        places: dict[str, str] = {}
        for role in ("outside", "inside", "power", "panel", "spin"):
            chip = getattr(self, role)
            if chip == ONE_WIRE:
                places[role] = getattr(self, f"{role}_id") or "the 1-Wire bus"
            elif chip != "none":
                places[role] = f"0x{getattr(self, f'{role}_address'):02x}"
        return places

    @property
    def gnss_place(self) -> str:
        """Where the receiver is, as a person says it."""
        if self.gnss_address is None:
            return self.gnss_device
        return f"0x{self.gnss_address:02x} of the I2C bus"

    def flaw(self) -> str | None:
        """What cannot be as the file has it, in one sentence; None when all can."""
        if self.gnss_address is not None and self.i2c_bus is None:
            return "sensors.gnss_address requires sensors.i2c_bus"
        roles_at: dict[str, str] = {}
        if self.gnss_address is not None:
            roles_at[f"0x{self.gnss_address:02x}"] = "gnss"
        for role, place in self.places.items():
            if place not in roles_at:
                roles_at[place] = role
                continue
            first = roles_at[place]
            if getattr(self, role) == ONE_WIRE:
                return (f"sensors.{first} and sensors.{role} are the same DS18B20; tell them apart "
                        f"by sensors.{first}_id and sensors.{role}_id")
            return (f"sensors.{first}_address and sensors.{role}_address are both {place}; two "
                    "chips cannot share an address")
        return None
