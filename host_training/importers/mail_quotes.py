"""The sender's own lines of a mail, without quotes, what announces them, and signatures.

What announces a quote is found by what it is made of, in any language: an address and a time, or a
verb of writing and a time. It may be broken over ATTRIBUTION_LINES_MAX lines, never over an empty
one. If the line below it begins with ">", the quotes are marked and answers may stand between them;
else all that follows is quoted.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

ATTRIBUTION_LINES_MAX = 4
ATTRIBUTION_CHARS_MAX = 300

_QUOTED = re.compile(r"\s*(?:>|\|(?: |$)|[A-Z][A-Za-z]{0,3}> )")  # "BB> " of supercite
_DASHES = re.compile(r"^[-_ ]{2,}|[-_ ]{2,}$")
_ADDRESS = re.compile(r"[^\s<>()\[\]\"']+@[^\s<>()\[\]\"']+")
_WHEN = re.compile(r"\b\d{1,2}[:.h]\d{2}\b|\b(?:19|20)\d\d\b|\d{4}[年년]|"
                   r"\b\d{1,2}[./-]\d{1,2}[./-]\d{2,4}\b", re.IGNORECASE)
_VERBS = (
    r"wrote|schrieb|a écrit|écrit|escribió|escreveu|ha scritto|schreef|geschreven|skrev|"
    r"napisał\(?a?\)?|napsal|napsal\(a\)|kirjoitti|написал\(?а?\)?|пишет|пише|написав|scrisse|"
    r"ezt írta|írta|a scris|yazdı|έγραψε|menulis|đã viết|写道|寫道|のメール|さんは書きました|"
    r"님이 작성|wrote the following|writes|sent")
_VERB = re.compile(rf"(?:^|\W|(?<=[^\W\d_]))(?:{_VERBS})\s*[:：]?\s*$", re.IGNORECASE)
# languages that put the verb before the name
_VERB_FIRST = re.compile(r"\b(?:schrieb|schreef|skrev|napsal|kirjoitti)\b.{1,80}[:：]\s*$",
                         re.IGNORECASE)
# how a line begins that announces a quote without an address in it
_OPENS = re.compile(
    r"(?:on|am|le|el|em|il|op|den|dnia|dne|w dniu|på|vào|tanggal|pada|pe|an|la|στις|на|в|от|"
    r"[^\W\d_]{2,12}\.?,? (?:den )?\d|\d|«|>)", re.IGNORECASE)
# "Bo Berg wrote:" with nothing else, above marks or below a ruler; not "He wrote:"
_NAMED = re.compile(rf"(?!(?:I|He|She|They|We|You|It)\b)(?:[A-ZÀ-ÞΑ-ΩА-Я][\w.'’-]*,? ){{1,4}}"
                    rf"(?i:{_VERBS}) ?:$")
_INSIDE = re.compile(r"(?P<own>\S.*?)[-\s]+(?P<rest>On (?:[A-Z][a-z]{2,8},?|\d{1,2}) .*)$")
_ORIGINAL = re.compile(
    r"\s*[-_*]{2,}\s*(?:original message|reply message|ursprüngliche nachricht|original-nachricht|"
    r"antwort nachricht|message d'origine|message original|mensaje original|mensagem original|"
    r"messaggio originale|oorspronkelijk bericht|ursprungligt meddelande|opprinnelig melding|"
    r"oprindelig (?:meddelelse|besked)|alkuperäinen viesti|wiadomość oryginalna|původní zpráva|"
    r"исходное сообщение|forwarded message|weitergeleitete nachricht|doorgestuurd bericht|"
    r"mensaje reenviado|原始邮件|原始郵件|元のメッセージ)\s*[-_*]*\s*$|_{20,}\s*$|"
    r">>> .{5,120} >>>\s*$|"  # GroupWise
    r"(?:begin forwarded message|anfang der weitergeleiteten nachricht|début du message "
    r"(?:réexpédié|transféré)|inicio del mensaje reenviado|inizio messaggio inoltrato|"
    r"begin doorgestuurd bericht)\s?:\s*$", re.IGNORECASE)
_HEAD = re.compile(
    r"\*{0,2}(?:(?P<sender>from|von|de|da|van|från|fra|od|от|lähettäjä|发件人|寄件者|差出人)|"
    r"(?P<date>sent|date|gesendet|datum|envoyé|fecha|enviado|inviato|data|verzonden|skickat|sendt|"
    r"dato|wysłano|отправлено|дата|发送时间|送信日時|message du)|"
    r"(?:to|cc|subject|an|betreff|à|objet|para|asunto|assunto|oggetto|aan|onderwerp|till|ämne|til|"
    r"emne|do|temat|кому|тема|收件人|主题|宛先|件名))\*{0,2}\s?[:：]\*{0,2}\s?\S", re.IGNORECASE)
_HEAD_LINES = 4  # looked at below the first of a head, which may be broken
_SIGNATURE = re.compile(r"--\s?$")
_SENT_WITH = re.compile(
    r"von meine[mr](?:/meine[mr])? .{2,40} gesendet\.?$|"
    r"[^\W\d_][\w ]{1,24} outlook \S{1,6} (?:ios|android)\.?$|"
    r"(?:sent|gesendet|envoyé|enviado|inviato|verzonden|skickat|sendt|lähetetty|wysłane|odesláno|"
    r"отправлено|получено|get outlook|télécharger outlook|outlook für|diese nachricht wurde von "
    r"mein|stuurd vanaf).{0,12}"
    r"\b(?:from|with|via|von|mit|depuis|de mon|desde|do meu|da|dal|vanaf|met|från|fra|z|с|for ios|"
    r"for android|ios|iphone|android|samsung|gmail|outlook|mail)\b[^,;!?]{0,60}$", re.IGNORECASE)
_LINK_BEHIND = re.compile(r"[<(]https?://[^\s<>()]*[>)]$")
_WRAPPED_CHARS_MIN = 60  # of a quoted line that a program may have broken
_SENTENCE_ENDS = (".", "!", "?", ":", ";", "…")
_RULER_BELOW = re.compile(r"(?:\n\s*([-=_*~#])(?: ?\1){2,}\s*)+\Z")
_RULER = re.compile(r"\s*([-–—―_=*~#])\1+\s*$")
_LOTUS_SENDER = re.compile(r"\S.{0,60}/\S{1,40}@\S{1,40}$")
_DATE_AND_CLOCK = re.compile(
    r"\d{1,4}[./-]\d{1,2}[./-]\d{1,4} \d{1,2}:\d{2}(?::\d{2})?(?: [AP]M)?$", re.IGNORECASE)
_CONTACT_LINES = 6  # at most, below a ruler
_CONTACT_CHARS_MAX = 100  # of one of them
_SENTENCE = re.compile(r"[^\W\d_]{3,}[.!?…]+$")
_TELEPHONE = re.compile(r"(?:\+|\b0|\()\d(?:[ ()/.-]{0,2}\d){6,}")
_INLINE_PGP = re.compile(r"-----BEGIN PGP (?:MESSAGE|PUBLIC KEY BLOCK)-----.*?(?:-----END PGP "
                         r"(?:MESSAGE|PUBLIC KEY BLOCK)-----|\Z)", re.DOTALL)
_PGP_SIGNED = re.compile(r"-----BEGIN PGP SIGNED MESSAGE-----\n(?:Hash:.*\n)*\n?|"
                         r"-----BEGIN PGP SIGNATURE-----.*?(?:-----END PGP SIGNATURE-----|\Z)",
                         re.DOTALL)


def unquoted(text: str) -> str:
    """Text up to the first quoted mail, with quoted lines, signature and footers gone."""
    text = _PGP_SIGNED.sub("", _INLINE_PGP.sub("", text))
    lines = text.split("\n")
    kept: list[str] = []
    index = 0
    last_marked = max((n for n, line in enumerate(lines) if _QUOTED.match(line)), default=-1)
    while index < len(lines):
        line = lines[index].strip()
        if _SIGNATURE.match(line) or _ORIGINAL.match(line) or _is_head(lines, index):
            break
        n_lines, own = _attribution(lines, index)
        if n_lines:
            kept += [own] if own else []
            index += n_lines
            if not _is_marked(lines, index):
                break
            continue
        if _SENT_WITH.match(_LINK_BEHIND.sub("", line)):
            if any(kept) and index > last_marked and _is_alone(lines, index):
                break  # a phone's program puts the mail it answers below its line, often unmarked
        elif not _QUOTED.match(line) and not _is_wrapped(lines, index):
            kept.append(lines[index].rstrip())
        index += 1
    own = _RULER_BELOW.sub("", "\n".join(_without_contacts(kept)).rstrip())
    return re.sub(r"\n{3,}", "\n\n", own).strip()


def is_attribution(line: str) -> bool:
    """True for "Bo Berg wrote:" and nothing else."""
    return _NAMED.match(line) is not None


def _without_contacts(lines: Sequence[str]) -> Sequence[str]:
    """Without what stands last, below a ruler, and says how to reach somebody.

    That is a signature or the footer of a mailing list: a few short lines, no sentence among them,
    one with an address or a telephone number.
    """
    n_lines = max((n for n, line in enumerate(lines, 1) if line.strip()), default=0)
    first = max(0, n_lines - _CONTACT_LINES - 1)
    ruler = max((n for n in range(first, n_lines) if _RULER.match(lines[n])), default=n_lines)
    below = [line.strip() for line in lines[ruler + 1 : n_lines]]
    is_contact = (all(len(line) <= _CONTACT_CHARS_MAX and not _is_sentence(line)
                      for line in below)
                  and any(_ADDRESS.search(line) or _TELEPHONE.search(line) for line in below))
    return lines[:ruler] if is_contact else lines


def _is_sentence(line: str) -> bool:
    """True where a small word ends it: "Hedges Ltd." is none."""
    last = _SENTENCE.search(line)
    return last is not None and last[0].islower()


def _is_alone(lines: Sequence[str], index: int) -> bool:
    """True for a paragraph of one line."""
    above, below = lines[index - 1 : index], lines[index + 1 : index + 2]
    return not "".join(above).strip() and not "".join(below).strip()


def _is_wrapped(lines: Sequence[str], index: int) -> bool:
    """True for the rest of a quoted line that a program broke without a mark on what it moved.

    It goes on in the middle of a sentence, with quoted lines directly above and below it: an answer
    typed there begins one.
    """
    if not 0 < index < len(lines) - 1 or not lines[index].strip()[:1].islower():
        return False
    above, below = lines[index - 1].rstrip(), lines[index + 1]
    return (len(above) >= _WRAPPED_CHARS_MIN and not above.endswith(_SENTENCE_ENDS)
            and _QUOTED.match(above) is not None and _QUOTED.match(below) is not None)


def _attribution(lines: Sequence[str], index: int) -> tuple[int, str]:
    """How many lines from here on announce a quote, and what the sender wrote in front of it."""
    joined = ""
    for n_lines, line in enumerate(lines[index : index + ATTRIBUTION_LINES_MAX], 1):
        if not line.strip() or len(joined) + len(line) > ATTRIBUTION_CHARS_MAX:
            break
        joined = f"{joined} {line.strip()}".strip()
        is_marked = _is_marked(lines, index + n_lines)
        if n_lines == 1 and _NAMED.match(joined) and (is_marked or _is_below_ruler(lines, index)):
            return 1, ""
        inside = _INSIDE.match(joined)
        if inside and _announces(inside["rest"], is_marked, n_lines):
            # words above the line, or before it on the same one, are the reply's
            return (n_lines, inside["own"].strip("->| ")) if n_lines == 1 else (0, "")
        if _announces(joined, is_marked, n_lines):
            below = " ".join(lines[index + 1 : index + n_lines]).strip()
            is_own = (_WHEN.search(lines[index]) is None and _WHEN.search(below) is not None
                      and _announces(below, is_marked, n_lines))
            return (0, "") if is_own else (n_lines, "")
    return 0, ""


def _announces(line: str, is_marked: bool, n_lines: int) -> bool:
    """True for who wrote when. A broken line must begin like one: what is above it is a reply's."""
    bare = _DASHES.sub("", line)
    is_ruled = line[:2] == line[-2:] == "--"
    line = bare.removeprefix(">").strip()
    address = _ADDRESS.search(line)
    has_when = _WHEN.search(line) is not None
    has_verb = _VERB.search(line) is not None or _VERB_FIRST.search(line) is not None
    begins = _OPENS.match(line) is not None or (address is not None and address.start() < 60)
    if not begins:
        return is_ruled and has_verb
    if address is not None and has_when:
        return line.endswith((":", "：")) or has_verb or (is_marked and line[-1] in ">)")
    if has_verb and (address is not None or (has_when and (
            is_marked or len(set(map(str.lower, _WHEN.findall(line)))) > 1))):
        return True  # "In 1850 he wrote:" needs marks below: a program writes day and time
    # "Bo schrieb:", and in a mail that marks its quotes no more than that
    is_short = n_lines == 1 and line.endswith((":", "：")) and len(line) < 60
    return has_verb and is_marked and is_short


def _is_marked(lines: Sequence[str], index: int) -> bool:
    """True where the next line with something on it is a quoted one, or there is none."""
    following = next((line for line in lines[index:] if line.strip()), ">")
    return _QUOTED.match(following) is not None


def _is_below_ruler(lines: Sequence[str], index: int) -> bool:
    return _RULER.match("".join(lines[max(0, index - 1) : index])) is not None


def _is_head(lines: Sequence[str], index: int) -> bool:
    """The head of a mail as Outlook copies it: a sender or a date, and more such lines below.

    Lotus Notes has the sender in its own way of writing addresses, and date and time alone.
    """
    if _LOTUS_SENDER.match(lines[index].strip()):
        return _DATE_AND_CLOCK.match("".join(lines[index + 1 : index + 2]).strip()) is not None
    first = _HEAD.match(lines[index].strip())
    if first is None or not (first["sender"] or first["date"]):
        return False
    below = (line.strip() for line in lines[index + 1 : index + 1 + _HEAD_LINES])
    following = list(itertools.takewhile(bool, below))
    others = [match for line in following if (match := _HEAD.match(line))]
    return bool(others) and (bool(first["sender"]) or any(other["sender"] for other in others)
                             or _ADDRESS.search(" ".join(following)) is not None)
