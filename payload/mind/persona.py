"""Loads a persona bundle from disk: checks it first, then reads its words and its text codec."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from payload.prompt import PersonaText
from wire.bundle import (
    ADAPTER,
    IMPORTANCE,
    MODEL,
    TEXT_CODEC,
    BundleError,
    Manifest,
    model_file,
    verify_bundle,
)
from wire.text_codec import CodecError, TextModel

# What a model is, or is made of: most of a bundle, and never opened by the flight core.
OF_THE_MIND = (MODEL, ADAPTER, IMPORTANCE)


@dataclass(frozen=True, slots=True)
class Persona:
    """A bundle that was checked, and signed by a trusted key."""

    bundle: Path
    manifest: Manifest
    text: PersonaText
    author: str

    @property
    def memory_path(self) -> Path:
        return self.bundle / "memory.sqlite"

    def load_codec(self) -> TextModel:
        """The model that packs this persona's texts for the air; some 0.2 s and 5 MB on a desk.

        Raises CodecAbsent, one sentence; everything but the packing goes on without it.
        """
        path = self.bundle / TEXT_CODEC
        try:
            return TextModel.load(path)
        except OSError as error:
            raise CodecAbsent(f"{path}: cannot be read ({error.strerror}).") from error
        except CodecError as error:
            raise CodecAbsent(f"{path}: {error}.") from error


class CodecAbsent(Exception):
    """The text codec cannot be used; the text is one clear sentence."""


def load_persona(
    bundle: Path, trusted_keys: Collection[bytes], unread: Collection[str] = ()
) -> Persona:
    """The persona in ``bundle``, signed by one of ``trusted_keys`` (32 bytes each).

    ``unread`` are names of files that the caller never opens, see ``wire.bundle``. Raises
    BundleError, one sentence, when anything in it is missing or changed, or its key is not trusted,
    or it is an adapter whose model was not assembled yet.
    """
    manifest = verify_bundle(bundle, trusted_keys, unread=unread)
    model_file(bundle, manifest)
    path = bundle / "persona.json"
    try:
        words = json.loads(path.read_text(encoding="utf-8"))
        text = PersonaText(
            str(words["name"]), str(words["system"]), tuple(map(str, words["values"])),
            manifest.disclosure,
        )
        return Persona(bundle, manifest, text, str(words["author"]))
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise BundleError(f"{path}: is not a persona file ({error!r}).") from error
