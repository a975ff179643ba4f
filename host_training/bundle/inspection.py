"""Inspects a verified bundle: whether each file matches its description, and how two differ.

``wire.bundle`` has shown by then that nobody changed a byte since it was signed. This is the second
question: whether what was signed is sane. Nothing in a bundle is run or rendered for it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_origin, get_type_hints

from host_training.bundle.pack import PersonaJson
from host_training.gguf.metadata import gguf_facts
from payload.mind import reranker
from payload.mind.memory import SCHEMA, sentence
from wire.bundle import ADAPTER, MODEL, TEXT_CODEC, BundleError, Manifest
from wire.file_hashes import FileHashes
from wire.text_codec import CodecError, TextModel

SHADOW_TABLES = ("config", "content", "data", "docsize", "idx")  # what FTS5 keeps beside a table
PERSONA_KEYS = {key: get_origin(hint) or hint for key, hint in get_type_hints(PersonaJson).items()}
WORDS_SHOWN_MAX = 20


def check_contents(bundle: Path, manifest: Manifest) -> list[str]:
    """Every file is of its kind, and says what the manifest says.

    Returns: remarks that do not forbid flying.
    Raises:  BundleError, or TrainingError for a GGUF that is none, each one sentence.
    """
    _check_memory(bundle / "memory.sqlite")
    words = _persona(bundle)
    for key, found, stated in (("name", words["name"], manifest.name),
                               ("disclosure", words["disclosure"], manifest.disclosure)):
        if found != stated:
            raise BundleError(f"{bundle / 'persona.json'}: {key} is {found!r}, the manifest says"
                              f" {stated!r}.")
    try:
        TextModel.load(bundle / TEXT_CODEC)
    except CodecError as error:
        raise BundleError(f"{bundle / TEXT_CODEC}: {error}.") from error
    reranker.load(bundle, manifest, FileHashes())
    model = bundle / (ADAPTER if manifest.is_adapter else MODEL)
    facts = gguf_facts(model)
    for key, value in manifest.runtime.get("gguf", {}).items():
        if facts.get(key) != value:
            raise BundleError(f"{model}: its {key} is {facts.get(key)}, the manifest says"
                              f" {value}.")
    created = manifest.created_utc
    if created > datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"):
        return [f"it was signed at {created}, which is in the future by this machine's clock"]
    return []


def _check_memory(path: Path) -> None:
    """Exactly the tables that ``memory.build_memory`` makes: no view, no trigger, no code."""
    expected = {"memory", *(f"memory_{name}" for name in SHADOW_TABLES)}
    try:
        database = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
        try:
            database.execute("PRAGMA trusted_schema=OFF")
            rows = database.execute("SELECT type, name, sql FROM sqlite_master").fetchall()
            for kind, name, sql in rows:
                if kind != "table" or name not in expected or (
                        name == "memory" and sql != SCHEMA):
                    raise BundleError(f"{path}: has a {kind} {name} that is not part of a memory.")
            if len(rows) != len(expected):
                raise BundleError(f"{path}: not a memory; a table is missing.")
            if database.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
                raise BundleError(f"{path}: the database is damaged.")
            database.execute("SELECT text, source, utc_ms FROM memory LIMIT 1").fetchall()
        finally:
            database.close()
    except sqlite3.Error as error:
        raise BundleError(f"{path}: not a database that can be read ({error}).") from error


def _persona(bundle: Path) -> PersonaJson:
    path = bundle / "persona.json"
    try:
        words = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise BundleError(f"{path}: not JSON ({error}).") from error
    for key, kind in PERSONA_KEYS.items():
        if not isinstance(words, dict) or not isinstance(words.get(key), kind):
            raise BundleError(f"{path}: {key} is missing or not a {kind.__name__}.")
    checked: PersonaJson = words
    return checked


def diff(old: Path, old_manifest: Manifest, new: Path, new_manifest: Manifest) -> list[str]:
    """Lines on everything that differs between two verified bundles; none when nothing does."""
    lines = _tables_differ("", _flat(old_manifest), _flat(new_manifest))
    before = {file.path: file for file in old_manifest.files}
    after = {file.path: file for file in new_manifest.files}
    for name in sorted(before.keys() | after.keys()):
        if name not in after:
            lines.append(f"{name}: removed")
        elif name not in before:
            lines.append(f"{name}: added, {after[name].bytes:,} bytes")
        elif before[name].sha256 != after[name].sha256:
            lines.append(f"{name}: {before[name].bytes:,} -> {after[name].bytes:,} bytes")
    lines += _tables_differ("persona.", _persona(old), _persona(new))
    lines += _sets_differ("memory", _sentences(old), _sentences(new))
    return lines


def _flat(manifest: Manifest) -> dict[str, Any]:
    """One level of names: ``training.method`` and so on."""
    found: dict[str, Any] = {name: getattr(manifest, name) for name in
                             ("name", "version", "created_utc", "disclosure", "key_id")}
    for table in ("base", "training", "runtime"):
        for key, value in getattr(manifest, table).items():
            inner = value if isinstance(value, dict) else {"": value}
            found |= {f"{table}.{key}{'.' if k else ''}{k}": v for k, v in inner.items()}
    return found


def _tables_differ(prefix: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    lines = []
    for key in sorted(old.keys() | new.keys()):
        before, after = old.get(key), new.get(key)
        if isinstance(before, list) and isinstance(after, list):
            lines += _sets_differ(prefix + key, before, after)
        elif before != after:
            lines.append(f"{prefix}{key}: {before} -> {after}")
    return lines


def _sets_differ(name: str, old: list[str], new: list[str]) -> list[str]:
    """What came and went, WORDS_SHOWN_MAX lines of each shown."""
    gone = [text for text in old if text not in set(new)]
    come = [text for text in new if text not in set(old)]
    lines = [f"{name}: {len(come)} added, {len(gone)} removed"] if gone or come else []
    for mark, texts in (("-", gone), ("+", come)):
        lines += [f"  {mark} {text}" for text in texts[:WORDS_SHOWN_MAX]]
        if len(texts) > WORDS_SHOWN_MAX:
            lines.append(f"  {mark} and {len(texts) - WORDS_SHOWN_MAX} more")
    return lines


def _sentences(bundle: Path) -> list[str]:
    path = bundle / "memory.sqlite"
    database = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
    try:
        return [sentence(value) for (value,) in
                database.execute("SELECT text FROM memory ORDER BY rowid")]
    except sqlite3.Error as error:
        raise BundleError(f"{path}: cannot be read ({error}).") from error
    finally:
        database.close()
