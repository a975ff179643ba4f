"""Where the user stands: what each step has, which are open, and which comes next.

Everything follows from the folder, so that it is the same after a restart.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from host_training.bundle import rehearsal
from host_training.common.persona_dir import notebooks, read_list
from host_training.errors import TrainingError
from host_training.studio.answers import NotDone
from host_training.studio.expected import left_s
from host_training.studio.jobs import KINDS, Jobs, as_row
from host_training.studio.studio_folder import StudioFolder
from wire.bundle import MANIFEST

STEPS = ("writing", "found", "character", "review", "learning", "report", "talk", "card")


def is_read(studio: StudioFolder, jobs: Jobs, mark: str | None = None) -> bool:
    """True if `scan` is reading the current exports, or has read them and found the author.

    Args:    mark: ``studio.fingerprint()``, where it is known.
    """
    scan = jobs.state("scan")
    return (scan.is_running or scan.ended == "done") and (
        scan.about.get("fingerprint") == (mark or studio.fingerprint()))


def has_bundle(studio: StudioFolder) -> bool:
    """Whether there is a persona to talk with."""
    return (studio.bundle / MANIFEST).exists()


def speaker(studio: StudioFolder) -> Path | None:
    """The file of whom one can talk with: the signed persona's manifest, or the rehearsal of a
    later training, which is there before its examination; None where there is neither."""
    there = [path for path in (studio.bundle / MANIFEST, studio.work / rehearsal.FILE)
             if path.exists()]
    return max(there, key=lambda path: path.stat().st_mtime, default=None)


def done(studio: StudioFolder, read: bool, mark: str, n_files: int) -> dict[str, bool]:
    """Which steps are done. What was ticked under other files or settings is not.

    Args:    read, mark: ``is_read`` and ``studio.fingerprint()``.
    """
    ticks, table = studio.ticks(), studio.table()
    has_values = bool(_values(studio))
    return {
        "writing": bool(table.get("author")) and (n_files > 0 or any(
            path.stat().st_size for path in notebooks(studio.persona)
            if path.name != "thoughts.md")),
        "found": read and ticks.get("found") == mark,
        "character": has_values and bool(ticks.get("character")),
        "review": read and ticks.get("review") == mark,
        "learning": has_bundle(studio),
        "report": has_bundle(studio) and bool(ticks.get("report")),
        "talk": studio.talk.exists(),
        "card": (studio.card / "persona" / MANIFEST).exists(),
    }


def opened(is_done: dict[str, bool], has_report: bool, is_learning: bool, has_voice: bool
           ) -> dict[str, bool]:
    """Which steps can be entered."""
    has_read = is_done["writing"] and is_done["found"]
    has_persona = is_done["learning"]
    return {
        "writing": True,
        "found": is_done["writing"],
        "character": has_read,
        "review": has_read and is_done["character"],
        "learning": is_learning or has_persona or (
            has_read and is_done["character"] and is_done["review"]),
        "report": has_report,
        "talk": has_voice,
        "card": has_persona,
    }


def state(studio: StudioFolder, jobs: Jobs, files: Callable[[StudioFolder], dict[str, Any]]
          ) -> dict[str, Any]:
    """All that the page needs to draw itself; the long lists of a step are asked for apart.

    Args:    files: ``writing.listed``.
    """
    listed, table, mark = files(studio), studio.table(), studio.fingerprint()
    read = is_read(studio, jobs, mark)
    is_done = done(studio, read, mark, listed["count"])
    scan, train = (jobs.state(kind) for kind in KINDS)
    is_open = opened(is_done, studio.report.exists(), bool(train.about),
                     speaker(studio) is not None)
    return {
        "author": table.get("author", ""), "name": table.get("name", ""),
        "folder": str(studio.root), "files": listed,
        "free_bytes": shutil.disk_usage(studio.root).free // 100_000_000 * 100_000_000,
        "is_read": read, "scan": as_row(scan),
        "train": {**as_row(train), "left_s": left_s(train, train.about.get("expected_s", {})),
                  # what was stopped goes on, unless the writing or its settings have changed
                  "is_of_this": train.about.get("fingerprint") == mark},
        "steps": [{"id": step, "is_done": is_done[step], "is_open": is_open[step]}
                  for step in STEPS],
    }


def _values(studio: StudioFolder) -> list[str]:
    """None where the file cannot be read, which the step of the character says."""
    try:
        return read_list(studio.persona / "values.md")
    except TrainingError:
        return []


def need(is_there: bool, sentence: str) -> None:
    """Raises NotDone with this sentence unless a step before is done."""
    if not is_there:
        raise NotDone(sentence, 409)
