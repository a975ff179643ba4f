"""The SX1276's registers, and what of a chip it refuses."""

from __future__ import annotations

import pytest

from tests.payload.drivers.modems.chip_bench import SX1276, Bench
from wire.mission_radio import Sx1276Section
from wire.modems import sx1276
from wire.modems.lora_chip import ChipGarbage
from wire.modems.sx1276 import Sx1276


def test_the_registers_of_the_data_sheet() -> None:
    """434 MHz is RegFrf's reset value, 6C8000; SF12 at 125 kHz is a symbol of 32.8 ms."""
    assert sx1276.frf(434_000_000) == 0x6C8000 and sx1276.frf(868_500_000) == 0xD92000
    slow = sx1276.settings(Sx1276Section(
        frequency_khz=434_000, spreading=12, coding=4, sync_word=0x34, power_dbm=17))
    assert [slow[at] for at in (0x06, 0x07, 0x08, 0x1D, 0x1E, 0x26, 0x39, 0x09)] == [
        0x6C, 0x80, 0x00, 0x78, 0xC4, 0x0C, 0x34, 0xFF]
    assert (slow[0x31], slow[0x2F], slow[0x36]) == (0x43, 0x40, 0x03), "errata 2.3"
    wide = sx1276.settings(Sx1276Section(
        frequency_khz=915_000, spreading=12, bandwidth_khz=500, power_dbm=2))
    assert (wide[0x36], wide[0x3A], wide[0x31], wide[0x26]) == (0x02, 0x64, 0xC3, 0x04)
    assert wide[0x09] == 0xF0 and 0x2F not in wide


@pytest.mark.parametrize(("spreading", "khz", "is_slow"), [
    (10, 125, False), (11, 125, True), (11, 250, False), (12, 250, True), (12, 500, False)])
def test_slow_symbols_are_optimised_for(spreading: int, khz: int, is_slow: bool) -> None:
    values = sx1276.settings(Sx1276Section.model_validate(
        {"frequency_khz": 868_500, "spreading": spreading, "bandwidth_khz": khz}))
    assert bool(values[0x26] & 0x08) is is_slow


def test_another_chip_and_one_that_keeps_no_settings_are_named() -> None:
    bench = Bench(SX1276)
    bench.fake.registers[sx1276.VERSION] = 0x22  # an SX1272
    with pytest.raises(ChipGarbage, match="version 0x22 in place of 0x12"):
        bench.chip.step(0)
    bench = Bench(SX1276)
    write = bench.fake._write
    bench.fake._write = lambda at, value: write(at, 0 if at == 0x08 else value)
    bench.chip = Sx1276(bench.fake, Sx1276Section(frequency_khz=868_501))
    with pytest.raises(ChipGarbage, match="register 0x08 holds 0x00 in place of 0x10"):
        bench.chip.step(0)
