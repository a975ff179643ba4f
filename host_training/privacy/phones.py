"""Finds telephone numbers in a text, with their country code or in a national format.

A number with its country code is found anywhere. One without is found by the numbering plan of the
maker's region, if it is known; by its format, if that is typical of telephones (a trunk zero or an
American area code) and some country assigns such numbers; and in any format next to a word for
telephones.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

import phonenumbers
from phonenumbers.tzdata import TIMEZONE_DATA

DIGITS_MIN = 7
NEAR_CHARS = 24  # between a word for telephones and the number
_NEAR_DIGITS_MIN, _NEAR_DIGITS_MAX = 6, 13
_COUNTRY_CODE_DIGITS_MAX = 3

# WhatsApp's "@447700900122", and a country code behind 00; the digits of a + are found without this
_WITHOUT_PLUS = re.compile(r"(?<![\w@])(?<!\d[ .-])(?:@|00(?=[1-9]))"
                           r"(?P<digits>\d(?:[ ()/.-]{0,2}\d){7,14})")
_GROUPED = r"\d(?:[ ()/.-]{0,2}\d)"
_EXTENSION = r"(?: ?(?:x|ext\.?|extension) ?\d{1,6})?"
_TRUNK_ZERO = re.compile(rf"(?<![\w.,:/+-])(?P<number>\(?0{_GROUPED}{{7,11}}){_EXTENSION}"
                         r"(?![\w]|[.,:/-]\d)", re.IGNORECASE)
_AREA_CODE = re.compile(
    r"(?<![\w.,:/+-])(?:1[ .-]{1,2})?(?P<number>(?:\([2-9]\d{2}\)[ .-]{0,2}|[2-9]\d{2}[ .-]{1,2})"
    rf"[2-9]\d{{2}}[ .-]\d{{4}}){_EXTENSION}(?![\w]|[.,:/-]\d)", re.IGNORECASE)
_WORDS = (
    "phone|telephone|tel|cell|mobile|call|ring|dial|text me|whatsapp|my number|your number|"
    "her number|his number|fax|telefon|handy|mobil|mobilnummer|"
    "rufnummer|telefonnummer|anrufen|ruf|téléphone|"
    "portable|mon numéro|appelle|gsm|bel|bellen|telefoon|mijn nummer|móvil|celular|teléfono|llama|"
    "mi número|telefono|cellulare|chiama|telefone|telemóvel|liga|puhelin|telefonu|komórka|"
    "тел|телефон|звони|номер|电话|手机|電話|携帯|전화")
_NEAR_WORD = re.compile(
    rf"(?<![^\W\d_])(?:{_WORDS})[^\d\n+]{{0,{NEAR_CHARS}}}"
    rf"(?P<number>\(?\+?{_GROUPED}{{{_NEAR_DIGITS_MIN - 1},{_NEAR_DIGITS_MAX - 1}}}{_EXTENSION})"
    r"(?![\w]|[.,:/-]\d)", re.IGNORECASE)
_LONG = re.compile(rf"(?<![\w.,])\d(?:[ /-]?\d){{{DIGITS_MIN - 1},}}(?![\w]|[.,]\d)")
_NO_TELEPHONE = re.compile(  # a date, a decimal, a number of social security
    r"(?:\d{4}[-./ ]\d{1,2}[-./ ]\d{1,2}|\d{1,2}[-./ ]\d{1,2}[-./ ](?:19|20)\d{2}|"
    r"\d\.\d{3,}(?!\d*\.\d{3}\.\d{4})|\d{3}-\d{2}-\d{4})(?!\d)")
# where a shape alone is believed if one of these gives the number out
_COMMON = ("DE", "GB", "FR", "NL", "BE", "CH", "AT", "IT", "SE", "IE", "AU", "NZ", "ZA", "JP", "KR",
           "IN", "TR", "UA", "ID", "BR", "CN", "IL", "FI", "RO")
# languages that one country speaks, or one above all
_SPOKEN_IN = {"de": "DE", "nl": "NL", "fr": "FR", "it": "IT", "pl": "PL", "sv": "SE", "da": "DK",
              "no": "NO", "nb": "NO", "fi": "FI", "cs": "CZ", "hu": "HU", "el": "GR", "tr": "TR",
              "ja": "JP", "ko": "KR", "ru": "RU", "uk": "UA", "he": "IL", "ro": "RO"}


def find(text: str, region: str | None) -> Iterator[tuple[int, int]]:
    """(start, end) of each number, some perhaps twice.

    Args:    region: two letters (ISO 3166); its numbering plan applies without a country code.
    """
    if sum(c.isdigit() for c in text) < _NEAR_DIGITS_MIN:
        return
    for match in phonenumbers.PhoneNumberMatcher(text, region,
                                                 leniency=phonenumbers.Leniency.POSSIBLE,
                                                 max_tries=len(text)):
        # with its country code any possible number counts, without it only one that is given out
        if "+" in match.raw_string or phonenumbers.is_valid_number(match.number):
            yield match.start, match.end
    for bare in _WITHOUT_PLUS.finditer(text):
        if _is_possible("+" + bare["digits"]):
            yield bare.span()
    for pattern, regions in ((_AREA_CODE, ("US",)), (_TRUNK_ZERO, _COMMON)):
        for shaped in pattern.finditer(text):
            number = shaped["number"]
            if not _NO_TELEPHONE.match(number) and _is_given_out(number, regions):
                yield shaped.span()
    for near in _NEAR_WORD.finditer(text):
        if not _NO_TELEPHONE.match(near["number"]):
            yield near.span("number")


def is_long_number_in(text: str) -> bool:
    """True for a text with a number of DIGITS_MIN digits or more that is no date."""
    return any(not _NO_TELEPHONE.match(match[0]) for match in _LONG.finditer(text))


def _is_possible(number: str) -> bool:
    try:
        return phonenumbers.is_possible_number(phonenumbers.parse(number))
    except phonenumbers.NumberParseException:
        return False


def _is_given_out(number: str, regions: Iterable[str]) -> bool:
    for region in regions:
        try:
            if phonenumbers.is_valid_number_for_region(phonenumbers.parse(number, region), region):
                return True
        except phonenumbers.NumberParseException:
            continue
    return False


def region_of(own: Iterable[str], timezone: str, others: Iterable[str], languages: Iterable[str]
              ) -> str | None:
    """The region whose numbering plan the author most likely uses; None if unknown.

    Args:    own: the author's accounts, some of which may be numbers. timezone: like Europe/Berlin.
             others: accounts and names of other people. languages: ISO 639 codes, if they are set.
    """
    spoken = [_SPOKEN_IN[language] for language in languages if language in _SPOKEN_IN]
    return (_commonest(own) or _of_timezone(timezone) or _commonest(others)
            or (spoken[0] if len(set(spoken)) == 1 else None))


def _commonest(accounts: Iterable[str]) -> str | None:
    regions: Counter[str] = Counter()
    for account in accounts:
        number = account.rpartition(":")[2]
        if number.startswith("+"):
            try:
                code = phonenumbers.parse(number).country_code
            except phonenumbers.NumberParseException:
                continue
            regions[phonenumbers.region_code_for_country_code(code or 0)] += 1
    del regions["ZZ"]  # no country's
    return min(regions, key=lambda region: (-regions[region], region), default=None)


def _of_timezone(timezone: str) -> str | None:
    """The region with most numbers in a time zone, by the table of phonenumbers."""
    regions: Counter[str] = Counter()
    for prefix, zones in TIMEZONE_DATA.items():
        if timezone in zones:
            codes = (int(prefix[:length]) for length in range(1, _COUNTRY_CODE_DIGITS_MAX + 1))
            regions.update(set(map(phonenumbers.region_code_for_country_code, codes)) - {"ZZ"})
    return max(regions, key=lambda region: (regions[region], region), default=None)
