"""Step 1, the writing: uploads into the exports folder, its content, and the author.

A name that a browser sends is taken apart and cleaned before it becomes a path, and nothing is
written outside the exports folder. What a zip unpacks to is bounded where it is read
(``common.unpacking``).
"""

from __future__ import annotations

import filecmp
import hashlib
import os
import secrets
import shutil
import threading
import unicodedata
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from host_training.importers.mail import is_maildir
from host_training.studio import settings_file
from host_training.studio.answers import NotDone, as_json, posted, text_of
from host_training.studio.jobs import DOING, KINDS, Jobs
from host_training.studio.studio_folder import FILES_MAX, StudioFolder, files_below

UPLOAD_BYTES_MAX = 50_000_000_000  # of one file; archives of a whole life are smaller
DISK_KEPT_BYTES = 2_000_000_000  # stays free, for the training
NAME_BYTES_MAX = 120  # of each part of a path
MARK_CHARS = 6
PARTS_MAX = 8  # folders in folders, with the file
ENTRIES_SHOWN_MAX = 200
AUTHOR_CHARS_MAX = 60
_PUTTING = threading.Lock()


def routes(studio: StudioFolder, jobs: Jobs) -> list[Route]:
    """Of this step."""
    return [
        Route("/api/author", partial(_author, studio), methods=["POST"]),
        Route("/api/exports", partial(_upload, studio, jobs), methods=["PUT"]),
        Route("/api/exports", partial(_remove, studio, jobs), methods=["DELETE"]),
    ]


def listed(studio: StudioFolder) -> dict[str, Any]:
    """The content of the exports folder: each file or folder at its top, with its size."""
    count = size = 0
    entries: dict[str, dict[str, Any]] = {}
    for path, about in files_below(studio.exports):
        top = path.relative_to(studio.exports).parts[0]
        entry = entries.setdefault(top, {"name": top, "bytes": 0, "files": 0,
                                         "is_folder": path.parent != studio.exports})
        entry["bytes"] += about.st_size
        entry["files"] += 1
        count, size = count + 1, size + about.st_size
    return {"count": count, "bytes": size, "entries": list(entries.values())[:ENTRIES_SHOWN_MAX]}


def default_words(name: str) -> dict[str, str]:
    """The default disclosure and system text of a persona of this name."""
    return {"disclosure": f"{name} is an AI persona, not the person.",
            "system": f"You are {name}, a small machine under a balloon. You say what you saw, in"
                      " one sentence."}


async def _author(studio: StudioFolder, request: Request) -> Response:
    author = text_of(await posted(request), "author", "Your name", AUTHOR_CHARS_MAX)
    table = studio.table()
    name = table.get("name") or author.split()[0]
    words = {key: table.get(key) or words for key, words in default_words(name).items()}
    settings_file.change(studio, {"author": author, "name": name, **words})
    return as_json({"author": author})


async def _upload(studio: StudioFolder, jobs: Jobs, request: Request) -> Response:
    """One file, whole or not at all."""
    _refuse_meanwhile(jobs)
    target = target_of(studio, request.query_params.get("name", ""))
    if target is None:
        return as_json({"skipped": True})
    declared = request.headers.get("content-length", "")
    if not declared.isascii() or not declared.isdigit() or len(declared) > 15:
        raise NotDone(f"{target.name}: the browser did not say how large it is; try another"
                      " browser.", 411)
    _check_room(studio, target.name, int(declared))
    incoming = studio.incoming / secrets.token_hex(8)
    try:
        await _receive(request.stream(), incoming, int(declared), target.name)
        await run_in_threadpool(_put, incoming, target)
    except OSError as error:
        raise NotDone(f"{target.name}: cannot be stored ({error.strerror}); make room on the disk"
                      " and drop it again.", 507) from error
    finally:
        incoming.unlink(missing_ok=True)
    return as_json({"name": target.name})


async def _receive(stream: AsyncIterator[bytes], path: Path, declared: int, name: str) -> None:
    n_bytes = 0
    try:
        with path.open("wb") as file:
            async for part in stream:
                n_bytes += len(part)
                if n_bytes > declared:
                    break
                file.write(part)
    except ClientDisconnect as error:
        raise NotDone(f"{name}: did not arrive whole; drop it again.", 400) from error
    if n_bytes != declared:
        raise NotDone(f"{name}: did not arrive whole; drop it again.", 400)


def _check_room(studio: StudioFolder, name: str, n_bytes: int) -> None:
    if n_bytes > UPLOAD_BYTES_MAX:
        raise NotDone(f"{name}: is larger than {UPLOAD_BYTES_MAX / 1e9:.0f} GB; unpack it and drop"
                      " only the messages.", 413)
    free = shutil.disk_usage(studio.root).free
    if n_bytes + DISK_KEPT_BYTES > free:
        raise NotDone(f"{name}: the disk has {free / 1e9:.1f} GB left, of which"
                      f" {DISK_KEPT_BYTES / 1e9:.0f} GB are kept for the training; make room and"
                      " drop it again.", 507)
    if sum(1 for _ in files_below(studio.exports)) >= FILES_MAX:
        raise NotDone(f"There are {FILES_MAX} files already, which is the limit; put the rest into"
                      " one zip file and drop that.", 413)


def target_of(studio: StudioFolder, name: str) -> Path | None:
    """Where a file of this name goes, below the exports; None for a hidden one, which no importer
    reads. The folders of a Maildir only look hidden, and keep their dots.

    Raises:  NotDone for a name of which nothing is left.
    """
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".", "..")]
    is_mail = is_maildir("/".join(parts)) and not parts[-1].startswith(".")
    if not is_mail and any(part.startswith(".") for part in parts):
        return None
    cleaned = [*map(_folder, parts[:-1]), *map(_part, parts[-1:])]
    if any(part.startswith(".") and _part(part) == "git" for part in parts):
        return None  # the importer takes the folder around it for a repository
    if not cleaned or not all(part.strip(".") for part in cleaned) or len(cleaned) > PARTS_MAX:
        raise NotDone(f"A file has no usable name, or is inside more than {PARTS_MAX}"
                      " folders; rename it and drop it again.", 400)
    target = studio.exports.joinpath(*cleaned)
    if not target.resolve().is_relative_to(studio.exports.resolve()):  # through a link
        raise NotDone(f"{cleaned[0]}: leads out of the studio's folder; rename it and drop it"
                      " again.", 400)
    return target


def _folder(name: str) -> str:
    """The same of a folder. One whose name is not clean has a mark of its own: another folder may
    have the same name once it is, and the two are two exports."""
    dot = "." if name.startswith(".") else ""
    text = _part(name)
    is_clean = dot + text == unicodedata.normalize("NFC", name)
    mark = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:MARK_CHARS]
    return f"{dot}{text}" if is_clean or not text else f"{dot}{text}-{mark}"


def _part(text: str) -> str:
    """One part of a path: no control characters, not too long, its suffix kept."""
    text = unicodedata.normalize("NFC", text.encode("utf-8", "replace").decode())
    text = "".join(char for char in text if char.isprintable()).strip(" .")
    stem, dot, suffix = text.rpartition(".")
    if len(text.encode()) <= NAME_BYTES_MAX:
        return text
    room = NAME_BYTES_MAX - len(suffix.encode()) - 1
    if not dot or room < 1:
        return text.encode()[:NAME_BYTES_MAX].decode(errors="ignore")
    return f"{stem.encode()[:room].decode(errors='ignore')}.{suffix}"


def _put(incoming: Path, target: Path) -> None:
    """Move it to its target, with a number if a different file has that name."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with _PUTTING:  # two of one name may arrive at once
        place, number = target, 1
        while place.exists() and not (
                place.is_file() and filecmp.cmp(place, incoming, shallow=False)):
            number += 1
            place = target.with_name(f"{target.stem} ({number}){target.suffix}")
        os.replace(incoming, place)


async def _remove(studio: StudioFolder, jobs: Jobs, request: Request) -> Response:
    """A file or a folder at the top, by the name under which it is listed."""
    _refuse_meanwhile(jobs)
    name = request.query_params.get("name", "")
    found = next((path for path in studio.exports.iterdir() if path.name == name), None)
    if found is None:
        raise NotDone("That file is not here any more; the list is up to date now.", 404)
    if found.is_dir() and not found.is_symlink():
        await run_in_threadpool(shutil.rmtree, found)
    else:
        found.unlink()
    return as_json({"name": name})


def _refuse_meanwhile(jobs: Jobs) -> None:
    for kind in KINDS:
        if jobs.is_running(kind):
            raise NotDone(f"{DOING[kind]}; wait until that is done, or stop it, and then change"
                          " the files.", 409)
