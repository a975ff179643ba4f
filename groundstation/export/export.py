"""The files of a flight: texts, tracks, telemetry, pictures, and the flight book.

Radio text goes into CSV quoted and never as a formula; elsewhere ``markup`` and JSON keep it text.
Names of files are made here and never come from the radio. The same archive gives the same bytes.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from groundstation.export import assembled_picture, book, ccsds, markdown, parquet, tracks
from groundstation.export.flight_data import ExportedFlight, ExportedPicture, Image, gather
from groundstation.export.markup import iso, xml
from groundstation.reading.page_json import LineJson
from groundstation.reading.reader import FlightReader
from groundstation.sanitise import to_json

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")  # and fullwidth
_SUFFIX = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp"}
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)  # the same bytes from the same flight


@dataclass(frozen=True, slots=True)
class Format:
    """One file that can be made of a flight."""

    media_type: str
    make: Callable[[ExportedFlight], str | bytes]

    def of(self, flight: ExportedFlight) -> bytes:
        """The bytes of the file."""
        made = self.make(flight)
        return made if isinstance(made, bytes) else made.encode()


def _marked(entry: LineJson) -> str:
    """A line of the diary; one that no model made says so."""
    return f"{entry['text']} [canned]" if entry["by"] == "canned" else entry["text"]


def _musings(flight: ExportedFlight) -> str:
    return "".join(f"{_marked(e)}\n" for e in flight.lines if e["kind"] == "musing")


def _safe(value: Any) -> Any:
    """Text that a spreadsheet would run as a formula is quoted; numbers stay numbers."""
    if isinstance(value, str) and value.startswith(_FORMULA):
        return "'" + value
    return "" if value is None else value


def _csv(header: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([_safe(value) for value in row] for row in rows)
    return out.getvalue()


def _diary_csv(flight: ExportedFlight) -> str:
    texts = ("text", "question", "senses", "by", "authenticity", "incarnation")
    lines: Sequence[Mapping[str, Any]] = flight.lines
    return _csv(("time", "kind", "altitude_m", *texts), (
        (iso(e["when_ms"]), e["kind"], e["alt_m"], *(e[key] for key in texts)) for e in lines))


def _conflicts_csv(flight: ExportedFlight) -> str:
    """Oldest first; ``kept`` is what came first and stands in all other files."""
    header = ("time", "incarnation", "record_id", "authenticity", "kept", "other")
    return _csv(header, (
        (iso(c["heard_ms"]), c["incarnation"], c["record_id"], c["authenticity"], c["kept"],
         c["other"]) for c in flight.conflicts))


def _telemetry_csv(flight: ExportedFlight) -> str:
    beacons: Sequence[Mapping[str, Any]] = flight.beacons
    if not beacons:
        return ""
    names = [key for key in beacons[0] if key not in ("id", "node_id")]
    return _csv(["time" if name == "utc_ms" else name for name in names], (
        [iso(beacon[name]) if name == "utc_ms" else beacon[name] for name in names]
        for beacon in beacons))


def _space_packets(flight: ExportedFlight) -> bytes:
    return b"".join(ccsds.packets(flight.records))


FORMATS: dict[str, Format] = {
    "book.html": Format("text/html", book.bound),
    "diary.md": Format("text/markdown", markdown.diary),
    "musings.txt": Format("text/plain", _musings),
    "diary.csv": Format("text/csv", _diary_csv),
    "telemetry.csv": Format("text/csv", _telemetry_csv),
    "track.gpx": Format("application/gpx+xml", tracks.gpx),
    "track.kmz": Format("application/vnd.google-earth.kmz", tracks.kmz),
    "track.geojson": Format("application/geo+json", lambda f: to_json(tracks.geojson(f)) + "\n"),
    "records.ccsds": Format("application/octet-stream", _space_packets),
}
if parquet.is_installed():
    FORMATS["telemetry.parquet"] = Format("application/vnd.apache.parquet", parquet.telemetry)


def _pictures(flight: ExportedFlight) -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of every piece as it was received, and of each picture that has tiles whole."""
    for picture in flight.pictures:
        stem = f"{picture.number:04d}"
        for name, image in _pieces(picture, stem):
            yield f"{name}.{_SUFFIX[image.media_type]}", image.data
        if picture.tiles:
            yield f"{stem}.svg", xml(assembled_picture.drawn(picture)).encode()


def _pieces(picture: ExportedPicture, stem: str) -> Iterator[tuple[str, Image]]:
    if picture.first is not None:
        yield stem, picture.first
    for place, image in picture.tiles.items():
        row, column = divmod(place, picture.columns)
        yield f"{stem}-row{row + 1}-column{column + 1}", image


def files(flight: ExportedFlight) -> Iterator[tuple[str, bytes]]:
    """(path, bytes) of everything; contradicting records only where there are any."""
    for name, form in FORMATS.items():
        yield name, form.of(flight)
    if flight.conflicts:
        yield "conflicts.csv", _conflicts_csv(flight).encode()
    for name, data in _pictures(flight):
        yield f"pictures/{name}", data


def write_all(reader: FlightReader, directory: Path) -> list[Path]:
    """Write the files of a flight; returns their paths. Raises OSError and sqlite3.Error."""
    written = []
    for name, data in files(gather(reader)):
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        written.append(path)
    return written


def zipped(flight: ExportedFlight) -> bytes:
    """Everything in one file."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in files(flight):
            archive.writestr(zipfile.ZipInfo(name, _ZIP_TIME), data, zipfile.ZIP_DEFLATED)
    return out.getvalue()


EVERY = FORMATS | {"flight.zip": Format("application/zip", zipped)}
