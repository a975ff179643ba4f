"""The studio's folder, which is all of its state: opened again, the studio continues from it."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from host_training.common import persona_dir
from host_training.corpus import persona_template
from host_training.stages import LOCK, PRIVATE, alone

PROJECT = Path(__file__).resolve().parents[2]
FILES_MAX = 20_000  # in the exports; more is put into a zip, which is one file
# Of persona.toml, what the reading of the exports depends on; the rest may change without it.
KEYS_READ = ("name", "author", "me", "nobody", "people", "timezone", "source", "privacy",
                "clean", "sessions")
TOKEN_BYTES = 24
TOKEN_CHARACTERS_MAX = 64
NOTHING = "\0 \t\r\n"  # what a power cut may leave of a file


@dataclass(frozen=True, slots=True)
class StudioFolder:
    """The paths and small files of a studio's folder."""

    root: Path

    @property
    def persona(self) -> Path:
        """The persona directory, as the commands know it."""
        return self.root / "persona"

    @property
    def exports(self) -> Path:
        """What was dropped; the user may as well copy files here."""
        return self.persona / persona_template.EXPORTS

    @property
    def seen(self) -> Path:
        """What `scan` found."""
        return self.root / "seen"

    @property
    def bundle(self) -> Path:
        """The trained persona, signed."""
        return self.root / "bundle"

    @property
    def work(self) -> Path:
        """Of `run`: each stage's output, from which it continues."""
        return self.root / "bundle.run"

    @property
    def report(self) -> Path:
        """The evaluation as a page."""
        return self.root / "bundle.report.html"

    @property
    def card(self) -> Path:
        """What goes onto the memory card."""
        return self.root / "sd-card"

    @property
    def incoming(self) -> Path:
        """Uploads that are not whole yet."""
        return self.root / "incoming"

    @property
    def jobs(self) -> Path:
        """Records, locks and logs of the commands."""
        return self.root / "jobs"

    @property
    def talk(self) -> Path:
        """The conversation, a turn to a line."""
        return self.root / "talk.jsonl"

    @contextmanager
    def opened(self) -> Iterator[None]:
        """No other studio has the folder meanwhile. Raises OSError, TrainingError."""
        self.root.mkdir(PRIVATE, parents=True, exist_ok=True)
        with alone(self.root / LOCK, f"{self.root}: another studio has this folder open; use its "
                                     "page, or end it first."):
            yield

    def prepare(self) -> None:
        """Make what is missing, for its owner's eyes alone. Raises OSError, TrainingError.

        What other studios of the folder have half received is removed, so there is none
        (``opened``).
        """
        self.root.mkdir(PRIVATE, parents=True, exist_ok=True)
        if not (self.persona / "persona.toml").exists():
            persona_template.write(self.persona)
        for folder in (self.exports, self.incoming, self.jobs):
            folder.mkdir(PRIVATE, parents=True, exist_ok=True)
        for left in self.incoming.iterdir():
            left.unlink()

    def token(self) -> str:
        """What opens the page; made once, so that an open tab survives a restart."""
        path = self.root / "token"
        known = path.read_text().strip(NOTHING) if path.exists() else ""
        if not known:
            known = secrets.token_urlsafe(TOKEN_BYTES)
            _replace_private_text(path, known)
        return known[:TOKEN_CHARACTERS_MAX]

    def fingerprint(self) -> str:
        """Of all that `scan` reads: it changes when a file comes, goes or is another."""
        digest = hashlib.sha256()
        for path, about in [*files_below(self.exports),
                            *files_below(self.persona / persona_dir.NOTEBOOK)]:
            name = path.relative_to(self.root)  # the folder may be moved
            digest.update(os.fsencode(f"{name}\0{about.st_size}\0{about.st_mtime_ns}\0"))
        table = self.table()
        digest.update(json.dumps({key: table.get(key) for key in KEYS_READ},
                                 sort_keys=True, default=str).encode())
        return digest.hexdigest()

    def table(self) -> dict[str, Any]:
        """persona.toml as it is, unchecked; empty where it cannot be read."""
        try:
            return tomllib.loads((self.persona / "persona.toml").read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return {}

    def ticks(self) -> dict[str, str]:
        """Step -> the fingerprint under which the user called it right."""
        try:
            found: dict[str, str] = json.loads((self.root / "ticks.json").read_text())
        except (OSError, ValueError):
            return {}
        return found

    def tick(self, step: str) -> None:
        """The user calls a step right, as it is now."""
        replace_text(self.root / "ticks.json",
                     json.dumps({**self.ticks(), step: self.fingerprint()}))


def files_below(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Files in order of their paths, links not followed; the first FILES_MAX.

    One that goes meanwhile is not among them.
    """
    count = 0
    for place, folders, names in os.walk(folder, followlinks=False):
        folders.sort()
        for name in sorted(names):
            count += 1
            if count > FILES_MAX:
                return
            path = Path(place) / name
            with suppress(FileNotFoundError):
                yield path, path.lstat()


def replace_text(path: Path, text: str) -> None:
    """Whole or not at all."""
    partial = path.with_name(f"{path.name}.part")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)


def _replace_private_text(path: Path, text: str) -> None:
    """Whole or not at all, also where the power goes, and for its owner's eyes alone."""
    partial = path.with_name(f"{path.name}.part")
    partial.unlink(missing_ok=True)  # of a start that was cut short
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)
