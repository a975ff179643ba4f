"""The [radio] section of the mission file, with a table for each kind of module that has settings.

Both ends read it; what only one end has (a device, pins) is in its own copy of the file.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from wire.frames import MTU_BYTES_MAX, MTU_BYTES_MIN
from wire.lora import Modulation
from wire.modems import ebyte, rylr

MODULES = ("ebyte", "rylr")  # kinds with a processor of their own, on a serial port
CHIPS = ("sx1276", "sx1262")  # kinds on an SPI bus
LORA = (*MODULES, *CHIPS)  # what carries LoRa, not packets of AX.25
MTU_BYTES = 222
Pin = Annotated[int, Field(ge=4, le=27)]  # BCM number; 2 and 3 are the I2C bus
SERIAL_PINS = (14, 15)
SPI_DEVICE = "/dev/spidev0.0"
SPI_PINS = {"/dev/spidev0": (9, 10, 11), "/dev/spidev1": (19, 20, 21)}  # MISO, MOSI, SCK by BCM
CHIP_PREAMBLE = 8  # symbols, as most make it
SHORT_SYMBOLS_PREAMBLE = 12  # below SF7: SX1261/2 data sheet, rev. 2.1, §6.1.1.1


class Section(BaseModel):
    """A table of the mission file: no unknown keys, no number given as text."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class EbyteSection(Section):
    """[radio.ebyte]: an E22, E220 or E32. Without pins the module is used as it is set."""

    module: Literal["E22", "E220", "E32"] = "E22"
    channel: Annotated[int, Field(ge=0, le=83)]
    network: Annotated[int, Field(ge=0, le=254)] = 0
    power_step: Annotated[int, Field(ge=0, le=3)] = 0  # 0 strongest
    m0_pin: Pin | None = None
    m1_pin: Pin | None = None
    aux_pin: Pin | None = None

    @property
    def used_pins(self) -> tuple[int, ...]:
        return tuple(pin for pin in (self.m0_pin, self.m1_pin, self.aux_pin) if pin is not None)

    @property
    def model(self) -> ebyte.Model:
        return ebyte.Model[self.module]


class RylrSection(Section):
    """[radio.rylr]: a REYAX RYLR998 or RYLR498."""

    frequency_khz: Annotated[int, Field(ge=400_000, le=960_000)]
    spreading: Annotated[int, Field(ge=5, le=11)] = 9
    bandwidth_khz: Literal[125, 250, 500] = 125
    coding: Annotated[int, Field(ge=1, le=4)] = 1
    network: Annotated[int, Field(ge=3, le=18)] = 18
    power_dbm: Annotated[int, Field(ge=0, le=22)] = 14
    is_binary_safe: bool = False

    @property
    def modulation(self) -> Modulation:
        return Modulation(
            self.spreading, 1000 * self.bandwidth_khz, self.coding, rylr.PREAMBLE)

    @property
    def mtu_bytes(self) -> int:
        """The largest frame that the module carries."""
        return rylr.MTU_BINARY_BYTES if self.is_binary_safe else rylr.MTU_TEXT_BYTES


class LoraChipSection(Section):
    """What the tables of all LoRa chips on SPI have; each narrows it to what its chip can do."""

    frequency_khz: int
    spreading: int = 9
    bandwidth_khz: Literal[125, 250, 500] = 125
    coding: Annotated[int, Field(ge=1, le=4)] = 1
    sync_word: Annotated[int, Field(ge=0, le=255)] = 0x12
    power_dbm: int = 14

    @property
    def modulation(self) -> Modulation:
        is_short = self.spreading < 7
        return Modulation(
            self.spreading, 1000 * self.bandwidth_khz, self.coding,
            SHORT_SYMBOLS_PREAMBLE if is_short else CHIP_PREAMBLE)

    @property
    def words(self) -> str:
        """As the log and preflight say it."""
        return (f"{self.frequency_khz / 1000:g} MHz, SF{self.spreading}, {self.bandwidth_khz} kHz, "
                f"{self.power_dbm} dBm")

    @property
    def used_pins(self) -> tuple[int, ...]:
        return ()


class Sx1276Section(LoraChipSection):
    """[radio.sx1276]: an SX1276 to SX1279, such as an RFM95."""

    frequency_khz: Annotated[int, Field(ge=137_000, le=1_020_000)]
    spreading: Annotated[int, Field(ge=7, le=12)] = 9
    power_dbm: Annotated[int, Field(ge=2, le=17)] = 14


class Sx1262Section(LoraChipSection):
    """[radio.sx1262]: an SX1262 or LLCC68, whose board says how oscillator and antenna are fed."""

    chip: Literal["SX1262", "LLCC68"] = "SX1262"
    frequency_khz: Annotated[int, Field(ge=150_000, le=960_000)]
    spreading: Annotated[int, Field(ge=5, le=12)] = 9
    power_dbm: Annotated[int, Field(ge=-9, le=22)] = 14
    busy_pin: Pin
    reset_pin: Pin
    antenna_pin: Pin | None = None  # held high: what a board's antenna switch may need beside DIO2
    is_dio2_switch: bool = True  # DIO2 turns the antenna over to the transmitter
    tcxo_mv: Literal[1600, 1700, 1800, 2200, 2400, 2700, 3000, 3300] | None = None  # DIO3 feeds one

    @property
    def used_pins(self) -> tuple[int, ...]:
        optional = () if self.antenna_pin is None else (self.antenna_pin,)
        return (self.busy_pin, self.reset_pin, *optional)

    def flaw(self, device: str) -> str | None:
        """What cannot be as the file has it, on this bus."""
        highest = rylr.SPREADING_MAX[self.bandwidth_khz] if self.chip == "LLCC68" else 12
        if self.spreading > highest:
            return (f"radio.sx1262.spreading = {self.spreading}: at {self.bandwidth_khz} kHz an "
                    f"LLCC68 has 5 to {highest}")
        pins, bus = self.used_pins, SPI_PINS.get(device.rpartition(".")[0], ())
        if len({*pins, *bus}) < len(pins) + len(bus):
            taken = f", and {', '.join(map(str, bus))} are the SPI bus" if bus else ""
            return f"radio.sx1262: busy_pin, reset_pin and antenna_pin must differ{taken}"
        return None


RADIO_TABLES: dict[str, type[Section]] = {
    "ebyte": EbyteSection, "rylr": RylrSection, "sx1276": Sx1276Section, "sx1262": Sx1262Section,
}


class RadioSection(Section):
    """The modem and when it is used."""

    kind: Literal["kiss-tcp", "kiss-serial", "ebyte", "rylr", "sx1276", "sx1262", "none"]
    host: Annotated[str, Field(min_length=1, description="a host name or an IP address")] = (
        "127.0.0.1")
    port: Annotated[int, Field(ge=1, le=65535)] = 8001
    device: str = "/dev/serial0"
    baud: Literal[1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400] = 9600
    framing: Literal["ax25", "plain"] = "ax25"
    mtu_bytes: Annotated[int, Field(ge=MTU_BYTES_MIN, le=MTU_BYTES_MAX)] = MTU_BYTES
    rate_bps: Annotated[int, Field(ge=100, le=1_000_000)] = 2400
    duty_percent: Annotated[int, Field(ge=1, le=100)] = 100
    tx_delay_ms: Annotated[int, Field(ge=0, le=2000)] = 300
    tx_tail_ms: Annotated[int, Field(ge=0, le=2000)] = 100
    listen_every_s: Annotated[int, Field(ge=5, le=600)] = 20
    listen_s: Annotated[int, Field(ge=1, le=60)] = 3
    horus: bool = False
    ebyte: EbyteSection | None = None
    rylr: RylrSection | None = None
    sx1276: Sx1276Section | None = None
    sx1262: Sx1262Section | None = None

    @model_validator(mode="before")
    @classmethod
    def _as_its_kind_requires(cls, data: Any) -> Any:
        """Left out, framing, MTU, baud and device are those of the module or chip."""
        if not isinstance(data, dict) or data.get("kind") not in LORA:
            return data
        if data["kind"] in CHIPS:
            return {"framing": "plain", "device": SPI_DEVICE, **data}
        table = data.get(data["kind"])
        table = table if isinstance(table, dict) else {}
        if data["kind"] == "rylr":
            is_safe = table.get("is_binary_safe") is True
            largest = rylr.MTU_BINARY_BYTES if is_safe else rylr.MTU_TEXT_BYTES
            baud = rylr.BAUD
        else:
            name = table.get("module", "E22")
            is_known = isinstance(name, str) and name in ebyte.Model.__members__
            largest = ebyte.Model[name].mtu_bytes if is_known else MTU_BYTES
            baud = ebyte.BAUD_CONFIGURATION
        return {"framing": "plain", "mtu_bytes": min(MTU_BYTES, largest), "baud": baud, **data}

    @property
    def chip(self) -> LoraChipSection | None:
        """The table of a chip on SPI."""
        return {"sx1276": self.sx1276, "sx1262": self.sx1262}.get(self.kind)

    @property
    def used_pins(self) -> tuple[int, ...]:
        """BCM numbers of the header, beside those of its bus."""
        own = self.ebyte if self.kind == "ebyte" else self.chip
        return () if own is None else own.used_pins

    @property
    def _modulated(self) -> RylrSection | LoraChipSection | None:
        """The table that names spreading and bandwidth, where one does."""
        return self.rylr if self.kind == "rylr" else self.chip

    @property
    def link(self) -> str:
        """What it is on the air, in a few words."""
        own = self._modulated
        if own is not None:
            return f"SF{own.spreading} at {own.bandwidth_khz} kHz"
        return f"{self.rate_bps} bit/s"

    @property
    def rate(self) -> str:
        """The keys that decide how long a frame is on the air, as they are written."""
        own = self._modulated
        if own is not None:
            return (f"radio.{self.kind}.spreading = {own.spreading}, bandwidth_khz = "
                    f"{own.bandwidth_khz}")
        return f"radio.rate_bps = {self.rate_bps}"

    def flaw(self) -> str | None:
        """What cannot be as the file has it, in one sentence; None when all can."""
        if self.kind not in LORA:
            return None
        if getattr(self, self.kind) is None:
            first = "channel" if self.kind == "ebyte" else "frequency_khz"
            return f'radio.kind = "{self.kind}" requires a table [radio.{self.kind}] with {first}'
        if self.framing == "ax25":
            return ('radio.framing = "ax25": a LoRa module carries no AX.25; allowed is "plain", '
                    "or omit the key")
        if self.kind in CHIPS:
            own = self.sx1262 if self.kind == "sx1262" else None
            return None if own is None else own.flaw(self.device)
        return self._ebyte_flaw() if self.kind == "ebyte" else self._rylr_flaw()

    def _ebyte_flaw(self) -> str | None:
        assert self.ebyte is not None
        own, model = self.ebyte, self.ebyte.model
        pins = own.used_pins
        rates = sorted(set(model.air_rates))
        if self.rate_bps not in rates:
            return (f"radio.rate_bps = {self.rate_bps}: an {own.module} has "
                    f"{', '.join(map(str, rates))}")
        if self.baud != ebyte.BAUD_CONFIGURATION:
            return (f"radio.baud = {self.baud}: an EBYTE module is configured at "
                    f"{ebyte.BAUD_CONFIGURATION}, and stays there; omit the key")
        if self.mtu_bytes > model.mtu_bytes:
            return (f"radio.mtu_bytes = {self.mtu_bytes}: an {own.module} carries at most "
                    f"{model.mtu_bytes}")
        if own.channel >= model.channels:
            return (f"radio.ebyte.channel = {own.channel}: an {own.module} has channels 0 to "
                    f"{model.channels - 1}")
        if own.network and not model.has_network:
            return f"radio.ebyte.network = {own.network}: an {own.module} has no network id"
        if (own.m0_pin is None) != (own.m1_pin is None):
            return "radio.ebyte: m0_pin and m1_pin are used together; name both, or neither"
        if len({*pins, *SERIAL_PINS}) < len(pins) + len(SERIAL_PINS):
            return ("radio.ebyte: m0_pin, m1_pin and aux_pin must differ, and 14 and 15 are the "
                    "serial port")
        return None

    def _rylr_flaw(self) -> str | None:
        assert self.rylr is not None
        own = self.rylr
        highest = rylr.SPREADING_MAX[own.bandwidth_khz]
        if own.spreading > highest:
            return (f"radio.rylr.spreading = {own.spreading}: at {own.bandwidth_khz} kHz a RYLR998 "
                    f"has 5 to {highest}")
        if own.network in (16, 17):
            return f"radio.rylr.network = {own.network}: a RYLR998 has 3 to 15 and 18"
        if self.mtu_bytes > own.mtu_bytes:
            return (f"radio.mtu_bytes = {self.mtu_bytes}: a RYLR998 carries at most "
                    f"{rylr.MTU_TEXT_BYTES}, or {rylr.MTU_BINARY_BYTES} where is_binary_safe")
        return None
