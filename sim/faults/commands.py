"""Commands (docs/faults.md, 52 to 57): replays, floods, nonsense that is correctly signed, halves
of a cutdown, commands that have waited for too long, silence by command, settings that nobody may
set.

That the wire stays cold is asked at every step (``sim.verify.cutdown_watch``).
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial

from groundstation.archive import outbox
from groundstation.archive.outbox import QUESTIONS_WAITING_EACH_MAX, OutboxFull
from payload.cutdown import PHASES
from sim.faults.stage import End, Fault, Stage
from sim.faults.storage import vanished, while_off
from sim.verify.cutdown_watch import ALOFT_M, command_of
from wire import auth, frames
from wire.commands import Opcode
from wire.frames import CommandFrame
from wire.settings import TABLE

FLOOD_EVERY_S = 0.01
REPLAY_EVERY_S = 2.0
AHEAD = 60_000
FIRE_LATE_S = 75.0  # after the arming, which lasts 60
GROUND_EVERY_S = 20.0
TX_OFF_MINUTES = 5
CROWD = 3
BEACON_NOW = b"\x03\x90"
# Opcode and arguments as bytes: unknown, none, not a list, too many, of the wrong type, not a
# number, negative, text that is not UTF-8, a list that claims four billion elements.
NONSENSE = (
    b"\xff\x90", b"", b"\x01", b"\x01\xc0", b"\x02\x93\x01\xa1a\x02", b"\x02\x92\xa1a\x01",
    b"\x02\x92\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00\xa1a", b"\x02\x92\xff\xa1a",
    b"\x02\x92\x01\xa2\xc3\x28", b"\x02\xdd\xff\xff\xff\xff", b"\x02\x92\x01\xa0",
    b"\x02\x92\x01\xd9\xc8" + b"a" * 200, b"\x01" + b"\x91" * 40,
)


def _replay(stage: Stage) -> End:
    """Every frame that the station ever sent comes again, old ones and the very last; a command is
    among them."""
    world = stage.world
    _ping(stage)

    def strike() -> None:
        if world.strangers.overheard:
            world.air.payload_hears(stage.rng.choice(world.strangers.overheard))
            world.air.payload_hears(world.strangers.overheard[-1])

    return stage.every(REPLAY_EVERY_S, strike)


def _flood(stage: Stage) -> End:
    """A hundred frames a second with a bad signature and tempting counters."""
    world, rng = stage.world, stage.rng

    def strike() -> None:
        body = frames.encode_uplink(
            CommandFrame(world.mission.payload.node_id, 0, rng.randrange(1 << 32), b"\x04\x90"),
            bytes(32))
        world.air.payload_hears(body[: -auth.MAC_BYTES] + rng.randbytes(auth.MAC_BYTES))

    return stage.every(FLOOD_EVERY_S, strike)


def _counter_ahead(stage: Stage) -> None:
    """The station's counter jumps: its clock was wrong, and is put right."""
    archive = stage.world.archive
    if archive is not None:
        archive.take_counter(stage.world.air.ground_utc_ms + AHEAD * 1000, "feedback")
    _ping(stage)


def _ping(stage: Stage) -> None:
    stage.issue(partial(
        CommandFrame, stage.world.mission.payload.node_id, 0, body=b"\x01\x90"))


def _nonsense(stage: Stage) -> None:
    """Signed by the station, and not a command."""
    for number, body in enumerate(NONSENSE):
        send = partial(CommandFrame, stage.world.mission.payload.node_id, 0, body=body)
        stage.after(1 + 5 * number, partial(stage.issue, send))


def _counter_wrap(stage: Stage) -> None:
    """Another station's counter climbs to the last there is, begins again, and is put right."""
    station, node_id = auth.STATIONS_MAX - 1, stage.world.mission.payload.node_id
    climb = [(quarter << 30) - 1 for quarter in (1, 2, 3, 4)]
    for number, counter in enumerate([*climb, station, 2 * auth.STATIONS_MAX - 1]):
        frame = CommandFrame(node_id, station, counter, BEACON_NOW)
        stage.after(1 + 3 * number, partial(stage.send, frame))
    stage.after(25, partial(stage.command_by, station, Opcode.BEACON_NOW))


def _fire_alone(stage: Stage) -> None:
    """The second half of a cutdown without the first, three times."""
    for number in range(3):
        stage.after(1 + 5 * number, partial(stage.command, Opcode.CUTDOWN_FIRE))


def _arm_expired(stage: Stage) -> None:
    """Armed, and fired longer than a minute after."""
    stage.command(Opcode.CUTDOWN_ARM)
    stage.after(FIRE_LATE_S, partial(stage.command, Opcode.CUTDOWN_FIRE))


def _fire_on_ground(stage: Stage) -> End:
    """Both halves while it stands on the ground, where somebody may hold it in his hands."""
    def strike() -> None:
        if stage.world.body.above_ground_m() < ALOFT_M:
            stage.command(Opcode.CUTDOWN_ARM)
            stage.after(2, partial(stage.command, Opcode.CUTDOWN_FIRE))

    return stage.every(GROUND_EVERY_S, strike)


def _arm_then_reboot(stage: Stage) -> None:
    """Armed, power cut, fired within the minute: nobody remembers."""
    stage.command(Opcode.CUTDOWN_ARM)
    stage.after(2, partial(stage.world.reboot, 10_000))
    stage.after(30, partial(stage.command, Opcode.CUTDOWN_FIRE))


def _replay_wiped(stage: Stage) -> End:
    """An ARM that was taken and a FIRE that got lost are recorded; the store vanishes, and they
    are played back whenever the payload is in the air."""
    world, boots, recorded = stage.world, stage.world.boots, []
    for station, opcode in ((13, Opcode.CUTDOWN_ARM), (14, Opcode.CUTDOWN_FIRE)):
        stage.command_by(station, opcode, is_heard=opcode is Opcode.CUTDOWN_ARM)
        recorded.append(world.strangers.overheard[-1])

    def strike() -> None:
        if world.boots > boots and world.flight and world.flight.phase.phase in PHASES:
            world.air.payload_hears(recorded[0])
            stage.after(1, partial(world.air.payload_hears, recorded[1]))

    stage.after(2, partial(while_off, stage, vanished))
    return stage.every(5, strike)


def _long_silence(stage: Stage) -> End:
    """Somebody queues ARM and FIRE at the station, and nothing is heard from above for so long
    that nobody means them any more."""
    world = stage.world
    if world.archive is not None:
        for opcode in (Opcode.CUTDOWN_ARM, Opcode.CUTDOWN_FIRE):
            world.archive.queue(
                opcode, "", world.air.ground_utc_ms,
                lifetime_s=world.mission.ground.hazardous_lifetime_s)
    world.channel.down.is_cut = True

    def end() -> None:
        world.channel.down.is_cut = False

    return end


class _Crowd:
    """Looks on while the abort waits: no other command goes up before it."""

    def __init__(self, stage: Stage, abort_id: int) -> None:
        self._stage = stage
        self._abort_id = abort_id

    def on_uplink(self, frame: bytes) -> None:
        world = self._stage.world
        entry = command_of(world, frame)
        if entry is None or world.archive is None:
            return
        abort = outbox.one(world.archive.db, self._abort_id)
        if abort is not None and abort.is_waiting and entry.command_id != self._abort_id:
            self._stage.violate("cutdown_safe", f"{entry.opcode.name} went up before an abort")

    def on_boot(self) -> None: ...
    def on_step(self) -> None: ...
    def on_send(self, frame: bytes) -> None: ...
    def on_crash(self, error: Exception) -> None: ...


def _crowd(stage: Stage) -> None:
    """Three people ask eight questions each, and then somebody aborts."""
    world = stage.world
    if world.archive is None:
        return
    for number in range(CROWD * QUESTIONS_WAITING_EACH_MAX):
        with suppress(OutboxFull):
            world.archive.queue(Opcode.ASK, f"Question {number}?", world.air.ground_utc_ms,
                                asker=f"visitor {number % CROWD}")
    abort_id = world.archive.queue(Opcode.CUTDOWN_ABORT, "", world.air.ground_utc_ms)
    stage.commanded |= {"ask", "cutdown_abort"}
    world.observers.append(_Crowd(stage, abort_id))


class _Silence:
    """Looks on while the transmitter is off by command; a boot ends it, as it must."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._is_off = False

    def begin(self) -> None:
        """The command has arrived, and what the modem had is out."""
        flight = self._stage.world.flight
        self._is_off = flight is not None and flight.downlink.is_silent(
            self._stage.world.daemon.now_ms)

    def end(self) -> None:
        self._is_off = False

    def on_boot(self) -> None:
        self._is_off = False

    def on_send(self, frame: bytes) -> None:
        if self._is_off:
            self._stage.violate("beacon_cadence", f"{len(frame)} bytes sent while it was off")

    def on_step(self) -> None:
        """Nothing to see."""

    def on_uplink(self, frame: bytes) -> None:
        """The station may say what it likes."""

    def on_crash(self, error: Exception) -> None:
        """The checks note it."""


def _tx_off(stage: Stage) -> End:
    """The transmitter is switched off by command, and no further command ever comes."""
    silence = _Silence(stage)
    stage.world.observers.append(silence)
    stage.command(Opcode.TX_OFF, TX_OFF_MINUTES)
    stage.after(10, silence.begin)
    stage.after(TX_OFF_MINUTES * 60 - 2, silence.end)
    return silence.end


def _settings(stage: Stage) -> None:
    """Every setting just beyond its range, and settings that do not exist."""
    wrong = [(s.number, value) for s in TABLE for value in (s.low - 1, s.high + 1)]
    for number, (setting, value) in enumerate([*wrong, (len(TABLE) + 1, 5), (255, 0)]):
        station = 1 + number % (auth.STATIONS_MAX - 1)  # each in turn: two seconds are no counter
        stage.after(1 + 2 * number, partial(
            stage.command_by, station, Opcode.SETTING_SET, setting, value))

    def ask() -> None:
        flight = stage.world.flight
        if flight is not None and flight.settings.mission != stage.world.mission:
            stage.violate("beacon_cadence", "a setting out of its range was taken")

    stage.after(3 + 2 * len(wrong) + 8, ask)


FAULTS: tuple[Fault, ...] = (
    Fault(52, "commands.replay", "everything that the station ever sent is replayed", _replay,
          (60.0, 600.0)),
    Fault(52, "commands.replay_wiped", "ARM and FIRE are replayed after the store has vanished",
          _replay_wiped, (180.0, 600.0), ("phase_right",)),
    Fault(52, "commands.counter_ahead", "the station's counter jumps by 60,000", _counter_ahead,
          (1.0, 1.0)),
    Fault(52, "commands.counter_wrap", "a station's counter reaches its maximum, and is corrected",
          _counter_wrap, (30.0, 30.0)),
    Fault(53, "commands.flood", "a hundred badly signed frames a second", _flood, (10.0, 60.0)),
    Fault(55, "commands.nonsense", "correctly signed bytes that are not a command", _nonsense,
          (90.0, 90.0)),
    Fault(54, "commands.fire_alone", "FIRE without ARM", _fire_alone, (20.0, 20.0)),
    Fault(54, "commands.arm_expired", "FIRE long after ARM", _arm_expired, (90.0, 90.0)),
    Fault(54, "commands.fire_on_ground", "ARM and FIRE whenever it is on the ground",
          _fire_on_ground, (60.0, 900.0)),
    Fault(54, "commands.arm_then_reboot", "ARM, a power cut, FIRE", _arm_then_reboot,
          (60.0, 60.0)),
    Fault(54, "commands.long_silence", "ARM and FIRE wait at the station through a long silence",
          _long_silence, (240.0, 3_600.0)),
    Fault(54, "commands.crowd", "an abort is queued behind 24 questions", _crowd, (60.0, 60.0)),
    Fault(56, "commands.tx_off", "the transmitter is off for five minutes, without uplink traffic",
          _tx_off, (TX_OFF_MINUTES * 60.0 + 5, TX_OFF_MINUTES * 60.0 + 5), ("beacon_cadence",)),
    Fault(57, "commands.settings", "every setting just beyond its range", _settings,
          (60.0, 60.0)),
)
