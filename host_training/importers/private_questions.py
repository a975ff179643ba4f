"""Tells a note in which one person asks and answers from an interview of two.

Decidable where the language cannot ask somebody without saying so: English, German and French.
There an interview says "you" sooner or later, or its questions lack the "I" of its answers. What
remains open is an interview (``chat_log`` sets it aside): other languages, marks that do not take
turns, a word that addresses somebody.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_QUESTIONS_MIN = 2
_OWN_SHARE = 0.5  # of the questions, where the answers say "I"
_ASKING_SHARE = 0.6  # of the questions with a word by which the language is known
_ANSWERS = {"q": "ar", "question": ("answer", "réponse"), "f": "a", "frage": ("antwort",)}
_TURN = re.compile(
    r"(?:[-*+>#]+ +)?[*_]{0,2}(?P<who>q|question|f|frage|a|answer|antwort|r|réponse) ?\d{0,3}"
    r"(?::[*_]{0,2}|[*_]{0,2}[:.])\s+(?P<words>\S.*)", re.IGNORECASE)
_ADDRESSED = re.compile(
    r"\b(?:(?i:you\w{0,4}|u|thou|thee|thy|du|dich|dir|dein\w{0,2}|euch|eure?\w?|ihr|tu|toi|tes|"
    r"vous|votre|vos|mr|mrs|ms|sir|madam|ma'am|herr|frau|monsieur|madame|thanks?|danke|merci|"
    r"please|bitte|welcome|contact|click)|Sie|Ihnen|Ihr\w{0,2})\b|\b[tT]['’]\w")
_FIRST = re.compile(r"\b(?:I|(?i:me|my|mine|myself|ich|mich|mir|mein\w{0,2}|je|moi|mon|mes))\b|"
                    r"\b[jJ]['’]\w")
_ASKING_WORDS = (
    "what|why|how|when|where|who|whose|which|is|are|was|were|do|does|did|can|could|should|will|"
    "would|have|has|am|wer|wie|wann|wo|warum|wieso|weshalb|wohin|woher|welche\\w?|ist|sind|habe|"
    "hat|kann|soll|wird|will|darf|muss|brauche|est|qui|quand|où|pourquoi|comment|quel\\w{0,3}|"
    "qu['’]\\w+")
_ASKING = re.compile(rf"\b(?:{_ASKING_WORDS})\b", re.IGNORECASE)


def is_to_oneself(text: str) -> bool:
    """True where "Q: … A: …" are surely one person's."""
    turns: list[tuple[str, list[str]]] = []
    for line in map(str.strip, text.split("\n")):
        if turn := _TURN.match(line):
            turns.append((turn["who"].lower(), [turn["words"]]))
        elif turns:
            turns[-1][1].append(line)
    questions = [" ".join(words) for _, words in turns[::2]]
    answers = [" ".join(words) for _, words in turns[1::2]]
    return (len(questions) >= _QUESTIONS_MIN and _take_turns([who for who, _ in turns])
            and _ADDRESSED.search(text) is None
            and sum(map(bool, map(_ASKING.search, questions))) >= _ASKING_SHARE * len(questions)
            and (not any(map(_FIRST.search, answers))
                 or sum(map(bool, map(_FIRST.search, questions))) >= _OWN_SHARE * len(questions)))


def _take_turns(who: Sequence[str]) -> bool:
    """Question and answer under the same two marks throughout; the last may wait for its answer."""
    question, answer = who[:2]
    return answer in _ANSWERS.get(question, ()) and all(
        mark == (answer if at % 2 else question) for at, mark in enumerate(who))
