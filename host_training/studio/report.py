"""Step 6, the report: the verdict of the evaluation in a few sentences, and the whole page."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from host_training.studio.answers import NotDone, as_json, posted
from host_training.studio.place import StudioPlace
from host_training.studio.state import has_bundle
from wire.bundle import MANIFEST

# The report has its own style and drawings in itself, and no script.
REPORT_CSP = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
TITLES = {"leak": "Does it keep secrets?", "disclosure": "Does it say what it is?",
          "canary": "Did it learn anything by heart?", "base": "Is it you?",
          "quantisation": "Did it stay itself when it was made small?"}


def routes(place: StudioPlace) -> list[Route]:
    """Of this step."""
    return [Route("/api/report", partial(_verdict, place)),
            Route("/api/report", partial(_seen, place), methods=["POST"]),
            Route("/report", partial(_page, place))]


async def _verdict(place: StudioPlace, request: Request) -> Response:
    return as_json(verdict(place))


def verdict(place: StudioPlace) -> dict[str, Any]:
    """Each question with its answer; ``is_passed`` None: not measured.

    ``is_signed``: there is a persona of this evaluation, whatever the answers are.
    """
    files = sorted(place.work.glob("evaluate-*/gates.json"), key=lambda path: path.stat().st_mtime)
    if not files:
        return {"answers": [], "sentences": [], "is_signed": False}
    table = json.loads(files[-1].read_text(encoding="utf-8"))
    manifest = place.bundle / MANIFEST
    is_signed = has_bundle(place) and (
        json.loads(manifest.read_bytes())["training"]["evaluation"] == table["summary"])
    return {
        "answers": [{"question": TITLES.get(gate["name"], gate["name"]), "name": gate["name"],
                     "is_passed": gate["is_passed"], "sentence": gate["sentence"]}
                    for gate in table["gates"]],
        "sentences": table["sentences"][len(table["gates"]):], "is_signed": is_signed}


async def _seen(place: StudioPlace, request: Request) -> Response:
    await posted(request)
    place.tick("report")
    return as_json({})


async def _page(place: StudioPlace, request: Request) -> Response:
    if not place.report.exists():
        raise NotDone("There is no report yet; it comes with the training.", 404)
    return FileResponse(place.report, media_type="text/html",
                        headers={"content-security-policy": REPORT_CSP})
