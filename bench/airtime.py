"""Text delivered in one hour, from 2400 bit/s to 100 bit/s at 1 %, compared with channel capacity.

The downlink that flies, over a real store; the station's core, over a real archive; and the
simulator's air between them: airtime, duty cycle, half duplex, three of ten frames lost each way.
The mind always has something to say, and the rest of a flight is recorded as it goes: track,
housekeeping, API calls, pictures.

Capacity is what could arrive if the transmitter did nothing but send full frames of words: no
beacons, no listening, nothing sent twice, nothing sent in vain.
"""

from __future__ import annotations

import heapq
import random
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from bench.report import Figure
from groundstation.archive.archive import Archive
from groundstation.ground import Ground
from payload.link.downlink import Downlink
from payload.mind.persona import load_persona
from sim.clock import SimClock
from sim.fakes.card_disk import DeskStore
from sim.fakes.musings import MusingWriter
from sim.radio.air import Air
from sim.radio.line_of_sight import OpenAir
from wire import auth, blocks, bodies, frames, mission, records
from wire.airtime_budget import CADENCE_KEYS, HOUR_MS, AirtimeBudget
from wire.auth import Direction
from wire.beacon import Beacon, Phase, PowerMode
from wire.bodies import unpack_body
from wire.frames import FeedbackFrame
from wire.mission import CadenceSection, Mission
from wire.records import EPOCH_2025_MS, Kind, Priority, Record, TimeQuality
from wire.text_codec import TextModel

RATES_BPS = (2400, 300, 100)
DUTIES_PERCENT = (100, 10, 1)
LOSS, BURST_S = 0.3, 1.0
FLIGHTS = {100: 1, 10: 4, 1: 16}  # of a duty cycle: where few frames go, luck is averaged away
WORDS_WAITING = 3
PICTURE_BYTES = 2_500
TOPICS = ("height", "cold", "sun", "battery", "silence", "horizon", "self", "inside")
KEY = bytes(32)
ROOT = Path(__file__).resolve().parent.parent


def plan_of(rate_bps: int, duty_percent: int) -> Mission:
    """The example mission on another link; how often the beacon goes is left to it."""
    plan = mission.load(ROOT / "mission.toml")
    cadence = plan.cadence.model_dump(exclude=set(CADENCE_KEYS))
    radio = plan.radio.model_dump(exclude={"listen_s"})
    radio |= {"rate_bps": rate_bps, "duty_percent": duty_percent}
    found = plan.model_copy(update={
        "cadence": CadenceSection(**cadence), "radio": type(plan.radio)(**radio)})
    assert AirtimeBudget(found).flaw() is None
    return found


class AscentHour:
    """An hour of ascent: what is made, what goes out, what the station has at its end."""

    def __init__(self, plan: Mission, codec: TextModel, seed: int, folder: Path) -> None:
        self.made: list[Record] = []  # musings
        self._plan, self._clock = plan, SimClock(EPOCH_2025_MS)
        self._rng, self._muser = random.Random(seed), MusingWriter()
        self._heap: list[tuple[int, int, Callable[[], None]]] = []
        self._events = 0
        node_id = plan.payload.node_id
        self._uplink_key = auth.derive_key(KEY, node_id, Direction.UPLINK)
        downlink_key = plan.downlink_key(KEY)
        self._store = DeskStore(folder / "payload.sqlite", is_durable=False)
        self.archive = Archive(folder / "archive.sqlite", is_durable=False)
        ground = Ground(plan, self.archive, self._uplink_key, downlink_key, bodies.by_id([codec]))
        self.air = Air(self._clock, plan, seed, OpenAir(lambda: 30_000.0), lambda: ground, [],
                       self._at)
        for leg in (self.air.channel.down, self.air.channel.up):
            leg.fading.set(LOSS, BURST_S)
            leg.wear.none()
        self._downlink = Downlink(plan, self.air.radio, self._store, downlink_key, codec)

    def fly(self) -> None:
        """All of it."""
        cadence = self._plan.cadence
        for every_s, make in (
            (cadence.track_s, self._track), (cadence.housekeeping_s, self._housekeeping),
            (cadence.api_s, self._api_call), (cadence.picture_s, self._picture),
        ):
            self._every(1000 * every_s, make)
        self._step()
        while self._heap and self._heap[0][0] < HOUR_MS:
            self._clock.now_ms, _, action = heapq.heappop(self._heap)
            action()

    def words_home(self) -> list[str]:
        """The musings that the station can read."""
        rows = self.archive.db.execute(
            "SELECT body FROM record WHERE kind = ?", (int(Kind.MUSING),)).fetchall()
        return [str(unpack_body(body)["text"]) for body, in rows]

    def close(self) -> None:
        self._store.close()
        self.archive.close()

    def _step(self) -> None:
        now_ms = self._clock.now_ms
        for heard in self.air.radio.poll(now_ms):
            report = frames.decode_uplink(heard.data, self._uplink_key)
            if isinstance(report, FeedbackFrame):
                self._downlink.on_report(report, now_ms)
        waiting = self._store.queued(Priority.MUSING, WORDS_WAITING)
        for _ in range(WORDS_WAITING - len(waiting)):
            self.made.append(self._append(Kind.MUSING, self._musing()))
        self._store.commit(now_ms)
        due_ms = self._downlink.step(now_ms, Phase.ASCENT, PowerMode.NOMINAL, 9000.0, Beacon)
        self._store.commit(now_ms)
        self._at(min(due_ms, now_ms + 1000), self._step)

    def _at(self, at_ms: int, action: Callable[[], None]) -> None:
        self._events += 1
        heapq.heappush(self._heap, (at_ms, self._events, action))

    def _every(self, period_ms: int, action: Callable[[], None]) -> None:
        def again() -> None:
            action()
            self._at(self._clock.now_ms + period_ms, again)

        self._at(self._rng.randrange(period_ms), again)

    def _append(self, kind: Kind, body: dict[str, object]) -> Record:
        return self._store.append(
            kind, body, self._clock.now_ms, self._clock.utc_ms, TimeQuality.GPS)

    def _musing(self) -> dict[str, object]:
        about, alt = self._rng.choice(TOPICS), self._rng.randrange(30_000)
        senses = f"{alt // 1000} km up. outside {-alt // 500} C. sun high. battery good."
        return {
            "text": self._muser.line(f"about: {about}\n{senses}", self._rng), "about": about,
            "senses": senses, "by": "model", "tok": 24, "ms": 11_000, "alt": alt, **self._place(),
        }

    def _place(self) -> dict[str, int]:
        return {"lat": 521_000_000 + self._rng.randrange(10**6), "lon": 164_000_000}

    def _track(self) -> None:
        self._append(Kind.TRACK, {**self._place(), "alt": self._rng.randrange(30_000),
                                  "climb": 502, "spd": 1250, "hdg": 354, "sats": 11})

    def _housekeeping(self) -> None:
        self._append(Kind.HOUSEKEEPING, {
            "mv": 3920, "ma": 500, "out": self._rng.randrange(-600, 0), "in": 30, "soc": 40,
            "hpa": self._rng.randrange(9999), "rh": 40, "phase": 2, "power": 0, "queue": 57,
            "faults": 0})

    def _api_call(self) -> None:
        self._append(Kind.API_CALL, {"api": "weather", "outcome": "timeout", "ms": 8000})

    def _picture(self) -> None:
        self._append(Kind.THUMBNAIL, {"image": self._rng.randbytes(PICTURE_BYTES), "alt": 9000})


@dataclass(frozen=True, slots=True)
class HourlyYield:
    """Of one link, the mean of its flights in an hour."""

    characters: float
    musings: float
    capacity: float  # characters
    beacon_every_s: float
    beacons: float


def fly(plan: Mission, codec: TextModel, flights: int) -> HourlyYield:
    """``flights`` hours with as many seeds."""
    budget, found = AirtimeBudget(plan), []
    for seed in range(flights):
        with tempfile.TemporaryDirectory() as folder:
            flight = AscentHour(plan, codec, seed, Path(folder))
            flight.fly()
            words = flight.words_home()
            characters = mean(len(str(r.body["text"])) for r in flight.made)
            size = mean(len(records.encode(after, before, records.pack(after, codec)))
                        for before, after in zip(flight.made, flight.made[1:], strict=False))
            content = blocks.content_bytes(plan.symbol_mtu_bytes)
            capacity = HOUR_MS / budget.words_ms * content * (1 - LOSS) / size * characters
            found.append((sum(map(len, words)), len(words), capacity,
                          flight.air.channel.sent["beacon"]))
            flight.close()
    sums, musings, capacities, beacons = map(mean, zip(*found, strict=True))
    every_ms = budget.beacon_every_ms(Phase.ASCENT, PowerMode.NOMINAL, None)
    return HourlyYield(sums, musings, capacities, every_ms / 1000, beacons)


def plot(rows: list[Figure], path: Path) -> None:
    """Characters in an hour against the rate, a line a duty cycle, with the capacity dashed."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axis = pyplot.subplots(figsize=(7, 5))
    for duty in DUTIES_PERCENT:
        chosen = [row for row in rows if f", {duty} %" in row.what]
        line, = axis.loglog(RATES_BPS, [max(1, row.value) for row in chosen], "o-",
                            label=f"duty cycle {duty} %")
        axis.loglog(RATES_BPS, [row.peers["capacity"] for row in chosen], "--",
                    color=line.get_color())
    axis.set(xlabel="bit/s", ylabel="characters home in an hour (dashed: the channel's capacity)",
             title=f"Words home in an hour, {LOSS:.0%} of frames lost each way")
    axis.legend()
    figure.savefig(path, dpi=110, bbox_inches="tight")


def run(out_dir: Path) -> list[Figure]:
    """One row a link; the plot goes to ``out_dir``."""
    plan = mission.load(ROOT / "mission.toml")
    codec = load_persona(ROOT / plan.mind.bundle, plan.mind.public_keys).load_codec()
    assert codec is not None
    rows = []
    for rate in RATES_BPS:
        for duty in DUTIES_PERCENT:
            home = fly(plan_of(rate, duty), codec, FLIGHTS[duty])
            rows.append(Figure(
                f"words home in an hour, {rate} bit/s, {duty} %", home.characters, "characters",
                1.0, ">=", {
                    "capacity": home.capacity, "share": home.characters / home.capacity,
                    "musings": home.musings, "beacon every s": home.beacon_every_s,
                    "beacons": home.beacons,
                }))
    out_dir.mkdir(parents=True, exist_ok=True)
    plot(rows, out_dir / "airtime.png")
    return rows
