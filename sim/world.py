"""The simulated world: sky, payload, air and ground station on one heap of events.

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
import hashlib
import heapq
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from groundstation.archive.archive import Archive
from groundstation.ground import Ground
from payload.devices import fitted
from payload.devices.buses import Buses
from payload.flight import Flight
from payload.flight_ports import FlightPorts
from payload.link.overhearing import KnownNeighbour
from payload.mind.memory import Memory
from payload.mind.persona import CodecAbsent, Persona
from payload.ports import PortError
from payload.prompt import PersonaText
from payload.sensors import ROLES
from payload.storage.durable_store import Store
from sim import questioner
from sim.balloon import SITES, AirState, Balloon, Site, Trajectory
from sim.battery import Battery
from sim.clock import SimClock, life_rng, part_rng
from sim.daemon import WATCH_EVERY_MS, Daemon, Observer
from sim.fakes.board import SimBoard
from sim.fakes.camera import SyntheticCamera
from sim.fakes.camera_faults import FaultyCamera
from sim.fakes.card_disk import CardStore, DeskStore
from sim.fakes.i2c_bus import FakeI2cBus, SensorTap
from sim.fakes.microphone import SimMicrophone
from sim.fakes.scripted_mind import SCRIPTED_PERSONA, ScriptedMind
from sim.fakes.sd_card import Card
from sim.fakes.services import SimHttp, SimPin, SimWatchdog
from sim.fakes.ublox import FakeUblox
from sim.fakes.worker_mind import WorkerMind
from sim.hardware import FittedChips
from sim.orbit import Orbit
from sim.payload_thermal import Body
from sim.radio.air import TEND_EVERY_MS, Air
from sim.radio.line_of_sight import OverGround, OverStations, Sight
from sim.radio.strangers import MINUTE_MS
from sim.scenario import Conditions
from sim.sky import Sky
from sim.spacecraft import Spacecraft
from wire import auth, bodies
from wire.frames import BeaconFrame
from wire.mission import Mission
from wire.sampling import Sampling
from wire.text_codec import TextModel

MindKind = Literal["real", "scripted", "none"]
BOOT_DELAY_MS = 20_000  # a Pi from power on to the daemon
# A model this small gains nothing from two threads, and on a busy machine two that wait for each
# other by spinning cost seconds a thought instead of a tenth (measured: 7 to 19 s against 0.1 to
# 0.2). What a Pi's threads give is in the modelled delay.
MIND_THREADS = 1
BODY_EVERY_MS, SPACECRAFT_EVERY_MS = 2_000, 10_000
HEALED_BURST_S = 1.0


@dataclass(frozen=True, slots=True)
class PersonaParts:
    """What a bundle gives to the flight besides its model; all None without one."""

    text: PersonaText | None = None
    memory_path: Path | None = None
    bundle: Path | None = None
    codec: TextModel | None = None
    trusted_key: bytes = b""  # that signed the bundle
    sampling: Sampling | None = None

    @staticmethod
    def of(persona: Persona) -> PersonaParts:
        """All parts of a bundle; a codec that cannot be read is left out, as on the payload."""
        codec = None
        with contextlib.suppress(CodecAbsent):
            codec = persona.load_codec()
        signed = persona.manifest
        return PersonaParts(persona.text, persona.memory_path, persona.bundle, codec,
                            signed.public_key, signed.sampling)


class World:
    """One simulated flight. ``run_until`` moves it; everything else may be called in between.

    The payload is switched on by the first ``run_until``: faults that are set before it are there
    from the first step on. Faults are public attributes of ``receiver``, ``bus`` and its chips,
    ``outside`` and ``power`` (between drivers and core), ``board``, ``body``, ``camera``, ``http``,
    ``mind``, ``radio``, ``channel`` and ``strangers``.
    """

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
        self.conditions = conditions = conditions or Conditions()
        self.hardware = conditions.hardware
        self.out_dir = out_dir
        self.payload_path = out_dir / "payload.sqlite"
        self.archive_path = out_dir / "archive.sqlite"
        self.observers: list[Observer] = []
        self.known_neighbours: dict[int, KnownNeighbour] = {}  # of neighbours that it may answer
        self.card = Card()  # only a witnessed store lies on it
        self._persona = persona or PersonaParts()
        codec = self._persona.codec
        self.models = bodies.by_id([] if codec is None else [codec])  # that read what it sends
        site = conditions.site or part_rng(seed, "site").choice(SITES)
        warmth_k = site.warmth_k if conditions.warmth_k is None else conditions.warmth_k
        self.sky = Sky(part_rng(seed, "sky"), warmth_k)
        self.trajectory = trajectory or self._path(site)
        self.clock = SimClock(self.trajectory.start_utc_ms)
        self._heap: list[tuple[int, int, Callable[[], None]]] = []
        self._events = 0
        self._is_healed = False
        master = hashlib.sha256(f"spacepi simulation {seed}".encode()).digest()
        self.uplink_key = auth.derive_key(master, mission.payload.node_id, auth.Direction.UPLINK)
        self.downlink_key = mission.downlink_key(master)
        self.archive: Archive | None = None
        self.ground: Ground | None = None
        self._build_air()
        self._build_payload()
        self.daemon = Daemon(
            self.clock, self.watchdog, self.observers, self.at, self._open_store,
            self._make_flight, self._drop_devices)
        self._open_ground()
        self.power_on(0)
        is_orbit = isinstance(self.trajectory, Orbit)
        self.every(SPACECRAFT_EVERY_MS if is_orbit else BODY_EVERY_MS, self._tend_body)
        self.every(WATCH_EVERY_MS, self.daemon.watch)
        self.every(MINUTE_MS, self.air.hear_strangers)
        self.every(TEND_EVERY_MS, self.air.tend_ground)
        for at_ms, text in questioner.questions(part_rng(seed, "friend"), self.end_s):
            self.at(at_ms, partial(self._ask, text))

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
    def last_beacon(self) -> BeaconFrame | None:
        """As sent, heard or not."""
        return self.air.last_beacon

    @property
    def flight(self) -> Flight | None:
        """None while the daemon does not run; so is ``store``."""
        return self.daemon.flight

    @property
    def store(self) -> CardStore | None:
        return self.daemon.store

    @property
    def boots(self) -> int:
        """How often the daemon was started."""
        return self.daemon.boots

    @property
    def end_s(self) -> float:
        """When there is nothing more to see."""
        return self.trajectory.end_s

    def reboot(self, delay_ms: int = BOOT_DELAY_MS) -> None:
        """Cut the payload's power now: the flight is gone, what was committed stays."""
        self.power_off()
        self.power_on(delay_ms)

    def power_off(self) -> None:
        """The same, and it stays off. The receiver has a supply of its own."""
        self.daemon.kill()
        self.body.is_off = True
        self.board.power_up()

    def power_on(self, delay_ms: int = BOOT_DELAY_MS) -> None:
        """Power is back: the flight starts when the Pi has booted."""
        self.daemon.start_at(
            self.clock.now_ms + delay_ms, lambda: not self.body.is_browned_out)

    def restart_ground(self, down_s: float = 0.0) -> None:
        """Kill the station's process and start it again after ``down_s``, deaf until then."""
        self._close_ground()
        if down_s > 0:
            self.at(self.clock.now_ms + round(down_s * 1000), self._open_ground)
        else:
            self._open_ground()

    def heal(self, loss: float) -> None:
        """The air turns good, whoever was away is in view, the station answers, and the payload
        lives on an adapter."""
        self._is_healed = True
        self.body.plug_in()
        self.channel.sight.come_near()
        for leg in (self.channel.down, self.channel.up):
            leg.is_cut = False
            leg.cuts.clear()
            leg.fading.set(loss, HEALED_BURST_S)
        if not self.conditions.has_uplink:
            self.restart_ground()

    def close(self) -> None:
        """Close both databases and stop the mind worker; the world cannot run on."""
        if self.store is not None:
            self.store.close()
        self.daemon.kill()
        self._close_ground()
        if isinstance(self.mind, WorkerMind):
            self.mind.close()

    # -- building ----------------------------------------------------------------------------

    def _path(self, site: Site) -> Trajectory:
        conditions = self.conditions
        if conditions.orbit is not None:
            return conditions.orbit
        rng = part_rng(self.seed, "balloon")
        return Balloon(rng, self.sky, site, conditions.launch, conditions.fall_exponent)

    def _sight(self) -> Sight:
        path, conditions = self.trajectory, self.conditions
        if isinstance(path, Orbit):
            return OverStations(self.clock, path, part_rng(self.seed, "sight"),
                                self.mission.radio.rate_bps, conditions.is_tuned)
        return OverGround(self._true_state, path.pad, conditions.mast_m)

    def _true_state(self) -> AirState:
        return self.body.state()

    def _build_air(self) -> None:
        self.air = air = Air(self.clock, self.mission, self.seed, self._sight(),
                             lambda: self.ground, self.observers, self.at)
        self.channel, self.radio, self.strangers = air.channel, air.radio, air.strangers
        losses = self.conditions.down_loss, self.conditions.up_loss
        for leg, loss in zip((self.channel.down, self.channel.up), losses, strict=True):
            leg.fading.set(loss, self.conditions.burst_s)
        self.strangers.forged_per_hour = self.conditions.forged_per_hour

    def _build_payload(self) -> None:
        seed, mission = self.seed, self.mission
        self.mind = self._build_mind()
        self.watchdog = SimWatchdog(self.clock)
        self.pin = SimPin()
        charge = self.conditions.charge
        if charge is None:
            charge = part_rng(seed, "battery").uniform(0.70, 1.0)
        capacity_mah = mission.power.capacity_mah * self.conditions.health
        make_body = Spacecraft if isinstance(self.trajectory, Orbit) else Body
        self.body = make_body(
            self.clock, self.trajectory, self.sky,
            Battery(capacity_mah, charge), self.channel, self.hardware.board,
            lambda: self.mind is not None and self.mind.is_busy,
            lambda: self.camera.is_capturing,
        )
        self.body.has_brownout = self.hardware.has_brownout
        self.body.send_dip_mv = self.hardware.send_dip_mv
        self.body.on_brownout = self.power_off
        self.body.on_return = self._supply_returned
        self.board = SimBoard(
            self.hardware.board, self.body.soc_c, self.body.supply_mv, self.watchdog.block)
        self.camera = FaultyCamera(SyntheticCamera(
            self.clock, self.body.state, self.sky, part_rng(seed, "camera"), mission.eyes))
        self.microphone = SimMicrophone(
            self.clock, self.body.air, self.trajectory, mission.microphone, part_rng(seed, "mic"))
        self.http = SimHttp(self.clock, part_rng(seed, "http"), self.body.above_ground_m)
        self.receiver = FakeUblox(
            self.clock, self.trajectory, part_rng(seed, "receiver"), self.hardware.receiver)
        # What a ``jam_level`` stands for at first; set None to be jammed all the time.
        self.receiver.jammed_while = lambda: self.camera.is_capturing
        self.chips = FittedChips(mission.sensors, self.clock, self.body, seed, self.receiver)
        self.bus = FakeI2cBus(self.chips.on_i2c, part_rng(seed, "bus"), self.watchdog.block)
        self.taps = {role: SensorTap() for role in ROLES}  # between the drivers and the core
        self.outside, self.power = self.taps["outside"], self.taps["power"]

    def _build_mind(self) -> ScriptedMind | WorkerMind | None:
        if self.mind_kind == "scripted":
            return ScriptedMind(self.clock, self.hardware.board)
        if self.mind_kind == "real" and self._persona.bundle is not None:
            return WorkerMind(
                self.clock, self._persona.bundle, self._persona.trusted_key,
                self.out_dir / "mind_worker.log", MIND_THREADS, board=self.hardware.board)
        return None

    # -- the payload -------------------------------------------------------------------------

    def _open_store(self) -> CardStore:
        chance = life_rng(self.seed, "store", self.boots)
        return DeskStore(self.payload_path, is_durable=False, chance=chance)

    def _make_flight(self, store: Store) -> Flight:
        """The composition root of the desk: as ``payload.__main__``, with fakes."""
        mission, sensors = self.mission, self.mission.sensors
        self.body.is_off = False
        self.receiver.flush()
        self.radio.clear()
        buses = Buses(self.bus, self.chips.thermometer)
        drivers = fitted.sensors(sensors, buses)
        ports = FlightPorts(
            gnss=fitted.receiver(sensors, buses, self.receiver), radio=self.radio, mind=self.mind,
            sensors={role: self.taps[role].fit(driver) for role, driver in drivers.items()},
            camera=self.camera if sensors.camera else None, http=self.http,
            watchdog=self.watchdog, board=self.board, microphone=self.microphone,
            cutdown=None if mission.flight.cutdown_pin is None else self.pin,
        )
        text = self._persona.text or (SCRIPTED_PERSONA if self.mind_kind == "scripted" else None)
        memory: Memory | None = None
        if self._persona.memory_path is not None:
            with contextlib.suppress(PortError):  # without it the mind does not quote
                memory = Memory(self._persona.memory_path)
        return Flight(
            mission, ports, store, text, memory, self.uplink_key,
            life_rng(self.seed, "flight", self.boots), self.downlink_key, self._persona.codec,
            self._persona.sampling, self.known_neighbours)

    def _drop_devices(self) -> None:
        """Whoever waited for an answer is gone."""
        self.radio.clear()
        self.pin.release()
        if self.mind is not None:
            self.mind.cancel(0)
        self.camera.cancel(0)
        self.microphone.cancel(0)
        self.http.cancel(0)

    def _tend_body(self) -> None:
        self.body.advance()
        self.board.watch()

    def _supply_returned(self) -> None:
        """After a brown-out everything on board starts afresh, not only the Pi."""
        self.receiver.reset()
        self.bus.power_cycle()
        self.radio.power_cycle()
        self.power_on()

    # -- the station -------------------------------------------------------------------------

    def _open_ground(self) -> None:
        bytes_max = self.mission.ground.raw_log_bytes_max
        self.archive = Archive(self.archive_path, bytes_max, is_durable=False)
        key = self.uplink_key if self.conditions.has_uplink or self._is_healed else None
        self.ground = Ground(self.mission, self.archive, key, self.downlink_key, self.models)

    def _close_ground(self) -> None:
        self.ground = None
        if self.archive is not None:
            self.archive.close()
            self.archive = None

    def _ask(self, text: str) -> None:
        if self.ground is not None:
            questioner.ask(self.ground, text, self.air.ground_utc_ms)

    # -- events ------------------------------------------------------------------------------

    def at(self, at_ms: int, action: Callable[[], None]) -> None:
        """Ties go in the order in which they were planned."""
        self._events += 1
        heapq.heappush(self._heap, (at_ms, self._events, action))

    def every(self, period_ms: int, action: Callable[[], None]) -> None:
        def again() -> None:
            action()
            self.at(self.clock.now_ms + period_ms, again)

        self.at(self.clock.now_ms + period_ms, again)
