"""A session: one boot of a payload on one store, to which its frames and their reports belong.

A store that begins empty draws a random *incarnation*; the *boot* counts the starts on that store.
Together they name a session, and none ever comes twice, whatever card is swapped or wiped. Block
numbers begin at 0 in each session, so a frame or a report of one means nothing in another: the MAC
of each covers the session without a byte of it on the air. What tells it is an INCARNATION frame,
and, from then on, four bits in every frame counter.
"""

from __future__ import annotations

import random
import struct
from typing import NamedTuple

BITS = 4  # of a frame counter
_LABEL = b"spacepi-1 session"  # no frame begins with its first byte
_MAX = (1 << 32) - 1


class Session(NamedTuple):
    """``incarnation`` is 1..2^32-1, ``boot`` 0..2^32-1; boot 0 is of a life without its disk."""

    incarnation: int
    boot: int

    @property
    def boot_bits(self) -> int:
        """What each frame counter tells of the session, 0..15."""
        return (self.incarnation + self.boot) % (1 << BITS)

    def covering(self, message: bytes) -> bytes:
        """What a MAC of ``message`` in this session is made over."""
        return _LABEL + struct.pack(">II", self.incarnation, self.boot) + message


def draw_incarnation(chance: random.Random) -> int:
    """An incarnation for a store: of a hundred stores two have the same once in a million times."""
    return chance.randint(1, _MAX)
