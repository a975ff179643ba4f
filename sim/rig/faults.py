"""Faults that can be applied to real processes: signals, closed ptys, full disks.

A name means here what it means in a simulated flight. Where a fault has a question of its own
("was it killed in time?"), a wrong answer is a breach.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from sim.fault_schedule import Scheduled
from sim.rig import processes
from sim.rig.bench import Bench
from sim.rig.processes import Process
from sim.rig.unit import WATCHDOG_S
from wire.unknown_name import unknown_name

End = Callable[[], None]
CUT_OFF_S = 20.0
STALL_SLACK_S = 10.0
LOOK_EVERY_S = 1.0  # for somebody to kill
MIND = "payload.mind_worker"
HOG = "while True: pass"
HOG_NICE = -5  # needs root; without it the hog is an equal among equals
REFUSED_STATUS = 2


@dataclass(frozen=True, slots=True)
class RigFault:
    """One fault of docs/faults.md on real processes.

    ``begin`` returns what ends it, or None. ``silences`` says that no beacon can be expected at the
    radio port meanwhile.
    """

    number: int
    name: str
    what: str
    begin: Callable[[Bench], End | None]
    lasts_s: float = 1.0
    silences: bool = False


def _kill(bench: Bench) -> None:
    """One that is just being started again is killed a moment later."""
    if bench.payload.is_running:
        bench.payload.kill()
    else:
        bench.loop.after(LOOK_EVERY_S, partial(_kill, bench))


def _kill_sending(bench: Bench) -> End:
    """Killed the moment that a new record is at its radio port: no time for a late commit."""
    return bench.at_next_record(bench.payload.kill)


def _cut(bench: Bench) -> None:
    """Everything aboard dies at once, and the modem with it."""
    bench.payload_modem.hang_up()
    bench.payload.kill(CUT_OFF_S)
    bench.loop.after(CUT_OFF_S, bench.payload_modem.come_back)


def _stall(bench: Bench) -> None:
    """SIGSTOP: the watchdog must see it and end it."""
    starts = bench.payload.counts["starts"]
    bench.payload.send_signal(signal.SIGSTOP)

    def look() -> None:
        if bench.payload.counts["starts"] == starts:
            bench.breach("a stopped daemon was not killed by its watchdog")

    bench.loop.after(WATCHDOG_S + STALL_SLACK_S, look)


def _hog(bench: Bench) -> End:
    """One busy process a core, above everybody else where we may."""
    nice = ["nice", "-n", str(HOG_NICE)] if os.geteuid() == 0 else []
    hogs = [
        Process(bench.loop, [*nice, *processes.python("-c", HOG)], bench.layout.root,
                processes.environment(), lambda line: None, lambda status: None)
        for _ in range(os.cpu_count() or 1)
    ]

    def end() -> None:
        for hog in hogs:
            hog.signal(signal.SIGKILL)

    return end


def _full_journal(bench: Bench) -> End:
    """The daemon is started with a log of which every line fails: standard error is /dev/full."""
    bench.has_full_log = True
    bench.payload.restart()

    def end() -> None:
        bench.has_full_log = False
        bench.payload.restart()

    return end


def _stuck_journal(bench: Bench) -> End | None:
    """Whoever reads the daemon's log hangs: the pipe is full and stays full."""
    process = bench.payload.process
    if process is None or not process.is_running:
        return None
    process.mute()
    return process.unmute


def _second_instance(bench: Bench) -> None:
    _expect_refusal(bench, ["-m", "payload", "run"], "another payload has this store open")


def _odd_mission(bench: Bench) -> None:
    """Somebody edits a copy of the mission file and gets it wrong."""
    odd = bench.layout.payload / "odd.toml"
    text = (bench.layout.payload / "mission.toml").read_text(encoding="utf-8")
    odd.write_text(text + "[flavour]\nsweet = 1\n", encoding="utf-8")
    _expect_refusal(
        bench, ["-m", "payload", "run", "--mission", str(odd)], "unknown section 'flavour'")


def _expect_refusal(bench: Bench, arguments: list[str], words: str) -> None:
    def judge(status: int, lines: list[str]) -> None:
        if status != REFUSED_STATUS or len(lines) != 1 or words not in lines[0]:
            bench.breach(f"expected one sentence with {words!r} and status {REFUSED_STATUS}, got "
                         f"{status}: {' / '.join(lines)[:300]}")
        else:
            bench.journal.note("refused", lines[0])

    bench.errand(arguments, bench.layout.payload, judge)


def _workers(bench: Bench) -> list[int]:
    process = bench.payload.process
    return process.children(MIND) if process is not None and process.is_running else []


def _kill_mind(bench: Bench) -> End:
    """The worker that runs, or the next one: in SAFE mode there is none for a while."""

    def strike() -> None:
        if _workers(bench):
            stop()
            _signal_mind(bench, signal.SIGKILL)
            bench.mind_kills += 1

    stop = bench.loop.every(LOOK_EVERY_S, strike)
    return stop


def _stop_mind(bench: Bench) -> End:
    """SIGSTOP: the core must kill it at the deadline of the next thought, and start another."""
    stopped = _signal_mind(bench, signal.SIGSTOP)

    def end() -> None:
        for pid in filter(processes.is_there, stopped):
            processes.kill(pid, signal.SIGCONT)
            bench.journal.note("rig", f"mind worker {pid} never received a request; it continues")

    return end


def _signal_mind(bench: Bench, number: signal.Signals) -> list[int]:
    pids = _workers(bench)
    for pid in pids:
        processes.kill(pid, number)
    words = f"{number.name} to mind worker {', '.join(map(str, pids))}" if pids else "no mind"
    bench.journal.note("rig", words)
    return pids


def _vanish(bench: Bench) -> End:
    """The receiver's cable comes loose; what comes back is another tty under the same name."""
    bench.line.unplug()

    def end() -> None:
        bench.receiver.reset()
        bench.line.plug_in()

    return end


def _full_disk(bench: Bench) -> End | None:
    disk, process = bench.disk, bench.payload.process
    assert disk is not None, "a bench whose disk may be filled"
    if process is None or not process.is_running:
        return None
    disk.fill(process)
    bench.journal.note("rig", f"the disk is full ({disk.how})")
    return partial(disk.free, process)


def _outage(bench: Bench) -> End:
    """Both modems drop their connection, and refuse a new one."""
    for modem in (bench.payload_modem, bench.station_modem):
        modem.hang_up()

    def end() -> None:
        for modem in (bench.payload_modem, bench.station_modem):
            modem.come_back()

    return end


def _kill_station(bench: Bench) -> None:
    bench.station.kill()


FAULTS: tuple[RigFault, ...] = (
    RigFault(2, "gnss.vanish", "the pty is closed and replaced under the same name", _vanish,
             20.0),
    RigFault(30, "core.kill", "kill -9 of the daemon", _kill),
    RigFault(30, "core.kill_sending", "kill -9 of the daemon while it sends its next new record",
             _kill_sending, 120.0),
    RigFault(30, "cut.once", "kill -9 of all payload processes, off for twenty seconds", _cut),
    RigFault(30, "ground.kill", "kill -9 of the station", _kill_station),
    RigFault(35, "storage.full", "the store's disk is full", _full_disk, 60.0),
    RigFault(43, "link.outage", "both TCP connections are dropped and refused", _outage, 30.0,
             silences=True),
    RigFault(64, "mind.kill", "kill -9 of the mind worker, or of the next one", _kill_mind, 900.0),
    RigFault(66, "mind.stop", "SIGSTOP of the mind worker", _stop_mind, 240.0),
    RigFault(70, "core.stall", "SIGSTOP of the daemon, until the watchdog kills it", _stall,
             WATCHDOG_S + STALL_SLACK_S, silences=True),
    RigFault(72, "core.hog", "a busy process on every core, at higher priority", _hog, 20.0),
    RigFault(73, "config.odd_mission", "a daemon is started with an unknown key in its mission "
                                       "file",
             _odd_mission),
    RigFault(75, "journal.full", "the daemon's standard error is /dev/full", _full_journal, 60.0),
    RigFault(75, "journal.stuck", "the daemon's standard error is not read, and its pipe is full",
             _stuck_journal, 60.0),
    RigFault(76, "core.second_instance", "a second daemon in the same folder", _second_instance),
)
ALL = {fault.name: fault for fault in FAULTS}


def find(name: str) -> RigFault:
    """The fault called ``name``. Raises ValueError, naming those that work here."""
    fault = ALL.get(name)
    if fault is None:
        raise ValueError(unknown_name("bench fault", name, sorted(ALL)))
    return fault


class RigPlayer:
    """Begins and ends what is planned."""

    def __init__(self, bench: Bench, plan: list[Scheduled]) -> None:
        """Raises ValueError for a name that is no fault here."""
        self._bench = bench
        self._ends: dict[int, End] = {}
        self.played: list[str] = []
        for number, scheduled in enumerate(plan):
            fault = find(scheduled.name)
            bench.loop.after(scheduled.at_s, partial(self._begin, number, fault, scheduled))

    def clear(self) -> None:
        """End what still lasts."""
        for number in list(self._ends):
            self._end(number)

    def _begin(self, number: int, fault: RigFault, scheduled: Scheduled) -> None:
        bench = self._bench
        lasts_s = fault.lasts_s if scheduled.duration_s is None else scheduled.duration_s
        self.played.append(fault.name)
        bench.journal.note("FAULT", f"{fault.name}: {fault.what}")
        if fault.silences:
            bench.sent.excuse()
        end = fault.begin(bench)

        def finish() -> None:
            if end is not None:
                end()
            if fault.silences:
                bench.sent.unexcuse()

        self._ends[number] = finish
        bench.loop.after(lasts_s, partial(self._end, number))

    def _end(self, number: int) -> None:
        finish = self._ends.pop(number, None)
        if finish is not None:
            finish()
