"""Tawhiri: the question that a track asks, and every answer that is none."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from groundstation.archive.track import Point
from groundstation.http_call import HttpAnswer
from groundstation.reading.tawhiri import (
    BODY_BYTES_MAX,
    POINTS_MAX,
    WAY_POINTS_MAX,
    NoForecast,
    TawhiriQuestion,
    forecast_of,
    question,
)
from tests.groundstation.reading.test_landing import PLAN, flight
from wire.mission import FlightSection

AT_MS = 1_800_000_000_000
ASKED = TawhiriQuestion("http://127.0.0.1/", Point(AT_MS, 52.0, -1.5, 9_000.0), "here")
DATASET = "2027-01-15T06:00:00Z"


def answer(points: int = 200, **changes: Any) -> dict[str, Any]:
    """A server's whole answer: a metre up, then down to the ground in half an hour."""
    def point(share: float) -> dict[str, Any]:
        at = datetime.fromtimestamp(AT_MS / 1000 + 1800 * share, UTC)
        return {"altitude": 9_000.0 * (1 - share), "latitude": 52.0 + 0.1 * share,
                "longitude": 358.5 + 0.2 * share,
                "datetime": at.isoformat().replace("+00:00", "Z")}

    return {
        "metadata": {"complete_datetime": DATASET, "start_datetime": DATASET},
        "prediction": [
            {"stage": "ascent", "trajectory": [point(0), point(0)]},
            {"stage": "descent", "trajectory": [point(at / points) for at in range(points + 1)]}],
        "request": {"dataset": DATASET, "version": 1}, **changes}


def said(body: Any, status: int = 200) -> HttpAnswer:
    return HttpAnswer(status, body if isinstance(body, bytes) else json.dumps(body).encode())


def asked_for(found: TawhiriQuestion | None) -> dict[str, str]:
    assert found is not None
    return {name: values[0] for name, values in parse_qs(urlsplit(found.url).query).items()}


def test_what_rises_asks_for_the_planned_burst_and_what_falls_for_one_here():
    up = question("http://a.example/v1/", flight(6_000), PLAN)
    assert up is not None and up.name == "planned" and up.url.startswith("http://a.example/v1/?")
    sent = asked_for(up)
    assert sent["profile"] == "standard_profile" and sent["burst_altitude"] == "12000"
    assert (sent["ascent_rate"], sent["descent_rate"]) == ("5.00", "5.00")
    assert sent["launch_altitude"] == "6000" and sent["launch_latitude"] == "0.00000"
    assert sent["launch_datetime"] == "1970-01-01T00:20:00+00:00"
    down = question("http://a.example", flight(8_000, 3_000, fall_mps=10.0), PLAN)
    sent = asked_for(down)
    assert down is not None and down.name == "here"
    assert float(sent["burst_altitude"]) - float(sent["launch_altitude"]) == 1
    assert 7 < float(sent["descent_rate"]) < 9, "as measured on the way down"


def test_on_the_pad_it_asks_for_the_flight_to_come():
    found = question("http://a.example", [Point(AT_MS, 52.0, 5.0, 12.0)], PLAN)
    sent = asked_for(found)
    assert found is not None and found.name == "planned"
    assert (sent["burst_altitude"], sent["ascent_rate"], sent["launch_altitude"]) == (
        "12000", "5.00", "12")


def test_without_a_planned_burst_or_past_it_the_burst_is_here_and_now():
    for plan in (FlightSection(), FlightSection(burst_altitude_m=5_000.0)):
        found = question("http://a.example", flight(6_000), plan)
        assert found is not None and found.name == "here"
        assert asked_for(found)["burst_altitude"] == "6001"


def test_a_place_in_the_west_is_asked_for_as_the_server_counts_and_no_place_not_at_all():
    found = question("http://a.example", [Point(AT_MS, -33.0, -70.5, 900.0)], PLAN)
    assert asked_for(found)["launch_longitude"] == "289.50000"
    assert question("http://a.example", [], PLAN) is None
    assert question("http://a.example", [Point(AT_MS, 52.0, 5.0, None)], PLAN) is None


def test_a_good_answer_is_a_landing_with_a_thin_way_to_it():
    found = forecast_of(said(answer(5_000)), ASKED, AT_MS + 900, True)
    assert (found.lat, found.lon) == (52.1, -1.3) and found.land_ms == AT_MS + 1_800_000
    assert (found.at_ms, found.asked_ms, found.is_verified) == (AT_MS, AT_MS + 900, True)
    assert found.dataset == DATASET and found.name == "here"
    assert found.way[0] == [52.0, -1.5, 9000] and found.way[-1] == [52.1, -1.3, 0]
    assert len(found.way) <= WAY_POINTS_MAX


def test_a_dataset_that_would_break_a_terminal_is_cleaned():
    found = forecast_of(
        said(answer(request={"dataset": "\x1b[2J<b>" + "x" * 500})), ASKED, AT_MS, True)
    assert found.dataset.startswith("[2J<b>") and len(found.dataset) <= 40


@pytest.mark.parametrize(("reply", "why"), [
    (said(answer(), 404), "status 404"),
    (said({"error": {"type": "PredictionException", "description": "It\x07 broke"}}, 500),
     "status 500: It broke"),
    (said({"error": "x"}, 400), "status 400"), (said(b"<html>Sign in</html>"), "not the JSON"),
    (said(b""), "not the JSON"), (said(json.dumps(answer()).encode()[:-30]), "not the JSON"),
    (said([]), "not the JSON"), (said({"prediction": {}}), "not the JSON"),
    (said({"prediction": []}), "not the JSON"), (said({"prediction": [3]}), "not the JSON"),
    (said({"prediction": [{"trajectory": [7, 8]}]}), "not the JSON"),
    (said({"prediction": [{"trajectory": [{}] * (POINTS_MAX + 1)}]}), "not the JSON"),
    (said(b"[" * 200_000), "not the JSON"), (said(b" " * (BODY_BYTES_MAX + 1)), "longer than"),
])
def test_an_answer_that_is_none_is_one_clause(reply, why):
    with pytest.raises(NoForecast, match=why):
        forecast_of(reply, ASKED, AT_MS, True)


@pytest.mark.parametrize(("key", "value"), [
    ("latitude", 91), ("latitude", True), ("latitude", None), ("longitude", -181),
    ("longitude", 361), ("altitude", 1e400), ("altitude", "9"), ("datetime", "today"),
    ("datetime", 1_800_000_000), ("datetime", "2027-01-15T25:00:00Z"),
])
def test_one_odd_point_spoils_the_answer(key, value):
    body = answer()
    body["prediction"][1]["trajectory"][7][key] = value
    with pytest.raises(NoForecast):
        forecast_of(said(json.dumps(body).encode()), ASKED, AT_MS, True)


def test_an_answer_about_another_place_or_time_is_none():
    for point, why in ((Point(AT_MS, 52.1, -1.5, 9_000.0), "another place"),
                       (Point(AT_MS + 1_800_000, 52.0, -1.5, 9_000.0), "another time"),
                       (Point(AT_MS - 86_400_000, 52.0, -1.5, 9_000.0), "another time")):
        with pytest.raises(NoForecast, match=why):
            forecast_of(said(answer()), replace(ASKED, position=point), AT_MS, True)


def test_an_answer_cut_at_every_byte_raises_nothing_else():
    body = json.dumps(answer(3)).encode()
    for at in range(len(body)):
        with pytest.raises(NoForecast):
            forecast_of(said(body[:at]), ASKED, AT_MS, True)
