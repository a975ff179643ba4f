"""Examine a persona: run every measure on the files of a ladder and put the findings together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from host_training.asked import IN_FLIGHT
from host_training.chat_template import END_OF_TEXT
from host_training.dataset import NO_LOSS, Row, RowBuilder, spread
from host_training.evaluation import (
    authorship,
    bits,
    context,
    intervals,
    leaks,
    memorisation,
    mission,
    others,
    quants,
    style,
)
from host_training.evaluation.authorship import bags
from host_training.evaluation.findings import Findings, Likeness, Memory, Voice
from host_training.evaluation.intervals import Interval
from host_training.evaluation.speaker import Sampling, pace, speak

ROWS_MAX = 400  # trained rows measured beside those of the test
COMPARED_MAX = 120  # rows on which every file of the ladder is compared with F16
COMPLETED_MAX = 60  # lines of each kind that are asked to complete themselves
PACED = 24  # replies from which is told how a file of the ladder ends them, and how fast
SHOWN = 12
BAGS_MIN = 2  # of the author and of others, to learn from and to judge


@dataclass(frozen=True, slots=True)
class Subject:
    """What is examined: files, and the rows it was made with."""

    name: str
    author: str
    base: Path  # F16 GGUF of the base it came from
    exact: Path  # F16 GGUF of the persona
    ladder: dict[str, Path]  # quantised files by type
    flown: str  # the type that flies, or F16
    train: Sequence[Row]
    validation: Sequence[Row]
    test: Sequence[Row]  # by which nothing was chosen
    partners: Sequence[others.Line]
    builder: RowBuilder
    sampling: Sampling
    lines: int  # said by the persona and by the base; 200 make twenty bags of a thousand letters
    terms: Sequence[str]  # never to be said
    region: str | None  # of telephone numbers without their country code
    seed: int
    threads: int
    has_canaries: bool  # they were trained along

    @property
    def flown_path(self) -> Path:
        """The file that flies."""
        return self.ladder.get(self.flown, self.exact)


def assess(subject: Subject, report: Callable[[float, str], None]) -> Findings:
    """All measures. Some minutes for a base of a few million parameters."""
    asked = list(subject.test)
    report(0.05, "what it says")
    in_flight = [row for row in asked if row.kind in IN_FLIGHT] or asked
    draws, of_base = (
        speak(path, in_flight, subject.lines, subject.sampling, subject.seed, subject.threads)
        for path in (subject.flown_path, subject.base))
    said, base_said = [s for s in draws if s], [s for s in of_base if s]
    written = list(dict.fromkeys(row.text for row in asked))
    # a line stands in a plain row as well
    trained = list(dict.fromkeys(r.text for r in subject.train if r.kind not in ("canary", "line")))
    corpus = memorisation.Corpus(trained)
    report(0.3, "whether it is the person")
    likeness = _likeness(subject, asked, draws, base_said, written, trained, corpus)
    report(0.5, "what it knows by heart")
    memory = _memory(subject, asked, said, corpus)
    report(0.7, "what the quantisation cost")
    rows = spread(asked, COMPARED_MAX)
    costs = quants.compare(subject.exact, subject.ladder, rows, [row.session for row in rows],
                           subject.seed, subject.threads)
    paces = {quant: pace(path, in_flight, PACED, subject.sampling, subject.seed, subject.threads)
             for quant, path in {"F16": subject.exact, **subject.ladder}.items()}
    report(0.9, "what it makes of a flight's questions")
    flown = mission.examine(subject.flown_path, subject.builder, subject.author, subject.name,
                            subject.terms, subject.region, subject.sampling, subject.seed,
                            subject.threads)
    return Findings(subject.name, subject.author, subject.flown, likeness, memory, costs, flown,
                    paces, said[:SHOWN], written[:SHOWN])


def bare(row: Row, builder: RowBuilder) -> Row:
    """The words of a row after nothing, as the base knew text before it was asked anything."""
    words = builder.encode(row.text)
    return Row("bare", row.text, [*builder.encode(END_OF_TEXT), *words], [NO_LOSS, *words])


def without_end(row: Row) -> Row:
    """Without the label of the end of the turn, which no untuned base can know."""
    return replace(row, labels=[*row.labels[:-1], NO_LOSS])


def _likeness(subject: Subject, asked: Sequence[Row], draws: Sequence[str | None],
              base_said: Sequence[str], written: Sequence[str], trained: Sequence[str],
              corpus: memorisation.Corpus) -> Likeness:
    said = [line for line in draws if line]
    rows = [without_end(row) for row in asked]
    rivals = {
        "base alone": bits.gguf_row_bits(subject.base, [bare(r, subject.builder) for r in asked],
                                         subject.threads),
        "base with the prompt": bits.gguf_row_bits(subject.base, rows, subject.threads),
        f"{subject.name}, F16": bits.gguf_row_bits(subject.exact, rows, subject.threads),
    }
    flown = bits.gguf_row_bits(subject.flown_path, rows, subject.threads)
    sizes = np.array([len(row.text.encode()) for row in rows], float)
    sessions = [row.session for row in rows]
    untuned = min(("base alone", "base with the prompt"), key=lambda name: rivals[name].sum())

    def interval(costs: np.ndarray) -> Interval:
        return intervals.ratio(costs, sizes, sessions, subject.seed)

    wrong = context.with_wrong_prompts(rows, subject.seed)
    costs = bits.gguf_row_bits(subject.flown_path, [row for _, row in wrong], subject.threads
                               ) if wrong else np.zeros(0)
    at = [number for number, _ in wrong]
    places = context.ranks(subject.flown_path, rows, subject.seed, subject.threads)
    shown = {**rivals, f"{subject.name} as flown ({subject.flown})": flown}
    # A line known by heart would pass for the author's without any likeness.
    own_words = [line for line in said if not corpus.longest_common(line)]
    voices, floor = _voices(own_words, base_said, written, trained, subject)
    return Likeness(
        bits={name: interval(rival) for name, rival in shown.items()},
        lead=interval(rivals[untuned] - flown),
        voices=voices, floor=floor,
        habits=style.habit_distances(written, said, subject.seed) if said else {},
        listening=intervals.ratio(costs - flown[at], sizes[at], [sessions[n] for n in at],
                                  subject.seed) if wrong else None,
        first_places=sum(place == 1 for place in places) / len(places) if places else None,
        asked=len(places), usable=len(said) / len(draws),
        claims=[s for s in said if mission.is_claim(s, subject.author, subject.name)])


def _voices(said: Sequence[str], base_said: Sequence[str], written: Sequence[str],
            trained: Sequence[str], subject: Subject) -> tuple[dict[str, Voice], str]:
    """The persona, the base, others and the author, each judged alike; and who the others are.

    The judge learns from the validation and half of the test, which the persona never read, and
    from half of the others; the rest are the two ends of the scale.
    """
    unseen = list(dict.fromkeys((row.session, row.text) for row in subject.test))
    learnt, rest = others.halves(unseen)
    learnt += dict.fromkeys(row.text for row in subject.validation)
    floor = others.floor(subject.partners, (*learnt, *rest))
    against, judged = others.halves(floor.lines) if floor else ([], [])
    lines = {subject.name: said, "base with the prompt": base_said, subject.author: written}
    scores: dict[str, np.ndarray] = {}
    delta = None
    if floor and min(len(bags(side)) for side in (learnt, rest, against, judged)) >= BAGS_MIN:
        judge = authorship.Judge(bags(learnt), bags(against))
        lines[floor.who] = judged
        scores = {who: judge.score(bags(texts)) for who, texts in lines.items() if bags(texts)}
        scores[subject.author] = judge.score(bags(rest))
        delta = style.Delta(bags(learnt), bags(against))
    voices = {}
    for who, texts in lines.items():
        of_persona = who in (subject.name, "base with the prompt")
        voices[who] = Voice(
            authorship.normalised(scores[who], scores[floor.who], scores[subject.author],
                                  subject.seed) if floor and who in scores else None,
            authorship.telling_apart(texts, trained) if of_persona else None,
            authorship.telling_apart(*_masked(texts, trained)) if of_persona else None,
            delta.distance(rest if who == subject.author else texts) if delta and texts else None,
            style.variety(texts))
    return voices, floor.who if floor and scores else ""


def _masked(texts: Sequence[str], trained: Sequence[str]) -> tuple[list[str], list[str]]:
    common = style.common_words(trained)
    return [style.masked(t, common) for t in texts], [style.masked(t, common) for t in trained]


def _memory(subject: Subject, asked: Sequence[Row], said: Sequence[str],
            corpus: memorisation.Corpus) -> Memory:
    trained = [row for row in subject.train if row.kind not in ("plain", "canary")]
    longest = [corpus.longest_common(line) for line in said]
    some = trained[:ROWS_MAX]
    path, threads = subject.flown_path, subject.threads

    def rates(rows: Sequence[Row]) -> np.ndarray:
        return bits.gguf_row_bits(path, rows, threads) / [len(r.text.encode()) for r in rows]

    model = bits.open_gguf(path, max(len(r.input_ids) for r in (*some, *asked)),
                           every_logit=True, threads=threads)
    completed = (memorisation.completed(model, some[:COMPLETED_MAX]),
                 memorisation.completed(model, spread(asked, COMPLETED_MAX)))
    model.close()
    return Memory(
        leaks=leaks.find(said, subject.terms, subject.region),
        exposures=(memorisation.exposures(path, subject.builder, subject.seed, threads)
                   if subject.has_canaries else {}),
        completed=completed,
        verbatim=sum(n > 0 for n in longest) / max(1, len(longest)),
        longest=max(longest, default=0),
        membership=intervals.auc_interval(list(rates(asked)), list(rates(some)), subject.seed))
