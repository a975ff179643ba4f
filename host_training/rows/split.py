"""The split: decides, before anything else, which sessions are for training, validation and test.

The test set is the newest tenth of all targets (of undated ones, a random tenth) and a random
twentieth of all sessions. The validation set, by which the epoch and the file are chosen, is
another twentieth of the sessions that have targets. Sessions stay whole, and sessions that say
nearly the same stay together. Whether a session is drawn depends only on the seed and its own id,
so that it remains drawn when writing is added; only the newest tenth moves on. (Every version of a
persona is trained from the base, so none has read its own test set.)

Source:  Kapoor and Narayanan, Leakage and the reproducibility crisis in machine-learning-based
         science, Patterns 2023 (duplicates, groups and time).
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from host_training.corpus.dedup import near_duplicates
from host_training.corpus.sessions import Example
from host_training.errors import TooLittleWriting
from host_training.rows.targets import IN_FLIGHT, targets_of
from payload import prompt

Side = Literal["train", "validation", "test"]

FILE = "split.json"
NEWEST_SHARE = 0.1  # of all targets, by date; of undated ones at random
DRAWN_SHARE = 0.05  # of all sessions, once for the test and once for the validation
OVERSIZE_SHARE = 0.2  # of all targets: a session with more goes to training if possible
SESSIONS_MIN = 3  # one to learn from, one to choose by, one to measure with
TEST_FORMS_MIN = 20  # targets; what is measured on fewer is chance


@dataclass(frozen=True, slots=True)
class Split:
    """Ids of the sessions that are held out; all others are for training."""

    validation: frozenset[str]
    newest: frozenset[str]  # the test: the last sessions by time, and drawn ones
    drawn: frozenset[str]

    def side(self, example: Example) -> Side:
        """Where an example belongs."""
        session = session_of(example)
        if session in self.validation:
            return "validation"
        return "test" if session in self.newest or session in self.drawn else "train"

    def save(self, path: Path) -> None:
        """Write as JSON."""
        path.write_text(json.dumps({name: sorted(ids) for name, ids in asdict(self).items()}))

    @classmethod
    def load(cls, path: Path) -> Split:
        """Read what ``save`` wrote."""
        return cls(**{name: frozenset(ids) for name, ids in json.loads(path.read_text()).items()})


@dataclass(slots=True, eq=False)
class _Group:
    """Sessions that have to stay together."""

    ids: list[str] = field(default_factory=list)
    n_forms: int = 0  # targets
    in_flight: int = 0  # of them in a form of the flight
    newest_ms: int | None = None
    draw: float = 1.0  # 0..1, of its first session


def session_of(example: Example) -> str:
    """The id of an example's session; an example without one is a session by itself."""
    return example.session or hashlib.sha256(
        f"{example.source}\0{example.utc_ms}\0{example.text}".encode("utf-8", "replace")
    ).hexdigest()


def split(examples: Sequence[Example], seed: int, near_duplicate: float) -> Split:
    """Split the examples; the same examples and seed give the same split in any order.

    Args:    examples: as ``filtering.weigh`` returns them.
             near_duplicate: similarity above which two texts must be on the same side, 0..1.
    Raises:  TooLittleWriting when fewer than SESSIONS_MIN sessions have targets.
    """
    groups = _groups(examples, seed, near_duplicate)
    room = max(1.0, OVERSIZE_SHARE * sum(group.n_forms for group in groups))
    fit = [group for group in groups if group.n_forms <= room]
    usable = sorted((group for group in groups if group.in_flight),
                    key=lambda g: (g.n_forms > room, g.n_forms * (g.n_forms > room), g.draw))
    if len(usable) < SESSIONS_MIN:
        raise _too_little(examples, len(usable))
    # However little there is, every side gets a session with a target in a form of the flight.
    chosen_by, measured, learnt = usable[0], usable[1], usable[-1]
    newest = _newest(group for group in fit if group.n_forms and group not in (chosen_by, learnt))
    rest = [group for group in fit if group not in newest and group is not learnt]
    drawn = {group for group in rest if group.draw < DRAWN_SHARE or (
        group.newest_ms is None and 0 < group.n_forms <= room
        and group.draw >= 1 - NEWEST_SHARE)}
    # Sessions without targets choose nothing; they are only measured, as plain text.
    validation = {group for group in rest
                  if group.n_forms and DRAWN_SHARE <= group.draw < 2 * DRAWN_SHARE}
    if not any(group.in_flight for group in validation):
        validation.add(chosen_by)
        drawn.discard(chosen_by)
    if not any(group.in_flight for group in newest | drawn):
        drawn.add(measured)
        validation.discard(measured)
    return Split(_ids(validation), _ids(newest), _ids(drawn))


def size_warnings(examples: Sequence[Example], sides: Split) -> list[str]:
    """A sentence when too little is held out for a measurement."""
    counts: Counter[Side] = Counter()
    for example in examples:
        counts[sides.side(example)] += sum(
            target.form in IN_FLIGHT for target in targets_of(example))
    if counts["test"] >= TEST_FORMS_MIN:
        return []
    enough = round(TEST_FORMS_MIN / (NEWEST_SHARE + DRAWN_SHARE))
    return [f"only {counts['test']} of {counts.total()} lines that a flight could say are held out"
            f" as the test, and what the report measures on fewer than {TEST_FORMS_MIN} is chance:"
            f" add writing until there are about {enough}, in several conversations or texts."]


def _newest(groups: Iterable[_Group]) -> set[_Group]:
    """The last groups by time, until they hold NEWEST_SHARE of all that is dated; at least one."""
    dated = [(group.newest_ms, group.draw, group) for group in groups
             if group.newest_ms is not None]
    room = NEWEST_SHARE * sum(group.n_forms for _, _, group in dated)
    found: set[_Group] = set()
    n_found = 0
    for _, _, group in sorted(dated, key=lambda entry: entry[:2], reverse=True):
        if n_found >= room:
            break
        found.add(group)
        n_found += group.n_forms
    return found


def _groups(examples: Sequence[Example], seed: int, near_duplicate: float) -> list[_Group]:
    sessions = [session_of(example) for example in examples]
    # Cleaning has left near-duplicates among the thoughts alone, true in another moment each.
    thoughts = [number for number, example in enumerate(examples) if example.condition]
    pairs = near_duplicates([examples[number].text for number in thoughts], near_duplicate)
    root = _joined(sessions, ((thoughts[one], thoughts[other]) for one, other in pairs))
    began: dict[str, tuple[bool, int]] = {}
    found: defaultdict[str, _Group] = defaultdict(_Group)
    for example, session in zip(examples, sessions, strict=True):
        at = (example.utc_ms is None, example.utc_ms or 0)
        began[session] = min(at, began.get(session, at))
        group, targets = found[root(session)], targets_of(example)
        group.n_forms += len(targets)
        group.in_flight += sum(target.form in IN_FLIGHT for target in targets)
        if example.utc_ms is not None:
            group.newest_ms = max(example.utc_ms, group.newest_ms or example.utc_ms)
    for session in sorted(began, key=lambda session: (began[session], session)):
        group = found[root(session)]
        if not group.ids:
            group.draw = draw(session, seed)
        group.ids.append(session)
    return sorted(found.values(), key=lambda group: group.ids)


def _joined(sessions: Sequence[str], pairs: Iterable[tuple[int, int]]) -> Callable[[str], str]:
    """A function from a session to the session that stands for its group (union-find)."""
    parent = {session: session for session in sessions}

    def root(session: str) -> str:
        while parent[session] != session:
            parent[session] = session = parent[parent[session]]
        return session

    for one, other in pairs:
        a, b = sorted((root(sessions[one]), root(sessions[other])))
        parent[b] = a
    return root


def draw(session: str, seed: int) -> float:
    """A fixed number of a session, 0..1, evenly spread."""
    digest = hashlib.sha256(f"{seed}:{session}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def _ids(groups: Iterable[_Group]) -> frozenset[str]:
    return frozenset(session for group in groups for session in group.ids)


def _too_little(examples: Sequence[Example], n_sessions: int) -> TooLittleWriting:
    counts = dict.fromkeys(IN_FLIGHT, 0)
    for example in examples:
        for target in targets_of(example):
            if target.form in counts:
                counts[target.form] += 1
    return TooLittleWriting(
        f"Only {counts['thought']} thoughts, {counts['answer']} short answers and"
        f" {counts['line']} lines fit a flight's prompts, and they are in {n_sessions}"
        f" sessions; at least {SESSIONS_MIN} are needed (to learn from, to choose by, to measure"
        " with), ten times more help. A session is an entry of notebook/*.md, a conversation, or"
        " some pages of other writing; a line is whole sentences of at most"
        f" {prompt.MUSING_BYTES_MAX} bytes, an answer one such line to a question of at most"
        f" {prompt.QUESTION_CHARS_MAX} characters.")
