"""Recognises a chat of several people in plain text, which must not count as one person's writing.

That it is a chat is decided by what all layouts share, speakers who return in turn, with times or
without; which program wrote it is asked afterwards, for the sentence alone. What resembles a chat
and is one person's: forms (the same keys in the same order), tables of readings, plays, diaries
whose entries have a time.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise

from host_training.importers import chat_heads, chat_lines, private_questions
from host_training.importers.chat_lines import ChatTurn, Stamp

_PART_CHARS = 20_000  # judged at a time, so that a chat behind a diary is one too
_SPEAKERS_MIN, _TURNS_MIN = 2, 3
_TURNS_EACH_MIN = 1.5  # by each speaker, on average
_TURNS_EACH_MIN_SURE = 1.3
# The share of lines that must be turns; by how surely a shape is that of a chat
_SHARES = {"nick": 0.1, "column": 0.1, "from": 0.1, "brackets": 0.1, "name time": 0.1,
           "time name": 0.2, "time alone": 0.2, "name, time": 0.2, "bare nick": 0.5}
_SURE_SHARE, _ROLE_SHARE = 0.1, 0.02
_SURE = frozenset({"nick", "column", "from", "brackets", "name time"})  # a copy may mix them
_ABOVE_WORDS = ("name time", "time alone", "name, time")
_PLAINLY = frozenset({"nick", "brackets", "from"})  # where nobody needs to speak twice
_STAMPED_SHARE = 0.1
_LABEL_SHARE, _LABELS_MIN = 0.6, 4  # names without times, which any list may have
_FORM_DIGITS_SHARE = 0.6  # of what stands behind the keys
_FORM_ORDER_SHARE = 0.75  # of keys that stand where they usually do
_ANSWERED_SHARE = 0.05  # of turns that end with a question
_SECOND_SHARE = 0.2  # of turns, by the second most talkative
_ENTRY_CHARS_MAX = 160  # on average under "Lisbon, 18:00": longer is a diary
_PLAY = re.compile(r"(?:act|scene|szene|akt|scène|acte|acto|escena|prologue|prolog|epilogue|int\.|"
                   r"ext\.|curtain|vorhang|fade (?:in|out))\b", re.IGNORECASE)
_STAGE = re.compile(r"[*_]*[(\[][^()\[\]\d]{3,}[)\]][*_.]*(?:\s|$)")
_MAIL_FROM = re.compile(r"[*>]* ?(?:from|von|de|da|van|från|fra|od|от)\*? ?: ?\S", re.IGNORECASE)
_MAIL_DATE = re.compile(r"[*>]* ?(?:sent|date|gesendet|datum|envoyé|enviado|fecha|inviato|data|"
                        r"verzonden|skickat|sendt|wysłano|дата|отправлено)\*? ?: ?\S",
                        re.IGNORECASE)

_JSON = "export it again as JSON"
_TXT = "keep the export as it came, as .txt"
_ON_A_PHONE = "export the chat on a phone, where names and words are in columns"
# Where a text is a chat: the program that wrote it, and what can be done
_PROGRAMS: tuple[tuple[str, re.Pattern[str], str], ...] = (
    ("KakaoTalk", re.compile(r"카카오톡 ?대화|KakaoTalk Chats"), _TXT),
    ("LINE", re.compile(r"\A\ufeff?\[LINE\]"), _TXT),
    ("QQ", re.compile(r"\A\ufeff?消息记录"), _TXT),
    ("LINE on a computer", re.compile(r"\A\ufeff?\d{4}\.\d{2}\.\d{2} \S{2,9}$", re.M), _ON_A_PHONE),
    ("ChatGPT or its like", re.compile(
        r"^\W{0,9}(?:(?:chat ?)?gpt|claude|gemini|copilot|assistant|response)\b.{0,12}$|"
        r"^\W{0,9}(?:claude|assistant|ai):", re.I | re.M),
     "save your own prompts as .txt, without the answers"),
    ("Otter", re.compile(r"^Transcribed by https://otter\.ai", re.M),
     "export it as .srt, with the speakers' names"),
    ("Zoom", re.compile(r"^\S.{0,20}:\d\d\s+From ", re.M), _JSON),
    ("Messenger", re.compile(
        rf"^(?:{'|'.join(sorted(map(re.escape, chat_lines.SENT)))})$", re.I | re.M),
     "download your information instead, format JSON"),
    ("Telegram", re.compile(r"^\S.{0,40}, \[.{0,24}\d:\d\d", re.M),
     "export it with Telegram Desktop, format JSON"),
    ("Discord", re.compile(r"^\S.{0,40} — |^(?:Today|Yesterday) at \d|#\d{1,4}$", re.M),
     "export it with DiscordChatExporter, format JSON"),
    ("WeChat", re.compile(r"^The chat between .{1,80} is as follows|^—————  \d{4}-", re.M), _JSON),
    ("Slack", re.compile(r"^(?:\S.{0,40}| ?|:\S+:) {2}\d{1,2}:\d\d [AP]M$", re.M),
     "use the workspace export"),
    ("Teams", re.compile(r"^\[(?:[^\]]{3,12} )?\d{1,2}:\d\d(?: [AP]M)?\] [^:]+$", re.M), _JSON),
    ("an IRC client", re.compile(r"^[\[\w:\] -]{0,20}<[ @+%]?[^\s@]{1,20}>\s", re.M), _JSON),
)


@dataclass(frozen=True, slots=True)
class _PlacedTurn:
    """A turn and where it stands: the line among those with words, the section and the block."""

    turn: ChatTurn
    at: int
    section: int
    block: int


@dataclass(slots=True)
class _Part:
    """The lines of a part that have words in them, and what each says of speakers."""

    lines: list[str]
    turns: list[_PlacedTurn]
    labels: list[_PlacedTurn]
    heads: list[_PlacedTurn]
    stamps: list[int]  # lines that are a time and no more
    n_blocks: int


def refusal(text: str) -> str | None:
    """Why a text is not one person's writing, as a sentence; None where it may be."""
    for start in range(0, len(text), _PART_CHARS):
        words = text[start : start + _PART_CHARS]
        part = _part(words)
        if _is_chat(part) and not private_questions.is_to_oneself(words):
            program, advice = next(((name, advice) for name, pattern, advice in _PROGRAMS
                                    if pattern.search(text[: _PART_CHARS])), ("", _JSON))
            copied = f" (from {program})" if program else ""
            return (f"looks like a chat of several people{copied}, whose authors cannot be"
                    f" determined; {advice}")
        if _is_correspondence(part.lines):
            return ("looks like mails of several people, whose authors cannot be determined; "
                    "export them as .mbox or .eml")
    return None


def is_log(text: str) -> bool:
    """True for a text with a part that is a chat."""
    return refusal(text) is not None


def _part(text: str) -> _Part:
    part = _Part([], [], [], [], [], 0)
    section = 0
    is_blank = True
    for written in text.split("\n"):
        line = chat_lines.plain(written)
        if not line.strip():
            is_blank = True
            continue
        part.n_blocks += is_blank
        is_blank = False
        at = len(part.lines)
        part.lines.append(line)
        section += chat_lines.is_break(line)
        found = chat_lines.read_line(line)
        if isinstance(found, Stamp):
            part.stamps.append(at)
        elif found is not None:
            part.turns.append(_PlacedTurn(found, at, section, part.n_blocks))
        elif named := chat_lines.label(line):
            part.labels.append(_PlacedTurn(named, at, section, part.n_blocks))
        if headed := chat_heads.head(line):
            part.heads.append(_PlacedTurn(headed, at, section, part.n_blocks))
    return part


def _is_chat(part: _Part) -> bool:
    """By one shape of turns, by several that are sure, or in one of the ways without both."""
    return (any(_is_chat_by((shape,), share, part) for shape, share in _SHARES.items())
            or _is_chat_by(_SURE, _SURE_SHARE, part) or _is_talk_with_a_program(part)
            or _is_stamped(part) or _is_by_name(part) or _is_on_a_desk(part.lines)
            or any(_is_answered(shape, part) for shape in {one.turn.shape for one in part.heads}))


def _is_chat_by(shapes: Collection[str], share: float, part: _Part) -> bool:
    turns = [one for one in part.turns if one.turn.shape in shapes]
    if any(one.turn.shape in _ABOVE_WORDS for one in turns):
        turns = _above_words(turns, part)
    return (_are_speakers(turns, max(_TURNS_MIN, share * len(part.lines))) and not _is_form(turns)
            and ("name, time" not in shapes or _is_short(turns, part)))


def _are_speakers(turns: Sequence[_PlacedTurn], n_min: float) -> bool:
    who = [one.turn.who for one in turns]
    shapes = {one.turn.shape for one in turns}
    each_min = (1.0 if shapes <= _PLAINLY else
                _TURNS_EACH_MIN_SURE if shapes <= _SURE else _TURNS_EACH_MIN)
    return len(who) >= n_min and _SPEAKERS_MIN <= len(set(who)) <= len(who) / each_min


def _above_words(turns: list[_PlacedTurn], part: _Part) -> list[_PlacedTurn]:
    """Turns with words, on the line or below it; none where most are rows of a timetable."""
    heads = {one.at for one in turns}
    spoken = [one for one in turns
              if one.turn.words or (one.at + 1 < len(part.lines) and one.at + 1 not in heads)]
    return spoken if 2 * len(spoken) > len(turns) else []


def _is_short(turns: list[_PlacedTurn], part: _Part) -> bool:
    """True where as little stands below each as people write in a chat."""
    return sum(map(len, part.lines[turns[0].at :])) <= _ENTRY_CHARS_MAX * len(turns)


def _is_form(turns: Sequence[_PlacedTurn]) -> bool:
    """The same keys in the same order, or each once a day or an hour, or readings behind them."""
    keys = [one.turn.who for one in turns]
    n_keys = sum(n > 1 for n in Counter(keys).values())
    if n_keys > 2 and len(keys) >= 2 * n_keys - 1:
        follows: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for key, following in pairwise(keys):
            follows[key][following] += 1
        n_usual = sum(max(counts.values()) for counts in follows.values())
        if n_usual >= _FORM_ORDER_SHARE * (len(keys) - 1):
            return True
    n_readings = sum(one.turn.words[:1].isdigit() for one in turns)
    if n_readings >= _FORM_DIGITS_SHARE * len(turns):
        return True
    return any(_is_once_in_each(groups, keys) for groups in (
        [one.section for one in turns], [one.block for one in turns],
        [one.turn.stamp for one in turns]) if len(set(groups)) > 1)


def _is_once_in_each(groups: Sequence[object], keys: Sequence[str]) -> bool:
    """True where no group has a key twice, and two keys or more on average."""
    pairs = set(zip(groups, keys, strict=True))
    return len(pairs) == len(keys) >= 2 * len(set(groups))


def _is_talk_with_a_program(part: _Part) -> bool:
    """Roles in turn, as ChatGPT and its copies write them, or Messenger's "You sent"."""
    roles = [one for one in part.labels if one.turn.shape == "role"]
    if sum(chat_lines.is_sent(one.turn.who) for one in roles) >= _SPEAKERS_MIN:
        return True
    if len({one.turn.who for one in roles}) == 1 and chat_lines.is_answered(roles[0].turn.who):
        counts = Counter(one.turn.who for one in part.labels)
        roles = [one for one in part.labels if counts[one.turn.who] >= _SPEAKERS_MIN]
    return (_are_speakers(roles, max(_TURNS_MIN, _ROLE_SHARE * len(part.lines)))
            and any(a.turn.who != b.turn.who for a, b in pairwise(roles)))


def _is_stamped(part: _Part) -> bool:
    """Times on lines of their own, and the same few names above or below them."""
    if len(part.stamps) < max(_TURNS_MIN, _STAMPED_SHARE * len(part.lines)):
        return False
    for step in (-1, 1):
        near = [part.lines[at + step] for at in part.stamps if 0 <= at + step < len(part.lines)]
        turns = [_PlacedTurn(ChatTurn("stamped", who), 0, 0, 0)
                 for who in near if chat_lines.is_name(who)]
        turns = [one for one in turns if not one.turn.who.startswith("-")]
        if 2 * len(turns) > len(part.stamps) and _are_speakers(turns, _TURNS_MIN) and not _is_form(
                turns):
            return True
    return False


def _is_by_name(part: _Part) -> bool:
    """``Bo: no`` and ``Ada: why?`` in turn, on most lines or at the head of most paragraphs."""
    turns = [one for one in part.labels if one.turn.words or not _is_above_list(one, part)]
    blocks = {one.block for one in turns}
    is_most = (len(turns) >= _LABEL_SHARE * len(part.lines)
               or (len(blocks) >= _LABEL_SHARE * part.n_blocks and len(turns) >= len(blocks)))
    return (is_most and len(turns) >= _LABELS_MIN and _are_speakers(turns, _LABELS_MIN)
            and Counter(one.turn.who for one in turns).most_common(2)[1][1] >= _SECOND_SHARE * len(
                turns) and not _is_form(turns) and not _is_play(part))


def _is_above_list(one: _PlacedTurn, part: _Part) -> bool:
    below = part.lines[one.at + 1] if one.at + 1 < len(part.lines) else "-"
    return below.lstrip()[:1] in "-*•+|#" or below.lstrip()[:1].isdigit()


def _is_play(part: _Part) -> bool:
    """A scene that is set, or directions to those who act in it."""
    spoken = [one.turn.words for one in part.labels]
    n_directed = sum(bool(_STAGE.match(words)) for words in (*spoken, *part.lines))
    return any(map(_PLAY.match, part.lines)) or n_directed >= 2


def _is_answered(shape: str, part: _Part) -> bool:
    """The same few heads of lines in turn, and a question under one that another answers."""
    turns = [one for one in part.heads if one.turn.shape == shape]
    if shape == chat_heads.ALONE:  # every short line may be a name: those that return
        counts = Counter(one.turn.who for one in turns)
        turns = [one for one in turns if counts[one.turn.who] > 1]
    is_above = shape in chat_heads.ABOVE_WORDS
    n_words = len(part.lines) - len(turns) if is_above else len(turns)
    blocks = {one.block for one in turns}
    is_most = (n_words >= len(turns) - 1 and _is_short(turns, part) if is_above and turns else
               len(turns) >= _LABEL_SHARE * len(part.lines)
               or (len(blocks) >= _LABEL_SHARE * part.n_blocks and len(turns) >= len(blocks)))
    if not (is_most and len(turns) >= _LABELS_MIN - is_above and _are_speakers(turns, _TURNS_MIN)):
        return False
    n_answered = sum(chat_heads.is_question(part.lines[after.at - 1])
                     for one, after in pairwise(turns) if one.turn.who != after.turn.who)
    return (n_answered >= max(1, _ANSWERED_SHARE * len(turns)) and not _is_form(turns)
            and (shape == chat_heads.BRACKET or not _is_play(part)))


def _is_on_a_desk(lines: Sequence[str]) -> bool:
    """LINE's export on a computer: a day, and below it times, names and words, a space apart."""
    if not any(map(chat_lines.is_day_of_a_desk, lines)):
        return False
    return sum(bool(re.match(r"\d\d:\d\d \S", line)) for line in lines) >= _TURNS_MIN


def _is_correspondence(lines: Sequence[str]) -> bool:
    """Heads of two mails or more, each with a sender and a date."""
    heads = [at for at, line in enumerate(lines) if _MAIL_FROM.match(line)]
    return sum(any(map(_MAIL_DATE.match, lines[at + 1 : at + 5])) for at in heads) >= 2

