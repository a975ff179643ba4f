"""SAFE mode: begins after several starts in a row that did not last, and ends by itself.

A start is *unproven* until it has lasted ten minutes or ended in an orderly way. The third unproven
start in a row is SAFE: beacon, GNSS and store continue; mind, camera and API calls, the likeliest
causes of a crash, are off. SAFE ends by itself once the start has lasted: a balloon has three hours
and perhaps no uplink. It needs no clock, because there is none at a start.

Before the launch a payload is switched off by pulling its plug, which does not count as a crash. In
the air a lost supply does, because nobody is there to switch it off.
"""

from __future__ import annotations

from typing import Any

from payload.notes import Note, event
from payload.ports import Board
from payload.storage.durable_store import Store
from wire.beacon import Phase

PROVEN_MS = 600_000
UNPROVEN_STARTS_MAX = 3  # the third in a row is SAFE
KEY = "unproven_starts"
MACHINE_KEY = "machine_boot"  # which boot of the machine the latest start belongs to
_WITH_ITS_MAKER = (Phase.BOOT, Phase.GROUND)  # after landing it may be anywhere


def is_switched_off(before: str | None, now: str | None, phase: Phase) -> bool:
    """Did the start before this one end because the payload was switched off before the launch?

    ``before`` and ``now`` are the machine's boots of the two, None where it does not say; ``phase``
    is the one in which the former ended.
    """
    return None not in (before, now) and before != now and phase in _WITH_ITS_MAKER


def begin(store: Store, board: Board | None, phase: Phase) -> StartHistory:
    """Count this start, in what will be the first commit; ``phase`` is that of the one before."""
    machine, before = None if board is None else board.boot_id(), store.get(MACHINE_KEY)
    begun = StartHistory(store.get(KEY), is_switched_off(before, machine, phase))
    store.put(KEY, begun.saved())
    if machine is not None:
        store.put(MACHINE_KEY, machine)
    return begun


class StartHistory:
    """Counts unproven starts. One per boot; ``saved()`` is stored with the first commit."""

    def __init__(self, saved: Any, was_switched_off: bool = False) -> None:
        """``saved`` is the result of ``saved()`` in the previous boot; anything invalid is 0.

        ``was_switched_off`` excuses the start before this one, and no earlier one.
        """
        before = saved if isinstance(saved, int) and 0 <= saved < 1 << 31 else 0
        self.unproven = max(0, before - was_switched_off) + 1
        self.is_safe = self.unproven >= UNPROVEN_STARTS_MAX
        self._safe_since_ms = 0
        self._is_reported = False

    def saved(self) -> int:
        return self.unproven

    def command_safe(self, is_safe: bool, now_ms: int) -> None:
        """A command enters or leaves SAFE; the count of starts stays what it is.

        What was entered by command lasts ten minutes too: the next command may never arrive.
        """
        self.is_safe = is_safe
        self._safe_since_ms = now_ms
        self._is_reported = is_safe

    def clear(self) -> None:
        """The flyer has found the cause, or there is none: this start is as good as the first."""
        self.unproven = 1
        self.is_safe = False

    def update(self, now_ms: int) -> list[Note]:
        """Let time pass."""
        notes = []
        if self.is_safe and not self._is_reported:
            self._is_reported = True
            notes.append(event("safe_entered", "warning", unproven_starts=self.unproven))
        if now_ms >= PROVEN_MS:
            self.unproven = 0
        if self.is_safe and now_ms - self._safe_since_ms >= PROVEN_MS:
            self.is_safe = False
            notes.append(event("safe_left", uptime_s=now_ms // 1000))
        return notes

    def end_orderly(self) -> None:
        """The daemon was asked to stop: that is no crash."""
        self.unproven = max(0, self.unproven - 1)
