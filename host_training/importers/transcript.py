"""Subtitles and transcripts (WebVTT, SubRip), to Messages.

Where two or more speakers are named, by WebVTT's voices or by "Ada:", it is a conversation, in
which one answers the other; otherwise it is one person's speech.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from host_training.common.messages import ChatKind, Message, Notes
from host_training.importers.text import head_text, mend, text_of
from host_training.importers.tree import File

NAME = "transcript"
LABEL = "transcript"
TIER = 3

_TIME = r"(?:(\d{1,3}):)?(\d{1,2}):(\d{2})[.,](\d{1,3})"
_CUE = re.compile(rf"^\s*-?{_TIME}\s*-->\s*-?{_TIME}")
_VOICE = re.compile(r"<v(?:\.[\w.]+)?\s+([^>]+)>")
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>|<\d[\d:.]*>|\{\\[^}]*\}")
_SPEAKER = re.compile(r"^(?:[-–]\s*|>>\s*)?([^\W\d_][\w .'’-]{0,40}?)(?: \(\d[\d:]*\))?:\s+(?=\S)")
_COMMENT = re.compile(r"(?:NOTE|STYLE|REGION)(?:\s|$)")  # W3C WebVTT, blocks that are no cue
_SOUND = re.compile(r"^[\[(♪][^\])]*[\])♪]?$")
NOBODY = "speaker unknown"


@dataclass(slots=True)
class _Passage:
    speaker: str
    start_ms: int
    words: list[str]


@dataclass(slots=True)
class _Cue:
    """What is on the screen at one time: lines, each with the speaker it names."""

    start_ms: int
    lines: list[tuple[str | None, str]]


def claims(file: File) -> bool:
    """A WebVTT header, or a cue's time within the first lines."""
    head = head_text(file)
    lines = head.lstrip("\ufeff").splitlines()[:40]
    return head.lstrip("\ufeff").startswith("WEBVTT") or (
        file.suffix in (".srt", ".vtt", ".txt") and any(map(_CUE.match, lines)))


def read(files: Sequence[File], notes: Notes) -> Iterator[Message]:
    """What each speaker said before somebody else did, as one message without a date.

    Rolling captions repeat the lines of the cue before them; each line counts once. Without
    speakers nobody can tell whose words they are: they are "speaker unknown", which ``me`` may
    name.
    """
    for file in files:
        kind = kind_of(passage.speaker for passage in _passages(file))
        for index, passage in enumerate(_passages(file)):
            text = mend(" ".join(passage.words)).strip()
            if text:
                yield spoken(file, kind, f"{index} {passage.start_ms}", passage.speaker, text)
            else:
                notes.skip("no words")


def spoken(file: File, kind: ChatKind, number: str, speaker: str, text: str) -> Message:
    """What a speaker said in a talk or a speech, called as its file."""
    room = file.name.replace("/", ":")  # a slash parts a room from its threads
    return Message(NAME, room, kind, number, None, speaker, False, text, speaker, TIER,
                   chat_name=file.base)


def kind_of(speakers: Iterable[str]) -> ChatKind:
    """A talk of two or of more who are named, or a speech."""
    n_named = len({*speakers} - {NOBODY})
    return "transcript" if n_named < 2 else "dm" if n_named == 2 else "group"


def _passages(file: File) -> Iterator[_Passage]:
    current: _Passage | None = None
    before: list[tuple[str, str]] = []  # the cue before, every line with its speaker
    for cue in _cues(file):
        speaker = current.speaker if current else NOBODY
        shown = before[len(before) - _n_repeated(before, cue):]
        fresh: list[tuple[str, str]] = []
        for named, words in cue.lines[len(shown):]:
            speaker = named or speaker
            fresh.append((speaker, words))
        for speaker, words in fresh:
            if current is not None and current.speaker == speaker:
                current.words.append(words)
            else:
                if current is not None:
                    yield current
                current = _Passage(speaker, cue.start_ms, [words])
        before = shown + fresh
    if current is not None:
        yield current


def _n_repeated(before: list[tuple[str, str]], cue: _Cue) -> int:
    """How many lines at the top of a cue are those at the foot of the cue before: they rolled up.

    The same words of somebody else are no repetition.
    """
    for count in range(min(len(before), len(cue.lines)), 0, -1):
        if all(words == old_words and named in (None, speaker) for (speaker, old_words),
               (named, words) in zip(before[-count:], cue.lines, strict=False)):
            return count
    return 0


def _cues(file: File) -> Iterator[_Cue]:
    """Every cue with words in it, without headers, comments, numbers and names of cues."""
    lines = text_of(file).lstrip("\ufeff").split("\n")
    is_webvtt = lines[0].startswith("WEBVTT")
    cue: _Cue | None = None
    is_comment = False
    for index, line in enumerate(lines):
        if match := _CUE.match(line):
            if cue is not None and cue.lines:
                yield cue
            hours, minutes, seconds, ms = (int(part or 0) for part in match.groups()[:4])
            cue = _Cue(((hours * 60 + minutes) * 60 + seconds) * 1000 + ms, [])
        if match or not line.strip():
            is_comment = False
            continue
        is_comment |= is_webvtt and not lines[index - 1].strip() and bool(_COMMENT.match(line))
        is_name = index + 1 < len(lines) and _CUE.match(lines[index + 1])
        if cue is not None and not is_comment and not is_name:
            named, words = _spoken(line)
            if words:
                cue.lines.append((named, words))
    if cue is not None and cue.lines:
        yield cue


def _spoken(line: str) -> tuple[str | None, str]:
    """Speaker, where the line names one, and words."""
    voice = _VOICE.search(line)
    words = html.unescape(_TAG.sub("", _VOICE.sub("", line))).strip()
    speaker = voice[1].strip() if voice else None
    if speaker is None and (named := _SPEAKER.match(words)):
        speaker, words = named[1].strip(), words[named.end() :]
    return speaker, "" if _SOUND.match(words) else words.removeprefix(">> ").strip()
