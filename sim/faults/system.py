"""Faults of the computer itself (docs/faults.md, 70 to 76)."""

from __future__ import annotations

import errno
from pathlib import Path

import structlog
from structlog.processors import CallsiteParameter, CallsiteParameterAdder
from structlog.typing import EventDict

import payload
from payload import preflight
from payload.flight import PARTS
from payload.preflight import Machine, Verdict
from sim.fakes.sd_card import FREE_BYTES
from sim.fakes.services import WATCHDOG_MS
from sim.faults.stage import End, Fault, Stage
from wire import key_file
from wire import mission as mission_file
from wire.mission import MissionError

HOG_EVERY_S, HOG_S = 3.0, (0.3, 1.8)
ASK_AFTER_S = 20.0
ABOARD = Path(payload.__file__).parent
STALL_S = 600.0  # far longer than the watchdog waits


def _stall(stage: Stage) -> None:
    """SIGSTOP, or a call that does not come back: the supervisor must end it, if it runs at all."""
    if stage.world.flight is None:
        return
    bites = stage.world.watchdog.bites
    lives = stage.world.boots
    stage.world.daemon.stall(stage.now_ms + round(STALL_S * 1000))

    def look() -> None:
        is_on = stage.world.flight is not None  # without power there is nothing to start
        if is_on and stage.world.watchdog.bites == bites and stage.world.boots == lives:
            stage.violate("watchdog_honest", "a stalled daemon was not started again")

    stage.after(WATCHDOG_MS / 1000 + 5, look)


def _stuck_part(stage: Stage) -> None:
    stage.world.daemon.stick(stage.rng.choice(PARTS))


def _hog(stage: Stage) -> End:
    """Something else takes the processor: every step comes late."""
    def push() -> None:
        late_ms = round(1000 * stage.rng.uniform(*HOG_S))
        stage.world.daemon.stall(stage.now_ms + late_ms)

    return stage.every(HOG_EVERY_S, push)


def _second_instance(stage: Stage) -> None:
    """Somebody starts the daemon again by hand while it runs."""
    world = stage.world
    if world.store is None:
        return
    if world.daemon.open_store().is_counted:  # the real daemon would not even come this far
        stage.violate("records_kept", "a second store could be opened on the same file")


def _odd_mission(stage: Stage) -> None:
    """Somebody edits the mission file: each mistake is refused in one sentence that names it."""
    good = (
        '[payload]\nname = "E"\ncallsign = "N0CALL"\nnode_id = 7\n[radio]\nkind = "none"\n'
        "[power]\ncapacity_mah = 3000\neco_mv = 3600\nlow_mv = 3400\ncritical_mv = 3200\n"
    )
    mission_file.parse(good, "mission.toml")
    for text in (
        "", "\0" * 200, "[payload", good + "[flavour]\nsweet = 1\n", good.replace("7", '"7"'),
        good.replace("3600", "99999999"), good.replace("node_id = 7\n", ""),
        good.replace("eco_mv = 3600", "eco_mv = 3000"), good + "[power]\n",
    ):
        try:
            mission_file.parse(text, "mission.toml")
        except MissionError as error:
            if "\n" in str(error) or not str(error).startswith("mission.toml"):
                stage.violate("no_crash", f"not a sentence: {error}")
        else:
            stage.violate("no_crash", f"a mission file was accepted: {text[:40]!r}")


def _open_key(stage: Stage) -> None:
    """The key file can be read by everybody: it is refused, and not silently repaired."""
    path = stage.world.out_dir / "open.key"
    path.write_text("00" * 32)
    path.chmod(0o644)
    try:
        key_file.load(path)
    except key_file.KeyFileError:
        pass
    else:
        stage.violate("only_authentic", "a key file of mode 0644 was taken")
    path.unlink()


def _refuse_payload(logger: object, method: str, line: EventDict) -> EventDict:
    """What whoever logs aboard meets when the disk of the journal is full; the station has its own
    disk, and handlers that never raise."""
    if ABOARD in Path(line.pop(CallsiteParameter.PATHNAME.value)).parents:
        raise OSError(errno.ENOSPC, "No space left on device")
    return line


def _full_journal(stage: Stage) -> End:
    before = structlog.get_config()
    told_where = CallsiteParameterAdder({CallsiteParameter.PATHNAME})
    structlog.configure(processors=[told_where, _refuse_payload, *before["processors"]],
                        cache_logger_on_first_use=False)
    return lambda: structlog.configure(**before)


def _no_hardware_watchdog(stage: Stage) -> End:
    """71: preflight says NO-GO, and who flies all the same is told so at the start."""
    world = stage.world
    world.board.is_watchdog_armed = stage.rng.choice((None, False))
    world.daemon.restart()

    def ask() -> None:
        if world.flight is None:
            return
        armed = world.board.is_hardware_watchdog_armed()
        machine = Machine(armed, FREE_BYTES, None, None, "A line.")
        lines = preflight.examine(world.flight, machine, world.daemon.now_ms)
        found = [line for line in lines if line.what == "watchdog"]
        if preflight.is_go(lines) or [line.verdict for line in found] != [Verdict.NO_GO]:
            stage.violate("watchdog_honest", "preflight let it fly without a hardware watchdog")

    stage.after(ASK_AFTER_S, ask)

    def end() -> None:
        world.board.is_watchdog_armed = True

    return end


FAULTS: tuple[Fault, ...] = (
    Fault(71, "watchdog.absent", "the hardware watchdog is missing or rejects its timeout",
          _no_hardware_watchdog, (60.0, 600.0)),
    Fault(70, "core.stall", "the daemon is stopped for ten minutes", _stall, (60.0, 60.0),
          ("beacon_cadence",)),
    Fault(70, "core.part_stuck", "one part stops making progress", _stuck_part, (60.0, 60.0)),
    Fault(72, "core.hog", "another process uses most of the processor", _hog, (60.0, 600.0)),
    Fault(73, "config.odd_mission", "mission files with every kind of mistake", _odd_mission,
          (1.0, 1.0)),
    Fault(74, "config.open_key", "a key file readable by all users", _open_key, (1.0, 1.0)),
    Fault(75, "journal.full", "the journal is full", _full_journal, (60.0, 1200.0)),
    Fault(76, "core.second_instance", "the daemon is started twice", _second_instance),
)
