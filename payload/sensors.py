"""Sensors: polls the chips and the board once a second and ages their readings.

A value is the last plausible reading, and None as soon as it is older than ``READING_AGE_MS_MAX``;
an old value is never repeated. A source is lost when nothing plausible came from it for
``LOST_AFTER_MS``: one event then, one when it returns, so that a bus that fails one read in three
makes no noise. Positions belong to ``payload.navigation.gnss``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from payload.notes import Note, event
from payload.plausible import is_plausible
from payload.ports import Board, DeviceTimeout, PortError, Reading, Sensor

POLL_EVERY_MS = 1_000
READING_AGE_MS_MAX = 10_000
LOST_AFTER_MS = READING_AGE_MS_MAX  # lost is when its values have become None
# The air is measured to 0.01 C and less than 1 Pa, and never twice the same to the last digit for
# so long; battery millivolts come in steps of 4 and may be.
REPEATED_MS_MAX = 120_000

# In the order in which they are polled: of two that measure the same the later one counts, and the
# pressure in the box, which has holes, is that of the air.
_KEYS_OF_ROLE: Mapping[str, Mapping[str, str]] = MappingProxyType({
    "inside": {"inside_c": "temperature_c", "pressure_hpa": "pressure_hpa"},
    "outside": {
        "outside_c": "temperature_c",
        "pressure_hpa": "pressure_hpa",
        "humidity_pct": "humidity_pct",
    },
    "power": {"battery_mv": "battery_mv", "current_ma": "current_ma"},
    "panel": {"panel_mv": "battery_mv", "panel_ma": "current_ma"},  # what feeds its chip's bus
    "spin": {"spin_dps": "spin_dps"},
})
ROLES = tuple(_KEYS_OF_ROLE)
QUANTITIES = frozenset(("soc_c", *(q for role in _KEYS_OF_ROLE.values() for q in role)))
_UNKNOWN: Mapping[str, float | None] = MappingProxyType(dict.fromkeys(QUANTITIES))


@dataclass(slots=True)
class _Source:
    """One thing that is polled; ``good_ms`` is when it last said something plausible."""

    role: str
    name: str
    good_ms: int | None = None
    first_poll_ms: int | None = None
    is_lost: bool = False
    reason: str = "silent"


class Sensors:
    """The latest readings. Without a sensor inside, the board stands for what is in the box."""

    def __init__(self, sensors: Mapping[str, Sensor], board: Board | None) -> None:
        """``sensors`` by their role, one of ``ROLES``; each of them and the board may be absent."""
        self._sensors = {role: sensors[role] for role in ROLES if role in sensors}
        assert len(self._sensors) == len(sensors), sensors.keys()
        self._board = board
        self._of_the_board = ("soc_c",) if "inside" in sensors else ("soc_c", "inside_c")
        self._sources = {
            role: _Source(role, sensor.name) for role, sensor in self._sensors.items()}
        if board is not None:
            self._sources["board"] = _Source("board", "board")
        self._values: dict[str, tuple[int, float]] = {}
        self._air: Reading | None = None  # the first of a run of equal ones
        self._undervolted: tuple[int, bool] | None = None
        self._next_poll_ms: int | None = None
        self.rejects: Counter[str] = Counter()  # implausible values per quantity
        self.failures: Counter[str] = Counter()  # reads that raised, per role

    @property
    def faults(self) -> set[str]:
        """Those of ROLES, and "board", that are lost now. An unfitted sensor is no fault."""
        return {source.role for source in self._sources.values() if source.is_lost}

    def latest(self, quantity: str, now_ms: int) -> float | None:
        """The value of one of ``QUANTITIES``; None when never read or older than 10 s."""
        assert quantity in QUANTITIES, quantity
        taken_ms, value = self._values.get(quantity, (None, 0.0))
        if taken_ms is None or now_ms - taken_ms > READING_AGE_MS_MAX:
            return None
        return value

    def known(self, now_ms: int) -> dict[str, Any]:
        """``latest`` of every quantity, by its name."""
        oldest_ms = now_ms - READING_AGE_MS_MAX
        fresh = {quantity: value for quantity, (taken_ms, value) in self._values.items()
                 if taken_ms >= oldest_ms}
        return {**_UNKNOWN, **fresh}

    def is_undervolted(self, now_ms: int) -> bool | None:
        """True while the board says its supply is too low; None when it does not say."""
        if self._undervolted is None or now_ms - self._undervolted[0] > READING_AGE_MS_MAX:
            return None
        return self._undervolted[1]

    def is_due(self, now_ms: int) -> bool:
        """True when ``poll`` would read a source."""
        return self._next_poll_ms is None or now_ms >= self._next_poll_ms

    def poll(self, now_ms: int, may_use_bus: bool = True) -> list[Note]:
        """Read every source if a second has passed; events for what was lost or returned.

        Without ``may_use_bus`` only the board is read, and the chips' readings age.
        """
        if not self.is_due(now_ms):
            return []
        self._next_poll_ms = now_ms + POLL_EVERY_MS
        notes: list[Note] = []
        for role, source in self._sources.items():
            if source.first_poll_ms is None:
                source.first_poll_ms = now_ms
            try:
                if role == "board":
                    is_good = self._read_board(now_ms)
                elif may_use_bus:
                    is_good = self._read(role, now_ms)
                else:
                    raise DeviceTimeout("the bus is left alone")
                if not is_good:
                    source.reason = "implausible"
            except (PortError, OSError) as error:
                is_good = False
                source.reason = type(error).__name__
                self.failures[role] += 1
            notes += _judge(source, is_good, now_ms)
        return notes

    def _read(self, role: str, now_ms: int) -> bool:
        """True when at least one value of the reading was plausible, or it had none to tell."""
        reading = self._sensors[role].read(now_ms)
        if role == "outside" and self._is_repeated(reading):
            return False
        kept = [
            self._keep(quantity, reading.values[key], reading.taken_ms)
            for quantity, key in _KEYS_OF_ROLE[role].items()
            if key in reading.values
        ]
        is_fresh = now_ms - reading.taken_ms <= READING_AGE_MS_MAX
        return is_fresh and (any(kept) or not reading.values)

    def _is_repeated(self, reading: Reading) -> bool:
        """True when the air has been the same for too long: the chip measures nothing any more.

        A thermometer alone has steps of a sixteenth of a degree, and may be.
        """
        if len(reading.values) < 2:
            return False
        if self._air is None or self._air.values != reading.values:
            self._air = reading
        if reading.taken_ms - self._air.taken_ms < REPEATED_MS_MAX:
            return False
        self.rejects["repeated"] += 1
        return True

    def _read_board(self, now_ms: int) -> bool:
        """A board that answers is present, even where it does not know its temperature."""
        assert self._board is not None
        soc_c = self._board.soc_temperature_c()
        is_undervolted = self._board.is_undervolted()
        if is_undervolted is not None:
            self._undervolted = (now_ms, is_undervolted)
        if soc_c is None:
            return True
        kept = [self._keep(quantity, soc_c, now_ms) for quantity in self._of_the_board]
        return all(kept)

    def _keep(self, quantity: str, value: float, taken_ms: int) -> bool:
        if not is_plausible(quantity, value):
            self.rejects[quantity] += 1
            return False
        self._values[quantity] = (taken_ms, float(value))
        return True


def _judge(source: _Source, is_good: bool, now_ms: int) -> list[Note]:
    """The event for a source that has just been lost or has just returned, if either."""
    assert source.first_poll_ms is not None
    since_ms = source.good_ms if source.good_ms is not None else source.first_poll_ms
    fields: dict[str, Any] = {"role": source.role, "sensor": source.name}
    if is_good:
        source.good_ms = now_ms
        if source.is_lost:
            source.is_lost = False
            return [event("sensor_returned", **fields, lost_s=(now_ms - since_ms) // 1000)]
    elif not source.is_lost and now_ms - since_ms >= LOST_AFTER_MS:
        source.is_lost = True
        return [event("sensor_lost", "warning", **fields, reason=source.reason)]
    return []
