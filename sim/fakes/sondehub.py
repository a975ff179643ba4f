"""A fake SondeHub Amateur: it accepts, refuses, fails, is busy, or does not answer.

It remembers how often it took each position and how often its answer got through, so that a fault
can ask afterwards whether every position was settled once.
"""

from __future__ import annotations

import gzip
import json
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

from groundstation.share.sondehub import Unanswered, UploadAnswer, UploadRequest

REQUIRED = ("datetime", "uploader_callsign", "software_name", "payload_callsign")
Key = tuple[str, str, int]  # callsign, datetime, frame
Entries = list[dict[str, Any]]


class StationKilled(Exception):
    """The station was killed between the answer and its record."""


class SimSondeHub:
    """Its moods are drawn until it is ``calm``. ``flaws`` are what it should never have been sent.
    """

    def __init__(self, rng: random.Random) -> None:
        self.is_calm = False
        self.may_kill = False
        self.stored: Counter[Key] = Counter()
        self.settled: Counter[Key] = Counter()  # its answer got through
        self.unsettled: Counter[Key] = Counter()  # it took them, and its answer did not
        self.alone: Counter[Key] = Counter()  # it was the only one of a request, as in a test
        self.answers: Counter[str] = Counter()
        self.flaws: list[str] = []
        self._contents: dict[Key, str] = {}
        self._rng = rng
        self._moods: list[Callable[[Entries], UploadAnswer]] = []  # each comes once in every round

    def __call__(self, put: UploadRequest) -> UploadAnswer:
        """Raises Unanswered for silence and StationKilled for the end of the station."""
        entries = json.loads(gzip.decompress(put.body))
        self.flaws += [flaw for entry in entries if (flaw := self._flaw(entry))]
        if len(entries) == 1:
            self.alone.update(map(_key, entries))
        if self.may_kill and self._rng.random() < 0.5:
            self.answers["killed"] += 1
            self._lose(entries)
            raise StationKilled
        mood = self._take if self.is_calm or self.may_kill else self._mood()
        self.answers[mood.__name__.strip("_")] += 1
        return mood(entries)

    def _mood(self) -> Callable[[Entries], UploadAnswer]:
        if not self._moods:
            self._moods = [
                self._take, self._take, self._take_some, self._refuse, self._break, self._be_busy,
                self._show_log_in, self._be_silent, self._forget_to_answer]
            self._rng.shuffle(self._moods)
        return self._moods.pop()

    def _flaw(self, entry: dict[str, Any]) -> str | None:
        if not all(isinstance(entry.get(name), str) for name in REQUIRED):
            return f"an entry lacks one of {', '.join(REQUIRED)}"
        if not all(isinstance(entry.get(name), int | float) for name in ("lat", "lon", "alt")):
            return "an entry has no place"
        text = json.dumps({**entry, "musing": None}, sort_keys=True)
        if self._contents.setdefault(_key(entry), text) != text:
            return f"{_key(entry)} was sent twice with different contents"
        return None

    def _take(self, entries: Entries) -> UploadAnswer:
        self._keep(entries)
        return UploadAnswer(200, b"^v^ telm logged")

    def _take_some(self, entries: Entries) -> UploadAnswer:
        """202: the first one is not stored."""
        self._keep(entries[1:])
        self.settled.update([_key(entries[0])])
        errors = [{"error_message": "Missing alt field", "payload": entries[0]}]
        return UploadAnswer(202, json.dumps({"errors": errors, "warnings": []}).encode())

    def _refuse(self, entries: Entries) -> UploadAnswer:
        self.settled.update(map(_key, entries))
        return UploadAnswer(400, b"Not valid json")

    def _break(self, _: Entries) -> UploadAnswer:
        status = self._rng.choice((500, 502, 503))
        return UploadAnswer(status, b'{"message": "Internal server error"}')

    def _be_busy(self, _: Entries) -> UploadAnswer:
        return UploadAnswer(429, b"Too Many Requests", 60.0)

    def _show_log_in(self, _: Entries) -> UploadAnswer:
        return UploadAnswer(200, b"<html><title>Welcome to our Wi-Fi</title></html>")

    def _be_silent(self, _: Entries) -> UploadAnswer:
        raise Unanswered("timed out")

    def _forget_to_answer(self, entries: Entries) -> UploadAnswer:
        self._lose(entries)
        raise Unanswered("timed out")

    def _keep(self, entries: Entries) -> None:
        self.stored.update(map(_key, entries))
        self.settled.update(map(_key, entries))

    def _lose(self, entries: Entries) -> None:
        self.stored.update(map(_key, entries))
        self.unsettled.update(map(_key, entries))


def _key(entry: dict[str, Any]) -> Key:
    return entry["payload_callsign"], entry["datetime"], entry["frame"]
