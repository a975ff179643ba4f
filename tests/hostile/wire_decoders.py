"""The decoders of ``wire``: what the radio and the modems say."""

from __future__ import annotations

import itertools
import math
import random
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bundles import sign_bundle
from tests.groundstation.far_end import MISSION, START_MS, FarEnd
from tests.hostile import examples, seals
from tests.hostile.registry import (
    CELLS,
    JSON_WORDS,
    TOML_WORDS,
    Decoder,
    Take,
    Tape,
    fresh,
    in_file,
    plain,
)
from tests.wire import orbits
from tests.wire.test_text_codec import OWN, model
from wire import (
    ax25,
    beacon,
    bodies,
    bundle,
    commands,
    erasure_code,
    frames,
    horus,
    key_file,
    mission,
    records,
    relaying,
    sources,
    ukhas,
    varint,
)
from wire.auth import Authenticity
from wire.beacon import Beacon
from wire.blocks import BlockReader
from wire.bundle import BundleError
from wire.commands import Command, Opcode
from wire.envelope import Envelope
from wire.frames import (
    BeaconFrame,
    DataFrame,
    FeedbackFrame,
    FrameCounter,
    ImpostorFrame,
    UnplacedFrame,
)
from wire.incoming import Receiver
from wire.key_file import KeyFileError
from wire.mission import MissionError
from wire.modems import ebyte, kiss, rylr
from wire.orbit import Elements, OrbitError, geodetic
from wire.session import Session
from wire.text_codec import CodecError, TextModel
from wire.transfer import Sender

MISSION_TOML = (Path(__file__).parent.parent.parent / "mission.toml").read_bytes()
TEXT_CHARS_MAX = 60
SESSION = Session(0x3FA0C1D0, 1)
SMALL_MTU = 60  # of the smallest frames, signed: blocks of more than 64 symbols


def _downlink(data: bytes) -> object:
    frame = frames.decode_downlink(data)
    if frame is not None:
        assert not isinstance(frame, ImpostorFrame | UnplacedFrame)
        assert frames.encode_downlink(frame)
    if isinstance(frame, BeaconFrame):
        beacon.encode(beacon.decode(frame.state))
    return frame


def _signed(data: bytes) -> object:
    """In the name of a payload that signs only what it signed comes out."""
    keys = {examples.NODE_ID: seals.DOWNLINK_KEY}
    placed = frames.decode_downlink(data, keys, lambda *_: [SESSION])
    assert not isinstance(placed, DataFrame) or placed.session == SESSION or (
        placed.node_id != examples.NODE_ID)
    frame = frames.decode_downlink(data, keys)
    if frame is None or frame.node_id != examples.NODE_ID or isinstance(frame, UnplacedFrame):
        return frame
    is_genuine = frame.authenticity is Authenticity.GENUINE
    assert is_genuine is not isinstance(frame, ImpostorFrame)
    return frame


def _signed_flight() -> list[Tape]:
    heard = [frames.decode_downlink(data) for data in examples.flight()[:8]]
    return [(frames.encode_downlink(frame, seals.DOWNLINK_KEY),) for frame in heard
            if frame is not None and not isinstance(frame, ImpostorFrame | UnplacedFrame)]


def _parcel(data: bytes) -> object:
    """Whatever is read can be packed again, and each frame in it looked at."""
    parcel = relaying.unpack(records.unpack_body(data))
    assert relaying.unpack(dict(relaying.pack(parcel))) == parcel
    return [relaying.carried(each.data) for each in parcel]


def neighbour_frames() -> list[Tape]:
    """Those of a signed flight that another payload may carry."""
    return [(data,) for (data,) in _signed_flight() if relaying.carried(data) is not None]


def parcels() -> list[Tape]:
    """The same as the body of a record."""
    heard = [relaying.Overheard(data, 7) for (data,) in neighbour_frames()]
    return [(records.pack_body(dict(relaying.pack(heard))),)]


def _uplink(data: bytes) -> object:
    frame = frames.decode_uplink(data, seals.UPLINK_KEY)
    if frame is not None:
        assert frames.encode_uplink(frame, seals.UPLINK_KEY)[2:-8] == data[2:-8]
    return frame


def _record(data: bytes) -> object:
    record, end = records.decode(data, 0, None)
    assert 0 < end <= len(data)
    return records.decode(records.encode(record, None), 0, None)


_MUSING_KEYS = tuple(records.BODY_FIELDS[records.Kind.MUSING])


def _body(data: bytes) -> object:
    """Packets are a seat and a body; with and without the text model at hand."""
    if not data:
        raise ValueError("nothing")
    packed = bodies.Packed(bodies.TextSeat(data[0] % len(bodies.TextSeat)), data[1:])
    sealed = bodies.unpack(packed, _MUSING_KEYS, bodies.NO_MODELS)
    opened = bodies.unpack(packed, _MUSING_KEYS, bodies.by_id([model()]))
    assert bodies.without_text(sealed) == bodies.without_text(opened) or sealed == opened
    return opened


def _bodies() -> list[Tape]:
    said = examples.BODIES[records.Kind.MUSING]
    made = [bodies.pack(said, _MUSING_KEYS, each) for each in (None, model())]
    made.append(bodies.Packed(bodies.TextSeat.PLAIN, bodies.pack_body(said)))
    made.append(bodies.pack({**said, "senses": "wind " * 40}, _MUSING_KEYS))
    return [(bytes((packed.seat,)) + packed.data,) for packed in made]


def _varint(data: bytes) -> object:
    value, end = varint.decode(data, 0)
    assert varint.decode(varint.encode(value), 0)[0] == value and 0 < end <= len(data)
    return value


def receiver_take(mtu: int = examples.MTU) -> Take:
    """Any downlink frames in; whatever they were, the report on them can be sent."""
    receiver = Receiver(mtu)

    def take(data: bytes) -> object:
        frame = frames.decode_downlink(data)
        if not isinstance(frame, DataFrame):
            return None
        found = receiver.on_data(frame)
        report = receiver.report()
        if report is not None:
            first, upto, entries = report
            counter = FrameCounter(frame.counter.boot, frame.counter.number)
            said = FeedbackFrame(7, 0, 1, 0, counter, first, upto, entries)
            assert len(frames.encode_uplink(said, seals.UPLINK_KEY)) <= mtu
        assert len(set(receiver.incomplete_blocks())) <= 256
        return found

    return take


def _large_block() -> list[Tape]:
    """A line, some of a picture in more symbols than a report shows, and some of its repairs."""
    sender, tape = Sender(7, SMALL_MTU), []
    sender.push(examples.record(2, records.Kind.MUSING), 0)
    sender.flush(records.Priority.MUSING)
    body = {"image": random.Random(1).randbytes(4000)}
    sender.push(examples.record(1, records.Kind.THUMBNAIL, body), 0)
    for number in range(1, 100):
        frame = sender.next_frame(FrameCounter(1, number), number, number)
        if frame is not None and (number % 12 == 1 or frame.is_open):
            tape.append(frames.encode_downlink(frame))
    assert frame is not None and frame.esi >= frame.block_symbols > frames.BLOCK_SYMBOLS_MAX
    return [tuple(tape)]


def sender_take() -> Take:
    """Any report in; what was never sent is never confirmed, and sending goes on."""
    far = FarEnd(seals.UPLINK_KEY)
    far.sender.session = None  # as check fields are made right again
    for kind in records.Kind:
        far.push(kind, START_MS, dict(examples.BODIES[kind]))
    for step in range(14):
        far.data(START_MS + step * 10_000)
    pushed = {record.record_id for record in far.pushed}

    def take(data: bytes) -> object:
        frame = frames.decode_uplink(data, seals.UPLINK_KEY)
        if not isinstance(frame, FeedbackFrame):
            return None
        confirmed = far.sender.on_report(frame, far.sequence)
        assert set(confirmed) <= pushed
        far.data(START_MS + 200_000)
        return confirmed

    return take


def _block() -> Take:
    """Packets are an ESI of two bytes and a symbol."""
    reader = BlockReader(examples.MTU, 3)

    def take(data: bytes) -> object:
        found = reader.add(int.from_bytes(data[:2], "big"), data[2:])
        assert reader.have < 1 << frames.BLOCK_SYMBOLS_MAX
        return found

    return take


def _elements(data: bytes) -> object:
    """The orbit of two lines, today and in a year, is somewhere or is refused."""
    lines = data.decode("ascii", "replace").split("\n")
    if len(lines) != 2:
        raise OrbitError("not two lines")
    elements = Elements(*lines)
    for days in (0, 365):
        found = geodetic(elements.at(elements.epoch_ms + days * 86_400_000))
        assert all(map(math.isfinite, found)), found
    return elements.epoch_ms


def _said(data: bytes) -> object:
    """What an answer says, with a sentence and as it is."""
    sources.text_of(data, "")
    text = sources.text_of(data, "{query.pages.0.extract}, {now} C")
    assert text is None or isinstance(text, str)
    return text


def _coded() -> Take:
    """Packets are an ESI of two bytes and a symbol of eight."""
    block = erasure_code.Decoder(3, 5, 8)

    def take(data: bytes) -> object:
        block.add(int.from_bytes(data[:2], "big"), data[2:10].ljust(8, b"\0"))
        return block.sources() if block.is_complete else None

    return take


@cache
def _symbols() -> list[Tape]:
    heard = [frames.decode_downlink(data) for data in examples.flight()]
    data_frames = [frame for frame in heard if isinstance(frame, DataFrame)]
    return [tuple(f.esi.to_bytes(2, "big") + f.symbol for f in data_frames)]


def _text(data: bytes) -> object:
    text = model().decode(data, TEXT_CHARS_MAX)
    assert len(text) <= TEXT_CHARS_MAX and model().encode(text) == data
    return text


def _model_file(data: bytes) -> object:
    """A model that was accepted, whatever is in it, codes and decodes within its contract."""
    loaded = TextModel.load(data)
    text = loaded.decode(loaded.encode(OWN[0]), len(OWN[0]))
    assert text == OWN[0]
    with suppress(CodecError):
        loaded.decode(data[:40], TEXT_CHARS_MAX)
    return text


def _bundle(place: Path) -> Take:
    """Packets are manifests, each signed again by a key that is trusted."""
    return lambda data: bundle.verify_bundle(place, [sign_bundle(place, data)])


@cache
def _manifest() -> list[Tape]:
    with TemporaryDirectory() as folder:
        sign_bundle(Path(folder))
        return [((Path(folder) / bundle.MANIFEST).read_bytes(),)]


def _ebyte() -> list[Tape]:
    return [(ebyte.encode(b"hello") + b"\xc8", ebyte.encode(bytes(range(60))) + b"\x80")]


def _reyax(is_binary: bool) -> list[Tape]:
    sent = [rylr.send_command(data, is_binary) for data in (b"hello", bytes(range(40)))]
    heard = [s.replace(b"AT+SEND=", b"+RCV=")[:-2] + b",-99,-3\r\n" for s in sent]
    return [(b"+OK\r\n", *heard, b"+ERR=4\r\n")]


def _addressed() -> list[Tape]:
    envelope = Envelope(MISSION)
    path = ax25.encode(ax25.Address("APRS"), ax25.Address("N0CALL", 11), b"hello")
    return [(envelope.wrap(examples.flight()[0]), path)]


_numbers = itertools.chain.from_iterable(((0, 1), (127, 128), (1 << 32, (1 << 64) - 1)))
_VARINTS: list[Tape] = [(varint.encode(number),) for number in _numbers]
_MEGABYTES = 1 << 20

WIRE: list[Decoder] = [
    Decoder("wire.frames downlink", plain(_downlink),
            lambda: examples.single(examples.downlink()[1:]), seal=seals.crc32),
    Decoder("wire.frames signed", plain(_signed), _signed_flight, seal=seals.signed),
    Decoder("wire.frames uplink", plain(_uplink),
            lambda: examples.single(examples.uplink()), seal=seals.mac),
    Decoder("wire.beacon", plain(lambda data: beacon.decode(data[:24].ljust(24))),
            lambda: [(beacon.encode(Beacon()),), (beacon.encode(Beacon(altitude_m=1200)),)]),
    Decoder("wire.records", plain(_record), examples.records, (ValueError,)),
    Decoder("wire.relaying", plain(_parcel), parcels, (ValueError,), cost=3),
    Decoder("wire.bodies", plain(_body), _bodies, (ValueError,), cost=10),
    Decoder("wire.varint", plain(_varint), lambda: _VARINTS, (ValueError,)),
    Decoder("wire.blocks", fresh(_block), _symbols, cost=3),
    Decoder("wire.erasure_code", fresh(_coded), lambda: [tuple(
        esi.to_bytes(2, "big")
        + erasure_code.repair_symbol(3, esi, [bytes((i,)) * 8 for i in range(5)])
        for esi in (0, 2, 5, 6, 7))]),
    Decoder("wire.incoming", fresh(receiver_take), lambda: examples.downlink()[:1],
            seal=seals.crc32, held_bytes=16 * _MEGABYTES, peak_bytes=16 * _MEGABYTES, cost=3),
    Decoder("wire.incoming small frames", fresh(partial(receiver_take, SMALL_MTU)),
            _large_block, seal=seals.crc32, held_bytes=25 * _MEGABYTES,
            peak_bytes=25 * _MEGABYTES, cost=2),
    Decoder("wire.transfer sender", fresh(sender_take), examples.uplink, seal=seals.mac, cost=10),
    Decoder("wire.text_codec", plain(_text),
            lambda: [(model().encode("The lamp is lit."),)], (CodecError,), cost=25),
    Decoder("wire.text_tables file", plain(_model_file),
            lambda: [(model().pack(),)], (CodecError,), peak_bytes=64 * _MEGABYTES, cost=15),
    Decoder("wire.text_tables content", plain(lambda data: _model_file(seals.text_model(data))),
            lambda: [(b"".join(model().tables.content()),)], (CodecError,),
            peak_bytes=64 * _MEGABYTES, cost=70),
    Decoder("wire.modems.kiss", fresh(lambda: kiss.Decoder().feed),
            lambda: [tuple(map(kiss.encode, examples.flight()[:2]))], is_stream=True),
    Decoder("wire.ax25", plain(ax25.decode), _addressed),
    Decoder("wire.envelope", plain(Envelope(MISSION).unwrap), _addressed),
    Decoder("wire.ukhas", fresh(lambda: ukhas.Decoder().feed),
            lambda: [(ukhas.encode(ukhas.Sentence("N0CALL", 7, 45_000, 52.1, 13.2, 1200)),)],
            seal=seals.ukhas_line, is_stream=True, words=CELLS),
    Decoder("wire.horus", plain(horus.decode),
            lambda: [(horus.encode(horus.Packet("EDDA", 5, Beacon(altitude_m=900), "Cold.")),)],
            seal=seals.horus_crc),
    Decoder("wire.modems.ebyte stream", fresh(lambda: ebyte.Decoder(has_rssi=True).feed), _ebyte,
            seal=seals.ebyte_frame, is_stream=True),
    Decoder("wire.modems.ebyte answer", plain(lambda data: ebyte.parse_answer(data, 0, 7)),
            lambda: [(b"\xff\xff\xc1\x00\x07" + bytes(7),)], (ebyte.ModuleRefused,)),
    Decoder("wire.modems.rylr binary", fresh(lambda: rylr.Decoder(is_binary=True).feed),
            partial(_reyax, True), seal=seals.reyax_line, is_stream=True, words=CELLS),
    Decoder("wire.modems.rylr text", fresh(lambda: rylr.Decoder(is_binary=False).feed),
            partial(_reyax, False), seal=seals.reyax_line, is_stream=True, words=CELLS),
    Decoder("wire.commands", plain(lambda data: commands.encode(commands.decode(data))),
            lambda: [(commands.encode(Command(Opcode.ASK, (5, "How is it?"))),),
                     (commands.encode(Command(Opcode.PING)),)], (ValueError,)),
    Decoder("wire.sources", plain(_said),
            lambda: [(b'{"query": {"pages": [{"extract": "A town."}]}, "now": -4.5}',)],
            words=JSON_WORDS, cost=2),
    Decoder("wire.key_file", in_file("mission.key", key_file.load),
            lambda: [(bytes(range(32)).hex().encode() + b"\n",)], (KeyFileError,), cost=5),
    Decoder("wire.mission", in_file("mission.toml", mission.load),
            lambda: [(MISSION_TOML,)], (MissionError,), peak_bytes=32 * _MEGABYTES,
            cost=20, words=TOML_WORDS),
    Decoder("wire.orbit", plain(_elements), lambda: [("\n".join(lines).encode(),) for lines in (
        orbits.ISS, orbits.VANGUARD, orbits.GEOSTATIONARY)], (OrbitError,), seal=seals.tle),
    Decoder("wire.bundle", _bundle, _manifest, (BundleError,), peak_bytes=8 * _MEGABYTES,
            cost=30, words=JSON_WORDS),
]
