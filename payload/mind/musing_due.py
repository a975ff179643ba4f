"""Says when a musing is due.

With ``mind.pace = "worth"`` the planner says it (``payload.mind.planner``), and is told here what
begins; where voltage or current is not measured, with ``"interval"``, and in orbit, a musing is due
every ``mind.every_s``, less often when power is short. The first comes after a minute in any case.
"""

from __future__ import annotations

from collections.abc import Mapping

from payload.mind.planner.moments import Moments
from payload.mind.planner.planner import Planner
from payload.mind.topics import Facts
from payload.ports import MindReply
from payload.power.power import COLD_FACTOR, PowerManager
from payload.situation import Situation
from wire.mission import MindSection, Mission

FIRST_MUSING_MS = 60_000


class MusingDue:
    """One per boot."""

    def __init__(self, planner: Planner | None = None) -> None:
        self.planner = planner
        self._moments = Moments()
        self._started_ms: int | None = None  # the first update
        self._slot_ms: int | None = None  # when the last musing was due

    @staticmethod
    def of(mission: Mission) -> MusingDue:
        """As the mission file wants it."""
        if mission.mind.pace == "interval" or mission.orbit is not None:
            return MusingDue()
        return MusingDue(Planner(mission.power, mission.flight, mission.mind.every_s))

    def update(
        self, situation: Situation, power: PowerManager, ground_m: float | None, is_thinking: bool
    ) -> None:
        """Every step."""
        if self._started_ms is None:
            self._started_ms = situation.now_ms
        if self.planner is not None:
            self.planner.update(situation, power.charge, ground_m, is_thinking)

    def observe(self, facts: Facts, firsts: Mapping[str, int]) -> None:
        """Every few seconds: what is so; ``firsts`` are the untold ones, since when."""
        for name in self._moments.begun(facts, firsts):
            if self.planner is not None:
                self.planner.note(name, facts.situation.now_ms)

    def is_due(self, section: MindSection, power: PowerManager, now_ms: int) -> bool:
        """True once when another musing is due."""
        assert self._started_ms is not None
        if self._slot_ms is None:
            is_due = now_ms >= self._started_ms + FIRST_MUSING_MS
        elif self.planner is not None and self.planner.price is not None:
            self.planner.interval_s = section.every_s
            is_due = self.planner.is_worth_it(
                now_ms, COLD_FACTOR if power.thermal.halves_thoughts else 1)
        else:
            every_ms = section.every_s * 1000 * power.think_interval_factor
            is_due = now_ms >= self._slot_ms + every_ms
        if is_due:
            self._slot_ms = now_ms
        return is_due

    def note_thought(self, now_ms: int) -> None:
        """A thought of any kind begins."""
        if self.planner is not None:
            self.planner.note_thought(now_ms)

    def note_reply(self, reply: MindReply) -> None:
        """It has ended, with what it took."""
        if self.planner is not None:
            self.planner.note_reply(reply)
