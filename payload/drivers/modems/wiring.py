"""The radio that the mission file names, with its connection and its pins."""

from __future__ import annotations

import contextlib
import time

import structlog

from payload.drivers.modems.kiss_tnc import KissRadio
from payload.drivers.modems.serial_module import ModeSwitch, ModuleRadio
from payload.drivers.modems.spi_chip import ChipRadio
from payload.drivers.serial_port import SerialStream, TcpStream
from payload.ports import DeviceAbsent, Radio
from wire.airtime import Airtime
from wire.envelope import Envelope
from wire.mission import Mission
from wire.mission_radio import RadioSection
from wire.modems import kiss
from wire.modems.chips import wired_chip
from wire.modems.module_dialogs import dialog_of

log = structlog.get_logger("payload")


def wired_radio(plan: Mission, open_things: contextlib.ExitStack) -> Radio | None:
    """None for a mission without one. Opens nothing yet but the pins."""
    radio = plan.radio
    if radio.kind == "none":
        return None
    if radio.chip is not None:
        chip = wired_chip(radio, lambda: time.monotonic_ns() // 1_000_000, open_things)
        return ChipRadio(chip, radio.mtu_bytes, Airtime.of(radio))
    stream: TcpStream | SerialStream
    if radio.kind == "kiss-tcp":
        stream = TcpStream(radio.host, radio.port)
    else:
        stream = SerialStream(radio.device, radio.baud)
    open_things.callback(stream.close)
    dialog = dialog_of(radio, radio.ebyte is not None and radio.ebyte.m0_pin is not None)
    if dialog is not None:
        return ModuleRadio(
            stream, radio.mtu_bytes, Airtime.of(radio), dialog, _module_pins(radio, open_things))
    envelope = Envelope(plan)
    return KissRadio(
        stream, radio.mtu_bytes, Airtime.of(radio), envelope.wrap, envelope.unwrap,
        kiss.keying(radio.tx_delay_ms, radio.tx_tail_ms),
    )


def _module_pins(radio: RadioSection, open_things: contextlib.ExitStack) -> ModeSwitch | None:
    """None where they are not connected, or cannot be driven: then the module does not answer."""
    own = radio.ebyte
    if radio.kind != "ebyte" or own is None or own.m0_pin is None or own.m1_pin is None:
        return None
    from payload.drivers.pins import ModulePins  # gpiozero: 2 MB, which most flights do not need

    try:
        pins = ModulePins(own.m0_pin, own.m1_pin, own.aux_pin)
    except DeviceAbsent as error:
        log.error("no_radio_pins", reason=str(error))
        return None
    open_things.callback(pins.close)
    return pins
