"""Semtech's SX1276, SX1277, SX1278 or SX1279, as on an RFM95 to RFM98, driven by its registers.

    begin      register 0x42 says 0x12; asleep, where LoRa can be chosen; settings written, most of
               them read back
    listening  RXCONTINUOUS; RxDone says that a packet lies in the FIFO, from RxCurrentAddr on
    sending    the packet into the FIFO, TX; the chip falls to standby by itself and says TxDone

A chip that has lost its supply for a moment wakes in FSK mode, and a bus without one reads all
zeros or all ones; both are seen in RegOpMode at the next look, before anything else is believed.

Source: Semtech SX1276/77/78/79 data sheet, rev. 7: §4.1 (LoRa), §5.5.5 (strengths), §6.4
(registers); SX1276/77/78 errata note, rev. 1.1: §2.1 (sensitivity at 500 kHz), §2.3 (spurious
reception).
"""

from __future__ import annotations

from wire.lora import LOW_RATE_SYMBOL_US
from wire.mission_radio import Sx1276Section
from wire.modems.lora_chip import ChipAbsent, ChipGarbage, LoraChip, SpiBus
from wire.modems.radio_dialog import RadioFrame

FIFO, OP_MODE, FRF, PA_CONFIG, OCP, LNA = 0x00, 0x01, 0x06, 0x09, 0x0B, 0x0C
FIFO_ADDR_PTR, FIFO_TX_BASE, FIFO_RX_BASE, FIFO_RX_CURRENT = 0x0D, 0x0E, 0x0F, 0x10
IRQ_MASK, IRQ_FLAGS, RX_BYTES, PACKET_SNR, PACKET_RSSI = 0x11, 0x12, 0x13, 0x19, 0x1A
MODEM_CONFIG_1, MODEM_CONFIG_2, PREAMBLE, PAYLOAD_LENGTH = 0x1D, 0x1E, 0x20, 0x22
MAX_PAYLOAD_LENGTH, MODEM_CONFIG_3, IF_FREQ_1, IF_FREQ_2 = 0x23, 0x26, 0x2F, 0x30
DETECT_OPTIMIZE, INVERT_IQ, HIGH_BW_1, DETECTION_THRESHOLD = 0x31, 0x33, 0x36, 0x37
SYNC_WORD, HIGH_BW_2, INVERT_IQ_2, VERSION, PA_DAC = 0x39, 0x3A, 0x3B, 0x42, 0x4D

WRITE = 0x80  # of the address byte
VERSION_SX1276 = 0x12
LORA = 0x80  # of RegOpMode, beside the mode
SLEEP, STANDBY, TX, RX_CONTINUOUS = 0, 1, 3, 5
RX_DONE, CRC_ERROR, TX_DONE = 0x40, 0x20, 0x08
# Read back. The others are reserved, or read as something else: RegLna as the gain of the moment.
VERIFIED = (FRF, FRF + 1, FRF + 2, PA_CONFIG, MODEM_CONFIG_1, MODEM_CONFIG_2, MODEM_CONFIG_3,
            PREAMBLE, PREAMBLE + 1, SYNC_WORD)
CRYSTAL_HZ = 32_000_000
HIGH_BAND_HZ = 779_000_000  # from here on the port RFI_HF is used, below it RFI_LF
RSSI_HIGH_DBM, RSSI_LOW_DBM = -157, -164  # of a reading of 0
BANDWIDTHS = {125: 7, 250: 8, 500: 9}
_BUS_WITHOUT_CHIP = (0x00, 0xFF)


def frf(frequency_hz: int) -> int:
    """The carrier as RegFrf has it, in steps of 61.035 Hz."""
    return (frequency_hz << 19) // CRYSTAL_HZ


def settings(section: Sx1276Section) -> dict[int, int]:
    """Register -> value, of all that the chip keeps while it has power."""
    modulation, frequency_hz = section.modulation, 1000 * section.frequency_khz
    symbol_us = (1_000_000 << section.spreading) / modulation.bandwidth_hz
    is_widest = section.bandwidth_khz == 500
    carrier = frf(frequency_hz).to_bytes(3, "big")
    values = {
        FRF: carrier[0], FRF + 1: carrier[1], FRF + 2: carrier[2],
        PA_CONFIG: 0xF0 | (section.power_dbm - 2),  # PA_BOOST, the only pin that an RFM95 wires
        PA_DAC: 0x84,  # not the 20 dBm that may be on for 1 % of the time
        OCP: 0x2B,  # 100 mA; 17 dBm draw 87
        LNA: 0x23,  # full gain, and its current raised in the high band
        FIFO_TX_BASE: 0, FIFO_RX_BASE: 0,  # never both at once, so either has all of it
        IRQ_MASK: 0,
        MODEM_CONFIG_1: BANDWIDTHS[section.bandwidth_khz] << 4 | section.coding << 1,
        MODEM_CONFIG_2: section.spreading << 4 | 0x04,  # with a check sequence
        MODEM_CONFIG_3: 0x04 | (0x08 if symbol_us > LOW_RATE_SYMBOL_US else 0),  # AGC
        PREAMBLE: 0, PREAMBLE + 1: modulation.preamble,
        MAX_PAYLOAD_LENGTH: 0xFF,
        INVERT_IQ: 0x27, INVERT_IQ_2: 0x1D,  # neither direction inverted
        DETECT_OPTIMIZE: 0xC3 if is_widest else 0x43, DETECTION_THRESHOLD: 0x0A,
        SYNC_WORD: section.sync_word,
    }
    if is_widest:
        is_high = frequency_hz >= HIGH_BAND_HZ
        return values | {HIGH_BW_1: 0x02, HIGH_BW_2: 0x64 if is_high else 0x7F}
    return values | {IF_FREQ_1: 0x40, IF_FREQ_2: 0x00, HIGH_BW_1: 0x03}


class Sx1276(LoraChip):
    """Implements ``wire.modems.lora_chip.LoraChip``."""

    def __init__(self, spi: SpiBus, section: Sx1276Section) -> None:
        super().__init__(spi, section.modulation)
        self._settings = settings(section)
        is_high = 1000 * section.frequency_khz >= HIGH_BAND_HZ
        self._rssi_dbm = RSSI_HIGH_DBM if is_high else RSSI_LOW_DBM
        self._words = section.words

    def _set_up(self) -> str:
        version = self._read(VERSION)
        if version in _BUS_WITHOUT_CHIP:
            raise ChipAbsent("SX1276: nothing answers: check NSS, SCK, MOSI and MISO")
        if version != VERSION_SX1276:
            raise ChipGarbage(f"SX1276: version 0x{version:02x} in place of 0x12")
        for _ in range(2):  # to sleep, and then to LoRa: it is chosen only asleep
            self._write(OP_MODE, LORA | SLEEP)
        for register, value in self._settings.items():
            self._write(register, value)
        for register in VERIFIED:
            found, value = self._read(register), self._settings[register]
            if found != value:
                raise ChipGarbage(f"SX1276: register 0x{register:02x} holds 0x{found:02x} in place "
                                  f"of 0x{value:02x}")
        self._write(OP_MODE, LORA | STANDBY)
        self._listen()
        return f"SX1276, {self._words}"

    def _transmit(self, frame: bytes) -> None:
        self._write(OP_MODE, LORA | STANDBY)
        self._write(IRQ_FLAGS, 0xFF)
        self._write(FIFO_ADDR_PTR, 0)
        self._write(FIFO, *frame)
        self._write(PAYLOAD_LENGTH, len(frame))
        self._write(OP_MODE, LORA | TX)

    def _has_sent(self) -> bool:
        if self._mode() not in (TX, STANDBY):
            raise ChipGarbage("SX1276: left its transmission")
        if not self._read(IRQ_FLAGS) & TX_DONE:
            return False
        self._listen()
        return True

    def _received(self) -> RadioFrame | None:
        if self._mode() != RX_CONTINUOUS:
            raise ChipGarbage("SX1276: left its reception")
        found = self._burst(FIFO_RX_CURRENT, 1 + PACKET_RSSI - FIFO_RX_CURRENT)
        flags = found[IRQ_FLAGS - FIFO_RX_CURRENT]
        if not flags & RX_DONE:
            return None
        self._write(IRQ_FLAGS, 0xFF)
        if flags & CRC_ERROR:
            self.damaged_packets += 1
            return None
        self._write(FIFO_ADDR_PTR, found[0])
        data = self._burst(FIFO, found[RX_BYTES - FIFO_RX_CURRENT])
        if not data:
            return None
        quarters = found[PACKET_SNR - FIFO_RX_CURRENT]
        snr_db = (quarters - 256 if quarters > 127 else quarters) / 4
        reading = found[PACKET_RSSI - FIFO_RX_CURRENT]
        rssi_dbm = self._rssi_dbm + (reading * 16 / 15 if snr_db >= 0 else reading + snr_db)
        return RadioFrame(data, round(rssi_dbm), round(snr_db))

    def _listen(self) -> None:
        self._write(IRQ_FLAGS, 0xFF)
        self._write(OP_MODE, LORA | RX_CONTINUOUS)

    def _mode(self) -> int:
        """Raises ChipAbsent, and ChipGarbage where it was restarted."""
        found = self._read(OP_MODE)
        if found in _BUS_WITHOUT_CHIP:
            raise ChipAbsent("SX1276: does not answer any more")
        if found & ~0x07 != LORA:
            raise ChipGarbage(f"SX1276: was restarted, RegOpMode holds 0x{found:02x}")
        return found & 0x07

    def _read(self, register: int) -> int:
        return self._burst(register, 1)[0]

    def _burst(self, register: int, length: int) -> bytes:
        """The registers from this one on; of the FIFO as many of its bytes."""
        return self._spi.transfer(bytes([register]) + bytes(length))[1:]

    def _write(self, register: int, *values: int) -> None:
        self._spi.transfer(bytes([WRITE | register, *values]))
