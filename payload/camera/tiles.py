"""Tiles: decides which pictures are sent in full, and in what order their tiles go.

The thumbnail of a picture is always sent. Its tiles are ten times as large and use spare airtime
(``Priority.BULK``), so they become records only while no tile of an earlier picture is unsent, or
when the ground asked for the picture. Of the pictures taken meanwhile the best one waits here, in
memory; the others remain thumbnails and are counted.
"""

from __future__ import annotations

from dataclasses import dataclass

from payload.notes import Note, event
from payload.storage.durable_store import Store
from wire.record_bodies import TileBody
from wire.records import Kind, Priority

CHECK_EVERY_MS = 5_000  # how often to check whether the waiting picture may go
WAITING_MAX = 1  # pictures that wait with their tiles: about 30 kB of memory
# The worth of each scene: cloud from inside is grey, night is black.
_WORTH: dict[str | None, int] = {"horizon": 2, "sun": 2, "cloud": 1}


@dataclass(frozen=True, slots=True)
class TiledPicture:
    """A picture in tiles: ``tiles`` maps the index, row by row from the top left, to the bytes."""

    number: int
    scene: str | None
    columns: int
    rows: int
    tiles: dict[int, bytes]

    @property
    def rank(self) -> tuple[int, int]:
        """Larger is better: the scene, then the bytes. At one quality, more bytes is more detail,
        which is how PITS chooses its picture (snapper.c)."""
        return _WORTH.get(self.scene, 0), sum(map(len, self.tiles.values()))


def centre_out(columns: int, rows: int) -> list[int]:
    """Every place of the grid, those nearest to the middle of the picture first.

    A picture that breaks off is then sharp where one looks, with its soft thumbnail around it.
    """

    def off_centre(place: int) -> float:
        row, column = divmod(place, columns)
        across, down = (2 * column + 1 - columns) / columns, (2 * row + 1 - rows) / rows
        return across * across + down * down

    return sorted(range(columns * rows), key=off_centre)


class WholePictures:
    """At most one picture's tiles are on their way at a time, unless the ground asks for more."""

    def __init__(self, store: Store) -> None:
        self.skipped_pictures = 0
        self._store = store
        self._waiting: list[TiledPicture] = []
        # Tiles with ids up to this one do not count as waiting: they are of earlier boots, or
        # their blocks made room, and they go after the newer ones.
        self._after_id = store.newest_id
        self._skipped_in_a_row = 0
        self._check_due_ms = 0

    def may_go(self, is_asked_for: bool) -> bool:
        """Whether a picture taken now goes whole at once."""
        return is_asked_for or not self._store.has_queued(Priority.BULK, self._after_id)

    def update(self, now_ms: int) -> list[Note]:
        """Lay down the picture that waits, once its turn has come."""
        if not self._waiting or now_ms < self._check_due_ms:
            return []
        self._check_due_ms = now_ms + CHECK_EVERY_MS
        return self.lay(self._waiting.pop()) if self.may_go(False) else []

    def lay(self, whole: TiledPicture) -> list[Note]:
        """The tiles as notes. The store gives the newest tile first, so the middle comes last."""
        notes = []
        if self._skipped_in_a_row:
            notes.append(event("tiles_resumed", skipped_pictures=self._skipped_in_a_row))
            self._skipped_in_a_row = 0
        if self.may_go(False):
            self._after_id = self._store.newest_id
        order = reversed(centre_out(whole.columns, whole.rows))
        return notes + [Note(Kind.TILE, _body(whole, at)) for at in order if at in whole.tiles]

    def hold(self, whole: TiledPicture) -> list[Note]:
        """Keep the better of it and the picture that waits; of the other only the thumbnail is
        sent."""
        self._waiting.append(whole)
        if len(self._waiting) <= WAITING_MAX:
            return []
        self._waiting.sort(key=lambda waiting: waiting.rank)
        skipped = self._waiting.pop(0)
        self.skipped_pictures += 1
        self._skipped_in_a_row += 1
        is_first = self._skipped_in_a_row == 1
        return [event("tiles_skipped", picture=skipped.number)] if is_first else []


def _body(whole: TiledPicture, place: int) -> TileBody:
    return TileBody(picture=whole.number, index=place, cols=whole.columns, rows=whole.rows,
                    image=whole.tiles[place])
