"""Firsts and extremes: told once, only while they are true, and only where the past is known."""

from __future__ import annotations

from dataclasses import replace

import msgpack
import pytest

from host_training.importers.notebook import WORD_KEYS
from payload.mind.firsts import (
    FORGOTTEN_MS,
    FRESH_S,
    KEY,
    OBSERVE_MS,
    TOPIC_OF,
    Firsts,
)
from payload.mind.topics import Facts
from payload.prompt import NEWS_WORDS, Moment, senses_in_words, suffix
from payload.situation import Situation
from payload.storage import small_state
from tests.payload.mind.desk import Desk, Worker
from wire.beacon import Phase

UTC_MS = 1_790_000_000_000
GROUND = Situation(now_ms=0, utc_ms=UTC_MS, phase=Phase.GROUND, outside_c=10.0,
                   pressure_hpa=1000.0, heard_ground_age_s=5.0)


class FlightHistory:
    """Firsts that are observed every ten seconds, and told at once."""

    def __init__(self, saved: object = None) -> None:
        self.firsts = Firsts(saved)
        self.facts = Facts(GROUND)
        self.now_ms = 0
        self.told: list[str] = []

    def run(self, seconds: int, tells: bool = True, **changes: object) -> list[str]:
        """What is told in that time, in which the situation, or a fact, is so."""
        of_facts = {k: changes.pop(k) for k in ("sun", "cloud", "api") if k in changes}
        self.facts = replace(self.facts, **of_facts)
        told: list[str] = []
        for _ in range(0, seconds * 1000, OBSERVE_MS):
            situation = replace(self.facts.situation, now_ms=self.now_ms,
                                utc_ms=UTC_MS + self.now_ms, **changes)
            self.facts = replace(self.facts, situation=situation)
            self.firsts.observe(self.facts, self.now_ms)
            news = self.firsts.news(self.facts, []) if tells else None
            if news is not None:
                moment = Moment(TOPIC_OF[news], outside_c=situation.outside_c, news=news)
                self.firsts.note_musing(moment, f"A line of {news}.")
                told.append(news)
            self.now_ms += OBSERVE_MS
        self.told += told
        return told

    def climb(self, to_c: float, per_step_c: float = 0.4, /, **changes: object) -> list[str]:
        told: list[str] = []
        outside_c = self.facts.situation.outside_c
        assert outside_c is not None
        while outside_c > to_c:
            outside_c -= per_step_c
            told += self.run(10, phase=Phase.ASCENT, outside_c=outside_c, **changes)
        return told

    def reboot(self) -> None:
        saved = msgpack.unpackb(msgpack.packb(self.firsts.saved()))
        assert small_state.is_sound(KEY, saved)
        self.firsts = Firsts(saved)


@pytest.fixture
def past() -> FlightHistory:
    made = FlightHistory()
    assert made.run(300) == []
    return made


def test_colder_than_anything_is_told_in_steps_on_the_way_up(past: FlightHistory) -> None:
    """Goal: not with every thought of an ascent. Method: to -56 C, and the same again falling."""
    assert past.climb(-56.0) == ["coldest"] * 3
    assert past.run(600, phase=Phase.DESCENT, outside_c=-56.0) == []
    assert past.run(600, outside_c=-40.0) == past.run(600, outside_c=-56.5) == []


def test_a_glitch_is_no_extreme_and_nothing_above_it_is(past: FlightHistory) -> None:
    past.climb(-15.0)
    assert past.run(20, outside_c=-70.0) == [], "two readings"
    assert past.run(300, outside_c=-25.0) == [], "they may have been true"


@pytest.mark.parametrize("is_rebooted", [False, True])
def test_a_first_comes_once_over_a_reboot_too(past: FlightHistory, is_rebooted: bool) -> None:
    assert past.climb(-1.0, cloud="inside", pressure_hpa=850.0) == ["first-cloud"]
    past.run(60, cloud=None)
    if is_rebooted:
        past.reboot()
    assert past.run(300, cloud="inside") == []
    assert past.run(60, cloud=None, pressure_hpa=410.0) == ["half-air", "cloud-half"]
    assert past.run(60, pressure_hpa=405.0) == []


def test_an_extreme_survives_a_reboot(past: FlightHistory) -> None:
    assert past.climb(-40.0) == ["coldest", "coldest"]
    past.reboot()
    assert past.run(300, outside_c=-35.0) == past.run(300, outside_c=-39.0) == []
    assert past.climb(-56.0) == ["coldest"]
    assert past.firsts.last_line("coldest") == "A line of coldest."


def test_an_extreme_that_was_not_told_survives_a_reboot_too(past: FlightHistory) -> None:
    """Method: -40 C while nothing was thought, a reboot, and a fall from -25 to -30 C."""
    past.climb(-40.0, tells=False)
    past.reboot()
    assert past.run(300, outside_c=-25.0) == past.run(300, outside_c=-30.0) == []


def test_half_of_the_air(past: FlightHistory) -> None:
    assert past.run(100, phase=Phase.ASCENT, pressure_hpa=501.0) == []
    assert past.run(100, pressure_hpa=489.0) == ["half-air"]
    assert past.run(100, pressure_hpa=470.0) == []


def test_what_was_passed_before_it_could_be_told_is_not_told(past: FlightHistory) -> None:
    """Goal: fresh, and still so. Method: nothing is thought while it is news."""
    past.run(60, tells=False, phase=Phase.ASCENT, pressure_hpa=480.0)
    assert past.run(60, pressure_hpa=380.0) == [], "far less than half by now"
    past.run(round(FRESH_S) + 10, tells=False, cloud="inside")
    assert past.run(60) == [], "too long ago"


def test_a_flight_whose_beginning_is_not_known_has_no_firsts() -> None:
    """A store that was lost in the air: colder than what? Method: boot in the ascent."""
    past = FlightHistory()
    past.facts = replace(past.facts, situation=replace(GROUND, phase=Phase.ASCENT))
    assert past.climb(-56.0, cloud="inside", sun="low", pressure_hpa=480.0) == []
    assert past.run(300, phase=Phase.LANDED) == []


def test_another_flight_begins_anew(past: FlightHistory) -> None:
    past.climb(-56.0, cloud="inside")
    saved = past.firsts.saved()
    later = FlightHistory(saved)
    later.now_ms = past.now_ms + FORGOTTEN_MS + 60_000
    assert later.run(300) == []
    assert later.climb(-25.0) == ["coldest"]
    soon = FlightHistory(saved)
    soon.now_ms = past.now_ms + FORGOTTEN_MS - 120_000
    soon.run(300)
    assert soon.climb(-25.0) == [], "colder than anything it would not be"


def test_the_sun_the_ground_the_answer_and_the_waiting(past: FlightHistory) -> None:
    assert past.run(60, sun="down") == [] and past.run(60, sun="low") == ["sunrise"]
    assert past.run(60, sun="down") == ["sunset"] and past.run(60, sun="low") == []
    assert past.run(60, heard_ground_age_s=1000.0) == []
    assert past.run(60, heard_ground_age_s=2.0) == ["heard-again"]
    assert past.run(60, heard_ground_age_s=1000.0) == []
    assert past.run(60, heard_ground_age_s=2.0) == ["heard-again"]
    assert past.run(1700, api=("weather", "timeout")) == []
    assert past.run(200) == ["waiting"]
    assert past.run(60, api=("weather", "ok")) == ["first-answer"]
    assert past.run(60, api=None) == past.run(60, api=("weather", "ok")) == []
    past.run(10, phase=Phase.LANDED, phase_since_ms=past.now_ms)
    assert past.run(1700) == [] and past.run(200) == ["unfound"]


def test_a_first_hearing_is_none_again(past: FlightHistory) -> None:
    past.run(60, heard_ground_age_s=None, uptime_s=9_000.0)
    assert past.run(60, heard_ground_age_s=2.0) == []


def test_without_utc_nothing_is_told(past: FlightHistory) -> None:
    past.firsts.observe(replace(past.facts, cloud="inside", situation=replace(
        past.facts.situation, utc_ms=None, phase=Phase.ASCENT)), past.now_ms)
    assert past.firsts.news(past.facts, []) is None


def test_each_has_its_words_its_topic_and_its_place_in_the_notebook() -> None:
    """Goal: like the other senses, short, and of what thoughts are written for."""
    assert NEWS_WORDS.keys() == TOPIC_OF.keys() == set(WORD_KEYS["news"])
    assert all(len(words) <= 40 and words == words.strip(" .") for words in NEWS_WORDS.values())
    moment = Moment("cold", phase="ascent", altitude_m=9_000.0, outside_c=-43.0, news="coldest")
    assert senses_in_words(moment) == (
        "climbing, 9 km up. outside -43 C. colder than anything so far.")
    plain = replace(moment, news=None)
    assert suffix(plain) == suffix(moment).replace(" colder than anything so far.", "")


def test_a_thought_that_tells_a_first_remembers_what_was_said_before(past: FlightHistory) -> None:
    """Goal: its topic, its words at the end of the senses, the earlier line as the memory; the
    thought after it, and a question, as ever. Method: the desk's -50 C after a flight to -15 C."""
    past.climb(-15.0)
    past.firsts.note_musing(Moment("cold"), "The cold has teeth here.")
    desk = Desk(Worker(), firsts=past.firsts.saved())
    desk.run(55)
    desk.mind.ask(1, "Is it cold?")
    desk.situation = replace(desk.situation, outside_c=-52.0)
    desk.run(400)
    suffixes = [request.suffix for _, request in desk.worker.requests]
    assert "asked: Is it cold?" in suffixes[0] and "so far" not in suffixes[0]
    assert suffixes[1] == (
        "climbing, 12 km up. outside -52 C. air 190 hPa. sun high. battery good."
        " heard nobody for 1 min. colder than anything so far.\n"
        "once I wrote: The cold has teeth here.\n"
        "about: cold<|im_end|>\n<|im_start|>assistant\n")
    assert not any("so far" in text or "once I wrote" in text for text in suffixes[2:])
    assert desk.musings[0]["senses"].endswith("colder than anything so far.")
