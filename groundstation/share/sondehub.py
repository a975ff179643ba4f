"""The format of SondeHub Amateur: what is uploaded, and what its answers mean.

Sans-I/O. Telemetry goes by PUT to /amateur/telemetry, a gzipped JSON list; the station, where it
has a place, to /amateur/listeners. Field names and answers are those of sondehub-infra
(swagger.yaml, lambda/ham_put_api): 200 is stored, 202 is stored but for what it lists under
``errors``, 400 is not our JSON. What is more than a day old would be hidden there and is not sent.

Only our payload's own beacons go to the public map, and only signed ones where the mission signs.
"""

from __future__ import annotations

import gzip
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from importlib import metadata
from typing import Any, NamedTuple

from groundstation.archive.rawlog import RELAYED
from groundstation.decode.beacon_freshness import made_at
from groundstation.decode.foreign import STALE_FIX_S
from groundstation.sanitise import clean_text, read_json, to_json
from wire.auth import Authenticity
from wire.beacon import Phase
from wire.frames import FrameCounter
from wire.mission import Mission

SOFTWARE = "spacepi"
AGE_MS_MAX = 86_400_000  # older telemetry is hidden there
WORDS_MAX = 160  # of what the other end said
BUSY = (408, 429)  # come again later, says RFC 9110 and RFC 6585; every other 4xx is final
DEV_PREFIX = "All checks passed"  # its error for entries that are sound and marked dev
_MODULATION = {"ax25": "AX.25", "plain": "KISS"}


class Unanswered(Exception):
    """The server neither took nor refused it: to be tried again, after ``wait_s`` where it says so.

    ``is_busy`` where the server is overloaded: that is not about what it was sent.
    """

    def __init__(self, why: str, wait_s: float | None = None, is_busy: bool = False) -> None:
        super().__init__(why)
        self.wait_s = wait_s
        self.is_busy = is_busy


class UploadAnswer(NamedTuple):
    """An HTTP answer; ``wait_s`` is its Retry-After in seconds."""

    status: int
    body: bytes
    wait_s: float | None = None


class UploadOutcome(NamedTuple):
    """The outcome of a batch, in entries; ``why`` is the server's reason for refusing some."""

    taken: int
    refused: int
    why: str = ""


@dataclass(frozen=True, slots=True)
class UploadRequest:
    """One HTTP PUT."""

    path: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


def telemetry(
    row: Mapping[str, Any], musing: str | None, mission: Mission
) -> dict[str, Any] | None:
    """The entry for a row of ``beacon`` with rssi_dbm, snr_db and source of its reception.

    None for what is not uploaded: a beacon without a fresh position, not verified where the mission
    signs, of another station, or out of a replay. The same row always gives the same callsign,
    datetime and frame, so that one that is sent again can be recognised.
    """
    is_verified = row["authenticity"] == Authenticity.GENUINE.value or not mission.keys.downlink_mac
    place = [row[key] for key in ("latitude_deg", "longitude_deg", "altitude_m")]
    is_fresh = None not in place and (row["fix_age_s"] or 0) <= STALE_FIX_S
    if not (is_verified and is_fresh) or row["source"] in (*RELAYED, "replay"):
        return None
    found: dict[str, float | str | None] = {
        "temp": _rounded(row["outside_c"], 1), "pressure": _rounded(row["pressure_hpa"], 1),
        "batt": _rounded(row["battery_mv"], 2, 0.001), "vel_v": _rounded(row["climb_mps"], 1),
        "vel_h": _rounded(row["speed_mps"], 1), "heading": _rounded(row["heading_deg"], 0),
        "sats": _rounded(row["satellites"], 0), "rssi": _rounded(row["rssi_dbm"], 1),
        "snr": _rounded(row["snr_db"], 1), "inside_temp": _rounded(row["inside_c"], 1),
        "frame": FrameCounter(int(row["boot"] or 0), int(row["number"] or 0)).packed(),
        "phase": None if row["phase"] is None else Phase(int(row["phase"])).name.lower(),
        "faults": _rounded(row["faults"], 0), "musing": clean_text(musing, 200) or None,
    }
    return {
        **_who(mission), "payload_callsign": mission.payload.callsign,
        "datetime": _iso(made_ms(row)), "time_received": _iso(row["utc_ms"]),
        "lat": round(place[0], 5), "lon": round(place[1], 5), "alt": round(place[2], 1),
        "modulation": _MODULATION[mission.radio.framing],
        **({} if mission.ground.sondehub == "on" else {"dev": True}),
        **_place(mission), **{key: value for key, value in found.items() if value is not None},
    }


def made_ms(row: Mapping[str, Any]) -> int:
    """UTC of a beacon in ms: the payload's own time of day, where it knew it."""
    time_s, heard_ms = row["time_of_day_s"], int(row["utc_ms"])
    return heard_ms if time_s is None else made_at(int(time_s), heard_ms)


def put_telemetry(entries: Sequence[Mapping[str, Any]], now_ms: int) -> UploadRequest:
    """The request for a batch; ``mtime`` 0 makes the same batch the same bytes."""
    body = gzip.compress(to_json(list(entries)).encode(), mtime=0)
    headers = {**_headers(now_ms), "Content-Encoding": "gzip"}
    return UploadRequest("/amateur/telemetry", body, headers)


def put_listener(mission: Mission, now_ms: int) -> UploadRequest | None:
    """The request that shows the station on the map; None for one without a place."""
    if mission.ground.sondehub != "on" or mission.ground.sondehub_position is None:
        return None
    body = {**_who(mission), **_place(mission), "mobile": False}
    return UploadRequest("/amateur/listeners", to_json(body).encode(), _headers(now_ms))


def judge(answer: UploadAnswer, entries: int) -> UploadOutcome:
    """What the answer to a batch of ``entries`` says. Raises Unanswered for what is no answer:
    a server in trouble, one that is too busy, and the page of a proxy or captive portal.
    """
    status, words = answer.status, clean_text(answer.body[:4_096].decode("utf-8", "replace"))
    if status in BUSY or status >= 500 or status < 200:
        is_busy = status in BUSY or answer.wait_s is not None
        raise Unanswered(f"status {status}", answer.wait_s, is_busy)
    if status < 400 and (status >= 300 or words.startswith("<")):
        raise Unanswered(f"status {status} and a web page: does the network require a login?")
    if status >= 400:
        return UploadOutcome(0, entries, f"status {status}: {words}"[:WORDS_MAX])
    if status == 202:
        flaws = _flaws(answer.body)
        refused = min(entries, len(flaws))
        return UploadOutcome(entries - refused, refused, flaws[0][:WORDS_MAX] if flaws else "")
    return UploadOutcome(entries, 0)


def _flaws(body: bytes) -> list[str]:
    """What a 202 says of entries that it did not store; empty when it cannot be read."""
    try:
        answer = read_json(body)
    except ValueError:
        return []
    errors = answer.get("errors") if isinstance(answer, dict) else None
    found = []
    for error in errors if isinstance(errors, list) else []:
        words = clean_text(error.get("error_message")) if isinstance(error, dict) else ""
        if not words.startswith(DEV_PREFIX):
            found.append(words or "no reason given")
    return found


def _who(mission: Mission) -> dict[str, Any]:
    return {"software_name": SOFTWARE, "software_version": _version(),
            "uploader_callsign": mission.ground.sondehub_callsign}


def _place(mission: Mission) -> dict[str, Any]:
    """Where the station stands, as far as its owner allows."""
    ground = mission.ground
    fields: dict[str, Any] = {}
    if ground.sondehub_position is not None:
        fields["uploader_position"] = list(ground.sondehub_position)
    if ground.sondehub_antenna:
        fields["uploader_antenna"] = ground.sondehub_antenna
    return fields


def _headers(now_ms: int) -> dict[str, str]:
    return {"Content-Type": "application/json", "Accept": "text/plain, application/json",
            "User-Agent": f"{SOFTWARE}-{_version()}",
            "Date": format_datetime(_utc(now_ms), usegmt=True)}


def _version() -> str:
    try:
        return metadata.version(SOFTWARE)
    except metadata.PackageNotFoundError:  # run from its folder
        return "0"


def _utc(utc_ms: int) -> datetime:
    return datetime.fromtimestamp(utc_ms / 1000, UTC)


def _iso(utc_ms: int) -> str:
    return _utc(utc_ms).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _rounded(value: float | None, digits: int, factor: float = 1.0) -> float | None:
    if value is None:
        return None
    return round(value * factor, digits) if digits else round(value * factor)
