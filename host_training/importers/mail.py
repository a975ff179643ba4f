"""Mailboxes (mbox, Maildir, macOS ``.mbox`` folders, single ``.eml`` files) to Messages.

The standard library's mailbox indexes a whole file and cuts at any line that begins with "From ";
here a file of any size is read line by line, and it is cut only at a blank line followed by a
"From " line with a date.
"""

from __future__ import annotations

import binascii
import email
import email.policy
import hashlib
import re
from collections.abc import Iterator, Sequence
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message as Mail
from email.utils import getaddresses

from host_training.common.messages import Message, Notes
from host_training.importers.mail_body import is_slow, own_words
from host_training.importers.text import decode, mend
from host_training.importers.times import from_mail
from host_training.importers.tree import File

NAME = "mail"
LABEL = "mailbox"
TIER = 3

MAIL_BYTES_MAX = 30_000_000  # what is longer is attachments, whose rest is not kept
LINE_BYTES_MAX = 1_000_000
_EARLIEST_MS = 315_532_800_000  # 1980: what says to be older has no date
_LATEST_MS = 2_145_916_800_000  # 2038, the end of 32-bit time, and what says to be later

_FROM = re.compile(rb"^From \S*.*(?:\b(?:19|20)\d\d\b|\b\d\d:\d\d(?::\d\d)?\b).*$")
_QUOTED_FROM = re.compile(rb"^>+From ")
_HEADERS = re.compile(rb"^(?:Return-Path|Received|From|Date|Message-ID|MIME-Version|Subject|"
                      rb"Delivered-To|X-[\w-]+|To): ", re.MULTILINE | re.IGNORECASE)
# Maildir++: the folders of a mailbox begin with a dot, ``.Sent.2021/cur/1615.M1.host:2,S``
_MAILDIR = re.compile(r"(?:^|/)(?:\.(?P<folder>[^/]+)/)?(?:cur|new)/"
                      r"[^/]+?(?:[:;!]2,(?P<flags>\w*))?$")
_UTF7_WORD = re.compile(r"&([A-Za-z0-9+,]*)-")  # RFC 3501 §5.1.3, names of folders
_NOT_MAIL = {"spam", "trash", "drafts", "draft", "chat", "chats", "junk", "papierkorb", "entwürfe",
             "corbeille", "brouillons", "papelera", "borradores", "prullenbak", "concepten"}
_SENT = {"sent", "sent items", "sent messages", "gesendet", "envoyés", "messages envoyés",
         "enviados", "verzonden", "inviati"}


def claims(file: File) -> bool:
    """A "From " line with a date, or at least three headers of a mail at the very top."""
    head = file.head.lstrip(b"\xef\xbb\xbf")
    if head.startswith(b"From "):
        return _FROM.match(head.partition(b"\n")[0]) is not None
    top = head.partition(b"\n\n")[0].partition(b"\r\n\r\n")[0]
    is_named_so = file.suffix in (".eml", ".emlx", "") or _MAILDIR.search(file.name)
    return bool(is_named_so) and len({name.lower() for name in _HEADERS.findall(top)}) >= 3


def is_maildir(name: str) -> bool:
    """True for a mail in a Maildir, whose folders look hidden and are not."""
    return _MAILDIR.search(name) is not None


def read(files: Sequence[File], notes: Notes) -> Iterator[Message]:
    """What people wrote, without what they quoted and without mail that programs sent."""
    for file in files:
        for number, raw in enumerate(split(file), 1):
            try:
                yield from _message(raw, file, number, notes)
            except (MessageError, ValueError, LookupError, IndexError, AttributeError, TypeError,
                    RecursionError) as error:  # the standard parser raises all of these
                notes.put(file.name, f"mail {number}", f"cannot be parsed ({error})")


def split(file: File) -> Iterator[bytes]:
    """The mails of an mbox, each whole up to MAIL_BYTES_MAX, or the one mail of an .eml."""
    with file.opened() as stream:
        if file.suffix in (".eml", ".emlx") or is_maildir(file.name):
            yield stream.read(MAIL_BYTES_MAX)
            return
        kept: list[bytes] = []
        size = 0
        is_blank = True  # before the first line
        while line := stream.readline(LINE_BYTES_MAX):
            if is_blank and line.startswith(b"From ") and _FROM.match(line.rstrip(b"\r\n")):
                if kept:
                    yield b"".join(kept)
                kept, size = [], 0
                is_blank = False
                continue
            is_blank = not line.strip(b"\r\n")
            size += len(line)
            if size <= MAIL_BYTES_MAX:
                kept.append(line[1:] if _QUOTED_FROM.match(line) else line)
        if kept:
            yield b"".join(kept)


def _message(raw: bytes, file: File, number: int, notes: Notes) -> Iterator[Message]:
    if file.suffix == ".emlx":
        raw = _without_plist(raw)
    # the older policy: the newer one parses headers by a grammar, in quadratic time
    mail = email.message_from_bytes(raw, policy=email.policy.compat32)
    labels = {part.strip().strip('"').lower() for part in _text(mail, "X-Gmail-Labels").split(",")}
    labels |= _maildir_labels(file.name)
    reason = _skip_reason(mail, labels)
    if reason:
        notes.skip(reason)
        return
    senders = _people(mail, "From")
    if not senders:
        notes.put(file.name, f"mail {number}", "no address in From")
        return
    name, address = senders[0]
    account = address.lower()
    notes.called(f"{NAME}:{account}", name)
    addressees = [*_people(mail, "To"), *_people(mail, "Cc")]
    for other, of_other in addressees:
        if other != of_other:
            notes.called(f"{NAME}:{of_other.lower()}", other)
    if labels & _SENT:
        notes.own_accounts.add(f"{NAME}:{account}")
    text = mend(own_words(mail)).strip()
    if not text:
        notes.skip("no words")
        return
    identity = _text(mail, "Message-ID").strip() or _made_identity(account, mail, text)
    thread = (_text(mail, "References").split() or _text(mail, "In-Reply-To").split()
              or [identity])[0]
    to = ", ".join(known for pair in addressees for known in dict.fromkeys(pair) if known)
    yield Message(NAME, thread, "mail", identity, _utc_ms(mail), account, False, text, name, TIER,
                  chat_name=to)


def _without_plist(raw: bytes) -> bytes:
    """The mail of an .emlx: Apple Mail writes its length before it and a property list behind."""
    length, _, rest = raw.partition(b"\n")
    digits = length.strip()
    return rest[: int(digits)] if digits.isdigit() and len(digits) < 12 else raw


def _maildir_labels(name: str) -> set[str]:
    """What the folder and the flags of a Maildir say, in the words of the labels."""
    match = _MAILDIR.search(name)
    if match is None:
        return set()
    flags = match["flags"] or ""
    folders = _UTF7_WORD.sub(_utf7_word, match["folder"] or "").lower().split(".")
    return {*folders, *(["draft"] if "D" in flags else []), *(["trash"] if "T" in flags else [])}


def _utf7_word(match: re.Match[str]) -> str:
    word = match[1].replace(",", "/")
    try:
        return binascii.a2b_base64(word + "=" * (-len(word) % 4)).decode("utf-16-be") or "&"
    except ValueError:
        return match[0]


def _made_identity(account: str, mail: Mail, text: str) -> str:
    """For a mail without Message-ID, which a copy of it has too and no other mail."""
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    return f"{account} {_text(mail, 'Date')} {digest}"


def _text(mail: Mail, header: str) -> str:
    """A header as text, its RFC 2047 words decoded; empty where it is missing or beyond repair."""
    return _decoded(_raw(mail, header))


def _people(mail: Mail, header: str) -> list[tuple[str, str]]:
    """(name, address) of each in a header: split first, for a decoded name may hold a comma.

    RFC 2047 §6.2. Where a program encoded the addresses too, there is nothing to split before.
    """
    raw = _raw(mail, header)
    found = [(_decoded(name), address) for name, address in getaddresses([raw]) if "@" in address]
    return found or [pair for pair in getaddresses([_decoded(raw)]) if "@" in pair[1]]


def _raw(mail: Mail, header: str) -> str:
    for known, value in mail._headers:  # type: ignore[attr-defined]  # raw: parsing may raise
        if known.lower() == header.lower():
            raw = str(value).replace("\r", "").replace("\n", "")
            # bytes that should have been encoded stand there as lone surrogates
            return raw if raw.isascii() else decode(raw.encode("utf-8", "surrogateescape"))
    return ""


def _decoded(raw: str) -> str:
    try:
        words = decode_header(raw)
        return raw if any(is_slow(of) for _, of in words if of) else str(make_header(words))
    except (ValueError, LookupError, MessageError):
        return raw


def _skip_reason(mail: Mail, labels: set[str]) -> str | None:
    if labels & _NOT_MAIL:
        return "draft, spam, trash or chat"
    if _text(mail, "Auto-Submitted").lower() not in ("", "no") or _text(mail, "X-Autoreply"):
        return "automatic mail"
    if _text(mail, "Precedence").lower() in ("bulk", "list", "junk", "auto_reply"):
        return "newsletter or list"
    if any(_text(mail, header) for header in ("List-Id", "List-Unsubscribe", "Feedback-ID")):
        return "newsletter or list"
    kind = mail.get_content_type()
    if kind in ("multipart/report", "text/calendar"):
        return "delivery report or invitation"
    if kind == "multipart/encrypted" or kind == "application/pkcs7-mime":
        return "encrypted mail"
    if any(part.get_content_type() == "text/calendar" for part in mail.walk()):
        return "delivery report or invitation"
    return None


def _utc_ms(mail: Mail) -> int | None:
    """From Date, else from the last Received; None for what cannot be."""
    for stamp in (_text(mail, "Date"), _text(mail, "Received").rpartition(";")[2].strip()):
        utc_ms = from_mail(stamp)
        if utc_ms is not None and _EARLIEST_MS <= utc_ms < _LATEST_MS:
            return utc_ms
    return None
