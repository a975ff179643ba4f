"""A flight over two TNCs: the drivers of both ends, and KISS on both lines.

The payload's core flies with ``KissRadio``; the station receives with ``KissSerial`` on a real
pseudo-terminal, or with ``KissClient`` on a real connection over TCP, as from Dire Wolf. What is
fake begins at the bytes of the lines. Time is the world's.
"""

from __future__ import annotations

import contextlib
import os
import pty
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from groundstation.inputs import gateway
from payload.drivers.modems.kiss_tnc import KissRadio
from payload.ports import DeviceAbsent
from sim.radio.impairments import Arrival
from sim.world import World
from tests.sim.flights import hop_world, mission
from wire.airtime import Airtime, HdlcAirtime
from wire.airtime_budget import AirtimeBudget
from wire.envelope import Envelope
from wire.mission import CadenceSection, Mission
from wire.mission_radio import RadioSection
from wire.modems import kiss

TURN_MS = 200
LINE_BYTES_MAX = 4096  # of the operating system's serial port; what comes later is lost
WAITING_PACKETS_MAX = 16
READ_BYTES = 65_536

Begin = Callable[[bytes], int]
Arrive = Callable[[bytes, int, int], list[Arrival]]


def over(rate_bps: int, kind: str = "kiss-serial", **changes: object) -> Mission:
    """The example mission over TNCs of this rate, with the cadence that the link carries."""
    return mission().model_copy(update={
        "radio": RadioSection.model_validate({
            "kind": kind, "framing": "ax25", "rate_bps": rate_bps, "horus": True,
            **changes}),
        "cadence": CadenceSection(),
    })


class FakeTnc:
    """A ``ModemStream``. It sends what it is given, one after the other, and tells nobody when.

    While it sends it hears nothing. KISS has no flow control: what finds no room in its memory is
    lost, in ``overruns``. Fault: ``is_unplugged``, every call raises DeviceAbsent.

    Source: Chepponis & Karn, "The KISS TNC", 1987.
    """

    far: FakeTnc

    def __init__(self, world: World, begin: Begin, arrive: Arrive) -> None:
        """``begin`` and ``arrive`` are one direction of a channel."""
        self.is_unplugged = False
        self.sent_packets = self.overruns = 0
        self._world, self._begin, self._arrive = world, begin, arrive
        self._decoder = kiss.Decoder()
        self._line = bytearray()
        self._waiting: list[bytes] = []
        self._is_sending = False

    def is_open(self) -> bool:
        self._check()
        return True

    def read(self, max_bytes: int) -> bytes:
        self._check()
        data = bytes(self._line[:max_bytes])
        del self._line[:max_bytes]
        return data

    def write(self, data: bytes) -> None:
        self._check()
        for packet in self._decoder.feed(data):
            if len(self._waiting) < WAITING_PACKETS_MAX:
                self._waiting.append(packet)
            else:
                self.overruns += 1
        self._send_next()

    def hear(self, packet: bytes) -> None:
        """A packet that got through arrives at its antenna."""
        data = kiss.encode(packet)
        if not self.is_unplugged and len(self._line) + len(data) <= LINE_BYTES_MAX:
            self._line += data

    def _send_next(self) -> None:
        if self._is_sending or not self._waiting:
            return
        packet = self._waiting.pop(0)
        start_ms, end_ms = self._world.clock.now_ms, self._begin(packet)
        self._is_sending = True
        self.sent_packets += 1

        def sent() -> None:
            self._is_sending = False
            for arrival in self._arrive(packet, start_ms, end_ms):
                self._world.at(
                    end_ms + arrival.delay_ms, lambda data=arrival.data: self.far.hear(data))
            self._send_next()

        self._world.at(end_ms, sent)

    def _check(self) -> None:
        if self.is_unplugged:
            self._line.clear()
            raise DeviceAbsent("the TNC is unplugged")


class Line:
    """What lies between the station's driver and its TNC: its end of it, and the driver."""

    def __init__(self, plan: Mission, greeting: bytes) -> None:
        radio = plan.radio
        self.connection: gateway.RadioConnection
        if radio.kind == "kiss-tcp":
            with socket.create_server(("127.0.0.1", 0)) as server:
                port = server.getsockname()[1]
                self.connection = gateway.KissClient("127.0.0.1", port, greeting)
                accepted = server.accept()[0]
            # Nothing waits for an acknowledgement: that takes real time, and here minutes pass.
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._end = accepted.detach()
            self._held: list[int] = []
        else:
            self._end, held = pty.openpty()
            self._held = [held]  # a terminal that nobody holds open forgets what was written
            self.connection = gateway.KissSerial(os.ttyname(held), radio.baud, greeting)
        os.set_blocking(self._end, False)

    def carry(self, tnc: FakeTnc) -> None:
        """What the station wrote goes to ``tnc``."""
        with contextlib.suppress(BlockingIOError):
            tnc.write(os.read(self._end, READ_BYTES))

    def give(self, data: bytes) -> None:
        """The station can read this."""
        if data:
            os.write(self._end, data)

    def close(self) -> None:
        self.connection.close()
        for descriptor in (self._end, *self._held):
            os.close(descriptor)


class TncFlight:
    """``near`` and ``far`` are the TNCs of payload and station: faults are set there."""

    lost = 0  # nothing takes the station's connection away

    def __init__(self, folder: Path, plan: Mission, world: World | None = None) -> None:
        assert plan.radio.flaw() is None and AirtimeBudget(plan).flaw() is None
        self.plan = plan
        self.world = world or hop_world(folder, flown=plan)
        channel, airtime = self.world.channel, Airtime.of(plan.radio)
        assert isinstance(airtime, HdlcAirtime)
        channel.airtime = replace(airtime, envelope_bytes=0)  # packets come with theirs
        self.near = FakeTnc(self.world, channel.send_down, channel.arrive_down)
        self.far = FakeTnc(self.world, channel.send_up, channel.arrive_up)
        self.near.far, self.far.far = self.far, self.near
        self._envelope = Envelope(plan)
        greeting = kiss.keying(plan.radio.tx_delay_ms, plan.radio.tx_tail_ms)
        self.radio = KissRadio(
            self.near, plan.radio.mtu_bytes, airtime, self._envelope.wrap, self._envelope.unwrap,
            greeting)
        self.radio.clear = lambda: None  # what is in the line when the payload starts stays there
        self.world.radio = self.radio
        self._line = Line(plan, greeting)
        self.world.every(TURN_MS, self._turn)

    def close(self) -> None:
        self._line.close()
        self.world.close()

    def heard(self, kind: str) -> int:
        """Beacons, records ... in the station's archive."""
        return self.world.archive.db.execute(f"SELECT count(*) FROM {kind}").fetchone()[0]

    def _turn(self) -> None:
        ground = self.world.ground
        if ground is None:
            return
        self._line.give(self.far.read(READ_BYTES))
        gateway.turn(
            ground, self._line.connection, self._envelope, lambda: self.world.air.ground_utc_ms, 0)
        self._line.carry(self.far)
