"""Runs a bundle on the workstation, with the prompt and the output cleaning of the flight."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from host_training.bundle.conversation import Utterance, recent, suffix
from host_training.bundle.pack import PersonaJson, read_persona_json
from host_training.common.chat_template import END_OF_TURN
from host_training.errors import TrainingError
from host_training.likelihood.bits import open_engine
from payload import prompt
from payload.mind import reranker
from payload.mind.drafts import of_replies
from payload.mind.memory import Memory
from payload.mind.refusals import usable
from payload.mind.reranker import Reranker
from wire.bundle import Manifest, model_file, verify_bundle
from wire.file_hashes import FileHashes
from wire.sampling import Sampling, sampling_of

TRIES_MAX = 4  # a reply that cleans to nothing is drawn again
TRY_OUT_S_MAX = 600


class PersonaVoice:
    """A persona with a model and a memory, ready to speak."""

    def __init__(self, persona: PersonaJson, model: Path, memory: Path,
                 runtime: Mapping[str, Any], threads: int, seed: int,
                 reranker: Reranker | None = None) -> None:
        """Args:    runtime: as in a manifest."""
        self.name = persona["name"]
        self._text = prompt.PersonaText(persona["name"], persona["system"],
                                        tuple(persona["values"]))
        self._memory = Memory(memory)
        self._sampling = sampling_of(runtime)
        self._engine = open_engine(model, int(runtime["n_ctx"]), threads)
        self._random = random.Random(seed)
        self._reranker = reranker

    def drafts(self, moment: prompt.Moment) -> tuple[str, list[str]]:
        """The words of a moment with a memory, and drafts of one thought, the likeliest first."""
        recalled = self._memory.recall_for(moment.about, moment.question, [], self._random)
        prompt_end = prompt.suffix(moment, recalled)
        drawn = self._engine.draw(
            self._tokens(prompt.prefix(self._text)), self._tokens(prompt_end),
            self._tokens(prompt.suffix(prompt.PLAIN)), self._sampling_of(moment),
            self._random.randrange(1 << 31), is_brief=moment.question is not None)
        return prompt_end.split(END_OF_TURN)[0], drawn.drafts

    def speak(self, moment: prompt.Moment, turns: Sequence[Utterance] = ()) -> str | None:
        """One clean line that was not said in ``turns``; None when TRIES_MAX draws gave none.

        Of ``turns``, the newest that leave room for a reply are in the prompt.
        """
        recalled = self._memory.recall_for(moment.about, moment.question, [], self._random)
        prefix = self._tokens(prompt.prefix(self._text))
        prompt_end = prompt.suffix(moment, recalled)
        sampling, is_reply = self._sampling_of(moment), moment.question is not None
        taken = len(prefix) + self._count(prompt_end) + sampling.max_tokens
        room = self._engine.n_ctx - taken
        tokens = self._tokens(suffix(recent(turns, room, self._count), prompt_end))
        earlier = [turn.words for turn in turns if turn.role == "assistant"]
        for _ in range(TRIES_MAX):
            drawn = self._engine.draw(
                prefix, tokens, self._tokens(prompt.suffix(prompt.PLAIN)), sampling,
                self._random.randrange(1 << 31), is_brief=is_reply)
            drafts = (drawn.drafts if self._reranker is None
                      else self._reranker.ordered(drawn.drafts, moment.about))
            lines = (usable(draft, sampling.sentences_max, is_reply) for draft in drafts)
            line = next((line for line in lines
                         if line and not prompt.is_repeat(line, earlier)), None)
            if line:
                return line
        return None

    def _sampling_of(self, moment: prompt.Moment) -> Sampling:
        return self._sampling if moment.question is None else of_replies(self._sampling)

    def _tokens(self, text: str) -> list[int]:
        return self._engine.tokens(text)

    def _count(self, text: str) -> int:
        return len(self._tokens(text))

    def close(self) -> None:
        """Free the model and the memory."""
        self._memory.close()
        self._engine.close()


class BundleVoice(PersonaVoice):
    """A bundle that has been verified, ready to speak."""

    def __init__(self, bundle: Path, manifest: Manifest, threads: int, seed: int) -> None:
        """Raises BundleError for an adapter whose model was not assembled yet."""
        super().__init__(read_persona_json(bundle), bundle / model_file(bundle, manifest).path,
                         bundle / "memory.sqlite", manifest.runtime, threads, seed,
                         reranker.load(bundle, manifest, FileHashes()))


def try_out(bundle: Path) -> None:
    """Let a bundle say a line in a clean process, as the Pi will.

    Raises:  TrainingError when that process fails or does not end.
    """
    command = [sys.executable, "-m", "host_training.bundle.chat", str(bundle)]
    try:
        child = subprocess.run(
            command, capture_output=True, text=True, timeout=TRY_OUT_S_MAX, check=False,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])})
    except subprocess.TimeoutExpired as error:
        raise TrainingError(f"{bundle}: the smoke test timed out after {TRY_OUT_S_MAX} "
                            "s.") from error
    if child.returncode != 0:
        last = (child.stderr.strip().splitlines() or ["no message"])[-1]
        raise TrainingError(f"{bundle}: the smoke test failed (exit {child.returncode}): {last}")


def _child(bundle: Path) -> None:
    """Runs in the child: one line about the wind; what it is does not matter here."""
    voice = BundleVoice(bundle, verify_bundle(bundle, None), threads=1, seed=1)
    voice.speak(prompt.Moment(about="wind", phase="ascent"))
    voice.close()


if __name__ == "__main__":
    _child(Path(sys.argv[1]))
