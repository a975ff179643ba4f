"""One flight on one time axis: altitude, battery, temperature, queue, beacons and faults.

The samples are taken by the world's own clock; the picture is drawn with matplotlib, which only
this file imports (extra ``plot``).
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from sim.fault_schedule import Scheduled
from sim.world import World
from wire.extras import how_to_install

SAMPLE_EVERY_MS = 10_000
INCHES = (11.0, 11.0)
ENDINGS = (".png", ".jpg", ".svg", ".pdf")
_BLUE, _RED, _GREEN, _GREY = "#2b6cb0", "#c05621", "#2f855a", "#4a5568"


def refusal(path: Path | None) -> str | None:
    """Why no plot can be written there, in one sentence; None where it can. It is asked before
    a flight, which may take hours."""
    if path is None:
        return None
    if find_spec("matplotlib") is None:
        return f"--plot needs matplotlib: {how_to_install('plot')}."
    if path.suffix.lower() not in ENDINGS:
        return f"--plot {path}: allowed endings are {', '.join(ENDINGS)}."
    if path.is_dir():
        return f"--plot {path}: is a folder; name a file."
    if not path.parent.is_dir():
        return f"--plot {path}: there is no folder {path.parent}."
    return None


class Sample(NamedTuple):
    """The truth at one instant; counts are since the beginning."""

    t_s: float
    altitude_m: float
    battery_mv: float
    soc_c: float
    inside_c: float
    outside_c: float
    queue_records: int | None  # None while the payload is off
    beacons_sent: int
    beacons_heard: int


class Samples:
    """Takes a sample of ``world`` every ten seconds while it runs."""

    def __init__(self, world: World) -> None:
        self.rows: list[Sample] = []
        self._world = world
        self._again()

    def _again(self) -> None:
        world, body, sent = self._world, self._world.body, self._world.channel.sent
        store = world.store
        self.rows.append(Sample(
            world.clock.now_s, body.state().altitude_m, body.supply_mv(), body.soc_c(),
            body.inside_c(), body.outside_c(),
            None if store is None else store.unconfirmed_count(),
            sent["beacon"], world.channel.heard["beacon"],
        ))
        world.at(world.clock.now_ms + SAMPLE_EVERY_MS, self._again)


def draw(rows: list[Sample], faults: list[Scheduled], title: str, path: Path) -> None:
    """Write the picture, where ``refusal`` has no reason against it."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(
        6, 1, sharex=True, figsize=INCHES, height_ratios=(3, 2, 2, 2, 2, 1.5))
    hours = [row.t_s / 3600 for row in rows]
    _altitude(axes[0], hours, rows)
    _battery(axes[1], hours, rows)
    _warmth(axes[2], hours, rows)
    _queue(axes[3], hours, rows)
    _beacons(axes[4], hours, rows)
    _faults(axes[5], faults, hours[-1])
    axes[5].set_xlabel("hours since power on")
    for axis in axes:
        axis.grid(alpha=0.25, linewidth=0.6)
        axis.spines[["top", "right"]].set_visible(False)
        for fault in faults:
            end_s = fault.at_s + (fault.duration_s or 20.0)
            axis.axvspan(fault.at_s / 3600, end_s / 3600, color=_RED, alpha=0.10, linewidth=0)
    figure.suptitle(title, x=0.01, ha="left", fontsize=13)
    figure.align_ylabels()
    figure.tight_layout(rect=(0, 0, 1, 0.985))
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def _altitude(axis: Any, hours: list[float], rows: list[Sample]) -> None:
    axis.plot(hours, [row.altitude_m / 1000 for row in rows], color=_BLUE)
    axis.set_ylabel("altitude, km")


def _battery(axis: Any, hours: list[float], rows: list[Sample]) -> None:
    axis.plot(hours, [row.battery_mv / 1000 for row in rows], color=_GREEN, linewidth=0.8)
    axis.set_ylabel("battery, V")


def _warmth(axis: Any, hours: list[float], rows: list[Sample]) -> None:
    for name, color in (("soc_c", _RED), ("inside_c", _GREEN), ("outside_c", _BLUE)):
        axis.plot(hours, [getattr(row, name) for row in rows], color=color, linewidth=1.0,
                  label=name.removesuffix("_c").replace("soc", "processor"))
    axis.set_ylabel("temperature, °C")
    axis.legend(loc="upper right", fontsize=8, ncols=3, frameon=False)


def _queue(axis: Any, hours: list[float], rows: list[Sample]) -> None:
    known = [float("nan") if r.queue_records is None else float(r.queue_records) for r in rows]
    axis.plot(hours, known, color=_GREY)
    axis.set_ylabel("records waiting")
    axis.set_ylim(bottom=0)


def _beacons(axis: Any, hours: list[float], rows: list[Sample]) -> None:
    """Per minute, so that a gap is seen as a gap."""
    step = 60_000 // SAMPLE_EVERY_MS
    for name, color in (("beacons_sent", _GREY), ("beacons_heard", _BLUE)):
        counts = [getattr(row, name) for row in rows]
        rates = [after - before for before, after in zip(counts, counts[step:], strict=False)]
        axis.step(hours[step:], rates, color=color, linewidth=1.0,
                  label=name.removeprefix("beacons_"))
    axis.set_ylabel("beacons / min")
    axis.set_ylim(bottom=0)
    axis.legend(loc="upper right", fontsize=8, ncols=2, frameon=False)


def _faults(axis: Any, faults: list[Scheduled], end_h: float) -> None:
    """Each fault by name; three rows, so that neighbours can be read."""
    axis.set_ylim(-0.6, 2.8)
    axis.set_yticks([])
    axis.set_ylabel("faults")
    axis.set_xlim(0, end_h)
    for number, fault in enumerate(faults):
        axis.text(fault.at_s / 3600, 2 - number % 3, fault.name, fontsize=8, color=_RED,
                  va="center")
