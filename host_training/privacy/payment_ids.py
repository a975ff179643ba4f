"""Finds payment cards and bank accounts in a text by their checksum.

Cards by Luhn (ISO/IEC 7812), IBAN by ISO 7064 mod 97-10, also if other numbers follow. Next to a
word for them, format alone suffices: people mistype, and most account numbers other than IBAN have
no check digit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

CARD_DIGITS = range(13, 20)
IBAN_CHARS = range(15, 35)
NEAR_CHARS = 12  # between a word for cards or accounts and the number

_DIGIT_GROUPS = re.compile(r"(?<![\d.,-])\d+(?:[ .‐-―-]{1,2}\d+)*")
_IBAN = re.compile(r"(?<![^\W_])[A-Z]{2}\d{2}(?:[ .-]?[A-Z0-9]){11,36}", re.IGNORECASE | re.ASCII)
_CARD_WORDS = (
    "card|visa|mastercard|amex|kreditkarte|karte|carte|tarjeta|cartão|carta|creditcard|pinpas|"
    "kaart|karta|kort|kortti")
_NEAR_CARD = re.compile(
    rf"(?<![^\W\d_])(?:{_CARD_WORDS})s?(?![^\W\d_])[^\d\n]{{0,{NEAR_CHARS}}}"
    r"(?P<number>\d{4}(?:[ .-]?\d{4}){2}[ .-]?\d{1,4}(?:[ .-]?\d{1,3})?|"
    r"\d{4}[ .-]?\d{6}[ .-]?\d{4,5})(?!\w|[.,]\d)", re.IGNORECASE)
_ACCOUNT_WORDS = (
    "iban|bank account|account (?:number|nr|no)|routing number|sort code|konto|kontonummer|"
    "konto-?nr|blz|bankleitzahl|rekeningnummer|bankrekening|numéro de compte|número de cuenta|"
    "numero di conto|kontonr|numer konta")
_NEAR_ACCOUNT = re.compile(
    rf"(?<![^\W\d_])(?:{_ACCOUNT_WORDS})(?![^\W\d_])[^\d\n]{{0,{NEAR_CHARS}}}?"
    r"(?P<number>(?:\b[A-Z]{2})?\d(?:[ .-]?\d){7,29}|\d{2}-\d{2}-\d{2})(?!\w|[.,]\d)", re.I)


def is_luhn(digits: str) -> bool:
    """True if the check digit of a payment card is right."""
    total = 0
    for index, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + index % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def is_iban(text: str) -> bool:
    """True if mod 97-10 holds for an IBAN without spaces."""
    moved = text[4:] + text[:4]
    return len(text) in IBAN_CHARS and int("".join(str(int(c, 36)) for c in moved)) % 97 == 1


def is_card(digits: str) -> bool:
    """True for a number in the ranges of payment cards with a valid check digit."""
    # American Express, Diners, JCB; Visa; Mastercard; Discover, UnionPay, Maestro
    return (len(digits) in CARD_DIGITS and len(set(digits)) > 1 and is_luhn(digits)
            and (digits[0] in "3456" or 2221 <= int(digits[:4]) <= 2720))


def cards(text: str) -> Iterator[tuple[int, int]]:
    """(start, end) of each card: whole groups of digits, with any other groups around them.

    The first group has at least four digits, unless it is the only one: small numbers are no card.
    """
    for row in _DIGIT_GROUPS.finditer(text):
        groups = [match.span() for match in re.finditer(r"\d+", text[row.start() : row.end()])]
        first = 0
        while first < len(groups):
            ends = (last for last in range(len(groups), first, -1)
                    if groups[first][1] - groups[first][0] >= 4 or last - first == len(groups))
            size = next((last - first for last in ends if is_card("".join(
                row[0][a:b] for a, b in groups[first:last]))), 0)
            if size:
                yield row.start() + groups[first][0], row.start() + groups[first + size - 1][1]
            first += size or 1
            if text[row.start() - 1 : row.start()].isalpha():
                break  # "DE89 3704 ...": a number with letters before it begins there or nowhere


def ibans(text: str) -> Iterator[tuple[int, int]]:
    """(start, end) of each IBAN: the longest valid prefix of what looks like one."""
    for match in _IBAN.finditer(text):
        ends = [i + 1 for i, char in enumerate(match[0]) if char.isalnum()]
        for n_chars in range(len(ends), IBAN_CHARS.start - 1, -1):
            end = ends[n_chars - 1]
            if is_iban(re.sub(r"[ .-]", "", match[0][:end])):
                yield match.start(), match.start() + end
                break


def numbers_near_words(text: str) -> Iterator[tuple[int, int, str]]:
    """(start, end, kind) of numbers formatted like a card or account next to a word for it."""
    for kind, pattern in (("card", _NEAR_CARD), ("account", _NEAR_ACCOUNT)):
        for near in pattern.finditer(text):
            yield *near.span("number"), kind
