"""A fake SX1276: registers and FIFO behind SPI transfers, and packets on the air.

It begins as after power-on: in FSK standby at 434 MHz. Only asleep does it change to LoRa, and only
awake is there a FIFO. It hears a packet when it is in RXCONTINUOUS and frequency, spreading,
bandwidth and sync word agree; the coding rate is in the packet's header. One that begins to listen
within the preamble needs ``PREAMBLE_NEEDED`` symbols of it. A packet that comes before the last one
was fetched lies behind it in the FIFO, and the registers tell of the later one.

Source: the data sheet named in ``wire.modems.sx1276``, §4.1.2 (FIFO, modes) and §6.4 (reset
values).
"""

from __future__ import annotations

from collections.abc import Callable

from sim.fakes.lora_radio import AirPacket, FakeLoraRadio, Plan, Send
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
PREAMBLE_NEEDED = 5


class FakeSx1276(FakeLoraRadio):
    """Implements ``wire.modems.lora_chip.SpiBus``. Faults, all off at first:

    is_unplugged     nobody drives the line: it reads ``floating``
    is_stuck         it takes TX and never sends
    is_crc_failing   every packet is heard damaged
    """

    def __init__(self, now_ms: Callable[[], int], plan: Plan, send: Send) -> None:
        super().__init__(now_ms, plan, send)
        self.is_stuck = self.is_crc_failing = False
        self.floating = 0x00
        self.registers = bytearray(0x80)
        self.restart()

    def restart(self) -> None:
        """The supply was gone for a moment: nothing is kept, and what it sent breaks off."""
        self.registers[:] = bytes(0x80)
        for register, value in _POWER_ON.items():
            self.registers[register] = value
        self._fifo = bytearray(256)
        self._received_to = self._listens_from_ms = 0
        self._busy_until_ms = self._now_ms()
        self._powered = object()  # what was planned before the restart is no more

    def transfer(self, data: bytes) -> bytes:
        """As the chip answers while it is selected; the byte of the address is answered by 0."""
        if self.is_unplugged:
            return bytes([self.floating]) * len(data)
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

    def hear(self, packet: AirPacket, rssi_dbm: int, snr_db: int) -> None:
        ours, theirs = self._modulation, packet.modulation
        is_ours = (ours.spreading, ours.bandwidth_hz) == (theirs.spreading, theirs.bandwidth_hz)
        is_ours &= self._frequency_hz == packet.channel
        is_ours &= self.registers[sx1276.SYNC_WORD] == packet.network
        missed = theirs.preamble - PREAMBLE_NEEDED
        began_ms = self._now_ms() - theirs.packet_ms(len(packet.data))
        is_ours &= self._listens_from_ms <= began_ms + (
            missed * (1000 << theirs.spreading) // theirs.bandwidth_hz)
        if self.is_unplugged or not is_ours or self._mode != sx1276.RX_CONTINUOUS:
            return
        start, size = self._received_to, len(packet.data)
        for at, byte in enumerate(packet.data, start):
            self._fifo[at % 256] = byte
        self._received_to = (start + size) % 256
        above_dbm = rssi_dbm - self._rssi_of_zero_dbm
        reading = above_dbm * 15 / 16 if snr_db >= 0 else above_dbm - snr_db
        for register, value in (
            (sx1276.FIFO_RX_CURRENT, start), (sx1276.RX_BYTES, size),
            (sx1276.PACKET_SNR, 4 * snr_db & 0xFF),
            (sx1276.PACKET_RSSI, min(255, max(0, round(reading)))),
        ):
            self.registers[register] = value
        self.registers[sx1276.IRQ_FLAGS] |= sx1276.RX_DONE
        if self.is_crc_failing:
            self.registers[sx1276.IRQ_FLAGS] |= sx1276.CRC_ERROR

    @property
    def _mode(self) -> int | None:
        """None in FSK mode, where nothing of ours happens."""
        found = self.registers[sx1276.OP_MODE]
        return found & _MODE if found & sx1276.LORA else None

    @property
    def _frequency_hz(self) -> int:
        steps = int.from_bytes(self.registers[sx1276.FRF : sx1276.FRF + 3], "big")
        return round(steps * _STEP_HZ / 1000) * 1000

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
        return 0 if self._mode == sx1276.SLEEP else self._fifo[self._next_in_fifo()]

    def _write(self, register: int, value: int) -> None:
        if register == sx1276.FIFO:
            if self._mode != sx1276.SLEEP:
                self._fifo[self._next_in_fifo()] = value
        elif register == sx1276.IRQ_FLAGS:
            self.registers[register] &= ~value & 0xFF
        elif register == sx1276.OP_MODE:
            self._change_mode(value)
        elif register not in _READ_ONLY:
            self.registers[register & 0x7F] = value

    def _next_in_fifo(self) -> int:
        at = self.registers[sx1276.FIFO_ADDR_PTR]
        self.registers[sx1276.FIFO_ADDR_PTR] = (at + 1) % 256
        return at

    def _change_mode(self, value: int) -> None:
        found = self.registers[sx1276.OP_MODE]
        is_asleep = found & _MODE == sx1276.SLEEP
        lora = (value if is_asleep else found) & sx1276.LORA
        before = self._mode
        self.registers[sx1276.OP_MODE] = lora | value & 0x7F
        if self._mode == sx1276.SLEEP:
            self._fifo = bytearray(256)
        elif self._mode == sx1276.RX_CONTINUOUS and before != sx1276.RX_CONTINUOUS:
            self._received_to = self.registers[sx1276.FIFO_RX_BASE]
            self._listens_from_ms = self._now_ms()
        elif self._mode == sx1276.TX and not self.is_stuck:
            self._begin_to_send()

    def _begin_to_send(self) -> None:
        start = self.registers[sx1276.FIFO_TX_BASE]
        data = bytes(self._fifo[at % 256]
                     for at in range(start, start + self.registers[sx1276.PAYLOAD_LENGTH]))
        powered = self._powered

        def sent() -> None:
            if self._powered is powered and self._mode == sx1276.TX:
                self.registers[sx1276.IRQ_FLAGS] |= sx1276.TX_DONE
                self.registers[sx1276.OP_MODE] = sx1276.LORA | sx1276.STANDBY

        self._transmit(AirPacket(
            data, self._modulation, self._frequency_hz, self.registers[sx1276.SYNC_WORD]), 0, sent)
