"""The SX1262's commands as the data sheet has them, its pins, and what it can be wrong about."""

from __future__ import annotations

import itertools

import pytest
from gpiozero.pins.mock import MockFactory, MockPin

from payload.ports import DeviceAbsent
from sim.fakes.sx1262 import FakeSx1262
from tests.payload.drivers.modems.chip_bench import PINS, SX1262, SX1276, Bench
from wire.mission_radio import Sx1262Section
from wire.modems import sx1262
from wire.modems.chip_pins import BUSY_MS_MAX, GpioPins
from wire.modems.lora_chip import RETRY_MS, ChipAbsent, ChipGarbage, ChipTimeout
from wire.modems.radio_dialog import ModuleLost


def section(**changes: object) -> Sx1262Section:
    return Sx1262Section.model_validate({"frequency_khz": 868_500, **PINS, **changes})


def test_the_commands_between_reset_and_reception() -> None:
    """868.5 MHz is 868.5 * 2^20 steps; the bytes as §13 and §14.3 of the data sheet have them."""
    bench = Bench(section(tcxo_mv=1800, power_dbm=22), has_tcxo=True)
    bench.chip.step(0)
    assert [each.hex(" ") for each in bench.fake.commands] == [
        "1d 07 40 00 00 00",                  # the sync word of a chip just reset
        "80 00",                              # SetStandby(STDBY_RC)
        "97 02 00 01 40", "07 00 00", "89 7f",  # DIO3: 1.8 V, 5 ms; the clock anew
        "9d 01",                              # DIO2 is the antenna switch
        "8a 01", "98 d7 db", "86 36 48 00 00",
        "95 04 07 00 01", "8e 16 04",         # +22 dBm, table 13-21; a ramp of 200 us
        "8f 00 00", "8b 09 04 01 00", "8c 00 08 00 ff 01 00",
        "08 00 43 00 00 00 00 00 00",         # TxDone, RxDone, CrcErr, on no pin
        "0d 07 40 14 24", "0d 08 ac 96",
        "1d 08 d8 00 00", "0d 08 d8 de",      # 15.2: C8 with bits 4 to 1
        "1d 07 40 00 00 00", "11 00 00",      # read back
        "02 ff ff", "82 ff ff ff",            # SetRx, continuous
        "17 00 00 00", "12 00 00 00",         # is it well; did it hear something
    ]
    assert bench.fake.hurried_commands == 0


def test_a_frame_is_the_packet_the_buffer_and_the_amplifier() -> None:
    bench = Bench(section())
    bench.chip.step(0)
    bench.fake.commands.clear()
    bench.chip.send(b"\x00\xfframe", 0)
    assert [each.hex(" ") for each in bench.fake.commands] == [
        "80 00", "02 ff ff", "8c 00 08 00 06 01 00", "0e 00 00 ff 72 61 6d 65",
        "1d 08 89 00 00", "0d 08 89 05",      # 15.1: bit 2 set below 500 kHz
        "83 00 00 00",                        # SetTx without a limit
    ]
    wide = Bench(section(bandwidth_khz=500))
    wide.chip.step(0)
    wide.fake.registers[sx1262.TX_MODULATION] = 0x05
    wide.chip.send(b"frame", 0)
    assert wide.fake.registers[sx1262.TX_MODULATION] == 0x01, "15.1: and not set at 500 kHz"


def test_a_packet_is_fetched_from_where_it_lies() -> None:
    bench = Bench(section())
    bench.chip.step(0)
    bench.hear(b"first")
    bench.chip.step(bench.now_ms)
    bench.hear(b"second")
    bench.fake.commands.clear()
    bench.chip.step(bench.now_ms)
    assert [each.hex(" ") for each in bench.fake.commands] == [
        "12 00 00 00", "02 ff ff", "13 00 00 00", "1e 05 00 00 00 00 00 00 00", "14 00 00 00 00"]
    assert [one.data for one in bench.chip.take_heard()] == [b"first", b"second"]


@pytest.mark.parametrize(("power_dbm", "commands"), [
    (14, ("95 02 02 00 01", "8e 16 04")), (17, ("95 02 03 00 01", "8e 16 04")),
    (20, ("95 03 05 00 01", "8e 16 04")), (22, ("95 04 07 00 01", "8e 16 04")),
    (10, ("95 04 07 00 01", "8e 0a 04")), (-9, ("95 04 07 00 01", "8e f7 04")),
])
def test_the_amplifier_is_set_as_its_table_says(power_dbm: int, commands: tuple[str, str]) -> None:
    assert tuple(each.hex(" ") for each in sx1262.amplifier(power_dbm)) == commands


@pytest.mark.parametrize(("mhz", "edges"), [
    (434, "6b6f"), (490, "7581"), (780, "c1c5"), (868.5, "d7db"), (915, "e1e9"), (863, "d7db"),
    (870, "d7db"), (870.001, "d8db"), (150, "2427"), (144, "2325"), (450, "6f72"),
])
def test_an_image_is_rejected_where_the_mission_transmits(mhz: float, edges: str) -> None:
    assert sx1262.image_band(round(mhz * 1_000_000)).hex() == edges


def test_a_sync_word_is_that_of_the_older_chips() -> None:
    assert [sx1262.sync_words(word).hex() for word in (0x12, 0x34)] == ["1424", "3444"]
    for sections in itertools.permutations([SX1276, SX1262]):
        ours, theirs = map(Bench, sections)
        ours.radio.poll(ours.now_ms)
        theirs.radio.offer(b"frame", theirs.now_ms)
        ours.wait(theirs.airtime.on_air_ms(5))
        ours.fake.hear(theirs.aired[-1], -90, 5)
        assert [one.data for one in ours.radio.poll(ours.now_ms)] == [b"frame"]


@pytest.mark.parametrize(("spreading", "khz", "is_slow", "preamble"), [
    (5, 500, 0, 12), (6, 125, 0, 12), (7, 125, 0, 8), (10, 125, 0, 8), (11, 125, 1, 8),
    (11, 250, 0, 8), (12, 250, 1, 8), (12, 500, 0, 8)])
def test_slow_symbols_are_optimised_for_and_short_ones_begin_longer(
    spreading: int, khz: int, is_slow: int, preamble: int
) -> None:
    own = section(spreading=spreading, bandwidth_khz=khz)
    (params,) = [each for each in sx1262.settings(own) if each[0] == sx1262.SET_MODULATION_PARAMS]
    assert params[1:] == bytes([spreading, {125: 4, 250: 5, 500: 6}[khz], 1, is_slow])
    assert sx1262.packet_params(own, 7)[1:5] == bytes([0, preamble, 0, 7])
    bench = Bench(own)
    assert bench.radio.offer(b"frame", 0) and bench.aired[0].modulation == own.modulation


def test_busy_that_never_falls_is_said_and_asked_again() -> None:
    bench = Bench(SX1262)
    bench.fake.is_hung = True
    with pytest.raises(DeviceAbsent, match="BUSY stays high: check its supply and busy_pin"):
        bench.radio.poll(0)
    assert bench.fake.commands == []
    bench.fake.is_hung = False
    bench.wait(RETRY_MS)
    bench.radio.poll(bench.now_ms)
    bench.fake.is_hung = True
    with pytest.raises(ChipTimeout, match="BUSY stays high"):
        bench.chip.send(b"frame", bench.now_ms)
    assert bench.chip.identity is None and not bench.aired


@pytest.mark.parametrize(("tcxo_mv", "has_tcxo"), [(None, True), (1800, False)])
def test_a_clock_that_does_not_start_names_the_key(tcxo_mv: int | None, has_tcxo: bool) -> None:
    bench = Bench(section(tcxo_mv=tcxo_mv), has_tcxo=has_tcxo)
    with pytest.raises(ChipGarbage, match="its oscillator does not start: see tcxo_mv"):
        bench.chip.step(0)


def test_a_smaller_chip_refuses_what_it_cannot_and_says_so() -> None:
    """An LLCC68 that is taken for an SX1262 refuses SF12."""
    bench = Bench(section(spreading=12), is_llcc68=True)
    with pytest.raises(ChipGarbage, match="refused a command, status 0x28"):
        bench.chip.step(0)
    assert Bench(section(chip="LLCC68"), is_llcc68=True).radio.offer(b"frame", 0)


@pytest.mark.parametrize(("errors", "words"), [
    (0x0008, "reports a failure: ADC calibration"), (0x0050, "image calibration, PLL lock"),
    (0x8000, "reports a failure: 0x8000")])
def test_what_the_chip_finds_in_itself_is_told(errors: int, words: str) -> None:
    bench = Bench(SX1262)
    restart = bench.fake.restart

    def broken() -> None:
        restart()
        bench.fake._errors = errors

    bench.fake.restart = broken
    with pytest.raises(ChipGarbage, match=words):
        bench.chip.step(0)


def test_another_chip_and_one_that_keeps_no_settings_are_named() -> None:
    bench = Bench(SX1262)
    bench.fake.reset = lambda: None  # its pin is not connected: what it was told before is kept
    bench.fake.registers.update({0x0740: 0x34, 0x0741: 0x44})
    with pytest.raises(ChipGarbage, match="3444 after its reset, in place of 1424"):
        bench.chip.step(0)
    bench = Bench(section(sync_word=0x34))
    obey = bench.fake._obey
    bench.fake._obey = lambda command, values: (
        1 if command == sx1262.WRITE_REGISTER else obey(command, values))
    with pytest.raises(ChipGarbage, match="keeps 142401 in place of 344401"):
        bench.chip.step(0)


def test_a_transmission_that_ends_while_it_is_looked_at_has_ended() -> None:
    """The mode says that it sends, or that it does not, before the flag that it has sent."""
    bench = Bench(SX1262)
    assert bench.radio.offer(b"frame", 0)
    answer = bench.fake._answer
    answers = itertools.count()

    def late(data: bytes) -> bytes:
        back = answer(data)
        return back[:2] + bytes(2) if next(answers) == 0 else back

    bench.wait(bench.airtime.on_air_ms(5))
    bench.fake._answer = late
    assert bench.radio.is_idle(bench.now_ms)


def test_a_command_before_busy_falls_would_be_lost() -> None:
    """The fake's own rule, without which no test here would notice a driver that does not wait."""
    fake = FakeSx1262(lambda: 0, lambda at_ms, action: None, lambda packet, end_ms: None)
    fake.transfer(b"\x80\x00")
    assert fake.hurried_commands == 1 and fake.commands == []
    assert fake.wait_ready()
    for bad in (b"\x55\x00", b"\x8b\x09\x04\x01\x00", b"\x95\x05\x07\x00\x01", b"\x8a"):
        fake.transfer(bad)
        fake.wait_ready()
        assert fake.transfer(b"\x12\x00\x00\x00")[1] >> 1 & 7 in sx1262.REFUSED, bad.hex()
        fake.wait_ready()


class Clock:
    """It moves when somebody looks."""

    now_ms = 0

    def __call__(self) -> int:
        self.now_ms += 1
        return self.now_ms


def test_the_pins_of_a_chip_and_a_busy_that_stays() -> None:
    """Method: gpiozero's own fake pins."""
    factory, clock = MockFactory(), Clock()
    busy, reset, antenna = (factory.pin(number) for number in (20, 18, 6))
    pins = GpioPins(section(antenna_pin=6), clock, factory)
    assert isinstance(reset, MockPin) and isinstance(busy, MockPin)
    pins.reset()
    assert [state.state for state in reset.states][-2:] == [False, True] and antenna.state
    busy.drive_low()
    assert pins.wait_ready()
    busy.drive_high()
    began_ms = clock.now_ms
    assert not pins.wait_ready() and BUSY_MS_MAX <= clock.now_ms - began_ms <= 2 * BUSY_MS_MAX
    pins.close()
    busy.drive_low()
    assert pins.wait_ready(), "opened again"
    pins.close()


def test_a_pin_that_is_taken_is_named_and_tried_again() -> None:
    factory = MockFactory()
    pins, others = (GpioPins(section(), Clock(), factory) for _ in range(2))
    others.reset()
    with pytest.raises(ChipAbsent, match=r"pins of the SX1262: .*GPIO18"):
        pins.reset()
    with pytest.raises(ModuleLost):
        pins.wait_ready()
    others.close()
    pins.reset()
    pins.close()
