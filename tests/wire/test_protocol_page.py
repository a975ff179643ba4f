"""docs/protocol.md tells every byte: each worked example on it is read, made again, and golden."""

from __future__ import annotations

import ast
import base64
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from groundstation.decode import placing, relayed, sessions
from groundstation.decode.foreign import NEIGHBOURS_MAX
from groundstation.export import ccsds
from payload.link import announcer, custody, neighbours
from tests.wire.test_beacon import FULL as BEACON_STATE
from tests.wire.test_frames import DOWNLINK, UPLINK
from tests.wire.test_horus import packet_of
from tests.wire.test_sessions import DATA, REPORT, SESSION, only
from tests.wire.test_text_codec import model
from wire import (
    auth,
    ax25,
    beacon,
    blocks,
    bodies,
    commands,
    erasure_code,
    frames,
    horus,
    records,
    relaying,
    settings,
    transfer,
    transfer_schedule,
    ukhas,
)
from wire.auth import Authenticity, Direction
from wire.ax25 import Address
from wire.beacon import Phase, PowerMode
from wire.bodies import TextSeat, by_id
from wire.commands import Opcode
from wire.envelope import DESTINATION
from wire.frames import SIGNED_BIT, FrameType
from wire.incoming import RECEIVER_BLOCKS_MAX
from wire.modems import ebyte, kiss, rylr
from wire.outgoing import TTL_MS, Lane
from wire.records import BODY_FIELDS, EPOCH_2025_MS, Kind, Priority, Record, TimeQuality

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "protocol.md").read_text()
GOLDEN = json.loads((ROOT / "tests" / "golden" / "protocol.json").read_text())
MASTER_KEY = KEY = bytes(range(32))
MTU_OF_SYMBOLS = 32


@dataclass(frozen=True, slots=True)
class Example:
    """The bytes of one worked example, and the bodies written below it."""

    data: bytes
    bodies: tuple[dict[str, Any], ...]


def _examples() -> dict[str, Example]:
    """NAME at the start of a line in a fenced block, then hex in groups, until anything else."""
    found: dict[str, Example] = {}
    for block in re.findall(r"^```\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE):
        for part in re.split(r"^(?=[A-Z$])", block, flags=re.MULTILINE):
            first, *below = part.splitlines() or [""]
            name, _, rest = first.partition(" ")
            digits = ""
            for token in rest.split():
                if not re.fullmatch(r"[0-9a-f]{2,}|\|", token):
                    break
                digits += token.strip("|")
            if digits:
                assert name not in found, f"{name} stands there twice"
                bodies = [ast.literal_eval(m[1]) for m in
                          (re.match(r"\s+(\{.*\})", line) for line in below) if m]
                found[name] = Example(bytes.fromhex(digits), tuple(bodies))
    return found


EXAMPLES = _examples()


def said(kind: Kind, body: dict[str, Any]) -> Record:
    return Record(100, kind, 1, EPOCH_2025_MS + 3_600_000, TimeQuality.GPS, body)


FIRST = said(Kind.MUSING, {"text": "Cold."})
NEXT = Record(101, Kind.MUSING, 1, EPOCH_2025_MS + 3_660_000, TimeQuality.GPS, {"text": "Colder."})
EARLY = Record(100, Kind.EVENT, 1, 9_000, TimeQuality.NONE, {"event": "boot"})


# -- one check for each example ------------------------------------------------------------------


def downlink(name: str) -> None:
    data, frame = EXAMPLES[name].data, DOWNLINK[_FRAMES[name]]
    is_signed = name.startswith("SIGNED_")
    assert frames.encode_downlink(frame, KEY if is_signed else None) == data
    if is_signed:
        frame = frame._replace(authenticity=Authenticity.GENUINE)
    assert frames.decode_downlink(data, {7: KEY} if is_signed else None) == frame


def uplink(name: str) -> None:
    data, frame = EXAMPLES[name].data, UPLINK[_FRAMES[name]]
    assert frames.encode_uplink(frame, KEY) == data and frames.decode_uplink(data, KEY) == frame


def in_session(name: str) -> None:
    data = EXAMPLES[name].data
    if name == "SESSION_FEEDBACK":
        assert frames.encode_uplink(REPORT, KEY) == data
        assert frames.decode_uplink(data, KEY, SESSION) == REPORT
        return
    assert frames.encode_downlink(DATA["data"], KEY) == data
    genuine = DATA["data"]._replace(authenticity=Authenticity.GENUINE)
    assert frames.decode_downlink(data, {7: KEY}, only(SESSION)) == genuine


_FRAMES = {
    "BEACON": "beacon", "DATA": "data", "OPEN_DATA": "data_open", "IDENT": "ident",
    "SIGNED_BEACON": "beacon", "SIGNED_DATA": "data", "SIGNED_OPEN_DATA": "data_open",
    "SIGNED_IDENT": "ident", "INCARNATION": "incarnation", "SIGNED_INCARNATION": "incarnation",
    "FEEDBACK": "feedback", "COMMAND": "command_station_5",
}


def ax25_packet(name: str) -> None:
    source, ident = Address("N0CALL"), EXAMPLES["IDENT"].data
    assert ax25.encode(DESTINATION, source, ident) == EXAMPLES[name].data
    heard = ax25.decode(EXAMPLES[name].data)
    assert heard == ax25.UiFrame(DESTINATION, source, ident)


def kiss_packet(name: str) -> None:
    packet = EXAMPLES["AX25"].data if name == "KISS" else b"\xc0\xdb"
    assert kiss.encode(packet) == EXAMPLES[name].data
    assert kiss.Decoder().feed(EXAMPLES[name].data) == [packet]


def ebyte_packet(name: str) -> None:
    ident = EXAMPLES["IDENT"].data
    assert ebyte.encode(ident) == EXAMPLES[name].data
    assert [h.frame for h in ebyte.Decoder(False).feed(EXAMPLES[name].data)] == [ident]


def reyax_command(name: str) -> None:
    data, ident = EXAMPLES[name].data, EXAMPLES["IDENT"].data
    assert rylr.send_command(ident, False) == data and f'"{data.decode().strip()}"' in PAGE
    came = b"+RCV=0,25," + base64.b85encode(ident) + b",-80,9\r\n"
    assert [event.frame for event in rylr.Decoder(False).feed(came)] == [ident]


def beacon_state(name: str) -> None:
    state = EXAMPLES[name].data
    assert beacon.encode(BEACON_STATE) == state
    told = beacon.decode(state)
    assert (told.phase, told.power_mode) == (Phase.ASCENT, PowerMode.NOMINAL)
    assert (told.queue_records, told.faults, told.command_counter) == (59, 5, 7)


def horus_packet(name: str) -> None:
    packet, line = horus.decode(EXAMPLES[name].data), "Cold." if name == "HORUS_MUSING" else ""
    assert horus.encode(packet_of(line), 96) == EXAMPLES[name].data
    assert packet is not None and (packet.callsign, packet.musing) == ("EDDA-1", line)


def row_of_records(name: str) -> None:
    previous = FIRST if name == "NEXT" else None
    data, record = EXAMPLES[name].data, {"FIRST": FIRST, "NEXT": NEXT, "EARLY": EARLY}[name]
    assert records.decode(data, 0, previous) == (record, len(data))
    plain = records.bodies.Packed(TextSeat.PLAIN, records.pack_body(record.body))
    packed = None if name == "EARLY" else plain
    assert records.encode(record, previous, packed) == data


SECOND_OF = {"ASKED": Kind.API_CALL, "SEEN": Kind.THUMBNAIL}  # examples beside the first


def record_of_kind(name: str) -> None:
    (body,), data = EXAMPLES[name].bodies, EXAMPLES[name].data
    record = said(SECOND_OF.get(name) or Kind[name], body)
    assert records.decode(data, 0, None) == (record, len(data))
    assert data[1] & 0xF == TextSeat.NUMBERED
    assert records.encode(record, None) == data


def record_in_seat(name: str) -> None:
    body, *without = EXAMPLES[name].bodies
    record, data = said(Kind.MUSING, body), EXAMPLES[name].data
    assert data[1] & 0xF == TextSeat[name]
    assert records.decode(data, 0, None, by_id([model()])) == (record, len(data))
    if name == "MODEL":
        assert records.encode(record, None, records.pack(record, model())) == data
        assert [records.decode(data, 0, None)[0].body] == without, "sealed"
    elif name == "NUMBERED":
        assert records.encode(record, None) == data


def symbol(name: str) -> None:
    writer = blocks.BlockWriter(MTU_OF_SYMBOLS)
    assert writer.add(FIRST) and writer.add(NEXT)
    writer.close()
    esi, length = int(name[-1]), 3
    made = writer.symbol(esi) if esi < length else writer.repair(513, esi)
    assert writer.symbols == length and made == EXAMPLES[name].data
    reader = blocks.BlockReader(MTU_OF_SYMBOLS, 513)
    reader.close(length)
    found = []
    for other in {0, 1, 2, 3} - {(esi + 1) % 4}:  # any three of the four
        found += reader.add(other, EXAMPLES[f"SYMBOL_{other}"].data)
    assert reader.is_complete and not reader.is_poisoned
    assert sorted(found, key=lambda r: r.record_id) == [FIRST, NEXT]
    if esi >= length:
        assert f"coded with {erasure_code.coefficients(513, length, esi).hex(' ')}:" in PAGE


def derived_key(name: str) -> None:
    direction = Direction[name.removesuffix("_KEY")]
    assert auth.derive_key(MASTER_KEY, 7, direction) == EXAMPLES[name].data


def space_packet(name: str) -> None:
    pytest.importorskip("spacepackets", reason="spacepackets")
    record, sequence = (FIRST, 0) if name == "CCSDS" else (EARLY, 5)
    assert ccsds.pack(record, sequence) == EXAMPLES[name].data
    assert ccsds.unpack(EXAMPLES[name].data) == [record]


CHECKS: dict[str, Callable[[str], None]] = {
    **dict.fromkeys([n for n in _FRAMES if n not in ("FEEDBACK", "COMMAND")], downlink),
    **dict.fromkeys(["FEEDBACK", "COMMAND"], uplink),
    **dict.fromkeys(["SESSION_DATA", "SESSION_FEEDBACK"], in_session),
    "AX25": ax25_packet, "KISS": kiss_packet, "ESCAPED": kiss_packet, "EBYTE": ebyte_packet,
    "REYAX": reyax_command, "STATE": beacon_state, "HORUS": horus_packet,
    "HORUS_MUSING": horus_packet,
    **dict.fromkeys(["FIRST", "NEXT", "EARLY"], row_of_records),
    **dict.fromkeys([*SECOND_OF, *(kind.name for kind in Kind)], record_of_kind),
    **dict.fromkeys([seat.name for seat in TextSeat], record_in_seat),
    **dict.fromkeys([f"SYMBOL_{esi}" for esi in range(4)], symbol),
    **dict.fromkeys(["UPLINK_KEY", "DOWNLINK_KEY"], derived_key),
    **dict.fromkeys(["CCSDS", "CCSDS_EARLY"], space_packet),
}


@pytest.mark.parametrize("name", CHECKS)
def test_a_worked_example_is_what_the_code_makes_and_reads(name: str) -> None:
    CHECKS[name](name)


def test_every_format_has_an_example_every_example_a_check_and_none_ever_changes() -> None:
    assert set(EXAMPLES) == set(CHECKS) >= {kind.name for kind in FrameType}
    assert {name: example.data.hex() for name, example in EXAMPLES.items()} == GOLDEN


def test_the_sentence_is_one_that_the_code_reads() -> None:
    (line,) = re.findall(r"^\$\$.*$", PAGE, re.MULTILINE)
    assert ukhas.parse(line.encode()) == ukhas.Sentence(
        "EDDA-1", 12, 45_000, 52.12345, -3.23456, 18_240)


# -- the tables ----------------------------------------------------------------------------------


def cells(heading: str) -> list[list[str]]:
    """The rows of the table that begins with ``heading``."""
    after = PAGE.split(f"\n{heading}\n", 1)[1].split("\n\n")[0].splitlines()[1:]
    return [[c.strip() for c in re.split(r"(?<!\\)\|", row)[1:-1]] for row in after]


def test_the_table_of_frames_has_every_type_and_its_size() -> None:
    sizes: dict[str, int] = {}
    parts: set[str] = set()
    for number, name, layout, size in cells("| type | frame | layout | bytes |"):
        is_signed = name.startswith("signed ")
        kind = FrameType[name.removeprefix("signed ")]
        assert int(number) == kind | SIGNED_BIT * is_signed
        for code in re.findall(r"`(.*?)`", layout):
            parts |= set(re.findall(r"[\w-]+", code.replace("n×", " ")))
        sizes[name.replace("signed ", "SIGNED_")] = int(size.split()[0])
    assert set(sizes) == set(_FRAMES)
    told = set(re.findall(r"`(.*?)`", str(cells("| part | meaning |"))))
    assert parts - told == {"CRC4", "MAC4", "MAC8", "symbol", "text"}, "the text tells these"
    for name, size in sizes.items():
        held = {"DATA": b"\0hello", "OPEN_DATA": b"\xff", "IDENT": b"DE N0CALL EDDA",
                "FEEDBACK": bytes(22), "COMMAND": commands.encode(commands.Command(Opcode.PING))}
        body = held.get(name.removeprefix("SIGNED_"), b"")
        assert len(EXAMPLES[name].data) == size + len(body), name


def test_the_table_of_kinds_is_that_of_the_code() -> None:
    told = {kind: keys.replace("\\|", "|") for kind, keys in cells("| kind | keys |")}
    assert told == {
        f"{kind.value} {kind.name}": "; ".join(f"`{key}` {what}" for key, what in fields.items())
        for kind, fields in BODY_FIELDS.items()
    }


def test_the_table_of_the_beacon_has_every_bit() -> None:
    rows = cells("| field | bits | offset | step |")
    bits = [int(row[1]) for row in rows]
    assert bits[:-3] == [field.bits for field in beacon.FIELDS]
    assert sum(bits) == 8 * frames.STATE_BYTES


@pytest.mark.parametrize("row", cells("| opcode | arguments | what it does | refused | example |"),
                         ids=lambda row: row[0])
def test_the_example_of_a_command_is_one(row: list[str]) -> None:
    body = bytes.fromhex(row[4].strip("`"))
    command = commands.decode(body)
    assert f"{command.opcode.value} {command.opcode.name}" == row[0]
    assert commands.encode(command) == body and bool(command.arguments) == bool(row[1])


def test_every_command_and_setting_is_in_its_table() -> None:
    rows = cells("| opcode | arguments | what it does | refused | example |")
    assert [row[0] for row in rows] == [f"{opcode.value} {opcode.name}" for opcode in Opcode]
    told = re.sub(r"\s+", " ", PAGE)
    for setting in settings.TABLE:
        key = rf"{setting.number} `(\w+\.)?{setting.key}` {setting.low}\.\.{setting.high}[,.]"
        assert re.search(key, told), setting


@pytest.mark.parametrize("phrase", [
    f"full or {transfer.CLOSE_FRAMES} frames old", f"sent after {transfer.FLUSH_MS // 1000} s",
    f"At most {transfer.OUTGOING_BLOCKS_MAX} blocks are kept",
    f"gives up blocks {transfer.BLOCK_SPAN_MAX} numbers back",
    f"within the last {transfer.STATION_FRESH_FRAMES:,} frames",
    f"When {transfer_schedule.WINDOW_BLOCKS} blocks are out",
    f"planned for a loss of {transfer_schedule.LOSS_ASSUMED[Lane.PRECIOUS]:g}",
    f"keeps the last {RECEIVER_BLOCKS_MAX} block numbers",
    f"numbered from 0 in each session, up to {frames.BLOCKS_MAX - 1:,}",
    f"again {announcer.FIRST_SPACING_MS // 1000} s later, and then at intervals that double up to "
    f"{announcer.SPACING_MAX_MS // 1000} s",
    f"for each of the last {sessions.INCARNATIONS_MAX} incarnations",
    f"keeps the last {placing.HELD_MAX:,} of these",
    f"A block grows to at most {frames.BLOCK_SYMBOLS_MAX} symbols",
    f"up to {blocks.symbols_max(64 - auth.DOWNLINK_MAC_BYTES)} if the MTU is 64",
    f"(API calls {TTL_MS[Priority.API] // 60_000} min, track and housekeeping "
    f"{TTL_MS[Priority.TRACK] // 60_000} min, pictures {TTL_MS[Priority.IMAGE] // 60_000} min",
    f"more than {bodies.TEXT_BYTES_MAX} bytes",
    f"expands more than {bodies.TEXT_BYTES_PER_CODED_MAX} times",
    f"at most {bodies.BODY_BYTES_MAX:,} bytes when inflated",
    f"at most {records.TILES_ASIDE_MAX} x {records.TILES_ASIDE_MAX}",
    f"of which the {NEIGHBOURS_MAX} heard last are kept",
    f"RELAYED record (11): at most {relaying.FRAMES_MAX},",
    f"{custody.PARCEL_BYTES:,} bytes of DATA, or {custody.PARCEL_MS // 1000} s after the first",
    f"older than {relaying.AGE_S_MAX // 86_400} days, or dated more than "
    f"{relayed.AHEAD_MS_MAX // 60_000} minutes ahead",
    f"at most once in {neighbours.COURTESY_EVERY_MS // 1000} s",
])
def test_a_number_in_the_text_is_that_of_the_code(phrase: str) -> None:
    assert phrase in " ".join(PAGE.split())
