"""The payload's daemon as its supervisor sees it: started, stepped, stalled, killed, restarted.

A power cut and a kill are the same to it: the flight object is dropped with everything that it had
not committed, and its disk stays. Nothing is closed in a kill.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable
from typing import Protocol

from payload.flight import Flight
from payload.storage.durable_store import OPEN_MS_MAX
from sim.clock import SimClock
from sim.fakes.card_disk import CardStore
from sim.fakes.services import SimWatchdog, WatchdogBite

RESTART_MS = 4_000  # systemd waits 2 s, and Python starts
WATCH_EVERY_MS = 1_000
LOOK_MS = 50  # as payload.__main__ waits for the disk at the start


class Observer(Protocol):
    """Looks on and changes nothing: the checks, the trace."""

    def on_boot(self) -> None: ...
    def on_step(self) -> None: ...
    def on_send(self, frame: bytes) -> None: ...
    def on_uplink(self, frame: bytes) -> None: ...
    def on_crash(self, error: Exception) -> None: ...


class Daemon:
    """``flight`` and ``store`` are None while it does not run.

    With observers a step that raises is told to them, and the daemon is started again as systemd
    would; without any it is an error of the test.
    """

    def __init__(
        self, clock: SimClock, watchdog: SimWatchdog, observers: list[Observer],
        plan: Callable[[int, Callable[[], None]], None],
        open_store: Callable[[], CardStore], make: Callable[[CardStore], Flight],
        drop: Callable[[], None],
    ) -> None:
        """``make`` wires a new flight, ``drop`` tells the devices that nobody waits any more.

        Whoever looks on may put another ``open_store`` in its place, and a ``postpone`` that says
        when the step that is due then begins: later, where it would only find the channel busy.
        """
        self.flight: Flight | None = None
        self.store: CardStore | None = None
        self.boots = 0
        self.started_ms = 0  # the process; the flight begins when its disk is open, or is late
        self.stuck_parts: dict[str, int] = {}  # part -> since when, ms
        self._clock = clock
        self._watchdog = watchdog
        self._observers = observers
        self._plan = plan
        self.open_store = open_store
        self.postpone: Callable[[int], int] = lambda due_ms: due_ms
        self._make = make
        self._drop = drop
        self._boot_ms = 0
        self._life = 0  # counts kills: what was planned before one is void
        self._stalled_until_ms = 0
        self._died_ms = 0

    @property
    def now_ms(self) -> int:
        """Now, as the flight counts it: ms since its boot."""
        return self._clock.now_ms - self._boot_ms

    def start_at(self, at_ms: int, may_start: Callable[[], bool]) -> None:
        """Start then, unless it is killed once more before or ``may_start`` says no."""
        life = self._life

        def start() -> None:
            if life == self._life and self.store is None and may_start():
                self._start()

        self._plan(at_ms, start)

    def kill(self) -> None:
        """Gone, with everything that it had not committed."""
        self._life += 1
        self._stalled_until_ms = 0
        self.stuck_parts.clear()
        self.flight = None
        self.store = None
        gc.collect()  # so that the file's lock goes now, as it does with a real process
        self._drop()

    def restart(self, at_ms: int | None = None) -> None:
        """The supervisor kills it and starts it again; the Pi stays on."""
        self.kill()
        begin_ms = self._clock.now_ms if at_ms is None else at_ms
        self.start_at(begin_ms + RESTART_MS, lambda: True)

    def stall(self, until_ms: int) -> None:
        """It gets no processor time, or waits in a call, until then."""
        self._stalled_until_ms = max(self._stalled_until_ms, until_ms)

    def stick(self, part: str) -> None:
        """``part`` makes no progress any more until the daemon is started again."""
        if self.flight is None:
            return
        self.stuck_parts[part] = self._clock.now_ms
        mark = self.flight.health.mark

        def mark_others(name: str, now_ms: int) -> None:
            if name != part:
                mark(name, now_ms)

        setattr(self.flight.health, "mark", mark_others)  # noqa: B010  a bound method, replaced

    def watch(self) -> None:
        """Once a second: who does not pet the watchdog is started again."""
        if self.flight is not None and self._watchdog.is_overdue:
            self._watchdog.bites += 1
            self.restart()

    def _start(self) -> None:
        self.boots += 1
        self.started_ms = self._clock.now_ms
        self._watchdog.start()
        self.store = self.open_store()
        self._begin(self._life)

    def _begin(self, life: int) -> None:
        """The flight begins when its disk is open, or when that takes too long."""
        if self.store is None or life != self._life:
            return
        waited_ms = self._clock.now_ms - self.started_ms
        if not self.store.open() and waited_ms < OPEN_MS_MAX:
            self._plan(self._clock.now_ms + LOOK_MS, lambda: self._begin(life))
            return
        self.flight = self._make(self.store)
        self._boot_ms = self._clock.now_ms
        for observer in self._observers:
            observer.on_boot()
        self._step(life)

    def _step(self, life: int) -> None:
        """One step; of ``life`` and not of a flight, which would keep its disk locked."""
        if self.flight is None or life != self._life:
            return
        now_ms = self._clock.now_ms
        if now_ms < self._stalled_until_ms:
            self._plan(self._stalled_until_ms, lambda: self._step(life))
            return
        due_ms = self._advance(now_ms)
        if due_ms is None:  # only here does nothing refer to the flight any more
            self.restart(self._died_ms)
            return
        assert due_ms > now_ms, "the flight requested a step in the past"
        for observer in self._observers:
            observer.on_step()
        if self.flight.commands.is_ending:
            self.flight.end(self.now_ms)
            self.restart()
            return
        blocked_ms = self._watchdog.take_blocked_ms()  # a device kept it waiting inside the step
        begin_ms = self.postpone(max(due_ms, now_ms + blocked_ms))
        self._plan(begin_ms, lambda: self._step(life))

    def _advance(self, now_ms: int) -> int | None:
        """When the next step is due; None when this one was its last."""
        assert self.flight is not None
        try:
            with contextlib.suppress(WatchdogBite):
                return self._boot_ms + self.flight.step(now_ms - self._boot_ms)
        except Exception as error:
            if not self._observers:
                raise
            for observer in self._observers:
                observer.on_crash(error)
            self._died_ms = now_ms
        else:
            self._died_ms = self._watchdog.petted_ms + self._watchdog.limit_ms
        return None
