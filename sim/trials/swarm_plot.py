"""The days of a swarm on one time axis: passes, words, energy, time on the air and resets.

Drawn with matplotlib, which only this file and ``sim.plot`` import (extra ``plot``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sim.trials.swarm_days import Day, by_day

INCHES = (10.0, 9.5)
ROOM = 1.25  # above what is drawn, for a legend
_BLUE, _RED, _GREEN, _GREY = "#2b6cb0", "#c05621", "#2f855a", "#4a5568"
_PALE = "#cbd5e0"


def draw(rows: Sequence[Day], title: str, path: Path) -> None:
    """Write the picture of at least one day, where ``sim.plot.refusal`` has no reason against
    it."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot, ticker

    days = by_day(rows)
    figure, axes = pyplot.subplots(5, 1, sharex=True, figsize=INCHES,
                                   height_ratios=(1.3, 2.4, 2, 2, 1.3))
    _bars(axes[0], days, "passes", lambda row: row.passes, _BLUE)
    _words(axes[1], days)
    _energy(axes[2], days)
    _bars(axes[3], days, "on the air, min", lambda row: row.airtime_min, _GREEN)
    _bars(axes[4], days, "resets", lambda row: row.resets, _RED)
    for axis in axes:
        axis.grid(axis="y", alpha=0.25, linewidth=0.6)
        axis.set_axisbelow(True)
        axis.spines[["top", "right"]].set_visible(False)
    axes[4].yaxis.set_major_locator(ticker.MaxNLocator(nbins=4, integer=True))
    axes[4].xaxis.set_major_locator(ticker.MaxNLocator(integer=True))
    axes[4].set_xlabel("day")
    axes[4].set_xlim(0.4, len(days) + 0.6)
    figure.suptitle(title, x=0.01, ha="left", fontsize=12)
    figure.align_ylabels()
    figure.tight_layout(rect=(0, 0, 1, 0.985))
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def _numbers(days: Sequence[Sequence[Day]]) -> list[int]:
    return [day[0].day for day in days]


def _bars(
    axis: Any, days: Sequence[Sequence[Day]], label: str, value: Callable[[Day], float], color: str,
) -> None:
    """The sum of all payloads."""
    axis.bar(_numbers(days), [sum(map(value, day)) for day in days], color=color, width=0.7)
    axis.set_ylabel(label)


def _words(axis: Any, days: Sequence[Sequence[Day]]) -> None:
    """Home in front of said: what came later than on its day stands on the day it came."""
    for label, width, color, value in (
        ("said", 0.8, _PALE, lambda row: row.words_said),
        ("home", 0.5, _BLUE, lambda row: row.words_home),
    ):
        axis.bar(_numbers(days), [sum(map(value, day)) for day in days], color=color,
                 width=width, label=label)
    axis.set_ylabel("words")
    axis.set_ylim(top=ROOM * axis.get_ylim()[1])
    axis.legend(loc="upper right", fontsize=8, ncols=2, frameon=False)


def _energy(axis: Any, days: Sequence[Sequence[Day]]) -> None:
    """What everything aboard used, of all payloads; and the lowest charge of each."""
    axis.bar(_numbers(days), [sum(row.energy_wh for row in day) for day in days], color=_PALE,
             width=0.7)
    axis.set_ylabel("energy used, Wh")
    axis.set_ylim(top=ROOM * axis.get_ylim()[1])
    charge = axis.twinx()
    for number, day in enumerate(days):
        charge.plot([day[0].day] * len(day), [row.charge_min_pct for row in day], "o",
                    color=_GREEN, markersize=4, alpha=0.8,
                    label="" if number else "lowest charge of each")
    charge.set_ylim(0, 100 * ROOM)
    charge.set_yticks([0, 50, 100])
    charge.set_ylabel("charge, %", color=_GREEN)
    charge.spines[["top", "left"]].set_visible(False)
    charge.legend(loc="upper right", fontsize=8, frameon=False)
