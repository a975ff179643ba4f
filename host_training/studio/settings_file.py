"""Writes persona.toml: changes what the page asks for, and keeps every other line and comment."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from host_training.common import settings
from host_training.common.settings import PersonaSettings
from host_training.errors import TrainingError
from host_training.studio.answers import NotDone
from host_training.studio.studio_folder import StudioFolder, replace_text

EVERYTHING = "*"  # the path of the [[source]] in which the page keeps the chats to be left out


def change(studio: StudioFolder, top: dict[str, Any] | None = None,
           privacy: dict[str, Any] | None = None, chats_out: list[str] | None = None) -> None:
    """Set keys of persona.toml and of its ``[privacy]``, and the chats that are left out.

    Args:    chats_out: patterns of ``[[source]]``'s ``chats.exclude``; None: as they are.
    Raises:  NotDone when the file that is there, or what would become of it, is none.
    """
    path = studio.persona / "persona.toml"
    try:
        document = tomlkit.parse(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, TOMLKitError) as error:
        raise NotDone(f"{path}: cannot be read ({error}); repair it in an editor.") from error
    _set(document, top or {})
    if privacy is not None:
        table = document.setdefault("privacy", tomlkit.table())
        _set(table, privacy)
        if not table:
            document.pop("privacy")
    if chats_out is not None:
        _leave_out(document, chats_out)
    text = tomlkit.dumps(document)
    _check(text, path)
    replace_text(path, text)


def chats_left_out(table: dict[str, Any]) -> list[str]:
    """The patterns that ``change`` wrote."""
    return [str(pattern) for source in table.get("source", [])
            if source.get("path") == EVERYTHING
            for pattern in source.get("chats", {}).get("exclude", [])]


def _set(table: Any, values: dict[str, Any]) -> None:
    """An empty list is what counts where nothing is said, so nothing is said."""
    for key, value in values.items():
        if value == []:
            table.pop(key, None)
        else:
            table[key] = value


def _leave_out(document: Any, patterns: list[str]) -> None:
    """In a [[source]] of its own, the last one, so that what the user wrote of a file comes first.
    """
    sources = [source for source in document.get("source", [])
               if source.get("path") != EVERYTHING]
    document.pop("source", None)
    if patterns:
        sources.append({"path": EVERYTHING, "chats": {"exclude": patterns}})
    if sources:
        rows = tomlkit.aot()
        for source in sources:
            rows.append(tomlkit.item(dict(source)))
        document["source"] = rows


def _check(text: str, path: Path) -> None:
    try:
        table = tomllib.loads(text)
        settings.parse({key: table[key] for key in PersonaSettings.model_fields if key in table},
                       str(path))
    except (ValueError, TrainingError) as error:
        raise NotDone(f"{error}") from error
