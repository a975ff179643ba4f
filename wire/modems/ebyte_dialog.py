"""Sets up an EBYTE module by its pins M0 and M1, and carries frames in its transparent mode.

    stage        pins           ends when
    SWITCHING    configuration  SETTLE_MS are over, and AUX is high where it is connected
    READING      configuration  the registers were answered; right ones are not written again
    WRITING      configuration  the module has answered with the registers as written
    NAMING       configuration  the product information was answered, or not in ANSWER_MS
    LEAVING      normal         as SWITCHING
    READY        normal         the module is lost

Without pins it begins at LEAVING, uses the module as it is set, and ``identity`` stays None.
Registers are kept over power-off, so a module that browns out in flight comes back as it was.

Source: EBYTE user manuals E22-xxxT22S §5 (modes, AUX) and §7, E32-433T20DC §5 and §7.
"""

from __future__ import annotations

from enum import Enum, auto

from wire.mission_radio import EbyteSection
from wire.modems import ebyte
from wire.modems.ebyte import Model, ModuleRefused, ModuleSettings
from wire.modems.radio_dialog import HEARD_FRAMES_MAX, ModuleLost, RadioFrame

SETTLE_MS = 100  # the manual: 2 ms after AUX rises; without AUX nobody tells
ANSWER_MS = 1_500
AUX_MS_MAX = 30_000  # low for so long it is stuck; the longest frame is 12 s on the air
GAP_MS = 500  # of silence, after a packet's airtime: what is half received will not be completed
NORMAL = (0, 0)
_HEARD_BYTES_MAX = 64
_PRODUCT, _PRODUCT_BYTES = 0x80, 7


class SetUpStage(Enum):
    """Of the table above."""

    SWITCHING = auto()
    READING = auto()
    WRITING = auto()
    NAMING = auto()
    LEAVING = auto()
    READY = auto()


class EbyteDialog:
    """Implements ``wire.modems.radio_dialog.RadioDialog``."""

    def __init__(self, section: EbyteSection, rate_bps: int, has_mode_pins: bool) -> None:
        """Without mode pins nothing is asked and nothing set."""
        self.identity: str | None = None
        self._model = model = section.model
        self._has_pins = has_mode_pins
        self._words = f"channel {section.channel}, {rate_bps} bit/s"
        self._registers = ebyte.registers(model, ModuleSettings(
            section.channel, rate_bps, power=section.power_step,
            has_rssi=model.has_rssi, network=section.network))
        packet_ms = ebyte.MODULATIONS[rate_bps].packet_ms(model.packet_bytes + model.own_bytes)
        self._gap_ms = packet_ms + GAP_MS
        self.begin()

    def begin(self) -> None:
        self._stage = SetUpStage.SWITCHING if self._has_pins else SetUpStage.LEAVING
        self.identity = None
        self._since_ms: int | None = None  # of this stage
        self._answer = b""
        # Where nobody configured it, the strength byte is unknown: one that comes is noise.
        self._decoder = ebyte.Decoder(self._has_pins and self._model.has_rssi)
        self._heard: list[RadioFrame] = []
        self._heard_ms = 0
        self._is_aux_high = True
        self._aux_high_ms: int | None = None

    @property
    def pins(self) -> tuple[int, int]:
        is_normal = self._stage in (SetUpStage.LEAVING, SetUpStage.READY)
        return NORMAL if is_normal else self._model.configuration_pins

    def step(self, data: bytes, now_ms: int, is_aux_high: bool | None = None) -> bytes:
        self._watch_aux(now_ms, is_aux_high)
        if self._stage is SetUpStage.READY:
            self._hear(data, now_ms)
            return b""
        if self._since_ms is None:
            self._since_ms = now_ms
        passed_ms = now_ms - self._since_ms
        if self._stage in (SetUpStage.SWITCHING, SetUpStage.LEAVING):
            if passed_ms < SETTLE_MS or not self._is_aux_high:
                return b""
            is_over = self._stage is SetUpStage.LEAVING
            return self._enter(SetUpStage.READY if is_over else SetUpStage.READING, now_ms)
        self._answer = (self._answer + data)[-_HEARD_BYTES_MAX:]
        try:
            values = self._parse()
        except ModuleRefused as error:
            raise self._lost(str(error)) from error
        if values is not None:
            return self._take(values, now_ms)
        if passed_ms < ANSWER_MS:
            return b""
        if self._stage is SetUpStage.NAMING:  # older firmwares have none
            return self._take(b"", now_ms)
        raise self._lost("does not answer in configuration mode: check M0, M1, RXD and TXD")

    def is_ready(self) -> bool:
        return self._stage is SetUpStage.READY and self._is_aux_high

    def send(self, frame: bytes, now_ms: int) -> bytes:
        assert self.is_ready() and len(frame) <= self._model.mtu_bytes, len(frame)
        return ebyte.encode(frame)

    def take_heard(self) -> list[RadioFrame]:
        heard, self._heard = self._heard, []
        return heard

    def _watch_aux(self, now_ms: int, is_aux_high: bool | None) -> None:
        self._is_aux_high = is_aux_high is not False
        if self._is_aux_high or self._aux_high_ms is None:
            self._aux_high_ms = now_ms
        elif now_ms - self._aux_high_ms >= AUX_MS_MAX:
            raise self._lost(f"AUX has been low for {AUX_MS_MAX // 1000} s")

    def _hear(self, data: bytes, now_ms: int) -> None:
        found = self._decoder.feed(data)
        if data:
            self._heard_ms = now_ms
        elif now_ms - self._heard_ms >= self._gap_ms:
            found += self._decoder.flush()
        self._heard += [RadioFrame(one.frame, one.rssi_dbm) for one in found]
        del self._heard[:-HEARD_FRAMES_MAX]

    def _take(self, values: bytes, now_ms: int) -> bytes:
        """The answer of this stage."""
        if self._stage is SetUpStage.NAMING:
            version = f" {values.hex()}" if values else ""
            self.identity = f"{self._model.name}{version}, {self._words}"
            return self._enter(SetUpStage.LEAVING, now_ms)
        if values == self._registers:
            return self._enter(SetUpStage.NAMING, now_ms)
        if self._stage is SetUpStage.WRITING:
            raise self._lost(f"registers are {values.hex()} after {self._registers.hex()} was "
                             "written: is radio.ebyte.module right?")
        return self._enter(SetUpStage.WRITING, now_ms)

    def _enter(self, stage: SetUpStage, now_ms: int) -> bytes:
        self._stage, self._since_ms, self._answer = stage, now_ms, b""
        return self._question()

    def _question(self) -> bytes:
        count, is_e32 = len(self._registers), self._model is Model.E32
        if self._stage is SetUpStage.READING:
            return ebyte.E32_READ if is_e32 else ebyte.read_command(0, count)
        if self._stage is SetUpStage.WRITING:
            if is_e32:  # it answers when it is asked
                return ebyte.e32_write(self._registers) + ebyte.E32_READ
            return ebyte.write_command(0, self._registers)
        if self._stage is SetUpStage.NAMING:
            return (ebyte.E32_VERSION if is_e32
                    else ebyte.read_command(_PRODUCT, _PRODUCT_BYTES))
        return b""

    def _parse(self) -> bytes | None:
        is_naming = self._stage is SetUpStage.NAMING
        if self._model is Model.E32:
            if is_naming:
                return ebyte.parse_e32_answer(self._answer, b"\xc3", ebyte.E32_VERSION_BYTES)
            return ebyte.parse_e32_answer(self._answer, b"\xc0\xc2", ebyte.E32_VALUES)
        if is_naming:
            return ebyte.parse_answer(self._answer, _PRODUCT, _PRODUCT_BYTES)
        return ebyte.parse_answer(self._answer, 0, len(self._registers))

    def _lost(self, why: str) -> ModuleLost:
        self.begin()
        return ModuleLost(f"{self._model.name}: {why}")
