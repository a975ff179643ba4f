"""One service as systemd runs it: restarted when it ends, killed when its watchdog expires.

The rules are those of ``systemd/spacepi-payload.service``: Restart=always, RestartSec=2, and for a
service that notifies TimeoutStartSec=60 and WatchdogSec=30.
"""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from sim.rig.live import Loop
from sim.rig.processes import Process

RESTART_S = 2.0
START_S_MAX = 60.0
WATCHDOG_S = 30.0
STOP_S_MAX = 15.0  # systemd waits ten; a busy bench may be slower
Spawn = Callable[[Callable[[int], None]], Process]


@dataclass(slots=True)
class Unit:
    """``spawn`` starts the process and takes what is to be told its exit status.

    ``counts`` has starts, kills (asked for by the rig), watchdog and crashes (asked for by nobody).
    """

    loop: Loop
    name: str
    spawn: Spawn
    tell: Callable[[str], None]
    on_start: Callable[[], None] = lambda: None
    on_end: Callable[[], None] = lambda: None
    on_crash: Callable[[str], None] = lambda what: None
    has_watchdog: bool = False
    process: Process | None = None
    counts: Counter[str] = field(default_factory=Counter)
    is_ready: bool = False
    _is_wanted: bool = False
    _is_end_expected: bool = False
    _restart_s: float = RESTART_S
    _heard_ms: int = 0  # the last notification; before the first, the start

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.is_running

    def start(self) -> None:
        """From now on it runs."""
        self._is_wanted = True
        if self.has_watchdog:
            self.loop.every(1.0, self._watch)
        self._start()

    def kill(self, off_s: float = RESTART_S) -> None:
        """kill -9; it is started again ``off_s`` later."""
        if self.is_running:
            self.counts["kills"] += 1
            self._end(signal.SIGKILL, off_s)

    def restart(self) -> None:
        """An orderly one: SIGTERM, and started again."""
        if self.is_running:
            self._end(signal.SIGTERM, RESTART_S)

    def stop(self) -> None:
        """An orderly end, for good; a process that does not come to it is killed, and that told."""
        self._is_wanted = False
        process = self.process
        if process is None or not process.is_running:
            return
        process.signal(signal.SIGCONT)
        self._end(signal.SIGTERM, RESTART_S)

        def insist() -> None:
            if process.is_running:
                self.on_crash(f"{self.name} did not end within {STOP_S_MAX:.0f} s of SIGTERM")
                process.signal(signal.SIGKILL)

        self.loop.after(STOP_S_MAX, insist)

    def abandon(self) -> None:
        """kill -9, for good."""
        self._is_wanted = False
        self._end(signal.SIGKILL, RESTART_S)

    def send_signal(self, number: signal.Signals) -> None:
        if self.process is not None:
            self.process.signal(number)

    def notify(self, message: str) -> None:
        """What came over the notification socket: assignments, one a line."""
        for line in message.splitlines():
            if line in ("READY=1", "WATCHDOG=1"):
                self._heard_ms = self.loop.clock.now_ms
                self.is_ready = self.is_ready or line == "READY=1"

    def _start(self) -> None:
        if not self._is_wanted or self.is_running:
            return
        self.is_ready = self._is_end_expected = False
        self._restart_s = RESTART_S
        self._heard_ms = self.loop.clock.now_ms
        self.process = self.spawn(self._on_exit)
        self.counts["starts"] += 1
        self.on_start()

    def _end(self, number: signal.Signals, off_s: float) -> None:
        self._is_end_expected = True
        self._restart_s = off_s
        self.send_signal(number)

    def _on_exit(self, status: int) -> None:
        self.on_end()
        # One that is killed before it has looked at SIGTERM has not answered it wrongly.
        if not self._is_end_expected or status not in (0, -signal.SIGTERM, -signal.SIGKILL):
            self.counts["crashes"] += 1
            how = "when asked to stop" if self._is_end_expected else "by itself"
            self.on_crash(f"{self.name} ended {how} with status {status}")
        self.loop.after(self._restart_s, self._start)

    def _watch(self) -> None:
        if not self.is_running or self._is_end_expected:
            return
        limit_s = WATCHDOG_S if self.is_ready else START_S_MAX
        silent_s = (self.loop.clock.now_ms - self._heard_ms) / 1000
        if silent_s > limit_s:
            self.counts["watchdog"] += 1
            self.tell(f"watchdog: nothing for {silent_s:.0f} s, killed")
            self._end(signal.SIGKILL, RESTART_S)
