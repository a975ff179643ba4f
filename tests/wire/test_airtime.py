"""Airtime of a frame, and the budget that a mission makes of it."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire import mission
from wire.airtime import Airtime, HdlcAirtime
from wire.airtime_budget import CADENCE_KEYS, IDENT_EVERY_MS, AirtimeBudget
from wire.beacon import Phase, PowerMode
from wire.frames import FEEDBACK_ENTRY_BYTES, FEEDBACK_OVERHEAD_BYTES, feedback_entries_max
from wire.mission import CadenceSection, Mission, MissionError
from wire.mission_radio import RadioSection

TEXT = (Path(__file__).resolve().parents[2] / "mission.toml").read_text()
EXAMPLE = mission.parse(TEXT, "mission.toml")


def plan(*, cadence: dict[str, int] | None = None, **radio: object) -> Mission:
    """The example with another radio; what is not named is left out."""
    section = {"kind": "kiss-tcp", "horus": True, **radio}
    return EXAMPLE.model_copy(update={
        "radio": RadioSection.model_validate(section),
        "cadence": CadenceSection(**(cadence or {})),
    })


# -- one frame ------------------------------------------------------------------------------


def test_a_full_frame_as_a_modem_sends_it() -> None:
    """400 ms of head and tail; 222 bytes, 16 of AX.25, 4 of HDLC; 5 % of stuffed bits."""
    air = Airtime.of(EXAMPLE.radio)
    assert air.on_air_ms(222) == 400 + 847
    assert air.occupied_ms(222) == air.on_air_ms(222)


def test_a_duty_cycle_makes_the_frame_and_its_pause_a_hundred_times_as_long() -> None:
    air = Airtime.of(plan(duty_percent=1).radio)
    assert air.occupied_ms(222) == 100 * (400 + 847)


def test_plain_frames_go_without_the_sixteen_bytes() -> None:
    plain, packet = (Airtime.of(plan(framing=name).radio) for name in ("plain", "ax25"))
    assert plain.on_air_ms(100) == packet.on_air_ms(84)


@given(st.integers(100, 1_000_000), st.integers(0, 2000), st.integers(0, 255),
       st.sampled_from((0, 16)))
def test_the_largest_frame_in_a_time(rate: int, delay_ms: int, size: int, envelope: int) -> None:
    air = HdlcAirtime(100, rate, delay_ms, envelope)
    assert air.bytes_in(air.on_air_ms(size)) >= size
    room_ms = air.on_air_ms(size) - 1
    largest = air.bytes_in(room_ms)
    assert largest == 0 or air.on_air_ms(largest) <= room_ms


# -- how often the beacon goes --------------------------------------------------------------


ASCENT = (Phase.ASCENT, PowerMode.NOMINAL, 9000.0)


@pytest.mark.parametrize(("rate_bps", "duty_percent", "every_s"), [
    (2400, 100, 10), (1200, 100, 10), (600, 100, 10), (300, 100, 10), (100, 100, 26),
    (2400, 10, 19), (300, 10, 92), (2400, 1, 185), (293, 1, 935), (100, 1, 2584),
])
def test_a_cadence_that_is_left_out_is_as_slow_as_the_link(
    rate_bps: int, duty_percent: int, every_s: int
) -> None:
    found = plan(rate_bps=rate_bps, duty_percent=duty_percent)
    budget = AirtimeBudget(found)
    assert budget.flaw() is None
    assert math.ceil(budget.beacon_every_ms(*ASCENT) / 1000) == every_s


radios = st.builds(
    plan, rate_bps=st.integers(100, 20_000), duty_percent=st.integers(1, 100),
    mtu_bytes=st.integers(64, 255), framing=st.sampled_from(("ax25", "plain")),
    listen_s=st.integers(1, 60), listen_every_s=st.integers(5, 600),
    tx_delay_ms=st.integers(0, 2000),
)


@given(radios)
def test_between_two_beacons_there_is_room_for_a_full_frame_of_words(found: Mission) -> None:
    """So beacons have at most half of the time, for no frame of words is shorter than they are."""
    budget = AirtimeBudget(found)
    for phase in Phase:
        every_ms = budget.beacon_every_ms(phase, PowerMode.NOMINAL, 100.0)
        assert budget.beacon_ms + budget.words_ms <= every_ms <= max(30_000, budget.least_ms)
        assert 2 * budget.beacon_ms <= every_ms
        assert budget.silence_ms + budget.words_ms <= 2 * every_ms


@given(radios)
def test_a_window_holds_a_command_and_both_ends_agree_on_a_report(found: Mission) -> None:
    budget = AirtimeBudget(found)
    if budget.is_listen_enough:
        assert budget.airtime.on_air_ms(64) < budget.window_ms
    assert 64 - 4 <= budget.report_bytes_max <= found.symbol_mtu_bytes
    entries = feedback_entries_max(budget.report_bytes_max)
    report_bytes = FEEDBACK_OVERHEAD_BYTES + entries * FEEDBACK_ENTRY_BYTES
    assert entries >= 3 and budget.airtime.on_air_ms(report_bytes) < budget.window_ms


@given(radios, st.integers(5, 3600))
def test_a_written_cadence_is_kept_or_refused(found: Mission, asked_s: int) -> None:
    """The just refused is refused, and what the sentence allows is allowed."""
    written = found.model_copy(update={
        "cadence": CadenceSection(**dict.fromkeys(CADENCE_KEYS, asked_s))})
    budget = AirtimeBudget(written)
    flaw = budget.flaw()
    if 1000 * asked_s >= budget.least_ms:
        assert flaw is None or (not flaw.startswith("cadence.") and "too long" not in flaw)
        assert budget.beacon_every_ms(*ASCENT) == 1000 * asked_s
    else:
        assert flaw is not None
        assert "cadence.beacon_ground_s" in flaw or flaw.startswith("radio.")


# -- what is refused ------------------------------------------------------------------------


def parsed(*changes: tuple[str, str]) -> Mission:
    text = TEXT
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return mission.parse(text, "m.toml")


RATE = "rate_bps = 2400 "


@pytest.mark.parametrize(("changes", "says"), [
    ([(RATE, "rate_bps = 1200\nduty_percent = 10 ")],
     "m.toml: cadence.beacon_flight_s = 10, beacon_low_s = 5, beacon_landed_s = 15: too short for "
     "a beacon and a full frame, which require 28.9 s at radio.rate_bps = 1200, duty_percent = 10 "
     "and mtu_bytes = 222; allowed is 29 or more, or omit the key"),
    ([(RATE, "rate_bps = 300 ")],
     "m.toml: cadence.beacon_low_s = 5: too short for a beacon and a full frame, which require "
     "9.1 s at radio.rate_bps = 300, duty_percent = 100 and mtu_bytes = 222; allowed is 10 or "
     "more, or omit the key"),
    ([("listen_s = 3\n", "listen_s = 30\n")],
     "m.toml: radio.listen_s = 30: too long for cadence.beacon_low_s = 5: with the frames that "
     "follow the window there would be no beacon for 32.4 s; allowed is listen_s up to 7, or "
     "beacon_low_s from 17"),
    ([(RATE, "rate_bps = 100 "), ("beacon_low_s = 5 ", "beacon_low_s = 30 "),
      ("beacon_flight_s = 10\n", ""), ("beacon_landed_s = 15\n", "")],
     "m.toml: radio.listen_s = 3: too short for a command, which requires 7.7 s at radio.rate_bps "
     "= 100; allowed is 8 or more, or omit the key"),
    ([(RATE, "rate_bps = 300\nduty_percent = 1 "), ('framing = "ax25"', 'framing = "plain"'),
      ("beacon_ground_s = 30\n", ""), ("beacon_low_s = 5 ", "# "), ("beacon_flight_s = 10\n", ""),
      ("beacon_landed_s = 15\n", "")],
     'm.toml: radio.framing = "plain": the callsign must be sent every 600 s and may be delayed by '
     "948 s at radio.rate_bps = 300, duty_percent = 1 and mtu_bytes = 222; allowed is mtu_bytes up "
     'to 97 or framing = "ax25"'),
])
def test_a_mission_that_cannot_keep_its_word_is_one_sentence(
    changes: list[tuple[str, str]], says: str
) -> None:
    with pytest.raises(MissionError) as refused:
        parsed(*changes)
    assert str(refused.value) == says


def test_what_the_sentences_allow_is_allowed() -> None:
    parsed(("listen_s = 3\n", "listen_s = 7\n"))
    parsed(("listen_s = 3\n", "listen_s = 30\n"), ("beacon_low_s = 5 ", "beacon_low_s = 17 "),
           ("beacon_flight_s = 10\n", "beacon_flight_s = 17\n"),
           ("beacon_landed_s = 15\n", "beacon_landed_s = 17\n"))
    parsed((RATE, "rate_bps = 300 "), ("beacon_low_s = 5 ", "beacon_low_s = 10 "))
    slow = {"rate_bps": 300, "duty_percent": 1, "framing": "plain"}
    assert AirtimeBudget(plan(**slow, mtu_bytes=97)).flaw() is None
    assert AirtimeBudget(plan(**slow, mtu_bytes=98)).flaw() is not None
    assert AirtimeBudget(plan(**{**slow, "framing": "ax25"}, mtu_bytes=255)).flaw() is None


def test_no_mtu_helps_a_callsign_that_takes_too_long() -> None:
    flaw = AirtimeBudget(plan(rate_bps=100, duty_percent=1, framing="plain")).flaw()
    assert flaw is not None and flaw.endswith('; allowed is framing = "ax25"')


def test_without_a_radio_nothing_is_promised() -> None:
    assert AirtimeBudget(plan(kind="none", rate_bps=100, duty_percent=1, listen_s=1)).flaw() is None


# -- what is left for words -----------------------------------------------------------------


@given(radios)
def test_an_hour_has_words_in_it_whatever_the_link(found: Mission) -> None:
    budget = AirtimeBudget(found)
    if budget.flaw() is None:
        hour = budget.hour()
        spent_ms = hour.beacons * budget.beacon_ms + hour.frames * budget.words_ms
        assert spent_ms <= 3_600_000 and hour.frames >= 1
        if budget.silence_ms <= budget.least_ms:  # it does not listen for most of the time
            assert hour.frames >= hour.beacons // 3
        assert hour.word_bytes >= hour.frames * (found.symbol_mtu_bytes - 14)


def test_an_hour_of_the_example() -> None:
    hour = AirtimeBudget(EXAMPLE).hour()
    assert (hour.beacons, hour.beacon_every_ms) == (360, 10_000)
    assert 2_000 < hour.frames < 2_300 and 6_000 < hour.musings < 8_500 and hour.pictures > 150
    slow = AirtimeBudget(plan(rate_bps=2400, duty_percent=1)).hour()
    assert (slow.beacons, slow.frames) == (19, 19) and 50 < slow.musings < 80 < 100 * slow.pictures


def test_the_callsign_goes_unasked_where_it_costs_next_to_nothing() -> None:
    assert AirtimeBudget(EXAMPLE).identifies
    assert not AirtimeBudget(plan(rate_bps=300, duty_percent=1)).identifies
    plain = AirtimeBudget(plan(rate_bps=300, framing="plain"))
    assert plain.identifies and plain.ident_every_ms < IDENT_EVERY_MS
