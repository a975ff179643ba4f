"""From examples to rows of token ids and labels, with prompts exactly as in flight.

Five kinds of row:
- a *thought* in several drawn moments: prompt of ``payload.prompt``, label = the thought + end;
- an *answer*: a chat message before a short answer, as the question of a drawn moment;
- a *line* of other writing, in a drawn moment that is about nothing in particular;
- a *dialogue* row: the turns before a longer or many-message answer, label = the answer + end;
- a *plain* row: diary, documents, values, ways of thinking; every token is a label.

All kinds but the plain one are also measured. Tokenization is done here and not by the trainer, so
that it is known of each token whether it carries loss.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import random
from collections import Counter
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeVar

from host_training.common.chat_template import (
    END_OF_TEXT,
    END_OF_TURN,
    SPECIAL_TOKENS,
    START_OF_TURN,
)
from host_training.common.messages import Layer
from host_training.corpus.dedup import EXACT_CHARS, fingerprint
from host_training.corpus.sessions import Example
from host_training.corpus.whole_sentences import is_long_enough
from host_training.errors import TooLittleWriting
from host_training.rows.context_sampler import draw_moment
from host_training.rows.split import Side, Split, session_of
from host_training.rows.targets import Target, condition_of, sentences, targets_of
from payload import prompt
from payload.mind.memory import MEMORY_CHANCE

Loss = Literal["author", "all"]
_Item = TypeVar("_Item")
NO_LOSS = -100
LETTERS = ("letters learnt of tiers 1 and 2", "letters learnt of tiers 3 and 4")  # in the counts
MEASURED_MAX = 400  # rows of the validation, and of the test; more would not narrow the intervals
ASKED_SHARE = 3  # a chat answer is drawn in a third as many moments as a thought; of lines, a third
FOREIGN_BYTES_PER_TOKEN = 2.0  # Russian on an English tokenizer has about 1.5
LANGUAGE_SAMPLE_TEXTS = 500
ROW_TOKENS_MAX = 512  # the base has never seen a later position


@dataclass(frozen=True, slots=True)
class Row:
    """Token ids and labels of equal length (labels NO_LOSS where nothing is learnt).

    ``session``, ``layer``: of a row for measurement, the id of its session, and its layer of the
    person.
    """

    kind: str
    text: str
    input_ids: list[int]
    labels: list[int]
    session: str = ""
    layer: Layer = "said"


@dataclass(slots=True)
class Dataset:
    """Rows for training, validation and test, with counts of how they were made.

    ``unasked``: plain rows of the test that no flight prompt can ask for, because they are too long
    or not to be quoted. ``newest``: the sessions of the test that are in it as the last by time.
    """

    train: list[Row]
    validation: list[Row]
    test: list[Row]
    unasked: list[Row]
    counts: dict[str, int]
    newest: list[str] = field(default_factory=list)

    def save(self, path: Path) -> None:
        """Write as JSON, atomically."""
        partial = path.with_suffix(".part")
        partial.write_text(json.dumps(asdict(self)))
        os.replace(partial, path)

    @classmethod
    def load(cls, path: Path) -> Dataset:
        """Read what ``save`` wrote."""
        data = json.loads(path.read_text())
        train, validation, test, unasked = (
            [Row(**row) for row in data.pop(name)]
            for name in ("train", "validation", "test", "unasked"))
        return cls(train, validation, test, unasked, **data)


class RowBuilder:
    """Makes checked rows for one tokenizer and one persona."""

    def __init__(self, tokenizer: Any, persona: prompt.PersonaText) -> None:
        """``tokenizer`` is a fast Hugging Face tokenizer with the three ChatML tokens.

        ``chat_template.check_tokens`` has already checked them.
        """
        vocabulary = tokenizer.get_vocab()  # an id proves nothing: unknown has one in Qwen2
        assert all(token in vocabulary for token in SPECIAL_TOKENS), SPECIAL_TOKENS
        self._tokenizer = tokenizer
        self._end_of_turn = tokenizer.convert_tokens_to_ids(END_OF_TURN)
        self._end_of_text = tokenizer.convert_tokens_to_ids(END_OF_TEXT)
        self._prefix = prompt.prefix(persona)
        self._prefix_ids = self.encode(self._prefix)

    def encode(self, text: str) -> list[int]:
        """Ids with nothing added; control tokens in the text become their own ids."""
        ids: list[int] = self._tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ``ids``, control tokens included: the inverse of ``encode``."""
        text: str = self._tokenizer.decode(ids, clean_up_tokenization_spaces=False)
        return text

    def prompted(self, kind: str, moment: prompt.Moment, memory: str | None, label: str
                 ) -> Row | None:
        """A row of prompt and label; None when it is longer than ROW_TOKENS_MAX."""
        suffix = prompt.suffix(moment, memory)
        suffix_ids, label_ids = self.encode(suffix), self._content(label)
        prompt_ids = self._prefix_ids + suffix_ids
        # The flight evaluates the prefix once and the suffix alone: both must be tokenized alike.
        assert prompt_ids == self.encode(self._prefix + suffix), suffix
        input_ids = [*prompt_ids, *label_ids, self._end_of_turn]
        if len(input_ids) > ROW_TOKENS_MAX:
            return None
        labels = [NO_LOSS] * len(prompt_ids) + input_ids[len(prompt_ids) :]
        return Row(kind, label, input_ids, labels)

    def dialogue(self, context: Sequence[tuple[str, str]], label: str, loss: Loss) -> Row | None:
        """A row of a chat: others' turns as user turns, the author's as the assistant's.

        Loss is on the label alone, or, with "all", on the words and end of every turn (as in
        doppelganger: every speaker teaches how conversations go); headers never carry any. The
        oldest turns are dropped until the row has at most ROW_TOKENS_MAX; None if it never has.
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
        """A row of text between two end-of-text tokens; None when it is too long."""
        input_ids = [self._end_of_text, *self._content(text), self._end_of_text]
        if len(input_ids) > ROW_TOKENS_MAX:
            return None
        return Row("plain", text, input_ids, [NO_LOSS, *input_ids[1:]])

    def _content(self, text: str) -> list[int]:
        ids = self.encode(text)
        control = set(self._tokenizer.all_special_ids)
        assert ids and not control.intersection(ids), text
        assert self.decode(ids) == text, text
        return ids


def _roles(turns: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """(role, words); where several others speak, each turn begins with the speaker's name."""
    others = {speaker for speaker, _ in turns if speaker != "me"}
    return [("assistant", words) if speaker == "me" else
            ("user", f"{speaker}: {words}" if len(others) > 1 else words)
            for speaker, raw in turns if (words := clean_lines(raw))]


def copies(example: Example, seed: int) -> int:
    """How often a row is repeated, from its weight: the fraction decides a fixed random draw."""
    whole = math.floor(example.weight)
    digest = hashlib.sha256(f"{seed}:{example.utc_ms}:{example.text}".encode()).digest()
    return whole + (int.from_bytes(digest[:4], "big") / 2**32 < example.weight - whole)


def bytes_per_token(texts: Sequence[str], tokenizer: Any) -> float:
    """Mean bytes of the writing in a token of the base: 3 to 5 for a language it knows."""
    sample = "\n".join(sorted(texts, key=_hash_order)[:LANGUAGE_SAMPLE_TEXTS])
    return len(sample.encode()) / max(1, len(tokenizer(sample)["input_ids"]))


def _hash_order(text: str) -> bytes:
    """A sort key that is independent of the content."""
    return hashlib.sha256(text.encode()).digest()


def clean_lines(text: str) -> str:
    """Text without control tokens and control characters, line by line."""
    lines = (prompt.strip_control(line) for line in text.splitlines())
    return "\n".join(line for line in lines if line)


def build_dataset(examples: Sequence[Example], split: Split, lists: Sequence[str], tokenizer: Any,
                  persona: prompt.PersonaText, variants: int, seed: int, loss: Loss = "author"
                  ) -> Dataset:
    """The dataset of everything the author wrote.

    Args:    lists: values and ways of thinking, trained as plain text.
             variants: moments drawn per thought, 1..100.
             loss: in chats, on the author's answer alone, or on every speaker's turns.
    Raises:  TooLittleWriting when too little is left for training or measurement.
    """
    maker = _RowMaker(RowBuilder(tokenizer, persona), split, variants, seed, loss)
    learnt = [e for e in examples if split.side(e) == "train"]
    held_out = [e for e in examples if split.side(e) != "train"]
    train = maker.learnt(learnt, {e.text for e in held_out}) + maker.listed(lists)
    measured = maker.measured(held_out, [
        *(e.text for e in learnt), *lists,
        *(text for e in learnt for who, text in e.context if who == "me")])
    validation, test, unasked = (
        spread([row for side, row in measured if (side, row.kind == "plain") == wanted],
               MEASURED_MAX)
        for wanted in (("validation", False), ("test", False), ("test", True)))
    n_asked = sum(row.kind != "plain" for row in train)
    if not n_asked or not validation or not test:
        raise TooLittleWriting(
            f"Of the rows that a flight can ask for {n_asked} are left to learn from,"
            f" {len(validation)} to choose by and {len(test)} to measure with: the rest is too long"
            f" for {ROW_TOKENS_MAX} tokens, or occurs in training rows. More writing helps.")
    random.Random(seed).shuffle(train)
    return Dataset(train, validation, test, unasked, dict(sorted(maker.counts.items())),
                   sorted(split.newest))


class _RowMaker:
    """Makes rows from examples and counts them."""

    def __init__(self, builder: RowBuilder, split: Split, variants: int, seed: int, loss: Loss
                 ) -> None:
        self._builder, self._split, self._loss = builder, split, loss
        self._variants, self._seed = variants, seed
        self._rng = random.Random(seed)
        self._memories: list[str] = []  # what a prompt may remember
        self.counts: Counter[str] = Counter()

    def learnt(self, examples: Sequence[Example], held_out: AbstractSet[str]) -> list[Row]:
        """Rows for training, repeated by weight; of lines, which are plain rows too, a third.

        Args:    held_out: texts that must not occur in a row's context either.
        """
        targets = [target for example in examples for target in targets_of(example)]
        self._memories = sorted({
            target.example.text for target in targets
            if target.form != "dialogue" and target.example.layer == "said"  # as the memory has it
            and is_long_enough(target.example.text)})
        lines = [target for target in targets if target.form == "line"]
        rows = [row for target in (*(target for target in targets if target.form != "line"),
                                   *lines[::ASKED_SHARE])
                for row in self._rows_of(target, self._n_rows(target), "trained", held_out)]
        for example in examples:
            if all(target.form == "line" for target in targets_of(example)):
                rows += self._plain(example.text, copies(example, self._seed), example.tier)
        return rows

    def listed(self, lists: Sequence[str]) -> list[Row]:
        """Plain rows of values and ways of thinking."""
        return [row for text in lists for row in self._plain(text, 1, tier=1)]

    def measured(self, examples: Sequence[Example], learnt: Sequence[str]
                 ) -> list[tuple[Side, Row]]:
        """(side, row) of held-out examples, without those that ``learnt`` has word for word."""
        targets = [(self._split.side(example), example, target)
                   for example in examples for target in targets_of(example) or (None,)]
        texts = [target.example.text if target else example.text for _, example, target in targets]
        marks = {mark for text in texts for mark in _marks(text)}
        known = {mark for text in learnt for mark in _marks(text) if mark in marks}
        found: list[tuple[Side, Row]] = []
        for (side, example, target), text in zip(targets, texts, strict=True):
            if not known.isdisjoint(_marks(text)):
                self.counts["held out, but said elsewhere too"] += 1
                continue
            rows = self._rows_of(target, 1, side) if target else self._test_plain(text, side)
            found += [(side, replace(row, session=session_of(example), layer=example.layer))
                      for row in rows]
        return found

    def _test_plain(self, text: str, side: str) -> list[Row]:
        """A plain row of the test, which no validation uses."""
        row = self._builder.plain(words) if (words := clean_lines(text)) else None
        if row is None or side != "test":
            return []
        self.counts["plain rows, test"] += 1
        return [row]

    def _n_rows(self, target: Target) -> int:
        if target.form == "thought":
            return self._variants
        times = copies(target.example, self._seed)
        return times * max(1, self._variants // ASKED_SHARE) if target.form == "answer" else times

    def _rows_of(self, target: Target, times: int, use: str,
                 held_out: AbstractSet[str] = frozenset()) -> list[Row]:
        loss: Loss = self._loss if use == "trained" else "author"
        rows = [self._dialogue(target.example, held_out, loss) if target.form == "dialogue"
                else self._in_flight(target) for _ in range(times)]
        self.counts[f"{target.form}s"] += 1
        for row in rows:
            self.counts["too long" if row is None else f"{row.kind} rows, {use}"] += 1
        made = [row for row in rows if row is not None]
        return self._weighed(made, target.example.tier) if use == "trained" else made

    def _in_flight(self, target: Target) -> Row | None:
        moment = draw_moment(condition_of(target), self._rng)
        text, memory = target.example.text, None
        if self._memories and self._rng.random() < MEMORY_CHANCE:
            memory = self._rng.choice(self._memories)
            if text in memory or memory in text:
                memory = None  # never the label itself
        return self._builder.prompted(target.form, moment, memory, text)

    def _dialogue(self, example: Example, held_out: AbstractSet[str], loss: Loss) -> Row | None:
        text = clean_lines(example.text)
        context = [turn for turn in example.context if turn[1] not in held_out]
        return self._builder.dialogue(context, text, loss) if text else None

    def _plain(self, text: str, times: int, tier: int) -> list[Row]:
        row = self._builder.plain(words) if (words := clean_lines(text)) else None
        self.counts["too long" if row is None else "plain rows, trained"] += times
        self.counts["left out by weight"] += not times
        return [] if row is None else self._weighed([row] * times, tier)

    def _weighed(self, rows: list[Row], tier: int) -> list[Row]:
        """The same rows, after counting their letters, with copies and drawn moments."""
        self.counts[LETTERS[tier > 2]] += sum(len(row.text) for row in rows)
        return rows


def _marks(text: str) -> set[str]:
    """Fingerprints that identify a text: of the whole, and of each longer sentence."""
    parts = (fingerprint(part) for part in sentences(text))
    return {fingerprint(text), *(part for part in parts if len(part) >= EXACT_CHARS)}


def spread(items: Sequence[_Item], most: int) -> list[_Item]:
    """At most ``most`` of the items, evenly spaced from first to last."""
    n = min(len(items), most)
    return [items[number * len(items) // n] for number in range(n)]
