"""Goal: the verdict is said as it was measured, and the page of the report cannot do anything."""

from __future__ import annotations

import json

from host_training.studio import report
from tests.host_training.studio.desk import Desk


def examined(desk: Desk, **change: object) -> None:
    """What the evaluation of the persona that is there would have left."""
    manifest = json.loads((desk.studio.bundle / "manifest.json").read_text())
    stage = desk.studio.work / "evaluate-0123"
    stage.mkdir(parents=True, exist_ok=True)
    (stage / "gates.json").write_text(json.dumps({
        "gates": [{"name": "leak", "is_passed": True, "sentence": "No private data was found."},
                  {"name": "canary", "is_passed": None, "sentence": "It was not measured."},
                  {"name": "base", "is_passed": False, "sentence": "No."}],
        "summary": {**manifest["training"]["evaluation"], **change},
        "sentences": ["No private data was found.", "It was not measured.", "No.", "In figures."]}))


def test_answers_and_whether_it_is_signed(desk: Desk) -> None:
    assert desk.get("/api/report") == {"answers": [], "sentences": [], "is_signed": False}
    desk.train()
    examined(desk)
    found = desk.get("/api/report")
    assert [(one["question"], one["is_passed"]) for one in found["answers"]] == [
        ("Does it keep secrets?", True), ("Does it speak in its own words?", None),
        ("Is it like you?", False)]
    assert [one["sentence"] for one in found["answers"]][1:] == [
        report.NOT_MEASURED, report.ANSWERS["base"].failed]
    assert found["sentences"][0] == "No private data was found." and found["is_signed"]
    examined(desk, mission_rate=-1)
    assert not desk.get("/api/report")["is_signed"], "it is of another training"


def test_the_page_of_the_report_has_no_script(desk: Desk) -> None:
    answer = desk.client.get("/report")
    assert answer.status_code == 404 and "comes with the training" in answer.json()["error"]
    desk.studio.report.write_text("<!doctype html><script>alert(1)</script>")
    answer = desk.client.get("/report")
    assert answer.headers["content-type"].startswith("text/html")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "script-src" not in policy


def test_the_report_is_done_once_it_was_left(desk: Desk) -> None:
    desk.train()
    desk.studio.report.write_text("<p>")
    assert desk.steps()["report"] == (True, False)
    desk.post("/api/report")
    assert desk.steps()["report"] == (True, True)
