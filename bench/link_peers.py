"""What the link is compared with: one half-duplex channel, and other protocols on it.

The channel carries one frame a slot, in either direction, and loses it or not; what it does in
every slot is drawn from the seed before anything is sent, so that all contestants meet the same
weather, and ``ideal_slots`` is what the best possible one would have needed in just that weather.
Several stations each have a channel of their own; a contestant is done when all have everything.
"""

from __future__ import annotations

import contextlib
import logging
import random
import tempfile
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

MTU_BYTES = 222  # what a LoRa module at SF8 carries; all contestants use it
MEAN_BURST_SLOTS = 8


class SlotChannel:
    """``is_lost(slot)``: the fate of each slot. Independent, or in bursts (Gilbert-Elliott: the
    good state loses nothing, the bad state all, and lasts MEAN_BURST_SLOTS in the mean)."""

    def __init__(self, seed: int, loss: float, is_bursty: bool) -> None:
        self._rng = random.Random(f"{seed} {loss} {is_bursty}")
        self._loss = loss
        self._fates: list[bool] = []
        self._is_bad: bool | None = None if is_bursty else False
        # The good state lasts a slot at least; where that is too long the bad one lasts longer.
        self._mean_bad_slots = max(MEAN_BURST_SLOTS, loss / (1 - loss))
        self._mean_good_slots = self._mean_bad_slots * (1 - loss) / loss if loss else 0.0
        self._is_bursty = is_bursty

    def is_lost(self, slot: int) -> bool:
        while len(self._fates) <= slot:
            self._fates.append(self._draw())
        return self._fates[slot]

    def ideal_slots(self, frames: int) -> int:
        """When ``frames`` frames have got through, whatever they were: no sender can do better."""
        slot = 0
        while frames:
            frames -= not self.is_lost(slot)
            slot += 1
        return slot

    def _draw(self) -> bool:
        if not self._is_bursty:
            return self._rng.random() < self._loss
        if self._is_bad is None:
            self._is_bad = self._rng.random() < self._loss
        else:
            mean_slots = self._mean_bad_slots if self._is_bad else self._mean_good_slots
            if self._rng.random() < 1 / mean_slots:
                self._is_bad = not self._is_bad
        return self._is_bad


def ideal_slots(channels: Sequence[SlotChannel], frames: int) -> int:
    """When the last of the stations has ``frames`` frames: no sender can do better."""
    return max(channel.ideal_slots(frames) for channel in channels)


def carousel_slots(channels: Sequence[SlotChannel], frames: int) -> int:
    """Uncoded, no feedback: all frames in turn until the last one got through everywhere."""
    missing = [set(range(frames)) for _ in channels]
    slot = 0
    while any(missing):
        for channel, lacks in zip(channels, missing, strict=True):
            if not channel.is_lost(slot):
                lacks.discard(slot % frames)
        slot += 1
    return slot


def arq_slots(channels: Sequence[SlotChannel], frames: int, every: int, delay: int) -> int:
    """Selective repeat: what the latest reports call missing in turn, never idle; all of it first.

    The stations report in turn in every slot ``every`` (half duplex), known ``delay`` later.
    """
    missing = [set(range(frames)) for _ in channels]
    said = [set(range(frames)) for _ in channels]
    queue = deque(range(frames))
    reports: deque[tuple[int, int, set[int]]] = deque()
    slot = windows = 0
    while any(missing):
        if reports and reports[0][0] <= slot:
            _, station, reported = reports.popleft()
            said[station] = reported
            wanted = set().union(*said)
            queue = deque(frame for frame in queue if frame in wanted)
        if slot % (every + 1) == every:
            station = windows % len(channels)
            windows += 1
            if not channels[station].is_lost(slot):
                reports.append((slot + delay, station, set(missing[station])))
        else:
            frame = queue[0]
            queue.rotate(-1)
            for channel, lacks in zip(channels, missing, strict=True):
                if not channel.is_lost(slot):
                    lacks.discard(frame)
        slot += 1
    return slot


def _pdus(handler: Any) -> list[bytes]:
    """All that a CFDP handler wants to send now, as bytes."""
    pdus = []
    while handler.packets_ready:
        pdu = handler.get_next_packet().pdu
        with contextlib.suppress(ValueError):  # it cannot pack the ACK of a cancelled transfer
            pdus.append(bytes(pdu.pack()))
    return pdus


def _remote(entity: int, timer_s: float | None) -> Any:
    """Settings: cfdp-py's defaults, or timers of ``timer_s`` that may expire as often as need be.

    NAKs are immediate, as by default: with deferred ones some transfers never finish.
    """
    from cfdppy.mib import RemoteEntityConfig
    from spacepackets.cfdp import ChecksumType, TransmissionMode
    from spacepackets.util import ByteFieldU8

    tuned: dict[str, Any] = {} if timer_s is None else {
        "positive_ack_timer_interval_seconds": timer_s, "nak_timer_interval_seconds": timer_s,
        "positive_ack_timer_expiration_limit": 10_000, "nak_timer_expiration_limit": 10_000,
    }
    return RemoteEntityConfig(
        entity_id=ByteFieldU8(entity), max_file_segment_len=None, max_packet_len=MTU_BYTES,
        closure_requested=False, crc_on_transmission=False, crc_type=ChecksumType.CRC_32,
        default_transmission_mode=TransmissionMode.ACKNOWLEDGED, **tuned,
    )


def _silent(base: type) -> Any:
    """One of cfdp-py's callback classes, all of whose callbacks do nothing."""
    return type("Silent", (base,), {name: lambda *_: None for name in base.__abstractmethods__})()


def _handlers(folder: Path, content: bytes, timer_s: float | None) -> tuple[Any, Any]:
    """cfdp-py's (source, destination) with a put request for a file of ``content``."""
    from cfdppy import handler, mib, request, user
    from spacepackets.seqcount import SeqCountProvider
    from spacepackets.util import ByteFieldU8

    def local(entity: int) -> Any:
        faults = _silent(mib.DefaultFaultHandlerBase)
        return mib.LocalEntityConfig(ByteFieldU8(entity), mib.IndicationConfig(), faults)

    table = mib.RemoteEntityConfigTable([_remote(n, timer_s) for n in (1, 2)])
    (folder / "sent").write_bytes(content)
    listener, timers = _silent(user.CfdpUserBase), _silent(mib.CheckTimerProvider)
    source = handler.SourceHandler(local(1), listener, table, timers, SeqCountProvider(16))
    put = request.PutRequest(ByteFieldU8(2), folder / "sent", folder / "heard", None, None)
    assert source.put_request(put)
    return source, handler.DestHandler(local(2), listener, table, timers)


def _offer(handler: Any, pdu: bytes | None) -> list[bytes]:
    """Let a handler take ``pdu`` and the time; what it wants to send because of it."""
    from cfdppy import exceptions
    from spacepackets.cfdp import PduFactory

    refusals = (
        exceptions.PduIgnoredForDest, exceptions.PduIgnoredForSource, exceptions.InvalidNakPdu,
        exceptions.NoRemoteEntityConfigFound,  # what a source that has given up answers
        ValueError,  # the tracker does not like a segment of which it lacks only a part
    )
    with contextlib.suppress(*refusals):
        handler.state_machine(PduFactory.from_raw(pdu) if pdu else None)
    return _pdus(handler)


def cfdp_slots(
    channel: SlotChannel, content: bytes, delay: int, slots_max: int, timer_s: float | None
) -> int | None:
    """cfdp-py class 2: slots until the ground has the whole file; None when it never does.

    Both directions lose alike, and what the ground says is known ``delay`` slots later, as with
    our own reports; but it may say it at any time, without asking: kinder than our windows. A
    slot is one second of its timers; ``timer_s`` None leaves its defaults. Its lost-segment
    tracker is a default argument that all destinations share, so that one transfer would spoil
    the next; here each gets its own.
    """
    from cfdppy.handler import dest
    from spacepackets import countdown

    slot = 0
    logging.getLogger("cfdppy").setLevel(logging.CRITICAL)
    parameters = dest._AckedModeParams
    clock, countdown.time_ms = countdown.time_ms, lambda: slot * 1000
    dest._AckedModeParams = lambda: parameters(lost_seg_tracker=dest.LostSegmentTracker())
    try:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            source, destination = _handlers(folder, content, timer_s)
            down: deque[bytes] = deque()
            up: deque[bytes] = deque()
            on_its_way: deque[tuple[int, bytes]] = deque()
            while slot < slots_max:
                while on_its_way and on_its_way[0][0] <= slot:
                    down += _offer(source, on_its_way.popleft()[1])
                up += [] if up else _offer(destination, None)
                down += [] if down or up else _offer(source, None)
                is_lost = channel.is_lost(slot)
                if up:
                    on_its_way += [] if is_lost else [(slot + delay, up[0])]
                    up.popleft()
                elif down:
                    pdu = down.popleft()
                    up += [] if is_lost else _offer(destination, pdu)
                slot += 1
                heard = folder / "heard"
                if heard.exists() and heard.read_bytes() == content:
                    return slot
    finally:
        countdown.time_ms, dest._AckedModeParams = clock, parameters
    return None
