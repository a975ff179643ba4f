"""A fake SX1276: registers and FIFO behind SPI transfers, and packets on the air.

It begins as after power-on: in FSK standby at 434 MHz. Only asleep does it change to LoRa, and only
awake is there a FIFO. A packet that comes before the last one was fetched lies behind it in the
FIFO, and the registers tell of the later one.

Source: the data sheet named in ``wire.modems.sx1276``, §4.1.2 (FIFO, modes) and §6.4 (reset
values).
"""

from __future__ import annotations

from sim.fakes.lora_chip import BUFFER_BYTES, FakeLoraChip
from wire.lora import Modulation
from wire.modems import sx1276

_POWER_ON = {
    sx1276.OP_MODE: 0x09, sx1276.FRF: 0x6C, sx1276.FRF + 1: 0x80, sx1276.PA_CONFIG: 0x4F,
    sx1276.OCP: 0x2B, sx1276.LNA: 0x20, sx1276.FIFO_TX_BASE: 0x80, sx1276.MODEM_CONFIG_1: 0x72,
    sx1276.MODEM_CONFIG_2: 0x70, sx1276.PREAMBLE + 1: 0x08, sx1276.PAYLOAD_LENGTH: 0x01,
    sx1276.MAX_PAYLOAD_LENGTH: 0xFF, sx1276.DETECT_OPTIMIZE: 0xC3, sx1276.INVERT_IQ: 0x27,
    sx1276.DETECTION_THRESHOLD: 0x0A, sx1276.SYNC_WORD: 0x12, sx1276.INVERT_IQ_2: 0x1D,
    sx1276.VERSION: 0x12, sx1276.PA_DAC: 0x84,
}
_READ_ONLY = (
    sx1276.FIFO_RX_CURRENT, sx1276.RX_BYTES, sx1276.PACKET_SNR, sx1276.PACKET_RSSI, sx1276.VERSION)
_BANDWIDTHS_HZ = {code: 1000 * khz for khz, code in sx1276.BANDWIDTHS.items()}
_STEP_HZ = sx1276.CRYSTAL_HZ / (1 << 19)
_MODE = 0x07


class FakeSx1276(FakeLoraChip):
    """Has the faults of ``FakeLoraChip``."""

    def restart(self) -> None:
        super().restart()
        self.registers = bytearray(0x80)
        for register, value in _POWER_ON.items():
            self.registers[register] = value

    def _answer(self, data: bytes) -> bytes:
        """The byte of the address is answered by 0."""
        register, values = data[0] & ~sx1276.WRITE, data[1:]
        if data[0] & sx1276.WRITE:
            for value in values:
                self._write(register, value)
                register += register != sx1276.FIFO
            return bytes(len(data))
        back = bytearray(1)
        for _ in values:
            back.append(self._read(register))
            register += register != sx1276.FIFO
        return bytes(back)

    def _note_received(self, start: int, length: int, rssi_dbm: int, snr_db: int) -> None:
        above_dbm = rssi_dbm - self._rssi_of_zero_dbm
        reading = above_dbm * 15 / 16 if snr_db >= 0 else above_dbm - snr_db
        for register, value in (
            (sx1276.FIFO_RX_CURRENT, start), (sx1276.RX_BYTES, length),
            (sx1276.PACKET_SNR, 4 * snr_db & 0xFF),
            (sx1276.PACKET_RSSI, min(255, max(0, round(reading)))),
        ):
            self.registers[register] = value
        self.registers[sx1276.IRQ_FLAGS] |= sx1276.RX_DONE
        if self.is_crc_failing:
            self.registers[sx1276.IRQ_FLAGS] |= sx1276.CRC_ERROR

    def _note_sent(self) -> None:
        if self._mode == sx1276.TX:
            self.registers[sx1276.IRQ_FLAGS] |= sx1276.TX_DONE
            self.registers[sx1276.OP_MODE] = sx1276.LORA | sx1276.STANDBY

    @property
    def _mode(self) -> int | None:
        """None in FSK mode, where nothing of ours happens."""
        found = self.registers[sx1276.OP_MODE]
        return found & _MODE if found & sx1276.LORA else None

    @property
    def _is_receiving(self) -> bool:
        return self._mode == sx1276.RX_CONTINUOUS

    @property
    def _frequency_hz(self) -> int:
        steps = int.from_bytes(self.registers[sx1276.FRF : sx1276.FRF + 3], "big")
        return round(steps * _STEP_HZ / 1000) * 1000

    @property
    def _sync_word(self) -> int:
        return self.registers[sx1276.SYNC_WORD]

    @property
    def _rssi_of_zero_dbm(self) -> int:
        is_high = self._frequency_hz >= sx1276.HIGH_BAND_HZ
        return sx1276.RSSI_HIGH_DBM if is_high else sx1276.RSSI_LOW_DBM

    @property
    def _modulation(self) -> Modulation:
        first, second = self.registers[sx1276.MODEM_CONFIG_1 : sx1276.MODEM_CONFIG_2 + 1]
        return Modulation(
            second >> 4, _BANDWIDTHS_HZ.get(first >> 4, 0), first >> 1 & 7,
            int.from_bytes(self.registers[sx1276.PREAMBLE : sx1276.PREAMBLE + 2], "big"))

    def _read(self, register: int) -> int:
        if register != sx1276.FIFO:
            return self.registers[register & 0x7F]
        return 0 if self._mode == sx1276.SLEEP else self._buffer[self._next_in_fifo()]

    def _write(self, register: int, value: int) -> None:
        if register == sx1276.FIFO:
            if self._mode != sx1276.SLEEP:
                self._buffer[self._next_in_fifo()] = value
        elif register == sx1276.IRQ_FLAGS:
            self.registers[register] &= ~value & 0xFF
        elif register == sx1276.OP_MODE:
            self._change_mode(value)
        elif register not in _READ_ONLY:
            self.registers[register & 0x7F] = value

    def _next_in_fifo(self) -> int:
        at = self.registers[sx1276.FIFO_ADDR_PTR]
        self.registers[sx1276.FIFO_ADDR_PTR] = (at + 1) % BUFFER_BYTES
        return at

    def _change_mode(self, value: int) -> None:
        found = self.registers[sx1276.OP_MODE]
        is_asleep = found & _MODE == sx1276.SLEEP
        lora = (value if is_asleep else found) & sx1276.LORA
        was_receiving = self._is_receiving
        self.registers[sx1276.OP_MODE] = lora | value & 0x7F
        if self._mode == sx1276.SLEEP:
            self._buffer = bytearray(BUFFER_BYTES)
        elif self._is_receiving and not was_receiving:
            self._begin_to_listen(self.registers[sx1276.FIFO_RX_BASE])
        elif self._mode == sx1276.TX:
            self._begin_to_send(
                self.registers[sx1276.FIFO_TX_BASE], self.registers[sx1276.PAYLOAD_LENGTH])
