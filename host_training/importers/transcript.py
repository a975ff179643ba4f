"""Subtitles and transcripts with speakers (WebVTT, SubRip), to Messages."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from host_training.importers.text import head_text, mend, text_of
from host_training.importers.tree import File
from host_training.messages import Message, Notes

NAME = "transcript"
LABEL = "transcript"
TIER = 3

_TIME = r"(?:(\d{1,3}):)?(\d{1,2}):(\d{2})[.,](\d{1,3})"
_CUE = re.compile(rf"^\s*-?{_TIME}\s*-->\s*-?{_TIME}")
_VOICE = re.compile(r"<v(?:\.[\w.]+)?\s+([^>]+)>")
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>|<\d[\d:.]*>|\{\\[^}]*\}")
_SPEAKER = re.compile(r"^(?:[-–]\s*|>>\s*)?([^\W\d_][\w .'’-]{0,40}?)(?: \(\d[\d:]*\))?:\s+(?=\S)")
_SOUND = re.compile(r"^[\[(♪][^\])]*[\])♪]?$")
NOBODY = "speaker unknown"


@dataclass(slots=True)
class _Said:
    speaker: str
    start_ms: int
    words: list[str]


def claims(file: File) -> bool:
    """A WebVTT header, or a cue's time within the first lines."""
    head = head_text(file)
    lines = head.lstrip("\ufeff").splitlines()[:40]
    return head.lstrip("\ufeff").startswith("WEBVTT") or (
        file.suffix in (".srt", ".vtt", ".txt") and any(map(_CUE.match, lines)))


def read(files: Sequence[File], notes: Notes) -> Iterator[Message]:
    """What each speaker said before somebody else did, as one message without a date.

    Rolling captions repeat the line before them; each line counts once. Without speakers nobody
    can tell whose words they are: they are "speaker unknown", which ``me`` may name.
    """
    for file in files:
        for index, said in enumerate(_said(file)):
            text = mend(" ".join(said.words)).strip()
            if text:
                yield Message(NAME, file.name, "transcript", f"{index} {said.start_ms}", None,
                              said.speaker, False, text, said.speaker, TIER)
            else:
                notes.skip("no words")


def _said(file: File) -> Iterator[_Said]:
    current: _Said | None = None
    last_lines: list[str] = []
    start_ms: int | None = None
    lines = text_of(file).lstrip("\ufeff").split("\n")
    for index, line in enumerate(lines):
        cue = _CUE.match(line)
        if cue:
            hours, minutes, seconds, ms = (int(part or 0) for part in cue.groups()[:4])
            start_ms = ((hours * 60 + minutes) * 60 + seconds) * 1000 + ms
            continue
        following = next((other for other in lines[index + 1 : index + 2]), "")
        if start_ms is None or not line.strip() or _CUE.match(following):
            continue  # header, notes, the number or name of a cue
        speaker, words = _spoken(line)
        if not words or words in last_lines:
            continue
        last_lines = [*last_lines[-2:], words]
        speaker = speaker or (current.speaker if current else NOBODY)
        if current is not None and current.speaker == speaker:
            current.words.append(words)
        else:
            if current is not None:
                yield current
            current = _Said(speaker, start_ms, [words])
    if current is not None:
        yield current


def _spoken(line: str) -> tuple[str | None, str]:
    """Speaker, where the line names one, and words."""
    voice = _VOICE.search(line)
    words = html.unescape(_TAG.sub("", _VOICE.sub("", line))).strip()
    speaker = voice[1].strip() if voice else None
    if speaker is None and (named := _SPEAKER.match(words)):
        speaker, words = named[1].strip(), words[named.end() :]
    return speaker, "" if _SOUND.match(words) else words.removeprefix(">> ").strip()
