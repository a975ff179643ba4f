"""Draws passes, as SVG or a page: elevation over time, and the path across each station's sky."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby

from groundstation.export.markup import Node, clock, el, html, iso, xml
from groundstation.passes.upcoming import StationPass

WIDE, HIGH = 900.0, 260.0
LEFT, BOTTOM, TOP = 44.0, 34.0, 16.0
SKY = 120.0  # radius of the horizon
SKIES_A_ROW = 3
COLOURS = ("#2d5a9e", "#b07a1c", "#3d7d4a", "#8a3f6b", "#5b5b8c", "#9a4a2f")
_INK, _LINE = "#22263a", "#d5d8e2"
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;"
    f"color:{_INK};background:#fff}}table{{border-collapse:collapse;width:100%;"
    "font-variant-numeric:tabular-nums}td,th{text-align:left;padding:.2rem .8rem .2rem 0;"
    "border-bottom:1px solid #e4e6ee}svg{max-width:100%;height:auto}")
_HEADINGS = ("station", "rise, UTC", "top", "set", "elevation", "minutes", "from", "to", "km")


def page(found: Sequence[StationPass], name: str) -> str:
    """A whole HTML page with table and drawing."""
    rows = [el("tr", {}, *(el("td", {}, cell) for cell in _cells(each))) for each in found]
    return html(el(
        "html", {"lang": "en"},
        el("head", {}, el("meta", {"charset": "utf-8"}), el("title", {}, f"Passes of {name}"),
           el("meta", {"name": "viewport", "content": "width=device-width"}),
           el("style", {}, _STYLE)),
        el("body", {}, el("h1", {}, f"Passes of {name}"), _svg(found),
           el("table", {}, el("tr", {}, *(el("th", {}, word) for word in _HEADINGS)), *rows))))


def svg(found: Sequence[StationPass]) -> str:
    """The drawing alone."""
    return xml(_svg(found))


def _cells(each: StationPass) -> tuple[str, ...]:
    over = each.over
    return (
        each.station.name, iso(over.rise_ms)[:19].replace("T", " "), clock(over.top_ms),
        clock(over.set_ms), f"{over.top.elevation_deg:.0f}°", f"{over.seconds / 60:.1f}",
        f"{over.rise.azimuth_deg:.0f}°", f"{over.set.azimuth_deg:.0f}°",
        f"{over.top.range_m / 1000:.0f}")


def _svg(found: Sequence[StationPass]) -> Node:
    names = sorted({each.station.name for each in found})
    colours = {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(names)}
    skies = [
        _sky(name, list(group), colours[name], i)
        for i, (name, group) in enumerate(groupby(
            sorted(found, key=lambda each: each.station.name), lambda each: each.station.name))]
    rows = math.ceil(len(skies) / SKIES_A_ROW)
    high = HIGH + rows * (2 * SKY + 56)
    return el(
        "svg", {"xmlns": "http://www.w3.org/2000/svg", "viewBox": f"0 0 {WIDE:g} {high:g}",
                "role": "img", "aria-label": "Elevation of each pass over time, and its way over "
                "the sky of each station", "font-family": "system-ui, sans-serif", "fill": _INK},
        *_times(found, colours), *skies)


def _times(found: Sequence[StationPass], colours: dict[str, str]) -> list[Node]:
    """Elevation over time, from the first rise to the last set."""
    bottom = HIGH - BOTTOM
    nodes = []
    for degrees in (0, 30, 60, 90):
        y = _y(degrees)
        nodes += [_line(LEFT, y, WIDE - 8, y), _text(LEFT - 6, y + 4, f"{degrees}°", "end")]
    if not found:
        return [*nodes, _text(WIDE / 2, bottom - 90, "No pass in this time.", "middle", 16)]
    begin_ms = found[0].over.rise_ms
    span_ms = max(1, max(each.over.set_ms for each in found) - begin_ms)

    def x(utc_ms: int) -> float:
        return LEFT + (WIDE - 8 - LEFT) * (utc_ms - begin_ms) / span_ms

    free_x = 0.0
    for each in found:
        places = [(x(at_ms), _y(look.elevation_deg)) for at_ms, look in each.curve]
        nodes.append(_path(places, colours[each.station.name]))
        if x(each.over.top_ms) >= free_x:
            label_x = min(x(each.over.top_ms), WIDE - 26)
            nodes.append(_text(label_x, bottom + 16, clock(each.over.top_ms), "middle"))
            free_x = x(each.over.top_ms) + 40
    return nodes


def _sky(name: str, found: Sequence[StationPass], colour: str, number: int) -> Node:
    """The sky over one station, north up and east to the right, as on a map."""
    middle_x = WIDE / SKIES_A_ROW * (number % SKIES_A_ROW + 0.5)
    middle_y = HIGH + 24 + SKY + number // SKIES_A_ROW * (2 * SKY + 56)

    def put(azimuth_deg: float, elevation_deg: float) -> tuple[float, float]:
        away = SKY * (90 - elevation_deg) / 90
        azimuth = math.radians(azimuth_deg)
        return middle_x + away * math.sin(azimuth), middle_y - away * math.cos(azimuth)

    rings = [el("circle", {"cx": f"{middle_x:.1f}", "cy": f"{middle_y:.1f}",
                           "r": f"{SKY * part:.1f}", "fill": "none", "stroke": _LINE})
             for part in (1 / 3, 2 / 3, 1)]
    points = [_text(*put(azimuth, -9), word, "middle")
              for word, azimuth in (("N", 0.0), ("E", 90.0), ("S", 180.0), ("W", 270.0))]
    ways = []
    for each in found:
        places = [put(look.azimuth_deg, look.elevation_deg) for _, look in each.curve]
        ways += [_path(places, colour), el("circle", {
            "cx": f"{places[0][0]:.1f}", "cy": f"{places[0][1]:.1f}", "r": "3", "fill": colour})]
    title = _text(middle_x, middle_y + SKY + 30, f"{name}: {len(found)} passes", "middle", 13)
    return el("g", {}, *rings, *points, *ways, title)


def _y(elevation_deg: float) -> float:
    return HIGH - BOTTOM - (HIGH - BOTTOM - TOP) * elevation_deg / 90


def _line(x1: float, y1: float, x2: float, y2: float) -> Node:
    return el("line", {"x1": f"{x1:g}", "y1": f"{y1:.1f}", "x2": f"{x2:g}", "y2": f"{y2:.1f}",
                       "stroke": _LINE})


def _path(places: Sequence[tuple[float, float]], colour: str) -> Node:
    steps = (f"{'L' if i else 'M'}{x:.1f} {y:.1f}" for i, (x, y) in enumerate(places))
    return el("path", {"d": "".join(steps), "fill": "none", "stroke": colour, "stroke-width": "2"})


def _text(x: float, y: float, words: str, anchor: str = "start", size: float = 12) -> Node:
    return el("text", {"x": f"{x:.1f}", "y": f"{y:.1f}", "text-anchor": anchor,
                       "font-size": f"{size:g}"}, words)
