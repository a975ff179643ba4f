"""What is noise, what is said twice, and how much each text weighs in what is learnt.

Two passes: ``Cleaner`` looks at one message at a time as they come, ``weigh`` at all examples of
the person together. Every feature is plain and counted; no model judges.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from host_training import balance
from host_training.languages import LanguageFilter
from host_training.messages import Message, Notes
from host_training.near_duplicates import fingerprint, first_of_each
from host_training.scrub import PLACEHOLDER, placeholder_share
from host_training.sessions import Example
from host_training.settings import KEEP_MIN, REPEAT_MAX, Clean

REPEATED_LINE_SHARE = 0.4  # of a song's lines are its chorus
CODE_LINES_MIN = 4
CODE_SHARE = 0.6
STOCK_CHARS_MAX = 20  # "ok, see you then"
PLACEHOLDER_SHARE_MAX = 0.2
SMALL_CORPUS_BYTES = 2_000_000
TIER_WEIGHT = {1: 1.0, 2: 0.85, 3: 0.7, 4: 0.6}
YEAR_MS = 31_557_600_000

_COMMAND = re.compile(r"^[/!.$?;-][a-z]\w{0,30}(?:@\w+)?(?:\s+\S+){0,6}$", re.IGNORECASE)
_LINKS_ONLY = re.compile(r"^(?:\s*(?:\[link\]|https?://\S+|www\.\S+)\s*)+$")
_SENT_BY = re.compile(r"^(?:\[(?:bridge|irc|matrix|discord|telegram|slack)\]|<\w{1,30}> )|"
                      r"\b(?:via|sent (?:with|via|from|by)|posted by) (?:IFTTT|Zapier|Buffer|"
                      r"Hootsuite|WhatsApp Business|my (?:bot|script))\b|"
                      r"\bI am a bot\b.{0,20}\b(?:and )?this action was\b", re.IGNORECASE)
_CHAIN = re.compile(
    r"(?:forward|send|share|pass|copy|repost|weiterleiten|leite|stuur|reenvía|envía)\b.{0,40}"
    r"\b(?:to (?:\d+|all|everyone|ten|your)|an alle|a todos|door naar|and paste|"
    r"this (?:message )?to)|"
    r"\b(?:copypasta|copy and paste this|kettenbrief|bad luck for \d+ years)\b",
    re.IGNORECASE | re.DOTALL)
_MACHINE = re.compile(
    r"\b(?:as an ai(?: language)? model|i(?:'m| am) an ai(?: language model)?\b|"
    r"als ki-?(?:sprach)?modell|regenerate response|chatgpt said|certainly! (?:here|below)|"
    r"i hope this (?:email|message) finds you well|i cannot fulfill (?:this|that) request|"
    r"my knowledge cutoff)", re.IGNORECASE)
_TAPBACK = re.compile(r"^(?:Loved|Liked|Disliked|Laughed at|Emphasized|Questioned|"
                      r"Reacted .{1,8} to) [“\"].*[”\"]$", re.DOTALL)
_STAMP = r"(?:\d{4}-\d\d-\d\d[T ]|\[?\d\d:\d\d:\d\d|(?:INFO|DEBUG|WARN|WARNING|ERROR|TRACE)\b)"
_CODE_LINE = re.compile(
    rf"^\s*(?:{_STAMP}|[{{}})\];]+[;,]?\s*$|(?:def|class|import|from|return|if|for|while|else|elif|"
    r"const|let|var|function|public|private|static|void|int|#include|SELECT|INSERT|fn|use|pub|at |"
    r"Traceback|File \")\b.*[(){}:;=\"]|\$ |>>> |[\w.\[\]]+ ?[-+*/|&]?= ?.+|.*[;{}]\s*$|"
    r"</?\w+.*>\s*$|//|#!/|\* @)")


class Cleaner:
    """One message at a time."""

    def __init__(self, notes: Notes, languages: Sequence[str] = ()) -> None:
        """``languages``: ISO 639 codes of what is learnt; none: whatever was written."""
        self._notes = notes
        self._filter = LanguageFilter(languages) if languages else None

    def words(self, message: Message) -> str | None:
        """The text, or None with the reason counted.

        The text is plain (``plain_text``), as the scrubber leaves it. What others wrote is only
        looked at for letters: it is read as a question and never learnt.
        """
        text = message.text
        if not any(c.isalpha() for c in text):
            # emoji, kaomoji, stickers: no words, whoever sent them
            self._notes.skip("no letters")
            return None
        reason = noise(text) if message.is_me else None
        if message.is_me and reason is None and self._filter and self._filter.is_foreign(text):
            reason = "another language"
        if reason:
            self._notes.skip(reason)
            return None
        return text


def noise(text: str) -> str | None:
    """Why a text is not the person's own writing, or None."""
    if _COMMAND.match(text) and "\n" not in text:
        return "command to a bot"
    if _LINKS_ONLY.match(text):
        return "only links"
    if _SENT_BY.search(text):
        return "sent by a program"
    if _TAPBACK.match(text):
        return "reaction"
    if _CHAIN.search(text) and len(text) > 80:
        return "chain letter"
    if _MACHINE.search(text):
        return "words of a machine"
    if placeholder_share(text) > PLACEHOLDER_SHARE_MAX:
        return "little but personal data"
    lines = [line for line in text.split("\n") if line.strip()]
    n_code = sum(_CODE_LINE.match(line) is not None for line in lines)
    if len(lines) >= CODE_LINES_MIN and n_code >= CODE_SHARE * len(lines):
        return "code or log"
    n_repeated = sum(n for n in Counter(map(str.casefold, lines)).values() if n > 1)
    if len(lines) >= 8 and n_repeated >= REPEATED_LINE_SHARE * len(lines):
        return "song or repeated lines"
    return None


def weigh(examples: Sequence[Example], settings: Clean, notes: Notes) -> list[Example]:
    """The examples that stay, each with its ``weight``: how often it is to be learnt.

    Near-duplicates go, the one of the higher tier stays. Of n equal short replies 1 + log2(n)
    stay, so that "ok" does not become the person's voice. What a ``[[source]]`` weighs comes with
    the examples; a tier weighs TIER_WEIGHT, an age half for each half-life, a chat so much that it
    is at most ``chat_share`` of all chats, and the tiers 1 and 2 together ``thoughtful_share`` of
    all that is learnt. Thoughts of the notebook always weigh 1: how often they are drawn is
    ``--variants``.
    """
    kept = _without_stock(_without_duplicates(examples, settings, notes), notes)
    newest_ms = max((e.utc_ms for e in kept if e.utc_ms is not None), default=0)
    weights = [_base_weight(e, settings, newest_ms) for e in kept]
    n_bytes = [balance.size(e) for e in kept]
    of_chats = balance.chat_factors(
        balance.by_chat((e, w * n) for e, w, n in zip(kept, weights, n_bytes, strict=True)),
        settings.chat_share)
    weights = [w * of_chats.get(e.chat, 1.0) for e, w in zip(kept, weights, strict=True)]
    present = [w for w, e in zip(weights, kept, strict=True) if e.condition is None]
    if present:
        # little writing: nothing is thrown away for its tier; much: nothing is repeated for it
        unit = min(present) if sum(n_bytes) < SMALL_CORPUS_BYTES else max(present)
        weights = [1.0 if e.condition else min(w / unit, REPEAT_MAX)
                   for w, e in zip(weights, kept, strict=True)]
    up, down = _shares(kept, weights, n_bytes, settings.thoughtful_share)
    return [replace(e, weight=1.0 if e.condition else
                    round(max(KEEP_MIN, min(w * (up if e.tier <= 2 else down), REPEAT_MAX)), 3))
            for e, w in zip(kept, weights, strict=True)]


def _base_weight(example: Example, settings: Clean, newest_ms: int) -> float:
    weight = TIER_WEIGHT[example.tier] * example.weight
    if settings.recency_half_life_years is not None and example.utc_ms is not None:
        years = max(0.0, (newest_ms - example.utc_ms) / YEAR_MS)
        weight *= float(0.5 ** (years / settings.recency_half_life_years))
    return max(weight, 1e-3)


def _shares(kept: Sequence[Example], weights: Sequence[float], n_bytes: Sequence[int],
            share: float) -> tuple[float, float]:
    """Factors of tiers 1-2 and of 3-4 with which the former carry ``share``, within bounds."""
    rows = list(zip(kept, weights, n_bytes, strict=True))
    high = sum(w * n for e, w, n in rows if e.tier <= 2)
    low = sum(w * n for e, w, n in rows if e.tier > 2)
    if not high or not low or high >= share * (high + low):
        return 1.0, 1.0
    wanted = share / (1 - share) * low / high
    up = max(1.0, min(wanted, REPEAT_MAX / max(w for e, w, _ in rows if e.tier <= 2)))
    return up, max(up / wanted, KEEP_MIN)


def _without_duplicates(examples: Sequence[Example], settings: Clean, notes: Notes
                        ) -> list[Example]:
    by_worth = sorted(range(len(examples)), key=lambda i: (examples[i].condition is None,
                                                           examples[i].tier, i))
    first = first_of_each([examples[i].text for i in by_worth], settings.near_duplicate)
    keep = {by_worth[i] for i in first}
    # a thought under other senses is another thought, however it is worded
    keep |= {i for i, example in enumerate(examples) if example.condition is not None}
    notes.skip("said before in nearly the same words", len(examples) - len(keep))
    return [example for i, example in enumerate(examples) if i in keep]


def _without_stock(examples: Sequence[Example], notes: Notes) -> list[Example]:
    prints = [fingerprint(e.text) if e.condition is None and len(e.text) <= STOCK_CHARS_MAX else ""
              for e in examples]
    counts = Counter(filter(None, prints))
    seen: Counter[str] = Counter()
    kept: list[Example] = []
    for example, mark in zip(examples, prints, strict=True):
        seen[mark] += 1
        if mark and seen[mark] > 1 + int(math.log2(counts[mark])):
            notes.skip("stock reply")
        else:
            kept.append(example)
    return kept


def has_placeholder(text: str) -> bool:
    """True where something was taken out: such a line is not said in flight."""
    return PLACEHOLDER.search(text) is not None
