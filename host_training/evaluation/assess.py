"""Evaluates a persona: runs every measure on the files of a ladder and collects the findings."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from host_training.evaluation import (
    context,
    intervals,
    leaks,
    learning,
    memorisation,
    mission,
    quants,
    reference_authors,
    role_play,
    style,
)
from host_training.evaluation.authorship_scores import AuthorshipScale, voices
from host_training.evaluation.findings import (
    BASE_ALONE,
    BASE_ASKED,
    LETTERS,
    Findings,
    LeakFindings,
    Likeness,
    Spoken,
    VoiceScores,
    as_flown,
)
from host_training.evaluation.generation import Speech, as_ranked, speak
from host_training.evaluation.intervals import Interval
from host_training.evaluation.memorisation import TrainedText
from host_training.evaluation.ngram_baseline import NgramBaseline
from host_training.evaluation.subject import Subject
from host_training.likelihood import bits
from host_training.rows.dataset import Row, spread
from host_training.rows.targets import IN_FLIGHT

ROWS_MAX = 400  # trained rows measured beside those of the test
COMPARED_MAX = 120  # rows on which every file of the ladder is compared with F16
COMPLETED_MAX = 60  # lines of each kind that are asked to complete themselves
LADDER_LINES_MAX = 60  # said by a file that does not fly: a large model takes minutes for each
SHOWN = 12

Report = Callable[[float, str], None]


def assess(subject: Subject, report: Report) -> Findings:
    """All measures. Some minutes for a base of a few million parameters."""
    written = list(dict.fromkeys(row.text for row in subject.test))
    # a line stands in a plain row as well
    trained = list(dict.fromkeys(r.text for r in subject.train if r.kind not in ("canary", "line")))
    corpus = TrainedText(trained)
    floor = reference_authors.floor(subject.partners, written)
    scale = AuthorshipScale(subject.test, subject.validation, floor, subject.seed)
    base_speech, speeches = _speeches(subject, report)
    own = {file: _own_words(speech.lines, corpus) for file, speech in speeches.items()}
    judged = voices(scale, subject, own[subject.flown], base_speech.lines, trained)
    speech = speeches[subject.flown]
    report(0.4, "whether it is the person")
    likeness = _likeness(subject, speech, written, trained, floor, judged, scale.floor)
    report(0.55, "what it says in a conversation")
    conversation = role_play.play(subject)
    report(0.6, "what it has memorised")
    replies = [turn.persona for turn in conversation if turn.persona]
    memory = _memory(subject, speech, replies, corpus)
    report(0.75, "what the quantisation cost")
    rows = spread(subject.test, COMPARED_MAX)
    costs = quants.compare(subject.exact, subject.ladder, rows, [row.session for row in rows],
                           subject.seed, subject.threads)
    report(0.9, "its answers to a flight's prompts")
    flown = mission.examine(subject.flown_path, subject.builder, subject.author, subject.name,
                            subject.terms, subject.region, subject.sampling, subject.seed,
                            subject.threads, subject.order)
    spoken = {file: Spoken(speech.pace, scale.authorship(own[file]))
              for file, speech in speeches.items()}
    return Findings(subject.name, subject.author, subject.flown, likeness, memory, costs, flown,
                    spoken, speech.lines[:SHOWN], written[:SHOWN], conversation)


def _speeches(subject: Subject, report: Report) -> tuple[Speech, dict[str, Speech]]:
    """What the base says, and what each file of the persona says, to the same prompts."""
    in_flight = [row for row in subject.test if row.kind in IN_FLIGHT] or subject.test
    files = {"the base": subject.base, **subject.files}
    found = {}
    for number, (file, path) in enumerate(files.items()):
        report(0.02 + 0.38 * number / len(files), f"what {file} says")
        is_judged = file in ("the base", "F16", subject.flown)
        lines = subject.lines if is_judged else min(subject.lines, LADDER_LINES_MAX)
        order = as_ranked if path == subject.base else subject.order
        found[file] = speak(path, in_flight, lines, subject.sampling, subject.seed,
                            subject.threads, order)
    return found.pop("the base"), found


def _own_words(lines: Sequence[str], corpus: TrainedText) -> list[str]:
    """A line known by heart would pass for the author's without any likeness."""
    return [line for line in lines if not corpus.longest_common(line)]


def _likeness(subject: Subject, speech: Speech, written: Sequence[str], trained: Sequence[str],
              floor: reference_authors.Floor | None, judged: dict[str, VoiceScores],
              judged_by: str) -> Likeness:
    rows = [learning.without_end(row) for row in subject.test]
    sizes = np.array([len(row.text.encode()) for row in rows], float)
    sessions = [row.session for row in rows]

    def interval(costs: np.ndarray) -> Interval:
        return intervals.ratio(costs, sizes, sessions, subject.seed)

    plain = learning.read(subject, learning.author_rows(subject))
    letters = NgramBaseline(trained)
    rivals = {
        LETTERS: np.array([letters.bits(row.text) for row in rows]),
        BASE_ALONE: plain.base[: len(rows)],
        BASE_ASKED: bits.gguf_row_bits(subject.base, rows, subject.threads),
        f"{subject.name}, F16": bits.gguf_row_bits(subject.exact, rows, subject.threads),
    }
    flown = bits.gguf_row_bits(subject.flown_path, rows, subject.threads)
    untuned = min((BASE_ALONE, BASE_ASKED), key=lambda name: rivals[name].sum())
    wrong = context.with_wrong_prompts(rows, subject.seed)
    costs = bits.gguf_row_bits(subject.flown_path, [row for _, row in wrong], subject.threads
                               ) if wrong else np.zeros(0)
    at = [number for number, _ in wrong]
    places = context.ranks(subject.flown_path, rows, subject.seed, subject.threads)
    shown = {**rivals, as_flown(subject.name, subject.flown): flown}
    others_rows = learning.others_rows(subject, floor.lines) if floor else []
    return Likeness(
        bits={name: interval(rival) for name, rival in shown.items()},
        lead=interval(rivals[untuned] - flown), voices=judged, floor=judged_by,
        habits=style.habit_distances(written, speech.lines, subject.seed) if speech.lines else {},
        listening=intervals.ratio(costs - flown[at], sizes[at], [sessions[n] for n in at],
                                  subject.seed) if wrong else None,
        first_places=sum(place == 1 for place in places) / len(places) if places else None,
        trials=len(places), usable=len(speech.lines) / len(speech.draws),
        claims=[s for s in speech.lines if mission.is_claim(s, subject.author, subject.name)],
        learnt=learning.learnt(plain, learning.read(subject, others_rows), subject.seed
                               ) if others_rows else None,
        layers=learning.layers(plain, subject.seed))


def _memory(subject: Subject, speech: Speech, replies: Sequence[str], corpus: TrainedText
            ) -> LeakFindings:
    """``replies``: what it said in conversations; only a leak is looked for there."""
    trained = [row for row in subject.train if row.kind not in ("plain", "canary")]
    unseen = list(subject.test)
    longest = np.array([corpus.longest_common(line) for line in speech.lines])
    sessions = [session for session, line in speech.draws if line]
    some = trained[:ROWS_MAX]
    path, threads = subject.flown_path, subject.threads

    def rates(rows: Sequence[Row]) -> np.ndarray:
        return bits.gguf_row_bits(path, rows, threads) / [len(r.text.encode()) for r in rows]

    model = bits.open_gguf(path, max(len(r.input_ids) for r in (*some, *unseen)),
                           every_logit=True, threads=threads)
    completed = (memorisation.completed(model, some[:COMPLETED_MAX]),
                 memorisation.completed(model, spread(unseen, COMPLETED_MAX)))
    model.close()
    return LeakFindings(
        leaks=leaks.find([*speech.lines, *replies], subject.terms, subject.region),
        exposures=(memorisation.exposures(path, subject.builder, subject.seed, threads)
                   if subject.has_canaries else {}),
        completed=completed,
        verbatim=intervals.ratio(longest > 0, np.ones(len(longest)), sessions, subject.seed
                                 ) if len(longest) else None,
        longest=int(longest.max(initial=0)),
        membership=intervals.auc_interval(list(rates(unseen)), list(rates(some)), subject.seed,
                                          [row.session for row in unseen]))
