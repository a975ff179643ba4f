"""Semtech's SX1262, and the LLCC68 with its fewer spreading factors, driven by commands.

    begin      reset; the sync word of a chip just reset; settings commanded, and read back where
               there is a command for it; the errors that the chip found in itself
    listening  SetRx without an end; RxDone says that a packet lies in the buffer
    sending    the packet into the buffer, SetTx; the chip falls to standby and says TxDone

Each command but a read is answered by the status alone: the mode the chip is in, and whether it
refused the command before. No command may come while BUSY is high. A bus without a chip reads all
zeros or all ones, which no status is; a chip that lost its supply for a moment wakes in standby.
DIO1 is not needed: it is asked.

Source: Semtech SX1261/2 data sheet, rev. 2.1: §9.2.1 (image calibration), §9.6 (receiver gain), §10
to §14 (status, commands, registers, order), §15 (known limitations: 15.1 and 15.2; 15.3 and 15.4
concern implicit headers and inverted IQ); LLCC68 data sheet, rev. 1.0, for its spreading.
Commands, registers and workarounds are those of Semtech's own driver as well
(github.com/Lora-net/sx126x_driver).
"""

from __future__ import annotations

from typing import Protocol

from wire.lora import LOW_RATE_SYMBOL_US
from wire.mission_radio import Sx1262Section
from wire.modems.lora_chip import ChipAbsent, ChipGarbage, ChipTimeout, LoraChip, SpiBus
from wire.modems.radio_dialog import RadioFrame

CLEAR_IRQ_STATUS, CLEAR_DEVICE_ERRORS, SET_DIO_IRQ_PARAMS = 0x02, 0x07, 0x08
WRITE_REGISTER, WRITE_BUFFER, READ_REGISTER, READ_BUFFER = 0x0D, 0x0E, 0x1D, 0x1E
GET_PACKET_TYPE, GET_IRQ_STATUS, GET_RX_BUFFER_STATUS, GET_PACKET_STATUS = 0x11, 0x12, 0x13, 0x14
GET_DEVICE_ERRORS, SET_STANDBY, SET_RX, SET_TX = 0x17, 0x80, 0x82, 0x83
SET_RF_FREQUENCY, CALIBRATE, SET_PACKET_TYPE, SET_MODULATION_PARAMS = 0x86, 0x89, 0x8A, 0x8B
SET_PACKET_PARAMS, SET_TX_PARAMS, SET_BUFFER_BASE_ADDRESS = 0x8C, 0x8E, 0x8F
SET_PA_CONFIG, SET_DIO3_AS_TCXO, CALIBRATE_IMAGE, SET_DIO2_AS_RF_SWITCH = 0x95, 0x97, 0x98, 0x9D

SYNC_WORD, TX_MODULATION, RX_GAIN, TX_CLAMP = 0x0740, 0x0889, 0x08AC, 0x08D8
SYNC_WORD_AT_RESET = b"\x14\x24"  # 0x12, spread over two registers
RX_GAIN_BOOSTED = 0x96
NOT_WIDEST = 0x04  # of TX_MODULATION, §15.1: set, but for 500 kHz
CLAMP_HIGH = 0x1E  # of TX_CLAMP, §15.2: the amplifier withstands a worse antenna
LORA = 0x01  # of SetPacketType
STANDBY_RC, RX, TX = 2, 5, 6  # modes, of the status
REFUSED = (4, 5)  # of the status: a command that is none, and one that could not be carried out
TX_DONE, RX_DONE, CRC_ERROR = 0x0001, 0x0002, 0x0040
CRYSTAL_HZ = 32_000_000
BANDWIDTHS = {125: 4, 250: 5, 500: 6}
TCXO_MV = (1600, 1700, 1800, 2200, 2400, 2700, 3000, 3300)
TCXO_START = 320  # of 15.625 us: 5 ms until its clock is stable
RAMP_200_US = 0x04
CALIBRATE_ALL = 0x7F
PA_DBM_MAX = 22
# dBm -> paDutyCycle, hpMax: with these the power in SetTxParams stays the highest, table 13-21.
PA_OPTIMA = {14: (2, 2), 17: (2, 3), 20: (3, 5)}
PA_STRONGEST = (4, 7)
# MHz from, to, and the bytes of CalibrateImage, table 9-2.
IMAGE_BANDS = (
    (430, 440, b"\x6b\x6f"), (470, 510, b"\x75\x81"), (779, 787, b"\xc1\xc5"),
    (863, 870, b"\xd7\xdb"), (902, 928, b"\xe1\xe9"))
IMAGE_STEP_MHZ = 4
# Bits of GetDeviceErrors, §13.6.
ERRORS = {
    0: "RC64K calibration", 1: "RC13M calibration", 2: "PLL calibration", 3: "ADC calibration",
    4: "image calibration", 5: "oscillator", 6: "PLL lock", 8: "amplifier ramp"}
OSCILLATOR_ERROR = 0x20
_BUS_WITHOUT_CHIP = (0x00, 0xFF)


class ChipPins(Protocol):
    """BUSY and NRESET. Both raise OSError, or ModuleLost."""

    def wait_ready(self) -> bool:
        """True once BUSY is low; False where it is still high after a bounded time."""
        ...

    def reset(self) -> None:
        """NRESET low for at least 100 us, and let go."""
        ...


def image_band(frequency_hz: int) -> bytes:
    """The two bytes of CalibrateImage; 4 MHz to both sides where the data sheet names no band."""
    mhz = frequency_hz / 1_000_000
    for lowest, highest, edges in IMAGE_BANDS:
        if lowest <= mhz <= highest:
            return edges
    return bytes([int(mhz / IMAGE_STEP_MHZ) - 1, -int(-mhz // IMAGE_STEP_MHZ) + 1])


def sync_words(sync_word: int) -> bytes:
    """An SX1276's sync word as the two registers have it: 0x12 is 14 24."""
    return bytes([sync_word & 0xF0 | 0x04, sync_word << 4 & 0xF0 | 0x04])


def amplifier(power_dbm: int) -> tuple[bytes, bytes]:
    """SetPaConfig and SetTxParams."""
    duty_cycle, hp_max = PA_OPTIMA.get(power_dbm, PA_STRONGEST)
    power_dbm = PA_DBM_MAX if power_dbm in PA_OPTIMA else power_dbm
    return (bytes([SET_PA_CONFIG, duty_cycle, hp_max, 0, 1]),
            bytes([SET_TX_PARAMS, power_dbm & 0xFF, RAMP_200_US]))


def oscillator(section: Sx1262Section) -> list[bytes]:
    """What a board with a TCXO needs first: at power-on the chip misses it, and says so."""
    if section.tcxo_mv is None:
        return []
    return [
        bytes([SET_DIO3_AS_TCXO, TCXO_MV.index(section.tcxo_mv), *TCXO_START.to_bytes(3, "big")]),
        bytes([CLEAR_DEVICE_ERRORS, 0, 0]),
        bytes([CALIBRATE, CALIBRATE_ALL]),
    ]


def packet_params(section: Sx1262Section, length: int) -> bytes:
    """For a frame to send, or for the longest to receive: explicit header, CRC, IQ as usual."""
    preamble = section.modulation.preamble
    return bytes([SET_PACKET_PARAMS, *preamble.to_bytes(2, "big"), 0, length, 1, 0])


def settings(section: Sx1262Section) -> list[bytes]:
    """All commands between the reset and the first SetRx, in the order of §14.2 and §14.3.

    The regulator stays an LDO, as after a reset: not every board has the coil that DC-DC needs.
    """
    frequency_hz = 1000 * section.frequency_khz
    symbol_us = (1_000_000 << section.spreading) / section.modulation.bandwidth_hz
    interrupts = (TX_DONE | RX_DONE | CRC_ERROR).to_bytes(2, "big")
    pa_config, tx_params = amplifier(section.power_dbm)
    return [
        bytes([SET_STANDBY, 0]),
        *oscillator(section),
        bytes([SET_DIO2_AS_RF_SWITCH, section.is_dio2_switch]),
        bytes([SET_PACKET_TYPE, LORA]),
        bytes([CALIBRATE_IMAGE]) + image_band(frequency_hz),
        bytes([SET_RF_FREQUENCY]) + ((frequency_hz << 25) // CRYSTAL_HZ).to_bytes(4, "big"),
        pa_config, tx_params,
        bytes([SET_BUFFER_BASE_ADDRESS, 0, 0]),  # never both at once, so either has all of it
        bytes([SET_MODULATION_PARAMS, section.spreading, BANDWIDTHS[section.bandwidth_khz],
               section.coding, symbol_us > LOW_RATE_SYMBOL_US]),
        packet_params(section, 0xFF),
        bytes([SET_DIO_IRQ_PARAMS]) + interrupts + bytes(6),
        bytes([WRITE_REGISTER]) + SYNC_WORD.to_bytes(2, "big") + sync_words(section.sync_word),
        bytes([WRITE_REGISTER]) + RX_GAIN.to_bytes(2, "big") + bytes([RX_GAIN_BOOSTED]),
    ]


class Sx1262(LoraChip):
    """Implements ``wire.modems.lora_chip.LoraChip``."""

    def __init__(self, spi: SpiBus, section: Sx1262Section, pins: ChipPins) -> None:
        super().__init__(spi, section.modulation)
        self._section = section
        self._pins = pins
        self._name = section.chip

    def _set_up(self) -> str:
        self._pins.reset()
        found = self._read_register(SYNC_WORD, 2)
        if found != SYNC_WORD_AT_RESET:
            raise ChipGarbage(
                f"{self._name}: sync word {found.hex()} after its reset, in place of 1424: check "
                "reset_pin")
        for command in settings(self._section):
            self._ask(command)
        self._set_bits(TX_CLAMP, CLAMP_HIGH, True)
        wanted = sync_words(self._section.sync_word)
        found = self._read_register(SYNC_WORD, 2) + self._ask(bytes([GET_PACKET_TYPE, 0, 0]))[2:]
        if found != wanted + bytes([LORA]):
            raise ChipGarbage(f"{self._name}: keeps {found.hex()} in place of {wanted.hex()}01")
        self._listen()
        failure = self._failure()  # the oscillator starts with the first SetRx
        if failure is not None:
            raise ChipGarbage(failure)
        return f"{self._name}, {self._section.words}"

    def _transmit(self, frame: bytes) -> None:
        self._ask(bytes([SET_STANDBY, 0]))
        self._ask(bytes([CLEAR_IRQ_STATUS, 0xFF, 0xFF]))
        self._ask(packet_params(self._section, len(frame)))
        self._ask(bytes([WRITE_BUFFER, 0]) + frame)
        self._set_bits(TX_MODULATION, NOT_WIDEST, self._section.bandwidth_khz != 500)
        self._ask(bytes([SET_TX, 0, 0, 0]))

    def _has_sent(self) -> bool:
        for _ in range(2):  # it may end between the mode and the flags
            mode, flags = self._look_at()
            if flags & TX_DONE:
                self._ask(packet_params(self._section, 0xFF))
                self._listen()
                return True
            if mode == TX:
                return False
        raise ChipGarbage(f"{self._name}: left its transmission, or was restarted")

    def _received(self) -> RadioFrame | None:
        mode, flags = self._look_at()
        if mode != RX:
            raise ChipGarbage(f"{self._name}: left its reception, or was restarted")
        if not flags & RX_DONE:
            return None
        self._ask(bytes([CLEAR_IRQ_STATUS, 0xFF, 0xFF]))
        if flags & CRC_ERROR:
            self.damaged_packets += 1
            return None
        length, start = self._ask(bytes([GET_RX_BUFFER_STATUS, 0, 0, 0]))[2:]
        if not length:
            return None
        data = self._ask(bytes([READ_BUFFER, start, 0]) + bytes(length))[3:]
        rssi, snr, _ = self._ask(bytes([GET_PACKET_STATUS, 0, 0, 0, 0]))[2:]
        snr_db = (snr - 256 if snr > 127 else snr) / 4
        # Below the noise the strength is the noise's; SignalRssiPkt ends at -127.5 dBm.
        return RadioFrame(data, round(-rssi / 2 + min(0, snr_db)), round(snr_db))

    def _listen(self) -> None:
        self._ask(bytes([CLEAR_IRQ_STATUS, 0xFF, 0xFF]))
        self._ask(bytes([SET_RX, 0xFF, 0xFF, 0xFF]))

    def _look_at(self) -> tuple[int, int]:
        """Mode, and interrupt flags."""
        _, status, *flags = self._ask(bytes([GET_IRQ_STATUS, 0, 0, 0]))
        return status >> 4 & 7, int.from_bytes(bytes(flags), "big")

    def _read_register(self, register: int, length: int) -> bytes:
        return self._ask(
            bytes([READ_REGISTER]) + register.to_bytes(2, "big") + bytes(1 + length))[4:]

    def _set_bits(self, register: int, bits: int, are_set: bool) -> None:
        (value,) = self._read_register(register, 1)
        value = value | bits if are_set else value & ~bits
        self._ask(bytes([WRITE_REGISTER]) + register.to_bytes(2, "big") + bytes([value]))

    def _ask(self, command: bytes) -> bytes:
        """As ``_transfer``. Raises ChipGarbage too, where the command before was refused."""
        back = self._transfer(command)
        if back[1] >> 1 & 7 in REFUSED:
            raise ChipGarbage(
                self._failure() or f"{self._name}: refused a command, status 0x{back[1]:02x}")
        return back

    def _failure(self) -> str | None:
        """What the chip found in itself, in a sentence."""
        errors = int.from_bytes(self._transfer(bytes([GET_DEVICE_ERRORS, 0, 0, 0]))[2:], "big")
        if errors & OSCILLATOR_ERROR:
            return f"{self._name}: its oscillator does not start: see tcxo_mv"
        words = ", ".join(what for bit, what in ERRORS.items() if errors >> bit & 1)
        return f"{self._name}: reports a failure: {words or hex(errors)}" if errors else None

    def _transfer(self, command: bytes) -> bytes:
        """All that comes back while a command goes out; from its second byte on it is the status,
        until what was asked for. Raises ChipTimeout and ChipAbsent."""
        if not self._pins.wait_ready():
            raise ChipTimeout(f"{self._name}: BUSY stays high: check its supply and busy_pin")
        back = self._spi.transfer(command)
        if back[1] in _BUS_WITHOUT_CHIP:
            raise ChipAbsent(f"{self._name}: " + (
                "nothing answers: check NSS, SCK, MOSI and MISO" if self.identity is None
                else "does not answer any more"))
        return back
