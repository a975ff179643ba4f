"""The mind's messages: the same after a round trip, and one named error for everything else."""

from __future__ import annotations

import contextlib
import dataclasses
import random

import msgpack
import pytest

from payload.mind.exchanges import THREAD_MAX
from payload.mind.protocol import (
    MESSAGE_BYTES_MAX,
    Hello,
    Message,
    MessageDecoder,
    ProtocolError,
    encode,
)
from payload.ports import MindFailed, MindReply, MindRequest

MESSAGES: list[Message] = [
    Hello(4711, "nova", 1024),
    MindRequest(1, "<|im_start|>ä\n", "x" * 3000, "y", 6, 2, 64, 0.8, 0.05, 2**40),
    MindRequest(1, "p", "s", "y", 6, 2, 64, 0.8, 0.05, 7, ["How?<|im_end|>", "ä"], True),
    MindRequest(2, "", "", "", 0, 0, 0, 1, 0, -1),  # a whole number for the temperature
    MindReply(1, ["a line, „quoted“ \x00", ""], 300, 60, 12, 900),
    MindFailed(1, "no_model"),
]
REPLY = {"kind": "reply", "request_id": 1, "drafts": ["a", "b"], "prompt_tokens": 3,
         "evaluated_tokens": 2, "reply_tokens": 1, "elapsed_ms": 9}
FAILED = {"kind": "failed", "request_id": 1, "reason": "busy"}
ASKED = {"kind": "request", **dataclasses.asdict(MESSAGES[1])}


def framed(value: object) -> bytes:
    body = msgpack.packb(value)
    return len(body).to_bytes(4, "big") + body


def test_round_trip_at_every_cut() -> None:
    """Goal: cuts in the stream do not matter. Method: all messages, cut at each byte."""
    data = b"".join(encode(message) for message in MESSAGES)
    for cut in range(len(data)):
        decoder = MessageDecoder()
        assert decoder.feed(data[:cut]) + decoder.feed(data[cut:]) == MESSAGES


@pytest.mark.parametrize(
    "data",
    [
        b"\0\0\0\0", b"\xff\xff\xff\xff", (MESSAGE_BYTES_MAX + 1).to_bytes(4, "big"),
        framed([1]), framed({}), framed({"kind": "shout"}), framed({"kind": 7}),
        framed(FAILED | {"request_id": "1"}), framed(FAILED | {"request_id": True}),
        framed(FAILED | {"reason": "x"}), framed(FAILED | {"reason": None}),
        framed(REPLY | {"drafts": []}), framed(REPLY | {"drafts": ["a"] * 17}),
        framed(REPLY | {"drafts": ["a", 1]}), framed(REPLY | {"drafts": "a"}),
        framed(ASKED | {"earlier": ["a"] * (THREAD_MAX + 1)}), framed(ASKED | {"earlier": [1]}),
        framed(ASKED | {"earlier": "a"}), framed(ASKED | {"is_brief": 1}),
        framed(FAILED | {"more": 1}), framed({"kind": "failed", "request_id": 1}),
        b"\0\0\0\2\x93\xc1",
        b"\0\0\0\3" + msgpack.packb(1) * 3, b"\0\0\0\4\x81\xa1\xff\x01",
    ],
)
def test_garbage_is_one_named_error(data: bytes) -> None:
    """Goal: nothing but ProtocolError comes out of bytes that are no message.

    Method: among others a failure whose reason is none of ``ports.MindFailure``.
    """
    assert MessageDecoder().feed(framed(FAILED)) == [MindFailed(1, "busy")]
    assert MessageDecoder().feed(framed(REPLY)) == [MindReply(1, ["a", "b"], 3, 2, 1, 9)]
    with pytest.raises(ProtocolError):
        MessageDecoder().feed(data)


def test_flipped_bits_raise_nothing_else() -> None:
    """Goal: any damage is a message, a wait or ProtocolError. Method: 2000 random flips."""
    source = random.Random(2)
    data = b"".join(encode(message) for message in MESSAGES)
    for _ in range(2000):
        damaged = bytearray(data)
        damaged[source.randrange(len(data))] ^= 1 << source.randrange(8)
        with contextlib.suppress(ProtocolError):
            MessageDecoder().feed(bytes(damaged))


def test_what_cannot_be_sent() -> None:
    """Goal: too long, a lone surrogate and an integer over 64 bits are refused before sending."""
    for bad in (
        MindFailed(1, "x" * MESSAGE_BYTES_MAX), MindFailed(1, "\ud800"), MindFailed(2**70, "busy"),
    ):
        with pytest.raises(ProtocolError):
            encode(bad)
