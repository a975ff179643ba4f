"""Tiled pictures: which thumbnail and which tiles belong together.

A piece is judged once, when it is heard. The tables ``picture`` and ``tile`` hold what is sound:
for each picture number one thumbnail, one grid and one tile for each place, whatever came first.
What is left out stays a record like any other and is counted. A tile may come before its thumbnail.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from groundstation.archive.rows import key_of, life_and_id
from groundstation.decode.pictures import SIDE_MAX, TILE_SIDE_MAX, media_type
from wire.bodies import Body
from wire.records import TILES_ASIDE_MAX, Kind, Record, unpack_body

_NUMBER_MAX = (1 << 32) - 1
_SIDE_OF = {Kind.THUMBNAIL: SIDE_MAX, Kind.TILE: TILE_SIDE_MAX}
_Grid = tuple[int, int]
_Owner = tuple[int, int]  # node id, life


@dataclass(frozen=True, slots=True)
class Mosaic:
    """One picture as far as it was received; the keys are those of records."""

    thumbnail_key: int | None
    columns: int  # 0 while nothing says that there are tiles
    rows: int
    tiles: dict[int, int]  # place, row by row from the top left, to the key of the record


def keep(db: sqlite3.Connection, node_id: int, life: int, record: Record) -> str | None:
    """Sort a THUMBNAIL or TILE record that was just heard; each life numbers its own pictures.

    The tally under which it is counted when some of what it says is left out, else None.
    """
    if record.kind is Kind.TILE:
        return _keep_tile(db, (node_id, life), record)
    return _keep_thumbnail(db, (node_id, life), record)


def of_thumbnail(db: sqlite3.Connection, node_id: int, key: int) -> Mosaic:
    """The picture of this thumbnail, as of one moment: its first tile may come any time."""
    life, record_id = life_and_id(key)
    found = db.execute(
        "SELECT columns, rows, place, tile.record_id FROM picture"
        " LEFT JOIN tile USING (node_id, life, number)"
        " WHERE node_id = ? AND life = ? AND picture.record_id = ? ORDER BY place",
        (node_id, life, record_id),
    ).fetchall()
    columns, rows = found[0][:2] if found else (0, 0)
    tiles = {row[2]: key_of(life, row[3]) for row in found if row[2] is not None}
    return Mosaic(key, columns or 0, rows or 0, tiles)


def every(db: sqlite3.Connection, node_id: int) -> list[Mosaic]:
    """All pictures, oldest first; those without a received thumbnail come last."""
    thumbnails = db.execute(
        "SELECT life, record_id FROM record WHERE node_id = ? AND kind = ?"
        " ORDER BY life, record_id", (node_id, int(Kind.THUMBNAIL)),
    )
    found = [of_thumbnail(db, node_id, key_of(*row)) for row in thumbnails.fetchall()]
    orphans = db.execute(
        "SELECT life, number, columns, rows FROM picture WHERE node_id = ? AND record_id IS NULL"
        " ORDER BY life, number", (node_id,),
    ).fetchall()
    return found + [
        Mosaic(None, columns, rows, _tiles(db, node_id, life, number))
        for life, number, columns, rows in orphans
    ]


def thumbnail_row(db: sqlite3.Connection, node_id: int, row_id: int) -> int | None:
    """The row of ``record`` with the thumbnail of the tile in row ``row_id``, if it is one."""
    row = db.execute(
        "SELECT shown.id FROM record piece"
        " JOIN tile ON tile.node_id = piece.node_id AND tile.life = piece.life"
        " AND tile.record_id = piece.record_id"
        " JOIN picture ON picture.node_id = tile.node_id AND picture.life = tile.life"
        " AND picture.number = tile.number"
        " JOIN record shown ON shown.node_id = picture.node_id AND shown.life = picture.life"
        " AND shown.record_id = picture.record_id"
        " WHERE piece.id = ? AND piece.node_id = ? AND piece.kind = ?",
        (row_id, node_id, int(Kind.TILE)),
    ).fetchone()
    return row[0] if row else None


def image(db: sqlite3.Connection, node_id: int, key: int) -> tuple[bytes, str] | None:
    """(bytes, media type) of a thumbnail or tile that may be shown."""
    row = db.execute(
        "SELECT kind, body FROM record"
        " WHERE node_id = ? AND life = ? AND record_id = ? AND kind IN (?, ?)",
        (node_id, *life_and_id(key), int(Kind.THUMBNAIL), int(Kind.TILE)),
    ).fetchone()
    if row is None:
        return None
    try:
        data = unpack_body(row[1]).get("image")
    except ValueError:
        return None
    kind = media_type(data, _SIDE_OF[Kind(row[0])])
    return (data, kind) if isinstance(data, bytes) and kind else None


def _keep_thumbnail(db: sqlite3.Connection, owner: _Owner, record: Record) -> str | None:
    body = record.body
    if "picture" not in body:
        return None
    number = _whole(body, "picture", 1, _NUMBER_MAX)
    if number is None:
        return "pictures_rejected"
    _, is_taken, known = _picture(db, owner, number)
    if is_taken:
        return "pictures_conflicting"
    stated = _grid(body)
    columns, rows = known or stated or (None, None)
    db.execute(
        "INSERT INTO picture(node_id, life, number, record_id, columns, rows)"
        " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET record_id = excluded.record_id,"
        " columns = excluded.columns, rows = excluded.rows",
        (*owner, number, record.record_id, columns, rows),
    )
    if stated is None and not body.keys().isdisjoint(("cols", "rows")):
        return "pictures_rejected"
    return "pictures_conflicting" if stated and known and stated != known else None


def _keep_tile(db: sqlite3.Connection, owner: _Owner, record: Record) -> str | None:
    body = record.body
    number, stated = _whole(body, "picture", 1, _NUMBER_MAX), _grid(body)
    is_image = media_type(body.get("image"), TILE_SIDE_MAX) is not None
    if number is None or stated is None or not is_image:
        return "tiles_rejected"
    place = _whole(body, "index", 0, stated[0] * stated[1] - 1)
    if place is None:
        return "tiles_rejected"
    is_known, _, known = _picture(db, owner, number)
    if known is not None and known != stated:
        return "tiles_conflicting"
    if not is_known:
        db.execute(
            "INSERT INTO picture(node_id, life, number, columns, rows) VALUES (?, ?, ?, ?, ?)",
            (*owner, number, *stated),
        )
    elif known is None:
        db.execute(
            "UPDATE picture SET columns = ?, rows = ?"
            " WHERE node_id = ? AND life = ? AND number = ?", (*stated, *owner, number),
        )
    added = db.execute(
        "INSERT OR IGNORE INTO tile(node_id, life, number, place, record_id)"
        " VALUES (?, ?, ?, ?, ?)", (*owner, number, place, record.record_id),
    )
    return None if added.rowcount else "tiles_repeated"


def _picture(
    db: sqlite3.Connection, owner: _Owner, number: int
) -> tuple[bool, bool, _Grid | None]:
    """(whether the picture is known, whether its thumbnail is, its grid)."""
    row = db.execute(
        "SELECT record_id, columns, rows FROM picture"
        " WHERE node_id = ? AND life = ? AND number = ?", (*owner, number),
    ).fetchone()
    if row is None:
        return False, False, None
    return True, row[0] is not None, None if row[1] is None else (row[1], row[2])


def _tiles(db: sqlite3.Connection, node_id: int, life: int, number: int) -> dict[int, int]:
    rows = db.execute(
        "SELECT place, record_id FROM tile WHERE node_id = ? AND life = ? AND number = ?"
        " ORDER BY place", (node_id, life, number),
    )
    return {int(row[0]): key_of(life, row[1]) for row in rows}


def _grid(body: Body) -> _Grid | None:
    columns = _whole(body, "cols", 1, TILES_ASIDE_MAX)
    rows = _whole(body, "rows", 1, TILES_ASIDE_MAX)
    return None if columns is None or rows is None else (columns, rows)


def _whole(body: Body, key: str, low: int, high: int) -> int | None:
    value = body.get(key)
    return value if type(value) is int and low <= value <= high else None
