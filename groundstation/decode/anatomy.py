"""The anatomy of a frame: which of its bytes say what, for a person who looks at one packet.

It proves nothing and changes nothing. Any bytes have an anatomy: what is no frame is one part. All
text in it comes from a radio: it is cleaned here, and shown as text.
"""

from __future__ import annotations

import zlib
from dataclasses import fields
from typing import NamedTuple

from groundstation.decode import foreign
from groundstation.sanitise import clean_text
from wire import auth, beacon, commands, frames
from wire.frames import (
    CRC_BYTES,
    SIGNED_BIT,
    VERSION,
    BeaconFrame,
    DataFrame,
    Downlink,
    FrameType,
    IdentFrame,
    IncarnationFrame,
)

VALUE_CHARACTERS_MAX = 200
_UPLINK_KINDS = {FrameType.FEEDBACK: "report", FrameType.COMMAND: "command"}


class Part(NamedTuple):
    """A field: its bytes are ``size`` from ``at`` on; size 0 is a value within the part before."""

    name: str
    at: int
    size: int
    value: str


class Anatomy(NamedTuple):
    """What a frame is in a word or two, whose number it names, and its parts in their order."""

    kind: str
    node_id: int | None
    is_signed: bool
    parts: list[Part]


def of(raw: bytes) -> Anatomy:
    """The anatomy of any bytes."""
    frame = frames.decode_downlink(raw)
    if frame is not None:
        assert isinstance(frame, Downlink), "without keys no frame is an impostor"
        return _of_downlink(raw, frame)
    if frames.is_uplink(raw) and len(raw) >= frames.COMMAND_OVERHEAD_BYTES:
        return _of_uplink(raw)
    found = foreign.read(raw)
    if found is not None:
        via, packet = found
        values = [Part(name, 0, 0, value) for name, value in _values(packet.beacon)]
        sender = Part("callsign", 0, 0, clean_text(packet.callsign, VALUE_CHARACTERS_MAX))
        return Anatomy(via, None, False, [Part("whole packet", 0, len(raw), ""), sender, *values])
    noise = Part("no frame", 0, len(raw), "its CRC does not hold")
    return Anatomy("noise", None, False, [noise])


def _of_downlink(raw: bytes, frame: Downlink) -> Anatomy:
    kind = FrameType(raw[0] >> 2 & 0xF & ~SIGNED_BIT)
    is_signed = bool(raw[0] >> 2 & SIGNED_BIT)
    end = len(raw) - CRC_BYTES - auth.DOWNLINK_MAC_BYTES * is_signed
    parts = [_head(raw, kind, is_signed), Part("payload", 1, 1, str(frame.node_id))]
    if not isinstance(frame, IdentFrame):
        counter = frame.counter
        parts.append(Part("session and number", 2, 2, f"{counter.boot}, frame {counter.number}"))
    if isinstance(frame, BeaconFrame):
        parts.append(Part("state", 4, end - 4, ""))
        parts += [Part(name, 4, 0, value) for name, value in _values(beacon.decode(frame.state))]
    elif isinstance(frame, DataFrame):
        parts += [
            Part("block", 4, 2, str(frame.block)),
            Part("symbols of the block", 6, 1,
                 f"{frame.block_symbols}{' so far' if frame.is_open else ''}"),
            Part("symbol", 7, 2, f"{frame.esi}, "
                 + ("of the source" if frame.esi < frame.block_symbols else "a repair")),
            Part("contents", 9, end - 9, f"{end - 9} bytes, packed"),
        ]
    elif isinstance(frame, IncarnationFrame):
        parts += [Part("incarnation", 4, 4, f"{frame.session.incarnation:08x}"),
                  Part("boot", 8, 4, str(frame.session.boot))]
    else:
        parts.append(Part("text", 2, end - 2, clean_text(frame.text, VALUE_CHARACTERS_MAX)))
    if is_signed:
        parts.append(Part("signature", end, auth.DOWNLINK_MAC_BYTES, ""))
    crc = zlib.crc32(raw[:-CRC_BYTES])
    parts.append(Part("CRC-32", len(raw) - CRC_BYTES, CRC_BYTES, f"{crc:08x}, holds"))
    words = "data" if kind is FrameType.OPEN_DATA else kind.name.lower()
    return Anatomy(words, frame.node_id, is_signed, parts)


def _of_uplink(raw: bytes) -> Anatomy:
    kind = FrameType(raw[0] >> 2 & 0xF)
    end = len(raw) - auth.MAC_BYTES
    parts = [
        _head(raw, kind, True), Part("payload", 1, 1, str(raw[1])),
        Part("station", 2, 1, str(raw[2])),
        Part("counter", 3, 4, str(int.from_bytes(raw[3:7], "big"))),
        Part("body", 7, end - 7, _body(raw[7:end]) if kind is FrameType.COMMAND else ""),
        Part("signature", end, auth.MAC_BYTES, ""),
    ]
    return Anatomy(_UPLINK_KINDS[kind], raw[1], True, parts)


def _body(body: bytes) -> str:
    try:
        command = commands.decode(body)
    except Exception:  # noqa: BLE001 (msgpack raises many kinds, and these bytes may be anybody's)
        return "cannot be read"
    words = " ".join((command.opcode.name.lower(), *map(str, command.arguments)))
    return clean_text(words, VALUE_CHARACTERS_MAX)


def _head(raw: bytes, kind: FrameType, is_signed: bool) -> Part:
    low = raw[0] & 3
    is_beacon = kind is FrameType.BEACON
    last = ("it listens now" if low else "it does not listen now") if is_beacon else str(low)
    name = "version, type, " + ("window" if is_beacon else "priority")
    signed = "signed" if is_signed else "not signed"
    return Part(name, 0, 1, f"{VERSION}, {kind.name.lower()} ({signed}), {last}")


def _values(state: beacon.Beacon) -> list[tuple[str, str]]:
    """Every field of a beacon, the unknown ones too."""
    return [(field.name, _value(getattr(state, field.name))) for field in fields(state)]


def _value(value: object) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, beacon.Phase | beacon.PowerMode):
        return value.name
    return f"{value:.6g}" if isinstance(value, float) else str(value)
