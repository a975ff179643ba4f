"""Authentication of frames: origin, and protection against replay.

HMAC-SHA-256, one key per payload and direction, derived by HKDF from the mission's master key.
Signed in clear: amateur rules forbid hiding what is said, not signing it.

Uplink: 8 bytes on every frame, and a counter, because the payload acts on what it hears.
Downlink: 4 bytes on every frame, unless the mission says otherwise. That is enough: a guess is
right once in 2^32 times, and only the station can tell, so each guess must go over the air. At 2400
bit/s, six signed beacons a second, trying half of all tags takes eleven years of uninterrupted
sending, every frame of it counted and shown, and buys one false frame. A guess at DATA is tried for
each session that its counter fits, mostly two. LoRaWAN signs with as many bytes.

Covers: forgery, mixing of payloads, directions and sessions (``wire.session``); on the uplink,
replay. An old downlink frame is still genuine: whether it is news is for the receiver to say
(``groundstation.decode.beacon_freshness``).
Does not cover: secrecy, jamming, a stolen key file, frames recorded on an earlier flight with the
same key: make a new one for every flight.
Source: RFC 2104 (HMAC), RFC 5869 (HKDF).
"""

from __future__ import annotations

import hashlib
import hmac
from enum import Enum
from functools import lru_cache

MAC_BYTES = 8
DOWNLINK_MAC_BYTES = 4
MASTER_KEY_BYTES = 32
_DOWNLINK_LABEL = b"spacepi-1 downlink frame"  # a tag never fits another kind of message
COUNTER_MAX = (1 << 32) - 1
STATIONS_MAX = 16  # ground stations are numbered 0..15; a counter modulo 16 says whose it is
COUNTER_AHEAD_MAX = 1 << 30  # about 34 years of seconds: a wild counter cannot lock the ground out


class Direction(Enum):
    """Each direction has a key of its own, so a frame cannot be turned round."""

    UPLINK = b"uplink"
    DOWNLINK = b"downlink"


class Authenticity(Enum):
    """What is known of who sent a downlink frame; only GENUINE is a proof."""

    UNSIGNED = "unsigned"  # carries no MAC: anyone may have sent it
    UNVERIFIED = "unverified"  # carries one, and there is no key here to check it with
    GENUINE = "genuine"  # the MAC is right
    FORGED = "forged"  # the MAC is wrong


def derive_key(master_key: bytes, node_id: int, direction: Direction) -> bytes:
    """The 32-byte key of one payload (0..255) and direction. ``master_key`` has 32 bytes."""
    assert len(master_key) == MASTER_KEY_BYTES, len(master_key)
    extracted = hmac.new(b"spacepi-1", master_key, hashlib.sha256).digest()
    info = direction.value + bytes((node_id, 1))
    return hmac.new(extracted, info, hashlib.sha256).digest()


def mac(key: bytes, message: bytes) -> bytes:
    """The 8-byte tag of ``message``."""
    return hmac.new(key, message, hashlib.sha256).digest()[:MAC_BYTES]


def is_genuine(key: bytes, message: bytes, tag: bytes) -> bool:
    """Compares in constant time; a tag of the wrong length is not genuine."""
    return hmac.compare_digest(mac(key, message), tag)


def downlink_mac(key: bytes, message: bytes) -> bytes:
    """The 4-byte tag of a downlink frame whose bytes before the tag are ``message``."""
    tag = _begun(key).copy()
    tag.update(message)
    return tag.digest()[:DOWNLINK_MAC_BYTES]


@lru_cache(maxsize=16)
def _begun(key: bytes) -> hmac.HMAC:
    """As far as the tags of all downlink frames under ``key`` are the same."""
    return hmac.new(key, _DOWNLINK_LABEL, hashlib.sha256)


def is_genuine_downlink(key: bytes, message: bytes, tag: bytes) -> bool:
    """Compares in constant time; a tag of the wrong length is not genuine."""
    return hmac.compare_digest(downlink_mac(key, message), tag)


def key_name(key: bytes) -> str:
    """8 hex digits that name a key in logs and archives without giving anything of it away."""
    return hmac.new(key, b"name", hashlib.sha256).hexdigest()[:8]


def is_fresh(counter: int, last_counter: int) -> bool:
    """True for a counter strictly after the last accepted one and not absurdly far ahead."""
    return last_counter < counter <= min(COUNTER_MAX, last_counter + COUNTER_AHEAD_MAX)


def is_of_station(counter: int, station: int) -> bool:
    """Is ``counter`` one that this station may use? No two stations share any."""
    return 0 <= station < STATIONS_MAX and counter % STATIONS_MAX == station


def next_counter(station: int, at_least: int) -> int:
    """The first counter of ``station`` (0..15) from ``at_least`` on, or the last there is."""
    assert 0 <= station < STATIONS_MAX, station
    last = COUNTER_MAX - (COUNTER_MAX - station) % STATIONS_MAX
    return min(last, at_least + (station - at_least) % STATIONS_MAX)
