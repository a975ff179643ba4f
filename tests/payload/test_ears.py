"""The ears: a scripted microphone; deadlines, strikes, what is believed and what is recorded."""

from __future__ import annotations

import pytest

from payload.ears import (
    BEYOND_TAKE_MS,
    CHANGE_MS_MIN,
    FIRST_TAKE_MS,
    RECORD_MS_MAX,
    STALE_MS,
    Listener,
)
from payload.notes import Note
from payload.ports import DeviceAbsent, DeviceGarbage, PortError
from payload.situation import Situation
from payload.sound import Sound
from payload.takes import OFF_MS, RETRY_MS
from tests.payload.slow_device import SlowDevice
from wire.beacon import Phase
from wire.mission_microphone import MicrophoneSection
from wire.records import Kind

SECTION = MicrophoneSection(device="plughw:1,0", every_s=30, take_s=6)
TAKE_MS = 7_000
WIND = {"quiet": 0.01, "wind": 0.98, "bang": 0.0, "flutter": 0.2, "voices": 0.9}


class FakeMicrophone(SlowDevice[dict[str, float]]):
    """Takes seven seconds for a sound."""

    def __init__(self, result: dict[str, float] | PortError | None = None) -> None:
        super().__init__(result, TAKE_MS)

    def poll(self, now_ms: int) -> Sound | PortError | None:
        heard = self.ended(now_ms)
        return Sound(now_ms, -32.14, 88.06, dict(heard)) if isinstance(heard, dict) else heard


class Bench:
    """Listens second by second; ``notes`` are of all of it."""

    def __init__(self, result: dict[str, float] | PortError | None = None) -> None:
        self.microphone = FakeMicrophone(result)
        self.ears = Listener(self.microphone, SECTION)
        self.now_s = 0
        self.notes: list[Note] = []

    def run(self, seconds: int, phase: Phase = Phase.ASCENT, altitude_m: float | None = 5_000.0,
            is_allowed: bool = True) -> None:
        for _ in range(seconds):
            situation = Situation(now_ms=self.now_s * 1000, phase=phase, altitude_m=altitude_m)
            self.notes += self.ears.update(situation, is_allowed, 100.0)
            self.now_s += 1

    @property
    def events(self) -> list[str]:
        return [str(note.body["event"]) for note in self.notes if note.kind is Kind.EVENT]

    @property
    def sounds(self) -> list[str]:
        return [str(note.body["heard"]) for note in self.notes if note.kind is Kind.SOUND]


def test_without_a_microphone_or_a_section_there_are_no_ears() -> None:
    """Goal: absent is not failed: no event, no take, nothing known."""
    for ears in (Listener(None, SECTION), Listener(FakeMicrophone(WIND), None)):
        for second in range(200):
            assert ears.update(Situation(now_ms=second * 1000), True, None) == []
        assert ears.known(200_000) is None and not ears.is_failing


def test_it_listens_in_time_and_records_what_it_hears() -> None:
    """Goal: takes at their interval, and one record with every number in its unit."""
    bench = Bench(WIND)
    bench.run(90)
    first = FIRST_TAKE_MS
    assert bench.microphone.starts == [first, first + 30_000, first + 60_000]
    assert [note.body for note in bench.notes] == [{
        "heard": "wind", "level": -321, "spl": 881, "quiet": 1, "wind": 98, "bang": 0,
        "flutter": 20, "alt": 5000,
    }]


def test_it_does_not_listen_where_power_forbids_it() -> None:
    bench = Bench(WIND)
    bench.run(100, is_allowed=False)
    assert bench.microphone.starts == []


@pytest.mark.parametrize(("phase", "altitude_m", "missing"), [
    (Phase.GROUND, None, {"flutter"}), (Phase.LANDED, 90.0, {"flutter"}),
    (Phase.DESCENT, 399.0, {"flutter"}), (Phase.DESCENT, 400.0, {"voices"}),
    (Phase.ASCENT, None, {"flutter", "voices"}),
])
def test_what_cannot_be_told_here_is_unknown(
    phase: Phase, altitude_m: float | None, missing: set[str]
) -> None:
    """Goal: no voices above 300 m, no parachute on the ground, neither where nobody knows."""
    bench = Bench(WIND)
    bench.run(40, phase, altitude_m)
    sound = bench.ears.known(bench.now_s * 1000)
    assert sound is not None and WIND.keys() - sound.traits.keys() == missing


def test_stale_is_unknown() -> None:
    """Goal: a take is known for three minutes, and not a millisecond longer."""
    bench = Bench(WIND)
    bench.run(40)
    bench.microphone.result = None
    taken_ms = FIRST_TAKE_MS + TAKE_MS
    assert bench.ears.known(taken_ms + STALE_MS) is not None
    assert bench.ears.known(taken_ms + STALE_MS + 1) is None


def test_the_same_is_recorded_seldom_another_soon_and_a_bang_at_once() -> None:
    """Goal: records are bounded, and nothing new is lost. Method: wind for an hour, then others."""
    bench = Bench(WIND)
    bench.run(3600)
    assert len(bench.sounds) == 1 + 3600_000 // RECORD_MS_MAX - 1
    bench.notes.clear()
    for traits in ({"quiet": 0.9}, {"wind": 0.9}) * 60:
        bench.microphone.result = traits
        bench.run(30)
    assert len(bench.sounds) <= 3600_000 // CHANGE_MS_MIN, "one a minute at most"
    bench.notes.clear()
    bench.microphone.result = {"bang": 0.9}
    bench.run(60)
    assert bench.sounds == ["bang", "bang"]


def test_a_take_that_never_ends_is_cancelled_at_its_deadline() -> None:
    """Goal: cancelled once, tried again after the pause, off after three, back by itself."""
    bench = Bench(None)
    bench.run(20 + 22)
    deadline_ms = SECTION.take_s * 1000 + BEYOND_TAKE_MS
    assert bench.microphone.cancelled == [FIRST_TAKE_MS + deadline_ms]
    bench.run(200)
    assert len(bench.microphone.cancelled) == 3 and bench.events == ["microphone_lost"]
    assert bench.microphone.starts[1] - bench.microphone.cancelled[0] == RETRY_MS
    assert bench.ears.is_failing and bench.ears.last_failure == "timeout"
    bench.microphone.result = WIND
    bench.run(OFF_MS // 1000)
    assert bench.events == ["microphone_lost", "microphone_returned"]
    assert not bench.ears.is_failing and bench.ears.last_failure == ""


@pytest.mark.parametrize("failure", [
    DeviceAbsent("plughw:1,0 records nothing: No such file or directory, as the library says"),
    DeviceGarbage("The microphone is dead: every sample is 0."), PortError(),
])
def test_a_failure_is_told_once_with_its_reason(failure: PortError) -> None:
    """Goal: three strikes, one event, bounded words; a dead microphone is no quiet place."""
    bench = Bench(failure)
    bench.run(300)
    assert bench.events == ["microphone_lost"] and bench.sounds == []
    reason = bench.notes[0].body["fields"]["reason"]
    assert reason.split()[0] == (str(failure) or "PortError").split()[0] and len(reason) <= 60
    assert bench.ears.known(300_000) is None


def test_a_worker_that_refuses_is_a_strike() -> None:
    bench = Bench(WIND)
    bench.microphone.takes = False
    bench.run(120)
    assert bench.events == ["microphone_lost"] and bench.ears.last_failure == "refused"
