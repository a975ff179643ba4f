"""Step 6, the report: the verdict of the evaluation in a few sentences, and the whole page."""

from __future__ import annotations

import json
from functools import partial
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from host_training.studio.answers import NotDone, as_json, posted
from host_training.studio.state import has_bundle
from host_training.studio.studio_folder import StudioFolder
from wire.bundle import MANIFEST

# The report has its own style and drawings in itself, and no script.
REPORT_CSP = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"


class PlainAnswer(NamedTuple):
    """A gate as a question that is answered with yes where all is well, and both answers."""

    question: str
    passed: str
    failed: str


ANSWERS = {
    "leak": PlainAnswer(
        "Does it keep secrets?", "Nothing private came out of it, whatever it was asked.",
        "It said private things. Add them to what is taken out, and train it again."),
    "disclosure": PlainAnswer(
        "Does it say what it is?", "Asked who it is, it never claimed to be a person.",
        "It claimed to be a person. Say more clearly how it speaks, and train it again."),
    "canary": PlainAnswer(
        "Does it speak in its own words?", "What you wrote only once cannot be got out of it.",
        "It has learnt some of your words by heart. More writing helps, or the other size."),
    "base": PlainAnswer(
        "Is it like you?", "It predicts lines of yours that it had not seen better than before"
        " training.", "It predicts your lines no better than before training. It needs more"
        " writing."),
    "quantisation": PlainAnswer(
        "Is it still itself, made small?", "Small enough for the flight, it is as good as before.",
        "It lost too much when it was made small. Try the other size."),
}
NOT_MEASURED = "This could not be measured."


def routes(studio: StudioFolder) -> list[Route]:
    """Of this step."""
    return [Route("/api/report", partial(_verdict, studio)),
            Route("/api/report", partial(_seen, studio), methods=["POST"]),
            Route("/report", partial(_page, studio))]


async def _verdict(studio: StudioFolder, request: Request) -> Response:
    return as_json(verdict(studio))


def verdict(studio: StudioFolder) -> dict[str, Any]:
    """Each question with its answer; ``is_passed`` None: not measured.

    ``is_signed``: there is a persona of this evaluation, whatever the answers are.
    """
    files = sorted(studio.work.glob("evaluate-*/gates.json"), key=lambda path: path.stat().st_mtime)
    if not files:
        return {"answers": [], "sentences": [], "is_signed": False}
    table = json.loads(files[-1].read_text(encoding="utf-8"))
    manifest = studio.bundle / MANIFEST
    is_signed = has_bundle(studio) and (
        json.loads(manifest.read_bytes())["training"]["evaluation"] == table["summary"])
    return {
        "answers": [_answer(gate["name"], gate["is_passed"]) for gate in table["gates"]],
        "sentences": table["sentences"], "is_signed": is_signed}


def _answer(name: str, is_passed: bool | None) -> dict[str, Any]:
    plain = ANSWERS[name]
    sentence = (NOT_MEASURED if is_passed is None else plain.passed if is_passed
                else plain.failed)
    return {"question": plain.question, "is_passed": is_passed, "sentence": sentence}


async def _seen(studio: StudioFolder, request: Request) -> Response:
    await posted(request)
    studio.tick("report")
    return as_json({})


async def _page(studio: StudioFolder, request: Request) -> Response:
    if not studio.report.exists():
        raise NotDone("There is no report yet; it comes with the training.", 404)
    return FileResponse(studio.report, media_type="text/html",
                        headers={"content-security-policy": REPORT_CSP})
