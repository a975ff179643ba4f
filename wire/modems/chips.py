"""Which chip on SPI a mission's radio is, and its wiring on a Pi, for both ends."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

from wire.mission_radio import RadioSection
from wire.modems.lora_chip import LoraChip, SpiBus
from wire.modems.sx1262 import ChipPins, Sx1262
from wire.modems.sx1276 import Sx1276


def chip_of(radio: RadioSection, spi: SpiBus, pins: ChipPins | None) -> LoraChip:
    """For a radio that has one; ``pins`` are those of an SX1262."""
    if radio.kind == "sx1262" and radio.sx1262 is not None:
        assert pins is not None
        return Sx1262(spi, radio.sx1262, pins)
    assert radio.sx1276 is not None
    return Sx1276(spi, radio.sx1276)


def wired_chip(
    radio: RadioSection, uptime_ms: Callable[[], int], open_things: ExitStack
) -> LoraChip:
    """On the bus of the mission file; nothing is opened before it is used. ``uptime_ms`` is of a
    clock that is never set."""
    from wire.modems.chip_pins import GpioPins
    from wire.modems.spi_device import SpiDevice  # of Linux alone; other radios run anywhere

    bus = SpiDevice(radio.device)
    open_things.callback(bus.close)
    if radio.sx1262 is None or radio.kind != "sx1262":
        return chip_of(radio, bus, None)
    pins = GpioPins(radio.sx1262, uptime_ms)
    open_things.callback(pins.close)
    return chip_of(radio, bus, pins)
