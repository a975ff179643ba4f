"""Step 2, what was found: each export, which of the people the user is, and what is left out."""

from __future__ import annotations

import glob
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from host_training.common.settings import is_chat
from host_training.corpus import assemble, inventory, summary
from host_training.corpus.inventory import InventoryRow
from host_training.studio import settings_file
from host_training.studio.answers import NotDone, as_json, posted, texts_of
from host_training.studio.jobs import Jobs
from host_training.studio.plain_warnings import little_writing_warning, page_warnings
from host_training.studio.state import is_read
from host_training.studio.studio_folder import StudioFolder

PEOPLE_MAX = 400  # that the page shows, those with most words
CHATS_MAX = 400
NAME_CHARS_MAX = 400
ALIKE_MAX = 3  # exports of a kind in one folder, shown one by one
TIERS = {"tier 1": "Essays and documents", "tier 2": "Journals and notes",
         "tier 3": "Mails and talks", "tier 4": "Chats and posts"}


def routes(studio: StudioFolder, jobs: Jobs) -> list[Route]:
    """Of this step."""
    return [Route("/api/scan", partial(_scan, studio, jobs), methods=["POST"]),
            Route("/api/found", partial(_found, studio)),
            Route("/api/people", partial(_people, studio, jobs), methods=["POST"])]


def start_scan(studio: StudioFolder, jobs: Jobs) -> None:
    """Read the exports anew. Raises NotDone while a command runs."""
    jobs.start("scan", ["scan", studio.persona, "--out", studio.seen],
               {"fingerprint": studio.fingerprint()})


async def _scan(studio: StudioFolder, jobs: Jobs, request: Request) -> Response:
    await posted(request)
    if not studio.table().get("author"):
        raise NotDone("Please write your name first.")
    start_scan(studio, jobs)
    return as_json({})


async def _found(studio: StudioFolder, request: Request) -> Response:
    return as_json(found(studio))


def found(studio: StudioFolder) -> dict[str, Any]:
    """What the newest `scan` saw; ``learns`` is empty until it knows who the author is."""
    table, rows = studio.table(), _rows(studio)
    read = summary.read_summary(studio.seen) if _is_there(studio, summary.SUMMARY) else None
    chats = _json(studio.seen / assemble.CHATS) or []
    left_out = settings_file.chats_left_out(table)
    people = _accounts(rows, table)
    return {
        "exports": list(_exports(rows)),
        "people": people,
        "chats": [{"id": chat["id"], "name": chat["name"] or chat["id"],
                   "messages": chat["messages"],
                   "is_out": any(is_chat(pattern, chat["name"], chat["id"])
                                 for pattern in left_out)} for chat in chats[:CHATS_MAX]],
        "learns": _learns(read) if read else [],
        "left_out": read["left out"]["skipped"] if read else {},
        "not_understood": read["left out"]["first bad"] if read else _quarantined(studio),
        "warnings": [*little_writing_warning(read, people),
                     *page_warnings(read["warnings"], people)] if read else [],
    }


def _exports(rows: Iterable[InventoryRow]) -> Iterator[dict[str, Any]]:
    """``kind`` is the app's name, ``file`` where it begins.

    More than ALIKE_MAX of a kind in one folder, like the notes of a vault, are one row together.
    """
    groups: defaultdict[tuple[str, str], list[InventoryRow]] = defaultdict(list)
    for row in rows:
        kind, _, file = row["export"].partition(": ")
        groups[kind, file.rpartition("/")[0]].append(row)
    for (kind, folder), alike in groups.items():
        for some in ([alike] if len(alike) > ALIKE_MAX else [[row] for row in alike]):
            file = folder if len(some) > 1 else some[0]["export"].partition(": ")[2]
            days = sorted(day for row in some for day in row["dates"].split(" to ") if day)
            speakers = some[0]["speakers"]
            yield {"kind": kind, "file": file.removeprefix("exports").removeprefix("/"),
                   "files": sum(row["files"] for row in some),
                   "messages": sum(row["messages"] for row in some),
                   "words": sum(row["words"] for row in some),
                   "dates": " to ".join(dict.fromkeys([*days[:1], *days[-1:]])),
                   "speakers": speakers if all(row["speakers"] == speakers for row in some)
                   else ["several people"]}


def _accounts(rows: Iterable[InventoryRow], table: dict[str, Any]) -> list[dict[str, Any]]:
    """Everybody whom an export does not tell to be the author, the most talkative first.

    ``is_likely``: has the author's name, or a part of it.
    """
    me, without = set(table.get("me", [])), set(table.get("privacy", {}).get("without", []))
    called = {word.casefold() for word in str(table.get("author", "")).split()}
    people: dict[str, dict[str, Any]] = {}
    for row in rows:
        for one in row["accounts"]:
            account, own_id = one["account"], one["account"].partition(":")[2]
            person = people.setdefault(account, {
                "account": account, "name": one["name"] or own_id, "words": 0, "in": [],
                "is_me": one["is_you"] or bool({account, own_id} & me),
                "is_out": bool({account, own_id, one["name"]} & without),
                "is_likely": _is_named(set(one["name"].casefold().split()), called)})
            person["words"] += one["words"]
            kind = row["export"].partition(": ")[0]
            person["in"] += [kind] if kind not in person["in"] else []
    return sorted(people.values(), key=lambda person: -person["words"])[:PEOPLE_MAX]


def _is_named(words: set[str], called: set[str]) -> bool:
    """"Ada" and "Ada Moor" are one name, "Ada Berg" is another."""
    return bool(words and called) and (words <= called or called <= words)


def _learns(read: summary.WritingSummary) -> list[dict[str, Any]]:
    """What is learnt of each kind of writing: its share, and how often each text counts."""
    weighed, written = read["weighed bytes"], read["bytes as written"]
    total = max(1, sum(weighed.values()))
    return [{"what": TIERS[tier], "share": n / total, "times": n / max(1, written[tier]),
             "bytes": written[tier]} for tier, n in weighed.items()]


async def _people(studio: StudioFolder, jobs: Jobs, request: Request) -> Response:
    """The ticks of the user, and then everything is read again, with them."""
    data = await posted(request)
    me = texts_of(data, "me", "Which of these is you", PEOPLE_MAX, NAME_CHARS_MAX)
    without = texts_of(data, "without", "People to leave out", PEOPLE_MAX, NAME_CHARS_MAX)
    chats_out = texts_of(data, "chats_out", "Chats to leave out", CHATS_MAX, NAME_CHARS_MAX)
    before = found(studio)
    _check_known(me + without, {person["account"] for person in before["people"]}, "person")
    _check_known(chats_out, {chat["id"] for chat in before["chats"]}, "chat")
    if set(me) & set(without):
        raise NotDone("Somebody is ticked as you and to be left out; choose one of the two.")
    has_own = any(speaker.startswith("you ") for row in _rows(studio)
                  for speaker in row["speakers"])
    if before["people"] and not me and not has_own:
        raise NotDone("Please tick which of these people is you: otherwise nothing can be learnt.")
    changed = studio.fingerprint()
    settings_file.change(studio, {"me": me}, {"without": without},
                         [glob.escape(chat) for chat in chats_out])
    studio.tick("found")
    if changed != studio.fingerprint() or not is_read(studio, jobs):
        start_scan(studio, jobs)
    return as_json({})


def _check_known(given: Iterable[str], known: set[str], what: str) -> None:
    for one in given:
        if one not in known:
            raise NotDone(f"There is no {what} {one} in your files any more; look at the list"
                          " again.", 409)


def _rows(studio: StudioFolder) -> list[InventoryRow]:
    return inventory.read_inventory(studio.seen) if _is_there(studio, inventory.INVENTORY) else []


def _quarantined(studio: StudioFolder) -> list[str]:
    """What a `scan` that ended early did not understand."""
    path = studio.seen / "quarantine.jsonl"
    if not path.exists():
        return []
    with path.open(encoding="utf-8") as file:
        rows = [json.loads(line) for _, line in zip(range(20), file, strict=False)]
    return [f"{' '.join(filter(None, (row['file'], row['place'])))}: {row['reason']}"
            for row in rows]


def _is_there(studio: StudioFolder, name: str) -> bool:
    return (studio.seen / name).exists()


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
