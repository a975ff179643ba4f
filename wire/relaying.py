"""Relaying: what one payload may carry home for another, and how it is packed into a record.

What is carried is a whole signed frame, byte for byte. The MAC in it is the origin's, and no relay
has the key, so a relay can neither alter nor invent: the station that has the key checks the frame
as if it had heard it itself. The frames of one neighbour make a *parcel*, the body of a RELAYED
record: its latest beacon, the INCARNATION frame that places its data, and DATA frames of the lane
of words. Each frame has its age when the parcel was made.

One hop: parcels travel in the lane of pictures, and of that lane nothing is carried, so what was
relayed once is relayed no further.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from wire.auth import Authenticity
from wire.bodies import Body
from wire.frames import MTU_BYTES_MAX, BeaconFrame, DataFrame, IncarnationFrame, decode_downlink
from wire.outgoing import Lane
from wire.record_bodies import RelayedBody

LANE = Lane.PRECIOUS  # events, command results, musings, replies and questions
FRAMES_MAX = 32  # in one parcel
AGE_S_MAX = 7 * 86_400  # older frames are stale: of another flight, or of no use

Carried = BeaconFrame | IncarnationFrame | DataFrame


class Overheard(NamedTuple):
    """A frame that one payload heard from another; ``age_s`` is 0..AGE_S_MAX."""

    data: bytes
    age_s: int


def carried(data: bytes) -> Carried | None:
    """The frame in ``data`` if it may be carried: whole, signed, and of a type and lane that are.
    None for all else. Whether its MAC is right is for the station to say that has the key."""
    if len(data) > MTU_BYTES_MAX:
        return None
    frame = decode_downlink(data)
    if not isinstance(frame, Carried) or frame.authenticity is not Authenticity.UNVERIFIED:
        return None
    return None if isinstance(frame, DataFrame) and frame.priority != LANE else frame


def pack(heard: Iterable[Overheard]) -> RelayedBody:
    """The body of a RELAYED record; at most FRAMES_MAX frames."""
    parcel = list(heard)
    assert len(parcel) <= FRAMES_MAX, len(parcel)
    return RelayedBody(
        frames=[each.data for each in parcel], ages=[each.age_s for each in parcel])


def unpack(body: Body) -> list[Overheard]:
    """The inverse of ``pack``, with frames that nobody has looked into. Raises ValueError for a
    body that is no parcel."""
    frames, ages = body.get("frames"), body.get("ages")
    if not isinstance(frames, list) or not isinstance(ages, list) or len(frames) != len(ages):
        raise ValueError("a parcel has no list of frames with their ages")
    if len(frames) > FRAMES_MAX:
        raise ValueError(f"a parcel of {len(frames)} frames; at most {FRAMES_MAX} are allowed")
    if not all(isinstance(data, bytes) for data in frames):
        raise ValueError("a parcel holds a frame that is no bytes")
    if not all(type(age_s) is int and 0 <= age_s <= AGE_S_MAX for age_s in ages):
        raise ValueError("a parcel holds a frame without an age")
    return [Overheard(*each) for each in zip(frames, ages, strict=True)]
