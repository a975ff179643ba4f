"""The codec stage: a person's writing in the form in which a flight sends it, and its text codec.

The codec learns what it will meet: whole bodies of musings, replies and questions, put together by
the same function that the payload calls, with the senses of drawn moments beside the thoughts. As
everywhere, only the author's words are learnt, and none of whoever they wrote with. The sessions
held out of the model's training are held out here too, to measure with.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NotRequired, TypedDict

from host_training.codec.base_text import clean_text, read_text
from host_training.codec.codec import Progress, extend, sample_base, save, train
from host_training.common.persona_dir import PersonaSource
from host_training.corpus import assemble
from host_training.corpus.sessions import Example
from host_training.corpus.whole_sentences import quotable_sentences
from host_training.errors import TrainingError
from host_training.rows.context_sampler import draw_moment
from host_training.rows.dataset import clean_lines
from host_training.rows.split import Split, split
from host_training.rows.targets import IN_FLIGHT, Target, condition_of, targets_of
from payload.prompt import senses_in_words
from wire.bodies import Body, marked_text
from wire.text_codec import CodecError, TextModel

GENERAL_CODEC = Path(__file__).parents[1] / "base_model" / "general.codec"


@dataclass(frozen=True, slots=True)
class Messages:
    """``train`` and ``held_out`` as they are coded; ``texts`` are the held-out lines alone."""

    train: list[str]
    held_out: list[str]
    texts: list[str]


class CodecResult(TypedDict):
    """``codec.json``; what is held out is not measured where nothing is."""

    model_id: str
    bytes: int
    held_out_bits_per_char: NotRequired[float]
    held_out_message_bytes: NotRequired[float]  # mean, with senses and topic
    held_out_message_chars: NotRequired[float]


def read(directory: Path, persona: PersonaSource, seed: int) -> Messages:
    """The writing of a persona directory as ``messages``. Raises TrainingError."""
    with tempfile.TemporaryDirectory() as out:
        assemble.prepare(directory, persona, Path(out), lambda share, line: None)
        examples = assemble.load(Path(out) / assemble.EXAMPLES)
    sides = split(examples, seed, persona.settings.clean.near_duplicate)
    return messages(examples, sides, persona.values + persona.thinking, seed)


def messages(examples: Sequence[Example], sides: Split, lists: Sequence[str], seed: int
             ) -> Messages:
    """What the person wrote, as flights will send the like of it.

    Args:    lists: values and ways of thinking.
             seed: of the drawn moments.
    """
    rng = random.Random(seed)
    found = Messages([], [], [])
    targets = [(example, target) for example in examples for target in targets_of(example)]
    held = {target.example.text for example, target in targets
            if target.form in IN_FLIGHT and sides.side(example) != "train"}
    found.texts.extend(sorted(held))
    for _, target in targets:
        if target.form in ("thought", "answer") or target.example.text in held:
            message = marked_text(_body(target, rng))
            (found.held_out if target.example.text in held else found.train).append(message)
    questions = {e.condition.question for e in examples
                 if e.condition and e.condition.question is not None}
    found.train.extend(marked_text({"text": question}) for question in sorted(questions))
    plain = [clean_lines(e.text) for e in examples if sides.side(e) == "train"
             and all(target.form in ("line", "dialogue") for target in targets_of(e))]
    for text in (*plain, *lists):
        found.train.extend(marked_text({"text": line}) for line in quotable_sentences(text)
                           if line not in held)
    return found


def _body(target: Target, rng: random.Random) -> Body:
    """The text fields of the record in which this would fly, without what others wrote."""
    if target.form == "answer":
        return {"text": target.example.text, "by": "model"}
    moment = draw_moment(condition_of(target), rng)
    if moment.question is not None:
        return {"text": target.example.text, "question": moment.question, "by": "model"}
    return {"text": target.example.text, "about": moment.about, "senses": senses_in_words(moment),
            "by": "model"}


def general_lines(paths: Sequence[Path]) -> list[str]:
    """A sample of the paragraphs of .txt and .txt.xz files.

    Raises:  TrainingError when one cannot be read.
    """
    lines = sample_base(map(read_text, paths))
    return clean_text("\n".join(lines)).splitlines()


def build_general(paths: Sequence[Path], out: Path, progress: Progress) -> CodecResult:
    """The codec of general text alone, which ``extend`` starts from."""
    model = train(general_lines(paths), [], progress)
    return CodecResult(model_id=model.model_id.hex(), bytes=save(model, out))


def build(
    found: Messages, general: Sequence[Path], out: Path, progress: Progress
) -> CodecResult:
    """Write the person's codec to ``out``; what it is and how well it does, for the card.

    Args:    general: text files in the person's language; none: the general codec that is shipped.
    Raises:  TrainingError.
    """
    if general:
        model = train(general_lines(general), found.train, progress)
    else:
        model = extend(_shipped(), found.train, progress)
    result = CodecResult(model_id=model.model_id.hex(), bytes=save(model, out))
    if found.texts:
        _measure(model, found, result)
    return result


def _shipped() -> TextModel:
    try:
        return TextModel.load(GENERAL_CODEC)
    except (OSError, CodecError) as error:
        raise TrainingError(f"{GENERAL_CODEC}: the codec of general text cannot be read ({error}); "
                            "pass text files with --general instead.") from error


def _measure(model: TextModel, found: Messages, result: CodecResult) -> None:
    """On what was held out."""
    coded = sum(len(model.encode(marked_text({"text": text}))) for text in found.texts)
    result |= {
        "held_out_bits_per_char": round(8 * coded / sum(map(len, found.texts)), 3),
        "held_out_message_bytes": round(_mean(len(model.encode(m)) for m in found.held_out), 1),
        "held_out_message_chars": round(_mean(map(len, found.held_out)), 1),
    }


def _mean(numbers: Iterable[float]) -> float:
    values = list(numbers)
    return sum(values) / len(values)
