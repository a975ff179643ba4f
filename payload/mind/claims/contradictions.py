"""Contradictions between a line and the moment in which it was said.

Found by rules that anybody can check, of what a line claims of here and now:

- *number*: a temperature, height, pressure, wind or silence that the moment states otherwise;
- *sun*: night by day, day by night;
- *motion*: rising, falling, standing on the ground, each while the moment says another;
- *cold*: mild in deep cold, freezing in the warmth;
- *cloud*: inside one while the moment has it above or below;
- *call*: an answer where none came, none where one did, another code or another service;
- *sound*: heard, where the microphone hears others; quiet, where it hears any;
- *sight*: of horizon, sky or sun, where the last picture shows another;
- *battery*: full while it is low, low while it is good.

The rules are conservative: what is unknown contradicts nothing, and no claim is a question, a
negation, a comparison, another's words, or of another time ("once", "if", "when I come down"). So a
line without a finding may still be wrong. English, as the senses of a flight are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from payload.mind.claims import number_claims, stated_moment
from payload.mind.claims.contradiction_rules import RULES, phrases
from payload.mind.claims.stated_moment import CALL_TOPICS, StatedMoment

_SENTENCE = re.compile(r"[^.!?…]+(?:\.\d+[^.!?…]*)*[.!?…]*")
_CLAUSE_END = re.compile(
    r"[;:()—–]|,(?!\d{3})| - "
    r"|\b(?:(?<!hundred )(?<!thousand )and|but|while|because|since|though|which)\b")
_QUOTED = re.compile(r"\"[^\"]*\"|“[^”]*”")
# Of a whole sentence: it tells of no here and now.
_ELSEWHEN = phrases(
    "if", "unless", "when", "whenever", "would", "could", "should", "might", "may", "maybe",
    "perhaps", "suppose", "imagine", "pretend", "wish", r"hop(?:e|es|ing)", "expect", r"dream\w*",
    r"wonder\w*", "until", "till", "before", "will", "shall", r"\w+['’](?:ll|d)", "soon", "later",
    "tomorrow", "next", "yesterday", "ago", "once", "used to", r"remember\w*", "as (?:if|though)",
    "earlier", "always", "usually", "often", "sometimes", "never", "every", "whether", "means?",
    "last (?:night|week|month|year|time|winter|summer|spring|autumn|march|june)", "this morning",
    "in (?:winter|summer|spring|autumn|june|july|december)", "supposed to", "(?:about|going) to",
    "seldom", "the word", "in the story", "next time", "somebody else", "someone else")
# Of a clause, before what is claimed, and anywhere in it.
_NOT = phrases("not", "no", "nor", "neither", "without", "hardly", "scarcely", "barely", "nothing",
               "nobody", "none", "than", "like", r"\w+n['’]t", "instead of")
_TOLD = phrases("was", "were", "had", "did", "went", "came", "stood", "said", "says", "say", "told",
                "thought", "thinks?", "taught", "wrote", "writes", "seem(?:s|ed)?", "call it")

_SERVICES = ("weather", "news", "tides", "iss", "poem")
_CODE_CLAIMS = {"404": phrases("404", "not found"), "429": phrases("429", "too many requests"),
                "500": phrases("500(?! [a-z])", "server error")}
_ASKED = phrases(rf"asked (?:for |about |after )?(?:the )?(?:{'|'.join(_SERVICES)})")
_CALLED = (rf"the (?:{'|'.join(_SERVICES)}|\w+ page|(?:\w+ )?server|service|other end|web)|they|it"
           r"|somebody|someone")
_ANSWERED = phrases(
    rf"(?:{_CALLED}) (?:has |have )?(?:just |at last |kindly |even )?(?:answered|replied)",
    "(?:I|we) (?:have )?(?:got|received|had|have) an? (?:answer|reply)",
    "(?:an|the|my) (?:answer|reply) (?:has )?(?:came|come|arrived|is here|is in)",
    "there is an answer")
_UNANSWERED = phrases(
    "no (?:answer|reply)(?! (?:to|for) (?:that|this))", "nobody (?:has )?(?:answered|answers)",
    rf"(?:{_CALLED}) (?:did not|didn['’]t|does not|doesn['’]t|has not|never) (?:answer|repl)\w*",
    rf"(?:{_CALLED}) (?:said|says|is|was) (?:nothing|silent)", "timed out",
    r"(?:page|server|machine) (?:is|has) (?:missing|gone|not there|out|broken\w*|out of order)",
    "something went wrong")
# With these in the line the answer is told to be none.
_NO_GOOD = phrases(
    r"4\d\d", "500", "numbers?", "code", "not", "no", "nothing", "nobody", "error", "fault",
    "busy", "later", r"refus\w+", "nonsense", "gibberish", "garbage", "wrong", "lost", r"broken\w*",
    "too many", "page", "letters", "noise", "sorry", "missing", "away", "out", "never", "cannot")


@dataclass(frozen=True, slots=True)
class Contradiction:
    """``claim``: the words of the line that cannot be so."""

    kind: str  # number | sun | motion | cold | cloud | call | sound | sight | battery
    claim: str


def find(line: str, about: str, senses: str, altitude_m: float | None) -> list[Contradiction]:
    """All contradictions of a musing's record: its ``text``, ``about``, ``senses`` and ``alt``.

    Args:    altitude_m: above the sea, None where the record has none.
    """
    stated = stated_moment.read(about, senses, altitude_m)
    found = [*_of_call(line, stated)]
    for clause in _claims(line):
        for rule in RULES:
            claim = rule.claim.search(clause)
            if claim is None or not rule.is_false(stated):
                continue
            before, behind = clause[: claim.start()], clause[claim.end() :]
            if not (_NOT.search(before) or _TOLD.search(before) or _TOLD.search(behind)
                    or (rule.aside and rule.aside.search(clause))):
                found.append(Contradiction(rule.kind, claim[0]))
        if number := number_claims.wrong(clause, stated):
            found.append(Contradiction("number", number))
    return found


def _claims(line: str) -> Iterator[str]:
    """Clauses that tell of here and now."""
    for sentence in _sentences(line):
        yield from (clause for part in _CLAUSE_END.split(sentence) if (clause := part.strip()))


def _sentences(line: str) -> list[str]:
    """Sentences that are neither asked, quoted, nor of another time."""
    sentences = _SENTENCE.findall(_QUOTED.sub(" ", line))
    return [sentence for sentence in sentences if "?" not in sentence
            and not _ELSEWHEN.search(sentence)]


def _of_call(line: str, stated: StatedMoment) -> Iterator[Contradiction]:
    """What is told of a call; only where the line is about one, or names the service."""
    if stated.call is None:
        return
    service, outcome = stated.call
    if stated.about not in CALL_TOPICS and not phrases(re.escape(service)).search(line):
        return
    for sentence in _sentences(line):
        claims = [other for code, other in _CODE_CLAIMS.items() if code != outcome]
        if outcome == "ok":
            claims.append(_UNANSWERED)
        elif not _NO_GOOD.search(line):
            claims.append(_ANSWERED)
        if not phrases(re.escape(service)).search(line):
            claims.append(_ASKED)
        for claim in claims:
            if match := claim.search(sentence):
                yield Contradiction("call", match[0])
