"""A flight over LoRa modules or chips: the drivers of both ends, and two fakes between them.

The payload's core flies with ``ModuleRadio`` or ``ChipRadio``, the station receives with
``ModuleLine`` or ``ChipLine``; what is fake begins at the bytes of serial lines and SPI. Time is
the world's.
"""

from __future__ import annotations

from pathlib import Path

from groundstation.inputs import gateway
from groundstation.inputs.chip_line import LOOK_S, ChipLine
from groundstation.inputs.module_line import ModuleLine
from payload.drivers.modems.serial_module import ModuleRadio
from payload.drivers.modems.spi_chip import ChipRadio
from sim.fakes.ebyte import FakeEbyte
from sim.fakes.lora_radio import FakeLoraRadio, Send
from sim.fakes.rylr import FakeRylr
from sim.fakes.sx1262 import FakeSx1262
from sim.fakes.sx1276 import FakeSx1276
from sim.radio.module_air import ModuleAir
from sim.world import World
from tests.sim.flights import hop_world, mission
from wire.airtime import Airtime
from wire.airtime_budget import AirtimeBudget
from wire.envelope import Envelope
from wire.mission import CadenceSection, Mission
from wire.mission_radio import RadioSection
from wire.modems.chips import chip_of
from wire.modems.lora_chip import LoraChip
from wire.modems.module_dialogs import dialog_of
from wire.modems.spi_device import SpiDevice

CHIP_PINS = {"busy_pin": 20, "reset_pin": 18}
EBYTE_PINS = {"m0_pin": 22, "m1_pin": 27, "aux_pin": 23}
RADIOS = {
    "E22": {"kind": "ebyte", "ebyte": {"channel": 18, "network": 5, **EBYTE_PINS}},
    "E220": {"kind": "ebyte", "ebyte": {"module": "E220", "channel": 18, **EBYTE_PINS}},
    "E32": {"kind": "ebyte", "ebyte": {"module": "E32", "channel": 6, **EBYTE_PINS}},
    "RYLR998": {"kind": "rylr", "rylr": {"frequency_khz": 868_500, "network": 7}},
    "RYLR998 binary": {
        "kind": "rylr", "rylr": {"frequency_khz": 434_000, "spreading": 7, "is_binary_safe": True}},
}
CHIPS = {
    "SX1276": {"kind": "sx1276", "sx1276": {"frequency_khz": 868_500}},
    "SX1276 SF7": {"kind": "sx1276", "sx1276": {"frequency_khz": 434_000, "spreading": 7}},
    "SX1262": {"kind": "sx1262", "sx1262": {"frequency_khz": 868_500, **CHIP_PINS}},
    "LLCC68 SF7": {"kind": "sx1262", "sx1262": {
        "chip": "LLCC68", "frequency_khz": 434_000, "spreading": 7, "tcxo_mv": 1800, **CHIP_PINS}},
}
TURN_MS = 200
CHIP_TURN_MS = round(1000 * LOOK_S)


def over(name: str, **changes: object) -> Mission:
    """The example mission over this radio, with the cadence that its link carries."""
    return mission().model_copy(update={
        "radio": RadioSection.model_validate({**(RADIOS | CHIPS)[name], "horus": True, **changes}),
        "cadence": CadenceSection(),
    })


class ModuleFlight:
    """``near`` and ``far`` are the radios of payload and station: faults are set there."""

    def __init__(self, folder: Path, plan: Mission, world: World | None = None) -> None:
        assert plan.radio.flaw() is None and AirtimeBudget(plan).flaw() is None
        self.plan = plan
        self.world = world or hop_world(folder, flown=plan)
        clock = self.world.clock
        ebyte = plan.radio.ebyte if plan.radio.kind == "ebyte" else None
        own_bytes = Airtime.of(plan.radio).own_bytes
        self.air = ModuleAir(clock, self.world.channel, self.world.at, own_bytes)
        self.near = self.air.payload = self._fake(self.air.send_down)
        self.far = self.air.station = self._fake(self.air.send_up)
        self.radio = self._driver()
        self.radio.clear = lambda: None  # what is in the line when the payload starts stays there
        self.world.radio = self.radio
        self.line = self._open()
        self._setting: ModuleLine | None = None
        if ebyte is not None:
            self.far.select(*ebyte.model.configuration_pins)
            self._setting = self._open(has_mode_pins=True)
        self.lost = 0  # times that the station's connection was lost
        self.world.every(TURN_MS if plan.radio.chip is None else CHIP_TURN_MS, self._turn)

    def _fake(self, send: Send) -> FakeLoraRadio:
        clock, radio = self.world.clock, self.plan.radio
        if radio.ebyte is not None:
            return FakeEbyte(radio.ebyte.model, lambda: clock.now_ms, self.world.at, send)
        if radio.sx1262 is not None:
            return FakeSx1262(
                lambda: clock.now_ms, self.world.at, send, radio.sx1262.tcxo_mv is not None,
                radio.sx1262.chip == "LLCC68")
        kind = FakeRylr if radio.chip is None else FakeSx1276
        return kind(lambda: clock.now_ms, self.world.at, send)

    def _driver(self) -> ModuleRadio | ChipRadio:
        radio = self.plan.radio
        if radio.chip is not None:
            return ChipRadio(self._chip(self.near), radio.mtu_bytes, Airtime.of(radio))
        return ModuleRadio(
            self.near, radio.mtu_bytes, Airtime.of(radio), dialog_of(radio, has_mode_pins=True),
            self.near if isinstance(self.near, FakeEbyte) else None)

    def _open(self, has_mode_pins: bool = False) -> ModuleLine | ChipLine:
        radio, clock = self.plan.radio, self.world.clock
        if radio.chip is not None:
            return ChipLine(
                radio.device, self._chip(self.far), SpiDevice(radio.device),
                lambda: clock.now_ms, lambda seconds: None)
        return ModuleLine(radio, lambda: clock.now_ms, has_mode_pins, self.far)

    def _chip(self, fake: FakeLoraRadio) -> LoraChip:
        return chip_of(self.plan.radio, fake, fake if isinstance(fake, FakeSx1262) else None)

    def _set_up(self) -> bool:
        """As by ``spacepi-ground radio``, its jumpers at configuration, and then at normal mode."""
        if self._setting is None:
            return False
        if self._setting.identity is None:
            self._setting.read(0)
        else:
            self.far.select(0, 0)
            self._setting = None
        return True

    def _turn(self) -> None:
        ground = self.world.ground
        if ground is None or self._set_up():
            return
        try:
            gateway.turn(
                ground, self.line, Envelope(self.plan), lambda: self.world.air.ground_utc_ms, 0)
        except OSError:
            self.lost += 1
            self.line = self._open()

    def heard(self, kind: str) -> int:
        """Beacons, records ... in the station's archive."""
        return self.world.archive.db.execute(f"SELECT count(*) FROM {kind}").fetchone()[0]
