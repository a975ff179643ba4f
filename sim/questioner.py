"""A person at the ground station who occasionally sends a question."""

from __future__ import annotations

import random
from contextlib import suppress

from groundstation.archive.outbox import OutboxFull
from groundstation.ground import Ground

FIRST_S, LAST_BEFORE_END_S = 300.0, 600.0
QUESTIONS_PER_HOUR = 2.2
QUESTIONS = (
    "Can you see the sea from up there?",
    "Are you cold?",
    "What does the sky look like right now?",
    "Did anything fall off yet?",
    "What would you like us to have for dinner when you are back?",
    "Is it quiet?",
    "Do you miss the workshop?",
    "What was the last thing that surprised you?",
    "How is the battery holding up?",
    "Which way are you going?",
    "Any clouds below you?",
    "What should I tell my daughter about the horizon?",
    "Do you know that we can hear only half of what you say?",
    "Are you afraid of the landing?",
    "What is the sun doing?",
    "If you could send one word, which one?",
)


def questions(rng: random.Random, end_s: float) -> list[tuple[int, str]]:
    """(when, ms since the beginning, and what) for a flight of ``end_s``; none is asked twice."""
    texts = rng.sample(QUESTIONS, len(QUESTIONS))
    dated: list[tuple[int, str]] = []
    at_s = FIRST_S
    while texts:
        at_s += rng.expovariate(QUESTIONS_PER_HOUR / 3600)
        if at_s >= end_s - LAST_BEFORE_END_S:
            break
        dated.append((round(at_s * 1000), texts.pop()))
    return dated


def ask(ground: Ground, text: str, utc_ms: int) -> None:
    """Into the outbox, unless too many of the friend's questions wait in it."""
    with suppress(OutboxFull):
        ground.ask(text, utc_ms, "friend")
