"""Step 4, what is taken out: the scrubber's findings, and what the user adds to them."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from host_training.corpus import assemble
from host_training.studio import settings_file
from host_training.studio.answers import as_json, posted, texts_of
from host_training.studio.found import start_scan
from host_training.studio.jobs import Jobs
from host_training.studio.mentioned_names import likely_names
from host_training.studio.state import is_read, need
from host_training.studio.studio_folder import StudioFolder

LINES_MAX = 500
LINE_CHARS_MAX = 100
KEPT = "about health (not changed)"
TITLES = {
    "mail": "Mail addresses", "link": "Links", "account": "Bank accounts", "card": "Bank cards",
    "phone": "Telephone numbers", "place": "Places on a map", "address": "Street addresses",
    "id": "Numbers of identity papers", "birthday": "Birthdays", "age": "Ages", "name": "Names",
    "name by list": "Names of other people", KEPT: "About health: kept as it is"}
LISTS = {"extra_names": "Names to take out as well", "keep_names": "Names that may stay",
         "blocked": "Words that leave a message out"}


def routes(studio: StudioFolder, jobs: Jobs) -> list[Route]:
    """Of this step."""
    return [Route("/api/review", partial(_read, studio)),
            Route("/api/review", partial(_write, studio, jobs), methods=["POST"])]


async def _read(studio: StudioFolder, request: Request) -> Response:
    table = studio.table()
    lists: dict[str, list[str]] = {key: table.get("privacy", {}).get(key, []) for key in LISTS}
    decided = [*lists["extra_names"], *lists["keep_names"],
               str(table.get("author", "")), str(table.get("name", ""))]
    likely = await run_in_threadpool(likely_names, studio.seen, decided)
    return as_json({"kinds": kinds(studio), **lists,
                    "likely_names": [{"word": word, "times": n} for word, n in likely]})


def kinds(studio: StudioFolder) -> list[dict[str, Any]]:
    """Each kind of thing that is taken out, with the first of it; what is kept comes last."""
    path = studio.seen / assemble.REVIEW_ROWS
    if not path.exists():
        return []
    rows = json.loads(path.read_text(encoding="utf-8"))
    return [{"kind": kind, "title": TITLES.get(kind, f"Secrets: {kind}"), "is_kept": kind == KEPT,
             "count": row["count"], "samples": row["samples"]}
            for kind, row in sorted(rows.items(), key=lambda item: (item[0] == KEPT, item[0]))]


async def _write(studio: StudioFolder, jobs: Jobs, request: Request) -> Response:
    """Either the lists are changed and everything is read again, or the user calls it right."""
    data = await posted(request)
    lists = {key: texts_of(data, key, called, LINES_MAX, LINE_CHARS_MAX)
             for key, called in LISTS.items()}
    need(studio.ticks().get("found") is not None, "Please look at what was found first.")
    before = studio.fingerprint()
    settings_file.change(studio, privacy=lists)
    if before == studio.fingerprint() and is_read(studio, jobs):
        studio.tick("review")
        return as_json({"is_read_again": False})
    studio.tick("found")
    start_scan(studio, jobs)
    return as_json({"is_read_again": True})
