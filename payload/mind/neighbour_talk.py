"""NeighbourTalk: which musing of a neighbour the next thought answers.

What is heard here bears the neighbour's signature (``payload.link.overhearing``). It becomes
hearsay: quoted with its source and age, and nothing else. An answer takes the place of a musing
that is due anyway, so that two payloads that answer each other think and send no more than two that
do not. How often it may be an answer is bounded:

- ANSWERS_A_DAY_MAX in all, OF_ONE_A_DAY_MAX to one neighbour, by days of UTC;
- ANSWER_EVERY_MS from one to the next.

At a bound of the day what was heard is not answered, and counted; the first time of a day is told
in an event. Of each neighbour one musing is open, the newest; but one that answers ours stays open
until it is answered itself, for AGE_MS_MAX. Each is answered once. One that is not newer than the
newest heard has no effect, so that frames which come again, from whomever, say nothing twice.
Without the time nothing is heard: nobody could tell old from new.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from payload.hearsay import Hearsay
from payload.notes import Note, event
from payload.prompt import Heard, strip_control
from wire.sources import TEXT_CHARS_MAX

KEY = "conversation"  # in the store
ANSWERS_A_DAY_MAX = 24
OF_ONE_A_DAY_MAX = 8
ANSWER_EVERY_MS = 600_000
AGE_MS_MAX = 6 * 3_600_000
AHEAD_MS_MAX = 60_000  # that a neighbour's clock may be ahead of ours
DAY_MS = 86_400_000


class NeighbourMusing(NamedTuple):
    """A musing that a neighbour has signed; ``utc_ms`` is when it was thought.

    ``is_reply``: it answers one of this payload.
    """

    node_id: int
    incarnation: int
    record_id: int
    text: str
    utc_ms: int
    is_reply: bool


class Answering(NamedTuple):
    """What a thought answers: the quotation, and (node id, incarnation, record id)."""

    heard: Heard
    musing: tuple[int, int, int]


class _Open(NamedTuple):
    """A musing that may be answered."""

    incarnation: int
    record_id: int
    utc_ms: int
    is_reply: bool


@dataclass(slots=True)
class _Partner:
    """One neighbour: when its newest musing was thought, how often it was answered today, and what
    is open."""

    name: str
    heard_ms: int = 0  # UTC
    answers: int = 0
    open: _Open | None = None

    @property
    def is_answered_enough(self) -> bool:
        return self.answers >= OF_ONE_A_DAY_MAX


class NeighbourTalk:
    """With every neighbour that can be verified. What ``saved`` gives outlives a reboot."""

    def __init__(
        self, hearsay: Hearsay, names: Mapping[int, str] | None = None, saved: Any = None
    ) -> None:
        """``names`` are those of the neighbours, by node id."""
        self.stale_musings = 0  # heard before, too old, or dated ahead
        self.unanswered_musings = 0  # at a bound of the day
        self._hearsay = hearsay
        self._partners = {node_id: _Partner(name) for node_id, name in (names or {}).items()}
        self._notes: list[Note] = []
        self._day: int
        self._answered_ms: int
        self._is_full_told: bool
        self._day, self._answered_ms, self._is_full_told, partners = saved or (0, 0, False, ())
        for node_id, heard_ms, answers, open_musing in partners:
            if node_id in self._partners:
                partner = self._partners[node_id]
                partner.heard_ms, partner.answers = heard_ms, answers
                partner.open = None if open_musing is None else _Open(*open_musing)

    @property
    def has_partners(self) -> bool:
        """Is there anybody who could be answered?"""
        return bool(self._partners)

    def saved(self) -> list[Any]:
        """[day, UTC ms of the last answer, whether the bound was told today,
        [node id, newest heard, answers today, what is open or None] of each]."""
        return [self._day, self._answered_ms, self._is_full_told, [
            [node_id, p.heard_ms, p.answers, None if p.open is None else list(p.open)]
            for node_id, p in self._partners.items()]]

    def take_notes(self) -> list[Note]:
        """Events since the last call."""
        notes, self._notes = self._notes, []
        return notes

    def hear(self, musing: NeighbourMusing, utc_ms: int | None) -> None:
        """A neighbour mused; ``utc_ms`` is now, None where that is not known."""
        partner = self._partners.get(musing.node_id)
        text = strip_control(musing.text)[:TEXT_CHARS_MAX]
        if partner is None or utc_ms is None or not text:
            return
        self._right(utc_ms)
        is_timely = -AHEAD_MS_MAX <= utc_ms - musing.utc_ms <= AGE_MS_MAX
        if not is_timely or musing.utc_ms <= partner.heard_ms:
            self.stale_musings += 1
            return
        partner.heard_ms = musing.utc_ms
        if partner.open is not None and partner.open.is_reply and not musing.is_reply:
            return
        partner.open = _Open(
            musing.incarnation, musing.record_id, musing.utc_ms, musing.is_reply)
        self._hearsay.note(partner.name, text, musing.utc_ms)

    def next(self, utc_ms: int | None) -> Answering | None:
        """What a thought that begins now is to answer; it is never answered again."""
        if utc_ms is None or 0 <= utc_ms - self._answered_ms < ANSWER_EVERY_MS:
            return None
        self._right(utc_ms)
        self._turn(utc_ms // DAY_MS)
        is_full = sum(each.answers for each in self._partners.values()) >= ANSWERS_A_DAY_MAX
        ready: list[tuple[int, int, int]] = []  # answers, the newest first, node id
        for node_id, partner in self._partners.items():
            if partner.open is None:
                continue
            if utc_ms - partner.open.utc_ms > AGE_MS_MAX:
                partner.open = None
            elif is_full or partner.is_answered_enough:
                self._refuse(partner)
            else:
                ready.append((partner.answers, -partner.open.utc_ms, node_id))
        return self._answer(min(ready)[2], utc_ms) if ready else None

    def _answer(self, node_id: int, utc_ms: int) -> Answering | None:
        partner = self._partners[node_id]
        heard, opened, partner.open = self._hearsay.of(partner.name, utc_ms), partner.open, None
        if heard is None or opened is None:  # the ground had it forgotten
            return None
        partner.answers += 1
        self._answered_ms = utc_ms
        return Answering(heard, (node_id, opened.incarnation, opened.record_id))

    def _refuse(self, partner: _Partner) -> None:
        partner.open = None
        self.unanswered_musings += 1
        if not self._is_full_told:
            self._is_full_told = True
            self._notes.append(event(
                "conversation_full", payload=partner.name, answers=partner.answers))

    def _right(self, utc_ms: int) -> None:
        """Nothing can be of the future: what is was dated by a clock that was wrong. Else a
        neighbour that was heard once in a false year would not be heard until that year, nor have
        its answers of the day back."""
        for partner in self._partners.values():
            if partner.heard_ms > utc_ms + AHEAD_MS_MAX:
                partner.heard_ms, partner.open = utc_ms, None
        self._day = min(self._day, utc_ms // DAY_MS + 1)

    def _turn(self, day: int) -> None:
        """Another day begins; a clock that goes back gives no day anew."""
        if day > self._day:
            self._day, self._is_full_told = day, False
            for partner in self._partners.values():
                partner.answers = 0
