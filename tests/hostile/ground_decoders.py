"""The decoders of ``groundstation``: the radio again, the raw log, the archive, pictures."""

from __future__ import annotations

import itertools
import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import asdict
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from groundstation.archive import rawlog, record_table
from groundstation.archive.archive import Archive
from groundstation.archive.rawlog import Reception
from groundstation.archive.schema import WrongVersion
from groundstation.decode import foreign, mosaic, payload_summaries, sondehub_telemetry
from groundstation.decode.beacon_freshness import BeaconFreshness
from groundstation.decode.pictures import media_type
from groundstation.decode.relayed import Relayed
from groundstation.errors import StationError
from groundstation.export import ccsds
from groundstation.export.export import write_all
from groundstation.ground import Ground, HeardBytes
from groundstation.http_call import HttpAnswer
from groundstation.passes import command
from groundstation.peers import messages
from groundstation.peers.messages import AskMessage, HeardMessage
from groundstation.reading import tawhiri
from groundstation.reading.reader import FlightReader
from groundstation.sanitise import clean_text, to_json
from groundstation.web import token_file
from tests.groundstation.decode import test_sondehub_telemetry
from tests.groundstation.far_end import MISSION, SIGNED_MISSION, START_MS
from tests.groundstation.reading import test_tawhiri
from tests.hostile import examples, seals
from tests.hostile.registry import JSON_WORDS, Decoder, Take, Tape, fresh, in_file, plain
from tests.hostile.wire_decoders import parcels
from tests.wire import orbits
from wire import horus, records, relaying, ukhas
from wire.auth import Authenticity
from wire.beacon import Beacon
from wire.frames import FrameCounter
from wire.mission_swarm import Neighbour, SwarmSection
from wire.records import Kind, Record

_MIB = 1 << 20


def _tokens() -> list[Tape]:
    return [(to_json({"viewer": "v" * 22, "operator": "o" * 22}).encode() + b"\n",)]


def read_all(archive: Archive, out: Path | None = None) -> object:
    """What the page and the exports make of an archive is strict JSON, whatever is in it."""
    with closing(FlightReader(archive.path, MISSION)) as reader:
        shown = [reader.flight(), reader.history(), reader.entries(None, 200)]
        for part in shown:
            to_json(part)
        for entry in shown[2]:
            reader.picture(entry["id"])
        if out is not None:
            write_all(reader, out)
        return shown


def _read_some(archive: Archive) -> object:
    """A page that SQLite finds damaged only now is answered with 503, not with a crash."""
    with suppress(sqlite3.Error):
        return read_all(archive)
    return True


def _station(place: Path) -> Take:
    """A whole station: what it hears is archived, shown and answered, and it goes on."""
    shutil.rmtree(place / "station", ignore_errors=True)
    archive = Archive(place / "station" / "flight.sqlite", is_durable=False)
    ground = Ground(MISSION, archive, seals.UPLINK_KEY)
    times = itertools.count(START_MS, 500)

    def take(data: bytes) -> object:
        now_ms = next(times)
        ground.receive(data, now_ms)
        ground.next_uplink(now_ms)
        loss = ground.loss()
        assert loss is None or 0 <= loss <= 1
        return read_all(archive)

    return take


def _archive_from(place: Path, name: str, read: Callable[[Archive], object]) -> Take:
    """Packets are the file ``name`` that a station finds when it starts."""
    folder = place / "found"

    def take(data: bytes) -> object:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        (folder / name).write_bytes(data)
        archive = Archive(folder / "flight.sqlite", is_durable=False)
        try:
            ground = Ground(MISSION, archive, seals.UPLINK_KEY)
            ground.receive(examples.flight()[1], START_MS + 60_000)
            ground.next_uplink(START_MS + 60_001)
            return read(archive)
        finally:
            archive.close()

    return take


@cache
def _files() -> tuple[bytes, bytes]:
    """(archive, raw log) of a station that heard the example flight."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "flight.sqlite"
        archive = Archive(path, is_durable=False)
        ground = Ground(MISSION, archive, seals.UPLINK_KEY)
        ground.ask("How is it up there?", START_MS)
        for at, data in enumerate(examples.flight()):
            ground.receive(data, START_MS + at * 1000, -99.5, 3.25)
            ground.next_uplink(START_MS + at * 1000)
        archive.close()
        return path.read_bytes(), archive.raw_path.read_bytes()


def _entries(data: bytes) -> object:
    """Whatever is read can be written again."""
    found = [reception for reception, _ in rawlog.parse(data)]
    for reception in found:
        assert next(rawlog.parse(rawlog.pack(reception)))[0] == reception
    return found


def _replayed(path: Path) -> object:
    return [(reception, end) for reception, end in rawlog.read(path)]


def _log() -> list[Tape]:
    heard = [Reception(START_MS + at, data, rssi_dbm=-90.5, reception_id=at + 1)
             for at, data in enumerate(examples.flight()[:3])]
    return [(b"".join(map(rawlog.pack, heard)),), *((rawlog.pack(one),) for one in heard[:1])]


def _space_packets(data: bytes) -> object:
    """Whatever is read can be exported again."""
    found = ccsds.unpack(data)
    assert len(list(ccsds.packets(found))) == len(found)
    return found


def _packets() -> list[Tape]:
    records: list[Record] = [examples.record(at, kind) for at, kind in enumerate(Kind, 1)]
    return [(packet,) for packet in ccsds.packets(records)]


def _text(data: bytes) -> object:
    line = clean_text(data.decode("utf-8", "surrogateescape"), 80)
    assert len(line) <= 80 and clean_text(line, 80) == line
    return line.encode()


def _summary(data: bytes) -> object:
    """Whatever a summary says can be sent on as a Horus frame."""
    payload_summaries.is_chatter(data)
    packet = payload_summaries.parse(data)
    return packet and horus.encode(packet)


def _summaries() -> list[Tape]:
    told = {"type": "PAYLOAD_SUMMARY", "callsign": "N0CALL", "latitude": 52.1, "longitude": 13.2,
            "altitude": 900, "time": "14:13:20", "speed": 50, "heading": 90, "sats": 9, "temp": -4,
            "batt_voltage": 3.9, "ext_humidity": 40, "custom_data": "01ff", "musing_0": "Cold."}
    return [(json.dumps(told).encode(),)]


def _uploads(data: bytes) -> object:
    """Whatever others uploaded is archived as entries that can be read, and told as a frame."""
    found = sondehub_telemetry.uploaded(data, "N0CALL", "MYCALL", START_MS)
    for entry in found:
        packet = sondehub_telemetry.parse(entry.raw)
        assert packet is not None and horus.encode(packet)
    return found


def _forecast(data: bytes) -> object:
    """Whatever a weather server says can be shown."""
    found = tawhiri.forecast_of(HttpAnswer(200, data), test_tawhiri.ASKED, START_MS, True)
    assert len(found.way) <= tawhiri.WAY_POINTS_MAX
    return to_json(asdict(found))


def _foreign(place: Path) -> Take:
    """What others' formats say of us and of neighbours is kept, and can be shown."""
    shutil.rmtree(place / "foreign", ignore_errors=True)
    archive = Archive(place / "foreign" / "flight.sqlite", is_durable=False)
    numbers = itertools.count(1)

    def take(data: bytes) -> object:
        number = next(numbers)
        with archive.batch():
            heard = Reception(START_MS + number, data, reception_id=number)
            kept = foreign.keep(archive, heard, MISSION.payload.callsign)
        shown = foreign.neighbours(archive.db)
        to_json([shown, list(foreign.points(archive.db))])
        assert len(shown) <= foreign.NEIGHBOURS_MAX
        return kept

    return take


def _foreigners() -> list[Tape]:
    beacon = Beacon(time_of_day_s=51_200, latitude_deg=52.1, longitude_deg=13.2, altitude_m=900)
    spoken = ukhas.encode(ukhas.Sentence("N0CALL", 7, 45_000, 52.1, 13.2, 1200))
    return [(horus.encode(horus.Packet(name, 5, beacon, "Cold.")),) for name in ("EDDA", "N0CALL")
            ] + [(spoken,), *_summaries(),
                 (json.dumps(test_sondehub_telemetry.entry()).encode(),)]


def _mosaic(place: Path) -> Take:
    """Packets are a byte, odd for a tile and even for a thumbnail, and a body."""
    shutil.rmtree(place / "mosaic", ignore_errors=True)
    archive = Archive(place / "mosaic" / "flight.sqlite", is_durable=False)
    numbers = itertools.count(1)

    def take(data: bytes) -> object:
        kind = Kind.TILE if data[:1] and data[0] & 1 else Kind.THUMBNAIL
        record = examples.record(next(numbers), kind, records.unpack_body(data[1:]) or {"n": 1})
        with archive.batch():
            record_table.add(archive, 7, [record], START_MS, Authenticity.UNSIGNED)
            mosaic.keep(archive.db, 7, 0, record)
        found = mosaic.every(archive.db, 7)
        for picture in found:
            assert all(0 <= at < picture.columns * picture.rows for at in picture.tiles)
            assert all(mosaic.image(archive.db, 7, tile) for tile in picture.tiles.values())
        return found

    return take


def _relayed(place: Path) -> Take:
    """Packets are bodies of RELAYED records of a neighbour, whose frames a whole station takes."""
    shutil.rmtree(place / "relayed", ignore_errors=True)
    archive = Archive(place / "relayed" / "flight.sqlite", is_durable=False)
    swarm = SwarmSection(neighbours=(Neighbour(name="FENN", node_id=8),))
    mission = SIGNED_MISSION.model_copy(update={"swarm": swarm})
    ground = Ground(mission, archive, seals.UPLINK_KEY, seals.DOWNLINK_KEY)
    relayed, numbers = Relayed(mission, archive), itertools.count(1)

    def take(data: bytes) -> object:
        record = examples.record(next(numbers), Kind.RELAYED, records.unpack_body(data) or {"n": 1})
        refused = relayed.add(8, [record], Reception(record.time_ms + 1000, b""))
        found = relayed.take()
        assert len(found) + sum(refused.values()) <= relaying.FRAMES_MAX
        ground.receive_many(HeardBytes(
            each.raw, each.utc_ms, source=each.source, station=each.station) for each in found)
        return found

    return take


def _pieces() -> list[Tape]:
    grid = {"picture": 1, "cols": 2, "rows": 2, "image": examples.PICTURE}
    tiles = (b"\1" + records.pack_body({**grid, "index": at}) for at in range(4))
    return [(b"\0" + records.pack_body(grid), *tiles)]


def _order() -> Take:
    """Packets are a counter (2 bytes), a time of day (3), and how much later (4): never news twice.
    """
    order, clock = BeaconFreshness(), itertools.count(START_MS, 1000)

    def take(data: bytes) -> object:
        data = data[:9].ljust(9, b"\0")
        counter = FrameCounter.unpack(int.from_bytes(data[:2], "big"))
        second = int.from_bytes(data[2:5], "big")
        time_s = None if second >= 86_400 else second
        heard_ms = next(clock) + int.from_bytes(data[5:], "big", signed=True)
        is_news = order.is_news(counter, time_s, heard_ms)
        assert not order.is_news(counter, time_s, heard_ms)
        return is_news

    return take


def _beacons() -> list[Tape]:
    return [tuple((0x1000 + at).to_bytes(2, "big") + (51_200 + at).to_bytes(3, "big") + bytes(4)
                  for at in range(4))]


def _told() -> list[Tape]:
    raw = examples.flight()[0]
    return [(messages.pack(HeardMessage(bytes(8), 7, 5, START_MS, raw, rssi, snr)),)
            for rssi, snr in ((None, None), (-117.5, 3.25))]


def _asked() -> list[Tape]:
    return [(messages.pack(AskMessage(bytes(8), 70_000)),)]


_PICTURES: list[Tape] = [
    (b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(10) + b"\xff\xc0\x00\x11\x08\x00\x40\x00\x50",),
    (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x40\x00\x00\x00\x50\x08\x02",),
    (b"RIFF\x00\x01\x00\x00WEBPVP8X" + bytes(8) + b"\x40\x00\x00\x50\x00\x00",),
]

GROUND: list[Decoder] = [
    Decoder("groundstation.ground", _station,
            lambda: [examples.flight()[:6], examples.flight(), *_foreigners()],
            words=JSON_WORDS, seal=seals.either_frame, held_bytes=8 * _MIB, peak_bytes=12 * _MIB,
            cost=240),
    Decoder("groundstation.archive.rawlog", plain(_entries), _log, seal=seals.rawlog_entry, cost=2),
    Decoder("groundstation.archive.rawlog file", in_file("flight.raw", _replayed), _log, cost=10),
    Decoder("groundstation.archive.archive log",
            lambda place: _archive_from(place, "flight.raw", read_all),
            lambda: [(_files()[1],), *_log()[1:]], seal=seals.rawlog_entry,
            held_bytes=2 * _MIB, peak_bytes=8 * _MIB, cost=340),
    Decoder("groundstation.archive.archive database",
            lambda place: _archive_from(place, "flight.sqlite", _read_some),
            lambda: [(_files()[0],)], (WrongVersion,),
            held_bytes=2 * _MIB, peak_bytes=8 * _MIB, cost=380),
    Decoder("groundstation.decode.payload_summaries", plain(_summary), _summaries,
            words=JSON_WORDS, cost=2),
    Decoder("groundstation.decode.sondehub_telemetry", plain(_uploads),
            lambda: [(test_sondehub_telemetry.answer(test_sondehub_telemetry.entry()),)],
            (ValueError,), words=JSON_WORDS, cost=4),
    Decoder("groundstation.reading.tawhiri", plain(_forecast),
            lambda: [(json.dumps(test_tawhiri.answer(2)).encode(),)], (tawhiri.NoForecast,),
            words=JSON_WORDS, cost=4),
    Decoder("groundstation.decode.foreign", _foreign, _foreigners,
            words=JSON_WORDS, seal=seals.foreign,
            held_bytes=2 * _MIB, peak_bytes=8 * _MIB, cost=50),
    Decoder("groundstation.decode.mosaic", _mosaic, _pieces, (ValueError,),
            held_bytes=2 * _MIB, peak_bytes=8 * _MIB, cost=50),
    Decoder("groundstation.decode.relayed", _relayed, parcels, (ValueError,),
            held_bytes=2 * _MIB, peak_bytes=8 * _MIB, cost=50),
    Decoder("groundstation.decode.beacon_freshness", fresh(_order), _beacons),
    Decoder("groundstation.decode.pictures", plain(media_type), lambda: _PICTURES),
    Decoder("groundstation.passes.command", in_file("iss.tle", command.read_tle),
            lambda: [(f"ISS\n{orbits.ISS[0]}\n{orbits.ISS[1]}\n".encode(),)], (StationError,),
            cost=2),
    Decoder("groundstation.web.token_file",
            in_file(token_file.NAME, lambda path: token_file.load(path.parent)), _tokens,
            (StationError,), words=JSON_WORDS, cost=5),
    Decoder("groundstation.peers.messages parse_reception", plain(messages.parse_reception), _told),
    Decoder("groundstation.peers.messages parse_request", plain(messages.parse_request), _asked),
    Decoder("groundstation.export.ccsds", plain(_space_packets), _packets, seal=seals.space_packet,
            cost=2),
    Decoder("groundstation.sanitise", plain(_text),
            lambda: [("Zu\u0308rich \u202egnp.exe\u2066 \x1b[2J \U000e0041".encode(),)], cost=2),
]
