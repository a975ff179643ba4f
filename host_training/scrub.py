"""Take secrets, personal data and names out of messages, and keep a sheet of what was changed.

Secrets first (such a message is dropped, and so is whoever repeats the secret), then personal data
by form and checksum, then names by list. The sheet holds what was taken out; it stays in the run
directory and is for the maker's eyes.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from host_training import personal, secrets_in_text
from host_training.messages import Notes
from host_training.settings import Privacy

SHOWN_MAX = 25  # per kind, in the sheet
CONTEXT_CHARS = 30
SECRETS_KEPT_MAX = 10_000
NAME_WORDS_MAX = 4
NAME_CHARS_MIN = 3
BLOCK_CHARS_MAX = 2_000  # of long writing, scrubbed at a time

KINDS = ("mail", "link", "account", "card", "phone", "place", "address", "id", "birthday", "name")
PLACEHOLDER = re.compile(r"\[(?:" + "|".join(KINDS) + r")\]")
_OWN = re.compile(r"\[(" + "|".join(KINDS) + r")\]", re.IGNORECASE)

_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
# Cyrillic and Greek letters that look like Latin ones, so that "Воb" is still Bob
_LOOKS_LIKE = str.maketrans("АВЕКМНОРСТХУаеорсухіјѕΑΒΕΖΗΙΚΜΝΟΡΤΥΧο",
                            "ABEKMHOPCTXYaeopcyxijsABEZHIKMNOPTYXo")
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u0e00-\u0e7f]")
# First names that are everyday words: replaced only as part of a longer name
_EVERYDAY_WORDS = (
    "will may june april august mark rose hope grace joy art bill bob jack pat sue rich frank chase"
    " grant dean drew guy max ray rob summer autumn sky skye river sunny star dawn eve ivy lily"
    " daisy violet ruby amber crystal angel christian faith charity melody harmony miles ernst"
    " fee wolf stern mai felix klein gross lang kurz schwarz weiss braun king black white brown"
    " green young stone wood hill field lake moon day long short little good best the and van von"
    " der den mit mama papa mom dad mum home office work family group bank support info team"
    " admin service hotel doctor dr taxi")
_EVERYDAY = frozenset(_EVERYDAY_WORDS.split())


@dataclass(slots=True)
class Sheet:
    """What was changed, counted and sampled."""

    counts: Counter[str] = field(default_factory=Counter)
    samples: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def add(self, kind: str, text: str, start: int, end: int) -> None:
        """One thing taken out of ``text``."""
        self.counts[kind] += 1
        if len(self.samples[kind]) < SHOWN_MAX:
            before = text[max(0, start - CONTEXT_CHARS) : start]
            after = text[end : end + CONTEXT_CHARS]
            self.samples[kind].append(
                f"…{before}**{text[start:end]}**{after}…".replace("\n", " ").replace("`", "'"))

    def markdown(self) -> str:
        """The review sheet."""
        lines = ["# What was taken out", "",
                 "For you alone: this page quotes what was removed. Look for what should have"
                 " stayed, and for names that are still missing; `[privacy]` in persona.toml"
                 " decides.", "",
                 "| kind | times |", "|---|---|",
                 *(f"| {kind} | {count} |" for kind, count in sorted(self.counts.items()))]
        for kind, samples in sorted(self.samples.items()):
            lines += ["", f"## {kind}", "", *(f"- {sample}" for sample in samples)]
        return "\n".join(lines) + "\n"


class Scrubber:
    """Scrubs one text after another, in the order of the messages."""

    def __init__(self, privacy: Privacy, names: Mapping[str, str]) -> None:
        """``names``: a name as people write it -> its pseudonym; see ``name_list``."""
        self.sheet = Sheet()
        self._privacy = privacy
        self._blocked = [term.casefold() for term in privacy.blocked]
        self._names = {tuple(_fold(name).split()): pseudonym for name, pseudonym in names.items()
                       if not _CJK.search(name)}
        self._first_words = {words[0] for words in self._names}
        self._unspaced = {name: pseudonym for name, pseudonym in names.items() if _CJK.search(name)}
        self._secrets: set[str] = set()

    def scrub(self, text: str, notes: Notes) -> str | None:
        """The text without what must not fly; None where the whole message must not.

        Of long writing a block is dropped: a password costs its paragraphs, not the book.
        """
        kept = [clean for block in blocks(text)
                if (clean := self._scrub(block, notes)) is not None]
        return "".join(kept) if kept else None

    def _scrub(self, text: str, notes: Notes) -> str | None:
        folded = text.casefold()
        if any(term in folded for term in self._blocked):
            notes.skip("blocked word")
            return None
        text = _OWN.sub(r"(\1)", text)  # our own marks, written by somebody
        clean = self._without_secrets(text, notes)
        if clean is not None and self._privacy.personal != "keep":
            clean = self._without_personal(clean, notes)
        if clean is not None and self._privacy.names != "keep":
            clean = self._without_names(clean)
        if clean is not None and personal.is_about_health(clean):
            self.sheet.add("about health (not changed)", clean, 0, min(len(clean), 60))
        return clean

    def _without_secrets(self, text: str, notes: Notes) -> str | None:
        if self._privacy.secrets == "keep":
            return text
        found = [*secrets_in_text.find(text), *secrets_in_text.kept(text)]
        for kind, secret in found:
            start = max(text.find(secret), 0)
            self.sheet.add(kind, text, start, start + len(secret))
            if len(secret) >= 6 and len(self._secrets) < SECRETS_KEPT_MAX:
                self._secrets.add(secret)
        if found or (self._secrets and not self._secrets.isdisjoint(text.split())):
            notes.skip("secret in it")
            return None
        return text

    def _without_personal(self, text: str, notes: Notes) -> str | None:
        found = personal.find(text, self._privacy.region)
        if found and self._privacy.personal == "drop" and any(f.kind != "link" for f in found):
            notes.skip("personal data in it")
            return None
        for one in reversed(found):
            self.sheet.add(one.kind, text, one.start, one.end)
            text = f"{text[: one.start]}[{one.kind}]{text[one.end :]}"
        return text

    def _without_names(self, text: str) -> str:
        for name, pseudonym in self._unspaced.items():
            if name in text:
                self.sheet.add("name by list", text, text.index(name), text.index(name) + len(name))
                text = text.replace(name, pseudonym)
        if not self._names:
            return text
        words = [(match.start(), match.end()) for match in _WORD.finditer(text)]
        folded = [_fold(text[start:end]) for start, end in words]
        spans: list[tuple[int, int, str]] = []
        index = 0
        while index < len(words):
            step = 1
            n_words = NAME_WORDS_MAX if folded[index] in self._first_words else 0
            for length in range(min(n_words, len(words) - index), 0, -1):
                pseudonym = self._names.get(tuple(folded[index : index + length]))
                start, end = words[index][0], words[index + length - 1][1]
                if text[end - 2 : end] in ("'s", "’s"):
                    end -= 2
                if pseudonym and self._is_name(text[start:end], length):
                    spans.append((start, end, pseudonym))
                    step = length
                    break
            index += step
        for start, end, pseudonym in reversed(spans):
            self.sheet.add("name by list", text, start, end)
            text = text[:start] + pseudonym + text[end:]
        return text

    def _is_name(self, written: str, n_words: int) -> bool:
        """One word counts as a name when it is written like one; several words always do."""
        return n_words > 1 or written[:1].isupper() or not written[:1].islower()


def blocks(text: str) -> Iterator[str]:
    """A text in pieces of at most BLOCK_CHARS_MAX that make it up, cut where it pauses most."""
    start = 0
    while len(text) - start > BLOCK_CHARS_MAX:
        end = start + BLOCK_CHARS_MAX
        for pause in ("\n\n", "\n", " "):
            at = text.rfind(pause, start + 1, end)
            if at != -1:
                end = at + len(pause)
                break
        yield text[start:end]
        start = end
    yield text[start:]


def _fold(word: str) -> str:
    return word.translate(_LOOKS_LIKE).casefold().removesuffix("'s").removesuffix("’s")


def name_list(known: Iterable[tuple[str, str]], extra: Iterable[str], keep: Iterable[str]
              ) -> dict[str, str]:
    """Name -> pseudonym: whole names, and their single words where these are no everyday words.

    Args:    known: (name, pseudonym) of the people in the exports.
             extra: names the exports do not know; "N" like any stranger.
             keep: names that stay: the author's own, and what the maker allows.
    """
    kept = {_fold(word) for name in keep for word in (name, *name.split())}
    made: dict[str, str] = {}
    for name, pseudonym in (*known, *((name, "N") for name in extra)):
        clean = " ".join(_WORD.findall(name)) if not _CJK.search(name) else name.strip()
        if not clean or _fold(clean) in kept:
            continue
        words = clean.split()
        if len(clean) > 1 and (len(words) > 1 or _CJK.search(clean)):
            made.setdefault(clean, pseudonym)
        for word in words:
            if (len(word) >= NAME_CHARS_MIN and _fold(word) not in kept
                    and _fold(word) not in _EVERYDAY and not _CJK.search(word)):
                made.setdefault(word, pseudonym)
    return made


def placeholder_share(text: str) -> float:
    """How much of a text are placeholders, 0..1 of its words."""
    n_words = len(text.split())
    return len(PLACEHOLDER.findall(text)) / n_words if n_words else 0.0
