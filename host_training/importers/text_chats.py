"""Chats that an app exports as text (KakaoTalk, LINE, QQ, Pidgin, sigtop, Viber), to Messages.

An app is a ``TextLayout``: how the file begins, how a day and a message do, and what the app itself
writes in place of words. Everything else is common, and reads a line at a time. WhatsApp, whose
layouts differ from phone to phone, has a module of its own.

Sources: the exports' own texts; sigtop's fmt_text_short.go (https://github.com/tbvdm/sigtop);
Pidgin's libpurple/log.c. Viber has no export; its programs copy with name and time.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from host_training.common.messages import ChatKind, Message, Notes
from host_training.importers.text import head_text, lines_of, mend
from host_training.importers.times import to_ms
from host_training.importers.tree import File

LABEL = "chat as its app exports it to text"

HEAD_CHARS = 2_000
SAME_MAX = 10_000
_MARKS = dict.fromkeys(map(ord, "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
                                "\ufeff"))
_SPACES = str.maketrans({"\u202f": " ", "\u00a0": " "})
_PM = frozenset({"pm", "오후", "午後", "下午"})
_MONTHS = {name: number for number, name in enumerate(
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], 1)}
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_CLOCK = (r"(?:(?P<half>오전|오후|午前|午後|上午|下午) ?)?"
          r"(?P<h>\d{1,2}):(?P<m>\d{2})(?::(?P<s>\d{2}))?(?: ?(?P<half2>[AaPp]\.?[Mm])\.?)?")
_ISO = r"(?P<y>\d{4})-(?P<mo>\d{1,2})-(?P<d>\d{1,2})"
_KOREAN = r"(?P<y>\d{4})(?:년|\.) ?(?P<mo>\d{1,2})(?:월|\.) ?(?P<d>\d{1,2})(?:일|\.)"
_ENGLISH = r"(?P<month>[A-Z][a-z]{2,8}) (?P<d>\d{1,2}),? (?P<y>\d{4})"
_DAY_FIRST = r"(?P<d>\d{1,2}) (?P<month>[A-Z][a-z]{2,8}) (?P<y>\d{4})"


@dataclass(frozen=True, slots=True)
class TextLayout:
    """How an app writes a chat; patterns match whole lines, which have no marks of direction.

    ``lines`` begin a message: groups ``who`` and ``words``, the time as h, m, s, half, half2, and
    where the day is in the line y, mo or month, d. ``days`` carry the day for the lines below,
    ``chats`` the name of the chat. ``service`` are the app's own lines. ``left_out`` matches a
    whole message that nobody wrote, ``prefix`` a remark before words. ``own`` is what the app calls
    whose device it was. Without ``has_days`` a time that runs back has passed midnight.
    """

    source: str
    head: re.Pattern[str]
    lines: tuple[re.Pattern[str], ...]
    days: tuple[re.Pattern[str], ...] = ()
    chats: re.Pattern[str] | None = None
    service: re.Pattern[str] | None = None
    left_out: re.Pattern[str] | None = None
    prefix: re.Pattern[str] | None = None
    own: str = ""
    has_days: bool = True


_KAKAOTALK = TextLayout(
    "kakaotalk",
    re.compile(r"\A\s*(?:.{1,120}카카오톡 ?대화|KakaoTalk Chats with .+|.{1,120} KakaoTalk Chats|"
               r"저장한 날짜 ?:.*\n+.{1,120}카카오톡 ?대화)"),
    (re.compile(rf"\[(?P<who>.{{1,80}}?)\] \[{_CLOCK}\] (?P<words>.*)"),
     re.compile(rf"{_KOREAN} {_CLOCK}, (?P<who>.{{1,80}}?) : (?P<words>.*)"),
     re.compile(rf"{_ENGLISH},?(?: at)? {_CLOCK}, (?P<who>.{{1,80}}?) : (?P<words>.*)")),
    (re.compile(rf"-+ {_KOREAN} .{{1,9}} -+"), re.compile(rf"-+ [A-Z][a-z]+, {_ENGLISH} -+")),
    re.compile(r"KakaoTalk Chats with (?P<chat>.{1,120})|"
               r"(?P<chat2>.{1,120}?)(?: ?님과(?:의)? 카카오톡 ?대화| KakaoTalk Chats)"),
    re.compile(r"(?:\d{4}(?:년|\.) ?\d{1,2}(?:월|\.) ?\d{1,2}(?:일|\.)|[A-Z][a-z]{2,8} \d{1,2},? "
               r"\d{4})(?:,?(?: at)? (?:(?:오전|오후) )?\d{1,2}:\d{2}(?: ?[AaPp][Mm])?(?:, .*)?|"
               r" .요일)?|.{1,80}님이 .{0,80}(?:들어왔|나갔|초대했|내보냈)습니다\.?|"
               r".{1,80} (?:joined|left) this chatroom\.|"
               r"(?:저장한 날짜|Date Saved|Saved Date) ?:.*"),
    re.compile(r"사진(?: \d+장)?|동영상|이모티콘|음성메시지|연락처.*|파일: .*|"
               r"삭제된 메시지입니다\.?|(?:\d+ )?Photos?|Video|Emoticons?|Voice (?:Note|Message)|"
               r"File: .*|Sticker|This message was deleted\.|"
               r"(?:보이스톡|페이스톡|Voice Call|Video Call).*"))
_LINE = TextLayout(
    "line",
    re.compile(r"\A\s*\[LINE\] ?\S"),
    (re.compile(rf"{_CLOCK}\t(?P<who>[^\t]+)\t(?P<words>.*)"),),
    (re.compile(r"(?P<y>\d{4})[/.](?P<mo>\d{1,2})[/.](?P<d>\d{1,2}) ?[(（]?[^\W\d_]{1,10}[)）]?"),
     re.compile(r"(?P<weekday>[A-Z][a-z]{2}), (?P<a>\d{1,2})/(?P<b>\d{1,2})/(?P<y>\d{4})")),
    re.compile(r"\[LINE\] ?(?:Chat history (?:with|in) |與 ?|与 ?)?(?P<chat>.{1,120}?)"
               r"(?:とのトーク履歴|のトーク履歴| ?的聊天(?:記錄|紀錄|记录)?)?"),
    re.compile(r"(?:(?:午前|午後|上午|下午) ?)?\d{1,2}:\d{2}(?: ?[AaPp][Mm])?\t[^\t]*|"
               r"(?:Saved on|保存日時|儲存日期|保存日期) ?[:：].*"),
    re.compile(r"\[[^\[\]\n]{1,24}\]|☎.*", re.DOTALL))
_QQ = TextLayout(
    "qq",
    re.compile(r"\A\s*消息记录"),
    (re.compile(rf"{_ISO} {_CLOCK} (?:【[^】]*】)?(?P<who>.*?)(?:\((?P<id>\d{{5,12}})\)|"
                r"<(?P<mail>[^<>]+)>)?(?P<words>)"),),
    chats=re.compile(r"消息对象[:：](?P<chat>.+)"),
    service=re.compile(r"=+|消息记录.*|消息分组[:：].*"),
    left_out=re.compile(r"(?:\[(?:图片|表情|语音|视频|文件|红包)\]\s*)+"))
_PIDGIN = TextLayout(
    "pidgin",
    re.compile(r"\AConversation with (?P<chat>.+?) at (?P<stamp>.+) on (?P<own>\S+) \([^()]+\)\n"),
    (re.compile(rf"\((?:{_ISO} )?{_CLOCK}\) (?P<who>[^:]{{1,80}}?): (?P<words>.*)"),),
    (re.compile(rf"Conversation with .+ at {_ISO} .+"),
     re.compile(rf"Conversation with .+ at (?:[A-Z][a-z]{{2}},? )?{_DAY_FIRST} .+"),
     re.compile(r"Conversation with .+ at (?:[A-Z][a-z]{2} )(?P<month>[A-Z][a-z]{2}) +"
                r"(?P<d>\d{1,2}) .*(?P<y>\d{4}) .+")),
    re.compile(r"Conversation with (?P<chat>.+?) at .+"),
    re.compile(r"\(\d{1,2}:\d{2}:\d{2}(?: [AP]M)?\) .*"), has_days=False)
_SIGTOP = TextLayout(
    "signal",
    re.compile(rf"\A(?=(?:.*\n)*?\d{{4}}-\d\d-\d\d \d\d:\d\d You:){_ISO} \d\d:\d\d .{{1,80}}?:"),
    (re.compile(rf"{_ISO} {_CLOCK} (?P<who>[^:]{{1,80}}):(?: (?P<words>.*))?"),),
    left_out=re.compile(r"\[[\w-]+ message\]"),
    prefix=re.compile(r"\[(?:(?:reply to .+? on \d{4}-\d\d-\d\d \d\d:\d\d|edited|"
                      r"\d+ attachments?)(?:, )?)+\] ?"),
    own="You")
_VIBER = TextLayout(
    "viber",
    re.compile(rf"\A\[ ?(?:{_DAY_FIRST}|[A-Z][a-z]{{2,8}} \d{{1,2}}, \d{{4}}) .{{4,9}}\] "
               r".{1,80}?: \S"),
    (re.compile(rf"\[ ?{_DAY_FIRST} {_CLOCK} ?\] (?P<who>[^:]{{1,80}}): (?P<words>.*)"),
     re.compile(rf"\[ ?{_ENGLISH} {_CLOCK} ?\] (?P<who>[^:]{{1,80}}): (?P<words>.*)")))
LAYOUTS = (_KAKAOTALK, _LINE, _QQ, _PIDGIN, _SIGTOP, _VIBER)


@dataclass(frozen=True, slots=True)
class _Begun:
    """A message as its first line has it, and the lines below."""

    chat: str
    who: str  # by number or address where there is one
    name: str
    day: date | None
    seconds: int
    body: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _State:
    """What the lines so far say for those that follow."""

    chat: str
    day: date | None = None
    seconds: int = 0
    is_month_first: bool = True
    n_service: int = 0


def claims(file: File) -> bool:
    """By how the file begins."""
    return file.suffix in (".txt", "") and _layout(file) is not None


def read(files: Sequence[File], notes: Notes) -> Iterator[Message]:
    """What people wrote; names are all that these exports know of them."""
    for file in files:
        layout = _layout(file)
        assert layout is not None, "read without claims"
        if layout.own:
            notes.own_accounts.add(f"{layout.source}:{layout.own}")
        people: defaultdict[str, set[str]] = defaultdict(set)
        for begun in _begun(file, layout, Notes()):
            people[begun.chat].add(begun.who)
        same: Counter[tuple[str, int | None, str]] = Counter()
        for begun in _begun(file, layout, notes):
            kind: ChatKind = "dm" if len(people[begun.chat]) <= 2 else "group"
            yield from _message(begun, layout, kind, same, notes)


def _layout(file: File) -> TextLayout | None:
    head = _plain(head_text(file)[:HEAD_CHARS])
    for layout in LAYOUTS:
        if match := layout.head.match(head):
            own = match.groupdict().get("own")
            return replace(layout, own=own) if own else layout
    return None


def _plain(line: str) -> str:
    return line.translate(_MARKS).translate(_SPACES)


def _begun(file: File, layout: TextLayout, notes: Notes) -> Iterator[_Begun]:
    """Every message with its lines, in order of the file."""
    state = _State(file.base.removesuffix(".txt"))
    stamped = re.match(r"(\d{4})-(\d\d)-(\d\d)\.\d{6}", file.base)  # Pidgin's names of files
    if stamped:
        state.day = _date(*map(int, stamped.groups()))
    current: _Begun | None = None
    for _, written in lines_of(file):
        line = _plain(written)
        if begun := _message_line(line, layout, state):
            if current is not None:
                yield current
            current = begun
        elif _is_between(line, layout, state):
            if current is not None:
                yield current
            current = None
        elif current is not None:
            current.body.append(written)
    if current is not None:
        yield current
    notes.skip("service message", state.n_service)


def _message_line(line: str, layout: TextLayout, state: _State) -> _Begun | None:
    for pattern in layout.lines:
        match = pattern.fullmatch(line)
        if match is None:
            continue
        found = match.groupdict()
        seconds = _seconds(found)
        if found.get("y"):
            state.day = _day(found, state)
        elif not layout.has_days and state.day is not None and seconds < state.seconds:
            state.day += timedelta(days=1)
        state.seconds = seconds
        name = found["who"].strip()
        who = found.get("id") or found.get("mail") or name
        return _Begun(state.chat, who, name, state.day, seconds, [found["words"] or ""])
    return None


def _is_between(line: str, layout: TextLayout, state: _State) -> bool:
    """A day, the name of a chat or a line of the app: it ends the message above it."""
    named = layout.chats.fullmatch(line) if layout.chats is not None else None
    if named is not None:
        state.chat = next(filter(None, named.groups())).strip()
    for pattern in layout.days:
        if match := pattern.fullmatch(line):
            state.day = _day(match.groupdict(), state)
            return True
    is_service = layout.service is not None and layout.service.fullmatch(line) is not None
    state.n_service += is_service and named is None
    return is_service or named is not None


def _seconds(found: Mapping[str, str | None]) -> int:
    """Of the day, by a clock of 12 or 24 hours."""
    half = (found.get("half") or found.get("half2") or "").lower().replace(".", "")
    hour = int(found["h"] or 0)
    if half:
        hour = hour % 12 + (12 if half in _PM else 0)
    return hour * 3600 + int(found["m"] or 0) * 60 + int(found.get("s") or 0)


def _day(found: Mapping[str, str | None], state: _State) -> date | None:
    """A day as written; where day and month look alike, the weekday beside them decides."""
    year = int(found["y"] or 0)
    if weekday := found.get("weekday"):
        first, second = int(found["a"] or 0), int(found["b"] or 0)
        orders = {True: _date(year, first, second), False: _date(year, second, first)}
        fitting = [is_month_first for is_month_first, day in orders.items()
                   if day is not None and _WEEKDAYS[day.weekday()] == weekday.lower()]
        if len(fitting) == 1:
            state.is_month_first = fitting[0]
        return orders[state.is_month_first]
    month = _MONTHS.get((found.get("month") or "")[:3].lower()) or int(found.get("mo") or 0)
    return _date(year, month, int(found["d"] or 0))


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _message(begun: _Begun, layout: TextLayout, kind: ChatKind,
             same: Counter[tuple[str, int | None, str]], notes: Notes) -> Iterator[Message]:
    text = mend("\n".join(begun.body).translate(_MARKS)).strip()
    if layout is _LINE and text[:1] == text[-1:] == '"' and "\n" in text:
        text = text[1:-1].replace('""', '"')  # how it keeps several lines in one column
    if layout.prefix is not None:
        text = layout.prefix.sub("", text, count=1)
    if layout.left_out is not None and layout.left_out.fullmatch(text):
        notes.skip("service message or media left out")
        return
    if not text:
        notes.skip("no words")
        return
    utc_ms = None
    if begun.day is not None:
        moment = datetime.combine(begun.day, datetime.min.time())
        utc_ms = to_ms(moment + timedelta(seconds=begun.seconds), notes.zone)
    key = (begun.who, utc_ms, text)
    same[key] += 1
    number = same[key]
    if len(same) > SAME_MAX:
        same.clear()  # only messages of the same minute can be told apart by it
    digest = hashlib.blake2b(text.encode(), digest_size=12).hexdigest()
    yield Message(layout.source, begun.chat, kind, f"{begun.who}/{digest}/{number}", utc_ms,
                  begun.who, False, text, begun.name, chat_name=begun.chat)
