"""Finds keys, passwords and codes in a text: detect-secrets' patterns, and those of chats.

The detectors are called as functions on one string. Their own scan would also verify keys with the
services over the network, which is never done here.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from detect_secrets.plugins.aws import AWSKeyDetector
from detect_secrets.plugins.azure_storage_key import AzureStorageKeyDetector
from detect_secrets.plugins.basic_auth import BasicAuthDetector
from detect_secrets.plugins.discord import DiscordBotTokenDetector
from detect_secrets.plugins.github_token import GitHubTokenDetector
from detect_secrets.plugins.gitlab_token import GitLabTokenDetector
from detect_secrets.plugins.jwt import JwtTokenDetector
from detect_secrets.plugins.mailchimp import MailchimpDetector
from detect_secrets.plugins.npm import NpmDetector
from detect_secrets.plugins.openai import OpenAIDetector
from detect_secrets.plugins.private_key import PrivateKeyDetector
from detect_secrets.plugins.pypi_token import PypiTokenDetector
from detect_secrets.plugins.sendgrid import SendGridDetector
from detect_secrets.plugins.slack import SlackDetector
from detect_secrets.plugins.square_oauth import SquareOAuthDetector
from detect_secrets.plugins.stripe import StripeDetector
from detect_secrets.plugins.telegram_token import TelegramBotTokenDetector
from detect_secrets.plugins.twilio import TwilioKeyDetector

_DETECTORS = tuple(detector() for detector in (
    AWSKeyDetector, AzureStorageKeyDetector, BasicAuthDetector, DiscordBotTokenDetector,
    GitHubTokenDetector, GitLabTokenDetector, JwtTokenDetector, MailchimpDetector, NpmDetector,
    OpenAIDetector, PrivateKeyDetector, PypiTokenDetector, SendGridDetector, SlackDetector,
    SquareOAuthDetector, StripeDetector, TelegramBotTokenDetector, TwilioKeyDetector))

LONG_WORD_CHARS = 16
ENTROPY_CHARS_MIN = 20
ENTROPY_BITS_MIN = 3.7  # per character; long words of any language stay below, keys above
SEED_WORDS = (12, 15, 18, 21, 24)  # BIP-39

_LONG_WORD = re.compile(rf"\S{{{LONG_WORD_CHARS},}}|-----BEGIN")
_KEY_LIKE = re.compile(rf"[A-Za-z0-9+/=]{{{ENTROPY_CHARS_MIN},}}")
_PASSWORD_WORD = (
    r"pass ?word|passwd|passwort|passwoord|wachtwoord|kennwort|mot de passe|contraseña|senha|"
    r"lösenord|passord|adgangskode|hasło|heslo|пароль|parola|şifre|salasana|jelszó|密码|密碼|"
    r"パスワード|비밀번호|pass ?phrase|pwd|pw|wifi[ -]?(?:key|code)|"
    # "pass: K3t!", and not a pass of 2400 m
    r"pass(?=\s{0,4}[=:]\s{0,4}(?=\S{0,64}\d)\S{0,64}[^\s\d.,])")
_PASSWORD = re.compile(
    rf"\b(?:(?P<word>{_PASSWORD_WORD})|pin(?: code)?|puk|api[ _-]?key|secret(?: key)?|"
    r"access[ _-]?token|wifi)\b\s*"
    r"(?:(?:is|ist|lautet|est|es|é|was|war)?\s*(?P<mark>=|:|->|：)|is|ist|lautet|est|es|é|was|war)"
    r"\s*[\"'`]?(?P<secret>[^\s\"'`]{4,})|"
    # "pw Kettle77": nothing between, so it must look like one
    rf"\b(?:{_PASSWORD_WORD})\s+(?=\S*\d)(?=\S*[^\W\d_])(?P<bare>[^\s\"'`]{{6,}})", re.IGNORECASE)
# What no text can do without that one of _PASSWORD, _LOGIN or _QR fits; quick, most have none of it
_HINT = re.compile(
    "pass|pw|wachtw|kennw|mot de|contrase|senha|lösen|adgang|has|heslo|парол|parola|şifre|salasana|"
    "jelsz|密|パス|비밀|wifi|pin|puk|api|secret|access|log|user|benutzer|gebruiker|usuario|compte|"
    "account|otpauth|bitcoin|lightning")
_WEAK = re.compile(r"^[A-Za-zÀ-ÿ]+[.,;!?]?$")  # "the password is wrong", "my secret: patience"
_CODE = re.compile(
    r"\b(?:code|otp|tan|pin|verification|verify|bestätigungscode|sicherheitscode|código|codice|"
    r"kod|код|验证码|驗證碼|認証コード|인증)\b.{0,40}?(?<![\d.,:/-])"
    r"(?P<secret>\d{4,8}|\d{3}[ -]\d{3}|[A-Z]-\d{6})(?![\d.,:/-]*\d)|"
    r"(?<![\d.,:/-])(?P<secret2>\d{4,8}|[A-Z]-\d{6})\b.{0,20}?"
    r"\b(?:is your|ist (?:ihr|dein)|es (?:tu|su)|est votre)\b.{0,30}\bcod", re.IGNORECASE)
_LOGIN = re.compile(r"\b(?:log ?in|user(?: ?name)?|benutzer(?:name)?|gebruiker(?:snaam)?|usuario|"
                    r"compte|account)\b\W{0,3}\S{2,40}[\s,/]+(?P<secret>\S{8,64})", re.IGNORECASE)
_ALONE = re.compile(r"^(?P<secret>[!-~]{8,64})$", re.MULTILINE)
_SEED_HINT = re.compile(r"\b(?:seed|recovery|mnemonic|backup|wallet)\b", re.IGNORECASE)
_SEED = re.compile(r"\b(?:\d{1,2}[.)] ?)?[a-z]{3,8}(?:[\s,]+(?:\d{1,2}[.)] ?)?[a-z]{3,8}){11,23}\b")
_PURSE = re.compile(r"^(?:bc1[a-z0-9]{25,60}|0x[0-9a-fA-F]{40}|[13][1-9A-HJ-NP-Za-km-z]{25,34})$")
_BLOB = re.compile(r"data:[\w/+.-]*;base64,[A-Za-z0-9+/=]{16,}")
_DIGIT = re.compile(r"\d")
_QR = re.compile(r"\b(?:otpauth://\S+|WIFI:(?:[TSPH]:[^;]*;)+|bitcoin:\w+|lightning:\w+)",
                 re.IGNORECASE)


def find(text: str) -> Iterator[tuple[str, str]]:
    """(kind, secret) of each."""
    for match in _BLOB.finditer(text):
        yield "data blob", match[0]
    if _HINT.search(text.lower()):
        for match in _QR.finditer(text):
            yield "text of a QR code", match[0]
        for match in _PASSWORD.finditer(text):
            secret = match["bare"] or match["secret"]
            if (match["word"] and match["mark"]) or not _WEAK.match(secret):
                yield "password", secret
    if _DIGIT.search(text):
        for match in _CODE.finditer(text):
            yield "one-time code", match["secret"] or match["secret2"]
    yield from _seed_phrases(text)
    if _LONG_WORD.search(text):
        for detector in _DETECTORS:
            for secret in detector.analyze_string(text):
                yield str(detector.secret_type).lower(), str(secret)
        for match in _KEY_LIKE.finditer(text):
            if _is_key_like(match[0]):
                yield "high entropy string", match[0]


def kept(text: str) -> Iterator[tuple[str, str]]:
    """Passwords recognisable by their form alone, as people keep them in notes.

    Separate from ``find``, because a model's output may look like one by chance.
    """
    for pattern in (_LOGIN, _ALONE) if _HINT.search(text.lower()) else (_ALONE,):
        for match in pattern.finditer(text):
            if _is_strong(match["secret"]):
                yield "password", match["secret"]


def _seed_phrases(text: str) -> Iterator[tuple[str, str]]:
    """Twelve or more bare words, alone in a message or near a word about wallets."""
    for match in _SEED.finditer(text):
        words = re.findall(r"[a-z]+", match[0])
        is_all = match[0].strip() == text.strip() and len(words) in SEED_WORDS
        if _SEED_HINT.search(text) or (is_all and not set(words) & _COMMON):
            yield "seed phrase", match[0]


# Words BIP-39 does not have; a sentence of twelve words holds one of them.
_COMMON_WORDS = (
    "the and was for not but with his her they this have had are were from you that she him its"
    " our out who has did into than then them")
_COMMON = frozenset(_COMMON_WORDS.split())


def _is_strong(word: str) -> bool:
    """True for letters of both cases, digits and a mark, as sites require of passwords.

    Marks that are common in names of files, pages and people do not count.
    """
    inner = word.rstrip(".,;:!?")
    return "//" not in word and all(any(test(c) for c in inner) for test in (
        str.isupper, str.islower, str.isdigit, lambda c: not c.isalnum() and c not in "-_.,:/'@"))


def _is_key_like(word: str) -> bool:
    """True for digits and letters in random order: no word, number, file name or URL."""
    kinds = sum(any(test(c) for c in word) for test in (str.isdigit, str.isupper, str.islower))
    if kinds < 2 or not any(c.isdigit() for c in word) or "//" in word or _PURSE.match(word):
        return False
    counts = Counter(word)
    bits = -sum(n / len(word) * math.log2(n / len(word)) for n in counts.values())
    n_switches = sum(a.isdigit() != b.isdigit() for a, b in pairwise(word))
    return bits >= ENTROPY_BITS_MIN and n_switches >= 4
