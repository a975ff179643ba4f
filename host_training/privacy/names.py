"""Finds the names that must be removed from a text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache

from host_training.common.normalise import plain
from wire import folding

NAME_CHARS_MIN = 3  # of a single word of a name that only an export gives
FOLDED_KEPT_MAX = 100_000

_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
# Cyrillic and Greek letters that look like Latin ones, so that "Воb" is still Bob
_LOOKS_LIKE = str.maketrans("АВЕКМНОРСТХУаеорсухіјѕΑΒΕΖΗΙΚΜΝΟΡΤΥΧο",
                            "ABEKMHOPCTXYaeopcyxijsABEZHIKMNOPTYXo")
_PART = re.compile(r"[^\s・·]+")
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


class NameList:
    """Names with their pseudonyms: whole names and their single words, also as "Annas" of Anna.

    A name from an export is found where it is capitalised like one. A single word of it is found if
    it has NAME_CHARS_MIN letters and is no everyday word. A *listed* name, which the maker gave, is
    found at any length and in any case, and so is its first word; but one that is an everyday word
    and that the maker wrote with a capital ("Will") only with a capital. A *child's* name is found
    with a capital, even if it is an everyday word.
    """

    def __init__(self, known: Iterable[tuple[str, str]] = (), listed: Collection[str] = (),
                 keep: Iterable[str] = (), children: Collection[str] = ()) -> None:
        """Index the names.

        Args:    known: (name, pseudonym) of people in the exports, and of those listed.
                 listed: names the maker gave; those not in ``known`` become "N", as strangers do.
                 keep: names to keep: the author's own, and what the maker allows.
                 children: those of ``known`` that follow "my son" or similar words.
        """
        self._kept = {fold(word) for name in keep for word in (name, *name.split())}
        self._names: dict[tuple[str, ...], str] = {}
        self._in_any_case: set[str] = set()
        self._unspaced: dict[str, str] = {}
        self._literal: dict[re.Pattern[str], str] = {}
        is_listed = {fold(name) for name in listed}
        is_child = {fold(name) for name in children}
        pairs = [*known, *((name, "N") for name in listed)]
        for name, pseudonym in pairs:
            self._add(plain(name), pseudonym, fold(name) in is_listed, fold(name) in is_child)
        for words, pseudonym in list(self._names.items()):  # those that are names themselves first
            of = f"{words[-1]}s"
            if of not in self._kept:
                self._names.setdefault((*words[:-1], of), pseudonym)
        self._in_any_case |= {f"{word}s" for word in self._in_any_case}
        self._first_words = {words[0] for words in self._names}
        self._n_words_max = max(map(len, self._names), default=0)

    def _add(self, name: str, pseudonym: str, is_listed: bool, is_child: bool) -> None:
        words = _WORD.findall(name)
        if len(name) < 2 or fold(" ".join(words) or name) in self._kept:
            return
        if _CJK.search(name):
            name = self._add_unspaced(name, pseudonym)
            words = _WORD.findall(name)
        if is_listed and "".join(words) != name.replace(" ", ""):  # "R2-D2", "Ada_92"
            pattern = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)", re.IGNORECASE)
            self._literal.setdefault(pattern, pseudonym)
            return
        if len(words) > 1 or (words and (is_listed or is_child)):
            self._names.setdefault(tuple(map(fold, words)), pseudonym)
        for number, word in enumerate(words):
            folded = fold(word)
            is_name = len(word) >= NAME_CHARS_MIN and folded not in _EVERYDAY
            if is_name and folded not in self._kept:
                self._names.setdefault((folded,), pseudonym)
            if is_listed and number == 0 and (is_name or (
                    len(words) == 1 and (word.islower() or folded not in _EVERYDAY))):
                self._in_any_case.add(folded)

    def _add_unspaced(self, name: str, pseudonym: str) -> str:
        """Add a name in a script without spaces, and its parts; returns the rest."""
        parts = _PART.findall(name)
        unspaced = [part for part in parts if _CJK.search(part)]
        for one in (name, "".join(unspaced), *unspaced):
            if len(one) > 1 and fold(one) not in self._kept:
                self._unspaced.setdefault(one, pseudonym)
        return " ".join(part for part in parts if part not in unspaced)

    def find(self, text: str) -> Iterator[tuple[int, int, str]]:
        """(start, end, pseudonym) of every name in a normalised text, in order, disjoint."""
        spans = [(match.start(), match.end(), pseudonym)
                 for pattern, pseudonym in self._literal.items()
                 for match in pattern.finditer(text)]
        spans += [(match.start(), match.end(), pseudonym)
                  for name, pseudonym in self._unspaced.items() if name in text
                  for match in re.finditer(re.escape(name), text)]
        spans += self._of_words(text)
        end = 0
        for span in sorted(spans, key=lambda span: (span[0], -span[1])):
            if span[0] >= end:
                yield span
                end = span[1]

    def _of_words(self, text: str) -> Iterator[tuple[int, int, str]]:
        words = [match.span() for match in _WORD.finditer(text)]
        folded = [fold(text[start:end]) for start, end in words]
        if self._first_words.isdisjoint(folded):
            return
        index = 0
        while index < len(words):
            step = 1
            n_words = self._n_words_max if folded[index] in self._first_words else 0
            for length in range(min(n_words, len(words) - index), 0, -1):
                pseudonym = self._names.get(tuple(folded[index : index + length]))
                start, end = words[index][0], words[index + length - 1][1]
                if text[end - 2 : end] in ("'s", "’s"):
                    end -= 2
                if pseudonym and (length > 1 or self._is_written_as_name(text[start:end])):
                    yield start, end, pseudonym
                    step = length
                    break
            index += step

    def _is_written_as_name(self, word: str) -> bool:
        """True for a single word that is written like a name, and for several words."""
        return not word[:1].islower() or fold(word) in self._in_any_case


@lru_cache(maxsize=FOLDED_KEPT_MAX)
def fold(word: str) -> str:
    """The form in which words and names are compared: folded, without look-alikes or "'s"."""
    letters = unicodedata.normalize("NFD", plain(word))  # "ё" is "е" and its dots
    return folding.fold(letters.translate(_LOOKS_LIKE)).removesuffix("'s")
