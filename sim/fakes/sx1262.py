"""A fake SX1262: commands, registers and buffer behind SPI transfers, BUSY and NRESET, and packets
on the air.

It begins as after a reset: in standby on its RC oscillator, in FSK, with the sync word 1424. After
each command BUSY is high until somebody waits for it, and what comes before that is lost. It
refuses, in the status of the next command, what the data sheet does not allow: an unknown command
or one of another length, LoRa's parameters before LoRa was chosen, a calibration outside standby,
an amplifier set beyond its limits, and to transmit or receive without a clock. Reception goes on
behind the last packet in the buffer, as it does while SetRx has no end.

Source: the data sheet named in ``wire.modems.sx1262``, §10.3 (status), §13 (commands).
"""

from __future__ import annotations

from collections.abc import Callable

from sim.fakes.lora_chip import BUFFER_BYTES, FakeLoraChip
from sim.fakes.lora_radio import Plan, Send
from wire.lora import Modulation
from wire.modems import sx1262 as chip

_POWER_ON = {0x0740: 0x14, 0x0741: 0x24, 0x0736: 0x0D, 0x0889: 0x01, 0x08AC: 0x94, 0x08D8: 0xC8}
_BANDWIDTHS_HZ = {code: 1000 * khz for khz, code in chip.BANDWIDTHS.items()}
_DONE, _NOT_UNDERSTOOD, _NOT_EXECUTED = 1, 4, 5  # command status: 1 is reserved, and what it says
_OSCILLATOR = chip.OSCILLATOR_ERROR
# Command -> bytes in all; of those not listed here, at least three.
_LENGTHS = {
    chip.CLEAR_IRQ_STATUS: 3, chip.CLEAR_DEVICE_ERRORS: 3, chip.SET_DIO_IRQ_PARAMS: 9,
    chip.GET_PACKET_TYPE: 3, chip.GET_IRQ_STATUS: 4, chip.GET_RX_BUFFER_STATUS: 4,
    chip.GET_PACKET_STATUS: 5, chip.GET_DEVICE_ERRORS: 4, chip.SET_STANDBY: 2, chip.SET_RX: 4,
    chip.SET_TX: 4, chip.SET_RF_FREQUENCY: 5, chip.CALIBRATE: 2, chip.SET_PACKET_TYPE: 2,
    chip.SET_MODULATION_PARAMS: 5, chip.SET_PACKET_PARAMS: 7, chip.SET_TX_PARAMS: 3,
    chip.SET_BUFFER_BASE_ADDRESS: 3, chip.SET_PA_CONFIG: 5, chip.SET_DIO3_AS_TCXO: 5,
    chip.CALIBRATE_IMAGE: 3, chip.SET_DIO2_AS_RF_SWITCH: 2,
}
_NEED_LORA = (chip.SET_MODULATION_PARAMS, chip.SET_PACKET_PARAMS, chip.SET_RX, chip.SET_TX)
_NEED_STANDBY = (
    chip.CALIBRATE, chip.CALIBRATE_IMAGE, chip.SET_PACKET_TYPE, chip.SET_DIO3_AS_TCXO)
_SPREADING_MAX_LLCC68 = {4: 9, 5: 10, 6: 11}


class FakeSx1262(FakeLoraChip):
    """Implements ``wire.modems.sx1262.ChipPins`` too. Has the faults of ``FakeLoraChip``, and one:

    is_hung   BUSY stays high, and no command is heard

    The board: ``has_tcxo``, an oscillator that DIO3 feeds; ``is_llcc68``.
    """

    def __init__(
        self, now_ms: Callable[[], int], plan: Plan, send: Send,
        has_tcxo: bool = False, is_llcc68: bool = False,
    ) -> None:
        self.has_tcxo, self.is_llcc68 = has_tcxo, is_llcc68
        self.is_hung = False
        self.hurried_commands = 0  # that came while BUSY was high, and were lost
        self.commands: list[bytes] = []  # all that it heard since the reset
        super().__init__(now_ms, plan, send)

    def restart(self) -> None:
        super().restart()
        self.registers = dict(_POWER_ON)
        self.commands.clear()
        self._is_busy = True
        self._mode, self._command_status = chip.STANDBY_RC, _DONE
        self._is_lora = self._is_dio3_tcxo = False
        self._errors = _OSCILLATOR if self.has_tcxo else 0
        self._flags = self._flags_allowed = 0
        self._tx_base = self._rx_base = 0
        self._given = {
            chip.SET_RF_FREQUENCY: bytes(4), chip.SET_MODULATION_PARAMS: bytes(4),
            chip.SET_PACKET_PARAMS: bytes(6), chip.GET_RX_BUFFER_STATUS: bytes(2),
            chip.GET_PACKET_STATUS: bytes(3)}

    def wait_ready(self) -> bool:
        self._is_busy = self.is_hung
        return not self.is_hung

    def reset(self) -> None:
        if not self.is_unplugged:
            self.restart()

    def _answer(self, data: bytes) -> bytes:
        status = bytes([self._mode << 4 | self._command_status << 1])
        if self._is_busy:
            self.hurried_commands += 1
            return status * len(data)
        self._is_busy = True
        self.commands.append(data)
        self._command_status = _DONE
        answer = self._read(data)
        if answer is not None:
            return (status * len(data))[: len(data) - len(answer)] + answer
        self._command_status = self._refusal(data) or self._obey(data[0], data[1:])
        return status * len(data)

    def _read(self, data: bytes) -> bytes | None:
        """What a command asks for; None for one that asks for nothing."""
        if data[0] == chip.READ_REGISTER and len(data) > 4:
            register = int.from_bytes(data[1:3], "big")
            return bytes(self.registers.get(register + at, 0) for at in range(len(data) - 4))
        if data[0] == chip.READ_BUFFER and len(data) > 3:
            return bytes(
                self._buffer[(data[1] + at) % BUFFER_BYTES] for at in range(len(data) - 3))
        if len(data) != _LENGTHS.get(data[0]):
            return None
        return {
            chip.GET_PACKET_TYPE: bytes([self._is_lora]),
            chip.GET_IRQ_STATUS: self._flags.to_bytes(2, "big"),
            chip.GET_DEVICE_ERRORS: self._errors.to_bytes(2, "big"),
            chip.GET_RX_BUFFER_STATUS: self._given[chip.GET_RX_BUFFER_STATUS],
            chip.GET_PACKET_STATUS: self._given[chip.GET_PACKET_STATUS],
        }.get(data[0])

    def _refusal(self, data: bytes) -> int:
        """Why it does not do this; 0 where it does."""
        command, values = data[0], data[1:]
        is_of_any_length = command in (chip.WRITE_REGISTER, chip.WRITE_BUFFER)
        if not (is_of_any_length and len(data) > 2) and len(data) != _LENGTHS.get(command):
            return _NOT_UNDERSTOOD
        if command in _NEED_LORA and not self._is_lora:
            return _NOT_UNDERSTOOD
        if command in _NEED_STANDBY and self._mode != chip.STANDBY_RC:
            return _NOT_EXECUTED
        are_bad = {
            chip.SET_MODULATION_PARAMS: lambda: not self._can_modulate(*values),
            chip.SET_PACKET_PARAMS: lambda: not any(values[:2]),
            chip.SET_PA_CONFIG: lambda: values[0] > 4 or values[1] > 7 or values[2:] != b"\0\1",
            chip.SET_TX_PARAMS: lambda: not -9 <= _signed(values[0]) <= 22 or values[1] > 7,
            chip.SET_DIO3_AS_TCXO: lambda: values[0] >= len(chip.TCXO_MV),
        }.get(command)
        return _NOT_UNDERSTOOD if are_bad is not None and are_bad() else 0

    def _can_modulate(self, spreading: int, bandwidth: int, coding: int, is_slow: int) -> bool:
        highest = _SPREADING_MAX_LLCC68.get(bandwidth, 0) if self.is_llcc68 else 12
        return (5 <= spreading <= highest and bandwidth in _BANDWIDTHS_HZ and 1 <= coding <= 4
                and is_slow <= 1)

    def _obey(self, command: int, values: bytes) -> int:
        """The command's status."""
        if command in (chip.SET_RX, chip.SET_TX):
            return self._change_mode(command)
        if command in self._given:
            self._given[command] = values
        elif command == chip.SET_STANDBY:
            self._mode = chip.STANDBY_RC
        elif command == chip.SET_PACKET_TYPE:
            self._is_lora = values[0] == chip.LORA
        elif command == chip.SET_BUFFER_BASE_ADDRESS:
            self._tx_base, self._rx_base = values
        elif command == chip.SET_DIO_IRQ_PARAMS:
            self._flags_allowed = int.from_bytes(values[:2], "big")
        elif command == chip.CLEAR_IRQ_STATUS:
            self._flags &= ~int.from_bytes(values, "big")
        elif command == chip.CLEAR_DEVICE_ERRORS:
            self._errors = 0
        elif command == chip.SET_DIO3_AS_TCXO:
            self._is_dio3_tcxo = True
        elif command == chip.CALIBRATE and not self._has_clock:
            self._errors |= _OSCILLATOR
        elif command == chip.WRITE_BUFFER:
            for at, value in enumerate(values[1:], values[0]):
                self._buffer[at % BUFFER_BYTES] = value
        elif command == chip.WRITE_REGISTER:
            for at, value in enumerate(values[2:], int.from_bytes(values[:2], "big")):
                self.registers[at] = value
        return _DONE

    def _change_mode(self, command: int) -> int:
        if not self._has_clock:
            self._errors |= _OSCILLATOR
            return _NOT_EXECUTED
        if command == chip.SET_RX:
            self._mode = chip.RX
            self._begin_to_listen(self._rx_base)
        else:
            self._mode = chip.TX
            self._begin_to_send(self._tx_base, self._given[chip.SET_PACKET_PARAMS][3])
        return _DONE

    @property
    def _has_clock(self) -> bool:
        """A crystal does not swing where DIO3 is told to feed an oscillator."""
        return self.has_tcxo == self._is_dio3_tcxo

    def _note_received(self, start: int, length: int, rssi_dbm: int, snr_db: int) -> None:
        if length > self._given[chip.SET_PACKET_PARAMS][3]:
            return
        below_dbm = max(0, -snr_db)  # of the noise, in which such a signal is
        self._given[chip.GET_RX_BUFFER_STATUS] = bytes([length, start])
        self._given[chip.GET_PACKET_STATUS] = bytes([
            _half_db(rssi_dbm + below_dbm), 4 * snr_db & 0xFF, _half_db(rssi_dbm)])
        self._raise(chip.RX_DONE)
        if self.is_crc_failing:
            self._raise(chip.CRC_ERROR)

    def _note_sent(self) -> None:
        if self._mode == chip.TX:
            self._mode = chip.STANDBY_RC
            self._raise(chip.TX_DONE)

    def _raise(self, flag: int) -> None:
        self._flags |= flag & self._flags_allowed

    @property
    def _is_receiving(self) -> bool:
        return self._mode == chip.RX

    @property
    def _frequency_hz(self) -> int:
        steps = int.from_bytes(self._given[chip.SET_RF_FREQUENCY], "big")
        return round(steps * chip.CRYSTAL_HZ / (1 << 25) / 1000) * 1000

    @property
    def _sync_word(self) -> int:
        return self.registers[0x0740] & 0xF0 | self.registers[0x0741] >> 4

    @property
    def _modulation(self) -> Modulation:
        spreading, bandwidth, coding, _ = self._given[chip.SET_MODULATION_PARAMS]
        preamble = int.from_bytes(self._given[chip.SET_PACKET_PARAMS][:2], "big")
        return Modulation(spreading, _BANDWIDTHS_HZ.get(bandwidth, 0), coding, preamble)


def _signed(byte: int) -> int:
    return byte - 256 if byte > 127 else byte


def _half_db(dbm: int) -> int:
    return min(255, max(0, -2 * dbm))
