"""Passes on a terminal: a table, and the elevation of the next ones in characters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from groundstation.passes.upcoming import StationPass

PLOT_PASSES_MAX = 8  # more would not fit a screen
PLOT_CELLS = 46
_EIGHTHS = " ▁▂▃▄▅▆▇█"
_ROWS = 3
_POINTS = ("N", "NE", "E", "SE", "S", "SW", "W", "NW")


def table(found: Sequence[StationPass]) -> Iterator[str]:
    """A heading and one line a pass."""
    wide = max([len("station"), *(len(each.station.name) for each in found)])
    yield (f"{'station':<{wide}}  {'rise, UTC':<19}  from  {'top':>8}  {'elevation':>9}  "
           f"{'set':>8}  to  minutes  {'km':>5}  {'Doppler':>9}")
    for each in found:
        over = each.over
        yield (
            f"{each.station.name:<{wide}}  {_moment(over.rise_ms, '%Y-%m-%d %H:%M:%S')}  "
            f"{compass(over.rise.azimuth_deg):<4}  {_moment(over.top_ms, '%H:%M:%S')}  "
            f"{over.top.elevation_deg:>8.0f}°  {_moment(over.set_ms, '%H:%M:%S')}  "
            f"{compass(over.set.azimuth_deg):<2}  {over.seconds / 60:>7.1f}  "
            f"{over.top.range_m / 1000:>5.0f}  {each.doppler_hz / 1000:>+5.1f} kHz")


def plot(found: Sequence[StationPass]) -> Iterator[str]:
    """The elevation of the first passes, 90 degrees high, each as wide as the longest lasts."""
    shown = found[:PLOT_PASSES_MAX]
    longest_s = max((each.over.seconds for each in shown), default=0.0)
    for each in shown:
        cells = max(1, round(PLOT_CELLS * each.over.seconds / longest_s))
        heights = [_height(each, (i + 0.5) / cells) * _ROWS * 8 / 90 for i in range(cells)]
        label = f"{_moment(each.over.rise_ms, '%H:%M')}  {each.station.name}"
        yield ""
        for row in reversed(range(_ROWS)):
            bars = "".join(_EIGHTHS[round(min(8.0, max(0.0, h - 8 * row)))] for h in heights)
            scale = f"{90 * (row + 1) // _ROWS:>3}°"
            yield f"{label if row == 0 else '':<24}{scale} {bars}".rstrip()


def compass(azimuth_deg: float) -> str:
    """The nearest of eight points."""
    return _POINTS[round(azimuth_deg / 45) % 8]


def _height(each: StationPass, part: float) -> float:
    at = min(len(each.curve) - 1, int(part * len(each.curve)))
    return each.curve[at][1].elevation_deg


def _moment(utc_ms: int, form: str) -> str:
    return f"{datetime.fromtimestamp(utc_ms / 1000, UTC):{form}}"
