"""The hardware of one simulated payload: which board, receiver and chips."""

from __future__ import annotations

from dataclasses import dataclass

from payload.ports import ByteStream
from sim.chips.bme280 import Bme280Chip
from sim.chips.bmp280 import Bmp280Chip
from sim.chips.bmp388 import Bmp388Chip
from sim.chips.bosch import BoschChip
from sim.chips.ddc import DdcPort
from sim.chips.ds18b20 import Ds18b20Chip
from sim.chips.ina import Ina219Chip, Ina226Chip
from sim.chips.lsm6ds import Lsm6dsChip
from sim.chips.sht4x import Sht4xChip
from sim.clock import SimClock, part_rng
from sim.fakes.board import PI_ZERO_2W, BoardProfile
from sim.fakes.gnss_settings import M8, Generation
from sim.fakes.i2c_bus import Chip
from sim.payload_thermal import Body
from wire.mission_sensors import ONE_WIRE, SensorSection

_AIR_CHIPS: dict[str, type[BoschChip] | type[Sht4xChip]] = {
    "bme280": Bme280Chip, "bmp280": Bmp280Chip, "bmp388": Bmp388Chip, "sht4x": Sht4xChip,
}
_POWER_CHIPS = {"ina219": Ina219Chip, "ina226": Ina226Chip}


@dataclass(frozen=True, slots=True)
class Hardware:
    """What the mission file does not say; the sensors are in it."""

    board: BoardProfile = PI_ZERO_2W
    receiver: Generation = M8
    has_brownout: bool = False  # the supply fails when the cell is too low
    send_dip_mv: float = 0.0  # of the supply, for a second from the start of each transmission


class FittedChips:
    """The chips that the mission names: ``on_i2c`` by address, ``on_one_wire`` by id."""

    def __init__(
        self, sensors: SensorSection, clock: SimClock, body: Body, seed: int, receiver: ByteStream,
    ) -> None:
        self.on_i2c: dict[int, Chip] = {}
        self.on_one_wire: dict[str, Ds18b20Chip] = {}
        for role, air in (("outside", body.air), ("inside", body.box_air)):
            name = getattr(sensors, role)
            rng = part_rng(seed, name if role == "outside" else f"{role} {name}")
            if name == ONE_WIRE:
                self.on_one_wire[getattr(sensors, f"{role}_id")] = Ds18b20Chip(clock, air, rng)
            elif name != "none":
                address = getattr(sensors, f"{role}_address")
                self.on_i2c[address] = _AIR_CHIPS[name](clock, air, rng)
        for role, source in (("power", body.supply), ("panel", body.panel)):
            name = getattr(sensors, role)
            if name != "none":
                rng = part_rng(seed, name if role == "power" else f"{role} {name}")
                self.on_i2c[getattr(sensors, f"{role}_address")] = _POWER_CHIPS[name](
                    source, rng, getattr(sensors, f"{role}_shunt_mohm") / 1000)
        if sensors.spin != "none":
            self.on_i2c[sensors.spin_address] = Lsm6dsChip(body.hanging, part_rng(seed, "spin"))
        if sensors.gnss_address is not None:
            self.on_i2c[sensors.gnss_address] = DdcPort(receiver)

    def thermometer(self, device_id: str) -> Ds18b20Chip:
        """The one of this id. Raises KeyError where there is none."""
        return self.on_one_wire[device_id]
