"""Record ids: numbers unique over all lives of this payload.

Ordinary ids rise by one, from one that a store draws when it begins empty. The disk knows up to
where they may be taken, some way ahead of use, so that a life after this one begins behind whatever
went out. What it may not know, because it did not count this life or does not take the next
thousand, is numbered in a series of its own, in a place that is drawn for each life.
"""

from __future__ import annotations

import random

FIRST_IDS = 1 << 26  # the first id, among these: four bytes on the air where it is sent in full
SALVAGE_IDS = 1 << 20  # left out after a salvage, more than a life gives,
SALVAGE_JUMPS = 64  # and up to so many times
DISKLESS_ID = 1 << 31
DISKLESS_IDS = 1 << 20  # to a place
PLACES = 1 << 11
AHEAD_IDS = 1024  # left out at a boot: as many may have gone out from RAM while the disk failed
IDS_KEY = "ids_upto"  # in the store,
INCARNATION_KEY = "incarnation"  # as this, which it draws too when it begins (``wire.session``)


class RecordIds:
    """Of one life."""

    def __init__(self, chance: random.Random) -> None:
        """``chance`` draws what no other life may have."""
        first = DISKLESS_ID + chance.randrange(PLACES) * DISKLESS_IDS
        self.place_ids = first, first + DISKLESS_IDS
        self._chance = chance
        self._next_id = 0  # until the disk has said which are taken
        self._diskless_id = first

    @property
    def newest_id(self) -> int:
        """The latest ordinary id that was given, or was taken before; before the first any."""
        return self._next_id - 1

    def begin(self, taken_upto: int, is_salvaged: bool) -> None:
        """The disk knows which are taken, but for those that a salvage lost: they may be on the
        ground. Of an empty one that is 0."""
        left_out = SALVAGE_IDS * self._chance.randint(1, SALVAGE_JUMPS) if is_salvaged else 0
        self._next_id = (taken_upto or self._chance.randrange(FIRST_IDS)) + left_out + 1

    def move(self, taken_id: int, records: int) -> range:
        """An earlier life drew the same place and used it up to ``taken_id``: other ids for so many
        records, and for those to come."""
        self._diskless_id = taken_id + 1 + records
        return range(taken_id + 1, self._diskless_id)

    def ahead(self, kept_upto: int) -> int:
        """Up to where the disk is to know that ids may be taken, which is ``kept_upto`` now."""
        is_near = self._next_id + AHEAD_IDS // 2 > kept_upto
        return self._next_id + AHEAD_IDS if is_near else kept_upto

    def take(self, durable_upto: int) -> int:
        """The next id: an ordinary one up to ``durable_upto``."""
        if 0 < self._next_id <= durable_upto:
            self._next_id += 1
            return self._next_id - 1
        self._diskless_id += 1
        return self._diskless_id - 1
