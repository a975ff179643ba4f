"""The flight book: one HTML page for keeping and printing, complete in itself.

It needs no network, no script and no other file, and the same archive gives the same bytes: nothing
in it depends on today's date, and all times are UTC. Radio text enters as text (``markup``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from groundstation.archive.track import Point, distance_m, place_at
from groundstation.export import assembled_picture, drawings
from groundstation.export.flight_data import ExportedFlight, ExportedPicture
from groundstation.export.markup import Node, clock, el, grouped, html, iso, metres, radio_text
from groundstation.reading.chapters import Chapter, burst_of, chapter_at, chapters_of
from groundstation.reading.page_json import EntryJson, LineJson
from groundstation.reading.reader import GAP_MS

STYLE = (Path(__file__).parent / "book.css").read_text(encoding="utf-8")
CSP = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
SILENCE_MS = 180_000  # a shorter pause is only breath
RADIO_SILENCE_MS = 60_000
MM_PER_MINUTE = 1.2
SILENCE_MM_MAX = 40.0
TROUBLES_MAX = 200
_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September",
           "October", "November", "December")
_CALLS = {"404": "not found", "429": "asked too often", "500": "a server in trouble",
          "timeout": "no answer"}
_READINGS = (  # title, unit, column of the beacon, factor
    ("Outside", "°C", "outside_c", 1.0), ("Inside", "°C", "inside_c", 1.0),
    ("Pressure", "hPa", "pressure_hpa", 1.0), ("Battery", "V", "battery_mv", 0.001),
    ("Climb", "m/s", "climb_mps", 1.0),
)


def bound(flight: ExportedFlight) -> str:
    """The whole book."""
    parts = chapters_of(flight.state["phases"], flight.way)
    numbers = {entry["id"]: i for i, entry in enumerate(flight.lines, 1)}
    body = el("body", None, _cover(flight), _figures(flight, parts), _way(flight, numbers),
              *_journey(flight, parts, numbers), _readings(flight), _pieces(flight),
              _troubles(flight), _colophon(flight))
    head = el("head", None, el("meta", {"charset": "utf-8"}),
              el("meta", {"http-equiv": "Content-Security-Policy", "content": CSP}),
              el("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}),
              el("title", None, f"{flight.name}, {_day(flight)}".rstrip(", ")),
              el("style", None, STYLE))
    return html(el("html", {"lang": "en"}, head, body))


def _day(flight: ExportedFlight) -> str:
    """The day of the launch, in UTC, as one writes it above a letter; empty when none is known."""
    times = [flight.state["launch_ms"], *(b["utc_ms"] for b in flight.beacons[:1]),
             *(e["when_ms"] for e in flight.entries[:1])]
    at = next((time for time in times if time is not None), None)
    if at is None:
        return ""
    year, month, day = iso(at)[:10].split("-")
    return f"{int(day)} {_MONTHS[int(month) - 1]} {year}"


def _section(title: str, *children: Node | None) -> Node:
    return el("section", None, el("h2", None, title), *children)


# -- before the journey ------------------------------------------------------------------------


def _cover(flight: ExportedFlight) -> Node:
    """Name, day, the fullest picture, and the last line before the burst."""
    best = max((p for p in flight.pictures if p.entry is not None), key=_fullness, default=None)
    line = _line_of_the_cover(flight)
    return el(
        "header", {"class": "cover"}, el("h1", None, flight.name),
        el("p", {"class": "day"}, _day(flight)),
        None if best is None else el("figure", None, assembled_picture.drawn(best)),
        None if line is None else radio_text("p", "epigraph", line["text"]),
        el("p", {"class": "disclosure"}, flight.state["disclosure"]))


def _fullness(picture: ExportedPicture) -> tuple[int, float, int]:
    """The most pieces, of the greatest height, the earliest."""
    height = -1.0 if picture.entry is None else picture.entry["alt_m"] or 0.0
    return len(picture.tiles) + (picture.first is not None), height, -picture.number


def _line_of_the_cover(flight: ExportedFlight) -> LineJson | None:
    own = [e for e in flight.lines if e["kind"] == "musing" and e["by"] != "canned"]
    top = burst_of(flight.way)
    before = [e for e in own if top is None or e["when_ms"] <= top.utc_ms]
    return (before or own)[-1] if own else None


def _figures(flight: ExportedFlight, parts: Sequence[Chapter]) -> Node:
    """The flight in numbers; what is not known is not listed."""
    facts: list[tuple[str, str]] = [
        (part.title, f"{clock(part.from_ms)} UTC"
         + ("" if part.alt_m is None else f", {metres(part.alt_m)}")) for part in parts]
    way = flight.way
    if way:
        heights = [p.alt_m for p in way if p.alt_m is not None]
        facts += [("Greatest height", metres(max(heights)))] if heights else []
        facts += [("First known place", _place(way[0])), ("Last known place", _place(way[-1])),
                  ("From the first to the last", f"{distance_m(way[0], way[-1]) / 1000:.1f} km")]
    coldest = min((b["outside_c"] for b in flight.beacons if b["outside_c"] is not None),
                  default=None)
    facts += [] if coldest is None else [("Coldest", f"{coldest:.0f}\u00a0°C".replace("-", "−"))]
    longest = max((to - since for since, to in flight.silences), default=0)
    facts += [("Longest time without a signal", _span(longest))] if longest else []
    link = flight.state["link"]
    words = sum(len(entry["text"].split()) for entry in flight.lines)
    facts += [
        ("Frames received", f"{grouped(link['heard'])}, {grouped(link['lost'])} lost"),
        ("Lines of the diary", f"{grouped(len(flight.lines))}, {grouped(words)} words"),
        ("Pictures", grouped(len(flight.pictures))),
    ]
    rows = [el("tr", None, el("th", {"scope": "row"}, name), el("td", None, value))
            for name, value in facts]
    return _section("The flight in numbers", el("table", None, *rows))


def _place(point: Point) -> str:
    return f"{point.lat_deg:.4f}, {point.lon_deg:.4f}"


def _span(ms: float) -> str:
    minutes = round(ms / 60_000)
    if minutes < 90:
        return f"{minutes}\u00a0min"
    return f"{minutes // 60}\u00a0h {minutes % 60}\u00a0min"


def _numbered(flight: ExportedFlight, numbers: dict[int, int]) -> drawings.Numbered:
    """Each line with its time, and with its place where it says one or the way has one."""
    found = []
    for entry in flight.lines:
        place = (entry["lat"], entry["lon"])
        if None in place:
            place = place_at(flight.way, entry["when_ms"]) or (None, None)
        found.append((numbers[entry["id"]], entry["when_ms"], *place))
    return found


def _time_span(flight: ExportedFlight) -> tuple[int, int] | None:
    times = [p.utc_ms for p in flight.way] + [b["utc_ms"] for b in flight.beacons]
    return (min(times), max(times)) if times else None


def _way(flight: ExportedFlight, numbers: dict[int, int]) -> Node | None:
    span = _time_span(flight)
    if not flight.way or span is None:
        return None
    numbered = _numbered(flight, numbers)
    proof = ("Every place on it was signed by the payload." if flight.is_verified
             else "It is dashed: this station could not verify who sent it.")
    return _section(
        "The way", el("figure", None, drawings.chart(flight.way, numbered, flight.is_verified)),
        el("figure", None, el("figcaption", None, "Altitude, km"),
           drawings.silhouette(flight.way, numbered, span, GAP_MS)),
        el("p", {"class": "caption"}, "Blue is low, gold is high; the numbers are those of the "
           f"lines. {proof}"))


# -- the journey -------------------------------------------------------------------------------


def _journey(
    flight: ExportedFlight, parts: Sequence[Chapter], numbers: dict[int, int]
) -> list[Node]:
    """Every line and picture in its chapter, with the silences between as blank space. A burst is a
    moment even if nothing was thought in it."""
    pictures = {p.entry["id"]: p for p in flight.pictures if p.entry is not None}
    shown = [e for e in flight.entries if e["id"] in numbers or e["id"] in pictures]
    sections = {chapter: _chapter(chapter) for chapter in parts or (None,)}
    filled: set[Chapter | None] = {part for part in parts if part.is_burst}
    for before, entry in pairwise([None, *shown]):
        assert entry is not None
        chapter = chapter_at(parts, entry["when_ms"])
        section, picture = sections[chapter], pictures.get(entry["id"])
        if before is not None:
            _append(section, _silence(flight, before["when_ms"], entry["when_ms"]))
        if picture is not None:
            section.append(_picture(picture, entry))
        elif entry["kind"] == "musing" or entry["kind"] == "reply":
            section.append(_line(entry, numbers[entry["id"]]))
        filled.add(chapter)
    return [section for chapter, section in sections.items() if chapter in filled]


def _append(section: Node, node: Node | None) -> None:
    if node is not None:
        section.append(node)


def _chapter(chapter: Chapter | None) -> Node:
    if chapter is None:
        return _section("The diary")
    height = "" if chapter.alt_m is None else f" · {metres(chapter.alt_m)}"
    section = _section(chapter.title)
    section.append(el("p", {"class": "when"}, f"{clock(chapter.from_ms)}{height}"))
    return section


def _margin(entry: EntryJson, number: int | None = None) -> Node:
    parts = ["" if number is None else f"{number}", clock(entry["when_ms"]),
             "" if entry["alt_m"] is None else metres(entry["alt_m"])]
    return el("p", {"class": "margin"}, " · ".join(filter(None, parts)))


def _line(entry: LineJson, number: int) -> Node:
    return el(
        "article", {"id": f"line-{number}"}, _margin(entry, number),
        radio_text("blockquote", "asked", entry["question"]) if entry["question"] else None,
        radio_text("p", "text", entry["text"]),
        radio_text("p", "senses", entry["senses"]) if entry["senses"] else None,
        el("p", {"class": "note"}, "a canned line, not the model’s")
        if entry["by"] == "canned" else None)


def _picture(picture: ExportedPicture, entry: EntryJson) -> Node:
    return el("article", None, _margin(entry), el(
        "figure", None, assembled_picture.drawn(picture),
        radio_text("figcaption", "", assembled_picture.caption(picture))))


def _silence(flight: ExportedFlight, since_ms: int, to_ms: int) -> Node | None:
    lost = sum(max(0, min(end, to_ms) - max(start, since_ms)) for start, end in flight.silences)
    is_long = to_ms - since_ms >= SILENCE_MS
    if not is_long and lost < RADIO_SILENCE_MS:
        return None
    words = [f"{_span(to_ms - since_ms)} of silence"] if is_long else []
    if lost >= RADIO_SILENCE_MS:
        words.append(f"no signal for {_span(lost)}" + (" of it" if is_long else ""))
    blank = min(SILENCE_MM_MAX, (to_ms - since_ms) / 60_000 * MM_PER_MINUTE)
    return el("p", {"class": "silence", "style": f"min-height: {blank:.1f}mm"}, ", ".join(words))


# -- behind it ---------------------------------------------------------------------------------


def _readings(flight: ExportedFlight) -> Node | None:
    span = _time_span(flight)
    if span is None:
        return None
    plots = []
    rows: Sequence[Mapping[str, Any]] = flight.beacons
    for title, unit, column, factor in _READINGS:
        samples = [(row["utc_ms"], None if row[column] is None else row[column] * factor)
                   for row in rows]
        drawn = drawings.plot(samples, span, f"{title}, {unit}, over time", GAP_MS)
        if drawn is not None:
            plots.append(el("figure", None, el("figcaption", None, f"{title}, {unit}"), drawn))
    return _section("What was measured", *plots) if plots else None


def _pieces(flight: ExportedFlight) -> Node | None:
    """Pictures of which the thumbnail never came, so that nobody knows when they were taken."""
    lost = [picture for picture in flight.pictures if picture.entry is None]
    if not lost:
        return None
    return _section("Pieces of pictures", el("div", {"class": "sheet"}, *(el(
        "figure", None, assembled_picture.drawn(picture),
        radio_text("figcaption", "", assembled_picture.caption(picture))) for picture in lost)))


def _troubles(flight: ExportedFlight) -> Node | None:
    rows: list[tuple[EntryJson, str]] = []
    for entry in flight.entries:
        if entry["kind"] == "event":
            rows.append((entry, entry["event"]))
        elif entry["kind"] == "api_call" and entry["outcome"] != "ok":
            why = _CALLS.get(entry["outcome"], entry["outcome"])
            rows.append((entry, f"asked {entry['api']}: {why}"))
    if not rows:
        return None
    left = len(rows) - TROUBLES_MAX
    return _section(
        "What failed", el("table", None, *(
            el("tr", None, el("th", {"scope": "row"}, clock(entry["when_ms"])),
               radio_text("td", "", words)) for entry, words in rows[:TROUBLES_MAX])),
        el("p", {"class": "caption"}, f"{grouped(left)} more are in the archive.")
        if left > 0 else None)


def _colophon(flight: ExportedFlight) -> Node:
    state, link = flight.state, flight.state["link"]
    if flight.is_verified:
        proof = (f"The station verified every frame: what is printed here was signed by "
                 f"{flight.name}.")
        if impostors := link.get("impostor", 0):
            proof += f" Frames in its name that were not, and are left out: {grouped(impostors)}."
    else:
        proof = "The station could not verify who sent these frames."
    return _section(
        "Colophon",
        el("p", None, f"Received at {state['station']} from {state['callsign']}, node "
           f"{state['node_id']}. All times are UTC. {proof}"),
        el("p", None, f"{grouped(link['receptions'])} receptions; the SHA-256 of their bytes, in "
           "order of reception: ", el("code", None, flight.receptions_sha256), ". The archive of "
           "the station makes this book again: ", el("code", None, "spacepi-ground export"), "."))
