"""Flight: the whole flight computer as one object with a step method.

``step`` is the table of contents: poll, update, act, send, sync, report, always in this order.
It never blocks, sleeps or reads a clock. Each part owns its own state and returns notes; the store
hands them to the disk once a step, and only what is durable is ever sent.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType

from payload import hearsay, safe_mode
from payload.api_client import ApiClient
from payload.bus_guard import BusGuard
from payload.camera.camera import CameraManager
from payload.cutdown import Cutdown
from payload.ears import Listener
from payload.flight_ports import FlightPorts
from payload.health import Health
from payload.hearsay import Hearsay
from payload.link import interop_beacons, pass_plan, telemetry
from payload.link.command_handlers import CommandRunner, Parts, saved_settings
from payload.link.downlink import Downlink
from payload.link.horus_voice import HorusVoice
from payload.link.inbox import LOOK_MS, Inbox
from payload.link.interop_beacons import Place
from payload.link.neighbours import Neighbours
from payload.link.overhearing import KnownNeighbour, Overhearing
from payload.link.pass_plan import PassPlan, Reach
from payload.link.settings import FlightSettings
from payload.link.time_slots import TimeSlots
from payload.link.uplink_gate import UplinkGate
from payload.mind import firsts, neighbour_talk, question_queue
from payload.mind.firsts import Firsts
from payload.mind.memory import Memory
from payload.mind.mind import MindManager
from payload.mind.musing_due import MusingDue
from payload.mind.neighbour_talk import NeighbourTalk
from payload.mind.question_queue import QuestionQueue
from payload.navigation import fix_age, landing_report, profile
from payload.navigation.clock import MissionClock
from payload.navigation.geofence import Geofence
from payload.navigation.gnss import Navigation
from payload.navigation.landing_report import Forecast
from payload.navigation.phase import PhaseMachine
from payload.navigation.sun import sun_word
from payload.notes import Note, event
from payload.ports import PortError
from payload.power import charge
from payload.power.power import PowerManager
from payload.power.power_saving import PowerSaving
from payload.prompt import PersonaText
from payload.radio_requests import RadioRequests
from payload.sensors import Sensors
from payload.situation import Situation
from payload.storage.durable_store import Store
from wire.beacon import Beacon, FaultBits, PowerMode
from wire.horus import Packet
from wire.mission import Mission
from wire.records import Kind, Record
from wire.sampling import Sampling
from wire.text_codec import TextModel

NO_NEIGHBOURS: Mapping[int, KnownNeighbour] = MappingProxyType({})
PARTS = ("poll", "update", "act", "send", "sync")  # of a step, which the watchdog follows


class Flight:
    """The parts of one boot, wired together."""

    def __init__(
        self, mission: Mission, ports: FlightPorts, store: Store, persona: PersonaText | None,
        memory: Memory | None, uplink_key: bytes | None, rng: random.Random,
        downlink_key: bytes | None = None, codec: TextModel | None = None,
        sampling: Sampling | None = None, neighbours: Mapping[int, KnownNeighbour] = NO_NEIGHBOURS,
    ) -> None:
        """``codec`` packs texts for the air; without it they go deflated. ``sampling`` is that of
        the persona; the mission's comes first. ``neighbours`` are by node id."""
        self._ports = ports
        self.store = store
        self._profile = profile.of(mission)
        self.phase = PhaseMachine(store.get("phase"), 0, self._profile)
        self.starts = safe_mode.begin(store, ports.board, self.phase.phase)
        self.clock = MissionClock(store.get("utc_ms"))
        self.gate = UplinkGate(uplink_key, mission.payload.node_id, store, self.clock)
        store.commit(0)  # before anything that may be what kills it
        self.settings = FlightSettings(
            mission, saved_settings(store), self._profile.command_loss_ms)
        self.sensors = Sensors(ports.sensors, ports.board)
        self.bus_guard = BusGuard(store)
        self.navigation = Navigation(ports.gnss, self._profile)
        self.passes = PassPlan(mission.orbit, store.get(pass_plan.KEY))
        self._slots = TimeSlots(mission)
        self.power = PowerManager(mission.power, store.get(charge.KEY))
        self.power_saving = PowerSaving(ports.saver)
        self._questions = QuestionQueue(store.get(question_queue.KEY))
        self._firsts = Firsts(store.get(firsts.KEY))
        keeping = (api.name for api in mission.api if api.keep)
        self.hearsay = Hearsay(keeping, store.get(hearsay.KEY))
        self.conversation = _talk(mission, neighbours, self.hearsay, store)
        self.mind = MindManager(
            ports.mind, persona, memory, mission.mind, rng, list(store.musings), self._questions,
            sampling or Sampling(), self._firsts, self.hearsay, MusingDue.of(mission),
            self.conversation)
        # Numbers of its own: when it calls does not depend on how often the mind thinks.
        own_rng = random.Random(rng.getrandbits(64))
        requests = RadioRequests((each.name for each in mission.ground.sources), own_rng)
        self.api = ApiClient(
            ports.http, mission.api, mission.cadence.api_s, own_rng, requests, self.hearsay)
        self.camera = CameraManager(ports.camera, mission.cadence.picture_s, store)
        self.ears = Listener(ports.microphone, mission.microphone)
        self.downlink = Downlink(mission, ports.radio, store, downlink_key, codec)
        self._voice = HorusVoice(ports.speaker, mission.horus, store.boot)
        flight = mission.flight
        self.cutdown = Cutdown(ports.cutdown, flight.burn_s, flight.fence_may_fire)
        self._fence = Geofence(flight.fence, flight.ceiling_m)
        self.forecast = Forecast(flight.landing_mps, store.get(landing_report.KEY))
        self.commands = CommandRunner(Parts(
            store, self.clock, self.phase, self.power, self.mind, self.camera, self.api,
            self.downlink, self.settings, self.starts, self.cutdown, self.hearsay, self.passes,
        ))
        self._inbox = Inbox(
            self.gate, self.commands, self.downlink, store, _neighbours(mission, neighbours))
        self.health = Health(PARTS, 0)
        self.notes: list[Note] = []  # of the latest step, for the log
        self._is_started = self._was_failing = False
        self._save_due_ms = self._track_due_ms = self._housekeeping_due_ms = 0
        self._salvaged_from: Path | None = None  # as last reported
        self._musing = store.musings[-1] if store.musings else ""  # the latest that is durable,
        self._next_musing: Record | None = None  # and one that is not yet

    def step(self, now_ms: int) -> int:
        """One round of the flight computer at ``now_ms`` since boot; returns the next due time."""
        try:
            return self._step(now_ms)
        except Exception:
            self.downlink.last_words(now_ms)
            raise  # whoever supervises starts it again

    def _step(self, now_ms: int) -> int:
        notes = self._start(now_ms)
        notes += self._poll(now_ms)
        notes += self._update(now_ms)
        situation = self.situation(now_ms)
        notes += self._act(situation, now_ms)
        radio_due_ms = self._send(situation, now_ms)
        notes += self._inbox.neighbours.notes(now_ms) + self.downlink.take_notes()
        notes += self._voice.update(
            now_ms, self.downlink.is_silent(now_ms), self.power.mode,
            lambda number: self._packet(situation, number))
        self._sync(notes, now_ms)
        next_ms = self._profile.next_step_ms(now_ms, self.downlink.is_away)
        due_ms = max(now_ms + 1, min(radio_due_ms, next_ms))
        if self._inbox.is_waiting:
            due_ms = min(due_ms, now_ms + LOOK_MS)
        self._report(due_ms, now_ms)
        return due_ms

    def end(self, now_ms: int) -> None:
        """Stop in order: the cutdown is safe, and this start counts as no crash."""
        if self.cutdown.is_armed:
            self.cutdown.abort()
        self.starts.end_orderly()
        self.store.put(safe_mode.KEY, self.starts.saved())
        self.store.end(now_ms)

    @property
    def neighbours(self) -> Neighbours:
        """The other payloads, and what is held of them."""
        return self._inbox.neighbours

    def situation(self, now_ms: int) -> Situation:
        """What is known right now; see ``payload.situation``."""
        heard_ms = self._inbox.heard_ms
        return Situation(
            now_ms=now_ms,
            utc_ms=self.clock.utc_ms(now_ms),
            phase=self.phase.phase,
            phase_since_ms=self.phase.since_ms,
            power_mode=PowerMode.SAFE if self.starts.is_safe else self.power.mode,
            **self.navigation.known(now_ms),
            climb_mps=self.phase.climb_mps if self.navigation.is_current(now_ms) else None,
            **self.sensors.known(now_ms),
            is_undervolted=self.sensors.is_undervolted(now_ms),
            scene=self.camera.last_scene,
            sight=self.camera.known_sight(now_ms),
            sound=self.ears.known(now_ms),
            heard_ground_age_s=None if heard_ms is None else (now_ms - heard_ms) / 1000,
            uptime_s=now_ms / 1000,
        )

    def faults(self, situation: Situation) -> FaultBits:
        """What is broken or missing now."""
        gnss_ok = situation.fix_age_s is not None and situation.fix_age_s * 1000 < fix_age.LOST_MS
        broken = {
            FaultBits.GNSS: not gnss_ok,
            FaultBits.OUTSIDE: situation.outside_c is None,
            FaultBits.POWER_SENSOR: situation.battery_mv is None,
            FaultBits.MIND: bool(self.mind.faults),
            FaultBits.CAMERA: self.camera.is_failing,
            FaultBits.API: self.api.is_failing,
            FaultBits.RADIO: self.downlink.transmitter.is_lost,
            FaultBits.STORE: self.store.is_failing,
            FaultBits.UNDERVOLTAGE: bool(situation.is_undervolted),
            FaultBits.SAFE: self.starts.is_safe,
            FaultBits.BEACON: self.downlink.is_beacon_failing,
        }
        return FaultBits(sum(bit for bit, is_set in broken.items() if is_set))

    def _start(self, now_ms: int) -> list[Note]:
        notes = self.health.begin_step(now_ms)
        if not self._is_started:
            self._is_started = True
            notes.append(event("boot", boot=self.store.boot))
            board = self._ports.board
            if board is not None and not board.is_hardware_watchdog_armed():
                notes.append(event("hardware_watchdog_off", "warning"))
        return notes

    def _poll(self, now_ms: int) -> list[Note]:
        self.store.poll(now_ms)
        notes = self._feel(now_ms)
        if self.settings.mission.sensors.gnss_address is None or self.bus_guard.is_proven:
            notes += self.navigation.poll(now_ms, self.sensors.latest("pressure_hpa", now_ms))
        radio = self._ports.radio
        if radio is not None:
            try:
                heard = radio.poll(now_ms)
            except PortError:
                heard = []
            for frame in heard:
                notes += self._inbox.hear(frame.data, now_ms)
        for musing in self._inbox.neighbours.take_musings():
            self.conversation.hear(musing, self.clock.utc_ms(now_ms))
        notes += self._inbox.obey(now_ms)
        self.health.mark("poll", now_ms)
        return notes

    def _feel(self, now_ms: int) -> list[Note]:
        """The sensors, unless their bus has killed the daemon."""
        if not self.sensors.is_due(now_ms):
            return []
        notes = self.bus_guard.update(now_ms)
        may_use_bus = self.bus_guard.may_use()
        notes += self.sensors.poll(now_ms, may_use_bus)
        if may_use_bus:
            self.bus_guard.survived()
        return notes

    def _update(self, now_ms: int) -> list[Note]:
        fix = self.navigation.fix
        age_ms = self.navigation.fix_age_ms(now_ms)
        fresh_fix = fix if age_ms is not None and age_ms <= fix_age.NOW_MS else None
        notes: list[Note] = []
        if fresh_fix is not None:
            self.downlink.note_place(Place.of(fresh_fix))
            notes = self.clock.observe(fresh_fix, now_ms)
        notes += self.gate.update(now_ms)
        before = self.phase.phase
        notes += self.phase.update(
            fresh_fix, self.sensors.latest("pressure_hpa", now_ms), now_ms
        )
        if self.phase.phase is not before:
            self.downlink.note_phase(now_ms)
            self._save_due_ms = now_ms
        latest = self.sensors.latest
        inside_c, current_ma = latest("inside_c", now_ms), latest("current_ma", now_ms)
        notes += self.power.update(
            latest("battery_mv", now_ms), self.sensors.is_undervolted(now_ms), now_ms, current_ma)
        notes += self.power.count(current_ma, inside_c, now_ms)
        notes += self.power.thermal.update(latest("soc_c", now_ms), inside_c, now_ms)
        if not self._profile.is_orbit:  # it does not come down
            notes += self.forecast.update(
                fresh_fix, self.phase.phase, self.phase.climb_mps, self.phase.ground_altitude_m,
                now_ms)
        self._fence.observe(fresh_fix, now_ms)
        notes += self.cutdown.update(self._fence.is_outside, self.phase.phase, now_ms)
        notes += self.starts.update(now_ms)
        self.power.is_safe = self.starts.is_safe
        notes += self.commands.update(now_ms - (self._inbox.heard_ms or 0), now_ms)
        self.health.mark("update", now_ms)
        return notes

    def _act(self, situation: Situation, now_ms: int) -> list[Note]:
        notes = self.api.update(situation, self.power.may_call)
        if self.api.last is not None:
            self.mind.note_api(*self.api.last)
        notes += self.camera.update(
            now_ms, self.power.may_picture and not self.navigation.is_jammed, situation.altitude_m,
            partial(sun_word, situation.utc_ms, situation.latitude_deg, situation.longitude_deg,
                    situation.altitude_m))
        if self.camera.last_picture_ms is not None:
            self.mind.note_picture(self.camera.last_scene, self.camera.last_picture_ms)
        notes += self.ears.update(situation, self.power.may_call, self.phase.ground_altitude_m)
        notes += self.mind.update(situation, now_ms, self.power, self.phase.ground_altitude_m)
        notes += self.conversation.take_notes()
        self.power_saving.update(self.phase.phase, self.mind.is_busy, now_ms)
        self.health.mark("act", now_ms)
        return notes + self._periodic(situation, now_ms)

    def _periodic(self, situation: Situation, now_ms: int) -> list[Note]:
        notes = []
        cadence = self.settings.mission.cadence
        has_fix = situation.fix_age_s is not None and situation.fix_age_s * 1000 < fix_age.POINT_MS
        if has_fix and now_ms >= self._track_due_ms:
            self._track_due_ms = now_ms + cadence.track_s * 1000
            notes.append(telemetry.track(situation))
        if now_ms >= self._housekeeping_due_ms:
            self._housekeeping_due_ms = now_ms + cadence.housekeeping_s * 1000
            every_ms = self.downlink.beacon_every_ms(
                now_ms, situation.phase, self.power.mode, situation.altitude_m)
            notes.append(telemetry.housekeeping(
                situation, self.store.unconfirmed_count(), self.faults(situation), every_ms))
        return notes

    def _send(self, situation: Situation, now_ms: int) -> int:
        has_horus = self.settings.mission.radio.horus
        utc_ms, quality = self.clock.stamp(now_ms)
        reach = self.passes.reach(
            utc_ms, quality, situation.heard_ground_age_s, self.clock.drift_ms(now_ms))
        self.downlink.note_slot(self._slots.next_slot(self.clock.steady_utc_ms(now_ms), now_ms))
        self.downlink.note_reach(
            reach, reach is Reach.NOBODY and self._inbox.neighbours.is_talked_to(now_ms), now_ms)
        due_ms = self.downlink.step(
            now_ms, situation.phase, self.power.mode, situation.altitude_m,
            lambda: self._beacon(situation),
            (lambda number: self._packet(situation, number)) if has_horus else None,
        )
        self.health.mark("send", now_ms)
        return due_ms

    def _sync(self, notes: list[Note], now_ms: int) -> None:
        if now_ms >= self._save_due_ms:
            self._save_due_ms = now_ms + self._profile.save_every_ms
            self.store.put("phase", self.phase.saved())
            self.store.put(landing_report.KEY, self.forecast.saved())
            self.store.put(charge.KEY, self.power.charge.saved())
            self.store.put("utc_ms", self.clock.utc_ms(now_ms))
        time_ms, quality = self.clock.stamp(now_ms)
        if self.store.is_failing != self._was_failing:
            self._was_failing = self.store.is_failing
            name = "store_failing" if self._was_failing else "store_returned"
            notes.append(event(name, "error", dropped_records=self.store.dropped_records))
        if self.store.salvaged_from != self._salvaged_from:
            self._salvaged_from = self.store.salvaged_from
            notes.append(event("store_salvaged", "error", damaged=self.store.damaged_records))
        self.notes = notes
        self.store.put(safe_mode.KEY, self.starts.saved())
        self.store.put(question_queue.KEY, self._questions.saved())
        self.store.put(firsts.KEY, self._firsts.saved())
        self.store.put(hearsay.KEY, self.hearsay.saved())
        if self.conversation.has_partners:
            self.store.put(neighbour_talk.KEY, self.conversation.saved())
        for note in notes:
            record = self.store.append(note.kind, note.body, now_ms, time_ms, quality)
            if note.kind is Kind.COMMAND_RESULT:
                self.commands.note_answer(int(note.body["counter"]), record.record_id)
            elif note.kind is Kind.MUSING:
                self._next_musing = record
        self.store.commit(now_ms)
        musing = self._next_musing
        if musing is not None and (self.store.is_kept(musing.record_id) or self.store.is_failing):
            self._musing, self._next_musing = str(musing.body["text"]), None
        self.health.mark("sync", now_ms)

    def _report(self, due_ms: int, now_ms: int) -> None:
        self.health.end_step(due_ms)
        if self._ports.watchdog is not None and self.health.may_pet(now_ms):
            self._ports.watchdog.pet()

    def _beacon(self, situation: Situation) -> Beacon:
        return situation.beacon(
            queue_records=self.store.unconfirmed_count(),
            faults=int(self.faults(situation)),
            command_counter=self.gate.last_counter,
            is_cutdown_armed=self.cutdown.is_armed,
        )

    def _packet(self, situation: Situation, number: int) -> Packet:
        return interop_beacons.packet(
            self.settings.mission, number, self._beacon(situation), self.store.boot,
            situation.humidity_pct, self._musing)


def _talk(
    mission: Mission, known_neighbours: Mapping[int, KnownNeighbour], heard: Hearsay, store: Store
) -> NeighbourTalk:
    """With the neighbours that the mission lists and whose voice is known."""
    names = {} if mission.swarm is None else mission.swarm.names
    known = {node_id: names[node_id] for node_id in known_neighbours if node_id in names}
    return NeighbourTalk(heard, known, store.get(neighbour_talk.KEY))


def _neighbours(mission: Mission, known_neighbours: Mapping[int, KnownNeighbour]) -> Neighbours:
    own = mission.payload.node_id
    return Neighbours(mission.swarm, Overhearing(own, known_neighbours, mission.symbol_mtu_bytes))
