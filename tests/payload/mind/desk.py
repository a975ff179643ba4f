"""A mind at a desk: a scripted worker and a manager that is stepped once a second."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from payload.hearsay import Hearsay
from payload.mind.firsts import Firsts
from payload.mind.mind import MindManager
from payload.mind.musing_due import MusingDue
from payload.mind.neighbour_talk import NeighbourTalk
from payload.mind.question_queue import QuestionQueue
from payload.ports import MindFailed, MindReply, MindRequest
from payload.power.power import PowerManager
from payload.prompt import PersonaText
from payload.situation import Situation
from wire.beacon import Phase
from wire.mission import MindSection, PowerSection
from wire.records import BODY_FIELDS, Kind
from wire.sampling import Sampling

PERSONA = PersonaText("Edda", "I am Edda.", ("be honest",))
SECTION = MindSection(every_s=100, deadline_s=60, max_tokens=40)
SAMPLING = Sampling(drafts=4)
SITUATION = Situation(
    now_ms=0, utc_ms=1_790_000_000_000, phase=Phase.ASCENT, latitude_deg=53.07,
    longitude_deg=8.8, altitude_m=12_345.6, fix_age_s=0.4, outside_c=-50.0, pressure_hpa=190.0)
WORDS = [
    "lamp", "kettle", "harbour", "gravel", "ladder", "thimble", "orchard",
    "window", "parcel", "winter", "button", "ferry", "copper", "feather",
    "mitten", "saucer", "anchor", "lantern", "pebble", "cradle",
]


def sentence(number: int) -> str:
    """A line unlike any other: five words drawn by ``number``."""
    return "The " + " ".join(random.Random(number).sample(WORDS, 5)) + "."


class Worker:
    """Says ``say(request)`` after ``delay_ms``; None hangs, a MindFailed fails."""

    def __init__(
        self, say: Callable[[MindRequest], str | list[str] | MindFailed | None] | None = None
    ) -> None:
        self.count = 0
        self.say = say or (lambda request: sentence(self.count))
        self.delay_ms = 5_000
        self.requests: list[tuple[int, MindRequest]] = []
        self.current: MindRequest | None = None
        self.cancelled: list[int] = []
        self.takes = True
        self.error: Exception | None = None

    def start(self, request: MindRequest, now_ms: int) -> bool:
        if self.error is not None:
            raise self.error
        assert self.current is None, "one request at a time"
        if self.takes:
            self.current = request
            self.requests.append((now_ms, request))
        return self.takes

    def poll(self, now_ms: int) -> MindReply | MindFailed | None:
        if self.current is None or now_ms < self.requests[-1][0] + self.delay_ms:
            return None
        said = self.say(self.current)
        if said is None:
            return None
        request, self.current = self.current, None
        self.count += 1
        if isinstance(said, MindFailed):
            return replace(said, request_id=request.request_id)
        drafts = [said] if isinstance(said, str) else said
        return MindReply(request.request_id, drafts, 200, 20, 17, self.delay_ms)

    def cancel(self, now_ms: int) -> None:
        self.cancelled.append(now_ms)
        self.current = None


class Desk:
    """A mind with its worker, stepped once a second."""

    def __init__(
        self, worker: Worker | None, said: list[str] | None = None, memory: Any = None,
        persona: PersonaText | None = PERSONA, battery_mv: float | None = 4000,
        section: MindSection = SECTION, firsts: Any = None, musing_due: MusingDue | None = None,
    ) -> None:
        self.worker = worker
        self.hearsay = Hearsay()
        self.conversation = NeighbourTalk(self.hearsay)
        self.mind = MindManager(
            worker, persona, memory, section, random.Random(1), said or [], QuestionQueue(),
            SAMPLING, Firsts(firsts), self.hearsay, musing_due or MusingDue(), self.conversation)
        self.power = PowerManager(
            PowerSection(capacity_mah=3000, eco_mv=3600, low_mv=3400, critical_mv=3200))
        self.battery_mv = battery_mv
        self.situation = SITUATION
        self.now_ms = 0
        self.events: list[str] = []
        self.musings: list[dict] = []
        self.disclosures: list[dict] = []
        self.replies: list[dict] = []
        for back in range(-30_000, 0, 1000):
            self.power.update(battery_mv, None, back)

    def run(self, seconds: int) -> None:
        for _ in range(seconds):
            self.power.update(self.battery_mv, None, self.now_ms)
            situation = replace(
                self.situation, now_ms=self.now_ms, uptime_s=self.now_ms / 1000)
            notes = self.power.thermal.update(situation.soc_c, None, self.now_ms)
            notes += self.mind.update(situation, self.now_ms, self.power)
            for note in notes:
                if note.kind is Kind.EVENT:
                    self.events.append(note.body["event"])
                else:
                    assert set(note.body) <= set(BODY_FIELDS[note.kind])
                    kept = self.musings if note.kind is Kind.MUSING else self.replies
                    if note.kind is Kind.MUSING and note.body["by"] == "canned":
                        kept = self.disclosures
                    kept.append(note.body)
            self.now_ms += 1000
