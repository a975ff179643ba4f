"""Check fields made right again, so that a damaged packet gets past them to what is behind."""

from __future__ import annotations

import binascii
import hashlib
import lzma
import re
import struct
import zlib
from functools import reduce
from operator import xor

from payload.devices.gnss_stream import UBX_SYNC, fletcher_8
from wire import auth, horus, ukhas
from wire.modems import ebyte

MASTER_KEY = bytes(range(32))
UPLINK_KEY = auth.derive_key(MASTER_KEY, 7, auth.Direction.UPLINK)
DOWNLINK_KEY = auth.derive_key(MASTER_KEY, 7, auth.Direction.DOWNLINK)


def crc32(packet: bytes) -> bytes:
    """A downlink frame."""
    return packet[:-4] + zlib.crc32(packet[:-4]).to_bytes(4, "big")


def signed(packet: bytes) -> bytes:
    """A downlink frame with its MAC and its CRC."""
    body = packet[:-8]
    return crc32(body + auth.downlink_mac(DOWNLINK_KEY, body) + bytes(4))


def foreign(packet: bytes) -> bytes:
    """A beacon in one of the other formats, by how it begins."""
    if packet.startswith(b"{"):
        return packet
    return ukhas_line(packet) if packet.startswith(b"$$") else horus_crc(packet)


def mac(packet: bytes) -> bytes:
    """An uplink frame."""
    return packet[:-8] + auth.mac(UPLINK_KEY, packet[:-8])


def either_frame(packet: bytes) -> bytes:
    """A frame by what its type bits say it is."""
    is_uplink = packet[:1] != b"" and packet[0] >> 2 & 0xF in (3, 4)
    return mac(packet) if is_uplink else crc32(packet)


def horus_crc(packet: bytes) -> bytes:
    """A Horus frame of the next size that there is."""
    body = packet[horus.CRC_BYTES :][: horus.FRAME_SIZES[-1] - horus.CRC_BYTES]
    size = next(s for s in horus.FRAME_SIZES if s >= len(body) + horus.CRC_BYTES)
    body = body.ljust(size - horus.CRC_BYTES, b"\0")
    return binascii.crc_hqx(body, 0xFFFF).to_bytes(horus.CRC_BYTES, "little") + body


def ebyte_frame(packet: bytes) -> bytes:
    """A frame as the module's stream holds it, with a byte of RSSI."""
    inner = packet[ebyte.HEADER_BYTES : -1][: ebyte.FRAME_BYTES_MAX]
    return ebyte.encode(inner or b"\0") + packet[-1:]


def ukhas_line(packet: bytes) -> bytes:
    """A sentence."""
    body = packet.strip(b"\n").removeprefix(b"$$").rpartition(b"*")[0]
    return b"$$" + body + b"*" + ukhas.crc(body) + b"\n"


def gnss(packet: bytes) -> bytes:
    """A UBX frame or an NMEA sentence, by how it begins."""
    if packet.startswith(UBX_SYNC):
        payload = packet[6:-2][:1024]
        body = packet[2:4].ljust(2, b"\1") + struct.pack("<H", len(payload)) + payload
        return UBX_SYNC + body + fletcher_8(body)
    body = packet.strip(b"\r\n").removeprefix(b"$").rpartition(b"*")[0]
    return b"$%s*%02X\r\n" % (body, reduce(xor, body, 0))


def mind_message(packet: bytes) -> bytes:
    """A msgpack body behind its length."""
    return len(packet[4:]).to_bytes(4, "big") + packet[4:]


def rawlog_entry(packet: bytes) -> bytes:
    """One entry of the raw log."""
    body = packet[10:]
    return struct.pack(">2sII", b"\xa5\x5a", len(body), zlib.crc32(body)) + body


def space_packet(packet: bytes) -> bytes:
    """A CCSDS packet whose length is its own."""
    return packet[:4] + struct.pack(">H", max(0, len(packet) - 7)) + packet[6:]


def text_model(packet: bytes) -> bytes:
    """``packet`` is taken as the content of a model file."""
    return b"SPTC\x01" + lzma.compress(packet, lzma.FORMAT_XZ, lzma.CHECK_CRC32, preset=0)


def prefix_state(packet: bytes) -> bytes:
    """A digest, then what it is the digest of."""
    return hashlib.sha256(packet[32:]).digest() + packet[32:]


def reyax_line(packet: bytes) -> bytes:
    """+RCV with the length that its data has."""
    found = re.fullmatch(rb"\+RCV=(\d+),\d+,(.*)(,-?\d+,-?\d+\r\n)", packet, re.DOTALL)
    if found is None:
        return packet
    return b"+RCV=%s,%d,%s%s" % (found[1], len(found[2]), found[2], found[3])


def tle(packet: bytes) -> bytes:
    """Each line ends with the sum of its digits, a minus counting as one."""
    return b"\n".join(
        line[:-1] + b"%d" % (sum(byte - 48 if 48 <= byte < 58 else byte == 45
                                 for byte in line[:-1]) % 10)
        for line in packet.split(b"\n"))
