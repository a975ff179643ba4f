"""Missions over LoRa modules: the airtime of a frame, defaults, and what a file may not say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire import mission
from wire.airtime import Airtime
from wire.airtime_budget import AirtimeBudget
from wire.lora import Modulation
from wire.mission import Mission, MissionError
from wire.modems import ebyte

TEXT = (Path(__file__).resolve().parents[2] / "mission.toml").read_text()
RADIO = re.search(r"(?ms)^\[radio\].*?(?=^\[sensors\])", TEXT)[0]
CADENCE = re.search(r"(?ms)^\[cadence\].*?(?=^\[mind\])", TEXT)[0]


def flown(radio: str) -> Mission:
    text = TEXT.replace(RADIO, f"[radio]\n{radio}\n").replace(CADENCE, "")
    return mission.parse(text, "m.toml")


EBYTE = 'kind = "ebyte"\n[radio.ebyte]\nchannel = 18\n'
RYLR = 'kind = "rylr"\n[radio.rylr]\nfrequency_khz = 868500\n'
SX1276 = 'kind = "sx1276"\n[radio.sx1276]\nfrequency_khz = 868500\n'
SX1262 = SX1276.replace("sx1276", "sx1262") + "busy_pin = 20\nreset_pin = 18\n"
PINS = "m0_pin = 22\nm1_pin = 27\naux_pin = 23\n"


@pytest.mark.parametrize(("modulation", "n_bytes", "ms"), [
    ((7, 125_000, 1, 8), 23, 61.7), ((12, 125_000, 1, 8), 23, 1482.8),
    ((10, 125_000, 1, 8), 64, 698.4), ((9, 125_000, 1, 12), 248, 1246.2),
    ((5, 500_000, 1, 12), 100, 14.8),
])
def test_a_packet_lasts_as_the_makers_of_the_chip_say(
    modulation: tuple[int, int, int, int], n_bytes: int, ms: float
) -> None:
    """The first three are the figures of LoRaWAN's calculators: 10 and 51 bytes, 13 around."""
    assert ms <= Modulation(*modulation).packet_ms(n_bytes) < ms + 1.1


@pytest.mark.parametrize(("radio", "mtu_bytes", "baud"), [
    (EBYTE, 222, 9600), (EBYTE + 'module = "E220"\n', 196, 9600),
    (EBYTE + 'module = "E32"\n', 112, 9600), (RYLR, 192, 115_200),
    (RYLR + "is_binary_safe = true\n", 222, 115_200), (SX1276, 222, 9600),
    (SX1262, 222, 9600),
])
def test_what_is_left_out_is_as_the_module_requires(
    radio: str, mtu_bytes: int, baud: int
) -> None:
    found = flown(radio).radio
    assert (found.mtu_bytes, found.baud, found.framing) == (mtu_bytes, baud, "plain")


@pytest.mark.parametrize("radio", [
    EBYTE, EBYTE + 'module = "E32"\n', "rate_bps = 300\n" + EBYTE, RYLR,
    RYLR + "is_binary_safe = true\nspreading = 7\n", SX1276, SX1276 + "spreading = 12\n",
    SX1262, SX1262 + "spreading = 5\n",
])
@given(size=st.integers(1, 255))
def test_the_largest_frame_in_a_time(radio: str, size: int) -> None:
    air = Airtime.of(flown(radio).radio)
    time_ms = air.on_air_ms(size)
    assert air.bytes_in(time_ms) >= size > air.bytes_in(air.on_air_ms(1) - 1)
    assert air.on_air_ms(air.bytes_in(time_ms)) <= time_ms


def test_a_chip_has_no_line_and_adds_no_bytes() -> None:
    """Method: the packet of the calculators above, and the bus at 1 Mbit/s before it."""
    air = Airtime.of(flown(SX1276 + "spreading = 7\n").radio)
    assert Modulation(7, 125_000, 1, 8).packet_ms(23) == 62 == air.on_air_ms(23) - 1
    radio = flown(SX1276).radio
    assert (radio.device, radio.link) == ("/dev/spidev0.0", "SF9 at 125 kHz")
    assert radio.rate == "radio.sx1276.spreading = 9, bandwidth_khz = 125"
    newer = flown(SX1262).radio
    assert (newer.device, newer.link) == (radio.device, radio.link)
    assert [Airtime.of(newer).on_air_ms(size) for size in (1, 222)] == [
        Airtime.of(radio).on_air_ms(size) for size in (1, 222)]


def test_base85_costs_a_quarter_and_a_long_frame_of_an_e32_two_packets() -> None:
    text, binary = (Airtime.of(flown(RYLR + f"is_binary_safe = {safe}\n").radio)
                    for safe in ("false", "true"))
    assert text.on_air_ms(160) == binary.on_air_ms(200)
    e32 = Airtime.of(flown(EBYTE + 'module = "E32"\n').radio)
    one = ebyte.MODULATIONS[2400].packet_ms(64)
    assert e32.on_air_ms(54) == one + 61 and e32.on_air_ms(112 - 4) > 2 * one


def test_every_air_rate_is_no_faster_than_its_name() -> None:
    for rate_bps, modulation in ebyte.MODULATIONS.items():
        gross = modulation.spreading * modulation.bandwidth_hz * 4 / 5 / 2**modulation.spreading
        assert rate_bps / 2 < gross <= rate_bps


@pytest.mark.parametrize(("radio", "says"), [
    ('kind = "ebyte"', 'radio.kind = "ebyte" requires a table [radio.ebyte] with channel'),
    ('kind = "rylr"', 'radio.kind = "rylr" requires a table [radio.rylr] with frequency_khz'),
    ('framing = "ax25"\n' + EBYTE,
     'radio.framing = "ax25": a LoRa module carries no AX.25; allowed is "plain", or omit the key'),
    ("rate_bps = 1000\n" + EBYTE, "radio.rate_bps = 1000: an E22 has 300, 1200, 2400, 4800, 9600, "
                                  "19200, 38400, 62500"),
    ("rate_bps = 300\n" + EBYTE + 'module = "E220"', "radio.rate_bps = 300: an E220 has 2400"),
    ("baud = 115200\n" + EBYTE, "radio.baud = 115200: an EBYTE module is configured at 9600"),
    ("mtu_bytes = 113\n" + EBYTE + 'module = "E32"',
     "radio.mtu_bytes = 113: an E32 carries at most 112"),
    (EBYTE.replace("18", "32") + 'module = "E32"',
     "radio.ebyte.channel = 32: an E32 has channels 0 to 31"),
    (EBYTE + 'module = "E32"\nnetwork = 3', "radio.ebyte.network = 3: an E32 has no network id"),
    (EBYTE + "m0_pin = 22", "radio.ebyte: m0_pin and m1_pin are used together"),
    (EBYTE + PINS.replace("23", "22"), "m0_pin, m1_pin and aux_pin must differ"),
    (EBYTE + PINS.replace("23", "14"), "14 and 15 are the serial port"),
    (EBYTE + "chanel = 1", "[radio.ebyte]: unknown key 'chanel' (did you mean 'channel'?); avail"),
    (RYLR + "spreading = 10", "radio.rylr.spreading = 10: at 125 kHz a RYLR998 has 5 to 9"),
    (RYLR + "network = 16", "radio.rylr.network = 16: a RYLR998 has 3 to 15 and 18"),
    ("mtu_bytes = 193\n" + RYLR, "radio.mtu_bytes = 193: a RYLR998 carries at most 192, or 240"),
    (RYLR + "bandwidth_khz = 200", "radio.rylr.bandwidth_khz = 200: must be 125, 250 or 500 kHz"),
    ("duty_percent = 1\nlisten_s = 1\n" + RYLR, ""),
    ('kind = "sx1276"', 'radio.kind = "sx1276" requires a table [radio.sx1276] with frequency_khz'),
    ('framing = "ax25"\n' + SX1276, 'radio.framing = "ax25": a LoRa module carries no AX.25'),
    (SX1276 + "spreading = 6", "radio.sx1276.spreading = 6: must be a whole number from 7 to 12"),
    (SX1276 + "power_dbm = 18", "radio.sx1276.power_dbm = 18: must be a whole number from 2 to 17"),
    (SX1276 + "network = 7", "[radio.sx1276]: unknown key 'network'; available: bandwidth_khz, c"),
    ('kind = "sx1262"', 'radio.kind = "sx1262" requires a table [radio.sx1262] with frequency_khz'),
    (SX1262.replace("busy_pin = 20\n", ""), "key radio.sx1262.busy_pin is missing"),
    (SX1262 + "spreading = 4", "radio.sx1262.spreading = 4: must be a whole number from 5 to 12"),
    (SX1262 + "power_dbm = 23", "radio.sx1262.power_dbm = 23: must be a whole number from -9 to"),
    (SX1262 + "power_dbm = -10", "radio.sx1262.power_dbm = -10: must be a whole number from -9"),
    (SX1262 + "tcxo_mv = 2000", "radio.sx1262.tcxo_mv = 2000: must be 1600, 1700, 1800"),
    (SX1262 + 'chip = "LLCC68"\nspreading = 10',
     "radio.sx1262.spreading = 10: at 125 kHz an LLCC68 has 5 to 9"),
    (SX1262 + "antenna_pin = 18", "busy_pin, reset_pin and antenna_pin must differ, and 9, 10, 11"),
    (SX1262.replace("20", "11"), "must differ, and 9, 10, 11 are the SPI bus"),
    ('device = "/dev/spidev1.0"\n' + SX1262, "must differ, and 19, 20, 21 are the SPI bus"),
    (SX1262 + "dio1_pin = 16", "[radio.sx1262]: unknown key 'dio1_pin'; available: antenna_pin"),
])
def test_a_radio_that_cannot_be_is_one_sentence(radio: str, says: str) -> None:
    if not says:
        assert AirtimeBudget(flown(radio)).flaw() is None
        return
    with pytest.raises(MissionError) as refused:
        flown(radio)
    assert says in str(refused.value) and "\n" not in str(refused.value)
    assert str(refused.value).startswith("m.toml: ")


@pytest.mark.parametrize(("radio", "says"), [
    ("duty_percent = 1\n" + RYLR + "network = 5\nspreading = 9\n", ""),
    ("rate_bps = 300\nduty_percent = 1\n" + EBYTE, "a faster modulation"),
])
def test_a_callsign_that_comes_too_late_asks_for_no_ax25(radio: str, says: str) -> None:
    """AX.25 is no way out here; what is too slow for its callsign is told so."""
    try:
        flown(radio)
        assert not says
    except MissionError as refused:
        assert says and str(refused).endswith(says) and "ax25" not in str(refused)


def test_a_cutdown_shares_no_pin_with_the_radio() -> None:
    text = TEXT.replace(RADIO, f"[radio]\n{EBYTE}{PINS}\n").replace(CADENCE, "")
    with pytest.raises(MissionError, match="cutdown_pin = 22: is a pin of the radio module"):
        mission.parse(text.replace("# cutdown_pin = 17 ", "cutdown_pin = 22 # "), "m.toml")
    text = text.replace(EBYTE + PINS, SX1262)
    with pytest.raises(MissionError, match=r"cutdown_pin = 18: .* radio module, \[radio.sx1262\]"):
        mission.parse(text.replace("# cutdown_pin = 17 ", "cutdown_pin = 18 # "), "m.toml")
