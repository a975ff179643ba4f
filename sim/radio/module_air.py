"""Two fake LoRa radios, the payload's and the station's, on the channel of ``sim.radio``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from sim.clock import SimClock
from sim.fakes.lora_radio import AirPacket, FakeLoraRadio, Plan
from sim.radio.channel import Channel
from sim.radio.impairments import Arrival
from wire.airtime import Airtime
from wire.lora import Modulation


@dataclass(frozen=True, slots=True)
class PacketAirtime(Airtime):
    """What is on the air is a packet of the radio, with its own bytes around it."""

    modulation: Modulation
    own_bytes: int

    def on_air_ms(self, frame_bytes: int) -> int:
        return self.modulation.packet_ms(frame_bytes + self.own_bytes)

    def bytes_in(self, time_ms: int) -> int:
        raise NotImplementedError  # nobody plans with a packet


class ModuleAir:
    """``payload`` and ``station`` are set when both radios are made: each sends to the other."""

    payload: FakeLoraRadio
    station: FakeLoraRadio

    def __init__(self, clock: SimClock, channel: Channel, plan: Plan, own_bytes: int) -> None:
        self._clock, self._channel, self._plan = clock, channel, plan
        self._own_bytes = own_bytes

    def send_down(self, packet: AirPacket, end_ms: int) -> None:
        """The payload's radio begins to transmit."""
        self._set_airtime(packet)
        self._channel.send_down(packet.data)
        self._carry(packet, end_ms, self._channel.arrive_down, lambda: self.station)

    def send_up(self, packet: AirPacket, end_ms: int) -> None:
        """The station's radio begins to transmit."""
        self._set_airtime(packet)
        self._channel.send_up(packet.data)
        self._carry(packet, end_ms, self._channel.arrive_up, lambda: self.payload)

    def _set_airtime(self, packet: AirPacket) -> None:
        self._channel.airtime = PacketAirtime(100, packet.modulation, self._own_bytes)

    def _carry(
        self, packet: AirPacket, end_ms: int,
        arrive: Callable[[bytes, int, int], list[Arrival]], far: Callable[[], FakeLoraRadio],
    ) -> None:
        start_ms = self._clock.now_ms

        def arrived() -> None:
            for arrival in arrive(packet.data, start_ms, end_ms):
                heard = self._channel.signal(arrival.data)
                assert heard.rssi_dbm is not None and heard.snr_db is not None
                far().hear(
                    replace(packet, data=arrival.data), round(heard.rssi_dbm), round(heard.snr_db))

        self._plan(end_ms, arrived)
