"""Whether a line answers its question, as far as the two of them alone can tell.

``contradictions`` compares a line with its moment; here it is compared with the question. One that
says no and then affirms what was asked is no answer. Anything else is a doubt and only decides
between drafts: a line that says nothing of the question's subject, tells yes or no to "where", or
evades it with what a small model says to everything ("I will write it down"). A subject is a word
of the question or one of its kin: to "how cold", a line about frost, warmth or degrees. English.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from payload.mind.claims.contradiction_rules import phrases

_WORD = re.compile(r"[a-z]+(?:['’][a-z]+)?|\d+")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_ASKING = _words("what where when who whom whose why which how")
_AUXILIARY = _words(
    "am is are was were do does did can could will would have has had shall should may might"
    " isn't aren't don't doesn't didn't can't won't haven't hasn't")
_OPENING = 4  # words before the question proper: "Hello there, tell me, ..."
# Words that a question is not about.
_FUNCTION = _ASKING | _AUXILIARY | _words(
    "a an the this that these those there here it its i me my we us you your he she they them of to"
    " in on at for from with by as and or but not no yes so if be been being just now still yet"
    " already right moment any some anything something much many very too really ever again all out"
    " up down get got go going come coming do doing done think like know tell say mean one thing"
    " way today lately please well around about near over under through")
# Between the subject of a yes-or-no question and its first verb or adjective.
_SKIPPED = _words("still just now already ever really yet also even a an the any being been")
_DETERMINERS = _words("the your my a an this that any")
_STEM_LETTERS = 4  # of words that are one: climb, climbed; hear, heard
# What is kin: beginnings of words, any of which takes up any other; behind a colon, of those that
# take up what stands before it and are not taken up by it.
_KIN = tuple((tuple(first.split()), tuple((first + more).split())) for first, _, more in (
    line.partition(":") for line in (
    "cold cool freez froz frost ice icy warm hot heat temperature degree mild chill zero thaw",
    "high height altitude climb rise rising above metre meter kilomet km top low far",
    "batter power charg volt energy current empty full",
    "sun light dark day night bright shin dusk dawn evening morning noon star",
    "cloud fog mist white sky weather rain snow storm grey fine clear",
    "weather: sun wind warm cold dry wet calm bright dark fog fine",
    "wind blow breez gust calm drift still turn swing",
    "hear listen sound nois quiet silen voice hiss radio loud noth tick",
    "see saw seen look view picture camera horizon sky ground land earth cloud",
    "ground land field grass meadow map place home town tree hedge",
    "fall drop sink descen climb ris fast slow speed parachute chute burst balloon",
    "answer repl ask speak talk call hear voice word messag nobod anyb someb radio alone silen",
    "air pressure thin thick breath hpa",
    "feel fine good happy glad sad afraid fear scar lone alone like enjoy tired bor nervous calm"
    " ready excit love miss pleas content",
    "machine box person human echo name built made real robot alive",
    "home back land return retriev found fetch",
    "soon later hour minute day night morning evening week tomorrow until after before",
    "friend nobod someb anyb everyb people they alone",
    "write wrote written log notebook note line page",
    "colour color black blue white grey dark bright",
    "well good whole broke damage hurt safe right sound",
    "fly flight balloon air up float",
)))
_PUT_OFF = phrases(
    r"(?:will|shall|can|could|have to|going to|must) (?:write|tell|say|read|put)",
    r"wr(?:ite|iting|ote|itten) (?:it |this |that )?down", "keep the log", "keeping the log",
    "in the log", "no more to say", "nothing (?:more )?to say", "no idea", "say so", "tell you")
_OF_WORDS = phrases("you (?:going to )?do(?:ing)?", "log", "writ(?:e|ing|ten)", "wrote", "tell",
                    "say", "said", "know", "note")
_SAYS = re.compile(r"^(yes|no)\b[,.;:!]*\s*", re.IGNORECASE)
_NOT = phrases("not", "no", "never", "nothing", "nobody", "none", "cannot", r"\w+n['’]t", "hardly",
               "but", "only", "except", "without")
# What answers yes or no without a word of the question: "It is not.", "Not at all."
_ELLIPTIC = re.compile(
    r"(?:(?:I|it|we|they|he|she|that|there) "
    r"(?:am|is|are|was|were|do|does|did|can|could|will|would|have|has|had|shall|should|may|might)"
    r"(?: not|n['’]t)?(?: (?:now|yet|still|indeed|too|so|all right|\w+ly))*"
    r"|(?:I|it) cannot|not(?: \w+){0,3}|of course|I (?:hope|think|believe) (?:so|not)"
    r"|perhaps|maybe|sometimes|often|never|always)(?:[,.;]|$)", re.IGNORECASE)
_PLACE = phrases(
    "(?:in|on|at|under|over|above|below|near|beside|between|inside|among|by|behind|from|through)"
    r" (?:the|a|an|my|your|some|this|that|it|\w+s)", r"\d+ k?m", "climbing", "falling", "nowhere",
    "everywhere", "up here", "high up", "half ?way", "coming down", "going up", "at home")
_TIME = phrases(
    "soon", "later", "when", "while", "times?", "after", "before", "until", "minutes?", "hours?",
    "today", "tomorrow", "morning", "evening", "night", "days?", "weeks?", "now", "yet", "already",
    "long", "once", "since", "not know", r"\d+")
_DEGREE = phrases(
    r"\d+", "very", "too", "enough", "far", "long", "little", "bit", "quite", r"\w+er", r"\w+est",
    "more", "less", "most", "least", "many", "much", "few", "none", "no", "not", "below", "above",
    "half", "as", "so", "almost", "nearly", "good", "well", "all", "fine", "badly", "slowly",
    "fast", "since", "hours?", "minutes?", "while", "times?", "deep", "hundreds?", "thousands?",
    "zero", "freezing")
_PERSON = phrases(
    "I", "you", "he", "she", "they", "we", "somebody", "someone", "nobody", "no one", "people",
    "woman", "man", "friends?", "everybody", "anybody", "my name", "called")
_FITTING = {"where": _PLACE, "when": _TIME, "who": _PERSON}
_DEGREES = _words("high cold warm hot far long fast much many old big deep thin often heavy late"
                  " soon low strong loud bright dark wet")


@dataclass(frozen=True, slots=True)
class ParsedQuestion:
    """``asking``: its question word, or "" where it is to be answered with yes or no."""

    words: tuple[str, ...]  # from the question word or the auxiliary on, in small letters
    asking: str

    @property
    def is_choice(self) -> bool:
        """It offers the answers: "up or down?" """
        return self.asking == "" and "or" in self.words


def read(question: str) -> ParsedQuestion | None:
    """None where it asks nothing that can be told from its words: "Hello!"."""
    parts = [part for part in re.findall(r"[^.!?]+[.!?]*", question) if "?" in part]
    words = _WORD.findall((parts[-1] if parts else question).lower())
    starts = [at for at, word in enumerate(words[:_OPENING]) if word in _ASKING | _AUXILIARY]
    if not starts or not parts:
        return None
    at = starts[0]
    if words[at] in _AUXILIARY and words[at + 2 : at + 4] == ["tell", "me"]:
        at = next((n for n in range(at + 4, len(words)) if words[n] in _ASKING), at)
    return ParsedQuestion(tuple(words[at:]), words[at] if words[at] in _ASKING else "")


def contradicts_itself(line: str, question: str) -> bool:
    """It says no and affirms, or yes and denies, what the question asks with its first verb."""
    parsed, says = read(question), _SAYS.match(line)
    if parsed is None or parsed.asking or parsed.is_choice or says is None:
        return False
    start = 3 if parsed.words[1:2] and parsed.words[1] in _DETERMINERS else 2
    verb = next((word for word in parsed.words[start:] if word not in _SKIPPED), None)
    if verb is None:
        return False
    clause = re.split(r"[,;.!?]", line[says.end():])[0]
    claimed = next((found for found in _WORD.finditer(clause.lower()) if _is_one(found[0], verb)),
                   None)
    if claimed is None:
        return False
    is_denied = _NOT.search(clause[: claimed.start()]) is not None
    return is_denied == (says[1].lower() == "yes")


def doubts(line: str, question: str) -> int:
    """How many kinds of doubt there are that ``line`` is an answer."""
    parsed = read(question)
    if parsed is None:
        return 0
    opening = _SAYS.match(line)
    rest = line[opening.end() if opening else 0 :]
    is_short = not parsed.asking and (rest == "" or _ELLIPTIC.match(rest) is not None)
    return sum((
        opening is not None and (parsed.asking != "" or parsed.is_choice),
        not is_short and not _takes_up(rest, parsed),
        _PUT_OFF.search(line) is not None and _OF_WORDS.search(" ".join(parsed.words)) is None,
        _is_unfitting(line, parsed) or _leaves_open(line, parsed),
    ))


def _is_unfitting(line: str, parsed: ParsedQuestion) -> bool:
    """Of no place to "where", of no time to "when", of nobody to "who", of no degree to "how high".
    """
    fitting = _FITTING.get(parsed.asking)
    if parsed.asking == "how" and len(parsed.words) > 1 and parsed.words[1] in _DEGREES:
        fitting = _DEGREE
    return fitting is not None and fitting.search(line) is None


def _leaves_open(line: str, parsed: ParsedQuestion) -> bool:
    """Both of what a question offers: "It is either day or night." """
    if not parsed.is_choice:
        return False
    at, words = parsed.words.index("or"), _WORD.findall(line.lower())
    second = parsed.words[at + 1 : at + 3]
    return parsed.words[at - 1] in words and any(word in words for word in second)


def _takes_up(line: str, parsed: ParsedQuestion) -> bool:
    """True where the line has a word of the question's subject; also where it has no subject."""
    subject = [word for word in parsed.words if word not in _FUNCTION]
    if not subject:
        return True
    kin = tuple(beginning for asked_for, taken_up in _KIN for beginning in taken_up
                if any(word.startswith(asked_for) for word in subject))
    return any(word.startswith(kin) or any(_is_one(word, other) for other in subject)
               for word in _WORD.findall(line.lower()))


def _is_one(word: str, other: str) -> bool:
    """The same word, or another form of it."""
    return word == other or (min(len(word), len(other)) >= _STEM_LETTERS
                             and word[:_STEM_LETTERS] == other[:_STEM_LETTERS])
