"""Record bodies as bytes: one map, four encodings, of which the smallest is sent.

The low nibble of a record's flags byte is the *seat* of its body:

    0 PLAIN     msgpack map with text keys
    1 NUMBERED  msgpack map; a key of the kind's table is its position there, others stay text
    2 DEFLATED  raw deflate (RFC 1951) of NUMBERED
    3 MODEL     model id 2 bytes | length varint | coded text | NUMBERED of the other fields

The coded text is that of all fields in TEXT_MARKS that hold text, each behind its mark, in the
order of that table, through the text model (``wire.text_codec``) that the persona bundle carries. A
receiver without the model keeps the coded bytes in the body, under SEALED, along with all that is
not text; with the model at hand later, the same bytes give the text.

Covers: any bytes give a map or ValueError, in memory of BODY_BYTES_MAX and at most
TEXT_BYTES_MAX decoded bytes, no more than TEXT_BYTES_PER_CODED_MAX for every coded one.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from types import MappingProxyType
from typing import Any, NamedTuple

import msgpack

from wire import varint
from wire.text_codec import CodecError, TextModel

BODY_BYTES_MAX = 8192
_SHORT_MAP, _MAP_16, _ARRAY_32 = 0x8, 0xDE, b"\xdd"  # how MessagePack begins a map, and an array
MODEL_ID_BYTES = 2  # of TextModel.model_id: the few models of one mission are told apart
# Coding costs 0.1 ms a byte on a desk, so the longest text 40 ms; on a Pi Zero 2, about ten times
# slower, that is 0.4 s of a step. A musing of 200 bytes with its senses fits.
TEXT_BYTES_MAX = 400
TEXT_BYTES_PER_CODED_MAX = 32  # what a stranger's frame may cost; real musings expand 5 to 20 times
SEALED = "sealed"  # {"model": model id in hex, "coded": bytes}: text that waits for its model

# Fields that hold text, and the mark before each. Numbers are on the air: only ever added.
TEXT_MARKS = {
    "about": "\x01", "text": "\x02", "senses": "\x03", "question": "\x04", "by": "\x05",
    "summary": "\x06",
}
_FIELD_OF_MARK = {mark: key for key, mark in TEXT_MARKS.items()}
_FIRST_PRINTABLE = " "  # below are marks, so a text with such a character is never coded

Body = Mapping[str, Any]  # of any kind, see wire.record_bodies
Models = Mapping[bytes, TextModel]  # by the first MODEL_ID_BYTES of the model's id
NO_MODELS: Models = MappingProxyType({})


class TextSeat(IntEnum):
    """How a body is encoded. Numbers are on the air: they are only ever added."""

    PLAIN = 0
    NUMBERED = 1
    DEFLATED = 2
    MODEL = 3


class Packed(NamedTuple):
    """An encoded body."""

    seat: TextSeat
    data: bytes


def by_id(models: Iterable[TextModel]) -> dict[bytes, TextModel]:
    """What ``unpack`` looks models up in; of two with the same short id the first."""
    found: dict[bytes, TextModel] = {}
    for model in models:
        found.setdefault(model.model_id[:MODEL_ID_BYTES], model)
    return found


def pack_body(body: Body) -> bytes:
    """msgpack of ``body``; at most BODY_BYTES_MAX. The form in which databases keep it."""
    packed: bytes = msgpack.packb(body, use_bin_type=True)
    assert len(packed) <= BODY_BYTES_MAX, f"a body of {len(packed)} bytes"
    return packed


def unpack_body(data: bytes) -> dict[str, Any]:
    """The map in ``data``. Raises ValueError on anything else than one msgpack map."""
    body = msgpack.unpackb(data, raw=False, strict_map_key=True)
    if not isinstance(body, dict) or not all(isinstance(key, str) for key in body):
        raise ValueError("a record body is not a map with text keys")
    return body


def pack(body: Body, keys: Sequence[str], model: TextModel | None = None) -> Packed:
    """The smallest encoding of ``body``, whose kind has the table ``keys``.

    With a ``model`` its texts are coded, which takes some 0.1 ms a byte on a desk.
    """
    plain, numbered = pack_body(body), _pack_numbered(body, keys)
    found = [
        Packed(TextSeat.PLAIN, plain), Packed(TextSeat.NUMBERED, numbered),
        Packed(TextSeat.DEFLATED, _deflate(numbered)),
    ]
    if model is not None:
        coded = _pack_coded(body, keys, model)
        found += [] if coded is None else [Packed(TextSeat.MODEL, coded)]
    return min(found, key=lambda packed: len(packed.data))


def unpack(packed: Packed, keys: Sequence[str], models: Models) -> dict[str, Any]:
    """The inverse of ``pack``, or a sealed body where ``models`` lacks the model.

    Raises ValueError on anything that ``pack`` did not make.
    """
    if packed.seat is TextSeat.PLAIN:
        return unpack_body(packed.data)
    if packed.seat is TextSeat.NUMBERED:
        return _unpack_numbered(packed.data, keys)
    if packed.seat is TextSeat.DEFLATED:
        return _unpack_numbered(_inflate(packed.data), keys)
    return _unpack_coded(packed.data, keys, models)


def sealed_model(body: Body) -> str | None:
    """The short id, in hex, of the model that a sealed body waits for; None when it is not one."""
    sealed = body.get(SEALED)
    model = sealed.get("model") if isinstance(sealed, dict) else None
    if not isinstance(model, str) or len(model) != 2 * MODEL_ID_BYTES:
        return None
    return model if all(digit in "0123456789abcdef" for digit in model) else None


def without_text(body: Body) -> Body:
    """What a record says whether or not its text can be read here."""
    return {
        key: value for key, value in body.items()
        if key != SEALED and not (key in TEXT_MARKS and isinstance(value, str))
    }


def marked_text(body: Body) -> str:
    """All text fields of ``body``, each behind its mark: what the model codes, and learns from."""
    return "".join(
        mark + body[key] for key, mark in TEXT_MARKS.items() if isinstance(body.get(key), str)
    )


def _fields_of(text: str) -> dict[str, str]:
    """The inverse of ``marked_text``. Raises CodecError where the marks are not in order."""
    fields: dict[str, str] = {}
    key = None
    for char in text:
        if char >= _FIRST_PRINTABLE and key is not None:
            fields[key] += char
            continue
        key = _FIELD_OF_MARK.get(char)
        if key is None or key in fields:
            raise CodecError("the decoded text is not that of a record")
        fields[key] = ""
    return fields


def _is_codable(body: Body, text: str) -> bool:
    texts = sum(char < _FIRST_PRINTABLE for char in text)
    marks = sum(isinstance(body.get(key), str) for key in TEXT_MARKS)
    return 0 < len(text.encode()) <= TEXT_BYTES_MAX and texts == marks


def _pack_coded(body: Body, keys: Sequence[str], model: TextModel) -> bytes | None:
    """The body's texts through ``model``; None when there are none, or they are not for it."""
    text = marked_text(body)
    if not _is_codable(body, text) or SEALED in body:
        return None
    coded = model.encode(text)
    if len(text.encode()) > TEXT_BYTES_PER_CODED_MAX * len(coded):
        return None
    return b"".join((
        model.model_id[:MODEL_ID_BYTES], varint.encode(len(coded)), coded,
        _pack_numbered(without_text(body), keys),
    ))


def _unpack_coded(data: bytes, keys: Sequence[str], models: Models) -> dict[str, Any]:
    model_id = data[:MODEL_ID_BYTES]
    try:
        length, at = varint.decode(data, MODEL_ID_BYTES)
    except varint.Truncated as error:
        raise ValueError("a coded body is cut short") from error
    coded = data[at : at + length]
    if not coded or len(coded) < length:
        raise ValueError("a coded body is cut short")
    body = _unpack_numbered(data[at + length :], keys)
    fields = _decoded(coded, models.get(model_id))
    if fields is None:
        fields = {SEALED: {"model": model_id.hex(), "coded": coded}}
    if twice := fields.keys() & body.keys():
        raise ValueError(f"a coded body has {min(twice)} twice")
    return fields | body


def _decoded(coded: bytes, model: TextModel | None) -> dict[str, Any] | None:
    """The text fields; None without the model, or when it is another with the same short id."""
    if model is None:
        return None
    limit = min(TEXT_BYTES_MAX, TEXT_BYTES_PER_CODED_MAX * len(coded))
    try:
        return _fields_of(model.decode(coded, limit, limit))
    except CodecError:
        return None


def _pack_numbered(body: Body, keys: Sequence[str]) -> bytes:
    number_of = {key: number for number, key in enumerate(keys)}
    packed: bytes = msgpack.packb(
        {number_of.get(key, key): value for key, value in body.items()}, use_bin_type=True
    )
    return packed


def _unpack_numbered(data: bytes, keys: Sequence[str]) -> dict[str, Any]:
    """Only keys of the outermost map may be numbers."""
    row = _unpack_row(data)
    known = len(keys)
    body = {
        keys[number] if type(number) is int and 0 <= number < known else _key(number, keys): value
        for number, value in zip(row[::2], row[1::2], strict=True)
    }
    if 2 * len(body) != len(row):
        raise ValueError("a record body has a key twice")
    return body


def _unpack_row(data: bytes) -> list[Any]:
    """Keys and values in turn: but for its head, a map of n pairs is packed as an array of 2 n.

    Raises ValueError on anything but one map. Source: the MessagePack specification.
    """
    head = data[0] if data else 0
    if head >> 4 == _SHORT_MAP:
        pairs, at = head & 0xF, 1
    elif head == _MAP_16 and len(data) >= 3:
        pairs, at = int.from_bytes(data[1:3], "big"), 3
    else:
        raise ValueError("a record body is not a map")
    as_array = _ARRAY_32 + (2 * pairs).to_bytes(4, "big") + data[at:]
    row: list[Any] = msgpack.unpackb(as_array, raw=False, strict_map_key=True)
    return row


def _key(number: object, keys: Sequence[str]) -> str:
    """The key of this number; one that is newer than this program stays readable as a number."""
    if isinstance(number, str):
        return number
    if type(number) is not int or number < 0:
        raise ValueError("a record body is not a map with text or numbered keys")
    return keys[number] if number < len(keys) else f"field_{number}"


def _deflate(data: bytes) -> bytes:
    deflater = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return deflater.compress(data) + deflater.flush()


def _inflate(data: bytes) -> bytes:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        found = inflater.decompress(data, BODY_BYTES_MAX + 1)
    except zlib.error as error:
        raise ValueError("a deflated body is damaged") from error
    if len(found) > BODY_BYTES_MAX or not inflater.eof or inflater.unused_data:
        raise ValueError("a deflated body is cut short, too long or has a tail")
    return found
