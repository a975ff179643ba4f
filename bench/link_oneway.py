"""A flight without uplink: the flight's own downlink, offered more than the channel carries.

The real ``payload.link.downlink`` over a real store, records of all classes as they are made in
flight, a lossy channel, one real receiver that never reports.
"""

from __future__ import annotations

import random
import tempfile
from collections import Counter
from pathlib import Path

from bench.link_peers import MTU_BYTES, SlotChannel
from payload.link.downlink import Downlink
from payload.ports import HeardFrame
from sim.fakes.card_disk import DeskStore
from wire import blocks, mission
from wire.airtime import Airtime
from wire.beacon import Beacon, Phase, PowerMode
from wire.frames import DataFrame, decode_downlink
from wire.incoming import Receiver
from wire.records import Kind, TimeQuality

# Share of the offered bytes, and bytes of one record.
MIX: dict[Kind, tuple[float, int]] = {
    Kind.EVENT: (0.03, 60), Kind.MUSING: (0.17, 150), Kind.TRACK: (0.35, 40),
    Kind.API_CALL: (0.05, 60), Kind.THUMBNAIL: (0.40, 3000),
}
SETTLE_MS = 600_000  # records of the last ten minutes have not had their time
_EXAMPLE = Path(__file__).resolve().parent.parent / "mission.toml"


class _Radio:
    """Sends into the channel; the far end's frames pile up in ``arrived``."""

    mtu_bytes = MTU_BYTES
    identity: str | None = None

    def __init__(self, channel: SlotChannel) -> None:
        self.arrived: list[DataFrame] = []
        self._channel = channel
        self._slot = 0

    def is_idle(self, now_ms: int) -> bool:
        return True

    def poll(self, now_ms: int) -> list[HeardFrame]:
        return []

    def offer(self, frame: bytes, now_ms: int) -> bool:
        is_lost = self._channel.is_lost(self._slot)
        self._slot += 1
        heard = decode_downlink(frame)
        if isinstance(heard, DataFrame) and not is_lost:
            self.arrived.append(heard)
        return True


def delivered(loss: float, load: float, seconds: int) -> dict[Kind, float]:
    """Share of each kind's records that arrive, when ``load`` times what gets through is made."""
    plan = mission.load(_EXAMPLE)
    radio_plan = plan.radio.model_copy(update={"listen_every_s": 600, "listen_s": 1})
    plan = plan.model_copy(update={"radio": radio_plan})
    frame_s = Airtime.of(plan.radio).on_air_ms(MTU_BYTES) / 1000
    content_bytes = blocks.content_bytes(plan.symbol_mtu_bytes)
    offered_bps = load * (1 - loss) * content_bytes / frame_s  # bytes a second
    rng, radio = random.Random(1), _Radio(SlotChannel(1, loss, False))
    rates = {kind: offered_bps * share / size for kind, (share, size) in MIX.items()}
    due_s = {kind: rng.expovariate(rate) for kind, rate in rates.items()}
    receiver, heard = Receiver(plan.symbol_mtu_bytes), set()
    made: dict[int, Kind] = {}
    now_ms = 0
    with tempfile.TemporaryDirectory() as folder:
        store = DeskStore(Path(folder) / "store.sqlite", is_durable=False)
        downlink = Downlink(plan, radio, store)
        while now_ms < seconds * 1000:
            for kind, (_, size) in MIX.items():
                while due_s[kind] * 1000 <= now_ms:
                    body = {"b": rng.randbytes(size - 10)}
                    record = store.append(kind, body, now_ms, now_ms, TimeQuality.NONE)
                    if now_ms < seconds * 1000 - SETTLE_MS:
                        made[record.record_id] = kind
                    due_s[kind] += rng.expovariate(rates[kind])
            due_ms = downlink.step(now_ms, Phase.ASCENT, PowerMode.NOMINAL, 9000.0, Beacon)
            store.commit(now_ms)
            heard |= {r.record_id for frame in radio.arrived for r in receiver.on_data(frame)}
            radio.arrived.clear()
            now_ms = due_ms
        store.close()
    count = Counter(made.values())
    arrived = Counter(kind for record_id, kind in made.items() if record_id in heard)
    return {kind: arrived[kind] / count[kind] for kind in MIX}
