"""The prompts by which each rival is asked for the same passage, as rows of token ids.

Every rival is told the same: the last words before the passage. What differs is the way it is
told, and each gets the one that suits it: the base goes on writing, the prompted base is given a
page of the author first or the prompt of the flight, the tuned ones are asked as in flight.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from bench.persona_text import AuthorSplit, Passage
from host_training.common.chat_template import END_OF_TEXT
from host_training.rows import canaries
from host_training.rows.dataset import NO_LOSS, ROW_TOKENS_MAX, Row, RowBuilder
from payload.prompt import Moment, PersonaText

PAGE_TOKENS = 320  # of the author's own words before a passage; a passage has at most 200 bytes
ASKED_SHARE = 3
ABOUT = "today"  # the same for every passage: a topic drawn from the passage would tell half of it


def persona_text(author: str) -> PersonaText:
    """Who speaks; as short as it can be, since every row carries it."""
    name = author.title()
    return PersonaText(name, f"You are {name}, writing.", ("I say what I saw.",))


class Asker:
    """Rows for one base's tokenizer and one author."""

    def __init__(self, tokenizer: Any, author: AuthorSplit) -> None:
        self.builder = RowBuilder(tokenizer, persona_text(author.name))
        self._start = [tokenizer.convert_tokens_to_ids(END_OF_TEXT)]
        self._author = author

    def in_flight(self, passage: Passage) -> Row | None:
        """Prompt of the flight; the words before the passage stand where a memory stands."""
        return self.builder.prompted("thought", Moment(ABOUT), passage.before or None, passage.text)

    def bare(self, passage: Passage) -> Row:
        """The words before the passage, and nothing else."""
        return self._goes_on(self._start, passage)

    def after_page(self, passage: Passage, page: int) -> Row:
        """The same after a page of the author, the beginning of document ``page``."""
        ids = self.builder.encode(self._author.documents[page])[:PAGE_TOKENS]
        return self._goes_on([*self._start, *ids, *self.builder.encode("\n")], passage)

    def _goes_on(self, start: list[int], passage: Passage) -> Row:
        context = start + (self.builder.encode(passage.before) if passage.before else [])
        label = self.builder.encode((" " if passage.before else "") + passage.text)
        return Row("bare", passage.text, context + label, [NO_LOSS] * len(context) + label)

    def training(self, passages: Sequence[Passage], seed: int) -> list[Row]:
        """The documents as plain text in long rows; one passage in ASKED_SHARE as asked.

        Plain rows learn from every token and teach the author; the others teach how it is asked.
        Canaries, which no author wrote, go along to be looked for afterwards.
        """
        rows = [row for passage in passages[::ASKED_SHARE] if (row := self.in_flight(passage))]
        rows += canaries.canary_rows(self.builder, seed)
        for document in self._author.documents:
            rows += self._plain(document)
        random.Random(seed).shuffle(rows)
        return rows

    def _plain(self, document: str) -> list[Row]:
        ids = self.builder.encode(document)
        room = ROW_TOKENS_MAX - 1
        return [Row("plain", "", [*self._start, *part], [NO_LOSS, *part])
                for part in (ids[at : at + room] for at in range(0, len(ids), room))]


def words_only(row: Row) -> Row:
    """Without the label of the end of the turn, which a base that knows no turns cannot know."""
    return row if row.kind == "bare" else replace(row, labels=[*row.labels[:-1], NO_LOSS])
