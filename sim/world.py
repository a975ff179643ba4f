"""The world at a desk: sky, payload, air and ground station on one heap of events.

One seed decides everything but how fast it runs. The ``Flight`` and the ``Ground`` in it are the
real ones; what is fake lies behind the payload's ports, at the level of registers and bytes, and
between the two antennas. A reboot drops the flight and keeps its disk; the station can be restarted
the same way. Time jumps from event to event: nothing ticks where nothing happens.

Files in the output folder: ``payload.sqlite`` (the payload's disk), ``archive.sqlite`` with its raw
log (the station's). Neither is fsynced: killing the simulation loses nothing, pulling this
machine's plug may.
"""

from __future__ import annotations

import contextlib
import gc
import hashlib
import heapq
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, Protocol

from groundstation.archive import Archive
from groundstation.ground import Ground
from payload.devices.bme280 import Bme280
from payload.devices.gps_ublox import UbloxGnss
from payload.devices.ina219 import Ina219
from payload.flight import Flight, FlightPorts
from payload.memory import Memory
from payload.ports import HeardFrame, Mind, PortError, Sensor
from payload.prompt import PersonaText
from payload.store import Store
from sim.balloon import SITES, Balloon, Site, Trajectory, distance_m
from sim.battery import Battery
from sim.body import Body
from sim.camera import SyntheticCamera
from sim.channel import Channel, GilbertElliott, SimRadio
from sim.clock import SimClock, part_rng
from sim.devices import Bme280Chip, Chip, FakeI2cBus, Ina219Chip
from sim.orbit import Orbit
from sim.receiver import FakeUblox
from sim.scenario import Conditions
from sim.services import ScriptedMind, SimBoard, SimHttp, SimWatchdog
from sim.sky import Sky
from sim.worker_mind import WorkerMind
from wire import auth
from wire.frames import BeaconFrame, decode_downlink
from wire.mission import Mission

MindKind = Literal["real", "scripted", "none"]
BOOT_DELAY_MS = 20_000  # a Pi from power on to the daemon
RESTART_DELAY_MS = 2_000  # systemd starts the daemon again
WATCHDOG_MS = 30_000  # WatchdogSec of systemd/spacepi-payload.service
# A model this small gains nothing from two threads, and on a busy machine two that wait for each
# other by spinning cost seconds a thought instead of a tenth (measured: 7 to 19 s against 0.1 to
# 0.2). What a Pi's threads give is in the modelled delay.
MIND_THREADS = 1
OVERHEARD_FRAMES = 256
FOREIGN_RSSI_DBM, FOREIGN_SNR_DB = -95.0, 8.0
GROUND_TURN_MS = 150  # the station's transmitter keys up
BODY_EVERY_MS = 2_000
QUESTIONS_PER_HOUR = 2.2
QUESTIONS = (
    "Can you see the sea from up there?",
    "Are you cold?",
    "What does the sky look like right now?",
    "Did anything fall off yet?",
    "What would you like us to have for dinner when you are back?",
    "Is it quiet?",
    "Do you miss the workshop?",
    "What was the last thing that surprised you?",
    "How is the battery holding up?",
    "Which way are you going?",
    "Any clouds below you?",
    "What should I tell my daughter about the horizon?",
    "Do you know that we can hear only half of what you say?",
    "Are you afraid of the landing?",
    "What is the sun doing?",
    "If you could send one word, which one?",
)


@dataclass(frozen=True, slots=True)
class PersonaParts:
    """What a bundle gives to the flight besides its model; all None without one."""

    text: PersonaText | None = None
    memory_path: Path | None = None
    bundle: Path | None = None


class Observer(Protocol):
    """Looks on and changes nothing: the checks, the trace, the digest."""

    def on_boot(self) -> None: ...
    def on_step(self) -> None: ...
    def on_send(self, frame: bytes) -> None: ...
    def on_uplink(self, frame: bytes) -> None: ...
    def on_crash(self, error: Exception) -> None: ...


# Speaks for the scripted mind: the core does not think without a persona.
SCRIPTED_PERSONA = PersonaText("script", "A box under a balloon, and what it says.", ("Say it.",))


class World:
    """One simulated flight. ``run_until`` moves it; everything else may be called in between."""

    def __init__(
        self, mission: Mission, seed: int, mind_kind: MindKind, out_dir: Path,
        trajectory: Trajectory | None = None, persona: PersonaParts | None = None,
        conditions: Conditions | None = None,
    ) -> None:
        """``out_dir`` exists or can be made; databases in it are continued, as after a reboot."""
        out_dir.mkdir(parents=True, exist_ok=True)
        self.mission = mission
        self.seed = seed
        self.mind_kind = mind_kind
        self.out_dir = out_dir
        self.payload_path = out_dir / "payload.sqlite"
        self.archive_path = out_dir / "archive.sqlite"
        self.boots = 0
        self.watchdog_bites = 0
        self.ground_offset_ms = 0  # how wrong the station's computer clock is
        self.overheard: deque[bytes] = deque(maxlen=OVERHEARD_FRAMES)  # uplink, as an enemy has it
        self.stuck_parts: dict[str, int] = {}  # part -> since when, ms
        self.observers: list[Observer] = []
        self.open_store: Callable[[], Store] = partial(Store, self.payload_path, is_durable=False)
        self.conditions = conditions = conditions or Conditions()
        self._persona = persona or PersonaParts()
        site = conditions.site or part_rng(seed, "site").choice(SITES)
        warmth_k = site.warmth_k if conditions.warmth_k is None else conditions.warmth_k
        self.sky = Sky(part_rng(seed, "sky"), warmth_k)
        self.trajectory = trajectory or self._path(site)
        self.clock = SimClock(self.trajectory.start_utc_ms)
        self.last_beacon: BeaconFrame | None = None  # as sent, heard or not
        self.last_frame: bytes | None = None
        self._heap: list[tuple[int, int, Callable[[], None]]] = []
        self._events = 0
        master = hashlib.sha256(f"spacepi simulation {seed}".encode()).digest()
        self.uplink_key = auth.derive_key(master, mission.payload.node_id, auth.Direction.UPLINK)
        self._downlink_key = mission.downlink_key(master)
        self._build_air()
        self._build_payload()
        self.store: Store | None = None
        self.flight: Flight | None = None
        self.archive: Archive | None = None
        self.ground: Ground | None = None
        self._boot_ms = 0
        self._stalled_until_ms = 0
        self._is_healed = False
        self._lives = 0  # power cuts and restarts so far
        self._open_ground()
        self.at(0, self._boot)
        self._every(BODY_EVERY_MS, self.body.advance)
        self._every(1_000, self._supervise)
        self._plan_questions()

    # -- moving ------------------------------------------------------------------------------

    def run_until(self, t_s: float) -> None:
        """Everything that happens until ``t_s`` after the beginning."""
        end_ms = round(t_s * 1000)
        heap = self._heap
        while heap and heap[0][0] <= end_ms:
            at_ms, _, action = heapq.heappop(heap)
            self.clock.now_ms = at_ms
            action()
        self.clock.now_ms = max(self.clock.now_ms, end_ms)

    def next_event_s(self) -> float:
        """When something happens next, s after the beginning."""
        return self._heap[0][0] / 1000 if self._heap else self.clock.now_s

    @property
    def end_s(self) -> float:
        """When there is nothing more to see."""
        return self.trajectory.end_s

    def reboot(self, delay_ms: int = BOOT_DELAY_MS) -> None:
        """Cut the payload's power now: the flight is gone, what was committed stays.

        A second cut before it is up again puts the boot off.
        """
        self.flight = None
        self._lives += 1
        self._stalled_until_ms = 0
        self.stuck_parts.clear()
        self.store = None  # not closed: nobody closes anything in a power cut
        gc.collect()  # so that the file's lock goes now, as it does with a real process
        self.body.is_off = True
        self.radio.clear()
        if self.mind is not None:
            self.mind.cancel(0)
        self.camera.cancel(0)
        self.http.cancel(0)
        life = self._lives
        self.at(self.clock.now_ms + delay_ms, lambda: self._boot() if life == self._lives else None)

    def restart(self) -> None:
        """The supervisor kills the daemon and starts it again; the Pi stays on."""
        self.reboot(RESTART_DELAY_MS)

    def stick(self, part: str) -> None:
        """``part`` of the payload makes no progress any more until the daemon is started again."""
        if self.flight is None:
            return
        self.stuck_parts[part] = self.clock.now_ms
        health = self.flight.health
        mark = health.mark
        health.mark = (  # type: ignore[method-assign]
            lambda name, now_ms: None if name == part else mark(name, now_ms))

    def stall(self, until_ms: int) -> None:
        """The daemon gets no processor time, or waits in a call, until then."""
        self._stalled_until_ms = max(self._stalled_until_ms, until_ms)

    def restart_ground(self, down_s: float = 0.0) -> None:
        """Kill the station's process and start it again after ``down_s``, deaf until then."""
        self._close_ground()
        if down_s > 0:
            self.at(self.clock.now_ms + round(down_s * 1000), self._open_ground)
        else:
            self._open_ground()

    def heal(self, loss: float) -> None:
        """The weather turns good, and the station answers from now on."""
        self._is_healed = True
        self.channel.set_loss(loss)
        if not self.conditions.has_uplink:
            self.restart_ground()

    def strike_payload(self, data: bytes) -> None:
        """Somebody else's bytes reach the payload's modem."""
        self.radio.deliver(HeardFrame(data, FOREIGN_RSSI_DBM, FOREIGN_SNR_DB))

    def strike_ground(self, data: bytes) -> None:
        """Somebody else's bytes reach the station's modem."""
        if self.ground is not None:
            self.ground.receive(
                data, self.ground_utc_ms, FOREIGN_RSSI_DBM, FOREIGN_SNR_DB, "sim")

    @property
    def ground_utc_ms(self) -> int:
        """What the station's computer believes."""
        return self.clock.utc_ms + self.ground_offset_ms

    @property
    def flight_ms(self) -> int:
        """Now, as the payload counts it: ms since its boot."""
        return self.clock.now_ms - self._boot_ms

    def close(self) -> None:
        """Close both databases and stop the mind worker; the world cannot run on."""
        self.flight = None
        if self.store is not None:
            self.store.close()
            self.store = None
        self._close_ground()
        if isinstance(self.mind, WorkerMind):
            self.mind.close()

    # -- building ----------------------------------------------------------------------------

    def _path(self, site: Site) -> Trajectory:
        rng, launch = part_rng(self.seed, "balloon"), self.conditions.launch
        if self.conditions.is_orbit and launch is not None:
            return Orbit(rng, site, launch)
        return Balloon(rng, self.sky, site, launch)

    def _is_in_view(self) -> bool:
        path = self.trajectory
        return self._is_healed or not isinstance(path, Orbit) or path.is_in_view(self.clock.now_s)

    def _build_air(self) -> None:
        rng, seed = part_rng(self.seed, "channel"), self.seed
        self.channel = Channel(
            self.clock, self.mission.radio.rate_bps, rng, self._distance_m,
            GilbertElliott(part_rng(seed, "down"), self.conditions.down_loss),
            GilbertElliott(part_rng(seed, "up"), self.conditions.up_loss),
        )
        self.radio = SimRadio(
            self.clock, self.channel, self.mission.radio.mtu_bytes, self._on_payload_sends
        )

    def _build_payload(self) -> None:
        seed, mission = self.seed, self.mission
        self.mind = self._build_mind()
        charge = self.conditions.charge
        if charge is None:
            charge = part_rng(seed, "battery").uniform(0.70, 1.0)
        self.body = Body(
            self.clock, self.trajectory, self.sky,
            Battery(mission.power.capacity_mah * self.conditions.health, charge), self.channel,
            lambda: self.mind is not None and self.mind.is_busy,
        )
        self.camera = SyntheticCamera(
            self.clock, self.body.state, self.sky, part_rng(seed, "camera")
        )
        self.http = SimHttp(self.clock, part_rng(seed, "http"), self.body.above_ground_m)
        self.receiver = FakeUblox(self.clock, self.trajectory, part_rng(seed, "receiver"))
        sensors = mission.sensors
        chips: dict[int, Chip] = {}
        if sensors.outside == "bme280":
            chips[sensors.outside_address] = Bme280Chip(
                self.clock, self.body.air, part_rng(seed, "bme280")
            )
        if sensors.power == "ina219":
            chips[sensors.power_address] = Ina219Chip(self.body.supply, part_rng(seed, "ina219"))
        self.bus = FakeI2cBus(chips)
        self.watchdog = SimWatchdog(self.clock)

    def _build_mind(self) -> ScriptedMind | WorkerMind | None:
        if self.mind_kind == "scripted":
            return ScriptedMind(self.clock)
        if self.mind_kind == "real" and self._persona.bundle is not None:
            return WorkerMind(
                self.clock, self._persona.bundle, self.out_dir / "mind_worker.log", MIND_THREADS
            )
        return None

    # -- the payload -------------------------------------------------------------------------

    def _boot(self) -> None:
        mission, sensors = self.mission, self.mission.sensors
        self.boots += 1
        self.body.is_off = False
        self.receiver.flush()
        outside: Sensor | None = None
        power: Sensor | None = None
        if sensors.outside == "bme280":
            outside = Bme280(self.bus, sensors.outside_address)
        if sensors.power == "ina219":
            power = Ina219(self.bus, sensors.power_address)
        self.store = self.open_store()
        mind: Mind | None = self.mind
        ports = FlightPorts(
            gnss=UbloxGnss(self.receiver), outside=outside, power=power, radio=self.radio,
            mind=mind, camera=self.camera if sensors.camera else None, http=self.http,
            watchdog=self.watchdog, board=SimBoard(self.body.soc_c, self.body.supply_mv),
        )
        text = self._persona.text
        if text is None and self.mind_kind == "scripted":
            text = SCRIPTED_PERSONA
        memory: Memory | None = None
        if self._persona.memory_path is not None:
            with contextlib.suppress(PortError):  # without it the mind does not quote
                memory = Memory(self._persona.memory_path)
        self.flight = Flight(
            mission, ports, self.store, text, memory, self.uplink_key,
            part_rng(self.seed, f"flight {self.store.boot}"), self._downlink_key,
        )
        self._boot_ms = self.clock.now_ms
        self.watchdog.petted_ms = self.clock.now_ms
        for observer in self.observers:
            observer.on_boot()
        self._step_flight(self.boots)

    def _step_flight(self, boot: int) -> None:
        """One step; ``boot`` and not the flight itself, which would keep its disk locked."""
        if self.flight is None or boot != self.boots:
            return  # of a boot that is over
        if self.clock.now_ms < self._stalled_until_ms:
            self.at(self._stalled_until_ms, lambda: self._step_flight(boot))
            return
        try:
            due_ms = self._boot_ms + self.flight.step(self.clock.now_ms - self._boot_ms)
        except Exception as error:
            if not self.observers:
                raise
            for observer in self.observers:
                observer.on_crash(error)
            self.restart()
            return
        assert due_ms > self.clock.now_ms, "the flight asked for a step in the past"
        for observer in self.observers:
            observer.on_step()
        self.at(due_ms, lambda: self._step_flight(boot))

    def _supervise(self) -> None:
        """systemd: a daemon that does not pet its watchdog is started again."""
        if self.flight is not None and self.clock.now_ms - self.watchdog.petted_ms > WATCHDOG_MS:
            self.watchdog_bites += 1
            self.restart()

    def _on_payload_sends(self, frame: bytes, end_ms: int) -> None:
        self.last_frame = frame
        decoded = decode_downlink(frame)
        if isinstance(decoded, BeaconFrame):
            self.last_beacon = decoded
        for observer in self.observers:
            observer.on_send(frame)
        start_ms = self.clock.now_ms
        self.at(end_ms, lambda: self._down_arrives(frame, start_ms, end_ms))

    # -- the station -------------------------------------------------------------------------

    def _down_arrives(self, frame: bytes, start_ms: int, end_ms: int) -> None:
        can_hear = self.ground is not None and self._is_in_view()
        heard = self.channel.arrive_down(frame, start_ms, end_ms, can_hear)
        if heard is None or self.ground is None:
            return
        self.ground.receive(heard.data, self.ground_utc_ms, heard.rssi_dbm, heard.snr_db, "sim")
        decoded = decode_downlink(frame)
        if isinstance(decoded, BeaconFrame) and decoded.is_listening:
            self.at(self.clock.now_ms + GROUND_TURN_MS, self._ground_turn)

    def _ground_turn(self) -> None:
        if self.ground is None or self.channel.is_ground_sending:
            return
        frame = self.ground.next_uplink(self.ground_utc_ms)
        if frame is not None:
            self.overheard.append(frame)
            for observer in self.observers:
                observer.on_uplink(frame)
            start_ms, end_ms = self.clock.now_ms, self.channel.send_up(frame)
            self.at(end_ms, lambda: self._up_arrives(frame, start_ms, end_ms))

    def _up_arrives(self, frame: bytes, start_ms: int, end_ms: int) -> None:
        heard: HeardFrame | None = self.channel.arrive_up(frame, start_ms, end_ms)
        if heard is not None:
            self.radio.deliver(heard)

    def _open_ground(self) -> None:
        self.archive = Archive(self.archive_path, is_durable=False)
        key = self.uplink_key if self.conditions.has_uplink or self._is_healed else None
        self.ground = Ground(self.mission, self.archive, key, self._downlink_key)

    def _close_ground(self) -> None:
        self.ground = None
        if self.archive is not None:
            self.archive.close()
            self.archive = None

    def _plan_questions(self) -> None:
        rng = part_rng(self.seed, "friend")
        questions = rng.sample(QUESTIONS, len(QUESTIONS))
        at_s = 300.0
        while questions:
            at_s += rng.expovariate(QUESTIONS_PER_HOUR / 3600)
            if at_s >= self.end_s - 600:
                break
            text = questions.pop()
            self.at(round(at_s * 1000), partial(self._ask, text))

    def _ask(self, text: str) -> None:
        if self.ground is not None:
            self.ground.ask(text, self.ground_utc_ms)

    # -- events ------------------------------------------------------------------------------

    def at(self, at_ms: int, action: Callable[[], None]) -> None:
        """Ties go in the order in which they were planned."""
        self._events += 1
        heapq.heappush(self._heap, (at_ms, self._events, action))

    def _every(self, period_ms: int, action: Callable[[], None]) -> None:
        def again() -> None:
            action()
            self.at(self.clock.now_ms + period_ms, again)

        self.at(self.clock.now_ms + period_ms, again)

    def _distance_m(self) -> float:
        """From the station, which stays at the pad, to the payload; straight through the air."""
        state, pad = self.body.state(), self.trajectory.pad
        along_m = distance_m(pad[:2], (state.latitude_deg, state.longitude_deg))
        up_m = state.altitude_m - pad[2]
        return float((along_m**2 + up_m**2) ** 0.5)
