"""The hardware of one simulated payload: which board, receiver and chips."""

from __future__ import annotations

from dataclasses import dataclass

from sim.chips.bme280 import Bme280Chip
from sim.chips.bmp280 import Bmp280Chip
from sim.chips.bmp388 import Bmp388Chip
from sim.chips.bosch import BoschChip
from sim.chips.ina import Ina219Chip, Ina226Chip
from sim.clock import SimClock, part_rng
from sim.fakes.board import PI_ZERO_2W, BoardProfile
from sim.fakes.gnss_settings import M8, Generation
from sim.fakes.i2c_bus import Chip
from sim.payload_thermal import Body
from wire.mission import SensorSection

_OUTSIDE_CHIPS: dict[str, type[BoschChip]] = {
    "bme280": Bme280Chip, "bmp280": Bmp280Chip, "bmp388": Bmp388Chip,
}
_POWER_CHIPS = {"ina219": Ina219Chip, "ina226": Ina226Chip}


@dataclass(frozen=True, slots=True)
class Hardware:
    """What the mission file does not say; the sensors are in it."""

    board: BoardProfile = PI_ZERO_2W
    receiver: Generation = M8
    has_brownout: bool = False  # the supply fails when the cell is too low
    send_dip_mv: float = 0.0  # of the supply, for a second from the start of each transmission


def fitted_chips(sensors: SensorSection, clock: SimClock, body: Body, seed: int) -> dict[int, Chip]:
    """The chips that the mission names, by address."""
    chips: dict[int, Chip] = {}
    if sensors.outside != "none":
        chips[sensors.outside_address] = _OUTSIDE_CHIPS[sensors.outside](
            clock, body.air, part_rng(seed, sensors.outside)
        )
    if sensors.power != "none":
        chips[sensors.power_address] = _POWER_CHIPS[sensors.power](
            body.supply, part_rng(seed, sensors.power), sensors.power_shunt_mohm / 1000
        )
    return chips
