"""The invariants, checked after every step of the payload.

Each check has a name; a breach is noted once per name and minute, with the instant and the numbers.
A fault may *excuse* a check while it lasts (a dead radio excuses the beacon), and for a grace time
after it (``sim.verify.excuses``). What must have happened at the end is in ``sim.trials.liveness``.

    records_kept       every record whose commit returned is on the disk, unaltered; none is sent
                       before, while the disk works; what the disk calls home is on the ground
    numbers_unique     no session is begun twice; within one no frame number or coded symbol, and
                       in all of them no record id, stands for two things
    beacon_cadence     no gap above twice the cadence of ``wire.airtime_budget`` while powered
    callsign_told      it goes within every ten minutes, where packets do not have it in them
    duty_kept          nothing is sent before the pause after the frame before is over
    queues_bounded     no queue above its bound, and every dropped record is counted
    only_authentic     no counter or command is taken that the station did not send
    battery_floor      nobody thinks on a battery that has been low for a while
    text_bounded       what the mind says is one short, clean line
    watchdog_honest    the watchdog is petted only while every part makes progress
    phase_right        the phase is the true one, soon after there is a fix
    cutdown_safe       the cutdown's pin is high only by two commands, or by the fence
    told_truth.*       what it says of itself is true (``verify.truth``), and so is what the station
                       shows of it (``sim.verify.shown``)
    no_crash           no step raises
"""

from __future__ import annotations

import hashlib
import sqlite3
import zlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from payload.health import PROGRESS_MS_MAX
from payload.navigation.phase import FLIGHT_PHASES
from payload.navigation.phase_state import restore
from payload.prompt import MUSING_BYTES_MAX
from payload.storage.durable_store import RING_RECORDS_MAX
from sim.balloon import Balloon
from sim.clock import life_rng
from sim.orbit import Orbit
from sim.verify import shown, truth
from sim.verify.airtime_watch import AirtimeWatch
from sim.verify.cutdown_watch import CutdownWatch
from sim.verify.excuses import Excuses
from sim.verify.numbers_watch import NumbersWatch
from sim.verify.recording_store import Ledger, RecordedStore, Row, ids_on_ground
from wire import frames
from wire.beacon import Phase, PowerMode
from wire.frames import BeaconFrame, DataFrame, IncarnationFrame
from wire.records import Kind
from wire.transfer import OUTGOING_BLOCKS_MAX

if TYPE_CHECKING:
    from sim.world import World

NAMES = (
    "records_kept", "numbers_unique", "beacon_cadence", "callsign_told", "duty_kept",
    "queues_bounded", "only_authentic",
    "battery_floor", "text_bounded", "watchdog_honest", "phase_right",
    "cutdown_safe", "no_crash", *truth.NAMES,
    *shown.NAMES,
)
REPEAT_MS = 60_000  # the same breach is noted once in this time
VIOLATIONS_MAX = 200
SCAN_EVERY_MS = 900_000
LOW_BATTERY_MS = 90_000  # median, debounce and a thought that was already under way
FIX_MS = 150_000  # a receiver's cold start, and 60 s for the phase
WORDS = (Kind.MUSING, Kind.REPLY)
# How long after the truth changed the phase may still be the old one, ms.
LAG_MS = {
    Phase.ASCENT: 180_000, Phase.FLOAT: 0, Phase.DESCENT: 90_000, Phase.LANDED: 420_000,
}

FLOWN = FLIGHT_PHASES | {Phase.LANDED}


@dataclass(frozen=True, slots=True)
class Violation:
    """One breach. ``at_s`` is seconds since the beginning."""

    check: str
    at_s: float
    detail: str

    def __str__(self) -> str:
        return f"{self.at_s:9.1f} s  {self.check}: {self.detail}"


class Checks:
    """The observer of one world. ``violations`` is what it found, ``digest`` what it saw."""

    def __init__(
        self, world: World, scan_every_ms: int = SCAN_EVERY_MS,
        look_every_ms: int = shown.LOOK_EVERY_MS,
    ) -> None:
        """``scan_every_ms`` is how often the whole disk is looked at, ``look_every_ms`` how often
        the page is."""
        self.violations: list[Violation] = []
        self.counts: Counter[str] = Counter()
        self.ledger = Ledger()
        self.issued: set[int] = set()  # uplink counters that the station gave out
        self._world = world
        self._digest = hashlib.sha256()
        self.excuses = Excuses(world.clock, truth.LONG_GRACE_MS)
        self._noted_ms: dict[tuple[str, str], int] = {}
        self._numbers = NumbersWatch()
        self._taken: set[int] = set()  # counters of uplink frames, in every life
        self._knows_flight = False  # this life was in the air, or its disk says that one was
        self.cutdown = CutdownWatch(world)
        self._airtime = AirtimeWatch(world)
        self._scan_every_ms = self._scan_due_ms = scan_every_ms
        self._low_since_ms: int | None = None
        self._true_phase: tuple[Phase, int] = (Phase.GROUND, 0)
        self._boot_ms = 0
        self._at_boot = (0, 0)
        self._pets = 0
        self._truth_check = truth.Truth(world, self)
        self.shown = shown.Shown(world, self, look_every_ms)
        world.daemon.open_store = self._open_store
        world.observers.append(self)

    # -- what the world tells ------------------------------------------------------------------

    def on_boot(self) -> None:
        """A life begins: everything promised before must be there."""
        world = self._world
        self.counts["boots"] += 1
        assert world.flight is not None
        saved = restore(world.flight.store.get("phase", {}))
        self._knows_flight = saved is not None and saved.phase in FLOWN
        self._boot_ms = world.clock.now_ms
        self._airtime.on_boot()
        session = world.flight.downlink.session
        self.ledger.incarnations.append(session.incarnation)
        self._note_number(self._numbers.on_boot(session))
        self._low_since_ms = None
        self.cutdown.on_boot()
        self._at_boot = (self.ledger.appended, self._kept_records())
        self._scan_due_ms = world.clock.now_ms

    def on_step(self) -> None:
        """The payload finished a step."""
        world = self._world
        assert world.flight is not None
        self._check_queues()
        self._check_counter()
        self._check_words()
        self._check_beacon()
        self._check_battery()
        self._check_watchdog()
        self._check_phase()
        self._truth_check.on_notes(world.flight.notes)
        self.shown.on_notes(world.flight.notes)
        self.shown.on_step()
        self._look("cutdown_safe", self.cutdown.flaw())
        if world.clock.now_ms >= self._scan_due_ms and self._is_sound():
            self._scan_due_ms = world.clock.now_ms + self._scan_every_ms
            self.scan()

    def on_send(self, frame: bytes) -> None:
        """The payload's radio begins to send ``frame``."""
        now_ms = self._world.clock.now_ms
        self._digest.update(now_ms.to_bytes(8, "big") + frame)
        self.counts["frames"] += 1
        decoded = frames.decode_downlink(frame)
        self._truth_check.on_send(frame, decoded)
        if isinstance(decoded, BeaconFrame):
            self._check_beacon()  # a step that came late begins with the beacon
        self._airtime.note_sent(decoded)
        self._look("duty_kept", self._airtime.duty_flaw(frame))
        self._look("callsign_told", self._airtime.callsign_flaw(decoded))
        if isinstance(decoded, BeaconFrame):
            self.counts["beacons"] += 1
            self.shown.on_beacon(decoded)
        if isinstance(decoded, BeaconFrame | DataFrame | IncarnationFrame):
            assert self._world.flight is not None
            self.counts["numbered"] += 1
            session = self._world.flight.downlink.session
            swallowed = self._world.radio.dropped_frames
            self._note_number(self._numbers.on_frame(session, decoded, swallowed))

    def on_uplink(self, frame: bytes) -> None:
        """The station, and nobody else, begins to send ``frame``."""
        self.issued.add(int.from_bytes(frame[3:7], "big"))
        self.cutdown.on_uplink(frame)

    def on_crash(self, error: Exception) -> None:
        """A step raised; the supervisor starts the daemon again."""
        self.counts["crashes"] += 1
        where = error.__traceback__
        while where is not None and where.tb_next is not None:
            where = where.tb_next
        place = f"{where.tb_frame.f_code.co_qualname}:{where.tb_lineno}" if where else "?"
        self.violate("no_crash", f"{type(error).__name__} in {place}: {error}")

    # -- breaches ------------------------------------------------------------------

    def _look(self, check: str, flaw: str | None) -> None:
        if flaw is not None:
            self.violate(check, flaw)

    def violate(self, check: str, detail: str) -> None:
        """Note a breach, unless it is excused or was noted a moment ago."""
        now_ms = self._world.clock.now_ms
        if self.excuses.hold(check):
            return
        key = (check, detail[:24])
        noted_ms = self._noted_ms.get(key)
        if noted_ms is not None and now_ms - noted_ms < REPEAT_MS:
            return
        self._noted_ms[key] = now_ms
        if len(self.violations) < VIOLATIONS_MAX:
            self.violations.append(Violation(check, now_ms / 1000, detail))
        self.counts["violations"] += 1

    @property
    def digest(self) -> str:
        """Of every byte sent, when it was sent, and every record promised; hexadecimal."""
        total = self._digest.copy()
        for record_id, crc in sorted(self.ledger.acknowledged.items()):
            total.update(record_id.to_bytes(8, "big") + crc.to_bytes(4, "big"))
        return total.hexdigest()

    # -- the checks ----------------------------------------------------------------------------

    def _check_beacon(self) -> None:
        self._look(
            "beacon_cadence", self._airtime.beacon_flaw(self.excuses.hold("beacon_cadence")))

    def scan(self) -> None:
        """records_kept: the whole disk against the ledger, and what it says of the ground."""
        store = self._store()
        if store is None or store.is_failing:
            return
        try:
            rows = list(store.rows())
        except sqlite3.DatabaseError:  # the store will find it too, and salvage
            return
        missing = self.ledger.owed()
        for pruned_id in self.ledger.pruned_ids:
            missing.pop(pruned_id, None)
        self.check_home(rows)
        for record_id, _, body, _ in rows:
            promised = missing.pop(record_id, None)
            if promised is not None and promised != zlib.crc32(body):
                self.violate("records_kept", f"record {record_id} was altered on the disk")
        if missing:
            first = min(missing)
            self.violate("records_kept", f"{len(missing)} promised records are gone, first {first}")

    def check_home(self, rows: Iterable[Row]) -> None:
        """Of a store that has these rows: what it takes for home is on the ground."""
        world = self._world
        confirmed = {row[0] for row in rows if row[-1]} & self.ledger.made_in.keys()
        away = confirmed - ids_on_ground(world.archive_path, world.mission.payload.node_id)
        if away:
            self.violate("records_kept", f"{len(away)} records were confirmed and are not on the "
                         f"ground, first {min(away)}")

    def _note_number(self, flaw: str | None) -> None:
        if flaw is not None:
            self.violate("numbers_unique", flaw)

    def _check_queues(self) -> None:
        store, flight = self._store(), self._world.flight
        assert store is not None and flight is not None
        ring = store.waiting
        if ring > RING_RECORDS_MAX:
            self.violate("queues_bounded", f"{ring} records in the RAM ring")
        blocks = flight.downlink.outgoing_blocks
        if blocks > OUTGOING_BLOCKS_MAX:
            self.violate("queues_bounded", f"{blocks} blocks kept")
        appended, kept_before = self._at_boot
        given = self.ledger.appended - appended
        kept = self._kept_records() - kept_before + ring
        if given - kept != store.dropped_records:
            self.violate(
                "queues_bounded",
                f"{given} records given, {kept} kept, {store.dropped_records} counted as dropped",
            )
        if self.ledger.hasty_ids:
            self.violate("records_kept", "records were sent before the disk had them: "
                         f"{self.ledger.hasty_ids[:3]}")
            self.ledger.hasty_ids.clear()
        if self.ledger.reused_ids:
            self.violate("numbers_unique", f"record ids given twice: {self.ledger.reused_ids[:3]}")
            self.ledger.reused_ids.clear()

    def _kept_records(self) -> int:
        """That became durable, without those that were dropped since."""
        return len(self.ledger.acknowledged) - len(self.ledger.dropped_ids)

    def _check_counter(self) -> None:
        flight = self._world.flight
        assert flight is not None
        counter = flight.gate.last_counter
        if counter and counter not in self.issued:
            self.violate("only_authentic", f"counter {counter} is known, but was never sent")
        for counter in self.ledger.taken_counters:
            if counter not in self.issued:
                self.violate("only_authentic", f"counter {counter} was accepted, but was never "
                                               "sent")
            if counter in self._taken:
                self.violate("only_authentic", f"counter {counter} was accepted twice")
            self._taken.add(counter)
        self.ledger.taken_counters.clear()

    def _check_words(self) -> None:
        flight = self._world.flight
        assert flight is not None
        for note in flight.notes:
            self.counts[f"{note.kind.name.lower()}"] += 1
            if note.kind is Kind.COMMAND_RESULT and note.body["counter"] not in self.issued:
                self.violate("only_authentic", f"a command of counter {note.body['counter']}")
            if note.kind in WORDS:
                text = str(note.body.get("text", ""))
                is_long = len(text.encode(errors="replace")) > MUSING_BYTES_MAX
                if not text or is_long or not text.isprintable():
                    self.violate("text_bounded", repr(text[:60]))

    def _check_battery(self) -> None:
        """Only while the sensor that would say so works."""
        world, flight = self._world, self._world.flight
        assert flight is not None
        now_ms, low_mv = world.clock.now_ms, world.mission.power.low_mv
        if flight.power.mode is PowerMode.UNKNOWN or world.body.settled_mv() >= low_mv:
            self._low_since_ms = None
            return
        if self._low_since_ms is None:
            self._low_since_ms = now_ms
        is_thinking = world.mind is not None and world.mind.is_busy
        if now_ms - self._low_since_ms > LOW_BATTERY_MS and is_thinking:
            self.violate("battery_floor", f"a thought at {world.body.settled_mv():.0f} mV")

    def _check_watchdog(self) -> None:
        world = self._world
        pets, self._pets = world.watchdog.pets - self._pets, world.watchdog.pets
        for part, since_ms in world.daemon.stuck_parts.items():
            stuck_ms = world.clock.now_ms - max(since_ms, self._boot_ms)
            if pets > 0 and stuck_ms > PROGRESS_MS_MAX + 2_000:
                self.violate("watchdog_honest", f"petted while {part} made no progress for "
                                                f"{stuck_ms // 1000} s")

    def _check_phase(self) -> None:
        world, flight = self._world, self._world.flight
        assert flight is not None
        truth, since_ms = self._truth()
        now_ms = world.clock.now_ms
        self._knows_flight |= flight.phase.phase in FLOWN
        if flight.phase.phase is truth or truth is Phase.GROUND:
            return
        if truth is Phase.LANDED and flight.phase.phase is Phase.GROUND and not self._knows_flight:
            return  # it lies still, that is all it can know
        settled_ms = now_ms - max(since_ms + LAG_MS[truth], self._boot_ms + FIX_MS)
        if settled_ms > 0:
            self.violate(
                "phase_right", f"{flight.phase.phase.name} while the truth is {truth.name}"
            )

    def _truth(self) -> tuple[Phase, int]:
        """(the true phase, since when in ms); GROUND also where nobody knows, as in a replay."""
        path, now_s = self._world.trajectory, self._world.clock.now_s
        if isinstance(path, Orbit):
            return Phase.FLOAT, 0
        if not isinstance(path, Balloon):
            return Phase.GROUND, 0
        for phase, begin_s in (
            (Phase.LANDED, path.landing_s), (Phase.DESCENT, path.burst_s),
            (Phase.ASCENT, path.launch_s),
        ):
            if now_s >= begin_s:
                return phase, round(begin_s * 1000)
        return Phase.GROUND, 0

    # -- plumbing ------------------------------------------------------------------------------

    def _is_sound(self) -> bool:
        """Has the store looked at its file, and salvaged it if need be?"""
        store = self._store()
        return store is not None and store.writer.is_checked

    def _store(self) -> RecordedStore | None:
        store = self._world.store
        assert store is None or isinstance(store, RecordedStore)
        return store

    def _open_store(self) -> RecordedStore:
        world = self._world
        chance = life_rng(world.seed, "store", world.boots)
        return RecordedStore(
            world.payload_path, self.ledger, world.card, chance, lambda: world.clock.now_ms)
