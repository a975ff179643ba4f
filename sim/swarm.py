"""Several payloads on one channel, each with its world and its station, in one simulation.

The worlds run in step: whichever has the earliest event goes next. What a payload sends reaches its
own station through its own channel, and then every station beside it; it reaches each other payload
that is in reach and is not sending itself. A modem waits while it hears another send, as Dire Wolf
does (CSMA), and gives way after its own frame. Who sends without hearing the other spoils the
other's frames at a station that sees both, and the uplink to all who hear it.

Payloads under one balloon are always in reach, with hardly a loss. In orbits reach is the distance
over which the power carries between two short antennas, where the Earth is not in between.

Not simulated: capture of the stronger frame, and stations that drown each other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import permutations
from pathlib import Path

from payload.link.overhearing import KnownNeighbour
from payload.ports import HeardFrame
from sim.balloon import Trajectory
from sim.clock import part_rng
from sim.orbit import Orbit, behind
from sim.radio.channel import GilbertElliott
from sim.scenario import Conditions
from sim.world import PersonaParts, World
from wire.mission import Mission
from wire.mission_orbit import OrbitSection
from wire.mission_swarm import NEIGHBOURS_MAX, Neighbour, SwarmSection
from wire.orbit import SEMI_MAJOR_M, Elements

PAYLOADS_MAX = NEIGHBOURS_MAX + 1
LOSS, BURST_S = 0.05, 2.0  # between two payloads
STATIONS_MAX = 4
SLOT_MS = 100  # who waits begins at a random instant of this time after the channel is free, and
GIVES_WAY_MS = (150, 250)  # whoever sent last, later
WAITS_MS_MAX = 2_000  # and looks up meanwhile, for it has more to do
REACH_M = 700_000.0  # 20 dBm, two dipoles that are crossed half of the time, 8 dB over the noise
KEPT_CUTS = 16


@dataclass(slots=True)
class _Member:
    """One payload: when it sends, until when it gives way, and for how long it hears others."""

    world: World
    start_ms: int = -1
    end_ms: int = -1
    yields_until_ms: int = -1
    hears_until_ms: int = 0
    heard_ms: int = 0

    def hear(self, start_ms: int, end_ms: int) -> None:
        """Somebody else sends meanwhile."""
        self.heard_ms += max(0, end_ms - max(start_ms, self.hears_until_ms))
        self.hears_until_ms = max(self.hears_until_ms, end_ms)

    def others_ms(self) -> int:
        """For how long others were heard to send so far."""
        return self.heard_ms - max(0, self.hears_until_ms - self.world.clock.now_ms)


def missions(
    base: Mission, names: Sequence[str], is_relaying: bool = True, slot_s: int | None = None,
) -> list[Mission]:
    """A mission for each payload; where they relay, each lists all others as neighbours, and where
    there is a ``slot_s`` they take turns."""
    assert 2 <= len(names) <= PAYLOADS_MAX, len(names)
    first = base.payload.node_id
    everyone = [Neighbour(name=name, node_id=first + at) for at, name in enumerate(names)]
    return [base.model_copy(update={
        "payload": base.payload.model_copy(update={
            "name": each.name, "node_id": each.node_id, "callsign": f"N0CALL-{at + 1}"}),
        "swarm": SwarmSection(slot_s=slot_s, neighbours=tuple(
            other for other in everyone if other is not each)) if is_relaying else None,
    }) for at, each in enumerate(everyone)]


def under_one_balloon(
    plans: Sequence[Mission], seed: int, folder: Path, conditions: Conditions,
    trajectory: Trajectory | None = None, personas: Sequence[PersonaParts] = (),
) -> list[World]:
    """A world for each payload, all on the first one's path; on ``trajectory`` where it is given.
    Their stations stand side by side, their weather and losses are their own. Each has its own of
    ``personas`` where there are any."""
    worlds: list[World] = []
    for at, plan in enumerate(plans):
        path = worlds[0].trajectory if worlds else trajectory
        worlds.append(World(plan, seed * PAYLOADS_MAX + at, "scripted", folder / plan.payload.name,
                            path, personas[at] if personas else None, conditions))
    return worlds


def in_line(
    plans: Sequence[Mission], seed: int, folder: Path, conditions: Conditions, lag_s: float,
    personas: Sequence[PersonaParts] = (),
) -> list[World]:
    """The same in the orbit of ``conditions``, each ``lag_s`` behind the one before it."""
    assert conditions.orbit is not None
    first = conditions.orbit.elements
    elements = [behind(first, at * lag_s) for at in range(len(plans))]
    return in_orbits(plans, seed, folder, conditions, elements, personas)


def in_orbits(
    plans: Sequence[Mission], seed: int, folder: Path, conditions: Conditions,
    elements: Sequence[Elements], personas: Sequence[PersonaParts] = (),
) -> list[World]:
    """Each with its own ``elements``, over the stations of the orbit of ``conditions`` and for as
    long. Each knows its elements and the stations."""
    assert conditions.orbit is not None
    worlds: list[World] = []
    first = conditions.orbit
    for at, (plan, own) in enumerate(zip(plans, elements, strict=True)):
        orbit = Orbit(first.start_utc_ms, own, first.stations, first.revolutions)
        known = plan.model_copy(update={
            "orbit": OrbitSection(tle=own.lines, stations=first.stations)})
        worlds.append(World(known, seed * PAYLOADS_MAX + at, "scripted",
                            folder / plan.payload.name, None, personas[at] if personas else None,
                            replace(conditions, orbit=orbit)))
    return worlds


class Swarm:
    """Worlds that share the air. Everything of one payload is reached through its world."""

    def __init__(
        self, worlds: Sequence[World], seed: int, is_talking: bool = False, loss: float = LOSS,
    ) -> None:
        """The worlds begin at the same time, and have not run yet. Where they are ``is_talking``,
        each has the keys of those it lists, and may answer them. ``loss`` is that between two
        payloads, 0..0.95."""
        assert len({world.clock.start_utc_ms for world in worlds}) == 1, "they begin together"
        self.worlds = tuple(worlds)
        self._members = [_Member(world) for world in worlds]
        if is_talking:
            _exchange_keys(worlds)
        self._rng = part_rng(seed, "swarm")
        self._is_over = False
        pairs = permutations(range(len(worlds)), 2)
        self._fading = {pair: GilbertElliott(
            part_rng(seed, f"between {pair}"), loss, BURST_S) for pair in pairs}
        for at, member in enumerate(self._members):
            member.world.observers.append(_Sends(self, at))
            member.world.radio.is_channel_busy = partial(self._is_busy, at)
            member.world.radio.others_ms = member.others_ms
            member.world.daemon.postpone = partial(self._postpone, at)
            member.world.air.mast += [other.air.station_hears for other in worlds
                                      if other is not member.world]

    @property
    def end_s(self) -> float:
        """When there is nothing more to see of any of them."""
        return max(world.end_s for world in self.worlds)

    def run_until(self, t_s: float) -> None:
        """Everything that happens until ``t_s`` after the beginning."""
        while True:
            world = min(self.worlds, key=World.next_event_s)
            if world.next_event_s() > t_s:
                break
            world.run_until(world.next_event_s())
        for world in self.worlds:
            world.run_until(t_s)

    def disband(self) -> None:
        """From now on each is alone on a channel of its own, and their clocks part."""
        self._is_over = True
        for world in self.worlds:
            world.air.mast.clear()

    def close(self) -> None:
        """Close every world."""
        for world in self.worlds:
            world.close()

    def sends(self, at: int, frame: bytes) -> None:
        """Payload ``at`` begins to send."""
        if self._is_over:
            return
        member = self._members[at]
        start_ms = member.world.clock.now_ms
        member.start_ms = start_ms
        member.end_ms = start_ms + member.world.channel.airtime.on_air_ms(len(frame))
        member.yields_until_ms = member.end_ms + self._rng.randint(*GIVES_WAY_MS)
        for to, other in enumerate(self._members):
            if to == at:
                continue
            if self._is_heard_beside(at, to):
                _cut(other.world.channel.down.cuts, start_ms, member.end_ms)
            if self._is_in_reach(at, to):
                other.hear(start_ms, member.end_ms)
                _cut(other.world.channel.up.cuts, start_ms, member.end_ms)
                other.world.at(member.end_ms, partial(
                    self._arrive, at, to, frame, start_ms, member.end_ms))

    def _arrive(self, at: int, to: int, frame: bytes, start_ms: int, end_ms: int) -> None:
        """A frame of payload ``at`` ends at payload ``to``."""
        world = self._members[to].world
        is_faded = self._fading[at, to].is_bad((start_ms + end_ms) / 2)
        if not is_faded and not world.channel.is_payload_deaf(start_ms, end_ms):
            world.radio.deliver(HeardFrame(frame))

    def _is_busy(self, at: int) -> bool:
        """Does payload ``at`` hear another send, or give way?"""
        member = self._members[at]
        return not self._is_over and member.world.clock.now_ms < max(
            member.yields_until_ms, member.hears_until_ms)

    def _postpone(self, at: int, due_ms: int) -> int:
        """Begin a step that is due then when the channel is free; looking up now and then."""
        member = self._members[at]
        now_ms, free_ms = member.world.clock.now_ms, member.hears_until_ms
        if self._is_over or free_ms <= max(due_ms, now_ms):
            return due_ms
        return max(due_ms, min(free_ms + self._rng.randrange(SLOT_MS), now_ms + WAITS_MS_MAX))

    def _is_in_reach(self, at: int, to: int) -> bool:
        one, other = self.worlds[at].trajectory, self.worlds[to].trajectory
        if not isinstance(one, Orbit) or not isinstance(other, Orbit):
            return True
        now_s = self.worlds[at].clock.now_s
        a, b = one.fixed(now_s), other.fixed(now_s)
        here, there = (a.x_m, a.y_m, a.z_m), (b.x_m, b.y_m, b.z_m)
        along_m = math.dist(here, there)
        middle_m = math.hypot(*((p + q) / 2 for p, q in zip(here, there, strict=True)))
        return along_m <= REACH_M and middle_m > SEMI_MAJOR_M

    def _is_heard_beside(self, at: int, to: int) -> bool:
        """Does the station that hears payload ``to`` hear payload ``at`` too?"""
        one, other = self.worlds[at].trajectory, self.worlds[to].trajectory
        if not isinstance(one, Orbit) or not isinstance(other, Orbit):
            return True
        now_s = self.worlds[at].clock.now_s
        station = other.nearest(now_s)
        return station is not None and one.looks(now_s)[station] is not None


class _Sends:
    """``sim.daemon.Observer``: tells the swarm what one payload sends."""

    def __init__(self, swarm: Swarm, at: int) -> None:
        self._swarm = swarm
        self._at = at

    def on_boot(self) -> None:
        pass

    def on_step(self) -> None:
        pass

    def on_send(self, frame: bytes) -> None:
        self._swarm.sends(self._at, frame)

    def on_uplink(self, frame: bytes) -> None:
        pass

    def on_crash(self, error: Exception) -> None:
        raise error


def _exchange_keys(worlds: Sequence[World]) -> None:
    for world, other in permutations(worlds, 2):
        node_id, swarm = other.mission.payload.node_id, world.mission.swarm
        if swarm is not None and node_id in swarm.names and other.downlink_key is not None:
            world.known_neighbours[node_id] = KnownNeighbour(other.downlink_key, other.models)


def _cut(cuts: list[tuple[int, int]], start_ms: int, end_ms: int) -> None:
    cuts.append((start_ms, end_ms))
    del cuts[:-KEPT_CUTS]
