"""The interfaces of the flight core to devices, workers and the machine.

Each port is a small Protocol. Real ones live in ``payload/drivers`` and are wired in
``payload/__main__``; fakes live in ``sim`` and are wired in ``sim/world``. Nothing here blocks:
a slow port is started, polled and cancelled, and the deadline is held by the core.

Absent (never answered), stale (answered long ago), failed (raised now) and zero are four different
things: a port raises one of the errors below or returns a value, it never makes one up.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from payload.sight import SightValues
from wire.records import Priority, Record


class PortError(Exception):
    """Something outside the core did not work; the part that owns the port handles it."""


class DeviceAbsent(PortError, OSError):
    """Nothing answers at this address or path."""


class DeviceTimeout(PortError, TimeoutError):
    """It was there, and did not answer in time."""


class DeviceGarbage(PortError, ValueError):
    """It answered something its datasheet does not allow."""


class ByteStream(Protocol):
    """A serial port or socket that is already open; both calls return at once."""

    def read(self, max_bytes: int) -> bytes:
        """What has arrived, possibly nothing. Raises DeviceAbsent when the far end is gone."""
        ...

    def write(self, data: bytes) -> None:
        """Queue bytes for sending. Raises DeviceAbsent when the far end is gone."""
        ...


@dataclass(frozen=True, slots=True)
class Reading:
    """Values of one sensor at one instant; keys name the quantity and its unit."""

    taken_ms: int
    values: dict[str, float]


class Sensor(Protocol):
    """One chip. ``read`` takes at most a few milliseconds of bus time."""

    name: str

    def read(self, now_ms: int) -> Reading:
        """A fresh reading. Raises DeviceAbsent, DeviceTimeout or DeviceGarbage."""
        ...


@dataclass(frozen=True, slots=True)
class GnssFix:
    """One navigation epoch as the receiver reported it; None is what it did not say."""

    taken_ms: int
    fix_type: int  # 0 none, 2 2D, 3 3D
    satellites: int
    utc_ms: int | None
    latitude_deg: float | None
    longitude_deg: float | None
    altitude_m: float | None  # above mean sea level
    climb_mps: float | None
    speed_mps: float | None
    heading_deg: float | None
    pdop: float | None = None


class Gnss(Protocol):
    """A receiver: configures itself, and yields fixes as they arrive."""

    def poll(self, now_ms: int) -> list[GnssFix]:
        """Fixes since the last call, oldest first. Raises DeviceAbsent."""
        ...

    @property
    def dynamic_model(self) -> int | None:
        """u-blox dynamic model as read back from the receiver (6 is airborne), None unknown."""
        ...

    @property
    def jam_indicator(self) -> int | None:
        """u-blox jamming indicator, 0 none .. 255 strong; None where the receiver says nothing."""
        ...


@dataclass(frozen=True, slots=True)
class HeardFrame:
    """One frame from the radio with the modem's report on it."""

    data: bytes
    rssi_dbm: float | None = None
    snr_db: float | None = None


class Radio(Protocol):
    """A half-duplex frame modem; it keeps its own airtime."""

    mtu_bytes: int

    @property
    def identity(self) -> str | None:
        """What the modem reports about itself, such as version and settings; None before it has,
        and for a modem that never does."""
        ...

    def offer(self, frame: bytes, now_ms: int) -> bool:
        """True if taken for sending, False while busy. Raises DeviceAbsent."""
        ...

    def poll(self, now_ms: int) -> list[HeardFrame]:
        """Frames heard since the last call. Raises DeviceAbsent."""
        ...

    def is_idle(self, now_ms: int) -> bool:
        """True when the next ``offer`` would be taken."""
        ...


MindFailure = Literal["no_model", "crashed", "busy", "garbage", "not_running"]


@dataclass(frozen=True, slots=True)
class MindRequest:
    """One thing to think about: a whole rendered prompt and its bounds."""

    request_id: int
    prefix: str  # the part that never changes for a bundle; its state is cached
    suffix: str
    plain_suffix: str  # what drafts are compared with; without it they are not compared
    drafts: int
    sentences_max: int
    max_tokens: int  # of each draft
    temperature: float
    min_p: float
    seed: int
    earlier: list[str] = field(default_factory=list)  # turns before the suffix, as there is room
    is_brief: bool = False  # each draft ends with its first clause, and there are two rounds


@dataclass(frozen=True, slots=True)
class MindReply:
    """What the model said, unfiltered, with the cost of saying it in tokens and time.

    ``evaluated_tokens`` were computed many at a time: the prompt but its cached prefix, the drafts
    beyond the longest, their comparison. ``reply_tokens`` one after the other: the longest draft.
    """

    request_id: int
    drafts: list[str]  # the best first, where they were compared
    prompt_tokens: int
    evaluated_tokens: int
    reply_tokens: int
    elapsed_ms: int


@dataclass(frozen=True, slots=True)
class MindFailed:
    """The worker could not answer; ``reason`` is a short fixed word."""

    request_id: int
    reason: MindFailure


class Mind(Protocol):
    """The inference worker: one request at a time; the core holds the deadline."""

    def start(self, request: MindRequest, now_ms: int) -> bool:
        """True if the worker took it."""
        ...

    def poll(self, now_ms: int) -> MindReply | MindFailed | None: ...

    def cancel(self, now_ms: int) -> None:
        """Kill the worker; whoever supervises starts it again."""
        ...


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """One HTTP GET that may never be answered."""

    request_id: int
    name: str
    url: str


@dataclass(frozen=True, slots=True)
class ApiReply:
    """An answer of any status; ``body`` has at most wire.sources.BODY_BYTES_MAX bytes."""

    request_id: int
    status: int
    body: bytes
    elapsed_ms: int
    retry_after_s: float = 0.0  # as the server wishes


@dataclass(frozen=True, slots=True)
class ApiFailed:
    """No answer: unreachable, timed out, or an address that may not be contacted (blocked)."""

    request_id: int
    reason: Literal["timeout", "unreachable", "blocked"]


class Http(Protocol):
    """One request in flight at a time."""

    def start(self, request: ApiRequest, now_ms: int) -> bool: ...
    def poll(self, now_ms: int) -> ApiReply | ApiFailed | None: ...
    def cancel(self, now_ms: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Picture:
    """One capture, already encoded small enough for the radio: JPEG or WebP, 1 to 4 kB a piece.

    ``tiles`` are the same capture, larger and cut into ``columns`` x ``rows`` pieces that can each
    be shown alone: row by row from the top left, b"" for one that could not be made, and none at
    all where the camera makes none.
    """

    taken_ms: int
    thumbnail: bytes
    scene: str | None  # dark | cloud | horizon | sun, or None
    tiles: tuple[bytes, ...] = ()
    columns: int = 0
    rows: int = 0
    sight: SightValues | None = None  # None without eyes, and where they failed


class Camera(Protocol):
    """The camera worker: one capture per request."""

    def start(self, now_ms: int) -> bool: ...
    def poll(self, now_ms: int) -> Picture | PortError | None: ...
    def cancel(self, now_ms: int) -> None: ...


QUEUED, IN_FLIGHT, CONFIRMED = STATES = 0, 1, 2  # of a record, on its way to the ground


@dataclass(frozen=True, slots=True)
class Opening:
    """Open the store, or open it again after a failure; a closed one takes no other request."""

    is_first: bool  # of this life: what an earlier one left in flight is queued again
    ordinary_ids_end: int  # record ids from here on are those of lives without a disk,
    place_ids: tuple[int, int]  # [first, end) those of a life in this one's place


@dataclass(frozen=True, slots=True)
class QueuePage:
    """The next queued records of one class, behind ``beyond_id`` where that is not None."""

    priority: Priority
    is_newest_first: bool
    beyond_id: int | None
    limit: int


@dataclass(frozen=True, slots=True)
class Commit:
    """One transaction, and what is to be read after it. Without content it is only read."""

    records: tuple[tuple[Record, int], ...] = ()  # new ones, each with its ms since boot
    states: dict[int, int] = field(default_factory=dict)  # of records, old and new; see STATES
    again: tuple[int, ...] = ()  # to be queued once more, even what was confirmed
    small: dict[str, Any] = field(default_factory=dict)
    pages: tuple[QueuePage, ...] = ()

    @property
    def has_content(self) -> bool:
        """Is there anything to be written?"""
        return bool(self.records or self.states or self.again or self.small)


@dataclass(frozen=True, slots=True)
class Opened:
    """The store is open, and this is what it knows."""

    small: dict[str, Any]
    newest_id: int  # of ordinary records; 0 before the first
    newest_boot: int
    newest_place_id: int  # of the records of an earlier life in this one's place; 0 is none
    musings: tuple[str, ...]  # the latest, oldest first
    salvaged_from: Path | None  # where the damaged file is now, if this one is new


@dataclass(frozen=True, slots=True)
class PageRead:
    """The answer to a QueuePage. ``last_id`` is that of the last row read, None at the end."""

    records: tuple[Record, ...]
    last_id: int | None


@dataclass(frozen=True, slots=True)
class Committed:
    """The answer to a Commit. Where the disk did not take it, nothing of it is on the disk."""

    is_durable: bool
    pages: tuple[PageRead, ...]  # as they were asked for
    queued_again: tuple[Record, ...]  # those whose new state is QUEUED, and were on the disk
    count: int | None  # records on the disk; None while that is not known
    unconfirmed: int | None  # those of them that the ground has not confirmed
    damaged: int  # records that could not be read since the process began
    dropped: int = 0  # relayed ones that made room with this commit


@dataclass(frozen=True, slots=True)
class StoreRefused:
    """The store is not open, or no longer; an Opening may be requested again later."""


class Disk(Protocol):
    """The memory card under the store: one request at a time; the core holds the deadline."""

    def start(self, request: Opening | Commit) -> None:
        """Begin. Only when the request before it has been answered."""
        ...

    def poll(self) -> Opened | Committed | StoreRefused | None:
        """The answer, once."""
        ...


class Watchdog(Protocol):
    """Tells the supervisor once that it is ready, then that every part makes progress."""

    def ready(self) -> None: ...
    def pet(self) -> None: ...


class Switch(Protocol):
    """One output pin; low at the start and whenever no process holds it."""

    def drive(self, is_high: bool) -> None:
        """Raises DeviceAbsent."""
        ...


class Speaker(Protocol):
    """A transmitter that is given sound. Neither call raises or waits."""

    def say(self, frame: bytes) -> bool:
        """True if ``frame`` is taken, False while the one before it sounds."""
        ...

    def cancel(self) -> None:
        """Be silent at once."""
        ...


class Saver(Protocol):
    """Whoever can switch parts of the machine off to save power. Neither call raises or waits."""

    @property
    def summary(self) -> str | None:
        """What it can switch, in one line; None while it does not answer."""
        ...

    def ask(self, is_away: bool, is_idle: bool) -> None:
        """``is_away``: nobody is near enough for Wi-Fi; ``is_idle``: nothing needs the processor.
        """
        ...


class Board(Protocol):
    """The single-board computer itself."""

    def soc_temperature_c(self) -> float | None:
        """None where the machine does not say."""
        ...

    def is_undervolted(self) -> bool | None: ...

    def boot_id(self) -> str | None:
        """At most 64 letters, other ones after each power-off or reset; None where not known."""
        ...

    def is_hardware_watchdog_armed(self) -> bool | None:
        """True when something keeps the machine's own watchdog running; None without one."""
        ...
