"""Finds who speaks, and when, in one line of a chat kept as text, in any layout.

A time stamp is cut off wherever it stands, and what is left is a speaker, or a speaker and words.
Only the first LINE_CHARS of a line are looked at, which bounds the time that a pattern takes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

LINE_CHARS = 160  # a stamp of 50, a name of 60 and the first words
NAME_CHARS_MAX, NAME_WORDS_MAX = 60, 6

_MARKS = dict.fromkeys(map(ord, "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
                                "\ufeff"))
_SPACES = str.maketrans({"\u202f": " ", "\u00a0": " ", "\u2007": " ", "\u3000": " "})

_HALF = r"(?:[ap]\.? ?m\b\.?|오전|오후|午前|午後|上午|下午|凌晨|早上|中午|晚上)"
_CLOCK = (rf"(?:{_HALF} ?)?\d{{1,2}}:\d{{2}}(?::\d{{2}})?(?:[.,]\d{{1,6}})?Z?(?: ?{_HALF})?"
          r"(?: (?:UTC|GMT|CES?T|BST|MSK|JST|[ECMP][SD]T)\b)?(?:[+-]\d{1,2}(?::?\d{2})?\b)?")
_MONTH = (r"(?:jan|feb|fév|mar|mär|apr|avr|abr|may|mai|mag|mei|maj|jun|juin|giu|jul|juil|lug|aug|"
          r"ago|aoû|sep|set|oct|okt|ott|nov|dec|dez|déc|dic|gen|ene)[^\W\d_]{0,7}\.?")
_WEEKDAY = (r"(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day|"
            r"(?:mon|diens|donners|frei|sams|sonn)tag|mittwoch|lundi|mardi|mercredi|jeudi|"
            r"vendredi|samedi|dimanche|lunes|martes|miércoles|jueves|viernes|sábado|domingo|"
            r"maandag|dinsdag|woensdag|donderdag|vrijdag|zaterdag|zondag)")
_DAY = (rf"(?:(?:(?:{_WEEKDAY}|mon|tue|wed|thu|fri|sat|sun|[^\W\d_]{{2,10}}\.?(?=,)),? )?(?:"
        r"\d{1,4}[./-] ?\d{1,2}[./-] ?\d{1,4}\.?|\d{4} ?[年년] ?\d{1,2} ?[月월] ?\d{1,2} ?[日일]|"
        rf"\d{{1,2}}-{_MONTH}-\d{{2,4}}|{_MONTH} {{1,2}}\d{{1,2}}(?:,? \d{{4}})?|"
        rf"\d{{1,2}}\.? {_MONTH}(?:,? \d{{4}})?)"
        r"(?: ?[(（][^()（）\d]{1,12}[)）]| [월화수목금토일]요일)?|"
        rf"today|yesterday|heute|gestern|hier|aujourd'hui|hoy|ayer|oggi|ieri|vandaag|gisteren|"
        rf"{_WEEKDAY})")
_DATED = rf"{_DAY}(?:,|T| at| um| à| om)? {{0,2}}{_CLOCK}|{_CLOCK},? ?{_DAY}"
_OPEN, _CLOSE = r"(?:(?P<open>[\[(（]) ?)?", r"(?(open) ?[\])）])"
_STAMP = re.compile(rf"{_OPEN}(?:(?P<dated>{_DATED})|{_CLOCK}){_CLOSE}(?!\d)", re.IGNORECASE)
_DAY_ALONE = re.compile(rf"[-=—–* ]*{_DAY}[-=—–* ]*$", re.IGNORECASE)
_NAME_AND_STAMP = re.compile(rf"(?P<who>[^\W\d_][^,:]{{0,39}}?)(?:, ?| )[\[(]?(?:{_DATED}|{_DAY}|"
                             rf"{_CLOCK})[\])]?\s*:?$", re.IGNORECASE)
_BREAK_CHARS_MAX = 80
_RULE = re.compile(r"#{1,6} (?!.*:(?:\*\*|__)?\s*$)|[-=—_*]{3,}\s*$|"
                   r"(?:day|tag|jour|día|dag|week|woche) \d{1,3}\b", re.IGNORECASE)
_DAY_OF_A_DESK = re.compile(r"\d{4}\.\d{2}\.\d{2} (?:[^\W\d_]{2,9})$")  # LINE on Windows and macOS

_HAS_CLOCK = re.compile(r"\d:\d\d")
_AGO_CHARS_MAX = 12
_AGO = re.compile(r"(?:\d{1,3} ?(?:s|sec|m|min|h|hr|d|w|y)|now)(?: ago)?$", re.IGNORECASE)
_REMARK = re.compile(r" \([^()]{1,40}\)")  # "(Read after 1 minute)"
_NICK = re.compile(r"<[ @+%~&]?(?P<who>[^<>\n=\"/]{1,32})> ?")
_COLUMN = re.compile(r"\t ?(?P<who>[^\t]{1,60})\t")
_FROM = re.compile(r"(?:,? ?from:? +(?P<name>[^:,]{1,60}?) *(?:,|:(?= |$))|"
                   r"(?P<ways>(?:from|to) [^:]{1,60})$)", re.IGNORECASE)
_COLON = re.compile(r"(?P<who>[^\s:<>\t(\[][^:<>\t]{0,59}?) ?[:：](?=\s|$)")
_TIGHT = re.compile(r":(?P<who>[^:\s][^:]{0,39}):(?=\S)")  # BAND's
_BETWEEN = re.compile(r" ?(?:[-–—|:,] )? ?")  # a stamp and a name
_BEFORE = re.compile(r"(?P<who>\S.*?)(?P<between>\s*\t\s*|\s{2,}|,\s*|\s+[—–-]\s+|\s*)$")
_WORDS = re.compile(r" ?[:：](?: (?P<words>.*))?$|\s*$")
_EMOJI_NAMES = re.compile(r"(?: ?:\w{2,40}:)+$")  # Slack's, of somebody's state
_BOLD = r"(?:\*\*|__|[*_\[\]])?"  # or in brackets
_LABEL = re.compile(
    rf"(?:#{{1,6}} +|[>*•–-] +)?{_BOLD}(?P<who>[^\W\d_][\w.'’ -]{{0,40}}?){_BOLD} ?[:：]{_BOLD}"
    r"(?:\s+(?P<words>\S.*)|\s*)$")
_BARE_CHARS_MAX = 48
_BARE = re.compile(
    rf"(?:#{{1,6}} +)?{_BOLD}(?P<who>[^\W\d_][\w.' -]{{0,30}}?){_BOLD}\s*$")

# What stands before words of a program that talks, or of whoever talks with it
_PROGRAM = (r"(?:(?:chat ?)?gpt(?:[- ][\w.]+)?|claude|gemini|copilot|bing|bard|grok|deepseek|"
            r"mistral|llama)")
_ROLE = re.compile(
    r"(?:user|assistant|human|ai|bot|prompt|response|interviewer|interviewee|reporter|"
    rf"speaker[ _]\d+|you said|{_PROGRAM}(?: (?:said|responded))?)$", re.IGNORECASE)
_ALONE = re.compile(r"(?:you|me)$", re.IGNORECASE)  # on a line above words
_ANSWERED = re.compile(rf"(?:interviewer|reporter|{_PROGRAM})$", re.IGNORECASE)
_TOLD = re.compile(r"(?:he|she|they|it|i|we|er|sie|ich|wir|elle?|il) \w+$", re.I)  # "She said: no"
SENT = frozenset({  # Messenger, before one's own words
    "you sent", "du hast gesendet", "vous avez envoyé", "enviaste", "has enviado", "hai inviato",
    "você enviou", "enviaste uma mensagem", "je hebt verzonden", "je hebt verstuurd", "du skickade",
    "du sendte", "du har sendt", "wysłano przez ciebie", "вы отправили", "отправлено вами",
    "gönderdin", "bạn đã gửi", "kamu mengirim", "あなたが送信しました"})
_NO_NAMES = (
    "morning noon afternoon evening night midday midnight breakfast lunch dinner supper tea snack"
    " morgen morgens mittag mittags nachmittag abend abends nacht nachts frühstück mittagessen"
    " abendessen matin midi soir nuit mañana tarde noche desayuno almuerzo cena ochtend middag"
    " avond ontbijt spring summer autumn winter frühling sommer herbst printemps été automne hiver"
    " chorus verse refrain strophe http https note notes nb ps p.s todo example source edit update"
    " date time license comment type files copyright")
_NO_SPEAKERS = frozenset(_NO_NAMES.split())
_HTML = ("a b i u p em br li ul ol td tr th h1 h2 h3 h4 hr div pre sub sup img code span table"
         " small strong")
_TAGS = frozenset(_HTML.split())


@dataclass(frozen=True, slots=True)
class ChatTurn:
    """A line in which somebody begins to speak.

    ``shape`` is how the line says so, as listed at ``read_line`` and ``label``. ``words`` are those
    on the same line, up to LINE_CHARS of it; empty where they stand below. ``stamp`` is the time as
    written.
    """

    shape: str
    who: str
    words: str = ""
    stamp: str = ""


@dataclass(frozen=True, slots=True)
class Stamp:
    """A line that is a time and nothing else."""

    stamp: str


def plain(line: str) -> str:
    """The looked-at beginning of a line, without marks of direction, its spaces made plain."""
    return line[:LINE_CHARS].translate(_MARKS).translate(_SPACES).strip(" \r")


def is_break(line: str) -> bool:
    """A heading, a rule, a date: what parts the days of a diary or the sections of a form."""
    return len(line) <= _BREAK_CHARS_MAX and bool(_RULE.match(line) or _DAY_ALONE.match(line))


def is_day_of_a_desk(line: str) -> bool:
    """The day as LINE's programs for a computer write it."""
    return _DAY_OF_A_DESK.match(line) is not None


def stamp_at(line: str) -> int:
    """Where the time at the beginning of a line ends; 0 where there is none."""
    found = _STAMP.match(line) if _HAS_CLOCK.search(line) else None
    return found.end() if found else 0


def before_stamp(line: str) -> str | None:
    """The name in "Bo, 6 March 2021:" and "Bo 18:00"; None for any other line."""
    is_likely = len(line) <= _BREAK_CHARS_MAX and any(map(str.isdigit, line[-_AGO_CHARS_MAX:]))
    found = _NAME_AND_STAMP.match(line) if is_likely else None
    return found["who"] if found else None


def read_line(line: str) -> ChatTurn | Stamp | None:
    """What a ``plain`` line says of speaker and time; None where it is words and no more.

    Shapes: "nick" <bo>, "column" between tabs, "from" and a name, "time name" with a colon, "time
    alone" without, "name time" with words below or behind a colon.
    """
    if len(line) <= _AGO_CHARS_MAX and _AGO.match(line):
        return Stamp(line)
    has_clock = _HAS_CLOCK.search(line) is not None  # most lines have none, and cost no more
    if has_clock and (stamp := _STAMP.match(line)):
        return _behind(line, stamp)
    if line[:1] == "<" and (nick := _NICK.match(line)) and nick["who"].lower() not in _TAGS:
        return ChatTurn("bare nick", nick["who"], line[nick.end() :])
    found = _STAMP.search(line) if has_clock else None
    return _ahead(line, found) if found is not None else None


def _behind(line: str, stamp: re.Match[str]) -> ChatTurn | Stamp | None:
    """A stamp at the beginning of the line, and what follows."""
    rest = line[stamp.end() :]
    written = stamp[0]
    if not rest.strip(" :|-–—") or _REMARK.fullmatch(rest):
        return Stamp(written)
    if column := _COLUMN.match(rest):
        return ChatTurn("column", column["who"].strip(), rest[column.end() :], written)
    if sent := _FROM.match(rest.lstrip()):
        return ChatTurn("from", (sent["name"] or sent["ways"]).strip(), rest[sent.end() :], written)
    if tight := _TIGHT.match(rest):
        return ChatTurn("time name", tight["who"].strip(), rest[tight.end() :], written)
    rest = rest[_BETWEEN.match(rest).end() :]  # type: ignore[union-attr]  # it matches nothing, too
    if nick := _NICK.match(rest):
        return ChatTurn("nick", nick["who"], rest[nick.end() :], written)
    if (named := _COLON.match(rest)) and is_name(named["who"]):
        return ChatTurn("time name", named["who"].strip(), rest[named.end() :].strip(), written)
    is_apart = bool(stamp["open"]) or (stamp["dated"] and written.count(":") == 2)
    if is_apart and is_name(rest) and len(rest.split()) <= 4:
        return ChatTurn("time alone", rest.strip(), "", written)
    return None


def _ahead(line: str, stamp: re.Match[str]) -> ChatTurn | Stamp | None:
    """A stamp behind a name: in brackets, or apart by more than a space."""
    before = _BEFORE.match(line[: stamp.start()])
    rest = line[stamp.end() :]
    if before is None:
        return None
    who = before["who"]
    if who[:1] == "[" and who[-1:] == "]" and stamp["open"]:  # [Bo] [6:00 PM] words
        return ChatTurn("brackets", who[1:-1].strip(), rest.strip(), stamp[0])
    who = _EMOJI_NAMES.sub("", who).strip()
    if not who and not rest.strip():
        return Stamp(stamp[0])
    if who.endswith(":") and stamp["open"] and is_name(who[:-1]):  # Bo: (6:00 PM) words
        return ChatTurn("brackets", who[:-1], rest.strip(), stamp[0])
    words = _WORDS.match(rest)
    if words is None or not is_name(who):
        return None
    spoken = (words["words"] or "").strip()
    between = before["between"]
    if between.startswith(",") and not stamp["open"]:
        return ChatTurn("name, time", who, spoken, stamp[0])
    if stamp["open"] or between.strip(" ") or len(between) > 1:
        return ChatTurn("name time", who, spoken, stamp[0])
    is_clear = stamp["dated"] or stamp[0][-1:] in "mM."  # no row of a timetable
    return ChatTurn("name, time", who, spoken, stamp[0]) if is_clear and not spoken else None


def label(line: str) -> ChatTurn | None:
    """A name and a colon with or without words behind, or alone the name of one who talks."""
    if (":" in line or "：" in line) and (found := _LABEL.match(line)):
        who = found["who"].strip()
        if is_name(who) and not _TOLD.match(who):
            return ChatTurn("role" if _ROLE.match(who) else "label", who, found["words"] or "")
    elif len(line) <= _BARE_CHARS_MAX and (bare := _BARE.match(line)):
        who = bare["who"].strip()
        if is_sent(who) or _ROLE.match(who) or _ALONE.match(who):
            return ChatTurn("role", who)
    return None


def is_sent(who: str) -> bool:
    """Messenger's line above one's own words."""
    return who.lower() in SENT


def is_answered(who: str) -> bool:
    """A role whose opposite has a name of its own: "Interviewer" and "Ada"."""
    return _ANSWERED.match(who) is not None


def is_name(text: str) -> bool:
    """A few words that name somebody: no sentence, no day, no part of the day."""
    text = text.strip()
    return (0 < len(text) <= NAME_CHARS_MAX and len(text.split()) <= NAME_WORDS_MAX
            and text[-1] not in ".!?,;" and text.lower() not in _NO_SPEAKERS
            and any(char.isalpha() or char in "+_" for char in text)
            and not _DAY_ALONE.match(text))
