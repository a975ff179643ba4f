"""The minds of the musings bench: the one that flies, the tiny one, and the untuned base.

The base is asked with the words of the persona that flies, its memory and its values; only its
weights know nothing of her. For that a whole bundle is made of its file, signed by a key that is
then thrown away.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench import musing_flights
from bench.musing_flights import FlownMind
from host_training.bundle import pack
from host_training.bundle.pack import BundleContents
from host_training.common.persona_dir import PersonaSource
from host_training.gguf.metadata import gguf_facts
from host_training.stages import RunDir
from host_training.training import known_bases
from wire import base_file
from wire.bundle import TEXT_CODEC, BundleError
from wire.mission import Mission

TINY = Path(__file__).resolve().parent.parent / "host_training" / "examples" / "edda-tiny.bundle"
BASE = str(known_bases.DEFAULT)
N_CTX = 1024


def base_path() -> Path | None:
    """The file of the untuned base; None where it was never downloaded."""
    path = base_file.path_in(base_file.place(os.environ), known_bases.KNOWN[BASE].file)
    return path if path.is_file() else None


def defaults(mission_path: Path, plan: Mission, run_dir: RunDir, report: Callable[[str], None]
             ) -> list[FlownMind]:
    """Those that can be had, the one of the mission first; of the others it is said why not."""
    found: list[FlownMind] = []
    flying = mission_path.resolve().parent / plan.mind.bundle
    for name, bundle in (("flying", flying), ("tiny", TINY)):
        if any(mind.persona.bundle.resolve() == bundle.resolve() for mind in found):
            continue
        try:
            found.append(musing_flights.load_mind(name, bundle, plan))
        except BundleError as error:
            report(f"{name}: not flown: {error}")
    base = base_path()
    if base is None:
        report(f"base: not flown: {BASE} is not downloaded; spacepi-train base --get {BASE}")
    elif found:
        bundle = prompted_base(found[0], base, run_dir)
        found.append(musing_flights.load_mind("base", bundle, plan))
    return found


def prompted_base(asked_as: FlownMind, base: Path, run_dir: RunDir) -> Path:
    """A whole bundle of the model in ``base`` with the words of the persona ``asked_as``."""
    def build(out: Path) -> None:
        persona = asked_as.persona
        words = pack.read_persona_json(persona.bundle)
        source = PersonaSource(
            words["name"], words["author"], words["disclosure"], words["system"], (),
            tuple(words["values"]), tuple(words["thinking"]))
        runtime = {**persona.manifest.runtime, "n_ctx": N_CTX, "gguf": gguf_facts(base)}
        pack.pack(
            BundleContents(
                source, base, persona.memory_path, persona.bundle / TEXT_CODEC,
                f"# {BASE}, untuned, with the prompt of {source.name}\n", {"id": BASE},
                {"method": "none"}, runtime),
            out / "base.bundle", Ed25519PrivateKey.generate())

    inputs = {"base": known_bases.KNOWN[BASE].file.sha256, "words": asked_as.identity}
    return run_dir.stage("prompted-base", inputs, build) / "base.bundle"
