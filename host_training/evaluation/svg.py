"""Small plots as inline SVG: figures with their intervals, bars, a line; no script, no file."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from markupsafe import Markup

from host_training.evaluation.intervals import Interval

WIDTH, LABEL, MARGIN = 720, 210, 26
ROW, AXIS = 30, 26


@dataclass(frozen=True, slots=True)
class PlotMark:
    """One row of a plot; ``is_ours`` is drawn in the colour of the persona."""

    label: str
    interval: Interval
    is_ours: bool = False


@dataclass(frozen=True, slots=True)
class _Scale:
    low: float
    high: float

    def x(self, value: float) -> float:
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return LABEL + MARGIN + share * (WIDTH - LABEL - 2 * MARGIN - 60)


def dots(marks: Sequence[PlotMark], caption: str, lines: Sequence[tuple[float, str]] = (),
         digits: int = 2) -> Markup:
    """A row for each mark: a dot, its interval, its figure; ``lines`` are named upright ones."""
    ends = [v for m in marks for v in (m.interval.low, m.interval.value, m.interval.high)
            if math.isfinite(v)] + [at for at, _ in lines]
    low, high = min(ends), max(ends)
    room = (high - low or 1) * 0.06
    scale = _Scale(low - room, high + room)
    top = 22 if lines else 4
    height = top + ROW * len(marks) + AXIS
    parts = [_upright(scale.x(at), top, top + ROW * len(marks), name) for at, name in lines]
    for number, mark in enumerate(marks):
        y = top + ROW * number + ROW / 2
        kind = "ours" if mark.is_ours else "theirs"
        parts.append(f'<text x="{LABEL}" y="{y + 4:.1f}" text-anchor="end" class="label {kind}">'
                     f"{escape(mark.label)}</text>")
        parts.append(f'<line x1="{scale.x(mark.interval.low):.1f}" y1="{y:.1f}"'
                     f' x2="{scale.x(mark.interval.high):.1f}" y2="{y:.1f}" class="span {kind}"/>')
        parts.append(f'<circle cx="{scale.x(mark.interval.value):.1f}" cy="{y:.1f}" r="5"'
                     f' class="{kind}"/>')
        parts.append(f'<text x="{WIDTH - 4}" y="{y + 4:.1f}" text-anchor="end" class="figure'
                     f' {kind}">{mark.interval.value:.{digits}f}</text>')
    parts += _axis(scale, top + ROW * len(marks))
    return _svg(height, parts, caption)


def bars(values: Sequence[tuple[str, float, bool]], caption: str, unit: str, reach: float,
         limit: tuple[float, str] | None = None) -> Markup:
    """A bar from zero for each (label, value, is ours); ``limit`` is a named upright line.

    The axis goes to ``reach``, or as far as the longest bar.
    """
    high = max(reach, *(v for _, v, _ in values), limit[0] if limit else 0.0)
    low = min(0.0, *(v for _, v, _ in values))
    scale = _Scale(low, high * 1.02)
    top = 22 if limit else 4
    height = top + ROW * len(values) + AXIS
    parts = [_upright(scale.x(limit[0]), top, top + ROW * len(values), limit[1])] if limit else []
    for number, (label, value, is_ours) in enumerate(values):
        y = top + ROW * number + 7
        kind = "ours" if is_ours else "theirs"
        left, right = sorted((scale.x(0), scale.x(value)))
        parts.append(f'<text x="{LABEL}" y="{y + 12}" text-anchor="end" class="label {kind}">'
                     f"{escape(label)}</text>")
        parts.append(f'<rect x="{left:.1f}" y="{y}" width="{max(1.5, right - left):.1f}"'
                     f' height="16" rx="2" class="{kind}"/>')
        parts.append(f'<text x="{WIDTH - 4}" y="{y + 12}" text-anchor="end" class="figure {kind}">'
                     f"{value:.1f}{escape(unit)}</text>")
    parts += _axis(scale, top + ROW * len(values))
    return _svg(height, parts, caption)


def _upright(x: float, top: float, bottom: float, name: str) -> str:
    return (f'<line x1="{x:.1f}" y1="{top - 4:.1f}" x2="{x:.1f}" y2="{bottom:.1f}" class="mark"/>'
            f'<text x="{x:.1f}" y="{top - 8:.1f}" text-anchor="middle" class="name">'
            f"{escape(name)}</text>")


def _axis(scale: _Scale, y: float) -> list[str]:
    step = _round_step((scale.high - scale.low) / 5)
    first = math.ceil(scale.low / step)
    ticks = [n * step for n in range(first, math.floor(scale.high / step) + 1)]
    parts = [f'<line x1="{scale.x(scale.low):.1f}" y1="{y}" x2="{scale.x(scale.high):.1f}"'
             f' y2="{y}" class="axis"/>']
    for tick in ticks:
        parts.append(f'<line x1="{scale.x(tick):.1f}" y1="{y}" x2="{scale.x(tick):.1f}"'
                     f' y2="{y + 4}" class="axis"/>')
        parts.append(f'<text x="{scale.x(tick):.1f}" y="{y + 18}" text-anchor="middle"'
                     f' class="tick">{tick:.6g}</text>')
    return parts


def _round_step(rough: float) -> float:
    """The next of 1, 2, 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(rough))
    return next(n * power for n in (1, 2, 5, 10) if n * power >= rough * 0.999)


def _svg(height: float, parts: Sequence[str], caption: str) -> Markup:
    """``parts`` are escaped where they are made."""
    return Markup(f'<figure><svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label='
                  f'"{escape(caption)}">{"".join(parts)}</svg>'
                  f"<figcaption>{escape(caption)}</figcaption></figure>")
