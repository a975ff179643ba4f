"""Prompts: a situation becomes a prompt, a reply becomes one clean line.

Pure text, no state. Training builds its rows with this same file, so that prompts in flight are
exactly those it was trained on. The prompt has two parts: a prefix that never changes for a bundle
(who you are, what you value), whose evaluation is kept, and a short suffix about the moment.

The mind is told the truth: a missing reading is not mentioned, silence is named as silence, a 404
as a 404.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

PROMPT_VALUES_MAX = 6
MEMORY_CHARS_MAX = 90
QUESTION_CHARS_MAX = 120
HEARD_CHARS_MAX = 120
MUSING_BYTES_MAX = 200
NESTED_TOKENS_MAX = 8  # of a text that has more of them one in another, all brackets go
MUSING_LETTERS_MIN = 12
REPLY_LETTERS_MIN = 6  # "Yes, I do."
REPEAT_SIMILARITY_MAX = 0.5

_CONTROL_TOKEN = re.compile(r"<\|[^|>]{0,40}\|>|</?s>|\[/?INST\]")
_SENTENCE_END = re.compile(
    r"[.!?…]+[\"'”’»)]*(?=\s|$)|[。！？]+[\"'”’」』）)]*")
_CLAUSE_END = re.compile(
    r"^(\S+(?: +\S+)+?), (?:and|but|so|because|which|while|since|though|as|when|where)\b")
_ABOUT = "about: "  # begins the last line of a prompt
_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b.?")

_PHASE_WORDS = {
    "ground": "on the ground",
    "ascent": "climbing",
    "float": "floating",
    "descent": "falling",
    "landed": "landed",
}
NEWS_WORDS = {
    "coldest": "colder than anything so far",
    "half-air": "half of the air is below",
    "cloud-half": "the air has halved since the cloud",
    "first-cloud": "the first cloud",
    "heard-again": "the ground is heard again",
    "sunrise": "the sun has come up",
    "sunset": "the sun has gone down",
    "first-answer": "the first answer so far",
    "waiting": "still waiting for an answer",
    "unfound": "still waiting to be found",
}
PANEL_WORDS = {"feeding": "panel feeding", "dark": "panel dark"}
PANEL_TOPICS = ("sun", "dark", "battery")
SPIN_WORDS = {"slow": "turning slowly", "fast": "turning fast"}
SPIN_TOPICS = ("wind", "horizon", "float", "falling", "picture")
SOUND_WORDS = {
    "quiet": "nothing", "wind": "wind", "bang": "a bang", "flutter": "flapping", "voices": "voices",
}
SIGHT_WORDS = {
    "sun": "the sun", "tilted": "a tilted horizon", "level": "a level horizon",
    "curved": "a curved horizon", "clouds": "cloud", "black": "a black sky",
}
SIGHT_TOPICS = ("picture", "horizon", "sun", "height")
_OUTCOME_WORDS = {
    "404": "404",
    "429": "429, too many requests",
    "500": "500, server error",
    "timeout": "no answer",
    "garbage": "nonsense",
    "ok": "an answer",
}


@dataclass(frozen=True, slots=True)
class PersonaText:
    """The constant words of a bundle: who speaks, and the judgements it always carries."""

    name: str
    system: str
    values: tuple[str, ...]
    disclosure: str = ""  # what it is; said in flight, no part of a prompt


@dataclass(frozen=True, slots=True)
class Heard:
    """What a source said; ``age_min`` is None where its age is unknown."""

    source: str
    text: str
    age_min: float | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """What is known right now. None is unknown and is never put into words."""

    about: str
    phase: str | None = None  # ground | ascent | float | descent | landed
    altitude_m: float | None = None
    climb_mps: float | None = None
    outside_c: float | None = None
    inside_c: float | None = None
    pressure_hpa: float | None = None
    humidity_pct: float | None = None
    wind_mps: float | None = None
    sun: str | None = None  # high | low | down
    cloud: str | None = None  # below | inside | above | none
    battery: str | None = None  # good | fair | low
    panel: str | None = None  # feeding | dark: the solar panel
    spin: str | None = None  # a key of SPIN_WORDS
    silence_min: float | None = None  # since the ground was heard
    api: tuple[str, str] | None = None  # (name, outcome): outcome 404|429|500|timeout|garbage|ok
    question: str | None = None
    news: str | None = None  # a key of NEWS_WORDS: what is so for the first time, and said once
    heard: Heard | None = None
    sights: tuple[str, ...] = ()  # keys of SIGHT_WORDS: what the last picture shows
    sounds: tuple[str, ...] = ()  # keys of SOUND_WORDS: what the microphone heard, if there is one


# No moment in particular: how writing that answers nobody is learnt, and what drafts are compared
# with to see which of them speaks of the moment.
PLAIN = Moment("today")


def altitude_words(altitude_m: float) -> str:
    """Rounded as one would say it: 40 m steps low down, then kilometres."""
    if altitude_m < 1000:
        return f"{max(0, round(altitude_m / 50) * 50)} m up"
    return f"{altitude_m / 1000:.0f} km up"


def senses_in_words(moment: Moment) -> str:
    """One line of short clauses, most constant first; what is unknown is left out."""
    clauses: list[str] = []
    if moment.phase in _PHASE_WORDS:
        place = _PHASE_WORDS[moment.phase]
        if moment.altitude_m is not None and moment.phase not in ("ground", "landed"):
            place += ", " + altitude_words(moment.altitude_m)
        clauses.append(place)
    if moment.outside_c is not None:
        clauses.append(f"outside {moment.outside_c:.0f} C")
    if moment.pressure_hpa is not None:
        clauses.append(f"air {moment.pressure_hpa:.0f} hPa")
    if moment.sun is not None:
        clauses.append(f"sun {moment.sun}")
    if moment.cloud is not None and moment.cloud != "none":
        clauses.append({"below": "cloud below", "inside": "in cloud", "above": "cloud above"}
                       [moment.cloud])
    if moment.wind_mps is not None and moment.about == "wind":
        clauses.append(f"wind {moment.wind_mps:.0f} m/s")
    if moment.spin is not None and moment.about in SPIN_TOPICS:
        clauses.append(SPIN_WORDS[moment.spin])
    if moment.sights and moment.about in SIGHT_TOPICS:
        clauses.append("sees " + " and ".join(SIGHT_WORDS[sight] for sight in moment.sights))
    if moment.sounds:
        clauses.append("hears " + " and ".join(SOUND_WORDS[sound] for sound in moment.sounds))
    if moment.panel is not None and moment.about in PANEL_TOPICS:
        clauses.append(PANEL_WORDS[moment.panel])
    if moment.battery is not None:
        clauses.append(f"battery {moment.battery}")
    if moment.silence_min is not None and moment.silence_min >= 1:
        clauses.append(f"heard nobody for {moment.silence_min:.0f} min")
    if moment.api is not None:
        name, outcome = moment.api
        clauses.append(f"asked {name}: {_OUTCOME_WORDS.get(outcome, outcome)}")
    if moment.news is not None:
        clauses.append(NEWS_WORDS[moment.news])
    return ". ".join(clauses) + "." if clauses else "no readings."


def strip_control(text: str) -> str:
    """Text without control tokens, escapes, control or bidi characters; one line, NFC.

    What comes over the radio or from an API passes here before it can reach the model, because
    the tokenizer reads control tokens inside content as such.
    """
    text = unicodedata.normalize("NFC", _ANSI.sub(" ", text))
    text = "".join(" " if unicodedata.category(c).startswith("C") else c for c in text)
    for _ in range(NESTED_TOKENS_MAX):  # what stood around a token may join another
        clean = " ".join(_CONTROL_TOKEN.sub(" ", text).split())
        if clean == text:
            return clean
        text = clean
    return " ".join(text.replace("<", " ").replace("[", " ").split())


def prefix(persona: PersonaText) -> str:
    """The constant beginning of every prompt of a bundle, up to and including the user header."""
    lines = [strip_control(persona.system), "What I value:"]
    lines += [f"- {strip_control(value)}" for value in persona.values[:PROMPT_VALUES_MAX]]
    return "<|im_start|>system\n" + "\n".join(lines) + "<|im_end|>\n<|im_start|>user\n"


def suffix(moment: Moment, memory: str | None = None) -> str:
    """The changing end of a prompt: senses, hearsay, one memory, the question, the topic."""
    lines = [senses_in_words(moment)]
    if moment.heard is not None:
        lines.append(heard_in_words(moment.heard))
    if memory:
        lines.append("once I wrote: " + strip_control(memory)[:MEMORY_CHARS_MAX])
    if moment.question:
        lines.append("asked: " + strip_control(moment.question)[:QUESTION_CHARS_MAX])
    lines.append(_ABOUT + moment.about)
    return "\n".join(lines) + "<|im_end|>\n<|im_start|>assistant\n"


def topic_of(text: str) -> str:
    """What a prompt, or the words of its moment, is about; "" where it does not say."""
    line = text.rsplit("<|im_end|>", 1)[0].rsplit("\n", 1)[-1]
    return line.removeprefix(_ABOUT) if line.startswith(_ABOUT) else ""


def exchange(question: str, answer: str) -> str:
    """An earlier question and its answer, to stand between ``prefix`` and ``suffix``.

    As turns of a chat, which is how conversations are learnt (``host_training/rows/dataset.py``).
    """
    cleaned = strip_control(question)[:QUESTION_CHARS_MAX]
    return (f"{cleaned}<|im_end|>\n<|im_start|>assistant\n{strip_control(answer)}<|im_end|>\n"
            "<|im_start|>user\n")


def newest(turns: list[list[int]], room: int) -> list[int]:
    """The tokens of the newest turns that have room together; the oldest are left out whole."""
    kept: list[int] = []
    for tokens in reversed(turns):
        if len(tokens) + len(kept) > room:
            break
        kept = tokens + kept
    return kept


def heard_in_words(heard: Heard) -> str:
    """Another's word as a quotation, with who said it and how long ago."""
    age = ""
    if heard.age_min is not None:
        hours, minutes = divmod(round(heard.age_min), 60)
        age = f", {hours} h ago" if hours else f", {minutes} min ago" if minutes else ", just now"
    text = strip_control(heard.text).replace('"', "'")[:HEARD_CHARS_MAX]
    return f'{heard.source} said{age}: "{text}"'


def sentence_ends(text: str) -> list[int]:
    """Offsets behind each sentence of ``text`` with its closing quotes, rising.

    A full stop of a script without spaces ends one by itself, another before white space or at the
    end of the text, and an ellipsis only where what follows does not go on in small letters.
    """
    ends: list[int] = []
    for found in _SENTENCE_END.finditer(text):
        is_pause = "…" in found[0] and text[found.end() :].lstrip()[:1].islower()
        if not is_pause:
            ends.append(found.end())
    return ends


def first_clause(text: str) -> str | None:
    """The beginning of ``text`` that can stand alone, as a sentence; None where none has ended.

    A sentence of REPLY_LETTERS_MIN letters is one, once more follows it, and so are two words or
    more before a comma and a word that only adds to them. English; other languages have sentences.
    """
    ends = [end for end in sentence_ends(text)[:1] if end < len(text)
            and sum(map(str.isalpha, text[:end])) >= REPLY_LETTERS_MIN]
    found = _CLAUSE_END.match(text[: ends[0]] if ends else text)
    if found is not None:
        return found[1] + "."
    return text[: ends[0]] if ends else None


def clean_reply(
    text: str, sentences_max: int = 10, letters_min: int = MUSING_LETTERS_MIN
) -> str | None:
    """One bounded clean line, or None when there is nothing worth keeping.

    Of more than ``sentences_max`` sentences the first are kept: a very small model begins well and
    then drifts. Ends at a sentence end where there is one within MUSING_BYTES_MAX; the text after
    it, which the token bound cut, is dropped rather than sent as a stump.
    """
    line = strip_control(text.strip().split("\n", 1)[0])
    line = line.encode()[:MUSING_BYTES_MAX].decode(errors="ignore")
    ends = sentence_ends(line)
    if ends:
        line = line[: ends[: max(1, sentences_max)][-1]]
    elif len(line) < len(text.strip()):
        return None
    if line.count('"') % 2:
        line = strip_control(line.replace('"', ""))  # without it, what stood around it may join
    if sum(c.isalpha() for c in line) < letters_min:
        return None
    return line


def numbers(text: str) -> set[str]:
    """The whole numbers in ``text``, as digits without leading zeros."""
    return {number.lstrip("0") or "0" for number in re.findall(r"\d+", text)}


def similarity(first: str, second: str) -> float:
    """Jaccard similarity of character trigrams, 0 (nothing shared) to 1 (the same letters)."""
    a, b = trigrams(first), trigrams(second)
    return len(a & b) / len(a | b) if a | b else 1.0


def is_repeat(text: str, earlier: list[str]) -> bool:
    """True when ``text`` is too like something already said."""
    return any(similarity(text, old) > REPEAT_SIMILARITY_MAX for old in earlier)


def trigrams(text: str) -> set[str]:
    """The runs of three characters in its letters and digits, case folded."""
    letters = " ".join(re.findall(r"[^\W_]+", text.lower()))
    return {letters[i : i + 3] for i in range(len(letters) - 2)}
