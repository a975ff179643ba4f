"""Loads a persona bundle from disk: checked first, then its words."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from payload.prompt import PersonaText
from wire.bundle import BundleError, Manifest, verify_bundle


@dataclass(frozen=True, slots=True)
class Persona:
    """A bundle that was checked whole and signed."""

    bundle: Path
    manifest: Manifest
    text: PersonaText
    author: str

    @property
    def memory_path(self) -> Path:
        return self.bundle / "memory.sqlite"


def load_persona(bundle: Path, trusted_keys: list[bytes] | None = None) -> Persona:
    """The persona in ``bundle``.

    Raises BundleError, one sentence naming the file, when anything in it is missing or changed.
    """
    manifest = verify_bundle(bundle, trusted_keys)
    path = bundle / "persona.json"
    try:
        words = json.loads(path.read_text(encoding="utf-8"))
        text = PersonaText(
            str(words["name"]), str(words["system"]), tuple(map(str, words["values"]))
        )
        return Persona(bundle, manifest, text, str(words["author"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BundleError(f"{path}: is not a persona file ({error!r}).") from error
