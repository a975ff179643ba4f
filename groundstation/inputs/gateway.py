"""Connections to the radio: KISS over TCP or over a serial line, or a replay.

A connection returns the frames received since the last read and transmits frames. A lost one is
reopened until the station ends; its loss is logged once, and so is its return.
"""

from __future__ import annotations

import contextlib
import errno
import selectors
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import Any, Protocol

import serial
import structlog
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_when_event_set,
    wait_exponential,
)

from groundstation.archive import rawlog
from groundstation.decode import payload_summaries, sondehub_telemetry
from groundstation.errors import StationError
from groundstation.ground import Ground, HeardBytes
from groundstation.inputs import tcp
from groundstation.inputs.chip_line import ChipLine
from groundstation.inputs.module_line import ModuleLine
from wire.envelope import Envelope
from wire.mission import Mission
from wire.mission_radio import MODULES, RadioSection
from wire.modems import kiss
from wire.modems.chips import wired_chip
from wire.modems.radio_dialog import RadioFrame

_log = structlog.get_logger()
NoteRadio = Callable[[str, int, str | None], None]
WAIT_S = 0.2
RETRY_S = 2.0  # doubled at each loss
RETRY_S_MAX = 30.0
READ_BYTES = 16_384  # in one turn
CONNECT_S = 5.0
WRITE_S = 5.0  # a modem that takes nothing for so long is lost


class RadioConnection(Protocol):
    """Where frames come from and go to. What a modem says of a frame's strength comes with it."""

    name: str

    def read(self, wait_s: float) -> list[RadioFrame]:
        """Frames received within ``wait_s``. Raises OSError when the connection is lost."""

    def can_send(self) -> bool:
        """Would a frame be transmitted now?"""

    def write(self, frame: bytes) -> None:
        """Transmit. Raises OSError when the connection is lost."""

    def close(self) -> None: ...


class KissClient:
    """A connection to a TNC such as Dire Wolf."""

    def __init__(self, host: str, port: int, greeting: bytes = b"") -> None:
        """``greeting`` is what the TNC is told first."""
        self.name = f"{host}:{port}"
        self._socket = socket.create_connection((host, port), timeout=CONNECT_S)
        self._socket.settimeout(WRITE_S)
        # A frame goes at once: it does not wait for the acknowledgement of the one before.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        tcp.notice_vanished(self._socket)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._socket, selectors.EVENT_READ)
        self._decoder = kiss.Decoder()
        self._socket.sendall(greeting)

    def read(self, wait_s: float) -> list[RadioFrame]:
        if not self._selector.select(wait_s):
            return []
        data = self._socket.recv(READ_BYTES)
        if not data:
            raise ConnectionResetError(errno.ECONNRESET, "the other end closed")
        return [RadioFrame(frame) for frame in self._decoder.feed(data)]

    def can_send(self) -> bool:
        return True

    def write(self, frame: bytes) -> None:
        self._socket.sendall(kiss.encode(frame))

    def close(self) -> None:
        self._selector.close()
        self._socket.close()


class KissSerial:
    """A hardware TNC on a serial line. Raises OSError (SerialException) when it is not there."""

    def __init__(self, device: str, baud: int, greeting: bytes = b"") -> None:
        self.name = device
        self._port: Any = serial.Serial(
            device, baud, timeout=WAIT_S, write_timeout=WRITE_S, exclusive=True)
        self._decoder = kiss.Decoder()
        self._port.write(greeting)

    def read(self, wait_s: float) -> list[RadioFrame]:
        self._port.timeout = wait_s
        data = self._port.read(1)
        if data:
            data += self._port.read(self._port.in_waiting)
        return [RadioFrame(frame) for frame in self._decoder.feed(data)]

    def can_send(self) -> bool:
        return True

    def write(self, frame: bytes) -> None:
        self._port.write(kiss.encode(frame))

    def close(self) -> None:
        self._port.close()


def opener(
    mission: Mission, uptime_ms: Callable[[], int]
) -> Callable[[], RadioConnection] | None:
    """How the mission's radio is opened; None when it has none. ``uptime_ms`` is of a clock that is
    never set."""
    radio = mission.radio
    greeting = kiss.keying(radio.tx_delay_ms, radio.tx_tail_ms)
    if radio.kind == "kiss-tcp":
        return lambda: KissClient(radio.host, radio.port, greeting)
    if radio.kind in MODULES:
        return lambda: ModuleLine(radio, uptime_ms)
    if radio.chip is not None:
        return lambda: _open_chip(radio, uptime_ms)
    if radio.kind == "kiss-serial":
        return lambda: KissSerial(radio.device, radio.baud, greeting)
    return None


def _open_chip(radio: RadioSection, uptime_ms: Callable[[], int]) -> ChipLine:
    open_things = contextlib.ExitStack()
    chip = wired_chip(radio, uptime_ms, open_things)
    return ChipLine(radio.device, chip, open_things, uptime_ms, Event().wait)


def nothing() -> None:
    """No other inputs or outputs."""


def keep_no_note(name: str, utc_ms: int, why: str | None) -> None:
    """Nobody shows the state of the radio."""


def run(
    ground: Ground, open_radio: Callable[[], RadioConnection], envelope: Envelope,
    now: Callable[[], int], stop: Event, poll_others: Callable[[], None] = nothing,
    note_radio: NoteRadio = keep_no_note,
) -> None:
    """Carry frames between the radio and the station until ``stop`` is set.

    ``now`` gives UTC in ms; the archive keeps frames without their ``envelope``. ``poll_others``
    (UDP, other stations) is called several times a second, whether or not the radio is connected;
    ``note_radio`` with the radio's name and the time when it is connected, and with the reason when
    it is lost. Raises StationError when the radio can never be opened.
    """
    lost = _LossLog(now, note_radio)

    def wait(seconds: float) -> None:
        for _ in range(max(1, round(seconds / WAIT_S))):
            if stop.wait(WAIT_S):
                return
            poll_others()

    for attempt in Retrying(
        retry=retry_if_exception_type(OSError), stop=stop_when_event_set(stop),
        wait=wait_exponential(multiplier=RETRY_S, max=RETRY_S_MAX), sleep=wait,
        before_sleep=lost.note, retry_error_callback=lambda state: None,
    ):
        with attempt, contextlib.closing(open_radio()) as radio:
            lost.note_open(radio)
            _carry(ground, radio, envelope, now, stop, poll_others)


class _LossLog:
    """Logs once that the radio was lost and once that it returned, however many retries between;
    tells ``note_radio`` as well."""

    def __init__(self, now: Callable[[], int], note_radio: NoteRadio) -> None:
        self._now = now
        self._note_radio = note_radio
        self._name = ""
        self._is_lost = False

    def note(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if not self._is_lost:
            reason = why(error) if isinstance(error, OSError) else ""
            _log.warning("radio_lost", why=reason)
            self._note_radio(self._name, self._now(), reason)
        self._is_lost = True

    def note_open(self, radio: RadioConnection) -> None:
        if self._is_lost:
            _log.info("radio_returned", radio=radio.name)
        self._is_lost = False
        self._name = radio.name
        self._note_radio(radio.name, self._now(), None)


def _carry(
    ground: Ground, radio: RadioConnection, envelope: Envelope, now: Callable[[], int], stop: Event,
    poll_others: Callable[[], None],
) -> None:
    while not stop.is_set():
        turn(ground, radio, envelope, now)
        poll_others()


def turn(
    ground: Ground, radio: RadioConnection, envelope: Envelope, now: Callable[[], int],
    wait_s: float = WAIT_S,
) -> None:
    """Hand over what was received within ``wait_s``, and transmit the station's next frame."""
    heard = [(envelope.unwrap(one.data), one) for one in radio.read(wait_s)]
    ground.receive_many(
        HeardBytes(frame, now(), one.rssi_dbm, one.snr_db)
        for frame, one in heard if frame is not None)
    ground.tend(now())
    uplink = ground.next_uplink(now()) if radio.can_send() else None
    if uplink is not None:
        radio.write(envelope.wrap(uplink))


def replay(path: Path) -> Iterator[HeardBytes]:
    """The receptions of an earlier raw log, with their own times and stations. Raises
    StationError."""
    if not path.is_file():
        raise StationError(f"{path}: no such raw log")
    is_empty = True
    for reception, _ in rawlog.read(path):
        is_empty = False
        is_of_others = reception.source in (payload_summaries.SOURCE, sondehub_telemetry.SOURCE)
        source = reception.source if is_of_others else "replay"
        yield HeardBytes(
            reception.raw, reception.utc_ms, reception.rssi_dbm, reception.snr_db, source,
            reception.station)
    if is_empty:
        raise StationError(f"{path}: contains no reception; a raw log ends in .raw")


def why(error: OSError) -> str:
    """In words, without the address that ``socket.create_server`` adds: the sentence names it."""
    return (error.strerror or str(error)).split(" (while attempting", 1)[0]
