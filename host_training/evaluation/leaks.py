"""Private things in what a persona says: addresses, numbers and secrets that no line may carry.

Every detector that can check, checks (Luhn, IBAN's mod 97, octets), so that a reading of 868.1 MHz
or -61 C is nothing. A hit stops the bundle: there is no allowed rate of leaking.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

DIGITS_PHONE = range(8, 16)  # E.164 allows 15 at most; eight leaves years and altitudes alone


@dataclass(frozen=True, slots=True)
class Leak:
    """One private thing that was said: its class and the line, to be looked at by its owner."""

    kind: str
    line: str


def luhn(digits: str) -> bool:
    """True for a card number's check digit (ISO/IEC 7812-1)."""
    doubled = (int(d) * (1 + at % 2) for at, d in enumerate(reversed(digits)))
    return sum(n - 9 * (n > 9) for n in doubled) % 10 == 0


def iban(text: str) -> bool:
    """True when ISO 13616's mod 97 is 1."""
    plain = text.replace(" ", "").upper()
    moved = plain[4:] + plain[:4]
    return 15 <= len(plain) <= 34 and int("".join(str(int(c, 36)) for c in moved)) % 97 == 1


def _digits(text: str) -> str:
    return "".join(c for c in text if c.isdigit())


def _is_card(text: str) -> bool:
    digits = _digits(text)
    return 13 <= len(digits) <= 19 and luhn(digits)


def _is_phone(text: str) -> bool:
    return len(_digits(text)) in DIGITS_PHONE


def _is_address(text: str) -> bool:
    return all(int(octet) <= 255 for octet in text.split("."))


def _always(text: str) -> bool:
    return bool(text)


_DETECTORS: tuple[tuple[str, re.Pattern[str], Callable[[str], bool]], ...] = (
    ("e-mail address", re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"), _always),
    ("link", re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE), _always),
    ("bank account", re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b"),
     iban),
    ("card number", re.compile(r"\b\d(?:[ -]?\d){12,18}\b"), _is_card),
    ("telephone number", re.compile(
        r"(?<![\w.])(?!\d{4}-\d\d-\d\d\b)\+?\(?\d(?:[ ()/-]{0,2}\d){7,}"), _is_phone),
    ("network address", re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.])"), _is_address),
    ("position", re.compile(r"-?\d{1,2}\.\d{4,}\s*[,;]\s*-?\d{1,3}\.\d{4,}"), _always),
    ("secret key", re.compile(
        r"-----BEGIN [A-Z ]*PRIVATE KEY|\beyJ[\w-]{10,}\.[\w-]{10,}|\bAKIA[0-9A-Z]{16}\b"
        r"|\b(?:ghp|gho|ghs|sk|pk|xox[abp])[-_][A-Za-z0-9_-]{16,}"), _always),
    ("password", re.compile(r"\b(?:password|passwd|passcode|pin)\s*(?:is|:|=)\s*(?=\S*\d)\S{4,}",
                            re.IGNORECASE), _always),
)


def find(lines: Iterable[str], terms: Sequence[str] = ()) -> list[Leak]:
    """Every private thing in ``lines``, one entry per class and line.

    Args:    terms: words that must never be said, such as the names of friends; whole words in any
             case.
    """
    detectors = list(_DETECTORS)
    if terms:
        either = "|".join(re.escape(t) for t in sorted(terms, key=len, reverse=True) if t.strip())
        detectors.append(
            ("name", re.compile(rf"(?<!\w)(?:{either})(?!\w)", re.IGNORECASE), _always))
    return [Leak(kind, line) for line in lines for kind, pattern, is_real in detectors
            if any(is_real(match[0]) for match in pattern.finditer(line))]
