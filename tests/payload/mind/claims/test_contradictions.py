"""Goal: a line that cannot be so in its moment is found, and one that can be is left in peace.

Method: contradictions of every kind planted by hand; lines that look like them and are none; every
thought of the example's notebook in a moment drawn from its own condition.
"""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from host_training.common.messages import Notes
from host_training.importers.notebook import API_OUTCOMES, import_notebook
from host_training.rows.context_sampler import draw_moment
from payload.mind.claims import contradictions, number_claims, stated_moment
from payload.prompt import Moment, senses_in_words

NOTEBOOK = Path("host_training/examples/edda/notebook")
NOTEBOOK_HITS_MAX = 0.01

CLIMBING = Moment("height", "ascent", altitude_m=12_000, outside_c=-56, pressure_hpa=195,
                  sun="high", cloud="below", battery="good", silence_min=20)
LOW_CLIMB = replace(CLIMBING, altitude_m=650, outside_c=9, pressure_hpa=940)
FALLING = replace(CLIMBING, about="falling", phase="descent", altitude_m=4_000, outside_c=-12,
                  sun="low", battery="fair")
FLOATING = replace(CLIMBING, about="float", phase="float", altitude_m=28_000)
GROUND = Moment("ground", "ground", altitude_m=0, outside_c=8, sun="low", battery="good")
LANDED = Moment("landed", "landed", altitude_m=0, outside_c=14, sun="high", battery="low")
NIGHT = replace(CLIMBING, about="dark", sun="down", battery="low")
WINDY = replace(CLIMBING, about="wind", wind_mps=12)
SEES_TILT = replace(CLIMBING, about="horizon", sights=("sun", "tilted", "black"))
SEES_CURVE = replace(CLIMBING, about="picture", sights=("level", "curved"))
HEARS_WIND = replace(CLIMBING, sounds=("wind",))
HEARS_NOTHING = replace(FLOATING, sounds=("quiet",))
HEARS_FLAPPING = replace(FALLING, sounds=("wind", "flutter"))


def test_a_call_is_read_back_whatever_is_said_behind_it() -> None:
    asked = replace(CLIMBING, about="timeout", api=("news", "timeout"))
    for news in (None, "coldest"):
        senses = senses_in_words(replace(asked, news=news))
        assert stated_moment.read("timeout", senses, None).call == ("news", "timeout")


def called(outcome: str, about: str, service: str = "weather") -> Moment:
    return replace(CLIMBING, about=about, api=(service, outcome))


NOT_FOUND, REFUSED = called("404", "notfound"), called("429", "refused")
BROKEN, TIMEOUT = called("500", "refused"), called("timeout", "timeout")
ANSWERED, GARBAGE = called("ok", "answer"), called("garbage", "garbage")

PLANTED = [
    # numbers
    ("number", CLIMBING, "It is minus twenty out here."),
    ("number", CLIMBING, "It is ten degrees outside and I am well."),
    ("number", CLIMBING, "The thermometer says -31 C."),
    ("number", CLIMBING, "Forty below outside, and the tape holds."),
    ("number", FALLING, "The cold is down to minus fifty-five degrees."),
    ("number", LOW_CLIMB, "It is 25 degrees outside."),
    ("number", LOW_CLIMB, "It is minus nine outside."),
    ("number", CLIMBING, "I am twenty kilometres up."),
    ("number", CLIMBING, "I am 3 km up, and I can see a road."),
    ("number", CLIMBING, "At an altitude of 800 metres nobody waves."),
    ("number", CLIMBING, "More than thirty kilometres above the ground, and still no view."),
    ("number", CLIMBING, "I am at less than two thousand metres."),
    ("number", LOW_CLIMB, "I am 9 km high."),
    ("number", LANDED, "I am twelve kilometres up."),
    ("number", CLIMBING, "I am a hundred metres above the field."),
    ("number", CLIMBING, "The air is 900 hPa."),
    ("number", CLIMBING, "Only forty hectopascals of air today."),
    ("number", LOW_CLIMB, "The barometer reads 195 hPa."),
    ("number", CLIMBING, "I have heard nobody for three minutes."),
    ("number", CLIMBING, "Two hours of silence, and I have the log up to date."),
    ("number", CLIMBING, "Nobody for 95 minutes."),
    ("number", replace(CLIMBING, altitude_m=14_000), "I am ten kilometres up."),
    ("number", CLIMBING, "Outside 56 C."),
    ("number", CLIMBING, "The balloon is at 5,000 feet."),
    ("number", CLIMBING, "The air is two hundred and fifty hPa."),
    ("number", WINDY, "The wind is 30 m/s up here."),
    ("number", WINDY, "The wind carries me at three metres per second."),
    # sun
    ("sun", LOW_CLIMB, "The sun is gone and I keep the log."),
    ("sun", LOW_CLIMB, "The sun has set, and the foam knows it."),
    ("sun", CLIMBING, "The sun is already below the horizon."),
    ("sun", CLIMBING, "The sun went down without a word."),
    ("sun", LOW_CLIMB, "It is dark now."),
    ("sun", LOW_CLIMB, "It is the night that is quiet. It is night."),
    ("sun", LOW_CLIMB, "I hang in the dark and count the seconds."),
    ("sun", CLIMBING, "I can see a great many stars."),
    ("sun", LANDED, "The stars are out, all of them."),
    ("sun", LANDED, "I lie under the stars."),
    ("sun", CLIMBING, "The sun is low and it is in no hurry."),
    ("sun", LOW_CLIMB, "It is dusk, and the lamps are lit."),
    ("sun", CLIMBING, "The sun is so low that the box has a shadow like a ladder."),
    ("sun", CLIMBING, "Low light makes long shadows, and the camera loves them."),
    ("sun", LANDED, "Late sun, wet grass, and a blackbird with a lot on its mind."),
    ("sun", CLIMBING, "The sun goes without a word, and I write down the time."),
    ("sun", CLIMBING, "Lamps along the coast road, and then the black part that is the sea."),
    ("sun", CLIMBING, "In this low sun I have a shadow."),
    ("sun", NIGHT, "The sun is high and I have no hat."),
    ("sun", NIGHT, "The sun is on my lid."),
    ("sun", NIGHT, "The sun is very bright today."),
    ("sun", NIGHT, "I hang in the bright sunlight."),
    ("sun", NIGHT, "It is broad daylight."),
    ("sun", NIGHT, "The sun shines on the box."),
    ("sun", NIGHT, "The sky is a deep blue."),
    ("sun", FALLING, "It is noon, and the sun is straight above."),
    ("sun", FALLING, "The sun is high over the sea."),
    # motion
    ("motion", CLIMBING, "I am falling, and the log goes on."),
    ("motion", CLIMBING, "We are on our way down."),
    ("motion", CLIMBING, "I'm slowly sinking towards the sea."),
    ("motion", CLIMBING, "The balloon has burst."),
    ("motion", CLIMBING, "My parachute is open, and I have an opinion of it."),
    ("motion", CLIMBING, "The ground is coming up to meet me."),
    ("motion", CLIMBING, "I have landed in a field."),
    ("motion", CLIMBING, "I lie in the wet grass."),
    ("motion", CLIMBING, "We have stopped climbing."),
    ("motion", FLOATING, "I am still climbing, a little."),
    ("motion", FLOATING, "I am falling quickly."),
    ("motion", FLOATING, "I am lying in a ditch."),
    ("motion", FALLING, "I am climbing, and nobody has asked me why."),
    ("motion", FALLING, "We are still going up."),
    ("motion", FALLING, "Still rising."),
    ("motion", FALLING, "The ground is dropping away."),
    ("motion", FALLING, "I am on the ground."),
    ("motion", FALLING, "We have landed, all of us in one piece."),
    ("motion", GROUND, "I am climbing well."),
    ("motion", GROUND, "I have landed."),
    ("motion", GROUND, "I am falling."),
    ("motion", GROUND, "The ground is far below."),
    ("motion", CLIMBING, "Landed at last, says the log."),
    ("motion", CLIMBING, "I am on the chute now."),
    ("motion", FLOATING, "My fall makes its own wind."),
    ("motion", LANDED, "I hang level and read the dials."),
    ("motion", LANDED, "I am falling, and I know how it ends."),
    ("motion", LANDED, "I am on my way up."),
    ("motion", LANDED, "I am floating above the sea."),
    ("motion", GROUND, "The sun is the only thing up here that calls on everybody."),
    ("motion", CLIMBING, "Wet grass against my lid, and a smell of boots."),
    ("cold", CLIMBING, "Barely freezing, and already the dew has turned to grit."),
    ("cold", CLIMBING, "Mild still, for the height."),
    ("cold", LANDED, "It is freezing, and the tape knows it."),
    ("cloud", CLIMBING, "I am inside a cloud."),
    # calls
    ("call", NOT_FOUND, "The weather answered."),
    ("call", NOT_FOUND, "I asked for the weather and the server said 500."),
    ("call", NOT_FOUND, "They tell me there were too many requests."),
    ("call", NOT_FOUND, "I asked for the tides, and it is a 404."),
    ("call", REFUSED, "It answered at last, and kindly."),
    ("call", REFUSED, "A 404 again."),
    ("call", BROKEN, "I got an answer, and I have put it in the log."),
    ("call", BROKEN, "They say 429, too many requests."),
    ("call", TIMEOUT, "The weather has answered."),
    ("call", TIMEOUT, "There is an answer, and it is about rain."),
    ("call", TIMEOUT, "The server says 404."),
    ("call", ANSWERED, "I asked the weather, and no answer came."),
    ("call", ANSWERED, "The weather did not answer."),
    ("call", ANSWERED, "Nobody answered, so I wrote that down."),
    ("call", ANSWERED, "I asked, and it was a 404."),
    ("call", ANSWERED, "The news machine has broken inside."),
    ("call", ANSWERED, "The star page is missing."),
    ("call", GARBAGE, "The answer has come, and it is all about rain."),
    # battery
    ("battery", NIGHT, "The battery is full."),
    ("battery", NIGHT, "My battery is still very good, and so am I."),
    ("battery", LANDED, "I have plenty of power."),
    ("battery", LANDED, "The battery feels strong."),
    ("battery", CLIMBING, "The battery is low."),
    ("battery", CLIMBING, "My battery is nearly empty, and I say so."),
    ("battery", CLIMBING, "I am almost out of power."),
    ("battery", CLIMBING, "Batteries low, and the cold is being blamed."),
    ("battery", CLIMBING, "The battery is slowly dying."),
    # sounds
    ("sound", HEARS_WIND, "I can hear people below the box."),
    ("sound", HEARS_WIND, "I hear voices."),
    ("sound", HEARS_WIND, "Somebody is talking."),
    ("sound", HEARS_WIND, "It is very quiet up here."),
    ("sound", HEARS_WIND, "I hear nothing at all."),
    ("sound", HEARS_WIND, "There is no sound."),
    ("sound", HEARS_WIND, "I can hear the flapping of the lines."),
    ("sound", HEARS_NOTHING, "I hear the wind."),
    ("sound", HEARS_NOTHING, "The wind howls round the box."),
    ("sound", HEARS_NOTHING, "The air is roaring past."),
    ("sound", HEARS_FLAPPING, "It is silent."),
    # sights
    ("sight", SEES_TILT, "The horizon is level."),
    ("sight", SEES_TILT, "I look at a level horizon."),
    ("sight", SEES_TILT, "The sky is bright above."),
    ("sight", SEES_TILT, "The sky above me is blue."),
    ("sight", SEES_TILT, "The sun is behind a cloud."),
    ("sight", SEES_CURVE, "The horizon leans to the left."),
    ("sight", SEES_CURVE, "The horizon is a straight line."),
    ("sight", SEES_CURVE, "The world is flat."),
]

CLEAN = [
    (SEES_TILT, "The horizon is tilted."), (SEES_TILT, "The horizon is not level."),
    (SEES_TILT, "The sky is blue down at the horizon."), (SEES_TILT, "The sky is black above."),
    (SEES_TILT, "Is the horizon level?"), (SEES_CURVE, "The horizon is curved."),
    (SEES_CURVE, "The horizon is level."), (SEES_CURVE, "The sky is blue."),
    (CLIMBING, "The horizon is tilted."), (CLIMBING, "The horizon is level."),
    (CLIMBING, "The world is flat."),
    (HEARS_WIND, "I hear the wind."), (HEARS_WIND, "The wind sings in the string."),
    (HEARS_WIND, "It is quiet on the radio."), (HEARS_WIND, "I do not hear voices."),
    (HEARS_WIND, "Nobody is talking."), (HEARS_WIND, "I used to hear people in the shed."),
    (HEARS_WIND, "It is so quiet when the wind stops."), (HEARS_NOTHING, "It is quiet."),
    (HEARS_NOTHING, "I hear nothing."), (HEARS_FLAPPING, "The chute is flapping."),
    (HEARS_FLAPPING, "I hear the wind and the flapping."), (CLIMBING, "I hear voices."),
    (CLIMBING, "It is quiet up here."), (CLIMBING, "The wind howls."),
    (HEARS_WIND, "I can hear signals from the ground station talking."),
    (CLIMBING, "It is minus fifty-six outside."), (CLIMBING, "It is about fifty-five below."),
    (CLIMBING, "It is 56 degrees of frost."), (CLIMBING, "The balloon is at 39,000 feet."),
    (CLIMBING, "A hundred and ninety-five hPa."), (CLIMBING, "I am twelve kilometres up."),
    (CLIMBING, "I am more than ten kilometres up."), (CLIMBING, "About two hundred hPa of air."),
    (CLIMBING, "A cloud is three kilometres below me."), (CLIMBING, "Two metres of string."),
    (CLIMBING, "The shed is forty kilometres away."), (CLIMBING, "Nobody for twenty minutes."),
    (CLIMBING, "Nobody for a quarter of an hour."), (CLIMBING, "It is two degrees colder now."),
    (CLIMBING, "It is warm in here, under the lid."), (FALLING, "Barely freezing."),
    (CLIMBING, "I turned ninety degrees."), (CLIMBING, "The battery is at four degrees in here."),
    (CLIMBING, "I wait ten minutes and ask again; nobody minds."),
    (replace(CLIMBING, outside_c=None), "It is minus twenty outside."),
    (replace(CLIMBING, silence_min=0), "I have heard nobody for an hour."),
    (CLIMBING, "Once the sun is down, it is dark."), (CLIMBING, "Is the sun gone?"),
    (CLIMBING, "The sun is not down."), (CLIMBING, "Last winter the sun was gone at four."),
    (CLIMBING, "It is dark in here, under the lid."), (FLOATING, "It is dark above me now."),
    (FALLING, "The sun is gone, or nearly."), (replace(CLIMBING, sun=None), "The sun has set."),
    (CLIMBING, "If I were falling, I would know."), (CLIMBING, "I am not falling."),
    (CLIMBING, "Not that I am falling."), (CLIMBING, "Nobody minds that the sun is gone."),
    (CLIMBING, "It is not minus twenty out here."),
    (CLIMBING, "The string is more than nine metres long up here."),
    (CLIMBING, "When I come down, I am on the ground."), (CLIMBING, "Are we going down?"),
    (CLIMBING, "The pressure is falling."), (CLIMBING, "Piet said \"I am falling\" and fell."),
    (CLIMBING, "I would be lying in the grass if they let me."),
    (CLIMBING, "Soon the balloon has burst and I am on my way down."),
    (FALLING, "I am no longer climbing."), (FALLING, "The balloon has burst."),
    (FALLING, "I was climbing an hour ago."), (LANDED, "I have landed."),
    (LANDED, "I lie in the wet grass."), (GROUND, "I am on the ground."),
    (replace(CLIMBING, phase=None), "I am falling."),
    (replace(CLIMBING, cloud=None), "I am inside a cloud."),
    (replace(CLIMBING, cloud="none"), "I am inside a cloud."),
    (NOT_FOUND, "The weather answered with a number."), (NOT_FOUND, "404, and no weather."),
    (NOT_FOUND, "It answered that it is not there."), (TIMEOUT, "No answer from the weather."),
    (ANSWERED, "The weather answered."), (ANSWERED, "Nobody answered last winter."),
    (replace(ANSWERED, about="silence"), "Nobody answers, and I do not mind."),
    (replace(NOT_FOUND, api=None), "The weather answered."),
    (replace(NOT_FOUND, about="cold"), "I asked the tide once and it answered."),
    (NIGHT, "The battery is low."), (NIGHT, "The battery is not full."),
    (NIGHT, "The battery is full of itself."),
    (CLIMBING, "The battery is full."), (replace(NIGHT, battery=None), "The battery is full."),
    (NIGHT, "The sun is down."), (NIGHT, "I miss the sun."),
]


def kinds(moment: Moment, line: str) -> set[str]:
    """What is found in a line that was said in ``moment``."""
    alt = None if moment.altitude_m is None else moment.altitude_m + 4
    found = contradictions.find(line, moment.about, senses_in_words(moment), alt)
    assert all(one.claim.lower() in line.lower() for one in found)
    return {one.kind for one in found}


@pytest.mark.parametrize(("kind", "moment", "line"), PLANTED, ids=[line for *_, line in PLANTED])
def test_a_planted_contradiction_is_found(kind: str, moment: Moment, line: str) -> None:
    assert kind in kinds(moment, line)


@pytest.mark.parametrize(("moment", "line"), CLEAN, ids=[line for _, line in CLEAN])
def test_what_may_be_so_is_no_contradiction(moment: Moment, line: str) -> None:
    assert kinds(moment, line) == set()


@pytest.mark.parametrize("at", range(len(PLANTED)), ids=[line for *_, line in PLANTED])
def test_nothing_contradicts_a_moment_without_readings(at: int) -> None:
    _, moment, line = PLANTED[at]
    assert contradictions.find(line, moment.about, "no readings.", None) == []


@pytest.mark.thorough
def test_the_thoughts_of_the_notebook_agree_with_their_own_conditions() -> None:
    rng, thoughts, hits = random.Random(1), 0, []
    for path in sorted(NOTEBOOK.glob("*.md")):
        for entry in import_notebook(path, Notes()):
            if entry.condition is None:
                continue
            thoughts += 1
            moment, text = draw_moment(entry.condition, rng), entry.message.text
            hits += [(entry.place, text)] if kinds(moment, text) else []
    assert len(hits) < NOTEBOOK_HITS_MAX * thoughts, hits


def test_the_words_of_the_prompt_are_read_back() -> None:
    for phase in ("ground", "ascent", "float", "descent", "landed", None):
        for outcome in API_OUTCOMES:
            for sun, cloud, battery in (("high", "below", "good"), ("low", "inside", "fair"),
                                        ("down", "above", "low"), (None, None, None)):
                moment = Moment("wind", phase, 12_000, 5, -56, 3, 195, 40, 12, sun, cloud, battery,
                                silence_min=20, api=("iss", outcome))
                height = None if phase in ("ground", "landed", None) else 12_000
                assert stated_moment.read("wind", senses_in_words(moment), 12_004) == (
                    stated_moment.StatedMoment("wind", phase, height, 12_004, -56, 195, 12, 20, sun,
                                         cloud, battery, ("iss", outcome)))


@pytest.mark.parametrize(("words", "value"), [
    ("12", 12), ("12,000", 12_000), ("3.5", 3.5), ("forty-two", 42), ("a hundred", 100),
    ("two hundred and five", 205), ("twenty-one thousand", 21_000), ("an", 1), ("half a", 0.5),
    ("many", None),
])
def test_numbers_in_words_are_read(words: str, value: float | None) -> None:
    assert number_claims.value_of(words) == value
