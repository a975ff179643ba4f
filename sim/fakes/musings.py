"""A small grammar of musings for flights without a model: it reads the prompt and answers it.

The sentences are written for this project. Each topic has openings and endings; what the senses
say in the prompt ("outside -42 C", "asked tides: 404") is put into the openings that fit, so that
a scripted flight reads like a flight. The least used pieces come first, so it seldom repeats.

What belongs elsewhere: the words of the prompt are made by ``payload.prompt``.
"""

from __future__ import annotations

import re
from collections import Counter
from random import Random

# An opening with a {field} is used only when the prompt says that field.
OPENINGS: dict[str, tuple[str, ...]] = {
    "height": (
        "{km} kilometres of air are under the box now",
        "I count {km} kilometres below me and nobody to compare them with",
        "Every kilometre takes about three minutes, and this one was number {km}",
        "The roads have turned into threads and the threads into nothing",
        "Up is a direction that never seems to get any closer",
        "The map would call this the same place, {km} kilometres wrong",
    ),
    "cold": (
        "It is {cold} degrees outside and the foam is doing its work",
        "The thermometer says {cold} and I choose to believe it",
        "At {cold} degrees even the tape has opinions",
        "Cold comes in by the wires first",
        "Frost has started to draw on the lid at {cold} degrees",
    ),
    "thin-air": (
        "{hpa} hectopascal is hardly enough air to whistle with",
        "There is so little air left that the fan would be a rumour",
        "Most of the weather is now something that happens to others",
        "The barometer shows {hpa} and sounds apologetic about it",
    ),
    "wind": (
        "The wind up here has a place to be and takes me along",
        "I feel no wind, because I am the wind's luggage",
        "Somewhere the air changed its mind, and my heading with it",
        "The ground slides sideways, which means that I do",
    ),
    "sun": (
        "The sun is on one side of the box and the night on the other",
        "Half of me is warm and half of me is a fridge",
        "There is more sun here than anybody ordered",
        "My shadow must be down there somewhere, too small to see",
    ),
    "cloud": (
        "White in every window, and no windows",
        "The cloud was grey from below and is bright from here",
        "Cloud again, soft to look at and wet to fly through",
        "Somebody down there is saying that it looks like rain",
    ),
    "battery": (
        "The battery gives what it has and does not complain",
        "I count millivolts the way others count sheep",
        "Every thought costs a little of the light I carry",
        "The cell is cold, and a cold cell keeps its purse shut",
    ),
    "silence": (
        "Nobody has answered for {silence} minutes",
        "I called down and the line was long and empty",
        "{silence} minutes of listening, and all of it was hiss",
        "The radio hears itself best",
        "I left room for an answer and the room stayed empty",
    ),
    "notfound": (
        "I asked about {api} and was told 404",
        "404 again: {api} is not where it should be, and neither am I",
        "Not found, says {api}, which is a fair description of both of us",
        "The answer about {api} was a number for nothing",
    ),
    "timeout": (
        "I asked about {api} and the question is still falling",
        "No answer about {api}, not even a no",
        "The request for {api} went out and did not write home",
    ),
    "refused": (
        "Too many requests, it said, though {api} was only my first today",
        "{api} is busy with itself and sends its regrets in numbers",
        "Something broke on the way to {api}, and for once it was not me",
    ),
    "garbage": (
        "What came back about {api} was noise wearing a header",
        "Somebody answered about {api} in a language of loose screws",
    ),
    "answer": (
        "An answer about {api}, a whole one, and I read it twice",
        "{api} replied, and for a moment the world was one room",
    ),
    "question": (
        "You asked, so I looked around before answering",
        "A question from the ground is the warmest thing in this box",
        "I heard you, and I have been turning it over",
        "Since you ask: I am where the numbers say, and a little further",
    ),
    "neighbour": (
        "{said} says so, and from here it looks much the same",
        "I heard {said} and have been turning it over",
        "{said} and I share the air and not the opinion",
        "So that is what {said} sees, a few kilometres of cold away",
        "It is good to hear {said}, who has the same weather and other words for it",
    ),
    "falling": (
        "The ground has started to take an interest in me",
        "Falling is quiet at first, then the air remembers its job",
        "The parachute argues with the planet and I hang between them",
        "Down is faster than up ever was",
    ),
    "burst": (
        "The balloon is a handful of ribbons now",
        "One sound, and then the other half of the flight began",
    ),
    "launch": (
        "The grass let go of us all at once",
        "Somebody counted to three and I was the answer",
    ),
    "ground": (
        "I am on the grass with a string on, looking up",
        "The checks are done and the waiting is not",
        "Somebody tapes the lid once more, for luck",
        "The morning smells of helium, which smells of nothing",
    ),
    "landing": (
        "Trees have heights again",
        "I can see single fences now, and hope to meet none of them",
    ),
    "landed": (
        "I lie in a field and the sky is a ceiling again",
        "Grass, at last, and no hurry",
        "Something with legs has come to look and gone away",
        "I am exactly as high as a box in a field",
    ),
    "dark": (
        "There is no light out there, and I looked twice",
        "The camera gave me a picture of nothing, well framed",
    ),
    "horizon": (
        "The edge of the world has begun to bend",
        "There is a thin blue line where everybody lives",
        "The horizon is a shallow bowl turned over",
    ),
    "picture": (
        "I took a picture and it is small, like everything from here",
        "One more picture for the ones who stayed below",
    ),
    "inside": (
        "In here it is warm enough for thinking",
        "The box hums, and I take it personally",
    ),
    "float": (
        "Neither up nor down, for once nobody is in a hurry",
        "We hang at {km} kilometres like a coat on a nail",
    ),
    "self": (
        "I am a few grams of thinking in a box of foam",
        "Somebody's old sentences are keeping me company",
        "I repeat what I was taught and check it against the view",
        "What I know fits on a card, and the card is cold",
    ),
}
REPLY_ENDINGS: tuple[str, ...] = (
    "and the answer is mostly yes.",
    "and I would say no, with a small perhaps.",
    "and all I can report is that it is a long way round.",
    "but ask me again when I am back on the grass.",
    "and the honest answer is that I cannot tell from here.",
    "and it looks better than I had been promised.",
    "and the instruments agree with me, for once.",
    "but the camera may know more than I do.",
)
ENDINGS: tuple[str, ...] = (
    "so I write it down and go on.",
    "and that is worth a line in the log.",
    "which nobody told me when they packed the box.",
    "and I would tell you sooner if the radio were kinder.",
    "so this sentence will have to do.",
    "and still the little clock keeps its seconds straight.",
    "and I mind it less than I expected.",
    "which is a strange thing to be sure of.",
    "and the string below me says nothing about it.",
    "as if it had always been planned that way.",
    "and I keep the number in case somebody asks.",
    "though from outside it must look like nothing at all.",
    "and for a minute I have nothing to repair.",
    "and I hope that it survives the way down.",
    "which the manual would call nominal and I call lucky.",
    "and I would like to be asked about it later.",
    "so I hold still, as far as a pendulum can.",
    "and somebody ought to see this with proper eyes.",
    "and my grandchildren, if boxes have them, will not believe it.",
    "while the bits go out one by one and half of them arrive.",
    "and I have decided to find that funny.",
    "which makes this a good place for a short thought.",
)
_FIELDS: dict[str, re.Pattern[str]] = {
    "km": re.compile(r"(\d+) km up"),
    "cold": re.compile(r"outside (-?\d+) C"),
    "hpa": re.compile(r"air (\d+) hPa"),
    "silence": re.compile(r"heard nobody for (\d+) min"),
    "said": re.compile(r"^(\w+) said(?:, [^:]+)?: ", re.MULTILINE),
    "api": re.compile(r"asked ([a-z]+):"),
    "about": re.compile(r"^about: ([a-z-]+)", re.MULTILINE),
    "question": re.compile(r"^asked: (.+)$", re.MULTILINE),
}


def fields_of(suffix: str) -> dict[str, str]:
    """What the prompt says, by name; what it does not say is not there."""
    found = {name: pattern.search(suffix) for name, pattern in _FIELDS.items()}
    return {name: match[1] for name, match in found.items() if match is not None}


class MusingWriter:
    """Makes the next line for a prompt; remembers only how often each piece was used."""

    def __init__(self) -> None:
        self._used: Counter[str] = Counter()

    def line(self, suffix: str, rng: Random) -> str:
        """One sentence about what ``suffix`` says."""
        fields = fields_of(suffix)
        about = "question" if "question" in fields else fields.get("about", "self")
        if about == "answer" and "api" not in fields:
            about = "neighbour"
        fitting = [
            text for text in OPENINGS.get(about, OPENINGS["self"])
            if all(name in fields for name in re.findall(r"\{(\w+)\}", text))
        ] or list(OPENINGS["self"])
        opening = self._least_used(fitting, rng).format(**fields)
        endings = REPLY_ENDINGS if about == "question" else ENDINGS
        ending = self._least_used(list(endings), rng)
        return f"{opening[0].upper()}{opening[1:]}, {ending}"

    def _least_used(self, pieces: list[str], rng: Random) -> str:
        lowest = min(self._used[piece] for piece in pieces)
        chosen = rng.choice([piece for piece in pieces if self._used[piece] == lowest])
        self._used[chosen] += 1
        return chosen
