"""Radio text in the files that one takes home: it stays text, in whatever opens them."""

from __future__ import annotations

import csv
import json

import pytest

from groundstation.export.export import write_all
from groundstation.ground import Ground
from groundstation.reading.reader import FlightReader
from tests.groundstation.far_end import MISSION, START_MS, FarEnd, state_at
from wire.records import Kind

FORMULAS = ("=1+1", "+1+1", "-1+1", "@SUM(A1)", "-2+3+cmd|' /C calc'!A0", "=HYPERLINK(\"x\")",
            "＝1+1", "＋1", "－1", "＠SUM(A1)")


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_of_text_is_a_formula_and_numbers_stay_numbers(archive, tmp_path, text):
    """OWASP, CSV injection: = + - @, their fullwidth forms, tab and return begin one, in every
    column that has text."""
    ground, far = Ground(MISSION, archive, None), FarEnd()
    far.push(Kind.REPLY, START_MS, {
        "text": text, "question": text, "senses": text, "alt": -5, "question_id": 1})
    ground.receive(far.data(START_MS + 5000), START_MS + 5000)
    ground.receive(far.beacon(state_at(7000)), START_MS + 7_000_000)
    reader = FlightReader(archive.path, MISSION)
    write_all(reader, tmp_path / "out")
    reader.close()
    (said,) = rows_of(tmp_path / "out" / "diary.csv")
    assert [said[name] for name in ("text", "question", "senses")] == ["'" + text] * 3
    assert said["altitude_m"] == "-5", "a number below zero is no formula"
    (beacon,) = rows_of(tmp_path / "out" / "telemetry.csv")
    assert float(beacon["climb_mps"]) == -13.0


def test_a_canned_line_is_marked_in_every_file(archive, tmp_path):
    """And a line of which it is not said who made it is given to nobody."""
    ground, far = Ground(MISSION, archive, None), FarEnd()
    for text, by in (("Cold.", "model"), ("I am an AI.", "canned"), ("Wind.", "poet"), ("Sun.", 5)):
        far.push(Kind.MUSING, START_MS, {
            "text": text, "by": by, "lat": 521_000_000, "lon": 130_000_000})
    ground.receive(far.data(START_MS + 5000), START_MS + 5000)
    reader = FlightReader(archive.path, MISSION)
    write_all(reader, tmp_path / "out")
    reader.close()
    made_by = {"Cold.": "model", "I am an AI.": "canned", "Wind.": "", "Sun.": ""}
    assert {row["text"]: row["by"] for row in rows_of(tmp_path / "out" / "diary.csv")} == made_by
    lines = (tmp_path / "out" / "musings.txt").read_text().splitlines()
    assert lines == ["Cold.", "I am an AI. [canned]", "Wind.", "Sun."]
    features = json.loads((tmp_path / "out" / "track.geojson").read_text())["features"]
    said = [feature["properties"] for feature in features]
    assert {each["text"]: each["by"] or "" for each in said} == made_by
