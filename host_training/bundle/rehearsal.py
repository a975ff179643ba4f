"""``rehearsal.json``: the persona of a run, to talk to before it has been examined.

It stands in the run directory from the moment a file of the ladder is chosen, and names that file.
Nothing of it is signed, and no payload loads it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from host_training.bundle.pack import PersonaJson, persona_json, say_it_is_an_ai
from host_training.common.persona_dir import PersonaSource
from host_training.errors import TrainingError
from payload.mind import reranker

if TYPE_CHECKING:
    from host_training.bundle.chat import PersonaVoice

FILE = "rehearsal.json"


def write(run: Path, persona: PersonaSource, model: Path, memory: Path,
          runtime: Mapping[str, Any], order: Path | None = None) -> None:
    """Note what of the run speaks, in place of what did before."""
    partial = run / f"{FILE}.part"
    partial.write_text(json.dumps({
        "persona": persona_json(persona), "model": str(model.relative_to(run)),
        "memory": str(memory.relative_to(run)), "runtime": dict(runtime),
        "reranker": order and str(order.relative_to(run))}))
    os.replace(partial, run / FILE)


def is_one(place: Path) -> bool:
    """True for a run directory with something to hear."""
    return (place / FILE).is_file()


def persona(run: Path) -> PersonaJson:
    """Who speaks, as a bundle has it. Raises TrainingError."""
    words: PersonaJson = _read(run)["persona"]
    return {**words, "disclosure": say_it_is_an_ai(words["disclosure"])}


def disclosure(run: Path) -> str:
    """What stands above the conversation."""
    return (f"{persona(run)['disclosure']} Not signed: its examination is not finished, or refused"
            " it.")


def voice(run: Path, threads: int, seed: int) -> PersonaVoice:
    """Raises TrainingError where its files are gone."""
    from host_training.bundle.chat import PersonaVoice  # llama.cpp is loaded with it

    noted = _read(run)
    model, memory = run / noted["model"], run / noted["memory"]
    for path in (model, memory, *([run / noted["reranker"]] if noted["reranker"] else [])):
        if not path.is_file():
            raise TrainingError(f"{run / FILE}: {path.name} is gone; `run` again writes it.")
    order = noted["reranker"] and reranker.parse((run / noted["reranker"]).read_bytes())
    return PersonaVoice(noted["persona"], model, memory, noted["runtime"], threads, seed, order)


def _read(run: Path) -> dict[str, Any]:
    try:
        noted: dict[str, Any] = json.loads((run / FILE).read_text())
    except (OSError, ValueError) as error:
        raise TrainingError(f"{run / FILE}: cannot be read ({error}).") from error
    return noted
