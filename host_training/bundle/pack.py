"""Packs and signs a persona bundle; its format and verification are in ``wire.bundle``."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypedDict

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from host_training.common.persona_dir import PersonaSource
from host_training.errors import TrainingError
from wire import bundle as wire_bundle
from wire.bundle import BundleError, Manifest

PRIVATE_KEY_BYTES = 32
MUST_SAY = ("AI persona", "not the person")


@dataclass(frozen=True, slots=True)
class AdapterFiles:
    """In place of a model: what makes one of a base that the manifest names."""

    adapter: Path
    importance: Path


class PersonaJson(TypedDict):
    """``persona.json``: the words of which every prompt of the persona is made."""

    name: str
    author: str
    disclosure: str
    system: str
    values: list[str]
    thinking: list[str]


@dataclass(frozen=True, slots=True)
class BundleContents:
    """What goes into a bundle. ``base`` and ``training`` are JSON tables for the manifest."""

    persona: PersonaSource
    model: Path | AdapterFiles
    memory: Path
    codec: Path
    card: str
    base: dict[str, Any]
    training: dict[str, Any]
    runtime: dict[str, Any]
    reranker: Path | None = None


def check_key(path: Path) -> None:
    """Raises TrainingError when the key that is there is not 32 bytes or others can read it."""
    if not path.exists():
        return
    if not path.is_file():
        raise TrainingError(f"{path}: not a file; a signing key is a file of {PRIVATE_KEY_BYTES} "
                            "bytes.")
    if path.stat().st_mode & 0o077:
        raise TrainingError(f"{path}: other users can read this signing key; run chmod 600 on it.")
    n_bytes = path.stat().st_size
    if n_bytes != PRIVATE_KEY_BYTES:
        raise TrainingError(f"{path}: has {n_bytes} bytes; a signing key has {PRIVATE_KEY_BYTES}.")


def load_key(path: Path) -> Ed25519PrivateKey:
    """The signing key; made, readable by its owner alone, when there is none yet.

    Raises:  TrainingError as ``check_key``.
    """
    check_key(path)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        key = Ed25519PrivateKey.generate()
        # 0600 from its first moment, not after a chmod
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(key.private_bytes_raw())
        return key
    return Ed25519PrivateKey.from_private_bytes(path.read_bytes())


def next_version(bundle: Path) -> int:
    """One more than the bundle that is there and the one before it; 1 when neither is sound."""
    versions = [0]
    for path in (bundle, previous(bundle)):
        with suppress(BundleError):
            versions.append(wire_bundle.verify_bundle(path, None).version)
    return max(versions) + 1


def check_place(out: Path) -> None:
    """Raises TrainingError when ``out`` is there and is something else than a bundle."""
    if out.exists() and not (out / wire_bundle.MANIFEST).exists():
        raise TrainingError(f"{out}: exists and is not a bundle; choose another --out.")


def pack(contents: BundleContents, out: Path, key: Ed25519PrivateKey,
         try_out: Callable[[Path], None] = lambda bundle: None) -> Manifest:
    """Write, sign and verify the bundle beside ``out``, then put it in its place.

    An old bundle at ``out`` stays until the new one has been verified and tried out; then it is
    kept beside it for ``rollback``.

    Args:    try_out: called with the new bundle; raises TrainingError when it is of no use.
    Raises:  TrainingError when ``out`` is something else than a bundle or ``try_out`` raised it;
             BundleError when the new bundle does not verify.
    """
    check_place(out)
    partial = out.with_name(out.name + ".part")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    if isinstance(contents.model, AdapterFiles):
        shutil.copyfile(contents.model.adapter, partial / wire_bundle.ADAPTER)
        shutil.copyfile(contents.model.importance, partial / wire_bundle.IMPORTANCE)
    else:
        shutil.copyfile(contents.model, partial / wire_bundle.MODEL)
    shutil.copyfile(contents.memory, partial / "memory.sqlite")
    shutil.copyfile(contents.codec, partial / wire_bundle.TEXT_CODEC)
    if contents.reranker is not None:
        shutil.copyfile(contents.reranker, partial / wire_bundle.RERANKER)
    (partial / "MODEL_CARD.md").write_text(contents.card, encoding="utf-8")
    words = persona_json(contents.persona)
    (partial / "persona.json").write_bytes(wire_bundle.canonical_json(words))
    public_key = key.public_key().public_bytes_raw()
    manifest = wire_bundle.canonical_json({
        "schema": wire_bundle.SCHEMA,
        "name": contents.persona.name,
        "version": next_version(out),
        "created_utc": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "base": contents.base,
        "training": contents.training,
        "files": [{"path": f.name, "bytes": f.stat().st_size, "sha256": wire_bundle.file_sha256(f)}
                  for f in sorted(partial.iterdir())],
        "runtime": contents.runtime,
        "disclosure": say_it_is_an_ai(contents.persona.disclosure),
        "key_id": wire_bundle.key_id(public_key),
    })
    (partial / wire_bundle.MANIFEST).write_bytes(manifest)
    (partial / wire_bundle.SIGNATURE).write_bytes(key.sign(wire_bundle.SIGNED_PREFIX + manifest))
    (partial / wire_bundle.PUBLIC_KEY).write_bytes(public_key)
    checked = wire_bundle.verify_bundle(partial, [public_key])
    try_out(partial)
    if out.exists():
        shutil.rmtree(previous(out), ignore_errors=True)
        os.replace(out, previous(out))
    os.replace(partial, out)
    return checked


def previous(bundle: Path) -> Path:
    """Where the bundle before this one is kept."""
    return bundle.with_name(bundle.name + ".previous")


def rollback(bundle: Path, trusted_keys: list[bytes] | None) -> Manifest:
    """Exchange a bundle with the one before it, once that one is shown to be sound.

    Raises:  TrainingError when there is none; BundleError when it does not verify.
    """
    before = previous(bundle)
    if not before.is_dir():
        raise TrainingError(f"{bundle}: no previous bundle.")
    manifest = wire_bundle.verify_bundle(before, trusted_keys)
    aside = bundle.with_name(bundle.name + ".part")
    shutil.rmtree(aside, ignore_errors=True)
    if bundle.exists():
        os.replace(bundle, aside)
    os.replace(before, bundle)
    if aside.exists():
        os.replace(aside, before)
    return manifest


def say_it_is_an_ai(disclosure: str) -> str:
    """The persona's own disclosure, and what it must say in any case."""
    if all(words in disclosure for words in MUST_SAY):
        return disclosure
    return f"{disclosure.rstrip()} This is an {', '.join(MUST_SAY)}."


def persona_json(persona: PersonaSource) -> PersonaJson:
    return {"name": persona.name, "author": persona.author,
            "disclosure": say_it_is_an_ai(persona.disclosure), "system": persona.system,
            "values": list(persona.values), "thinking": list(persona.thinking)}


def read_persona_json(bundle: Path) -> PersonaJson:
    """The words of a bundle that has been verified."""
    words: PersonaJson = json.loads((bundle / "persona.json").read_text(encoding="utf-8"))
    return words
