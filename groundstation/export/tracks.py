"""The path of a flight for maps, as GeoJSON, GPX and KMZ.

What is verified and what is not are always two tracks of two names. Radio text is text: in KML,
where a description is HTML, it is escaped once more.
"""

from __future__ import annotations

import html
import io
import zipfile
from collections.abc import Iterator
from typing import Any

from groundstation.archive.track import Point, parts
from groundstation.export.flight_data import ExportedFlight
from groundstation.export.markup import Node, clock, el, iso, xml
from groundstation.reading.page_json import LineJson
from wire.auth import Authenticity

VERIFIED = Authenticity.GENUINE.value  # of a track; of a line of the diary it is the frame's own
UNVERIFIED = "unverified"
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)  # the same bytes from the same flight
_KML_COLOURS = {VERIFIED: "ffc98b5d", UNVERIFIED: "ff8f8f8f"}  # aabbggrr


def _ways(flight: ExportedFlight) -> list[tuple[list[Point], str]]:
    """Points to be drawn as one line each, and how far they are to be believed."""
    way = VERIFIED if flight.is_verified else UNVERIFIED
    return [(part, kind) for points, kind in ((flight.way, way), (flight.claims, UNVERIFIED))
            for part in parts(points)]


def _placed(flight: ExportedFlight) -> Iterator[tuple[LineJson, float, float]]:
    """The lines of the diary of which it is known where they were thought, with latitude and
    longitude in degrees."""
    for entry in flight.lines:
        lat, lon = entry["lat"], entry["lon"]
        if lat is not None and lon is not None:
            yield entry, lat, lon


def geojson(flight: ExportedFlight) -> dict[str, Any]:
    """The verified track as one line with times, what is not verified as another, and every line of
    the diary where it was thought; each says its ``authenticity``."""
    features = [_geojson_track(points, kind) for points, kind in _ways(flight)]
    features += [{
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [lon, lat]},
        "properties": {
            "text": entry["text"], "time": iso(entry["when_ms"]), "altitude_m": entry["alt_m"],
            "by": entry["by"], "authenticity": entry["authenticity"],
        },
    } for entry, lat, lon in _placed(flight)]
    return {"type": "FeatureCollection", "features": features}


def _geojson_track(points: list[Point], authenticity: str) -> dict[str, Any]:
    """A line in order of time; of a single point, that point."""
    places = [[p.lon_deg, p.lat_deg, p.alt_m or 0] for p in points]
    is_line = len(points) > 1
    return {
        "type": "Feature",
        "geometry": {"type": "LineString", "coordinates": places} if is_line else
                    {"type": "Point", "coordinates": places[0]},
        "properties": {"authenticity": authenticity, "times": [iso(p.utc_ms) for p in points]},
    }


def gpx(flight: ExportedFlight) -> str:
    """GPX 1.1: a track for each way, a waypoint for each line of the diary."""
    root = el("gpx", {"version": "1.1", "creator": "spacepi",
                      "xmlns": "http://www.topografix.com/GPX/1/1"})
    for entry, lat, lon in _placed(flight):
        root.append(_gpx_point("wpt", lat, lon, entry["alt_m"], entry["when_ms"],
                               el("name", None, clock(entry["when_ms"])),
                               el("desc", None, entry["text"])))
    for points, kind in _ways(flight):
        root.append(el("trk", None, el("name", None, f"{flight.name}, {_words(kind)}"), el(
            "trkseg", None,
            *(_gpx_point("trkpt", p.lat_deg, p.lon_deg, p.alt_m, p.utc_ms) for p in points))))
    return xml(root)


def _gpx_point(
    tag: str, lat: float, lon: float, alt_m: float | None, utc_ms: int, *more: Node
) -> Node:
    height = None if alt_m is None else el("ele", None, f"{alt_m:g}")
    when = el("time", None, iso(utc_ms).replace("+00:00", "Z"))
    return el(tag, {"lat": f"{lat:.7f}", "lon": f"{lon:.7f}"}, height, when, *more)


def _words(kind: str) -> str:
    return "verified" if kind == VERIFIED else "not verified"


def kmz(flight: ExportedFlight) -> bytes:
    """A zipped KML: the ways in the air, the diary along them. The same bytes every time."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("doc.kml", _ZIP_TIME), _kml(flight),
                         zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _kml(flight: ExportedFlight) -> str:
    document = el("Document", None, el("name", None, flight.name))
    for kind, colour in _KML_COLOURS.items():
        document.append(el("Style", {"id": kind}, el(
            "LineStyle", None, el("color", None, colour),
            el("width", None, "3" if kind == VERIFIED else "1"))))
    for points, kind in _ways(flight):
        places = " ".join(f"{p.lon_deg:.7f},{p.lat_deg:.7f},{p.alt_m or 0:g}" for p in points)
        document.append(el(
            "Placemark", None, el("name", None, f"{flight.name}, {_words(kind)}"),
            el("styleUrl", None, f"#{kind}"),
            el("LineString", None, el("altitudeMode", None, "absolute"),
               el("coordinates", None, places))))
    for entry, lat, lon in _placed(flight):
        document.append(el(
            "Placemark", None, el("name", None, clock(entry["when_ms"])),
            el("description", None, html.escape(entry["text"])),
            el("TimeStamp", None, el("when", None, iso(entry["when_ms"]).replace("+00:00", "Z"))),
            el("Point", None, el("altitudeMode", None, "absolute"), el(
                "coordinates", None,
                f"{lon:.7f},{lat:.7f},{entry['alt_m'] or 0:g}"))))
    return xml(el("kml", {"xmlns": "http://www.opengis.net/kml/2.2"}, document))
