"""Reads a persona directory, which holds the identity and writing of a person.

    persona.toml            name, author, disclosure, system, me (account ids), and the tables
                            of ``settings``
    values.md, thinking.md  lists: "- one judgement", "- one habit of thought"
    notebook/*.md           thoughts with conditions, and diary
    any other folder        exports as they were downloaded, zipped or not; detected by content
    graded.jsonl            drafts of an earlier model with a reader's grades

Only persona.toml, values.md and at least one source of writing are required.
"""

from __future__ import annotations

import hashlib
import os
import tomllib
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from host_training.common import settings
from host_training.common.settings import PersonaSettings
from host_training.errors import TrainingError, faults
from payload import prompt

_REQUIRED = ("name", "author", "disclosure", "system")
_OPTIONAL = ("me", *PersonaSettings.model_fields)
NOTEBOOK = "notebook"
GRADED = "graded.jsonl"
_ITS_FILES = ("persona.toml", "values.md", "thinking.md", GRADED)


@dataclass(frozen=True, slots=True)
class PersonaSource:
    """The words of ``persona.toml``, ``values.md`` and ``thinking.md``."""

    name: str
    author: str
    disclosure: str
    system: str
    me: tuple[str, ...]
    values: tuple[str, ...]
    thinking: tuple[str, ...]
    settings: PersonaSettings = field(default_factory=PersonaSettings)

    def prompt_text(self) -> prompt.PersonaText:
        """The constant words of every prompt."""
        return prompt.PersonaText(self.name, self.system, self.values)


def read_persona(directory: Path, is_finished: bool = True) -> PersonaSource:
    """Read the persona of a directory.

    Args:    is_finished: reject one without values or identity; otherwise what is missing is "".
    Raises:  TrainingError with a sentence for each file that is missing or cannot be read, and each
             key that is unknown, missing or invalid.
    """
    if not directory.is_dir():
        raise TrainingError(f"{directory}: no such directory; spacepi-train init {directory} "
                            "creates one.")
    path, lists = directory / "persona.toml", [directory / "values.md", directory / "thinking.md"]
    found = faults([partial(_table, path, is_finished),
                    partial(_check_values, lists[0], is_finished), partial(read_list, lists[1])])
    if found:
        raise TrainingError(*found)
    table = _table(path, is_finished)
    values, thinking = map(read_list, lists)
    return PersonaSource(
        **{key: table.get(key, "") for key in _REQUIRED}, me=tuple(table.get("me", [])),
        values=tuple(values), thinking=tuple(thinking), settings=_settings(table, path))


def _table(path: Path, is_finished: bool) -> dict[str, Any]:
    """The checked content of persona.toml."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TrainingError(f"{path}: cannot be read ({error.strerror}); a persona directory has"
                            f" one with {', '.join(_REQUIRED)}; docs/training.md shows one."
                            ) from error
    except ValueError as error:  # not UTF-8, or a number of more digits than Python reads
        raise TrainingError(f"{path}: not TOML ({error}).") from error
    except RecursionError as error:
        raise TrainingError(f"{path}: nested too deeply for a persona.") from error
    found = [f"{path}: unknown key {key}; allowed are {', '.join(_REQUIRED + _OPTIONAL)}."
             for key in table if key not in _REQUIRED + _OPTIONAL]
    missing = [key for key in _REQUIRED if not isinstance(table.get(key, ""), str)
               or (is_finished and not table.get(key, "").strip())]
    if missing:
        found.append(f"{path}: {', '.join(missing)} must be non-empty text.")
    me = table.get("me", [])
    if not isinstance(me, list) or not all(isinstance(item, str) for item in me):
        found.append(f'{path}: me must be a list of account ids, like ["user123"].')
    found += faults([partial(_settings, table, path)])
    if found:
        raise TrainingError(*found)
    return table


def _settings(table: dict[str, Any], path: Path) -> PersonaSettings:
    return settings.parse({key: table[key] for key in PersonaSettings.model_fields if key in table},
                          str(path))


def _check_values(path: Path, is_finished: bool) -> None:
    if not read_list(path) and is_finished:
        raise TrainingError(f'{path}: at least one line like "- I say what I saw." is required;'
                            ' spacepi-train scan lists candidates from writing of layer = "values"'
                            " in persona.toml.")


def unfilled(persona: PersonaSource) -> list[str]:
    """The keys of persona.toml that training requires and that are still empty."""
    return [key for key in _REQUIRED if not getattr(persona, key).strip()]


def hints(directory: Path) -> list[str]:
    """Further keys that may be missing, for an error message: ``me``, if there are exports."""
    try:
        table = tomllib.loads((directory / "persona.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return []
    has_exports = any(path.is_file() for folder in export_folders(directory)
                      for path in folder.rglob("*"))
    return [f"{directory / 'persona.toml'}: me is empty; an export with several participants is "
            "rejected until your account is listed there."
            ] if has_exports and not table.get("me") else []


def notebooks(directory: Path) -> list[Path]:
    """The files of the notebook, in their order."""
    return sorted((directory / NOTEBOOK).glob("*.md"))


def read_list(path: Path) -> list[str]:
    """The ``- `` lines of a Markdown file; none if it does not exist."""
    if not path.exists():
        return []
    return [line[2:].strip() for line in read_lines(path)
            if line.startswith("- ") and line[2:].strip()]


def read_lines(path: Path) -> list[str]:
    """The lines of a text file. Raises TrainingError if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise TrainingError(f"{path}: cannot be read ({error.strerror}).") from error
    except UnicodeDecodeError as error:
        raise TrainingError(f"{path}: byte {error.start} is not UTF-8.") from error


def export_folders(directory: Path) -> list[Path]:
    """The folders in which exports are looked for: all but the notebook."""
    return [path for path in sorted(directory.iterdir())
            if path.is_dir() and path.name != NOTEBOOK and not path.name.startswith(".")]


def stray_files(directory: Path) -> list[str]:
    """Files that are not read: beside persona.toml, or in the notebook without the suffix .md."""
    found = [*directory.iterdir(), *(directory / NOTEBOOK).rglob("*")]
    names = (path.relative_to(directory) for path in sorted(found) if path.is_file())
    return [name.as_posix() for name in names
            if name.as_posix() not in _ITS_FILES and name.stem.lower() != "readme"
            and not name.match(f"{NOTEBOOK}/*.md")
            and not any(part.startswith(".") for part in name.parts)]


def directory_hash(directory: Path) -> str:
    """Hash of every file's path and bytes, so that a change of any source is noticed.

    Graded drafts are not the person's writing and do not change the hash.
    """
    digest = hashlib.sha256()
    files = (p for p in directory.rglob("*") if p.is_file() and p != directory / GRADED)
    for path in sorted(files):
        name = path.relative_to(directory).as_posix()
        digest.update(os.fsencode(f"{name}\0{path.stat().st_size}\0"))  # names need not be UTF-8
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
