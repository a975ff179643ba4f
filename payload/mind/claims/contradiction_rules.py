"""Rules: what words claim about here and now, and in which moments that is false.

Each rule is about one clause: a pattern, and the moments it contradicts. Nothing here knows about
negations, questions and other times: ``contradictions`` leaves those out before.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from payload.mind.claims.stated_moment import StatedMoment

DARK_SKY_M = 15_000.0  # from about here on the sky above is dark by day
DEEP_COLD_C, WARM_C = -20.0, 10.0  # nobody calls the one mild or the other a frost


def phrases(*parts: str) -> re.Pattern[str]:
    """A pattern of whole words, any of ``parts``, in either case."""
    return re.compile(rf"\b(?:{'|'.join(parts)})\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ClaimRule:
    """``claim`` is false in the moments of ``is_false``, unless ``aside`` is in its clause."""

    kind: str
    is_false: Callable[[StatedMoment], bool]
    claim: re.Pattern[str]
    aside: re.Pattern[str] | None = None


_HOW = (r"(?: (?:\w+ly|now|still|already|again|just|only|back|well|also|all|quite|very|really|long"
        r"|so|right|fully|at last|both|here))*")
_SELF = r"(?:I|we|the box|my box|the balloon|my balloon)"
_BE = rf"(?:{_SELF} (?:am|are|is|keep|keeps)|I['’]m|we['’]re){_HOW}"
_HAVE = rf"(?:{_SELF} (?:have|has)|I['’]ve|we['’]ve){_HOW}"
_EARTH = r"the (?:ground|earth|land|fields?|world|country)"
_FALL = (r"(?:falling|descending|sinking|dropping|coming down|going down|losing height"
         r"|on (?:my|the|our) way (?:back )?down)")
_RISE = (r"(?:climbing|rising|ascending|going up|gaining height|on (?:my|the|our) way up"
         r"|being (?:lifted|carried|pulled) up)")
_SOIL = (r"(?:grass|mud|field|meadow|ground|ditch|hedge|beans|bushes|beach|sand|barley|wheat"
         r"|nettles|straw|soil|puddle|tree)")
# Behind the first word of a clause: "falling fast" tells of now, "falling is how I get home" not.
_ON = r"(?= (?:now|fast|faster|steadily|slowly|at|through|past|again)\b)"
_NOT_OF_MOTION = r"(?! (?:asleep|behind|apart|silent|quiet|in love|over|short|to bits|into|for|on))"

RISING = phrases(
    rf"{_BE} {_RISE}", rf"^(?:still|now) {_RISE}", rf"^{_RISE}{_ON}",
    r"(?:I|we) (?:still |now )?(?:rise|climb|ascend|go up)",
    rf"{_EARTH} (?:is|keeps)(?: still| slowly)? (?:dropping|falling|sinking|shrinking|going) away",
    rf"{_EARTH} is getting smaller")
FALLING = phrases(
    rf"{_BE} {_FALL}{_NOT_OF_MOTION}", rf"^(?:still|now) {_FALL}", rf"^{_FALL}{_ON}",
    rf"(?:I|we) (?:still |now )?(?:fall|descend|sink|go down|come down){_NOT_OF_MOTION}",
    r"(?:my|the|this) fall (?:has (?:begun|started|gone)|goes on|makes|leads)",
    rf"{_EARTH} (?:is|keeps)(?: now| still| \w+ly)? (?:coming|rushing|rising|growing)",
    rf"{_EARTH} is getting (?:closer|nearer|bigger|larger)")
BURST = phrases(
    r"(?:the|my) (?:balloon|rubber|bag) (?:has |is |just )+(?:burst|popped|gone bang|torn|gone"
    r"|in (?:rags|shreds|pieces))",
    r"(?:the|my) (?:para)?chute (?:has |is |now |just |already )+(?:open|opened|out|full|filled)",
    rf"{_BE} on the (?:para)?chute", r"(?:behind|under) the (?:para)?chute")
TOUCHED_DOWN = phrases(
    rf"{_HAVE} (?:landed|touched down|hit the ground)", r"(?:I|we) (?:just )?landed",
    rf"{_BE} (?:landed|safely down)", r"^landed(?=$| (?:at last|now|in|on|hard|softly|well))",
    r"the (?:flight|fall) is over")
ON_THE_GROUND = phrases(
    rf"{_BE} (?:down )?on the ground",
    rf"(?:I (?:\w+ly )?(?:lie|sit|rest|stand)|{_BE} (?:lying|sitting|resting|standing))"
    rf"(?: \w+)? (?:in|on|among) (?:(?:the|a|an|some|my|wet|dry|tall|long|soft) )*{_SOIL}",
    rf"{_SOIL} (?:under|against|round|over) (?:me|my)")
LEVEL = phrases(
    rf"{_HAVE} stopped (?:climbing|rising)", r"no longer (?:climbing|rising)",
    r"the (?:climb|way up) is over")
ALOFT = phrases(
    rf"{_BE} (?:flying|floating|drifting|airborne|in the air|in flight|high (?:up|above)"
    r"|above the clouds?|under the balloon)",
    r"(?:I|we) hang", "up here",
    rf"{_EARTH} is (?:\w+ )?(?:far|a long way|miles|deep) (?:below|beneath|down|under)")

_IS = rf"(?:is|['’]s){_HOW}"
SUN_GONE = phrases(
    rf"the sun (?:is|has){_HOW} (?:set|down|out of sight|left"
    r"|gone(?! (?!down|away|under|behind|below|from|now|in)\w)"
    r"|(?:below|under|behind) the (?:horizon|edge|rim|world))",
    r"the sun went down")
NIGHT = phrases(
    rf"it {_IS} (?:night|night-?time|midnight)", r"night has (?:come|fallen|begun)",
    r"(?:the|this) night is", r"by (?:moonlight|starlight)", r"lamps (?:along|below|in a row)",
    r"in the (?:middle of the )?night")
DARK = phrases(
    rf"it {_IS} dark",
    rf"(?:{_BE}|(?:I|we) \w+|alone)(?: \w+)? in the dark", r"dark (?:outside|out here|all round)")
STARS = phrases(
    r"(?:I|we) (?:can |now |still )*(?:see|count|watch|look at|have)(?: \w+){0,3} stars?",
    rf"stars (?:are|have){_HOW} (?:come )?(?:out|up|everywhere|above|here|bright|clear|close)",
    r"stars (?:shine|stand|hang|look|burn|blink)", r"(?:under|among|between) (?:the )?stars")
SUN_LOW = phrases(
    rf"the sun (?:{_IS}|lies|stands|hangs) (?:low|setting|rising|going down|coming up|sinking"
    r"|on the horizon)",
    r"(?:it|this) is(?: now)? (?:dusk|dawn|sunset|sunrise|twilight)",
    r"(?:low|late|evening) (?:sun|light)", "the last light",
    r"the sun goes(?= (?:down|under|without|away|now)|$)")
SUN_HIGH = phrases(
    rf"the sun {_IS} (?:high|overhead|straight above|right above|above me)",
    r"(?:it|this) is(?: now| about)? (?:noon|midday)", r"the high sun")
SUN_UP = phrases(
    rf"the sun {_IS} (?:up|out|bright|shining|warm|warming|hot|strong|here|low|in my|with me"
    r"|on (?:my|the|one))",
    r"the sun (?:shines|warms|burns|falls on|comes in|lies on|looks in|finds|reaches)",
    r"in (?:the |this |full |bright |warm )+(?:sun|sunlight|sunshine)",
    r"(?:sunlight|sunshine) (?:is|on|falls|fills|comes|warms)",
    rf"it {_IS}(?: broad| full)? (?:day|daylight|daytime|afternoon)",
    r"the sky is (?:\w+ ){0,2}blue", r"I (?:can )?see the sun")
IN_CLOUD = phrases(rf"{_BE} (?:in|inside|within) (?:the middle of )?(?:a|the|this|some) cloud")

_BATTERY = (r"(?:the|my) (?:battery (?:is|feels|looks|stays|remains)|batteries are)"
            rf"(?:{_HOW}| nearly| almost| half| too)*")
BATTERY_FULL = phrases(
    rf"{_BATTERY} (?:full(?! of)|charged|good|fine|strong|healthy|fresh)",
    r"the battery has plenty", r"(?:plenty|lots|a lot) of (?:power|charge)",
    r"a (?:full|good|healthy) battery")
BATTERY_LOW = phrases(
    rf"{_BATTERY} (?:low|empty|dying|flat|weak|failing|dead|running (?:low|out|down)|exhausted)",
    r"I am (?:nearly |almost )?(?:out of|low on) (?:power|battery|charge)",
    r"little (?:power|charge|battery) left", r"(?:the|my) low battery", r"battery (?:this|so) low",
    r"^batter(?:y|ies) (?:very |quite )?low")

MILD = phrases(
    r"(?:barely|hardly|just|only) freezing", r"just (?:above|below|under) (?:freezing|zero)",
    r"^(?:still )?mild", rf"it {_IS} (?:mild|warm|hot)(?! in)",
    r"(?:mild|warm|hot) (?:air|weather)")
FREEZING = phrases(rf"it {_IS} (?:freezing|icy|bitterly cold)", r"(?:hard|bitter) frost")

_HEAR = r"(?:I|we|the microphone) (?:can |now |still |only |do )*(?:hear|hears)(?: \w+){0,3}"
VOICES = phrases(
    rf"{_HEAR} (?:people|voices?|somebody|someone|talking|laughter|laughing|footsteps|children"
    r"|singing|shouting)",
    r"(?:people|voices|somebody|someone) (?:is |are )?(?:talking|speaking|shouting|laughing)")
WIND = phrases(
    rf"{_HEAR} (?:wind|rush of (?:the )?air)",
    r"the (?:wind|air) (?:is |keeps )?(?:roar|howl|whistl|scream|sing|hiss)(?:s|ing|es)")
FLAPPING = phrases(
    rf"{_HEAR} (?:flapping|flutter(?:ing)?)",
    r"the (?:para)?chute (?:is |keeps )?(?:flap|flutter)(?:s|ping|ing)")
QUIET = phrases(
    rf"it {_IS} (?:quiet|silent|soundless)", rf"{_HEAR} (?:nothing|no sound)",
    r"there is no sound", r"not a sound")
# The radio has voices and silences of its own.
_BY_RADIO = phrases("radio", "receiver", "channel", "frequency", "signals?", "station",
                    r"answer\w*")
_QUIET_THERE = phrases("radio", "channel", "frequency", "station", "from the ground", "below",
                       "down there")

_HORIZON = r"(?:the|my) (?:horizon|edge of the world|rim of the world)"
TILTED_HORIZON = phrases(
    rf"{_HORIZON} (?:{_IS}|hangs|leans|lies|stands) ?(?:tilted|crooked|askew|slanted|slanting"
    r"|leaning|tipped|sloping|at an angle)", rf"{_HORIZON} (?:leans|tilts|slopes|slants)",
    r"(?:a|the) (?:tilted|crooked|slanting|sloping) horizon")
LEVEL_HORIZON = phrases(
    rf"{_HORIZON} (?:{_IS}|lies|stands) ?(?:level|horizontal|upright|even)",
    r"(?:a|the) level horizon")
FLAT_HORIZON = phrases(
    rf"{_HORIZON} (?:{_IS}|lies) ?(?:a )?(?:straight|flat|(?:straight|flat) line)",
    r"the (?:world|earth) (?:is|looks) flat", r"(?:a|the) (?:flat|straight) horizon")
BRIGHT_SKY = phrases(
    rf"the sky (?:above (?:me )?)?{_IS} (?:\w+ )?(?:blue|bright|white|grey|gray|pale|light)",
    r"(?:a|the) (?:bright|pale|white|grey|light)(?: blue)? sky")
SUN_HIDDEN = phrases(
    rf"the sun {_IS} (?:hidden|covered|veiled|out of (?:sight|the picture)"
    r"|behind (?:me|a cloud|clouds|the clouds?))")
_LOW_SKY = phrases("horizon", "edge", "rim", "below", "line", "down", "where", "home")

_ELSEWHERE = phrases(
    r"in here", r"inside", r"in (?:the|my|this) (?:box|drawer|cupboard|workshop|shed)", r"the lid",
    r"at home", r"(?:down|over|up) there", r"at night", r"elsewhere", r"below me", r"beneath",
    r"corner", r"sockets?", r"other side", r"shadow", r"shade", r"overhead")
_OTHERS = phrases(r"pressure", r"temperature", r"needle", r"reading", r"numbers?", r"in step")


def _phase(*phases: str) -> Callable[[StatedMoment], bool]:
    return lambda stated: stated.phase in phases


def _sun(*words: str) -> Callable[[StatedMoment], bool]:
    return lambda stated: stated.sun in words


def _is_bright(stated: StatedMoment) -> bool:
    return stated.sun == "high" and (stated.height_m or 0.0) < DARK_SKY_M


def _is_cold(stated: StatedMoment) -> bool:
    return stated.outside_c is not None and stated.outside_c <= DEEP_COLD_C


def _is_warm(stated: StatedMoment) -> bool:
    return stated.outside_c is not None and stated.outside_c >= WARM_C


def _not_heard(sound: str) -> Callable[[StatedMoment], bool]:
    return lambda stated: stated.sounds is not None and sound not in stated.sounds


def _sees(sight: str) -> Callable[[StatedMoment], bool]:
    return lambda stated: sight in stated.sights


def _is_loud(stated: StatedMoment) -> bool:
    return stated.sounds is not None and "quiet" not in stated.sounds


RULES = (
    ClaimRule("motion", _phase("ground", "float", "descent", "landed"), RISING, _OTHERS),
    ClaimRule("motion", _phase("ground", "ascent", "float", "landed"), FALLING, _OTHERS),
    ClaimRule("motion", _phase("ground", "ascent", "float"), BURST),
    ClaimRule("motion", _phase("ground", "ascent", "float", "descent"), TOUCHED_DOWN),
    ClaimRule("motion", _phase("ascent", "float", "descent"), ON_THE_GROUND),
    ClaimRule("motion", _phase("ascent"), LEVEL),
    ClaimRule("motion", _phase("ground", "landed"), ALOFT),
    ClaimRule("sun", _sun("high"), SUN_GONE),
    ClaimRule("sun", _sun("high"), NIGHT, _ELSEWHERE),
    ClaimRule("sun", _is_bright, DARK, _ELSEWHERE),
    ClaimRule("sun", _sun("high"), STARS, _ELSEWHERE),
    ClaimRule("sun", _sun("high"), SUN_LOW),
    ClaimRule("sun", _sun("low", "down"), SUN_HIGH),
    ClaimRule("sun", _sun("down"), SUN_UP),
    ClaimRule("cold", _is_cold, MILD, _ELSEWHERE),
    ClaimRule("cold", _is_warm, FREEZING, _ELSEWHERE),
    ClaimRule("cloud", lambda stated: stated.cloud in ("above", "below"), IN_CLOUD),
    ClaimRule("sound", _not_heard("voices"), VOICES, _BY_RADIO),
    ClaimRule("sound", _not_heard("wind"), WIND),
    ClaimRule("sound", _not_heard("flutter"), FLAPPING),
    ClaimRule("sound", _is_loud, QUIET, _QUIET_THERE),
    ClaimRule("sight", _sees("level"), TILTED_HORIZON),
    ClaimRule("sight", _sees("tilted"), LEVEL_HORIZON),
    ClaimRule("sight", _sees("curved"), FLAT_HORIZON),
    ClaimRule("sight", _sees("black"), BRIGHT_SKY, _LOW_SKY),
    ClaimRule("sight", _sees("sun"), SUN_HIDDEN),
    ClaimRule("battery", lambda stated: stated.battery == "low", BATTERY_FULL),
    ClaimRule("battery", lambda stated: stated.battery == "good", BATTERY_LOW),
)
