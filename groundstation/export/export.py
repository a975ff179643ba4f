"""Export of a flight: texts, track, telemetry, pictures.

Radio text goes into CSV quoted and never as a formula, into GeoJSON as JSON, into text one a line.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from groundstation.archive.track import Point
from groundstation.export import album
from groundstation.reading.lives import ConflictJson
from groundstation.reading.reader import FlightReader
from groundstation.sanitise import to_json
from wire.auth import Authenticity

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")  # and fullwidth
PAGE = 200
PROVED = Authenticity.GENUINE.value  # of a track; of a line of the diary it is the frame's own
UNPROVED = "unproved"


def write_all(reader: FlightReader, directory: Path) -> list[Path]:
    """Write the files of a flight and the page of its pictures; returns their paths.

    The file of contradicting records is written only where there are any. Raises OSError.
    """
    directory.mkdir(parents=True, exist_ok=True)
    diary = list(_diary(reader))
    texts = {
        "musings.txt": "".join(f"{_marked(e)}\n" for e in diary if e["kind"] == "musing"),
        "diary.csv": _diary_csv(diary),
        "track.geojson": to_json(geojson(reader, diary)) + "\n",
        "telemetry.csv": _telemetry_csv(reader),
    }
    conflicts = reader.conflicts()
    if conflicts:
        texts["conflicts.csv"] = _conflicts_csv(conflicts)
    written = []
    for name, text in texts.items():
        path = directory / name
        path.write_text(text, encoding="utf-8")
        written.append(path)
    page = album.write(reader, directory / "pictures")
    return written if page is None else [*written, page]


def geojson(reader: FlightReader, diary: list[dict[str, Any]]) -> dict[str, Any]:
    """The proved track as one line with times, what is not proved as another, and every line of the
    diary where it was thought; each says its ``authenticity``."""
    tracks = reader.tracks()
    features = [
        _track(points, authenticity)
        for points, authenticity in ((tracks.proved, PROVED), (tracks.unproved, UNPROVED)) if points
    ]
    for entry in diary:
        if entry.get("lat") is None or entry.get("lon") is None:
            continue
        features.append({
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [entry["lon"], entry["lat"]]},
            "properties": {
                "text": entry["text"], "time": _iso(entry["when_ms"]),
                "altitude_m": entry["alt_m"], "by": entry["by"],
                "authenticity": entry["authenticity"],
            },
        })
    return {"type": "FeatureCollection", "features": features}


def _track(points: list[Point], authenticity: str) -> dict[str, Any]:
    """A line in order of time; of a single point, that point."""
    places = [[p.lon_deg, p.lat_deg, p.alt_m or 0] for p in points]
    is_line = len(points) > 1
    return {
        "type": "Feature",
        "geometry": {"type": "LineString", "coordinates": places} if is_line else
                    {"type": "Point", "coordinates": places[0]},
        "properties": {"authenticity": authenticity, "times": [_iso(p.utc_ms) for p in points]},
    }


def _diary(reader: FlightReader) -> Iterator[dict[str, Any]]:
    """Musings and replies, oldest first."""
    pages: list[dict[str, Any]] = []
    before: int | None = None
    while found := reader.entries(before, PAGE):
        pages += found
        before = found[-1]["id"]
    return (entry for entry in reversed(pages) if entry.get("text"))


def _marked(entry: dict[str, Any]) -> str:
    """A line of the diary; one that no model made says so."""
    return f"{entry['text']} [canned]" if entry["by"] == "canned" else str(entry["text"])


def _safe(value: Any) -> Any:
    """Text that a spreadsheet would run as a formula is quoted; numbers stay numbers."""
    if isinstance(value, str) and value.startswith(_FORMULA):
        return "'" + value
    return "" if value is None else value


def _diary_csv(diary: list[dict[str, Any]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    said = ("text", "question", "senses", "by", "authenticity", "incarnation")
    writer.writerow(("time", "kind", "altitude_m", *said))
    for e in diary:
        writer.writerow([
            _iso(e["when_ms"]), e["kind"], _safe(e["alt_m"]),
            *(_safe(e[key]) for key in said),
        ])
    return out.getvalue()


def _conflicts_csv(conflicts: list[ConflictJson]) -> str:
    """Oldest first; ``kept`` is what came first and stands in all other files."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("time", "incarnation", "record_id", "authenticity", "kept", "other"))
    for conflict in reversed(conflicts):
        fields = (conflict["incarnation"], conflict["record_id"], conflict["authenticity"],
                  conflict["kept"], conflict["other"])
        writer.writerow([_iso(conflict["heard_ms"]), *map(_safe, fields)])
    return out.getvalue()


def _telemetry_csv(reader: FlightReader) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    rows = reader.beacons()
    for i, row in enumerate(rows):
        beacon = {key: value for key, value in row.items() if key not in ("id", "node_id")}
        beacon["utc_ms"] = _iso(beacon["utc_ms"])
        if i == 0:
            writer.writerow(["time" if key == "utc_ms" else key for key in beacon])
        writer.writerow([_safe(value) for value in beacon.values()])
    return out.getvalue()


def _iso(utc_ms: int) -> str:
    return datetime.fromtimestamp(utc_ms / 1000, UTC).isoformat(timespec="seconds")
