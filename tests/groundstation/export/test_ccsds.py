"""Space packets: what the reference package reads in them, and back into records again."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spacepackets import ccsds as ccsds_library

from groundstation.export import ccsds
from wire.records import EPOCH_2025_MS, Kind, Record, TimeQuality

MUSING = Record(7, Kind.MUSING, 3, EPOCH_2025_MS + 12_345, TimeQuality.GPS, {"text": "Cold."})
BEFORE_TIME = Record(8, Kind.EVENT, 3, 9000, TimeQuality.NONE, {"event": "boot"})
GOLDEN = "0904c000001c" "405f9800003039" "00000007" "00000003" "0403"


def test_golden_packet() -> None:
    packet = ccsds.pack(MUSING, 0)
    assert packet.hex().startswith(GOLDEN) and packet.endswith(b"Cold.")


def test_the_reference_reads_the_header_and_the_time() -> None:
    packet = ccsds.pack(MUSING, 16_385)
    header = ccsds_library.SpHeader.unpack(packet)
    assert header.packet_type == ccsds_library.PacketType.TM
    assert header.apid == ccsds.APID_BASE + Kind.MUSING and header.seq_count == 1
    assert header.sec_header_flag and header.packet_len == len(packet)
    stamp = ccsds_library.CdsShortTimestamp.unpack(packet[6:])
    assert stamp.as_unix_seconds() * 1000 == pytest.approx(MUSING.time_ms)


def test_a_file_holds_every_record_and_counts_by_kind(tmp_path: Path) -> None:
    path = tmp_path / "flight.ccsds"
    assert ccsds.export([MUSING, BEFORE_TIME, MUSING], path) == 3
    data = path.read_bytes()
    assert ccsds.unpack(data) == [MUSING, BEFORE_TIME, MUSING]
    ids = [ccsds_library.PacketId(ccsds_library.PacketType.TM, flag, ccsds.APID_BASE + kind)
           for kind, flag in ((Kind.MUSING, True), (Kind.EVENT, False))]
    parsed = ccsds_library.parse_space_packets(data, ids).tm_list
    assert [ccsds_library.SpHeader.unpack(p).seq_count for p in parsed] == [0, 0, 1]
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("time_ms", [-1, 1 << 52])
def test_a_time_that_cds_cannot_hold_is_kept(time_ms: int) -> None:
    record = Record(1, Kind.EVENT, 1, time_ms, TimeQuality.COMMAND, {})
    assert ccsds.unpack(ccsds.pack(record, 0)) == [record]


@given(st.binary(max_size=200))
def test_any_bytes_are_packets_or_nothing(data: bytes) -> None:
    ccsds.unpack(data)
    ccsds.unpack(ccsds.pack(MUSING, 0)[:20] + data)


def test_packets_cut_anywhere_give_the_whole_ones() -> None:
    data = ccsds.pack(MUSING, 0) + ccsds.pack(BEFORE_TIME, 0)
    for end in range(len(data)):
        whole = end >= len(ccsds.pack(MUSING, 0))
        assert ccsds.unpack(data[:end]) == [MUSING] * whole
