"""From examples to rows of token ids and labels, asked exactly as the flight will ask.

Four kinds of row:
- a *thought* in several drawn moments: prompt of ``payload.prompt``, label = the thought + end;
- an *asked* row: a chat message before a short answer, as the question of a drawn moment;
- a *dialogue* row: the turns before a longer or many-message answer, label = the answer + end;
- a *plain* row: diary, documents, values, ways of thinking; every token is a label.

The tokenizing is ours and not the trainer's, so that what carries loss is known to the token.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from host_training.chat_template import END_OF_TEXT, END_OF_TURN, SPECIAL_TOKENS, START_OF_TURN
from host_training.errors import TrainingError
from host_training.importers.notebook import Condition
from host_training.moments import draw_moment
from host_training.scrub import PLACEHOLDER
from host_training.sessions import Example
from payload import prompt

Loss = Literal["author", "all"]
NO_LOSS = -100
HELD_OUT_FRACTION = 0.1
MEMORY_CHANCE = 0.3
MEMORY_CHARS_MIN = 25
ASKED_SHARE = 3  # a chat answer is drawn in a third as many moments as a thought
FOREIGN_BYTES_PER_TOKEN = 2.0  # Russian on an English tokenizer has about 1.5
LANGUAGE_SAMPLE_TEXTS = 500
ROW_TOKENS_MAX = 512  # the base has never seen a later position


@dataclass(frozen=True, slots=True)
class Row:
    """Token ids and labels of equal length (labels NO_LOSS where nothing is learnt)."""

    kind: str
    text: str
    input_ids: list[int]
    labels: list[int]


@dataclass(slots=True)
class Dataset:
    """Rows to train on, rows never trained on, and how they came about."""

    train: list[Row]
    held_out: list[Row]
    counts: dict[str, int]

    def save(self, path: Path) -> None:
        """Write as JSON, atomically."""
        partial = path.with_suffix(".part")
        partial.write_text(json.dumps(
            {"train": [asdict(r) for r in self.train],
             "held_out": [asdict(r) for r in self.held_out], "counts": self.counts}))
        os.replace(partial, path)

    @classmethod
    def load(cls, path: Path) -> Dataset:
        """Read what ``save`` wrote."""
        data = json.loads(path.read_text())
        return cls([Row(**r) for r in data["train"]], [Row(**r) for r in data["held_out"]],
                   data["counts"])


class RowBuilder:
    """Makes checked rows for one tokenizer and one persona."""

    def __init__(self, tokenizer: Any, persona: prompt.PersonaText) -> None:
        """``tokenizer`` is a fast Hugging Face tokenizer with the three ChatML tokens."""
        vocabulary = tokenizer.get_vocab()
        for token in SPECIAL_TOKENS:
            if token not in vocabulary:  # the unknown token of a Qwen2 is one of them
                raise TrainingError(f"The base's tokenizer has no token {token}; use a base with"
                                    f" ChatML tokens ({', '.join(SPECIAL_TOKENS)}).")
        self._tokenizer = tokenizer
        self._end_of_turn = tokenizer.convert_tokens_to_ids(END_OF_TURN)
        self._end_of_text = tokenizer.convert_tokens_to_ids(END_OF_TEXT)
        self._prefix = prompt.prefix(persona)
        self._prefix_ids = self.encode(self._prefix)

    def encode(self, text: str) -> list[int]:
        """Ids without anything added; control tokens in the text are read as such."""
        return self._tokenizer(text, add_special_tokens=False)["input_ids"]

    def asked(self, kind: str, moment: prompt.Moment, memory: str | None, label: str) -> Row | None:
        """A row of prompt and label; None when it is longer than ROW_TOKENS_MAX."""
        suffix = prompt.suffix(moment, memory)
        suffix_ids, label_ids = self.encode(suffix), self._content(label)
        prompt_ids = self._prefix_ids + suffix_ids
        # The flight evaluates the prefix once and the suffix alone: both must be cut alike.
        assert prompt_ids == self.encode(self._prefix + suffix), suffix
        input_ids = [*prompt_ids, *label_ids, self._end_of_turn]
        if len(input_ids) > ROW_TOKENS_MAX:
            return None
        labels = [NO_LOSS] * len(prompt_ids) + input_ids[len(prompt_ids) :]
        return Row(kind, label, input_ids, labels)

    def dialogue(self, context: Sequence[tuple[str, str]], label: str, loss: Loss) -> Row | None:
        """A row of a chat: others' turns as user turns, the author's as the assistant's.

        Loss is on the label alone, or, with "all", on every turn's words and its end (as
        doppelganger learns: whoever speaks teaches how talk goes); the headers never carry any.
        None when it is longer than ROW_TOKENS_MAX: the oldest turns have to go first.
        """
        turns = list(context)
        while True:
            ids: list[int] = []
            labels: list[int] = []
            for role, words in (*_roles(turns), ("assistant", label)):
                header = self.encode(f"{START_OF_TURN}{role}\n")
                body = [*self._content(words), self._end_of_turn]
                is_learnt = loss == "all" or (words == label and role == "assistant")
                line_end = self.encode("\n")
                ids += [*header, *body, *line_end]
                labels += [NO_LOSS] * len(header) + (body if is_learnt else [NO_LOSS] * len(body))
                labels += [NO_LOSS] * len(line_end)
            ids, labels = ids[: -len(line_end)], labels[: -len(line_end)]
            if len(ids) <= ROW_TOKENS_MAX:
                return Row("dialogue", label, ids, labels)
            if not turns:
                return None
            turns.pop(0)

    def plain(self, text: str) -> Row | None:
        """A row of nothing but text between two ends of text; None when it is too long."""
        input_ids = [self._end_of_text, *self._content(text), self._end_of_text]
        if len(input_ids) > ROW_TOKENS_MAX:
            return None
        return Row("plain", text, input_ids, [NO_LOSS, *input_ids[1:]])

    def _content(self, text: str) -> list[int]:
        ids = self.encode(text)
        control = set(self._tokenizer.all_special_ids)
        assert ids and not control.intersection(ids), text
        assert self._tokenizer.decode(ids, clean_up_tokenization_spaces=False) == text, text
        return ids


def _roles(turns: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """(role, words): where several others speak, each is named, so that they stay apart."""
    others = {speaker for speaker, _ in turns if speaker != "me"}
    return [("assistant", words) if speaker == "me" else
            ("user", f"{speaker}: {words}" if len(others) > 1 else words)
            for speaker, raw in turns if (words := clean_lines(raw))]


def copies(example: Example, seed: int) -> int:
    """How often a row is there, from its weight: the part after the point is a fixed draw."""
    whole = math.floor(example.weight)
    digest = hashlib.sha256(f"{seed}:{example.utc_ms}:{example.text}".encode()).digest()
    return whole + (int.from_bytes(digest[:4], "big") / 2**32 < example.weight - whole)


def bytes_per_token(texts: Sequence[str], tokenizer: Any) -> float:
    """How much of the writing a token of the base holds: 3 to 5 for a language it has read."""
    sample = "\n".join(sorted(texts, key=_hash_order)[:LANGUAGE_SAMPLE_TEXTS])
    return len(sample.encode()) / max(1, len(tokenizer(sample)["input_ids"]))


def _hash_order(text: str) -> bytes:
    """A key that puts texts into an order that has nothing to do with them."""
    return hashlib.sha256(text.encode()).digest()


def clean_lines(text: str) -> str:
    """Text with control tokens and control characters gone, line by line."""
    lines = (prompt.strip_control(line) for line in text.splitlines())
    return "\n".join(line for line in lines if line)


def hold_out(texts: Sequence[str], seed: int, fraction: float = HELD_OUT_FRACTION) -> set[str]:
    """The texts kept for measuring: whole, independent of order, at least one of two or more."""
    def rank(text: str) -> str:
        return hashlib.sha256(f"{seed}:{text}".encode()).hexdigest()

    unique = sorted(set(texts), key=rank)
    return set(unique[: math.ceil(len(unique) * fraction)]) if len(unique) > 1 else set()


def usable_answer(example: Example) -> bool:
    """True when a chat answer could have been said in flight: short, one line, whole."""
    return (
        example.question is not None
        and 0 < len(prompt.strip_control(example.question)) <= prompt.QUESTION_CHARS_MAX
        and "\n" not in example.question
        and not PLACEHOLDER.search(example.text)
        and prompt.clean_reply(example.text) == example.text
    )


def build_dataset(examples: Sequence[Example], lists: Sequence[str], tokenizer: Any,
                  persona: prompt.PersonaText, variants: int, seed: int, loss: Loss = "author"
                  ) -> Dataset:
    """Rows from everything the author wrote.

    Args:    lists: values and ways of thinking, trained as plain text.
             variants: moments drawn per thought, 1..100.
             loss: of chats: on the author's answer alone, or on what everybody said.
    Raises:  TrainingError when too little is left to train on and to measure with.
    """
    builder = RowBuilder(tokenizer, persona)
    prompted = [e for e in examples if e.condition is not None or usable_answer(e)]
    other = [e for e in examples if e.condition is None and not usable_answer(e)]
    kept_back = hold_out([e.text for e in prompted], seed)
    said = sorted({e.text for e in prompted if e.text not in kept_back
                   and len(e.text) >= MEMORY_CHARS_MIN})
    rng = random.Random(seed)
    dataset = Dataset([], [], {})
    counts: Counter[str] = Counter()
    for example in prompted:
        held = example.text in kept_back
        draws = 1 if held else variants if example.condition else (
            copies(example, seed) * max(1, variants // ASKED_SHARE))
        for _ in range(draws):
            row = _prompted_row(builder, example, said, rng)
            if row is None:
                counts["too long"] += 1
            else:
                (dataset.held_out if held else dataset.train).append(row)
                counts[f"{row.kind} rows, {'held out' if held else 'trained'}"] += 1
        counts[f"{'thoughts' if example.condition else 'answers'}"] += 1
    _add_others(dataset, builder, other, lists, kept_back, counts, seed, loss)
    if not dataset.train or not dataset.held_out:
        raise TrainingError(
            f"Only {counts['thoughts']} thoughts and {counts['answers']} short answers can be"
            " asked for in flight; at least two different ones are needed, ten times more help:"
            " thoughts in notebook/*.md, or answers in chats that are one line of at most"
            f" {prompt.MUSING_BYTES_MAX} bytes ending in . ! or ?, to a question of at most"
            f" {prompt.QUESTION_CHARS_MAX} characters.")
    rng.shuffle(dataset.train)
    dataset.counts = dict(sorted(counts.items()))
    return dataset


def _add_others(dataset: Dataset, builder: RowBuilder, examples: Sequence[Example],
                lists: Sequence[str], kept_back: set[str], counts: Counter[str], seed: int,
                loss: Loss) -> None:
    """Dialogue rows and plain rows, each as often as it weighs; never what is held out."""
    lines = [(clean_lines(text), 1, ()) for text in lists]
    for example in examples:
        context = tuple(turn for turn in example.context if turn[1] not in kept_back)
        lines.append((clean_lines(example.text), copies(example, seed), context))
    for text, times, context in lines:
        if not text or text in kept_back or not times:
            counts["left out by weight or because it is held out"] += bool(text)
            continue
        row = builder.dialogue(context, text, loss) if context else builder.plain(text)
        counts["too long" if row is None else f"{row.kind} rows, trained"] += times
        if row is not None:
            dataset.train.extend([row] * times)


def _prompted_row(builder: RowBuilder, example: Example, said: Sequence[str],
                  rng: random.Random) -> Row | None:
    condition = example.condition or Condition("question", question=example.question)
    moment = draw_moment(condition, rng)
    memory = None
    if said and rng.random() < MEMORY_CHANCE:
        memory = rng.choice(said)
        if example.text in memory or memory in example.text:
            memory = None  # never the label itself
    kind = "thought" if example.condition else "answer"
    return builder.asked(kind, moment, memory, example.text)
