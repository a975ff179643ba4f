"""The bench: daemon and station as processes, and receiver, air, internet and disk around them.

    gnss pty -- daemon -- modem ~~ channel ~~ modem -- station -- page
                  |                                        |
             mind worker, internet, disk          spacepi-ground command

Whatever is not here is absent, as on a desk: no I2C bus, no camera. The daemon says so and flies.
"""

from __future__ import annotations

import re
import signal
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from groundstation.decode import text_models
from sim.balloon import SITES, Balloon, Launch, Trajectory
from sim.clock import part_rng
from sim.fakes.services import SimHttp
from sim.fakes.ublox import FakeUblox
from sim.radio.channel import Channel, GilbertElliott
from sim.radio.impairments import FrameDamage
from sim.radio.line_of_sight import OpenAir
from sim.rig import folder, processes
from sim.rig.air import modems
from sim.rig.disk import BenchDisk
from sim.rig.folder import Ports
from sim.rig.internet import Internet
from sim.rig.journal import Journal
from sim.rig.live import Loop, NotifySocket, SerialLine, free_port
from sim.rig.processes import Process
from sim.rig.transmissions import SentFrames
from sim.rig.unit import Unit
from sim.sky import Sky
from wire.airtime import Airtime
from wire.envelope import Envelope
from wire.mission import Mission

RECEIVER_EVERY_S = 0.2
LOOK_EVERY_S = 1.0
TELL_EVERY_S = 60.0
PAD_S = 60
CLIMB_MPS, LANDING_MPS = 8.0, 5.0
HOP_M = (300.0, 25_000.0)  # above the pad: the lowest that is a flight, and the highest flown here
LANDED_SHARE = 0.8  # of the time: then it lies there
# The station sends a frame in half a minute: longer bursts would make it deaf for a quarter hour.
QUESTION = "What do you see?"
COMMANDS = (("ping",), ("ask", QUESTION), ("beacon_now",), ("muse_now",), ("picture_now",))
FIRST_COMMAND_S = 20.0
COMMANDS_UPTO = 0.9  # of the time: the last ones shall have the time to be answered
_QUEUED = re.compile(r"Command (\d+) is queued")


@dataclass(frozen=True, slots=True)
class RigSettings:
    """How a bench flight is flown."""

    seconds: float
    seed: int = 0
    loss: float = 0.1  # mean, both ways
    has_mind: bool = True
    has_small_disk: bool = False
    command_every_s: float = 120.0


class Bench:
    """One bench flight. ``breaches`` are what went wrong that the verdict cannot see afterwards."""

    def __init__(
        self, root: Path, mission: Mission, mission_path: Path, key: bytes, settings: RigSettings,
        show: Callable[[str], None], trajectory: Trajectory | None = None,
    ) -> None:
        """``key`` is the 32-byte master key. Raises KeyFileError or OSError."""
        self.breaches: list[str] = []
        self.settings = settings
        self.loop = loop = Loop()
        rng = part_rng(settings.seed, "channel")
        fading = (GilbertElliott(rng, settings.loss), GilbertElliott(rng, settings.loss))
        # KISS tells no signal strength, so the distance is nobody's business here.
        self.channel = Channel(
            loop.clock, Airtime.of(mission.radio), rng, OpenAir(lambda: 1_000.0),
            fading, (FrameDamage(rng), FrameDamage(rng)))
        self.payload_modem, self.station_modem = modems(loop, self.channel, Envelope(mission))
        self.internet = Internet(
            loop, SimHttp(loop.clock, part_rng(settings.seed, "internet"), lambda: 0.0))
        self.layout, self.mission = folder.lay_out(root, mission, mission_path, key, Ports(
            self.payload_modem.port.number, self.station_modem.port.number,
            self.internet.port.number, free_port(),
        ))
        self.journal = Journal(loop.clock, root, show)
        self.disk = BenchDisk(self.layout.store.parent) if settings.has_small_disk else None
        self.sent = SentFrames(loop.clock, self.mission, self.mission.downlink_key(key),
                               text_models.load(self.mission, self.layout.payload, ()))
        self.payload_modem.on_frame = self._on_frame
        self.line = SerialLine(loop, self.layout.receiver)
        self.receiver = FakeUblox(
            loop.clock, trajectory or hop(settings, loop.clock.start_utc_ms),
            part_rng(settings.seed, "receiver"))
        self.line.on_data = self.receiver.write
        self._run_dir = tempfile.TemporaryDirectory(prefix="spacepi-rig-")
        self._notify = NotifySocket(loop, Path(self._run_dir.name).name, self._on_notify)
        self.payload = Unit(
            loop, "payload", self._spawn_payload, partial(self.journal.note, "rig"),
            self.sent.on_start, self.sent.on_end, self.breach, has_watchdog=True)
        self.station = Unit(
            loop, "station", self._spawn_station, partial(self.journal.note, "rig"),
            on_crash=self.breach)
        self.has_full_log = False  # of the daemon's next life
        self.mind_kills = 0
        self.queued: list[int] = []  # commands that `spacepi-ground command` said are queued
        self._at_next_record: list[Callable[[], None]] = []
        self._errands: list[Process] = []
        self._reported = (0, 0)

    # -- flying ------------------------------------------------------------------------------

    def start(self) -> None:
        """Switch everything on."""
        self.loop.every(RECEIVER_EVERY_S, self._pass_fixes)
        self.loop.every(LOOK_EVERY_S, self.sent.look)
        self.loop.every(TELL_EVERY_S, self._tell)
        self.station.start()
        self.payload.start()
        if self.settings.command_every_s > 0:
            self.loop.after(FIRST_COMMAND_S, partial(self._keep_commanding, 0))

    def stop(self) -> None:
        """Ask both to end, and wait until they have."""
        self.settings = replace(self.settings, command_every_s=0)
        self.sent.look()
        self.sent.excuse()
        for errand in self._errands:
            errand.signal(signal.SIGKILL)
        for unit in (self.payload, self.station):
            unit.stop()
        self.loop.run_until(lambda: not (self.payload.is_running or self.station.is_running))

    def close(self) -> None:
        """Leave nothing behind but the folder."""
        for unit in (self.payload, self.station):
            unit.abandon()
        for errand in self._errands:
            errand.signal(signal.SIGKILL)
        self.loop.run_until(lambda: not (
            self.payload.is_running or self.station.is_running
            or any(errand.is_running for errand in self._errands)))
        self.line.unplug()
        self._notify.close()
        if self.disk is not None:
            self.disk.close()
        self._run_dir.cleanup()
        self.loop.close()

    def breach(self, what: str) -> None:
        """Something happened that must not."""
        self.breaches.append(what)
        self.journal.note("BROKEN", what)

    def errand(
        self, arguments: list[str], where: Path,
        judge: Callable[[int, list[str]], None] = lambda status, lines: None,
    ) -> None:
        """Run one of our commands beside the others; ``judge`` gets its status and its words."""
        words: list[str] = []
        self._errands = [errand for errand in self._errands if errand.is_running]
        self._errands.append(Process(
            self.loop, processes.python(*arguments), where, processes.environment(),
            words.append, lambda status: judge(status, words)))

    def command(self, number: int) -> None:
        """Somebody at the station types one of ``COMMANDS``."""
        words = COMMANDS[number % len(COMMANDS)]

        def judge(status: int, lines: list[str]) -> None:
            output = " ".join(lines)
            self.journal.note("command", output[-200:])
            self.queued += map(int, _QUEUED.findall(output))
            if status != 0:
                self.breach(f"spacepi-ground command {words[0]} ended with status {status}")

        self.errand(["-m", "groundstation", "command", *words], self.layout.station, judge)

    def at_next_record(self, action: Callable[[], None]) -> Callable[[], None]:
        """Do ``action`` once, when the daemon sends a record that it never sent; the returned
        function takes it back.
        """
        waiting = partial(action)  # an object of its own: the same action may wait twice
        self._at_next_record.append(waiting)

        def forget() -> None:
            if waiting in self._at_next_record:
                self._at_next_record.remove(waiting)

        return forget

    # -- what runs ---------------------------------------------------------------------------

    def _spawn_payload(self, on_exit: Callable[[int], None]) -> Process:
        command = ["-m", "payload", "run"]
        if self.settings.has_mind:
            command.append("--start-mind")
        self.journal.note("rig", f"starts the daemon ({self.payload.counts['starts'] + 1})")
        environment = processes.environment(
            NOTIFY_SOCKET=self._notify.address, RUNTIME_DIRECTORY=self._run_dir.name)
        return Process(
            self.loop, processes.python(*command), self.layout.payload, environment,
            self.journal.on_payload, on_exit, self.has_full_log)

    def _spawn_station(self, on_exit: Callable[[int], None]) -> Process:
        self.journal.note("rig", f"starts the station ({self.station.counts['starts'] + 1})")
        return Process(
            self.loop, processes.python("-m", "groundstation", "serve"), self.layout.station,
            processes.environment(), self.journal.on_station, on_exit)

    def _on_frame(self, frame: bytes) -> None:
        known = len(self.sent.records)
        self.sent.on_frame(frame)
        if len(self.sent.records) > known and self._at_next_record:
            self._at_next_record.pop(0)()

    def _on_notify(self, message: str) -> None:
        self.payload.notify(message)

    def _pass_fixes(self) -> None:
        data = self.receiver.read(4096)
        if data:
            self.line.write(data)

    def _keep_commanding(self, number: int) -> None:
        """Somebody at the station types a command now and then."""
        is_over = self.loop.clock.now_s > COMMANDS_UPTO * self.settings.seconds
        if self.settings.command_every_s > 0 and not is_over:
            self.command(number)
            self.loop.after(
                self.settings.command_every_s, partial(self._keep_commanding, number + 1))

    def _tell(self) -> None:
        """Once a minute, how it stands."""
        beacons = self.channel.sent["beacon"], self.channel.heard["beacon"]
        before, self._reported = self._reported, beacons
        state = self.sent.latest
        words = "no beacon yet"
        if state is not None:
            phase = "phase unknown" if state.phase is None else state.phase.name.lower()
            height = "height unknown" if state.altitude_m is None else f"{state.altitude_m:.0f} m"
            words = f"{phase}, {height}, {state.queue_records} records wait"
        self.journal.note("minute", (
            f"{self.loop.clock.now_s / 60:.0f} of {self.settings.seconds / 60:.0f}: {words}; "
            f"{beacons[0] - before[0]} beacons sent, {beacons[1] - before[1]} heard; "
            f"{len(self.sent.records)} records sent so far"))


def hop(settings: RigSettings, start_utc_ms: int) -> Balloon:
    """The highest hop that has landed when most of the time is over; the lowest one otherwise."""
    low, high = (round(metres / 100) for metres in HOP_M)
    while low < high:
        middle = (low + high + 1) // 2
        lands_s = _hop(settings, start_utc_ms, middle * 100.0).landing_s
        if lands_s <= LANDED_SHARE * settings.seconds:
            low = middle
        else:
            high = middle - 1
    return _hop(settings, start_utc_ms, low * 100.0)


def _hop(settings: RigSettings, start_utc_ms: int, height_m: float) -> Balloon:
    site = SITES[settings.seed % len(SITES)]
    launch = Launch(start_utc_ms, PAD_S, site.elevation_m + height_m, CLIMB_MPS, LANDING_MPS, 0.0)
    sky = Sky(part_rng(settings.seed, "sky"), site.warmth_k)
    return Balloon(part_rng(settings.seed, "balloon"), sky, site, launch)

