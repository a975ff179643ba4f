"""Frames: their byte layouts on the radio, without their meaning.

Big-endian throughout. The first byte is version (2 bits), type (4), priority (2); the second names
the payload, so that several share a channel. Downlink frames end in the CRC-32 of all before it;
uplink frames end in an 8-byte MAC (``wire.auth``), which covers more than a CRC would.

Bit 3 of the type says that a downlink frame is signed: the same bytes with that bit set, then a
4-byte MAC over them, then the CRC-32 of all before it. Stations without the key still see by the
CRC that it is whole, and read it. 36 bytes make a signed beacon.

    BEACON      VT PID FC2 | state 24                                | CRC4   32 bytes
    DATA        VT PID FC2 | BLK2 K-1 ESI2 | symbol                  | CRC4   13 + symbol
    OPEN_DATA   as DATA while the block is still growing: K-1 is only what it has so far
    IDENT       VT PID     | text                                    | CRC4    6 + text
    INCARNATION VT PID FC2 | incarnation4 boot4                      | CRC4   16 bytes
    FEEDBACK    VT PID STN CTR4 | loss1 lastFC2 from2 upto2 | n x 11 | MAC8   22 + 11 n
    COMMAND     VT PID STN CTR4 | body                               | MAC8   15 + body

FC is four bits that tell the session (``wire.session``) and a frame counter (12 bits). The MACs of
DATA, OPEN_DATA and FEEDBACK cover the session too, which is not on the air. Whatever is not a frame
is ``None``: noise on a radio is counted by the caller, never raised.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from wire import auth
from wire.auth import Authenticity
from wire.session import Session

VERSION = 1
CRC_BYTES = 4
STATE_BYTES = 24
BEACON_BYTES = 32
MTU_BYTES_MIN, MTU_BYTES_MAX = 64, 255  # of a radio
INCARNATION_BYTES = 16
DATA_OVERHEAD_BYTES = 13
IDENT_OVERHEAD_BYTES = 6
FEEDBACK_OVERHEAD_BYTES = 22
FEEDBACK_ENTRY_BYTES = 11
COMMAND_OVERHEAD_BYTES = 15
# A block grows to what a feedback bitmap can show. Where frames are small one record may need more
# (wire.blocks.symbols_max): of its block the bitmap shows the first.
BLOCK_SYMBOLS_MAX = 64
BLOCKS_MAX = (1 << 16) - 1  # of one session; 65535 is no number, for a report names the one behind
DEFICIT_UNKNOWN = 255  # nothing of this block was heard, not even how long it is


class FrameType(IntEnum):
    """The four type bits, without SIGNED_BIT."""

    BEACON = 1
    DATA = 2
    FEEDBACK = 3
    COMMAND = 4
    IDENT = 5
    OPEN_DATA = 6
    INCARNATION = 7


_DATA_KINDS = (FrameType.DATA, FrameType.OPEN_DATA)
_DATA_NUMBERS = struct.Struct(">HHBH")  # counter, block, K-1, ESI
SIGNED_BIT = 8  # of the type, on downlink frames only


class FrameCounter(NamedTuple):
    """The session's four bits, and the frame number modulo 4,096."""

    boot: int  # ``Session.boot_bits``: boot number plus incarnation, modulo 16
    number: int

    def packed(self) -> int:
        return (self.boot & 0xF) << 12 | self.number & 0xFFF

    @staticmethod
    def unpack(value: int) -> FrameCounter:
        return FrameCounter(value >> 12, value & 0xFFF)


# What comes down is a NamedTuple: a station makes thousands a second of a recorded flight, and a
# frozen dataclass of ten fields takes four times as long to make (2.7 and 0.7 us).
class BeaconFrame(NamedTuple):
    node_id: int
    counter: FrameCounter
    state: bytes  # 24 bytes, see wire.beacon
    is_listening: bool  # the payload falls silent after this frame: the ground's turn
    authenticity: Authenticity = Authenticity.UNSIGNED  # decoding says it, encoding ignores it


class DataFrame(NamedTuple):
    """One symbol. ``esi`` below ``block_symbols`` is a source symbol, above it a coded repair."""

    node_id: int
    counter: FrameCounter
    priority: int
    block: int
    block_symbols: int  # K, 1..256; a lower bound while the block is open
    esi: int
    symbol: bytes
    is_open: bool
    authenticity: Authenticity = Authenticity.UNSIGNED
    session: Session | None = None  # that its MAC covers; not on the air


class IdentFrame(NamedTuple):
    node_id: int
    text: str
    authenticity: Authenticity = Authenticity.UNSIGNED


class IncarnationFrame(NamedTuple):
    """Which session this is: ``counter.boot`` of all its frames follows from it."""

    node_id: int
    counter: FrameCounter
    session: Session
    authenticity: Authenticity = Authenticity.UNSIGNED


class ImpostorFrame(NamedTuple):
    """A whole frame in the name of a payload that signs, and it did not sign this one.

    It has no contents, so that code which forgets to check ``authenticity`` cannot act on them.
    """

    node_id: int
    authenticity: Authenticity  # UNSIGNED or FORGED


class UnplacedFrame(NamedTuple):
    """A signed DATA frame that is genuine in no session that is known here.

    It is forged, or of a session that is not known yet; until that is known it has no effect.
    """

    node_id: int


@dataclass(frozen=True, slots=True)
class BlockReport:
    """What one station lacks of one block. Bit i of ``have``, 0..63, is set when source symbol i is
    there.

    ``deficit`` is how many more symbols of any kind it needs, DEFICIT_UNKNOWN when it heard none.
    """

    block: int
    deficit: int
    have: int


@dataclass(frozen=True, slots=True)
class FeedbackFrame:
    """One station's report on the blocks ``first`` to ``upto`` (exclusive): those that are not
    listed in ``reports`` are complete there. Where more entries would have fitted, nothing at all
    was heard of the blocks before ``first``; of any other block it says nothing."""

    node_id: int
    station: int
    counter: int
    loss: int  # frames lost of the last 255 sent, scaled to 0..255
    last_counter: FrameCounter
    first: int
    upto: int
    reports: tuple[BlockReport, ...]
    session: Session | None = None  # that its MAC covers; not on the air


@dataclass(frozen=True, slots=True)
class CommandFrame:
    node_id: int
    station: int
    counter: int
    body: bytes


Downlink = BeaconFrame | DataFrame | IdentFrame | IncarnationFrame
Heard = Downlink | ImpostorFrame | UnplacedFrame
Uplink = FeedbackFrame | CommandFrame
# Sessions in which a DATA frame may be genuine, by node id and ``counter.boot``; likeliest first.
SessionsOf = Callable[[int, int], Iterable[Session]]


def _head(kind: FrameType, priority: int, node_id: int) -> bytes:
    assert 0 <= node_id <= 255 and 0 <= priority <= 3, (node_id, priority)
    return bytes((VERSION << 6 | kind << 2 | priority, node_id))


def _with_crc(body: bytes) -> bytes:
    return body + zlib.crc32(body).to_bytes(CRC_BYTES, "big")


def _sealed(body: bytes, key: bytes | None, session: Session | None = None) -> bytes:
    """``body`` as it goes out: signed where there is a key, and with its CRC."""
    if key is None:
        return _with_crc(body)
    body = bytes((body[0] | SIGNED_BIT << 2,)) + body[1:]
    return _with_crc(body + auth.downlink_mac(key, _covered(body, session)))


def _covered(body: bytes, session: Session | None) -> bytes:
    return body if session is None else session.covering(body)


def encode_downlink(frame: Downlink, key: bytes | None = None) -> bytes:
    """Bytes of a payload's frame, signed where ``key`` is its downlink key; a DATA frame in its
    session."""
    if isinstance(frame, BeaconFrame):
        assert len(frame.state) == STATE_BYTES, len(frame.state)
        head = _head(FrameType.BEACON, int(frame.is_listening), frame.node_id)
        return _sealed(head + frame.counter.packed().to_bytes(2, "big") + frame.state, key)
    if isinstance(frame, DataFrame):
        kind = FrameType.OPEN_DATA if frame.is_open else FrameType.DATA
        head = _head(kind, min(3, frame.priority), frame.node_id)
        numbers = _DATA_NUMBERS.pack(
            frame.counter.packed(), frame.block, frame.block_symbols - 1, frame.esi)
        return _sealed(head + numbers + frame.symbol, key, frame.session)
    if isinstance(frame, IncarnationFrame):
        head = _head(FrameType.INCARNATION, 0, frame.node_id)
        fields = struct.pack(
            ">HII", frame.counter.packed(), frame.session.incarnation, frame.session.boot)
        return _sealed(head + fields, key)
    return _sealed(_head(FrameType.IDENT, 0, frame.node_id) + frame.text.encode(), key)


def decode_downlink(
    data: bytes, keys: Mapping[int, bytes] | None = None, sessions: SessionsOf | None = None
) -> Heard | None:
    """The frame in ``data``, or None when it is noise or something else.

    ``keys`` holds the downlink keys of the payloads that are known to sign, by node id. A frame in
    the name of one of them comes out only if it is GENUINE, else as an ImpostorFrame. Of any other
    payload all frames come out, as UNSIGNED or UNVERIFIED.

    With ``sessions`` a DATA frame of such a payload must be genuine in one of those that it gives,
    and comes out with it, else as an UnplacedFrame. Without, its MAC must cover no session.
    """
    body, crc = data[:-CRC_BYTES], data[-CRC_BYTES:]
    if len(body) < 2 or data[0] >> 6 != VERSION or zlib.crc32(body).to_bytes(4, "big") != crc:
        return None
    key = keys.get(data[1]) if keys else None
    kind = data[0] >> 2 & 0xF
    if not kind & SIGNED_BIT:
        frame = _opened(kind, body, Authenticity.UNSIGNED)
        return _impostor(frame) if frame is not None and key is not None else frame
    body, tag = body[: -auth.DOWNLINK_MAC_BYTES], body[-auth.DOWNLINK_MAC_BYTES :]
    kind &= ~SIGNED_BIT
    if key is None:
        return _opened(kind, body, Authenticity.UNVERIFIED)
    if kind in _DATA_KINDS and sessions is not None:
        fitting = sessions(data[1], data[2] >> 4)
        session = _session_of(body, tag, key, fitting)
        frame = _opened(kind, body, Authenticity.GENUINE, session)
        return frame if frame is None or session is not None else UnplacedFrame(frame.node_id)
    is_genuine = auth.is_genuine_downlink(key, body, tag)
    frame = _opened(kind, body, Authenticity.GENUINE if is_genuine else Authenticity.FORGED)
    return frame if frame is None or is_genuine else _impostor(frame)


def _session_of(
    body: bytes, tag: bytes, key: bytes, sessions: Iterable[Session]
) -> Session | None:
    """The first of ``sessions`` in which these bytes are genuine."""
    for session in sessions:
        if auth.is_genuine_downlink(key, session.covering(body), tag):
            return session
    return None


def _impostor(frame: Downlink) -> ImpostorFrame:
    return ImpostorFrame(frame.node_id, frame.authenticity)


def _opened(
    kind: int, body: bytes, authenticity: Authenticity, session: Session | None = None
) -> Downlink | None:
    """The downlink frame of this kind whose bytes, without MAC and CRC, are ``body``; ``session``
    is that of DATA."""
    if len(body) < 2:
        return None
    node_id = body[1]
    if kind in _DATA_KINDS and len(body) > DATA_OVERHEAD_BYTES - CRC_BYTES:
        packed, block, last_symbol, esi = _DATA_NUMBERS.unpack_from(body, 2)
        return DataFrame(
            node_id, FrameCounter.unpack(packed), body[0] & 3, block, last_symbol + 1, esi,
            body[9:], kind == FrameType.OPEN_DATA, authenticity, session,
        )
    if kind == FrameType.BEACON and len(body) == BEACON_BYTES - CRC_BYTES:
        counter = FrameCounter.unpack(int.from_bytes(body[2:4], "big"))
        return BeaconFrame(node_id, counter, body[4:], bool(body[0] & 1), authenticity)
    if kind == FrameType.IDENT:
        return IdentFrame(node_id, body[2:].decode("utf-8", "replace"), authenticity)
    if kind == FrameType.INCARNATION and len(body) == INCARNATION_BYTES - CRC_BYTES:
        packed, incarnation, boot = struct.unpack(">HII", body[2:])
        counter, session = FrameCounter.unpack(packed), Session(incarnation, boot)
        if incarnation and counter.boot == session.boot_bits:
            return IncarnationFrame(node_id, counter, session, authenticity)
    return None


def _uplink_body(frame: Uplink) -> bytes:
    kind = FrameType.FEEDBACK if isinstance(frame, FeedbackFrame) else FrameType.COMMAND
    head = _head(kind, 0, frame.node_id) + struct.pack(">BI", frame.station, frame.counter)
    if isinstance(frame, CommandFrame):
        return head + frame.body
    reports = b"".join(struct.pack(">HBQ", r.block, r.deficit, r.have) for r in frame.reports)
    packed = frame.last_counter.packed()
    return head + struct.pack(">BHHH", frame.loss, packed, frame.first, frame.upto) + reports


def encode_uplink(frame: Uplink, key: bytes) -> bytes:
    """Bytes of a ground frame, signed with the uplink key; a report in its session."""
    body = _uplink_body(frame)
    session = frame.session if isinstance(frame, FeedbackFrame) else None
    return body + auth.mac(key, _covered(body, session))


def decode_uplink(data: bytes, key: bytes, session: Session | None = None) -> Uplink | None:
    """The frame in ``data`` if it is whole and genuine, a report in ``session``, else None.

    Whether its counter is fresh is for the receiver to say: it alone knows the last one.
    """
    if len(data) < COMMAND_OVERHEAD_BYTES or data[0] >> 6 != VERSION:
        return None
    body, tag = data[: -auth.MAC_BYTES], data[-auth.MAC_BYTES :]
    kind, node_id = data[0] >> 2 & 0xF, data[1]
    session = session if kind == FrameType.FEEDBACK else None
    if not auth.is_genuine(key, _covered(body, session), tag):
        return None
    station, counter = struct.unpack(">BI", body[2:7])
    if kind == FrameType.COMMAND:
        return CommandFrame(node_id, station, counter, body[7:])
    if kind != FrameType.FEEDBACK or len(body) < FEEDBACK_OVERHEAD_BYTES - auth.MAC_BYTES:
        return None
    loss, packed, first, upto = struct.unpack(">BHHH", body[7:14])
    entries = body[14:]
    if len(entries) % FEEDBACK_ENTRY_BYTES:
        return None
    reports = tuple(BlockReport(*entry) for entry in struct.iter_unpack(">HBQ", entries))
    last_counter = FrameCounter.unpack(packed)
    return FeedbackFrame(
        node_id, station, counter, loss, last_counter, first, upto, reports, session)


def is_uplink(data: bytes) -> bool:
    """True for bytes that claim to come from the ground, genuine or not."""
    kinds = (FrameType.FEEDBACK, FrameType.COMMAND)
    return len(data) > 2 and data[0] >> 6 == VERSION and data[0] >> 2 & 0xF in kinds


def feedback_entries_max(report_bytes: int) -> int:
    """Incomplete blocks that one report of at most ``report_bytes`` can list."""
    return (report_bytes - FEEDBACK_OVERHEAD_BYTES) // FEEDBACK_ENTRY_BYTES
