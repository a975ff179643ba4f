"""Let a bundle speak on the workstation, with the prompt and the cleaning of the flight."""

from __future__ import annotations

import random
from pathlib import Path

from host_training import memory
from host_training.bundle import read_persona_json
from host_training.evaluation.bits import open_gguf
from payload import prompt
from wire.bundle import Manifest

TRIES_MAX = 4  # a reply that cleans to nothing is drawn again


class Voice:
    """A bundle that has been verified, ready to speak."""

    def __init__(self, bundle: Path, manifest: Manifest, threads: int, seed: int) -> None:
        persona = read_persona_json(bundle)
        self._text = prompt.PersonaText(persona["name"], persona["system"],
                                        tuple(persona["values"]))
        self._memory = bundle / "memory.sqlite"
        self._runtime = manifest.runtime
        self._model = open_gguf(bundle / "model.gguf", int(manifest.runtime["n_ctx"]),
                                every_logit=False, threads=threads)
        self._random = random.Random(seed)

    def speak(self, moment: prompt.Moment) -> str | None:
        """One clean line, or None when TRIES_MAX draws gave none."""
        recalled = memory.recall(self._memory, f"{moment.about} {moment.question or ''}")
        text = prompt.prefix(self._text) + prompt.suffix(moment, recalled)
        tokens = self._model.tokenize(text.encode(), add_bos=False, special=True)
        for _ in range(TRIES_MAX):
            answer = self._model.create_completion(
                tokens, max_tokens=self._runtime["max_tokens"],
                temperature=self._runtime["temperature"], top_p=self._runtime["top_p"],
                seed=self._random.randrange(1 << 31))
            line = prompt.clean_reply(answer["choices"][0]["text"])
            if line:
                return line
        return None

    def close(self) -> None:
        """Free the model."""
        self._model.close()
