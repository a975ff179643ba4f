"""Moments: each begins when it was seen to change, and once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from payload.mind.planner.moments import Moments
from payload.mind.topics import Facts
from payload.situation import Situation
from wire.beacon import Phase


def facts(phase: Phase = Phase.ASCENT, cloud: str | None = None,
          api: tuple[str, str] | None = None, **changes: Any) -> Facts:
    situation = Situation(now_ms=0, phase=phase, altitude_m=9_000.0, fix_age_s=0.1,
                          heard_ground_age_s=10.0, outside_c=-40.0)
    return Facts(replace(situation, **changes), cloud=cloud, api=api)


def begun(*seen: Facts) -> list[list[str]]:
    moments = Moments()
    return [moments.begun(each, {}) for each in seen]


def test_phases_are_news_when_they_change_and_not_after_a_reboot() -> None:
    assert begun(facts(Phase.ASCENT)) == [[]]
    path = (Phase.GROUND, Phase.ASCENT, Phase.ASCENT, Phase.DESCENT, Phase.LANDED)
    assert begun(*map(facts, path)) == [[], ["launch"], [], ["burst"], ["landed"]]


def test_clouds_calls_silence_and_landing() -> None:
    assert begun(facts(cloud="inside"), facts(), facts()) == [[], ["clouds-passed"], []]
    failed, worked = ("news", "404"), ("news", "ok")
    assert begun(facts(), facts(api=failed), facts(api=failed), facts(api=worked), facts()) == [
        [], ["call-failed"], [], ["call-worked"], []]
    silent = facts(heard_ground_age_s=400.0)
    assert begun(facts(), silent, facts(), silent) == [[], ["silence"], [], []]
    low = facts(Phase.DESCENT, altitude_m=900.0)
    assert begun(facts(Phase.DESCENT), low, low) == [[], ["landing"], []]


def test_the_tropopause_is_where_it_grows_warmer_again() -> None:
    colder = [facts(outside_c=each) for each in (-40.0, -56.0, -55.0, -53.0, -50.0)]
    assert begun(*colder) == [[], [], [], ["tropopause"], []]


def test_firsts_are_passed_on_once_each_time_they_begin() -> None:
    moments, now = Moments(), facts()
    assert moments.begun(now, {"half-air": 5}) == ["half-air"]
    assert moments.begun(now, {"half-air": 5, "cloud-half": 6}) == []
    assert moments.begun(now, {"coldest": 7}) == ["coldest"]
    assert moments.begun(now, {"coldest": 9}) == ["coldest"]


def test_nought_degrees_is_a_temperature() -> None:
    """As the coldest so far it was forgotten, and growing warmer was no news."""
    high = [facts(outside_c=each, altitude_m=12_000.0) for each in (5.0, 0.0, 1.0, 2.5)]
    assert begun(*high) == [[], [], [], ["tropopause"]]
