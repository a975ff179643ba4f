"""Another payload than the mission's, as far as this station received it.

Its key is not here: nothing of it is verified, nothing is sent to it, and whatever this station
does for its own payload (outbox, uploads, sightings, forecasts) is absent. What the mission says of
radio and cadence is taken to hold for it too: they share a channel.
"""

from __future__ import annotations

from groundstation.archive.track import Point
from groundstation.reading.landing import payload_forecast
from groundstation.reading.landing_json import LandingPageJson
from groundstation.reading.page_json import FlightJson, LinkJson, SightingJson
from groundstation.reading.payloads import PayloadJson
from groundstation.reading.reader import FlightReader
from wire.auth import Authenticity


class UnknownPayload(Exception):
    """This station has not heard of it."""


class OtherPayloadReader(FlightReader):
    """Reads with the connection of ``ours``, the mission's reader, and lives no longer."""

    is_verifying = False

    def __init__(self, ours: FlightReader, payload: PayloadJson) -> None:
        mission = ours.mission
        super().__init__(ours.path, mission.model_copy(update={
            "payload": mission.payload.model_copy(update={
                "node_id": payload["node_id"], "name": payload["name"]})}), ours.cached)
        self._connection = ours.db
        self._ours = ours

    @property
    def ours(self) -> FlightReader:
        return self._ours

    def sighting(self) -> SightingJson | None:
        return None

    def strange_points(self) -> list[Point]:
        return []

    def flight(self) -> FlightJson:
        ours, state = self._ours.flight(), super().flight()
        beacon, name = state["beacon"], state["name"]
        return {
            **state, "is_ours": False, "payloads": ours["payloads"],
            "disclosure": f"{name} is another payload than {ours['name']}. What it is, and who or "
                          "what writes its texts, is not known here.",
            "callsign": "", "can_transmit": False, "carries": None,
            "is_signed": beacon is not None
            and beacon["authenticity"] != Authenticity.UNSIGNED.value,
            "link": _without_impostors(state["link"]),
            "sondehub": {**state["sondehub"], "mode": "off"},
            "outbox": [], "waiting": {"count": 0, "letters": []},
        }

    def _landing(self, change_id: int) -> LandingPageJson:
        """Its own forecast alone: how it bursts and falls is not planned here."""
        return {"change_id": change_id, "payload": payload_forecast(self.newest_housekeeping()),
                "station": None, "tawhiri": None, "outcome": None}


def _without_impostors(link: LinkJson) -> LinkJson:
    """They are in the name of the mission's payload."""
    kept = link.copy()
    kept.pop("impostor", None)
    return kept


def reader_of(ours: FlightReader, node_id: int | None) -> FlightReader:
    """The reader of this payload; None is the mission's own. Raises UnknownPayload."""
    if node_id is None:
        return ours
    found = next((each for each in ours.flight()["payloads"] if each["node_id"] == node_id), None)
    if found is None:
        raise UnknownPayload
    return ours if found["is_ours"] else OtherPayloadReader(ours, found)
