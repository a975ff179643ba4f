"""Settings: the numbers of the mission file that a command may change in flight, and their ids.

The ranges keep the payload talking: no setting can stop the beacon or the listening. The station
queues no value beyond them; what further reasons there are to refuse one is the payload's to know
(``payload.link.settings``).
"""

from __future__ import annotations

from dataclasses import dataclass

from wire.airtime_budget import CADENCE_KEYS
from wire.unknown_name import unknown_name


@dataclass(frozen=True, slots=True)
class Setting:
    """``number`` is on the air: numbers are only ever added. Both ends of the range are allowed."""

    number: int
    section: str
    key: str
    low: int
    high: int

    @property
    def name(self) -> str:
        """As in the mission file, with its section."""
        return f"{self.section}.{self.key}"

    def highest(self, least_s: int) -> int:
        """``least_s`` is the shortest time between beacons that the link carries: a beacon may be
        set to that, however long it is."""
        return max(self.high, least_s) if self.key in CADENCE_KEYS else self.high


TABLE: tuple[Setting, ...] = (
    Setting(1, "cadence", "beacon_ground_s", 5, 300),
    Setting(2, "cadence", "beacon_flight_s", 5, 60),
    Setting(3, "cadence", "beacon_low_s", 5, 60),
    Setting(4, "cadence", "beacon_landed_s", 5, 300),
    Setting(5, "cadence", "track_s", 1, 300),
    Setting(6, "cadence", "housekeeping_s", 5, 600),
    Setting(7, "cadence", "picture_s", 30, 3600),
    Setting(8, "cadence", "api_s", 10, 3600),
    Setting(9, "mind", "every_s", 10, 3600),
    Setting(10, "radio", "listen_every_s", 5, 120),
    Setting(11, "radio", "listen_s", 1, 30),
)
BY_NUMBER = {setting.number: setting for setting in TABLE}
_BY_NAME = {name: setting for setting in TABLE for name in (setting.name, setting.key)}


def find(name: str) -> Setting:
    """The setting called ``name``, with its section or without, or of that number.

    Raises ValueError, naming all there are.
    """
    setting = BY_NUMBER.get(int(name)) if name.isdecimal() else _BY_NAME.get(name)
    if setting is None:
        raise ValueError(unknown_name("setting", name, [each.key for each in TABLE]))
    return setting
