"""Small valid examples, made by the real encoders: a short flight and what is said to it."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from tests.groundstation.far_end import MISSION, START_MS, FarEnd, state_at
from tests.hostile.registry import Tape
from tests.hostile.seals import UPLINK_KEY
from tests.wire.orbits import iss
from wire import commands, frames
from wire.commands import Command, Opcode
from wire.frames import BlockReport, CommandFrame, FeedbackFrame, FrameCounter, IdentFrame
from wire.records import Kind, Record, TimeQuality, encode

NODE_ID = MISSION.payload.node_id
MTU = MISSION.radio.mtu_bytes
GOLDEN = json.loads((Path(__file__).parent.parent / "golden" / "frames.json").read_text())
PICTURE = b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(10) + b"\xff\xc0\x00\x11\x08\x00\x40\x00\x50"
BODIES: dict[Kind, dict[str, object]] = {
    Kind.EVENT: {"event": "boot", "severity": "warning", "fields": {"boot": 3}},
    Kind.TRACK: {"lat": 521234567, "lon": 131234567, "alt": 1200, "sats": 9},
    Kind.HOUSEKEEPING: {"mv": 3900, "out": -123, "in": 187, "phase": 2},
    Kind.MUSING: {"text": "The string hums.", "about": "wind", "alt": 1200, "by": "model"},
    Kind.REPLY: {"text": "Cold, mostly.", "question": "How is it?", "question_id": 5},
    Kind.API_CALL: {"api": "weather", "outcome": "404", "status": 404, "ms": 310},
    Kind.THUMBNAIL: {"image": b"\xff\xd8\xff\xe0" + bytes(400) + b"\xff\xd9", "alt": 1200},
    Kind.TILE: {"picture": 1, "index": 1, "cols": 2, "rows": 2, "image": PICTURE},
    Kind.COMMAND_RESULT: {"counter": 9, "command": "ping", "result": "ok"},
    Kind.QUESTION: {"question_id": 5, "text": "How is it?"},
    Kind.RELAYED: {"frames": [b"\x69\x08 of a neighbour"], "ages": [3]},
    Kind.SOUND: {"heard": "wind", "level": -321, "spl": 879, "wind": 98, "alt": 1200},
}


def record(number: int, kind: Kind, body: dict[str, object] | None = None) -> Record:
    """One record of a flight that has UTC."""
    return Record(number, kind, 1, START_MS + number * 1000, TimeQuality.GPS, body or BODIES[kind])


@cache
def flight() -> tuple[bytes, ...]:
    """Frames of a short flight: every kind of record, beacons, an ident, coded repairs."""
    far = FarEnd(UPLINK_KEY)
    for kind in Kind:
        far.push(kind, START_MS, dict(BODIES[kind]))
    heard = [frames.encode_downlink(IdentFrame(NODE_ID, "DE N0CALL EDDA"))]
    for step in range(16):
        now_ms = START_MS + step * 10_000
        if step % 5 == 0:
            heard.append(far.beacon(state_at(600 + step * 10), is_listening=True))
        data = far.data(now_ms)
        if data is not None:
            heard.append(data)
    return tuple(heard)


def downlink() -> list[Tape]:
    names = ("beacon", "data", "data_open", "ident", "incarnation")
    golden = tuple(bytes.fromhex(GOLDEN[name]) for name in names)
    return [flight(), golden]


def single(tapes: list[Tape]) -> list[Tape]:
    """Each packet as a tape of its own."""
    return [(packet,) for tape in tapes for packet in tape]


def uplink() -> list[Tape]:
    """Every opcode, and two reports."""
    arguments: dict[Opcode, tuple[int | str, ...]] = {
        Opcode.ASK: (5, "How is it?"), Opcode.PLAIN_TEXT: (0x1234,), Opcode.SETTING_GET: (1,),
        Opcode.SETTING_SET: (1, 30), Opcode.MUSE_ENABLE: (1,), Opcode.CAMERA_ENABLE: (0,),
        Opcode.TIME_SET: (60_000_000,), Opcode.TX_OFF: (5,), Opcode.FOLLOW_UP: (6, 5, "And now?"),
        Opcode.NOTE: ("It rains.",), Opcode.ANSWER: (7, "Light cloud."),
        Opcode.HEARSAY_FORGET: (3,), Opcode.ELEMENTS: (iss().text,),
    }
    bodies = [commands.encode(Command(opcode, arguments.get(opcode, ()))) for opcode in Opcode]
    said: list[frames.Uplink] = [
        CommandFrame(NODE_ID, 0, 160 + 16 * at, body) for at, body in enumerate(bodies)
    ]
    entries = (BlockReport(0, 3, (1 << 64) - 8), BlockReport(1, 255, 0))
    said.append(FeedbackFrame(NODE_ID, 0, 1600, 99, FrameCounter(1, 12), 0, 3, entries))
    said.append(FeedbackFrame(NODE_ID, 0, 1616, 0, FrameCounter(1, 14), 0, 2, ()))
    return [tuple(frames.encode_uplink(frame, UPLINK_KEY) for frame in said)]


def records() -> list[Tape]:
    """Each record as it stands first in a symbol."""
    return [(encode(record(number, kind), None),) for number, kind in enumerate(Kind, 1)]
