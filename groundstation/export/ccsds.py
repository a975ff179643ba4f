"""Records as CCSDS space packets, for mission control systems (Yamcs, COSMOS, OpenMCT).

One packet per record (CCSDS 133.0-B-2), telemetry, unsegmented, one APID per kind: APID_BASE +
kind, each with its own sequence count, in the order in which they came. Its data field, big-endian:

    CDS time 7, where UTC is known | record id 4 | boot 4 | kind 1 | quality 1 |
    ms since boot 8, where UTC is not known | body as msgpack

The secondary header flag says whether the time stands there (CCSDS 301.0-B-4 §3.3, P-field 40h,
days since 1958 and ms of the day). A file is packets end to end, as Yamcs reads them. The package
spacepackets is imported on first use only.
"""

from __future__ import annotations

import sqlite3
import struct
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgpack

from wire import records
from wire.records import Kind, Record, TimeQuality

APID_BASE = 0x100
HEADER_BYTES = 6
_FIELDS = struct.Struct(">IIBB")
_UPTIME = struct.Struct(">q")
_CDS = struct.Struct(">BHI")
_CDS_P_FIELD = 0x40
_DAY_MS = 86_400_000
_EPOCH_DAYS = 4383  # from 1958-01-01 to 1970-01-01
_CDS_END_MS = ((1 << 16) - _EPOCH_DAYS) * _DAY_MS  # in the year 2137
_SEQUENCE_COUNTS = 1 << 14


def pack(record: Record, sequence: int) -> bytes:
    """One space packet. ``sequence`` counts the packets of this kind; it wraps at 16,384."""
    from spacepackets.ccsds import CdsShortTimestamp, SpHeader

    data = _FIELDS.pack(record.record_id, record.boot, record.kind, record.quality)
    has_time = record.quality is not TimeQuality.NONE and 0 <= record.time_ms < _CDS_END_MS
    if has_time:
        days, ms_of_day = divmod(record.time_ms, _DAY_MS)
        data = CdsShortTimestamp.from_unix_days(days, ms_of_day).pack() + data
    else:
        data += _UPTIME.pack(record.time_ms)
    # Not pack_body: what came in short floats is longer now, which may exceed its bound.
    body: bytes = msgpack.packb(record.body)
    data += body
    header = SpHeader.tm(
        apid=APID_BASE + record.kind, seq_count=sequence % _SEQUENCE_COUNTS,
        data_len=len(data) - 1, sec_header_flag=has_time,
    )
    return bytes(header.pack()) + data


def packets(found: Iterable[Record]) -> Iterator[bytes]:
    """A packet for each record, counted by kind."""
    counts: dict[Kind, int] = {}
    for record in found:
        count = counts.get(record.kind, 0)
        counts[record.kind] = count + 1
        yield pack(record, count)


def export(found: Iterable[Record], path: Path) -> int:
    """Write ``path``; returns how many packets. It appears whole or not at all."""
    partial = path.with_name(path.name + ".part")
    count = 0
    with partial.open("wb") as file:
        for packet in packets(found):
            file.write(packet)
            count += 1
    partial.replace(path)
    return count


def of_archive(
    db: sqlite3.Connection, node_id: int, after: int = 0, limit: int = -1
) -> Iterator[tuple[int, Record]]:
    """(row, record) of a payload in the order in which they came, from the row ``after`` on."""
    rows = db.execute(
        "SELECT id, record_id, kind, boot, time_ms, quality, body FROM record"
        " WHERE node_id = ? AND id > ? ORDER BY id LIMIT ?", (node_id, after, limit),
    )
    for row_id, record_id, kind, boot, time_ms, quality, body in rows:
        yield row_id, Record(
            record_id, Kind(kind), boot, time_ms, TimeQuality(quality), records.unpack_body(body)
        )


def counted(db: sqlite3.Connection, node_id: int) -> tuple[int, Counter[Kind]]:
    """(newest row, records of each kind up to it) of what ``of_archive`` gives."""
    newest = db.execute(
        "SELECT COALESCE(MAX(id), 0) FROM record WHERE node_id = ?", (node_id,)
    ).fetchone()[0]
    rows = db.execute(
        "SELECT kind, COUNT(*) FROM record WHERE node_id = ? AND id <= ? GROUP BY kind",
        (node_id, newest),
    )
    return newest, Counter({Kind(kind): count for kind, count in rows})


def unpack(data: bytes) -> list[Record]:
    """The records in packets end to end; others' packets and damaged ones are passed over."""
    found: list[Record] = []
    at = 0
    while at + HEADER_BYTES <= len(data):
        packet_id, _, last_byte = struct.unpack_from(">HHH", data, at)
        end = at + HEADER_BYTES + last_byte + 1
        record = _record(packet_id, data[at + HEADER_BYTES : end]) if end <= len(data) else None
        if record is not None:
            found.append(record)
        at = end
    return found


def _record(packet_id: int, body: bytes) -> Record | None:
    kind, has_time = (packet_id & 0x7FF) - APID_BASE, bool(packet_id & 0x800)
    time_ms = None
    try:
        if has_time:
            p_field, days, ms_of_day = _CDS.unpack_from(body)
            if p_field != _CDS_P_FIELD:
                return None
            time_ms = (days - _EPOCH_DAYS) * _DAY_MS + ms_of_day
            body = body[_CDS.size :]
        record_id, boot, stated_kind, quality = _FIELDS.unpack_from(body)
        body = body[_FIELDS.size :]
        if time_ms is None:
            (time_ms,) = _UPTIME.unpack_from(body)
            body = body[_UPTIME.size :]
        if stated_kind != kind:
            return None
        return Record(
            record_id, Kind(kind), boot, time_ms, TimeQuality(quality), records.unpack_body(body)
        )
    except (ValueError, struct.error):
        return None
