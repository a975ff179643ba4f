"""Filtering: noise, repetitions, and the weight of each text in training.

Two passes: ``Cleaner`` looks at one message at a time as they come, ``drop_repeats`` and ``weigh``
at all examples of the person together. The rules are simple and each is counted; no model judges.
"""

from __future__ import annotations

import math
import re
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from host_training.common.messages import Message, Notes
from host_training.common.settings import KEEP_MIN, REPEAT_MAX, Clean
from host_training.corpus import dedup, weighting
from host_training.corpus.example_store import ExampleStore
from host_training.corpus.languages import LanguageFilter
from host_training.corpus.sessions import Example
from host_training.privacy.scrub import BLOCK_CHARS_MAX, PLACEHOLDER, blocks, placeholder_share

REPEATED_LINE_SHARE = 0.4  # of a song's lines are its chorus
CODE_LINES_MIN = 4
CODE_SHARE = 0.6
PLACEHOLDER_SHARE_MAX = 0.2
SMALL_CORPUS_BYTES = 2_000_000
TIER_WEIGHT = {1: 1.0, 2: 0.85, 3: 0.7, 4: 0.6}
YEAR_MS = 31_557_600_000

_COMMAND = re.compile(r"^[/!.$?;-][a-z]\w{0,30}(?:@\w+)?(?:\s+\S+){0,6}$", re.IGNORECASE)
# possessive: there is one way to cut it into links, and no other is looked for
_LINKS_ONLY = re.compile(r"\s*+(?:(?:\[link\]|(?:https?://|www\.)\S++)\s*+)++$")
_SENT_BY = re.compile(r"^(?:\[(?:bridge|irc|matrix|discord|telegram|slack)\]|<\w{1,30}> )|"
                      r"\b(?:via|sent (?:with|via|from|by)|posted by) (?:IFTTT|Zapier|Buffer|"
                      r"Hootsuite|WhatsApp Business|my (?:bot|script))\b|"
                      r"\bI am a bot\b.{0,20}\b(?:and )?this action was\b", re.IGNORECASE)
_CHAIN = re.compile(
    # "pass the salt to your sister" is none: many people, or the message itself
    r"\b(?:forward|send|share|pass|copy|repost|weiterleiten|leite|stuur|reenvía|envía)\b.{0,40}?"
    r"\b(?:to (?:\d+|all your|everyone you|everybody you|ten|twenty)\b|"
    r"an alle (?:deine|eure|ihre)\b|"
    r"a todos tus|door naar|and paste|this (?:message )?to \w+ (?:people|friends|persons))|"
    r"\b(?:forward|share|copy|repost|pass on) this (?:message|post|text|letter)\b|"
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
    """Filters one message at a time."""

    def __init__(self, notes: Notes, languages: Sequence[str] = (), learns_others: bool = False
                 ) -> None:
        """``languages``: ISO 639 codes of the languages to keep; none: all."""
        self._learns_others = learns_others
        self._notes = notes
        self._filter = LanguageFilter(languages) if languages else None

    def words(self, message: Message) -> str | None:
        """The text, or None with the reason counted.

        The text is normalised (``normalise.plain``), as the scrubber returns it. Others' messages
        are only required to have letters, unless they are trained on too.
        """
        text = message.text
        if not any(c.isalpha() for c in text):
            # emoji, kaomoji, stickers: no words, whoever sent them
            self._notes.skip("no letters")
            return None
        reason = None
        if message.is_me or self._learns_others:
            reason, text = self._judged(text)
            if reason is None and self._filter and self._filter.is_foreign(text):
                reason = "another language"
        if reason:
            self._notes.skip(reason)
            return None
        return text

    def _judged(self, text: str) -> tuple[str | None, str]:
        """(reason to leave all of it out, text), or (None, the person's own part of the text).

        Long writing loses only its noisy blocks: one sentence like a chain letter's is no reason
        to lose a diary.
        """
        if len(text) <= BLOCK_CHARS_MAX:
            return noise(text), text
        judged = [(noise(block.strip()), block) for block in blocks(text)]
        reasons = [reason for reason, _ in judged if reason]
        if len(reasons) == len(judged):
            return reasons[0], text
        for reason in reasons:
            self._notes.skip(reason)
        return None, "".join(block for reason, block in judged if not reason).strip()


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


def drop_repeats(store: ExampleStore, settings: Clean, notes: Notes, work: Path | None = None
                 ) -> None:
    """Drop repeated texts from ``store``.

    Of near-duplicates the one of the higher tier is kept. Of n equal short replies 1 + log2(n)
    are kept, so that "ok" does not become the person's voice.

    Args:    work: a file to work in; a temporary one when left out.
    """
    repeated = dedup.repeats(store.by_worth(), settings.near_duplicate, work)
    notes.skip("said before in nearly the same words", store.drop(repeated))
    notes.skip("stock reply", store.drop(number for number, nth, n in store.short_replies()
                                         if nth > 1 + int(math.log2(n))))


def weigh(store: ExampleStore, settings: Clean) -> Iterator[Example]:
    """The examples of ``store``, each with its ``weight``: how often it is repeated in training.

    The examples bring the weight of their ``[[source]]``. It is multiplied by TIER_WEIGHT, by half
    for each half-life of age, by a factor that limits each chat to ``chat_share`` of all chats,
    and by one that gives tiers 1 and 2 together ``thoughtful_share`` of all. Thoughts of the
    notebook always weigh 1; ``--variants`` says how often they are drawn.
    """
    newest_ms = store.newest_ms() or 0
    facts = _Facts()
    for example in store:
        facts.add(example, _base_weight(example, settings, newest_ms))
    facts.share_chats(settings.chat_share)
    facts.scale()
    up, down = facts.shares(settings.thoughtful_share)
    for example, weight in zip(store, facts.weights, strict=True):
        shared = max(KEEP_MIN, min(weight * (up if example.tier <= 2 else down), REPEAT_MAX))
        yield replace(example, weight=1.0 if example.condition else round(shared, 3))


class _Facts:
    """The facts that weights depend on, in 18 bytes of memory for each example."""

    def __init__(self) -> None:
        self.weights = array("d")
        self._tiers = array("B")
        self._n_bytes = array("I")
        self._chats = array("I")  # numbers of
        self._names: dict[str, int] = {}
        self._is_thought = array("B")

    def add(self, example: Example, weight: float) -> None:
        self.weights.append(weight)
        self._tiers.append(example.tier)
        self._n_bytes.append(weighting.size(example))
        self._chats.append(self._names.setdefault(example.chat, len(self._names)))
        self._is_thought.append(example.condition is not None)

    def share_chats(self, share: float) -> None:
        """Weigh the most talkative chats less; see ``weighting.chat_factors``."""
        amounts = [0.0] * len(self._names)
        for chat, weight, n_bytes in zip(self._chats, self.weights, self._n_bytes, strict=True):
            amounts[chat] += weight * n_bytes
        of_chats = weighting.chat_factors(
            {chat: amounts[number] for chat, number in self._names.items() if chat}, share)
        factors = [of_chats.get(chat, 1.0) for chat in self._names]
        self.weights = array("d", (w * factors[chat] for chat, w in
                                   zip(self._chats, self.weights, strict=True)))

    def scale(self) -> None:
        """Divide by the least or the largest weight of all but thoughts; at most REPEAT_MAX.

        With little writing no tier is thinned out; with much none is repeated.
        """
        choose = min if sum(self._n_bytes) < SMALL_CORPUS_BYTES else max
        unit = choose((w for w, is_thought in zip(self.weights, self._is_thought, strict=True)
                       if not is_thought), default=None)
        if unit is not None:
            self.weights = array("d", (
                1.0 if is_thought else min(w / unit, REPEAT_MAX)
                for w, is_thought in zip(self.weights, self._is_thought, strict=True)))

    def shares(self, share: float) -> tuple[float, float]:
        """Bounded factors of tiers 1-2 and of tiers 3-4 that give the former ``share``."""
        def rows() -> Iterator[tuple[int, float, int]]:
            return zip(self._tiers, self.weights, self._n_bytes, strict=True)

        high = sum(w * n for tier, w, n in rows() if tier <= 2)
        low = sum(w * n for tier, w, n in rows() if tier > 2)
        if not high or not low or high >= share * (high + low):
            return 1.0, 1.0
        wanted = share / (1 - share) * low / high
        up = max(1.0, min(wanted, REPEAT_MAX / max(w for tier, w, _ in rows() if tier <= 2)))
        return up, max(up / wanted, KEEP_MIN)


def _base_weight(example: Example, settings: Clean, newest_ms: int) -> float:
    weight = TIER_WEIGHT[example.tier] * example.weight
    if settings.recency_half_life_years is not None and example.utc_ms is not None:
        years = max(0.0, (newest_ms - example.utc_ms) / YEAR_MS)
        weight *= float(0.5 ** (years / settings.recency_half_life_years))
    return max(weight, 1e-3)


def has_placeholder(text: str) -> bool:
    """True where something was removed: such a line is not used in flight."""
    return PLACEHOLDER.search(text) is not None
