"""The merged log of all processes, with times: on the screen, in ``rig.log``, and as evidence.

The daemon tells an event only after the commit that made it durable. So each event in its log is a
promise that the store must keep, whatever kills the daemon a moment later.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from sim.clock import SimClock
from sim.rig.screen import PERSONA

# Log events of the daemon that are not records.
OWN_WORDS = frozenset((
    "flying", "stopped", "signing", "not_signing", "deaf_to_commands", "no_persona", "no_memory",
    "no_run_dir", "log_lost", "musing", "reply", "question",
))
_FIELD = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|\S*)')
_STAMP = re.compile(r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d[:.\d]*Z? ")
TRACEBACK = "Traceback (most recent call last)"


class Journal:
    """``told[boot]`` counts the daemon's events of a boot; ``distrusted`` boots ended without a
    disk that takes what they told.
    """

    def __init__(self, clock: SimClock, folder: Path, show: Callable[[str], None]) -> None:
        """``show`` gets each line that a person may want to see."""
        self.logged: dict[int, Counter[str]] = {}
        self.distrusted: set[int] = set()
        self.tracebacks: list[str] = []
        self.events: Counter[str] = Counter()  # of the daemon, all boots
        self._clock, self._show = clock, show
        self._folder = folder
        self._boot = 0

    def note(self, who: str, words: str) -> None:
        """One line: when, who, what."""
        tenths = self._clock.now_ms // 100
        seconds = tenths // 10
        at = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{tenths % 10}"
        line = f"{at}  {who:<8} {words}"
        self._keep("rig.log", line)
        self._show(line)

    def on_payload(self, line: str) -> None:
        """A line of the daemon's log, or of the mind worker's, which shares it."""
        self._keep("payload.log", line)
        self._look_for_traceback("payload", line)
        fields = {key: value.strip('"') for key, value in _FIELD.findall(line)}
        if line.startswith("{"):
            self._on_mind(line)
        elif "event" in fields:
            self._count(fields)
            if fields["event"] in PERSONA and "text" in fields:
                self.note(fields["event"], f"“{fields['text']}”")
                return
            level = "" if fields.get("level") == "info" else f"{fields.get('level')} "
            rest = " ".join(
                f"{key}={value}" for key, value in _FIELD.findall(line)
                if key not in ("timestamp", "level", "event")
            )
            self.note("payload", f"{level}{fields['event']} {rest}".rstrip())
        else:
            self.note("payload", line)

    def on_station(self, line: str) -> None:
        """A line of the station's log."""
        self._keep("station.log", line)
        self._look_for_traceback("station", line)
        self.note("station", " ".join(_STAMP.sub("", line).split()))

    def _on_mind(self, line: str) -> None:
        try:
            words = json.loads(line)
        except ValueError:
            words = {"event": line}
        event = words.pop("event", "?")
        words.pop("level", None)
        self.note("mind", " ".join([str(event), *(f"{k}={v}" for k, v in words.items())]))

    def _count(self, fields: dict[str, str]) -> None:
        event = fields["event"]
        self.events[event] += 1
        if event == "flying":
            self._boot = int(fields["boot"])
            self.logged.setdefault(self._boot, Counter())
        elif event == "store_failing":
            self.distrusted.add(self._boot)
        elif event == "store_returned":
            self.distrusted.discard(self._boot)
        if event not in OWN_WORDS and self._boot:
            self.logged[self._boot][event] += 1

    def _look_for_traceback(self, who: str, line: str) -> None:
        if TRACEBACK in line:
            self.tracebacks.append(who)

    def _keep(self, name: str, line: str) -> None:
        with (self._folder / name).open("a", encoding="utf-8") as file:
            file.write(line + "\n")
