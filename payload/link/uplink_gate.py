"""Uplink: which frames from the ground are accepted.

A frame is believed when its MAC is right, it names this payload, and its counter is one of its
station's and ahead of the last accepted from there. The new counter is durable before anything is
done because of the frame (``payload.link.inbox``), so that a power cut can never make a frame count
twice. A disk that does not take it leaves the counter in RAM: deafness would be worse than a replay
after a reboot.

Counters follow the seconds since 2025 (``groundstation.archive.outbox`` draws them so), and a
command is meant for now. Once GNSS has given the time, a command is refused that is too old or
dated ahead, and one from before the boot with which the memory of counters begins: an earlier life
may have taken it. Before that, a payload whose memory begins with a first start takes no hazardous
command, and one that knows that it has forgotten takes none. CUTDOWN_ABORT is taken unless it is a
replay. Without GNSS the limits widen as the clock may run away, or no command would reach a payload
whose receiver has died.

A report speaks of one session and its MAC covers that, so one of another life is none of this one's
(``wire.session``). Within the session its counter must rise; nothing of it need be remembered.
"""

from __future__ import annotations

from typing import TypedDict

from payload.navigation.clock import MissionClock
from payload.notes import Note, event
from payload.storage.durable_store import Store
from wire import auth, frames
from wire.commands import (
    AGE_S_MAX,
    AHEAD_S_MAX,
    HAZARDOUS,
    Command,
    Opcode,
    age_s_max,
    decode,
    opcode_of,
)
from wire.frames import CommandFrame, FeedbackFrame, Uplink
from wire.records import EPOCH_2025_MS
from wire.session import Session

_MEMORY_KEY = "uplink_counters"  # under which the store keeps an UplinkMemory
LAST_KEY = "uplink_counter"  # of the last command accepted from any station
REMEMBERED_AHEAD_MAX = 16  # then the one whose hour is furthest away is forgotten
REFUSAL_REPORTED_EVERY_MS = 600_000
_CLOCK_SLACK_S = 1  # the clock is slewed; a second's difference is not worth a write


class UplinkMemory(TypedDict, total=False):
    """What is remembered of accepted commands.

    ``commands``: station -> the last counter taken from it. ``ahead``: counters of those that came
    dated ahead, taken or not -> station; they are no news when their hour comes. ``since``: the
    second since 2025 at which this memory begins; 0 after a first start until the time is known,
    absent where earlier lives are lost.
    """

    commands: dict[int, int]
    ahead: dict[int, int]
    since: int


class UplinkGate:
    """Lets genuine, fresh frames through and counts the others."""

    def __init__(
        self, key: bytes | None, node_id: int, store: Store, clock: MissionClock
    ) -> None:
        self.bad_frames = 0
        self.replayed_frames = 0
        self.misnumbered_frames = 0  # genuine, with a counter that is not the station's to use
        self.untimely_commands = 0  # too old, dated ahead, or of unknown age
        self._repeated: CommandFrame | None = None
        self._reports: dict[int, int] = {}  # station -> counter of its last report
        self._refusal: Note | None = None  # of the latest untimely command, not reported yet
        self._refusal_due_ms = 0
        self._key = key
        self._node_id = node_id
        self._store = store
        self._clock = clock
        self._begins_here = False  # the memory of counters begins with this boot
        is_first_life = store.get(_MEMORY_KEY) is None and not store.has_forgotten(_MEMORY_KEY)
        if is_first_life and store.is_counted:
            self._remember({"since": 0})
        self._has_forgotten = not store.is_counted or "since" not in self._memory

    @property
    def last_counter(self) -> int:
        """That of the last command accepted, 0 if there was none; modulo 16 it tells whose."""
        return int(self._store.kept(LAST_KEY, 0))

    def update(self, now_ms: int) -> list[Note]:
        """Let time pass: once it is known, so is where the memory begins. An untimely command is
        reported at once, further ones after ten minutes with the count of all."""
        self._learn_time(now_ms)
        if self._refusal is None or now_ms < self._refusal_due_ms:
            return []
        refusal, self._refusal = self._refusal, None
        self._refusal_due_ms = now_ms + REFUSAL_REPORTED_EVERY_MS
        return [refusal]

    def genuine(self, data: bytes, session: Session) -> Uplink | None:
        """The frame in ``data`` if a station made it for this payload; a forgery is counted.

        ``session`` is the one that data is sent in now.
        """
        if self._key is None or not frames.is_uplink(data) or data[1] != self._node_id:
            return None
        frame = frames.decode_uplink(data, self._key, session)
        if frame is None:
            self.bad_frames += 1
            return None
        if not auth.is_of_station(frame.counter, frame.station):
            self.misnumbered_frames += 1
            return None
        return frame

    def accept(self, frame: Uplink, now_ms: int) -> bool:
        """Is this genuine frame to be acted on? A command is once what is put here is durable.
        Replays and untimely commands are counted."""
        if isinstance(frame, FeedbackFrame):
            return self._accept_report(frame)
        return self._accept_command(frame, now_ms)

    def take_repeated(self) -> CommandFrame | None:
        """The genuine command that came again since the last call: it must not run once more."""
        repeated, self._repeated = self._repeated, None
        return repeated

    def _accept_report(self, report: FeedbackFrame) -> bool:
        if report.counter <= self._reports.get(report.station, -1):
            self.replayed_frames += 1
            return False
        self._reports[report.station] = report.counter
        return True

    def _accept_command(self, frame: CommandFrame, now_ms: int) -> bool:
        time_s, drift_s = self._learn_time(now_ms), self._clock.drift_ms(now_ms) // 1000
        counter, opcode, memory = frame.counter, opcode_of(frame.body), self._memory
        ahead = memory.get("ahead", {})
        last = max(memory.get("since", 0), self._last(frame.station))
        if not auth.is_fresh(counter, last) or counter in ahead:
            self.replayed_frames += 1
            self._repeated = frame
            return False
        why = None if opcode is Opcode.CUTDOWN_ABORT else self._untimely(
            counter, opcode, time_s, drift_s)
        if why is not None:
            self._note_refusal(counter, opcode, why)
        else:
            self._store.put(LAST_KEY, counter)
        if time_s is not None and counter > time_s + AHEAD_S_MAX + drift_s:
            # As the station's last one it would lock out all that follows in time.
            kept = [at for at in (*ahead, counter) if at >= time_s - AGE_S_MAX]
            nearest = sorted(kept)[:REMEMBERED_AHEAD_MAX]
            self._remember({**memory, "ahead": dict.fromkeys(nearest, frame.station)})
        elif why is None:
            known = memory.get("commands", {})
            self._remember({**memory, "commands": {**known, frame.station: counter}})
        return why is None

    def _note_refusal(self, counter: int, opcode: Opcode | None, why: str) -> None:
        self.untimely_commands += 1
        self._refusal = event(
            "command_refused", "warning", counter=counter, why=why,
            command="unknown" if opcode is None else opcode.name.lower(),
            refused_commands=self.untimely_commands)

    def _untimely(
        self, counter: int, opcode: Opcode | None, time_s: int | None, drift_s: int
    ) -> str | None:
        """Why a command is not for now, in a few words; None when it may be. ``drift_s``: how far
        the clock may be off since GNSS was lost."""
        if time_s is not None:
            age_s, age_max_s = time_s - counter, age_s_max(opcode) + drift_s
            ahead_max_s = AHEAD_S_MAX + drift_s
            if age_s > age_max_s:
                return f"{age_s} s old by GNSS time, {age_max_s} s are allowed"
            if age_s < -ahead_max_s:
                return f"dated {-age_s} s ahead of GNSS time, {ahead_max_s} s are allowed"
            return None
        if self._has_forgotten:
            return "earlier commands are forgotten and the time is not known yet"
        if opcode in HAZARDOUS and not self._memory.get("since"):
            return "the time is not known yet, so it may be an old one"
        return None

    def _learn_time(self, now_ms: int) -> int | None:
        """Seconds since 2025, None until GNSS has given the time; then it is also known where the
        memory begins."""
        if not self._clock.has_gnss_time:
            return None
        time_s = (self._clock.stamp(now_ms)[0] - EPOCH_2025_MS) // 1000
        self._begin_memory(time_s, time_s - now_ms // 1000)
        return time_s

    def _begin_memory(self, time_s: int, boot_s: int) -> None:
        """The time is known: a memory without a beginning, or with one that is still to come
        because the clock was wrong then, begins with this boot."""
        memory = self._memory
        since_s = memory.get("since", 0)
        self._begins_here |= self._has_forgotten or not 0 < since_s <= time_s
        self._has_forgotten = False
        if self._begins_here and abs(since_s - boot_s) > _CLOCK_SLACK_S:
            self._remember({**memory, "since": boot_s})

    @property
    def _memory(self) -> UplinkMemory:
        found: UplinkMemory = self._store.get(_MEMORY_KEY, {})
        return found

    def _last(self, station: int) -> int:
        return int(self._memory.get("commands", {}).get(station, 0))

    def _remember(self, memory: UplinkMemory) -> None:
        self._store.put(_MEMORY_KEY, memory)


def parse(frame: CommandFrame) -> Command | str:
    """The command in a genuine frame, or the reason why it is none."""
    try:
        return decode(frame.body)
    except ValueError as error:
        return str(error)[:80]
