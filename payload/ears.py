"""The ears: one take at a time, how much of it can be believed here, and when it is worth a record.

A dead microphone, whose takes hold no sound, is a failure (``payload.takes``); a quiet place is
not. Only the numbers of a take come here, never its samples.
"""

from __future__ import annotations

from dataclasses import replace

from payload.notes import Note
from payload.situation import Situation
from payload.sound import Microphone, Sound
from payload.takes import Takes
from wire.beacon import Phase
from wire.mission_microphone import MicrophoneSection
from wire.record_bodies import SoundBody
from wire.records import Kind

FIRST_TAKE_MS = 20_000
BEYOND_TAKE_MS = 15_000  # what the worker may need to start and to end, on a busy Pi Zero
STALE_MS = 180_000  # older, and at longer intervals than this, nobody knows what there is to hear
CHANGE_MS_MIN = 60_000  # between two records of what it hears, unless of a bang
RECORD_MS_MAX = 600_000  # after this the same is recorded again
NEAR_GROUND_M = 300.0  # below, there may be voices; a parachute flutters in the air alone
_ON_GROUND = frozenset((Phase.GROUND, Phase.LANDED))


class Listener:
    """Listens every ``every_s`` while allowed; without a ``microphone`` it does nothing."""

    def __init__(self, microphone: Microphone | None, section: MicrophoneSection | None) -> None:
        self._microphone = microphone if section is not None else None
        every_s, take_s = (0, 0) if section is None else (section.every_s, section.take_s)
        self._takes = Takes("microphone", FIRST_TAKE_MS, every_s * 1000,
                            BEYOND_TAKE_MS + take_s * 1000)
        self._is_near_ground: bool | None = None  # as the take began
        self.last: Sound | None = None  # however long ago
        self._recorded: Sound | None = None

    @property
    def is_failing(self) -> bool:
        """Is it off after its failures, until it hears again?"""
        return self._takes.is_failing

    @property
    def last_failure(self) -> str:
        """Why there was no take, "" while there is one."""
        return self._takes.last_failure

    def known(self, now_ms: int) -> Sound | None:
        """The last take; None where it is stale, and before the first."""
        is_stale = self.last is None or now_ms - self.last.taken_ms > STALE_MS
        return None if is_stale else self.last

    def update(
        self, situation: Situation, is_allowed: bool, ground_altitude_m: float | None
    ) -> list[Note]:
        """Collect a take or start one; ``ground_altitude_m`` is where the flight began."""
        if self._microphone is None:
            return []
        now_ms = situation.now_ms
        if self._takes.is_busy:
            return self._collect(self._microphone, situation)
        is_due = self._takes.is_due(now_ms)
        if not is_allowed or not is_due:
            return []
        self._is_near_ground = _is_near_ground(situation, ground_altitude_m)
        return self._takes.start(self._microphone, now_ms)

    def _collect(self, microphone: Microphone, situation: Situation) -> list[Note]:
        now_ms = situation.now_ms
        result = self._takes.poll(microphone, now_ms)
        if result is None:
            return []
        if not isinstance(result, Sound):
            return self._takes.fail(str(result) or type(result).__name__, now_ms)
        notes = self._takes.succeed()
        self.last = sound = _believed(result, self._is_near_ground)
        if self._is_worth_a_record(sound):
            self._recorded = sound
            notes.append(_record(sound, situation))
        return notes

    def _is_worth_a_record(self, sound: Sound) -> bool:
        """It hears something else, or has not said for long what it hears."""
        if self._recorded is None or "bang" in sound.heard:
            return True
        age_ms = sound.taken_ms - self._recorded.taken_ms
        is_other = sound.heard != self._recorded.heard
        return age_ms >= (CHANGE_MS_MIN if is_other else RECORD_MS_MAX)


def _is_near_ground(situation: Situation, ground_altitude_m: float | None) -> bool | None:
    """None where nobody knows."""
    if situation.phase in _ON_GROUND:
        return True
    if situation.altitude_m is None or ground_altitude_m is None:
        return None
    return situation.altitude_m - ground_altitude_m < NEAR_GROUND_M


def _believed(sound: Sound, is_near_ground: bool | None) -> Sound:
    """Without what cannot be told here: voices far up, flutter on the ground, and neither where
    the height is not known."""
    doubtful = {True: ("flutter",), False: ("voices",), None: ("flutter", "voices")}
    unknown = doubtful[is_near_ground]
    return replace(
        sound, traits={name: it for name, it in sound.traits.items() if name not in unknown})


def _record(sound: Sound, situation: Situation) -> Note:
    body = SoundBody(heard=" ".join(sound.heard), level=round(sound.level_dbfs * 10))
    if sound.spl_db is not None:
        body["spl"] = round(sound.spl_db * 10)
    percents = {name: round(value * 100) for name, value in sound.traits.items()}
    body |= percents  # type: ignore[typeddict-item]
    if situation.altitude_m is not None:
        body["alt"] = round(situation.altitude_m)
    return Note(Kind.SOUND, body)
