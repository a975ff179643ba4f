"""Fakes for tests of the flight core: each obeys its port and records what was asked of it."""

from __future__ import annotations

from payload.ports import (
    ApiRequest,
    DeviceAbsent,
    GnssFix,
    HeardFrame,
    MindReply,
    MindRequest,
    Reading,
)

WORDS = ("salt", "wool", "brass", "string", "kettle", "gull", "solder", "tide", "fog", "lamp")


class FakeRadio:
    """Sends one frame per ``airtime_ms``; what was sent and when is in ``sent``."""

    mtu_bytes = 222
    identity: str | None = None

    def __init__(self, airtime_ms: int = 400) -> None:
        self.sent: list[tuple[int, bytes]] = []
        self.heard: list[bytes] = []
        self.is_dead = False
        self._airtime_ms = airtime_ms
        self._busy_until_ms = 0

    def offer(self, frame: bytes, now_ms: int) -> bool:
        if self.is_dead:
            raise DeviceAbsent("radio")
        if now_ms < self._busy_until_ms:
            return False
        self._busy_until_ms = now_ms + self._airtime_ms
        self.sent.append((now_ms, frame))
        return True

    def poll(self, now_ms: int) -> list[HeardFrame]:
        if self.is_dead:
            raise DeviceAbsent("radio")
        heard, self.heard = self.heard, []
        return [HeardFrame(data) for data in heard]

    def is_idle(self, now_ms: int) -> bool:
        return now_ms >= self._busy_until_ms


FIRST_FIX_MS = 1_780_000_000_000  # 2026-05-28T20:26:40Z


class FakeGnss:
    """A fix a second at a place that the test sets."""

    dynamic_model: int | None = 6
    jam_indicator: int | None = None

    def __init__(self, altitude_m: float = 100.0, utc_ms: int = FIRST_FIX_MS) -> None:
        self.altitude_m = altitude_m
        self.climb_mps = 0.0
        self.is_silent = False
        self._utc_ms = utc_ms
        self._last_ms = -1000

    def poll(self, now_ms: int) -> list[GnssFix]:
        if self.is_silent or now_ms - self._last_ms < 1000:
            return []
        self._last_ms = now_ms
        self.altitude_m += self.climb_mps
        drift_deg = now_ms * 1e-9  # a receiver never repeats itself exactly
        return [GnssFix(
            now_ms, 3, 9, self._utc_ms + now_ms, 52.0 + drift_deg, 4.0, self.altitude_m,
            self.climb_mps, 2.0, 90.0,
        )]


class FakeSensor:
    """Answers ``values`` until told to be absent."""

    def __init__(self, name: str, values: dict[str, float]) -> None:
        self.name = name
        self.values = values
        self.is_absent = False
        self._reads = 0

    def read(self, now_ms: int) -> Reading:
        if self.is_absent:
            raise DeviceAbsent(self.name)
        values = dict(self.values)
        if "temperature_c" in values:  # real air never stands quite still, and the core knows it
            self._reads += 1
            values = {name: value + 0.001 * (self._reads % 7) for name, value in values.items()}
        return Reading(now_ms, values)


class FakeMind:
    """Answers after ``think_ms`` with a new sentence each time, or never when it hangs."""

    def __init__(self, think_ms: int = 3000) -> None:
        self.requests: list[MindRequest] = []
        self.is_hung = False
        self.cancels = 0
        self._due_ms: int | None = None
        self._think_ms = think_ms

    def start(self, request: MindRequest, now_ms: int) -> bool:
        self.requests.append(request)
        self._due_ms = now_ms + self._think_ms
        return True

    def poll(self, now_ms: int) -> MindReply | None:
        if self._due_ms is None or now_ms < self._due_ms or self.is_hung:
            return None
        self._due_ms = None
        number = len(self.requests)
        text = " ".join(WORDS[int(d)] for d in f"{number * 7919:05d}")
        return MindReply(self.requests[-1].request_id, [f"I think of {text}."], 300, 60, 12, 900)

    def cancel(self, now_ms: int) -> None:
        self.cancels += 1
        self._due_ms = None


class SilentHttp:
    """Nobody ever answers."""

    def start(self, request: ApiRequest, now_ms: int) -> bool:
        return True

    def poll(self, now_ms: int) -> None:
        return None

    def cancel(self, now_ms: int) -> None:
        return None


class CountingWatchdog:
    """Counts."""

    def __init__(self) -> None:
        self.pets = 0

    def ready(self) -> None:
        return None

    def pet(self) -> None:
        self.pets += 1
