"""WhatsApp's "Export chat" text, of any phone and language, to Messages.

The text says neither its time zone nor its order of day, month and year, and its dates are written
as the phone's language writes them. The whole file is read once for its dates, which decide the
order for each way of writing them that occurs, and once more for its messages.
"""

from __future__ import annotations

import hashlib
import re
from array import array
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

from host_training.common.messages import ChatKind, Message, Notes
from host_training.importers.text import head_text, lines_of, mend
from host_training.importers.times import to_ms
from host_training.importers.tree import File
from host_training.importers.whatsapp_words import (
    AFTERNOON,
    MORNING,
    attached_words,
    is_deleted,
    is_notice,
    sound_name,
    unedited,
    without_media,
)

NAME = "whatsapp"
LABEL = "WhatsApp or Element chat"  # Element writes as Android does

SPAN_DATES_MIN = 3
SPANS_RATIO_MIN = 3
PASTED_LINES_MAX = 60  # a pasted stretch of another chat is shorter than a phone with a wrong clock
_DAY_S = 86_400
_MARKS = "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"
_DROP_MARKS = str.maketrans("", "", _MARKS)
_SPACES = str.maketrans({"\u202f": " ", "\u00a0": " ", "\u2007": " ", "\u3000": " "})
_HALF_WORDS = "|".join(sorted(map(re.escape, MORNING | AFTERNOON), key=len, reverse=True))
_HALF = rf"(?:{_HALF_WORDS}|[ap]\.? ?m\.?)"
_HEADER = re.compile(
    r"^(?P<open>\[?)(?P<a>\d{1,4})(?P<sep>[./-]) ?(?P<b>\d{1,2})[./-] ?(?P<c>\d{1,4})\.?"
    r"[,،、]? *(?:(?:klo|at|à|às|kl\.?|alle|om|um|il) )?"
    rf"(?P<before>{_HALF})? *(?P<h>\d{{1,2}})[:.](?P<m>\d{{2}})(?:[:.](?P<s>\d{{2}}))? *"
    rf"(?P<after>{_HALF})?(?:\] ?| ?[-–—] |(?P<bare>: | (?=[^\s:][^:]{{0,60}}: )))", re.IGNORECASE)
_NAMELESS = re.compile(r"_chat[ _-]?\(?\d+\)?\.txt")
_COPY = re.compile(r" ?\(\d+\)$")
_NAME_CHARS_MAX = 100
_DATE_CHARS_MAX = 40
_MATCHED_CHARS_MAX = 120  # the date, and the name behind one that nothing separates from it

Order = str  # of "dmy", "mdy", "ymd", "ydm"
Style = tuple[str, str, bool, bool]  # bracket, separator, twelve hours, four digits first


@dataclass(slots=True)
class _Header:
    """The dated beginning of a line, numbers as written."""

    style: Style
    numbers: tuple[int, int, int]
    seconds: int
    rest: str


def claims(file: File) -> bool:
    """Text whose first line is a dated line, and more of these after it."""
    if file.suffix not in (".txt", ""):
        return False
    lines = [line for line in head_text(file).splitlines()[:60] if line.strip()]
    headers = [header for line in lines if (header := _header(line))]
    return bool(lines and _header(lines[0]) and any(": " in h.rest for h in headers)
                and 4 * len(headers) >= min(len(lines), 8))


def read(files: Sequence[File], notes: Notes) -> Iterator[Message]:
    """The messages of each chat."""
    for file in files:
        facts = _survey(file, notes)
        yield from _messages(file, facts, notes)


def _header(line: str) -> _Header | None:
    """Digits of any script count; what stands around them for bidi and spacing does not."""
    plain = line.translate(_DROP_MARKS).translate(_SPACES)
    if not plain[:2].strip("[").isdigit() and not plain[:1].isdigit():
        return None
    digits = "".join(str(int(c)) if c.isdecimal() and not c.isascii() else c
                     for c in plain[:_DATE_CHARS_MAX])
    match = _HEADER.match(digits + plain[_DATE_CHARS_MAX:_MATCHED_CHARS_MAX])
    if match is None or (match["bare"] and match["s"] is None):
        return None  # iPhones wrote a colon or nothing until 2018, and always the seconds
    if match["bare"] == " " and digits[match.end("c")] != ".":
        return None  # nothing, only where the year ends with a full stop; else it is another log
    half = (match["before"] or match["after"] or "").lower().replace(".", "").replace(" ", "")
    hour = int(match["h"])
    if half:
        hour = hour % 12 + (12 if half in AFTERNOON or half.startswith("p") else 0)
    if hour > 24 or int(match["m"]) > 59:
        return None
    style = (match["open"], match["sep"], bool(half), len(match["a"]) == 4)
    numbers = int(match["a"]), int(match["b"]), int(match["c"])
    seconds = hour % 24 * 3600 + int(match["m"]) * 60 + int(match["s"] or 0)
    at = _original_end(line, match.end())
    return _Header(style, numbers, seconds, line[at:])


def _original_end(line: str, end: int) -> int:
    """Where in the line with its marks the ``end`` of the line without them lies."""
    seen = 0
    for index, char in enumerate(line):
        if seen == end:
            return index
        seen += char not in _MARKS
    return len(line)


def _date(numbers: tuple[int, int, int], order: Order) -> datetime | None:
    parts = dict(zip(order, numbers, strict=True))
    year = parts["y"] + 2000 if parts["y"] < 100 else parts["y"]
    if 2400 < year < 2700:
        year -= 543  # Buddhist calendar
    try:  # no zone: it is the phone's
        day = datetime(year, parts["m"], parts["d"])  # noqa: DTZ001
    except ValueError:
        return None
    return day if 2009 <= year < 2100 else None


@dataclass(slots=True)
class _Facts:
    """What the whole file says: its orders, its people, the lines that were pasted, and the words
    behind the name of a file.
    """

    orders: dict[Style, Order] = field(default_factory=dict)
    people: set[str] = field(default_factory=set)
    pasted: set[int] = field(default_factory=set)
    attached: set[str] = field(default_factory=set)


def _survey(file: File, notes: Notes) -> _Facts:
    numbers = array("q")
    styles: dict[Style, int] = {}
    firsts: Counter[str] = Counter()
    seconds: Counter[str] = Counter()
    by_app: Counter[str] = Counter()
    rows: list[array[int]] = [numbers, array("q"), array("q")]  # date, style, line
    facts = _Facts()
    for line_number, line in lines_of(file):
        header = _header(line)
        if header is None:
            continue
        a, b, c = header.numbers
        rows[0].append(((a * 100 + b) * 10_000 + c) * _DAY_S + header.seconds)
        rows[1].append(styles.setdefault(header.style, len(styles)))
        rows[2].append(line_number)
        names = header.rest.translate(_DROP_MARKS).split(": ", 2)
        if len(names) > 1 and _may_be_name(names[0]):
            firsts[names[0]] += 1
            by_app[names[0]] += is_notice(header.rest.partition(": ")[2])
            if len(names) > 2 and _may_be_name(names[1]):
                seconds[f"{names[0]}: {names[1]}"] += 1
            facts.attached.update(attached_words(names[-1]))
    for style, index in styles.items():
        dates = [_unpacked(row) for row, of in zip(rows[0], rows[1], strict=True) if of == index]
        facts.orders[style] = notes.date_order or infer_order(dates, style)
        other = None if notes.date_order else undecided(dates, style)
        if other is not None:
            notes.warnings.append(
                f"{file.name}: its dates are read as {facts.orders[style]} (d day, m month, y year)"
                f' and could be {other}; if so, set date_order = "{other}" in its [[source]].')
    # a name with a colon in it: wherever its first half stands, its second half follows
    longer = {name for name, n in seconds.items()
              if n > 1 and n == firsts[name.partition(": ")[0]]}
    facts.people = (set(firsts) - {name.partition(": ")[0] for name in longer}) | longer
    facts.people -= {name for name in firsts if by_app[name] == firsts[name]}  # a group's name
    of_style = list(styles)
    times = [_seconds(_unpacked(row), row % _DAY_S, facts.orders[of_style[of]])
             for row, of in zip(rows[0], rows[1], strict=True)]
    facts.pasted = {rows[2][index] for index in pasted(times)}
    return facts


def _may_be_name(text: str) -> bool:
    """Not what the app says of somebody, like: Bo changed the subject to "a: b"."""
    return 0 < len(text) <= _NAME_CHARS_MAX and not set(text) & set('"“”„«»\n')


def _unpacked(row: int) -> tuple[int, int, int]:
    date = row // _DAY_S
    return date // 1_000_000, date // 10_000 % 100, date % 10_000


def _seconds(numbers: tuple[int, int, int], seconds: int, order: Order) -> int:
    day = _date(numbers, order)
    return (day.toordinal() * _DAY_S if day else 0) + seconds


def infer_order(dates: Sequence[tuple[int, int, int]], style: Style) -> Order:
    """The order in which all dates exist, then the one in which time runs backwards least.

    Where several agree with everything, the one with the shortest span is likeliest (people write
    on neighbouring days, not on the same day of many years); of too few dates a slash with twelve
    hours is American and everything else is not.
    """
    _, separator, is_twelve, _ = style
    preferred = "mdy" if separator == "/" and is_twelve else "dmy"
    orders = (["ymd", "ydm"] if style[3] else
              [preferred, "mdy" if preferred == "dmy" else "dmy", "ymd"])
    return min(orders, key=lambda order: (*_badness(dates, order), orders.index(order)))


def undecided(dates: Sequence[tuple[int, int, int]], style: Style) -> Order | None:
    """The order that the dates allow as well as the one inferred; None where they decide.

    They do not where every day is a month too and time runs forward both ways, and neither way
    makes the chat SPANS_RATIO_MIN times as long.
    """
    order = infer_order(dates, style)
    other = order.translate(str.maketrans("dm", "md"))
    days = {_date(numbers, order) for numbers in dates}
    if days == {_date(numbers, other) for numbers in dates}:
        return None
    if other == "ydm" and None not in days:
        return None  # the order is that of ISO 8601
    (missing, back, span), (*others, other_span) = _badness(dates, order), _badness(dates, other)
    is_alike = [missing, back] == others
    return other if is_alike and other_span < SPANS_RATIO_MIN * max(span, 1) else None


def _badness(dates: Sequence[tuple[int, int, int]], order: Order) -> tuple[int, int, int]:
    """Dates that are none, steps back in time, and days from the first to the last."""
    days = [day for numbers in dates if (day := _date(numbers, order))]
    steps_back = sum(b < a for a, b in pairwise(days))
    span = (max(days) - min(days)).days if len(set(days)) >= SPAN_DATES_MIN else 0
    return len(dates) - len(days), steps_back, span


def pasted(times: Sequence[int]) -> list[int]:
    """Indexes of dated lines that lie inside a message: somebody pasted a stretch of a chat.

    They jump back by more than a day, and soon time goes on where it was. A phone whose clock was
    wrong jumps too, but does not come back within PASTED_LINES_MAX.
    """
    found: list[int] = []
    index = 1
    while index < len(times):
        floor = times[index - 1] - _DAY_S
        if times[index] < floor:
            end = index
            while end < len(times) and end - index <= PASTED_LINES_MAX and times[end] < floor:
                end += 1
            if end < len(times) and end - index <= PASTED_LINES_MAX:
                found += range(index, end)
                index = end
        index += 1
    return found


def _messages(file: File, facts: _Facts, notes: Notes) -> Iterator[Message]:
    chat = _chat_name(file, facts.people)
    kind: ChatKind = "dm" if len(facts.people) <= 2 else "group"
    same: Counter[tuple[int, str, str]] = Counter()
    header: _Header | None = None
    body: list[str] = []
    at = 0

    def finished() -> Iterator[Message]:
        if header is None:
            return
        found = _split(file.folder, body, facts, notes)
        if found is None:
            return
        author, text = found
        day = _date(header.numbers, facts.orders[header.style])
        if day is None:
            notes.put(file.name, f"line {at}", f"no such day: {header.numbers}")
            return
        utc_ms = to_ms(day + timedelta(seconds=header.seconds), notes.zone)
        key = (utc_ms or 0, author, text)
        same[key] += 1
        if len(same) > 10_000:
            same.clear()  # only messages of the same minute can be told apart by it
        digest = hashlib.blake2b(text.encode(), digest_size=12).hexdigest()
        number = f"{author}/{digest}/{same[key]}"
        yield Message(NAME, chat, kind, number, utc_ms, author, False, text, author)

    for line_number, line in lines_of(file):
        found = None if line_number in facts.pasted else _header(line)
        if found is None:
            if header is not None:
                body.append(line)
            elif line.strip():
                notes.put(file.name, f"line {line_number}", "words before the first dated line")
            continue
        yield from finished()
        header, body, at = found, [found.rest], line_number
    yield from finished()


def _split(folder: str, body: Sequence[str], facts: _Facts, notes: Notes
           ) -> tuple[str, str] | None:
    """Author and words; None for what nobody wrote. ``folder`` is where its voice notes lie."""
    whole = "\n".join(body)
    author, colon, text = whole.partition(": ")
    author = author.translate(_DROP_MARKS)
    if not colon or author not in facts.people:
        second, more, rest = text.partition(": ")
        author, colon, text = f"{author}: {second}", more, rest
    if not colon or author not in facts.people:
        notes.skip("service message")
        return None
    author = author.strip().removeprefix("~").strip()
    words = without_media(text, facts.attached)
    if words is None and (sound := sound_name(text)):
        words = notes.hear(f"{folder}/{sound}".lstrip("/"))
    text = mend(unedited((words or "").translate(_DROP_MARKS))).strip()
    if words is None:
        notes.skip("service message or media left out")
    elif is_deleted(text):
        notes.skip("deleted message")
    elif text in ("", "null"):
        notes.skip("no words")
    else:
        return author, text
    return None


def _chat_name(file: File, people: Collection[str]) -> str:
    """The name of the chat: iOS calls every file ``_chat.txt``, so there the zip's name counts.

    Of ``_chat (1).txt``, as browsers make it, nothing says more than who is in it.
    """
    if _NAMELESS.fullmatch(file.base):
        return ", ".join(sorted(people)).replace("/", " ")
    base = file.base if file.base != "_chat.txt" else file.folder.rsplit("/", 1)[-1]
    stem = base.removesuffix(".txt").removesuffix(".zip")
    return _COPY.sub("", stem).removeprefix("WhatsApp Chat with ").removeprefix("WhatsApp Chat - ")
