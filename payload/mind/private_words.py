"""Lines that must never be sent: words of the mission's list, and contact data.

A small model repeats what it was trained on. The training scrubs; this is the last gate before a
line is stored and sent, so in doubt it refuses: a line that is lost is thought again.

Everything is compared folded (``wire.folding``). A word of the list is found whole, and with the
endings of its declension; the endings only add to a word that is refused itself, and shorter words
take fewer of them, so that "Al" does not refuse every "als". A number counts by its digits,
whatever stands between them; what has the form of a date, a time, an amount, a coordinate or a
version is none. Does not cover: numbers in words, and what ``wire.folding`` does not cover.
"""

from __future__ import annotations

import re

from wire.folding import fold

NUMBER_DIGITS_MIN = 7  # of a telephone, card or account number
DECLINED_LETTERS_MIN = 4  # a shorter word takes only an s
POSSESSIVE_LETTERS_MIN = 3  # a shorter word takes only 's

# English, German, Dutch and Scandinavian; Slavic.
_ENDINGS = ("s|es|e|en|n|ns|ens|er|ers|ern|em", "a|u|y|i|om|ov|ovi|owi|ova|in")
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\u1100-\u11ff\uac00-\ud7af\u0e00-\u0e7f]")

# me@example.org; me [at] example (dot) org; me at example dot org
_AT, _DOT = (rf"\s?[\[({{<]\s?{word}\s?[\])}}>]\s?" for word in ("(?:at|@)", r"(?:dot|\.)"))
_MAIL = re.compile(
    rf"[^\s@]@[^\s@]+\.\w|[\w.+-](?:{_AT}|\s@\s?|@\s)[\w-]+(?:\.|{_DOT}|\s(?:dot|\.)\s)\w"
    r"|\w\sat\s[\w-]+\sdot\s(?:com|org|net|info|io|de|nl|uk|fr|eu|ch|se|dk)(?!\w)")

# What is no number to be reached by, standing for itself: blotted out before digits are counted.
_DAY, _MONTH, _YEAR = r"(?:0?[1-9]|[12]\d|3[01])", r"(?:0?[1-9]|1[0-2])", r"(?:19|20)\d\d"
_HARMLESS = re.compile(
    r"(?<![\d+])(?<!\d[./()-])(?:"
    rf"{_YEAR}([./-]){_MONTH}\1{_DAY}(?:[t ]\d\d?:\d\d(?::\d\d)?)?"  # 2021-05-08 10:10
    rf"|{_DAY}([./-]){_MONTH}\2(?:{_YEAR}|\d\d)|{_MONTH}/{_DAY}/{_YEAR}"
    rf"|{_YEAR}\s?[-/]\s?{_YEAR}"  # 2019-2021
    r"|\d\d?:\d\d(?::\d\d(?:[.,]\d+)?)?"  # 18:45:03
    r"|[1-9]\d{0,2}(?:\.\d{3})+,\d\d?"  # 1.250.000,50
    r"|(?:0|[1-9]\d{0,2})[.,]\d{1,8}|[1-9]\d{3,6}[.,]\d\d?"  # 52.37022; 123456.78
    r"|(?:0|[1-9]\d?)(?:\.(?:0|[1-9]\d{0,2})){2,3}(?:-\d{1,4})?"  # 5.15.0-1034
    r")(?![./()-]?\d)")
_BETWEEN = r"(?:\s?[()/-]{1,2}\s?|\s{1,2}|[.·])"  # not a comma nor ". ": another begins there
_NUMBER = re.compile(rf"\d(?:{_BETWEEN}?\d){{{NUMBER_DIGITS_MIN - 1},}}")


class PrivateWords:
    """The word list of one mission, and what is private in every mission."""

    def __init__(self, words: tuple[str, ...]) -> None:
        """``words`` are found whole or declined, however they are written."""
        folded = [fold(word).split() for word in words]
        found = "|".join(r"\s+".join(map(_pattern, parts)) for parts in folded if parts)
        self._words = re.compile(found) if found else None

    def are_in(self, *texts: str) -> bool:
        """True when one of ``texts`` must not be kept.

        A line is to be looked at before it is cleaned too: what cannot be seen in the middle of a
        word is a blank there afterwards.
        """
        return any(map(self._is_private, map(fold, texts)))

    def _is_private(self, folded: str) -> bool:
        if _MAIL.search(folded) or _NUMBER.search(_HARMLESS.sub("~", folded)):
            return True
        return self._words is not None and self._words.search(folded) is not None


def _pattern(word: str) -> str:
    """One folded word, declined; of a script without spaces it is found inside of anything."""
    if _UNSPACED.search(word):
        return re.escape(word)
    n_letters = len(word) if word.isalpha() else 0
    endings = ["'s?"] if n_letters else []
    if n_letters >= DECLINED_LETTERS_MIN:
        endings += _ENDINGS
    elif n_letters >= POSSESSIVE_LETTERS_MIN:
        endings.append("s")
    ending = f"(?:{'|'.join(endings)})?" if endings else ""
    return rf"(?<!\w){re.escape(word)}{ending}(?!\w)"
