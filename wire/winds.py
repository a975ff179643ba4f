"""Winds: the wind measured in layers by a balloon that drifts with it, for the way down.

A balloon drifts with the air, so its own track is the measurement: the change of place between good
fixes is assigned to the layers that were climbed through. The newest passage counts most. Both ends
learn: the payload from its fixes, the ground from the track that it received.

Covers: learning on ascent and again on descent, saving and restoring across a reboot.
Does not cover: the change of wind with time and distance; the ellipse of ``wire.landing_forecast``
does. Source: the method of the PITS tracker (PiInTheSky/pits, prediction.c), our own arithmetic.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from wire.earth import METRES_PER_DEGREE, wrapped_deg

LAYER_M = 200
LAYERS_MAX = 200  # 40 km; higher up there is hardly any air to be carried by
STEP_MS_MAX = 180_000  # a longer gap says too little of single layers,
STEP_M_MAX = 2_000.0  # and so does one that crosses more of them
SPEED_MPS_MAX = 150.0  # no jet stream is faster, and nothing falls faster; a glitch is
LAYER_S_MIN = 2.0  # a layer that was hardly touched says nothing
NEWEST_SHARE = 0.5  # of a new measurement against what a layer had


class AirPosition(NamedTuple):
    """Where it was, and when by any one clock; the altitude is above mean sea level."""

    at_ms: int
    latitude_deg: float
    longitude_deg: float
    altitude_m: float


class WindLayers:
    """East and north wind by altitude above the sea."""

    def __init__(self, saved: list[Any] | None = None) -> None:
        """``saved`` is what ``saved()`` gave before the reboot; what is unreadable is absent."""
        self._layers: dict[int, tuple[float, float]] = {}
        self._last: AirPosition | None = None
        self._pending: tuple[int, float, float, float] | None = None  # layer, seconds, east, north
        for row in saved or []:
            if _is_row(row):
                self._layers[int(row[0])] = (float(row[1]), float(row[2]))

    def __len__(self) -> int:
        return len(self._layers)

    def observe(self, position: AirPosition) -> None:
        """Learn from a good 3D fix; anything else must not come here."""
        last, self._last = self._last, position
        if last is None:
            return
        step_s = (position.at_ms - last.at_ms) / 1000
        up_m = position.altitude_m - last.altitude_m
        if not 0 < step_s <= STEP_MS_MAX / 1000 or abs(up_m) > STEP_M_MAX:
            return
        east_m, north_m = offset_m(last, position)
        if math.hypot(east_m, north_m, up_m) > SPEED_MPS_MAX * step_s:
            return
        for layer, share in _shares(last.altitude_m, position.altitude_m):
            self._gather(layer, step_s * share, east_m * share, north_m * share)

    def at(self, altitude_m: float) -> tuple[float, float] | None:
        """(east, north) in m/s at this altitude, from the nearest layer that was measured."""
        if not self._layers:
            return None
        layer = int(altitude_m // LAYER_M)
        known = self._layers.get(layer)
        if known is None:
            known = self._layers[min(self._layers, key=lambda other: abs(other - layer))]
        return known

    def distance_m(self, altitude_m: float) -> float:
        """From this altitude to the nearest layer that was measured; infinite while none is."""
        layer = int(altitude_m // LAYER_M)
        if layer in self._layers:
            return 0.0
        return min((LAYER_M * abs(other - layer) for other in self._layers), default=math.inf)

    def saved(self) -> list[list[float]]:
        """Rows of (layer, east, north), rounded to 0.1 m/s; msgpack can hold them."""
        return [[layer, round(east, 1), round(north, 1)]
                for layer, (east, north) in sorted(self._layers.items())]

    def _gather(self, layer: int, step_s: float, east_m: float, north_m: float) -> None:
        """Add to the layer that is being crossed; keep it when the next one begins."""
        if not 0 <= layer < LAYERS_MAX:
            return
        if self._pending is None or self._pending[0] != layer:
            self._keep()
            self._pending = (layer, 0.0, 0.0, 0.0)
        _, seconds, east, north = self._pending
        self._pending = (layer, seconds + step_s, east + east_m, north + north_m)

    def _keep(self) -> None:
        if self._pending is None or self._pending[1] < LAYER_S_MIN:
            return
        layer, seconds, east_m, north_m = self._pending
        measured = east_m / seconds, north_m / seconds
        before = self._layers.get(layer)
        if before is not None:
            measured = (
                before[0] + NEWEST_SHARE * (measured[0] - before[0]),
                before[1] + NEWEST_SHARE * (measured[1] - before[1]),
            )
        self._layers[layer] = measured


def offset_m(first: AirPosition, second: AirPosition) -> tuple[float, float]:
    """(east, north) from one position to another, m; across the antimeridian, not over a pole."""
    east_deg = wrapped_deg(second.longitude_deg - first.longitude_deg)
    middle = math.radians((first.latitude_deg + second.latitude_deg) / 2)
    return (
        east_deg * METRES_PER_DEGREE * math.cos(middle),
        (second.latitude_deg - first.latitude_deg) * METRES_PER_DEGREE,
    )


def _shares(from_m: float, to_m: float) -> list[tuple[int, float]]:
    """The layers between two altitudes in the order in which they were crossed, and which part of
    the step belongs to each."""
    first, last = int(from_m // LAYER_M), int(to_m // LAYER_M)
    if first == last:
        return [(first, 1.0)]
    low_m, high_m = min(from_m, to_m), max(from_m, to_m)
    direction = 1 if last > first else -1
    shares = []
    for layer in range(first, last + direction, direction):
        within_m = min(high_m, (layer + 1) * LAYER_M) - max(low_m, layer * LAYER_M)
        shares.append((layer, within_m / (high_m - low_m)))
    return shares


def _is_row(row: Any) -> bool:
    return (
        isinstance(row, list | tuple) and len(row) == 3
        and all(isinstance(value, int | float) and math.isfinite(value) for value in row)
        and 0 <= row[0] < LAYERS_MAX
        and math.hypot(row[1], row[2]) <= SPEED_MPS_MAX
    )
