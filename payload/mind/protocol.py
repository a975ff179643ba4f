"""The messages between the flight core and the mind worker, on a Unix stream socket.

Sans-I/O: a message is a msgpack map preceded by its length (32 bits, big-endian, at most 64 KiB).

    worker -> core   hello    {pid, model, n_ctx}         once after connecting
    core -> worker   request  the fields of ``ports.MindRequest``
    worker -> core   reply    the fields of ``ports.MindReply``
    worker -> core   failed   the fields of ``ports.MindFailed``; reason: no_model | busy | garbage

A stream that breaks these rules cannot be resynchronised, so ``MessageDecoder`` raises
ProtocolError and the connection is closed. Text goes as UTF-8; lone surrogates from a model never
get this far.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, get_args

import msgpack

from payload.mind.drafts import REPLY_ROUNDS
from payload.mind.exchanges import THREAD_MAX
from payload.ports import MindFailed, MindFailure, MindReply, MindRequest
from wire.sampling import DRAFTS_MAX

MESSAGE_BYTES_MAX = 64 * 1024
_LENGTH_BYTES = 4
_LENGTHS = {  # of lists, least and most
    "drafts": (1, REPLY_ROUNDS * DRAFTS_MAX), "earlier": (0, THREAD_MAX)}


class ProtocolError(ValueError):
    """The other end sent something that is not a message; close the connection."""


@dataclass(frozen=True, slots=True)
class Hello:
    """The first message of a worker. Without a model ``n_ctx`` is 0 and ``model`` is ""."""

    pid: int
    model: str
    n_ctx: int


Message = Hello | MindRequest | MindReply | MindFailed
_KINDS: dict[str, type[Message]] = {
    "hello": Hello, "request": MindRequest, "reply": MindReply, "failed": MindFailed,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}
_TYPES: dict[str, type[int] | type[float] | type[str] | type[list[str]]] = {
    "int": int, "bool": bool, "float": float, "str": str, "MindFailure": str, "list[str]": list,
}


def encode(message: Message) -> bytes:
    """One message with its length prefix. Raises ProtocolError when it is too long to send."""
    fields = {name: getattr(message, name) for name in _field_names(type(message))}
    try:
        body: bytes = msgpack.packb({"kind": _NAMES[type(message)], **fields})
    except (ValueError, OverflowError) as error:  # a lone surrogate, an integer over 64 bits
        raise ProtocolError(f"cannot be encoded: {error}") from error
    if len(body) > MESSAGE_BYTES_MAX:
        raise ProtocolError(f"message of {len(body)} bytes")
    return len(body).to_bytes(_LENGTH_BYTES, "big") + body


class MessageDecoder:
    """Bytes in, whole messages out; holds at most one message of the largest size."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Message]:
        """Messages completed by ``data``. Raises ProtocolError; discard the decoder then."""
        self._buffer += data
        messages: list[Message] = []
        while len(self._buffer) >= _LENGTH_BYTES:
            length = int.from_bytes(self._buffer[:_LENGTH_BYTES], "big")
            if not 0 < length <= MESSAGE_BYTES_MAX:
                raise ProtocolError(f"length {length}")
            end = _LENGTH_BYTES + length
            if len(self._buffer) < end:
                break
            messages.append(_decode(bytes(self._buffer[_LENGTH_BYTES:end])))
            del self._buffer[:end]
        return messages


def _decode(body: bytes) -> Message:
    try:
        fields: Any = msgpack.unpackb(body)
    except (ValueError, msgpack.exceptions.UnpackException) as error:
        raise ProtocolError(f"not msgpack: {type(error).__name__}") from error
    if not isinstance(fields, dict):
        raise ProtocolError("not a map")
    name = fields.pop("kind", None)
    kind = _KINDS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise ProtocolError("unknown kind of message")
    if set(fields) != set(_field_names(kind)):
        raise ProtocolError(f"{name} with fields {sorted(map(str, fields))}")
    for field in dataclasses.fields(kind):
        wanted = _TYPES[str(field.type)]
        value = fields[field.name]
        is_right = isinstance(value, wanted) or (wanted is float and isinstance(value, int))
        if not is_right or isinstance(value, bool) != (wanted is bool):
            raise ProtocolError(f"{name}.{field.name} is a {type(value).__name__}")
        if wanted is list:
            low, high = _LENGTHS[field.name]
            if not low <= len(value) <= high:
                raise ProtocolError(f"{name}.{field.name} has {len(value)} texts")
            if not all(isinstance(text, str) for text in value):
                raise ProtocolError(f"{name}.{field.name} is not all text")
    if kind is MindFailed and fields["reason"] not in get_args(MindFailure):
        raise ProtocolError("failed for no known reason")
    return kind(**fields)


def _field_names(kind: type[Message]) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(kind))
