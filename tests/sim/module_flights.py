"""A flight over LoRa modules: the drivers of both ends, and two fake modules between them.

The payload's core flies with ``ModuleRadio``, the station receives with ``ModuleLine``; what is
fake begins at the bytes of the serial lines. Time is the world's.
"""

from __future__ import annotations

from pathlib import Path

from groundstation.inputs import gateway
from groundstation.inputs.module_line import ModuleLine
from payload.drivers.radio_module import ModuleRadio
from sim.fakes.ebyte import FakeEbyte
from sim.fakes.radio_module import FakeModule
from sim.fakes.rylr import FakeRylr
from sim.radio.module_air import ModuleAir
from sim.world import World
from tests.sim.flights import hop_world, mission
from wire import rylr
from wire.airtime import Airtime
from wire.airtime_budget import AirtimeBudget
from wire.envelope import Envelope
from wire.mission import CadenceSection, Mission
from wire.mission_radio import RadioSection
from wire.module_dialogs import dialog_of

EBYTE_PINS = {"m0_pin": 22, "m1_pin": 27, "aux_pin": 23}
RADIOS = {
    "E22": {"kind": "ebyte", "ebyte": {"channel": 18, "network": 5, **EBYTE_PINS}},
    "E220": {"kind": "ebyte", "ebyte": {"module": "E220", "channel": 18, **EBYTE_PINS}},
    "E32": {"kind": "ebyte", "ebyte": {"module": "E32", "channel": 6, **EBYTE_PINS}},
    "RYLR998": {"kind": "rylr", "rylr": {"frequency_khz": 868_500, "network": 7}},
    "RYLR998 binary": {
        "kind": "rylr", "rylr": {"frequency_khz": 434_000, "spreading": 7, "is_binary_safe": True}},
}
TURN_MS = 200


def over(name: str, **changes: object) -> Mission:
    """The example mission over this radio, with the cadence that its link carries."""
    return mission().model_copy(update={
        "radio": RadioSection.model_validate({**RADIOS[name], "horus": True, **changes}),
        "cadence": CadenceSection(),
    })


class ModuleFlight:
    """``near`` and ``far`` are the modules of payload and station: faults are set there."""

    def __init__(self, folder: Path, plan: Mission, world: World | None = None) -> None:
        assert plan.radio.flaw() is None and AirtimeBudget(plan).flaw() is None
        self.plan = plan
        self.world = world or hop_world(folder, flown=plan)
        clock = self.world.clock
        ebyte = plan.radio.ebyte if plan.radio.kind == "ebyte" else None
        own_bytes = rylr.OWN_BYTES if ebyte is None else ebyte.model.own_bytes
        self.air = ModuleAir(clock, self.world.channel, self.world.at, own_bytes)
        self.near = self.air.payload = self._module(self.air.send_down)
        self.far = self.air.station = self._module(self.air.send_up)
        dialog = dialog_of(plan.radio, has_mode_pins=True)
        self.radio = ModuleRadio(
            self.near, plan.radio.mtu_bytes, Airtime.of(plan.radio), dialog,
            self.near if isinstance(self.near, FakeEbyte) else None)
        self.radio.clear = lambda: None  # what is in the line when the payload starts stays there
        self.world.radio = self.radio
        self.line = self._open()
        self._setting: ModuleLine | None = None
        if ebyte is not None:
            self.far.select(*ebyte.model.configuration_pins)
            self._setting = self._open(has_mode_pins=True)
        self.lost = 0  # times that the station's connection was lost
        self.world.every(TURN_MS, self._turn)

    def _module(self, send) -> FakeModule:
        clock, section = self.world.clock, self.plan.radio.ebyte
        if section is None:
            return FakeRylr(lambda: clock.now_ms, self.world.at, send)
        return FakeEbyte(section.model, lambda: clock.now_ms, self.world.at, send)

    def _open(self, has_mode_pins: bool = False) -> ModuleLine:
        return ModuleLine(
            self.plan.radio, lambda: self.world.clock.now_ms, has_mode_pins, self.far)

    def _set_up(self) -> bool:
        """As by ``spacepi-ground radio``, its jumpers at configuration, and then at normal mode."""
        if self._setting is None:
            return False
        if self._setting.told is None:
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
