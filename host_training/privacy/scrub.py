"""Removes secrets, personal data and names from messages, and keeps a review sheet of the changes.

Secrets first (the message is dropped, and so is each that repeats the secret), then personal data
by format and checksum, then names by list. The sheet quotes what was removed; it stays in the run
directory and is private to the maker.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, TypedDict

from host_training.common.messages import Notes
from host_training.common.normalise import plain
from host_training.common.settings import Privacy
from host_training.privacy import phones, pii, secrets
from host_training.privacy.known_secrets import KnownSecrets
from host_training.privacy.names import NameList
from wire.folding import fold, fold_char, narrow

SHOWN_MAX = 25  # per kind, in the sheet
CONTEXT_CHARS = 30
BLOCK_CHARS_MAX = 2_000  # of long writing, dropped at a time
REACH_CHARS = 300  # beyond a block, in which a secret may end; a seed phrase is the longest

KINDS = ("mail", "link", "account", "card", "phone", "place", "address", "id", "birthday", "age",
         "name")
PLACEHOLDER = re.compile(r"\[(?:" + "|".join(KINDS) + r")\]")
_OWN = re.compile(r"\[(" + "|".join(KINDS) + r")\]", re.IGNORECASE)


class Removal(NamedTuple):
    """Something removed from a text, with the words around it."""

    before: str
    what: str
    after: str


class ReviewKind(TypedDict):
    """How often one kind of text was removed, and the first SHOWN_MAX samples."""

    count: int
    samples: list[Removal]


@dataclass(slots=True)
class ReviewSheet:
    """What was changed, counted and sampled."""

    counts: Counter[str] = field(default_factory=Counter)
    samples: defaultdict[str, list[Removal]] = field(default_factory=lambda: defaultdict(list))

    def add(self, kind: str, text: str, start: int, end: int) -> None:
        """Count and sample what is removed from ``text``."""
        self.counts[kind] += 1
        if len(self.samples[kind]) < SHOWN_MAX:
            self.samples[kind].append(Removal(
                text[max(0, start - CONTEXT_CHARS) : start], text[start:end],
                text[end : end + CONTEXT_CHARS]))

    def markdown(self) -> str:
        """The review sheet."""
        lines = ["# What was taken out", "",
                 "Private: this page quotes what was removed. Check for text that should have "
                 "been kept, and for names that are still missing; `[privacy]` in persona.toml "
                 "decides.", "",
                 "| kind | times |", "|---|---|",
                 *(f"| {kind} | {count} |" for kind, count in sorted(self.counts.items()))]
        for kind, samples in sorted(self.samples.items()):
            lines += ["", f"## {kind}", "", *(
                f"- …{sample.before}**{sample.what}**{sample.after}…".replace("\n", " ").replace(
                    "`", "'") for sample in samples)]
        return "\n".join(lines) + "\n"

    def rows(self) -> dict[str, ReviewKind]:
        """The review sheet, JSON-ready."""
        return {kind: {"count": count, "samples": self.samples[kind]}
                for kind, count in sorted(self.counts.items())}


class Scrubber:
    """Scrubs texts; ``known`` holds the secrets of all of them."""

    def __init__(self, privacy: Privacy, names: NameList | None = None,
                 known: KnownSecrets | None = None) -> None:
        """``known``: see ``learn_secrets``; secrets found while scrubbing are added."""
        self.sheet = ReviewSheet()
        self.n_with_numbers = 0  # texts with a number left that is long enough for a telephone
        self._privacy = privacy
        self._names = names or NameList()
        self._known = known or KnownSecrets()
        blocked = [r"\s+".join(map(re.escape, fold(plain(term)).split()))
                   for term in privacy.blocked if fold(term).strip()]
        self._blocked = re.compile("|".join(blocked)) if blocked else None

    def scrub(self, text: str, notes: Notes) -> str | None:
        """The text, normalised and without private content; None if nothing of it may be kept.

        Long writing loses only the block: a password costs a few paragraphs, not the book. The
        search covers the whole text, across the cuts of blocks.
        """
        text = _OWN.sub(r"(\1)", plain(text))  # our own marks, written by somebody
        dropped = self._dropped(text, notes)
        if dropped:
            pieces = _without(text, dropped, pii.find(text, self._privacy.region))
            if not pieces:
                return None
            text = "\n\n".join(pieces)
        if self._privacy.personal != "keep":
            text = self._without_personal(text)
        if self._privacy.names != "keep":
            text = self._without_names(text)
        self.n_with_numbers += phones.is_long_number_in(text)
        if span := pii.find_health(text):
            self.sheet.add("about health (not changed)", text, *span)
        return text

    def _dropped(self, text: str, notes: Notes) -> list[tuple[int, int]]:
        """(start, end) of the blocks to drop; each is counted with its reason."""
        spans = {"blocked word": self._of_blocked(text)}
        if self._privacy.secrets != "keep":
            spans["secret in it"] = self._of_secrets(text)
        if self._privacy.personal == "drop":
            spans["personal data in it"] = [(one.start, one.end) for one in pii.find(
                text, self._privacy.region) if one.kind != "link"]
        if not any(spans.values()):
            return []
        dropped = []
        start = 0
        for block in blocks(text):
            end = start + len(block)
            for reason, found in spans.items():
                if any(a < end and b > start for a, b in found):
                    notes.skip(reason)
                    dropped.append((start, end))
                    break
            start = end
        return dropped

    def _of_blocked(self, text: str) -> list[tuple[int, int]]:
        if self._blocked is None:
            return []
        found = [match.span() for match in self._blocked.finditer(fold(text))]
        if found and not text.isascii():  # "ß" folds to two letters, a mark to none
            place = [i for i, char in enumerate(text) for _ in fold_char(char)]
            found = [(place[start], place[end - 1] + 1) for start, end in found]
        return found

    def _of_secrets(self, text: str) -> list[tuple[int, int]]:
        text = narrow(text)
        found = list(dict.fromkeys(_secrets(text)))
        spans = []
        for kind, secret in found:
            start = max(text.find(secret), 0)
            self.sheet.add(kind, text, start, start + len(secret))
            self._known.add(secret)
            spans += [match.span() for match in re.finditer(re.escape(secret), text)]
        return spans + self._known.spans(text)

    def _without_personal(self, text: str) -> str:
        while found := pii.find(text, self._privacy.region):  # one may hide behind another
            for one in reversed(found):
                self.sheet.add(one.kind, text, one.start, one.end)
                text = f"{text[: one.start]}[{one.kind}]{text[one.end :]}"
        return text

    def _without_names(self, text: str) -> str:
        pieces = []
        last = 0
        for start, end, pseudonym in self._names.find(text):
            self.sheet.add("name by list", text, start, end)
            pieces += [text[last:start], pseudonym]
            last = end
        return "".join(pieces) + text[last:] if pieces else text


def learn_secrets(texts: Iterable[str]) -> KnownSecrets:
    """The secrets in all texts, so that a repetition is found even before the disclosure."""
    known = KnownSecrets()
    for text in texts:
        for _, secret in _secrets(narrow(plain(text))):
            known.add(secret)
    return known


def _secrets(text: str) -> Iterator[tuple[str, str]]:
    """(kind, secret) of each in a normalised text, also one that spans two blocks.

    Block by block, because a word like "wallet" makes seed phrases of the words near it.
    """
    start = 0
    for block in blocks(text):
        seen = text[start : start + len(block) + REACH_CHARS]
        yield from secrets.find(seen)
        yield from secrets.kept(seen)
        start += len(block)


def _without(text: str, dropped: list[tuple[int, int]], found: list[pii.PersonalSpan]) -> list[str]:
    """The parts between the dropped stretches, without halves of personal data at the ends."""
    taken = [(min([start, *(one.start for one in found if one.start < start < one.end)]),
              max([end, *(one.end for one in found if one.start < end < one.end)]))
             for start, end in dropped]
    pieces = []
    last = 0
    for start, end in [*taken, (len(text), len(text))]:
        pieces.append(text[last:start].strip())
        last = max(last, end)
    return [piece for piece in pieces if piece]


def blocks(text: str) -> Iterator[str]:
    """A text divided into pieces of at most BLOCK_CHARS_MAX, cut at its largest pauses."""
    start = 0
    while len(text) - start > BLOCK_CHARS_MAX:
        end = start + BLOCK_CHARS_MAX
        for pause in ("\n\n", "\n", ". ", " "):
            at = text.rfind(pause, start + 1, end)
            if at != -1:
                end = at + len(pause)
                break
        yield text[start:end]
        start = end
    yield text[start:]


def placeholder_share(text: str) -> float:
    """The share of placeholders among the words of a text, 0..1."""
    n_words = len(text.split())
    return len(PLACEHOLDER.findall(text)) / n_words if n_words else 0.0
