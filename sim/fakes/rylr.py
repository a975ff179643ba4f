"""A fake REYAX RYLR998: AT commands in, answers and packets out.

It is shipped as REYAX ships it: 915 MHz, SF9, 125 kHz, network 18, 22 dBm. A firmware that is not
binary safe cuts what it sends at the first zero byte, and does not find the length it was told.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

from sim.fakes.lora_radio import AirPacket, Plan, Send
from sim.fakes.radio_module import FakeModule
from wire.lora import Modulation
from wire.modems import rylr

VERSION = "RYLR998_REYAX_V1.2.2"
_SEND = re.compile(rb"AT\+SEND=(\d+),(\d+),")
_COMMAND = re.compile(r"AT\+([A-Z]+)(\?|=(.*))")
_BANDWIDTHS = {code: khz * 1000 for khz, code in rylr.BANDWIDTHS_KHZ.items()}


class FakeRylr(FakeModule):
    """Faults, all off at first:

    is_binary_unsafe   a frame with a zero byte is +ERR=5
    failing_code       every AT+SEND is answered +ERR= with this number
    """

    def __init__(self, now_ms: Callable[[], int], plan: Plan, send: Send) -> None:
        super().__init__(now_ms, plan, send)
        self.is_binary_unsafe = False
        self.failing_code: int | None = None
        self.writes = 0  # of its settings
        self.settings = {
            "VER": VERSION, "MODE": "0", "BAND": "915000000", "PARAMETER": "9,7,1,12",
            "NETWORKID": "18", "CRFOP": "22",
        }
        self._in = b""

    def restart(self) -> None:
        """A brown-out: its settings are kept."""
        self._in = b""
        self._busy_until_ms = self._now_ms()
        self._answer("READY")

    @property
    def _modulation(self) -> Modulation:
        spreading, bandwidth, coding, preamble = map(int, self.settings["PARAMETER"].split(","))
        return Modulation(spreading, _BANDWIDTHS[bandwidth], coding, preamble)

    def _take(self, data: bytes) -> None:
        self._in += data
        while self._in:
            sending = _SEND.match(self._in)
            if sending is not None:
                end = sending.end() + int(sending[2])
                if len(self._in) < end + 2:
                    return
                body, tail = self._in[sending.end() : end], self._in[end : end + 2]
                self._in = self._in[end + 2 :]
                self._send_packet(body, is_whole=tail == b"\r\n")
                continue
            line, found, rest = self._in.partition(b"\r\n")
            if not found:
                return
            self._in = rest
            if line:
                self._command(line.decode("ascii", "replace"))

    def _command(self, line: str) -> None:
        command = _COMMAND.fullmatch(line)
        if line == "AT":
            self._answer("OK")
        elif command is None or command[1] not in self.settings:
            self._answer("ERR=4")
        elif command[2] == "?":
            self._answer(f"{command[1]}={self.settings[command[1]]}")
        else:
            self.settings[command[1]] = command[3]
            self.writes += 1
            self._answer("OK")

    def _send_packet(self, body: bytes, is_whole: bool) -> None:
        if self.failing_code is not None:
            self._answer(f"ERR={self.failing_code}")
        elif not is_whole or (self.is_binary_unsafe and b"\0" in body):
            self._answer("ERR=5")
        elif self.is_sending:
            self._answer("ERR=17")
        else:
            packet = AirPacket(
                body, self._modulation, int(self.settings["BAND"]),
                int(self.settings["NETWORKID"]))
            self._transmit(packet, rylr.OWN_BYTES, partial(self._answer, "OK"))

    def _answer(self, text: str) -> None:
        self._say(f"+{text}\r\n".encode("ascii"))

    def _is_for_us(self, packet: AirPacket) -> bool:
        return (packet.modulation, packet.channel, packet.network) == (
            self._modulation, int(self.settings["BAND"]), int(self.settings["NETWORKID"]))

    def _received(self, data: bytes, rssi_dbm: int, snr_db: int) -> bytes:
        return b"+RCV=0,%d,%s,%d,%d\r\n" % (len(data), data, rssi_dbm, snr_db)
