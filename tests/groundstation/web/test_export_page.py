"""Every export is offered on the page, as a file that a browser saves and never shows."""

from __future__ import annotations

import re

from starlette.testclient import TestClient

from groundstation.archive.archive import Archive
from groundstation.export.export import EVERY
from groundstation.ground import Ground
from groundstation.web import routes
from tests.groundstation.far_end import MISSION, START_MS, FarEnd
from wire.records import Kind


def test_the_page_offers_every_export_as_a_file(tmp_path):
    archive = Archive(tmp_path / "flight.sqlite", is_durable=False)
    far = FarEnd()
    far.push(Kind.MUSING, START_MS, {"text": "<b>cold", "lat": 521_000_000, "lon": 130_000_000})
    Ground(MISSION, archive, None).receive(far.data(START_MS + 5000), START_MS)
    app = routes.create_app(archive.path, MISSION, now=lambda: START_MS)
    client = TestClient(app, base_url="http://127.0.0.1", client=("127.0.0.1", 5000))
    for name, form in EVERY.items():
        answer = client.get(f"/api/export/{name}")
        assert answer.status_code == 200, name
        assert answer.headers["content-type"].startswith(form.media_type)
        assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
        assert answer.headers["cache-control"] == "no-store"
    refused = client.get("/api/export/archive.sqlite")
    assert refused.status_code == 404 and "available: book.html, " in refused.json()["error"]
    offered = set(re.findall(r'"/api/export/([^"]+)"', (routes.STATIC / "index.html").read_text()))
    assert offered <= set(EVERY) and {"book.html", "flight.zip"} <= offered
    app.state.pool.close()
    archive.close()
