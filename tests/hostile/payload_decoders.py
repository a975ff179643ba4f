"""The decoders of ``payload``: the flight core's uplink, its card, its workers and services."""

from __future__ import annotations

import io
import itertools
import json
import random
import shutil
import sqlite3
import time
from functools import cache, partial
from http.client import HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import msgpack
import numpy as np

from payload.api_client import classify
from payload.camera.camera import picture_flaw
from payload.camera_worker import FIELD_DEG, sight_in
from payload.devices.gnss_ublox import UbloxGnss
from payload.drivers.http import HttpClient
from payload.drivers.microphone import sound_of
from payload.drivers.system import SysfsBoard
from payload.flight import Flight
from payload.flight_ports import FlightPorts
from payload.hearsay import Hearsay
from payload.link.neighbours import Neighbours
from payload.link.overhearing import KnownNeighbour, Overhearing
from payload.mind import reranker
from payload.mind.memory import Memory, MemoryAbsent
from payload.mind.neighbour_talk import NeighbourTalk
from payload.mind.persona import load_persona
from payload.mind.prefix_cache import PrefixCache
from payload.mind.protocol import Hello, ProtocolError
from payload.mind.protocol import MessageDecoder as MindDecoder
from payload.mind.protocol import encode as mind_message
from payload.mind.reranker import Reranker, RerankerError
from payload.navigation.phase import PhaseMachine
from payload.navigation.phase_state import restore
from payload.ports import MindReply, MindRequest
from payload.prompt import MUSING_BYTES_MAX, clean_reply, strip_control
from payload.sight import SightValues, line_of, sight_of
from payload.sound_features import NoSound, listen
from payload.storage import database, small_state
from sim.fakes.card_disk import DeskStore
from sim.optics import Shot, photograph
from tests.bundles import sign_bundle
from tests.hostile import examples, seals
from tests.hostile.device_decoders import Line, gnss_tapes
from tests.hostile.registry import (
    CELLS,
    JSON_WORDS,
    Decoder,
    Take,
    Tape,
    fresh,
    in_file,
    plain,
)
from tests.hostile.wire_decoders import MISSION, neighbour_frames
from tests.payload.fakes import FakeRadio
from wire.bundle import BundleError
from wire.mission_swarm import Neighbour, SwarmSection
from wire.records import Kind, Priority, TimeQuality, pack_body
from wire.sources import BODY_BYTES_MAX, TEXT_CHARS_MAX

_MIB = 1 << 20
RETRY_MS = 60_000


def _flight(place: Path, has_gnss: bool) -> Take:
    """The whole flight core: packets are what the receiver says, or what the radio hears."""
    line, radio, times = Line(), FakeRadio(), itertools.count(0, 1000)
    shutil.rmtree(place / "flight", ignore_errors=True)
    store = DeskStore(place / "flight" / "s.sqlite", is_durable=False)
    ports = FlightPorts(gnss=UbloxGnss(line) if has_gnss else None, radio=radio)
    flight = Flight(MISSION, ports, store, None, None, seals.UPLINK_KEY, random.Random(1))

    def take(data: bytes) -> object:
        if has_gnss:
            line.data = data
        else:
            radio.heard.append(data)
        for _ in range(2):
            flight.step(next(times))
        assert not store.is_failing
        return flight.navigation.fix if has_gnss else flight.gate.last_counter or None

    return take


def _neighbours() -> Take:
    """Packets are what the radio hears; all of it becomes records that a block can hold, and what
    is understood of it is quoted within its bounds."""
    known_neighbours = {7: KnownNeighbour(seals.DOWNLINK_KEY, {})}
    listener = Neighbours(SwarmSection(neighbours=(Neighbour(name="EDDA", node_id=7),)),
                          Overhearing(8, known_neighbours, MISSION.symbol_mtu_bytes))
    talking = NeighbourTalk(Hearsay(), {7: "EDDA"})
    times = itertools.count(0, 1000)

    def take(data: bytes) -> object:
        before = listener.heard_frames
        listener.hear(data, now_ms := next(times))
        for note in listener.notes(now_ms):
            pack_body(note.body)
        for musing in listener.take_musings():
            talking.hear(musing, musing.utc_ms)
            answering = talking.next(musing.utc_ms)
            assert answering is None or len(answering.heard.text) <= TEXT_CHARS_MAX
        return listener.heard_frames - before or None

    return take


def _open_store(path: Path) -> object:
    """A store made of any bytes takes a record, and gives back what it can.

    A file that opens and then refuses a record is put aside as damaged, and the next try succeeds.
    """
    store = DeskStore(path, is_durable=False)
    store.append(Kind.EVENT, {"event": "boot"}, 0, 0, TimeQuality.NONE)
    assert (store.commit(0) or store.commit(RETRY_MS)) and store.boot > 0
    found = [record for priority in Priority for record in store.queued(priority, 100)]
    assert found, "a record that was just committed is not offered"
    assert all(0 < record.record_id < 1 << 32 for record in found)
    store.mark_in_flight([record.record_id for record in found])
    assert all(isinstance(text, str) for text in store.musings)
    PhaseMachine(store.get("phase"), 0)
    store.close()
    return found


def _store(place: Path, is_wal: bool) -> Take:
    def take(data: bytes) -> object:
        folder = place / "card"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        main, _ = card()
        (folder / "s.sqlite").write_bytes(main if is_wal else data)
        if is_wal:
            (folder / "s.sqlite-wal").write_bytes(data)
        return _open_store(folder / "s.sqlite")

    return take


@cache
def card() -> tuple[bytes, bytes]:
    """(database, write-ahead log) of a store that was cut off after a commit."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "s.sqlite"
        first = DeskStore(path, is_durable=False)
        for number in range(30):
            body = {**examples.BODIES[Kind.MUSING], "n": number}
            first.append(Kind.MUSING, body, number, number, TimeQuality.NONE)
        first.put("phase", PhaseMachine(None, 0).saved())
        first.commit(0)
        first.close()
        second = DeskStore(path, is_durable=False)
        second.append(Kind.EVENT, {"event": "boot"}, 0, 0, TimeQuality.NONE)
        second.commit(0)
        return path.read_bytes(), Path(f"{path}-wal").read_bytes()


def _recall(path: Path) -> object:
    memory = Memory(path)
    try:
        found = [memory.recall([word], []) for word in ("frost", "lamp", "nebel")]
    finally:
        memory.close()
    assert all(text is None or isinstance(text, str) for text in found)
    return found


@cache
def _index() -> list[Tape]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "memory.sqlite"
        database = sqlite3.connect(path)
        database.execute(
            "CREATE VIRTUAL TABLE memory USING fts5(text, source UNINDEXED, utc_ms UNINDEXED)")
        database.execute("INSERT INTO memory VALUES ('Frost on the gate, and a lamp.', 'note', 0)")
        database.commit()
        database.close()
        return [(path.read_bytes(),)]


def _saved_phase(data: bytes) -> object:
    try:
        saved = msgpack.unpackb(data, strict_map_key=False)
    except (ValueError, TypeError):
        return None
    PhaseMachine(saved, 0)
    return restore(saved)


def _reply(data: bytes) -> object:
    line = clean_reply(data.decode("utf-8", "surrogateescape"))
    assert line is None or len(line.encode()) <= MUSING_BYTES_MAX
    assert line is None or strip_control(line) == line
    return line


def _answer(data: bytes) -> object:
    outcome, summary = classify(200, data[:BODY_BYTES_MAX])
    assert strip_control(summary) == summary.rstrip()  # it is cut, maybe behind a blank
    summary.encode()
    return outcome


class _Answered:
    """A socket whose far end said ``data`` and hung up; no network is touched."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, _mode: str) -> io.BytesIO:
        return io.BytesIO(self._data)

    def sendall(self, data: bytes) -> None:
        pass

    def setsockopt(self, *_options: object) -> None:
        pass

    def close(self) -> None:
        pass


def _http(data: bytes) -> object:
    """The driver's fetch, through whatever redirects the answer asks for."""
    with patch("payload.drivers.http._dial", lambda *_args: _Answered(data)):
        status, body, _ = HttpClient()._get("http://station.invalid/a", time.monotonic() + 1000)
    assert len(body) <= BODY_BYTES_MAX
    return classify(status, body)


def _heard(data: bytes) -> object:
    """``data`` is what arecord gives, whole samples of it."""
    return listen(np.frombuffer(data[: len(data) // 2 * 2], "<i2"), None).heard


def _photograph() -> bytes:
    data = io.BytesIO()
    photograph(Shot(20_000, cover=0.3), random.Random(1), (128, 96)).save(data, "JPEG")
    return data.getvalue()


def _small_state(data: bytes) -> object:
    """``data`` is the value under every key, its CRC made right."""
    return small_state.read([database.with_crc((key, data)) for key in small_state.KEYS])


def _kept_prefix(place: Path) -> Take:
    def take(data: bytes) -> object:
        (place / "key.state").write_bytes(data)
        return PrefixCache(place).load("key")

    return take


def _persona(place: Path) -> Take:
    """Packets are persona.json in a bundle that is signed again each time."""
    def take(data: bytes) -> object:
        (place / "persona.json").write_bytes(data)
        return load_persona(place, [sign_bundle(place)])

    return take


def _board(place: Path) -> Take:
    files = [place / name for name in (
        "class/thermal/thermal_zone0/temp", "devices/platform/soc/soc:firmware/get_throttled",
        "class/watchdog/watchdog0/state")]
    for path in files:
        path.parent.mkdir(parents=True, exist_ok=True)

    def take(data: bytes) -> object:
        for path in files:
            path.write_bytes(data)
        board = SysfsBoard(place)
        return board.soc_temperature_c(), board.is_undervolted(), board.is_hardware_watchdog_armed()

    return take


_PERSONA = {"name": "Edda", "system": "You are Edda.", "values": ["say so"], "author": "A"}
_SAID = (
    Hello(1, "m", 512), MindRequest(1, "p", "s", "t", 2, 1, 8, 0.5, 0.1, 1),
    MindReply(1, ["A line."], 1, 1, 1, 1),
)
_HTTP_ANSWERS = (
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 301 Moved\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.0 200\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
)
_PICTURE = b"\xff\xd8\xff\xe0" + bytes(80) + b"\xff\xd9"

PAYLOAD: list[Decoder] = [
    Decoder("payload.flight gnss", partial(_flight, has_gnss=True), gnss_tapes, seal=seals.gnss,
            held_bytes=2 * _MIB, peak_bytes=4 * _MIB, cost=60, words=CELLS),
    Decoder("payload.flight uplink", partial(_flight, has_gnss=False), examples.uplink,
            seal=seals.mac, held_bytes=2 * _MIB, peak_bytes=4 * _MIB, cost=90),
    Decoder("payload.link.neighbours", fresh(_neighbours), neighbour_frames, seal=seals.signed,
            held_bytes=_MIB),
    Decoder("payload.store database", partial(_store, is_wal=False), lambda: [(card()[0],)],
            cost=300),
    Decoder("payload.store log", partial(_store, is_wal=True), lambda: [(card()[1],)], cost=110),
    Decoder("payload.small_state", plain(_small_state),
            lambda: [(msgpack.packb([[[5, "How is it?", 1]], [4]]),), (msgpack.packb({7: 1}),)],
            cost=5),
    Decoder("payload.mind.prefix_cache", _kept_prefix,
            lambda: [(seals.prefix_state(bytes(32) + b"state"),)], seal=seals.prefix_state,
            cost=10),
    Decoder("payload.mind.memory", in_file("memory.sqlite", _recall), _index,
            (MemoryAbsent,), cost=10),
    Decoder("payload.navigation.phase_state", plain(_saved_phase),
            lambda: [(msgpack.packb(PhaseMachine(None, 0).saved()),)], cost=2),
    Decoder("payload.mind.protocol", fresh(lambda: MindDecoder().feed),
            lambda: [tuple(map(mind_message, _SAID))], (ProtocolError,), seal=seals.mind_message),
    Decoder("payload.prompt", plain(_reply),
            lambda: [("The \x1b[2Jlamp <|im_end|>is lit. Müde.\n".encode(),)], cost=2),
    Decoder("payload.api_client", plain(_answer), lambda: [(b'{"temp": -41, "wind": "n"}',)],
            words=JSON_WORDS),
    Decoder("payload.drivers.http", plain(_http),
            lambda: [(answer,) for answer in _HTTP_ANSWERS],
            (OSError, HTTPException, ValueError, AttributeError), words=CELLS, cost=2,
            peak_bytes=16 * _MIB),
    Decoder("payload.drivers.microphone", plain(lambda data: sound_of(data.decode("latin-1"), 0)),
            lambda: [(b"-32.100 87.900 0.010 0.980 0.000 - 0.700",), (b"-90 - - - - - -",)],
            words=CELLS),
    Decoder("payload.sound_features", plain(_heard),
            lambda: [(random.Random(1).randbytes(32_768),)], (NoSound,),
            held_bytes=2 * _MIB, peak_bytes=32 * _MIB, cost=300),
    Decoder("payload.sight", plain(lambda data: sight_of(data.decode("latin-1"))),
            lambda: [(line_of(SightValues(8.0, 0.3, cover=0.4, traits={"black": 0.98})).encode(),)],
            words=CELLS),
    Decoder("payload.sight_features", plain(lambda data: sight_in(data, FIELD_DEG)),
            lambda: [(_photograph(),)],
            held_bytes=4 * _MIB, peak_bytes=64 * _MIB, cost=300),
    Decoder("payload.camera.camera", plain(picture_flaw),
            lambda: [(_PICTURE[:-2],), (b"RIFF\xff\x00\x00\x00WEBPVP8L" + bytes(64),)]),
    Decoder("payload.mind.persona", _persona, lambda: [(json.dumps(_PERSONA).encode(),)],
            (BundleError,), cost=30, words=JSON_WORDS),
    Decoder("payload.mind.reranker", plain(reranker.parse),
            lambda: [(Reranker(-0.2, {"log": 0.5, "cold|log": -1.0}).json_bytes(),)],
            (RerankerError,), words=JSON_WORDS),
    Decoder("payload.drivers.system", _board, lambda: [(b"48312\n",)], cost=30),
]
