"""The ears: one take at a time, what of it can be believed here, and when it is worth a record.

The worker is killed at the deadline held here. Three failures in a row and it is left off for ten
minutes; a dead microphone, whose takes are no sound, is a failure, a quiet place is none. Only the
numbers of a take come here, never its samples.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from textwrap import shorten

from payload.notes import Note, event
from payload.ports import PortError
from payload.situation import Situation
from payload.sound import Microphone, Sound
from wire.beacon import Phase
from wire.mission_microphone import MicrophoneSection
from wire.record_bodies import SoundBody
from wire.records import Kind

FIRST_TAKE_MS = 20_000
BEYOND_TAKE_MS = 15_000  # what the worker may need to start and to end, on a busy Pi Zero
STRIKES_MAX = 3
OFF_MS = 600_000
RETRY_MS = 30_000  # after a strike
STALE_MS = 180_000  # older, and at longer intervals than this, nobody knows what there is to hear
CHANGE_MS_MIN = 60_000  # between two records of what it hears, unless of a bang
RECORD_MS_MAX = 600_000  # after this the same is recorded again
NEAR_GROUND_M = 300.0  # below, there may be voices; a parachute flutters in the air alone
REASON_LETTERS_MAX = 60
_ON_GROUND = frozenset((Phase.GROUND, Phase.LANDED))


class Listener:
    """Listens every ``every_s`` while allowed; without a ``microphone`` it does nothing."""

    def __init__(self, microphone: Microphone | None, section: MicrophoneSection | None) -> None:
        self._microphone = microphone if section is not None else None
        self._every_ms = 0 if section is None else section.every_s * 1000
        self._deadline_ms = BEYOND_TAKE_MS + (0 if section is None else section.take_s * 1000)
        self._due_ms: int | None = None
        self._started_ms: int | None = None
        self._strikes = 0
        self._is_near_ground: bool | None = None  # as the take began
        self.last: Sound | None = None  # however long ago
        self._recorded: Sound | None = None
        self.is_failing = False  # off after its strikes, until it hears again
        self.last_failure = ""  # why there was no take, "" while there is one

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
        if self._due_ms is None:
            self._due_ms = now_ms + FIRST_TAKE_MS
        if self._started_ms is not None:
            return self._collect(self._microphone, self._started_ms, situation)
        if not is_allowed or now_ms < self._due_ms:
            return []
        self._is_near_ground = _is_near_ground(situation, ground_altitude_m)
        try:
            is_taken = self._microphone.start(now_ms)
        except (PortError, OSError) as error:
            return self._strike(type(error).__name__, now_ms)
        if not is_taken:
            return self._strike("refused", now_ms)
        self._started_ms = now_ms
        return []

    def _collect(
        self, microphone: Microphone, started_ms: int, situation: Situation
    ) -> list[Note]:
        now_ms = situation.now_ms
        try:
            result = microphone.poll(now_ms)
        except (PortError, OSError) as error:
            result = PortError(type(error).__name__)
        if result is None:
            if now_ms - started_ms < self._deadline_ms:
                return []
            with contextlib.suppress(PortError, OSError):
                microphone.cancel(now_ms)
            return self._strike("timeout", now_ms)
        if not isinstance(result, Sound):
            return self._strike(str(result) or type(result).__name__, now_ms)
        notes = [event("microphone_returned")] if self.is_failing else []
        self.is_failing, self.last_failure, self._strikes = False, "", 0
        self._started_ms, self._due_ms = None, started_ms + self._every_ms
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

    def _strike(self, reason: str, now_ms: int) -> list[Note]:
        """Count a failure; at the third in a row, and at each one after, leave it off."""
        self._started_ms = None
        self._strikes += 1
        self.last_failure = reason
        is_out = self._strikes >= STRIKES_MAX
        self._due_ms = now_ms + (OFF_MS if is_out else RETRY_MS)
        if not is_out or self.is_failing:
            return []
        self.is_failing = True
        brief = shorten(reason, REASON_LETTERS_MAX, placeholder=" …")  # it goes over the air
        return [event("microphone_lost", "warning", reason=brief, off_s=OFF_MS // 1000)]


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
