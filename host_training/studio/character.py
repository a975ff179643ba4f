"""Step 3, the character: its name, what it says it is, and the values it keeps to."""

from __future__ import annotations

from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from host_training.bundle.pack import MUST_SAY
from host_training.common.persona_dir import read_list
from host_training.corpus import summary
from host_training.studio import settings_file
from host_training.studio.answers import NotDone, as_json, posted, text_of, texts_of
from host_training.studio.found import start_scan
from host_training.studio.jobs import Jobs
from host_training.studio.state import is_read, need
from host_training.studio.studio_folder import StudioFolder, replace_text
from host_training.studio.writing import default_words
from payload.prompt import PROMPT_VALUES_MAX

NAME_CHARS_MAX = 16  # of a payload, which is called like it
WORDS_CHARS_MAX = 400
LINES_MAX = 60
LINE_CHARS_MAX = 200
LISTS = {"values": "What you value", "thinking": "How you think"}


def routes(studio: StudioFolder, jobs: Jobs) -> list[Route]:
    """Of this step."""
    return [Route("/api/character", partial(_read, studio)),
            Route("/api/character", partial(_write, studio, jobs), methods=["POST"])]


async def _read(studio: StudioFolder, request: Request) -> Response:
    table = studio.table()
    name = table.get("name", "")
    lists = {key: read_list(studio.persona / f"{key}.md") for key in LISTS}
    seen = (summary.read_summary(studio.seen)["candidates for values.md"]
            if (studio.seen / summary.SUMMARY).exists() else [])
    return as_json({
        "name": name, **{key: table.get(key) or words
                         for key, words in default_words(name).items()},
        **lists, "candidates": [line for line in seen if line not in lists["values"]],
        "in_every_prompt": PROMPT_VALUES_MAX, "must_say": list(MUST_SAY)})


async def _write(studio: StudioFolder, jobs: Jobs, request: Request) -> Response:
    data = await posted(request)
    words: dict[str, Any] = {
        "name": text_of(data, "name", "Its name", NAME_CHARS_MAX),
        "disclosure": text_of(data, "disclosure", "What it is", WORDS_CHARS_MAX),
        "system": text_of(data, "system", "How it speaks", WORDS_CHARS_MAX)}
    lists = {key: texts_of(data, key, called, LINES_MAX, LINE_CHARS_MAX)
             for key, called in LISTS.items()}
    if not lists["values"]:
        raise NotDone("What you value: please write at least one sentence, like: I say what I"
                      " saw.")
    need(studio.ticks().get("found") is not None, "Please look at what was found first.")
    settings_file.change(studio, words)
    for key, lines in lists.items():
        _write_list(studio, f"{key}.md", lines)
    studio.tick("character")
    if not is_read(studio, jobs):  # a new name is one that stays in the texts
        studio.tick("found")
        start_scan(studio, jobs)
    return as_json({})


def _write_list(studio: StudioFolder, name: str, lines: list[str]) -> None:
    """The items of a list, under whatever else the file says."""
    path = studio.persona / name
    kept = [line for line in (path.read_text(encoding="utf-8-sig").splitlines()
                              if path.exists() else []) if not line.startswith("- ")]
    items = [f"- {line.removeprefix('- ')}" for line in lines]
    replace_text(path, "\n".join([*kept, *items]).strip("\n") + "\n")
