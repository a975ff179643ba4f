"""The sender's own text of a mail: without quotes, signatures and automatic text."""

from __future__ import annotations

import re
from email.message import Message

from host_training.importers.html_text import QUOTES, words_of
from host_training.importers.text import decode, encoding_of

_QUOTE_LINE = re.compile(r"^\s*[>|]")
# "On Monday, Bo wrote:" as mail programs say it. The end of the line is what tells it, so that a
# sentence with the same verb in the middle stays.
_WROTE = re.compile(
    r"^(?:>* ?)?(?:on|am|le|el|em|il|op|den|dnia|dne|w dniu|på|vào|tanggal|pe|an|на|в|от|\d|«|"
    r"[12]\d{3}年|.{0,60}<[^<>@\s]+@[^<>\s]+>).{0,240}"
    r"(?:wrote|schrieb|a écrit|escribió|escreveu|ha scritto|schreef|skrev|napisał\(?a?\)?|napsal|"
    r"napsal\(a\)|kirjoitti|написал\(?а?\)?|пише|написав|scrisse|írta|a scris|yazdı|έγραψε|"
    r"menulis|đã viết|写道|寫道|のメール|さんは書きました|님이 작성|wrote the following)\s*:?\s*$|"
    # languages that put the verb before the name
    r"^(?:am|op|den|dne|på|kl|\d).{4,120}\b(?:schrieb|schreef|skrev|napsal)\b.{1,80}:\s*$", re.I)
_ORIGINAL = re.compile(
    r"^\s*[-_*]{2,}\s*(?:original message|ursprüngliche nachricht|original-nachricht|message d'"
    r"origine|message original|mensaje original|mensagem original|messaggio originale|"
    r"oorspronkelijk bericht|ursprungligt meddelande|opprinnelig melding|oprindelig meddelelse|"
    r"alkuperäinen viesti|wiadomość oryginalna|původní zpráva|исходное сообщение|"
    r"forwarded message|weitergeleitete nachricht|doorgestuurd bericht|mensaje reenviado|"
    r"原始邮件|原始郵件|元のメッセージ)\s*[-_*]*\s*$|^_{20,}\s*$|"
    r"^(?:begin forwarded message|anfang der weitergeleiteten nachricht|début du message "
    r"(?:réexpédié|transféré)|inicio del mensaje reenviado|inizio messaggio inoltrato|"
    r"begin doorgestuurd bericht)\s?:\s*$", re.I)
_HEADER_BLOCK = re.compile(
    r"^\*?(?:from|von|de|da|van|från|fra|od|от|lähettäjä|发件人|寄件者|差出人)\*?\s?[:：]\s?\S",
    re.I)
_HEADER_NEXT = re.compile(
    r"^\*?(?:sent|date|to|subject|gesendet|datum|an|betreff|envoyé|à|objet|enviado|para|asunto|"
    r"assunto|inviato|data|oggetto|verzonden|aan|onderwerp|skickat|till|ämne|sendt|til|emne|"
    r"wysłano|do|temat|отправлено|дата|кому|тема|发送时间|收件人|主题|送信日時|宛先|件名)\*?\s?[:：]",
    re.I)
_SIGNATURE = re.compile(r"^--\s?$")
_SENT_WITH = re.compile(
    r"^von meinem .{3,40} gesendet\.?$|"
    r"^(?:sent|gesendet|envoyé|enviado|inviato|verzonden|skickat|sendt|lähetetty|wysłane|odesláno|"
    r"отправлено|получено|get outlook|diese nachricht wurde von mein|stuurd vanaf).{0,12}"
    r"\b(?:from|with|via|von|mit|depuis|de mon|desde|do meu|da|dal|vanaf|met|från|fra|z|с|for ios|"
    r"for android|iphone|android|samsung|gmail|outlook|mail)\b.{0,60}$", re.I)
_INLINE_PGP = re.compile(r"-----BEGIN PGP (?:MESSAGE|PUBLIC KEY BLOCK)-----.*?(?:-----END PGP "
                         r"(?:MESSAGE|PUBLIC KEY BLOCK)-----|\Z)", re.DOTALL)
_PGP_SIGNED = re.compile(r"-----BEGIN PGP SIGNED MESSAGE-----\n(?:Hash:.*\n)*\n?|"
                         r"-----BEGIN PGP SIGNATURE-----.*?(?:-----END PGP SIGNATURE-----|\Z)",
                         re.DOTALL)


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
        words = _decoded(part)
        if "flowed" in str(part.get("Content-Type", "")).lower():
            words = _unflowed(words)
    elif kind == "text/html":
        words = words_of(_decoded(part), QUOTES)
    else:
        return []
    return [(kind, words)] if words.strip() else []


def _decoded(part: Message) -> str:
    """In the declared charset where it is one and fits, else in what the bytes look like."""
    data = part.get_payload(decode=True)
    if not isinstance(data, bytes):
        return ""
    charset = str(part.get_content_charset() or "")
    try:
        text = data.decode(charset)
    except (LookupError, UnicodeDecodeError, ValueError):
        text = data.decode(encoding_of(data), "replace") if data else ""
    else:
        if charset in ("us-ascii", "ascii") and not text.isascii():
            text = decode(data)
    return text.replace("\r\n", "\n").replace("\r", "\n")


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


def unquoted(text: str) -> str:
    """Text up to the first quoted mail, with quoted lines, signature and footers gone."""
    text = _PGP_SIGNED.sub("", _INLINE_PGP.sub("", text))
    lines = text.split("\n")
    kept: list[str] = []
    for index, line in enumerate(lines):
        following = [other for other in lines[index + 1 : index + 4] if other.strip()]
        if _SIGNATURE.match(line) or _ORIGINAL.match(line):
            break
        if _HEADER_BLOCK.match(line.strip()) and any(map(_HEADER_NEXT.match, following)):
            break
        # the sentence before a quote may be broken over two lines
        pair = f"{line.strip()} {following[0].strip()}" if following else line
        if _WROTE.match(line.strip()) or (_WROTE.match(pair) and line.strip()
                                          and not line.strip().endswith((".", "!", "?"))):
            if not any(other.strip() and not _QUOTE_LINE.match(other)
                       for other in lines[index + 2 :]):
                break
            continue  # answers between the quotes
        if not _QUOTE_LINE.match(line) and not _SENT_WITH.match(line.strip()):
            kept.append(line.rstrip())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip()
