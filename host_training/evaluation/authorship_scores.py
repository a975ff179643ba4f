"""Authorship scores of every speaker's lines, against the author's and other people's.

The judge learns from the validation and half of the test, none of which the persona read, and from
half of the others; what is left of both are the two ends of its scale.
"""

from __future__ import annotations

from collections.abc import Sequence

from host_training.evaluation import authorship, reference_authors, style
from host_training.evaluation.authorship import bags
from host_training.evaluation.findings import BASE_ASKED, VoiceScores
from host_training.evaluation.intervals import Interval
from host_training.evaluation.reference_authors import Floor
from host_training.evaluation.subject import Subject
from host_training.rows.dataset import Row

BAGS_MIN = 2  # of the author and of others, to learn from and to judge


class AuthorshipScale:
    """A judge of authorship, taught once and asked about every speaker.

    ``floor``: whose words are 0 of its scale, "" where there is too little text to judge anybody.
    ``author`` and ``others`` are lines it never saw, of either end.
    """

    def __init__(self, test: Sequence[Row], validation: Sequence[Row], floor: Floor | None,
                 seed: int) -> None:
        unseen = list(dict.fromkeys((row.session, row.text) for row in test))
        learnt, self.author = reference_authors.halves(unseen)
        learnt += dict.fromkeys(row.text for row in validation)
        against, self.others = reference_authors.halves(floor.lines) if floor else ([], [])
        sides = [bags(side) for side in (learnt, against, self.others, self.author)]
        self._seed = seed
        self.floor = floor.who if floor and min(map(len, sides)) >= BAGS_MIN else ""
        if self.floor:
            self._judge = authorship.Judge(*sides[:2])
            self._ends = self._judge.score(sides[2]), self._judge.score(sides[3])
            self._delta = style.Delta(*sides[:2])

    def authorship(self, lines: Sequence[str]) -> Interval | None:
        """From 0, other people's words, to 1, the author's; None: too little to judge."""
        spoken = bags(lines)
        if not self.floor or not spoken:
            return None
        return authorship.normalised(self._judge.score(spoken), *self._ends, self._seed)

    def delta(self, lines: Sequence[str]) -> float | None:
        """Burrows' Delta to the author; None: too little to judge."""
        return self._delta.distance(lines) if self.floor and lines else None


def voices(scale: AuthorshipScale, subject: Subject, spoken: Sequence[str],
           base_spoken: Sequence[str], trained: Sequence[str]) -> dict[str, VoiceScores]:
    """The persona, the base, the author and others.

    Args:    spoken, base_spoken: lines, those known by heart left out.
             trained: texts the persona learnt from.
    """
    written = list(dict.fromkeys(row.text for row in subject.test))
    found = {who: _speaker(scale, lines, trained, subject.seed)
             for who, lines in ((subject.name, spoken), (BASE_ASKED, base_spoken))}
    found[subject.author] = VoiceScores(scale.authorship(scale.author), None, None,
                                        scale.delta(scale.author), style.variety(written))
    if scale.floor:
        found[scale.floor] = VoiceScores(scale.authorship(scale.others), None, None,
                                         scale.delta(scale.others), style.variety(scale.others))
    return found


def _speaker(scale: AuthorshipScale, lines: Sequence[str], trained: Sequence[str], seed: int
             ) -> VoiceScores:
    common = style.common_words(trained)
    masked_lines, masked_trained = ([style.masked(text, common) for text in texts]
                                    for texts in (lines, trained))
    return VoiceScores(scale.authorship(lines), authorship.telling_apart(lines, trained, seed),
                       authorship.telling_apart(masked_lines, masked_trained, seed),
                       scale.delta(lines), style.variety(lines))
