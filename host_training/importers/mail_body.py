"""The text that a mail's sender wrote, from its parts and in their charsets."""

from __future__ import annotations

import codecs
from email.message import Message

from host_training.importers.html_text import QUOTES, QUOTES_BELOW, words_of
from host_training.importers.mail_quotes import unquoted
from host_training.importers.text import decode, encoding_of

_SLOW = ("punycode", "idna")  # meant for the names of hosts; no mail is written in them


def own_words(mail: Message) -> str:
    """The sender's own text; empty where there is none that can be read."""
    return unquoted("\n\n".join(words for _, words in _inline(mail)))


def _inline(part: Message) -> list[tuple[str, str]]:
    """(kind, words) of the texts of a mail in their order, all of one kind.

    Never from what is attached, nor from a mail in this mail: those are somebody else's words.
    RFC 2046 §5.1.4: "alternative" parts say the same thing, of which the plain one is the better
    for us. Other parts follow each other, and of them the kind of the first one is the sender's.
    """
    disposition = str(part.get("Content-Disposition", "")).lower()
    if "attachment" in disposition or "filename" in disposition:
        return []
    kind = part.get_content_type()
    if part.get_content_maintype() == "multipart":
        children = part.get_payload() if part.is_multipart() else []
        found = [text for child in children if isinstance(child, Message)
                 for text in _inline(child)]
        chosen = ("text/plain" if kind == "multipart/alternative"
                  and any(of == "text/plain" for of, _ in found) else found[0][0] if found else "")
        return [(of, words) for of, words in found if of == chosen]
    if kind == "text/plain":
        words = inline_text(part)
        if "flowed" in str(part.get("Content-Type", "")).lower():
            words = _unflowed(words)
    elif kind == "text/html":
        words = words_of(inline_text(part), QUOTES, QUOTES_BELOW)
    else:
        return []
    return [(kind, words)] if words.strip() else []


def inline_text(part: Message) -> str:
    """In the declared charset where it is one and fits, else in what the bytes look like."""
    data = part.get_payload(decode=True)
    if not isinstance(data, bytes):
        return ""
    charset = _charset(part)
    try:
        text = data.decode(charset)
    except (LookupError, UnicodeDecodeError, ValueError):
        text = data.decode(encoding_of(data), "replace") if data else ""
    else:
        if charset in ("us-ascii", "ascii") and not text.isascii():
            text = decode(data)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _charset(part: Message) -> str:
    """The declared one; empty where there is none or it is too slow."""
    declared = part.get_param("charset", "")
    if isinstance(declared, tuple) and is_slow(declared[0] or ""):
        return ""  # RFC 2231: the name of the charset is itself in a charset
    charset = part.get_content_charset() or ""
    return "" if is_slow(charset) else charset


def is_slow(charset: str) -> bool:
    """True for what Python decodes in quadratic time, under any spelling."""
    try:
        return codecs.lookup(charset).name in _SLOW
    except (LookupError, ValueError):
        return False


def _unflowed(text: str) -> str:
    """RFC 3676: a line that ends with a space goes on in the next one."""
    lines: list[str] = []
    is_open = False
    for line in text.split("\n"):
        if is_open and not line.startswith(">"):
            lines[-1] += line.removeprefix(" ")
        else:
            lines.append(line.removeprefix(" "))
        is_open = line.endswith(" ") and line not in ("-- ", "") and not line.startswith(">")
    return "\n".join(line.rstrip() for line in lines)

