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
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from groundstation.archive import Archive
from groundstation.ground import Ground
from payload.devices.bme280 import Bme280
from payload.devices.gps_ublox import UbloxGnss
from payload.devices.ina219 import Ina219
from payload.flight import Flight, FlightPorts
from payload.memory import Memory
from payload.persona import CodecAbsent, Persona
from payload.ports import HeardFrame, Mind, PortError, Sensor
from payload.prompt import PersonaText
from payload.store import Store
from sim.balloon import SITES, Balloon, Trajectory, distance_m
from sim.battery import Battery
from sim.body import Body
from sim.camera import SyntheticCamera
from sim.channel import Channel, GilbertElliott, SimRadio
from sim.clock import SimClock, part_rng
from sim.devices import Bme280Chip, Chip, FakeI2cBus, Ina219Chip
from sim.receiver import FakeUblox
from sim.services import ScriptedMind, SimBoard, SimHttp, SimWatchdog
from sim.sky import Sky
from sim.worker_mind import WorkerMind
from wire import auth, bodies
from wire.frames import BeaconFrame, decode_downlink
from wire.mission import Mission
from wire.text_codec import TextModel

MindKind = Literal["real", "scripted", "none"]
BOOT_DELAY_MS = 20_000
# A model this small gains nothing from two threads, and on a busy machine two that wait for each
# other by spinning cost seconds a thought instead of a tenth (measured: 7 to 19 s against 0.1 to
# 0.2). What a Pi's threads give is in the modelled delay.
MIND_THREADS = 1
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
    codec: TextModel | None = None

    @staticmethod
    def of(persona: Persona) -> PersonaParts:
        """All parts of a bundle; a codec that cannot be read is left out, as on the payload."""
        codec = None
        with contextlib.suppress(CodecAbsent):
            codec = persona.load_codec()
        return PersonaParts(persona.text, persona.memory_path, persona.bundle, codec)


# Speaks for the scripted mind: the core does not think without a persona.
SCRIPTED_PERSONA = PersonaText("script", "A box under a balloon, and what it says.", ("Say it.",))


class World:
    """One simulated flight. ``run_until`` moves it; everything else may be called in between."""

    def __init__(
        self, mission: Mission, seed: int, mind_kind: MindKind, out_dir: Path,
        trajectory: Trajectory | None = None, persona: PersonaParts | None = None,
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
        self._persona = persona or PersonaParts()
        site = part_rng(seed, "site").choice(SITES)
        self.sky = Sky(part_rng(seed, "sky"), site.warmth_k)
        self.trajectory = trajectory or Balloon(part_rng(seed, "balloon"), self.sky, site)
        self.clock = SimClock(self.trajectory.start_utc_ms)
        self.last_beacon: BeaconFrame | None = None  # as sent, heard or not
        self._heap: list[tuple[int, int, Callable[[], None]]] = []
        self._events = 0
        self._key = self._uplink_key()
        self._build_air()
        self._build_payload()
        self.store: Store | None = None
        self.flight: Flight | None = None
        self.archive: Archive | None = None
        self.ground: Ground | None = None
        self._boot_ms = 0
        self._open_ground()
        self._boot()
        self._every(BODY_EVERY_MS, self.body.advance)
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
        """Cut the payload's power now: the flight is gone, what was committed stays."""
        self.flight = None
        self.store = None  # not closed: nobody closes anything in a power cut
        gc.collect()  # so that the file's lock goes now, as it does with a real process
        self.body.is_off = True
        self.radio.clear()
        if self.mind is not None:
            self.mind.cancel(0)
        self.camera.cancel(0)
        self.http.cancel(0)
        self._at(self.clock.now_ms + delay_ms, self._boot)

    def restart_ground(self, down_s: float = 0.0) -> None:
        """Kill the station's process and start it again after ``down_s``, deaf until then."""
        self._close_ground()
        if down_s > 0:
            self._at(self.clock.now_ms + round(down_s * 1000), self._open_ground)
        else:
            self._open_ground()

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

    def _uplink_key(self) -> bytes:
        master = hashlib.sha256(f"spacepi simulation {self.seed}".encode()).digest()
        return auth.derive_key(master, self.mission.payload.node_id, auth.Direction.UPLINK)

    def _build_air(self) -> None:
        rng, seed = part_rng(self.seed, "channel"), self.seed
        self.channel = Channel(
            self.clock, self.mission.radio.rate_bps, rng, self._distance_m,
            GilbertElliott(part_rng(seed, "down")), GilbertElliott(part_rng(seed, "up")),
        )
        self.radio = SimRadio(
            self.clock, self.channel, self.mission.radio.mtu_bytes, self._on_payload_sends
        )

    def _build_payload(self) -> None:
        seed, mission = self.seed, self.mission
        self.mind = self._build_mind()
        charge = part_rng(seed, "battery").uniform(0.70, 1.0)
        self.body = Body(
            self.clock, self.trajectory, self.sky,
            Battery(mission.power.capacity_mah, charge), self.channel,
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
        self.store = Store(self.payload_path, is_durable=False)
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
            mission, ports, self.store, text, memory, self._key,
            part_rng(self.seed, f"flight {self.store.boot}"), self._persona.codec,
        )
        self._boot_ms = self.clock.now_ms
        self._step_flight(self.boots)

    def _step_flight(self, boot: int) -> None:
        """One step; ``boot`` and not the flight itself, which would keep its disk locked."""
        if self.flight is None or boot != self.boots:
            return  # of a boot that is over
        due_ms = self._boot_ms + self.flight.step(self.clock.now_ms - self._boot_ms)
        assert due_ms > self.clock.now_ms, "the flight asked for a step in the past"
        self._at(due_ms, lambda: self._step_flight(boot))

    def _on_payload_sends(self, frame: bytes, end_ms: int) -> None:
        decoded = decode_downlink(frame)
        if isinstance(decoded, BeaconFrame):
            self.last_beacon = decoded
        start_ms = self.clock.now_ms
        self._at(end_ms, lambda: self._down_arrives(frame, start_ms, end_ms))

    # -- the station -------------------------------------------------------------------------

    def _down_arrives(self, frame: bytes, start_ms: int, end_ms: int) -> None:
        heard = self.channel.arrive_down(frame, start_ms, end_ms, self.ground is not None)
        if heard is None or self.ground is None:
            return
        self.ground.receive(heard.data, self.clock.utc_ms, heard.rssi_dbm, heard.snr_db, "sim")
        decoded = decode_downlink(frame)
        if isinstance(decoded, BeaconFrame) and decoded.is_listening:
            self._at(self.clock.now_ms + GROUND_TURN_MS, self._ground_turn)

    def _ground_turn(self) -> None:
        if self.ground is None or self.channel.is_ground_sending:
            return
        frame = self.ground.next_uplink(self.clock.utc_ms)
        if frame is not None:
            start_ms, end_ms = self.clock.now_ms, self.channel.send_up(frame)
            self._at(end_ms, lambda: self._up_arrives(frame, start_ms, end_ms))

    def _up_arrives(self, frame: bytes, start_ms: int, end_ms: int) -> None:
        heard: HeardFrame | None = self.channel.arrive_up(frame, start_ms, end_ms)
        if heard is not None:
            self.radio.deliver(heard)

    def _open_ground(self) -> None:
        self.archive = Archive(self.archive_path, is_durable=False)
        codec = self._persona.codec
        models = bodies.by_id([] if codec is None else [codec])
        self.ground = Ground(self.mission, self.archive, self._key, models)

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
            self._at(round(at_s * 1000), partial(self._ask, text))

    def _ask(self, text: str) -> None:
        if self.ground is not None:
            self.ground.ask(text, self.clock.utc_ms)

    # -- events ------------------------------------------------------------------------------

    def _at(self, at_ms: int, action: Callable[[], None]) -> None:
        """Ties go in the order in which they were planned."""
        self._events += 1
        heapq.heappush(self._heap, (at_ms, self._events, action))

    def _every(self, period_ms: int, action: Callable[[], None]) -> None:
        def again() -> None:
            action()
            self._at(self.clock.now_ms + period_ms, again)

        self._at(self.clock.now_ms + period_ms, again)

    def _distance_m(self) -> float:
        """From the station, which stays at the pad, to the payload; straight through the air."""
        state, pad = self.body.state(), self.trajectory.pad
        along_m = distance_m(pad[:2], (state.latitude_deg, state.longitude_deg))
        up_m = state.altitude_m - pad[2]
        return float((along_m**2 + up_m**2) ** 0.5)
