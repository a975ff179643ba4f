"""Bluesky's repository of an account (``.car``), to Messages: the author's own posts.

A CAR is a list of blocks, each a value in DAG-CBOR; a post is a map whose ``$type`` is
app.bsky.feed.post. Source: https://ipld.io/specs/transport/car/carv1, RFC 8949 (of which DAG-CBOR
uses definite lengths and one tag), https://github.com/bluesky-social/atproto, lexicons.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

from host_training.common.messages import Message, Notes
from host_training.importers.export_rows import Room, RowPlace, own_text
from host_training.importers.times import from_iso
from host_training.importers.tree import UNREADABLE, File

NAME = "bluesky"
LABEL = "Bluesky repository"
BLOCK_BYTES_MAX = 2_000_000  # the network refuses larger ones
NESTED_MAX = 64

_POST = "app.bsky.feed.post"
_CUT = "the file is truncated; the export or the copy is incomplete"


class _DamagedError(Exception):
    """This is no CAR from here on; the text says how."""


def claims(file: File) -> bool:
    """By the header, a map with "roots" and "version"."""
    return file.suffix == ".car" and b"eroots" in file.head[:32] and b"gversion" in file.head[:200]


def read(files: Sequence[File], notes: Notes) -> Iterator[Message]:
    """Posts and answers, in the order of the file."""
    for file in files:
        count = 0
        try:
            with file.opened() as stream:
                for block in _blocks(stream):
                    place = RowPlace(file, f"block {count}", notes)
                    count += 1
                    try:
                        value, _ = _value(block, 0, 0)
                    except (_DamagedError, IndexError, UnicodeDecodeError, RecursionError):
                        place.bad("is no value in DAG-CBOR")
                        continue
                    if isinstance(value, dict) and value.get("$type") == _POST:
                        yield from _post(value, place)
        except (_DamagedError, *UNREADABLE) as error:
            notes.put(file.name, f"block {count}", str(error))


def _post(value: dict[str, Any], place: RowPlace) -> Iterator[Message]:
    reply = value.get("reply")
    root = reply.get("root") if isinstance(reply, dict) else None
    thread = root.get("uri") if isinstance(root, dict) else None
    yield from own_text(Room(NAME, str(thread or "posts"), "post"), place, value.get("text"),
                        from_iso(value.get("createdAt")))


def _blocks(stream: BinaryIO) -> Iterator[bytes]:
    """The value of each block, behind the header and without its address."""
    is_header = True
    while (length := _varint(stream)) is not None:
        if length > BLOCK_BYTES_MAX:
            raise _DamagedError(f"a block of {length} bytes; at most {BLOCK_BYTES_MAX} are read")
        block = stream.read(length)
        if len(block) < length:
            raise _DamagedError(_CUT)
        if not is_header:
            yield block[_address_length(block) :]
        is_header = False


def _varint(stream: BinaryIO) -> int | None:
    """An unsigned LEB128; None at the end of the file."""
    value = shift = 0
    while byte := stream.read(1):
        value |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return value
        shift += 7
        if shift > 63:
            raise _DamagedError("a length of more than 63 bits")
    if shift:
        raise _DamagedError(_CUT)
    return None


def _address_length(block: bytes) -> int:
    """Of a CID version 1: version, codec, kind of hash and its length, a byte each, and the hash.
    """
    if len(block) < 4 or block[0] != 1:
        raise _DamagedError("a block without an address of version 1")
    return 4 + block[3]


def _value(data: bytes, at: int, depth: int) -> tuple[Any, int]:
    """The value that begins at ``at``, and where it ends. Raises what damage raises."""
    if depth > NESTED_MAX:
        raise _DamagedError("nested too deeply")
    kind, small = data[at] >> 5, data[at] & 0x1F
    at += 1
    if kind == 7:
        if small == 27:
            return None, at + 8  # a float, of which posts have none
        return {20: False, 21: True}.get(small), at
    if small > 27:
        raise _DamagedError("a length that is not definite")
    size = 1 << (small - 24) if small > 23 else 0
    number = int.from_bytes(data[at : at + size]) if size else small
    at += size
    if kind in (2, 3):
        if at + number > len(data):
            raise _DamagedError(_CUT)
        raw = data[at : at + number]
        return (raw if kind == 2 else raw.decode()), at + number
    if kind in (4, 5):
        found: list[Any] = []
        for _ in range(number * (kind - 3)):
            item, at = _value(data, at, depth + 1)
            found.append(item)
        if kind == 4:
            return found, at
        return {str(key): item for key, item in zip(found[::2], found[1::2], strict=True)}, at
    if kind == 6:
        return _value(data, at, depth + 1)
    return (number if kind == 0 else -1 - number), at
