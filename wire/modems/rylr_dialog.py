"""Sets up a RYLR998 by AT commands, and carries frames with AT+SEND.

It is asked for its version and for each setting, and told only those that differ: they are kept in
its flash memory. Then one command is under way at a time; AT+SEND is answered when the packet has
left. "+READY" says that the module was restarted, whereupon everything is asked again.

Source: REYAX "LoRa AT command guide" for RYLR998 and RYLR498, 56312E33.
"""

from __future__ import annotations

from wire.mission_radio import RylrSection
from wire.modems import rylr
from wire.modems.radio_dialog import HEARD_FRAMES_MAX, ModuleLost, RadioFrame
from wire.modems.rylr import Reply, RylrFrame

ANSWER_MS = 1_500
SENT_MS = 3_000  # after the airtime, at most, for the answer to AT+SEND
FAILURES_MAX = 3  # frames in a row that were refused or not answered
GAP_MS = 500  # of silence: what is half received will not be completed
# Said of a packet that came and could not be decoded: CRC, header.
RECEPTION_ERRORS = ("ERR=12", "ERR=19")
_ANY = ""  # whatever it answers is right


class RylrDialog:
    """Implements ``wire.modems.radio_dialog.RadioDialog``."""

    pins = (0, 0)  # it has none

    def __init__(self, section: RylrSection) -> None:
        self.identity: str | None = None
        bandwidth = rylr.BANDWIDTHS_KHZ[section.bandwidth_khz]
        self._wanted = (
            ("VER", _ANY),
            ("MODE", "0"),
            ("BAND", str(1000 * section.frequency_khz)),
            ("PARAMETER",
             f"{section.spreading},{bandwidth},{section.coding},{rylr.PREAMBLE}"),
            ("NETWORKID", str(section.network)),
            ("CRFOP", str(section.power_dbm)),
        )
        self._words = (
            f"{section.frequency_khz / 1000:g} MHz, SF{section.spreading}, "
            f"{section.bandwidth_khz} kHz, network {section.network}")
        self._is_binary = section.is_binary_safe
        self._sent_ms_max = SENT_MS + section.modulation.packet_ms(
            rylr.DATA_BYTES_MAX + rylr.OWN_BYTES)
        self.begin()

    def begin(self) -> None:
        self.identity = None
        self._at = -1  # of ``_wanted``; -1 is the AT that it answers with OK
        self._is_setting = False
        self._version = ""
        self._asked_ms: int | None = None  # the command under way
        self._failures = 0
        self._decoder = rylr.Decoder(self._is_binary)
        self._heard: list[RadioFrame] = []
        self._heard_ms = 0

    def step(self, data: bytes, now_ms: int, is_aux_high: bool | None = None) -> bytes:
        events = self._decoder.feed(data)
        if data:
            self._heard_ms = now_ms
        elif now_ms - self._heard_ms >= GAP_MS:
            events += self._decoder.flush()
        out = b""
        for event in events:
            if isinstance(event, RylrFrame):
                self._heard.append(RadioFrame(event.frame, event.rssi_dbm, event.snr_db))
                del self._heard[:-HEARD_FRAMES_MAX]
            elif event.text == "READY":
                heard = self._heard
                self.begin()
                self._heard, out = heard, b""
            else:
                out += self._take(event, now_ms)
        if self.identity is None and self._asked_ms is None:
            return out + self._ask(now_ms)
        self._watch(now_ms)
        return out

    def is_ready(self) -> bool:
        return self.identity is not None and self._asked_ms is None

    def send(self, frame: bytes, now_ms: int) -> bytes:
        assert self.is_ready()
        self._asked_ms = now_ms
        return rylr.send_command(frame, self._is_binary)

    def take_heard(self) -> list[RadioFrame]:
        heard, self._heard = self._heard, []
        return heard

    def _ask(self, now_ms: int) -> bytes:
        self._asked_ms = now_ms
        if self._at < 0:
            return b"AT\r\n"
        name, wanted = self._wanted[self._at]
        words = f"AT+{name}={wanted}\r\n" if self._is_setting else f"AT+{name}?\r\n"
        return words.encode("ascii")

    def _take(self, reply: Reply, now_ms: int) -> bytes:
        """The answer to the command under way, and the next command."""
        if self._asked_ms is None or reply.text in RECEPTION_ERRORS:
            return b""
        if self.identity is not None:
            self._asked_ms = None
            self._note_sent(not reply.is_error, f"+{reply.text}")
            return b""
        if self._at < 0:
            if reply.text != "OK":
                return b""  # what it thinks of half a line from before
            return self._next(now_ms)
        name, wanted = self._wanted[self._at]
        if reply.is_error:
            raise self._lost(f"rejects AT+{name}: +{reply.text}")
        if self._is_setting:
            return self._next(now_ms) if reply.text == "OK" else b""
        found, _, value = reply.text.partition("=")
        if found != name:
            return b""
        if name == "VER":
            self._version = value
        if wanted in (_ANY, value):
            return self._next(now_ms)
        self._is_setting = True
        return self._ask(now_ms)

    def _next(self, now_ms: int) -> bytes:
        self._at += 1
        self._is_setting, self._asked_ms = False, None
        if self._at < len(self._wanted):
            return self._ask(now_ms)
        self.identity = f"{self._version or 'RYLR'}, {self._words}"
        return b""

    def _watch(self, now_ms: int) -> None:
        """The command under way has a time in which it is answered. Raises ModuleLost."""
        if self._asked_ms is None:
            return
        passed_ms = now_ms - self._asked_ms
        if self.identity is None and passed_ms >= ANSWER_MS:
            raise self._lost("does not answer: check RXD and TXD, and radio.baud")
        if self.identity is not None and passed_ms >= self._sent_ms_max:
            self._asked_ms = None
            self._note_sent(False, "no answer")

    def _note_sent(self, is_sent: bool, why: str) -> None:
        self._failures = 0 if is_sent else self._failures + 1
        if self._failures >= FAILURES_MAX:
            raise self._lost(f"sent none of {FAILURES_MAX} frames: {why}")

    def _lost(self, why: str) -> ModuleLost:
        self.begin()
        return ModuleLost(f"RYLR998: {why}")
