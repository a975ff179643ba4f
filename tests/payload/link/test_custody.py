"""What is taken of what neighbours say, how much, and when it becomes a record."""

from __future__ import annotations

from payload.link import custody
from payload.link.custody import Custody
from wire import frames, relaying
from wire.frames import BeaconFrame, DataFrame, FrameCounter, IncarnationFrame
from wire.outgoing import Lane
from wire.record_bodies import RelayedBody
from wire.session import Session

KEY = bytes(range(32))
SESSION = Session(3, 4)


class Neighbour:
    """A payload that is overheard by ``custody``."""

    def __init__(self, held: Custody, node_id: int = 8) -> None:
        self.sent: list[bytes] = []
        self._held = held
        self._node_id = node_id
        self._number = 0

    def says(self, frame: frames.Downlink, now_ms: int) -> bytes:
        data = frames.encode_downlink(frame, KEY)
        carried = relaying.carried(data)
        assert carried is not None
        self._held.take(carried, data, now_ms)
        self.sent.append(data)
        return data

    def symbol(self, block: int, esi: int, now_ms: int, size: int = 200, length: int = 4,
               is_open: bool = False) -> bytes:
        self._number += 1
        return self.says(DataFrame(
            self._node_id, FrameCounter(SESSION.boot_bits, self._number), Lane.PRECIOUS, block,
            length, esi, bytes(size), is_open, session=SESSION), now_ms)

    def beacon(self, now_ms: int) -> bytes:
        self._number += 1
        return self.says(BeaconFrame(
            self._node_id, FrameCounter(SESSION.boot_bits, self._number), bytes(24), False), now_ms)

    def session(self, now_ms: int) -> bytes:
        return self.says(IncarnationFrame(
            self._node_id, FrameCounter(SESSION.boot_bits, 0), SESSION), now_ms)


def frames_in(bodies: list[RelayedBody]) -> list[list[bytes]]:
    return [[each.data for each in relaying.unpack(dict(body))] for body in bodies]


def test_a_parcel_holds_what_places_it_and_the_bytes_as_heard() -> None:
    held = Custody()
    fenn = Neighbour(held)
    session, _ = fenn.session(0), fenn.beacon(1_000)
    first, second = fenn.symbol(0, 0, 2_000), fenn.symbol(0, 1, 3_000)
    latest = fenn.beacon(4_000)
    assert held.take_parcels(2_000 + custody.PARCEL_MS - 1) == []
    bodies = held.take_parcels(2_000 + custody.PARCEL_MS)
    assert frames_in(bodies) == [[session, latest, first, second]]
    assert bodies[0]["ages"] == [62, 58, 60, 59]
    assert held.take_parcels(10_000_000) == []


def test_every_parcel_can_be_placed() -> None:
    """The first may be lost: each has the frame that says of which session its data are."""
    held = Custody()
    fenn = Neighbour(held)
    session = fenn.session(0)
    for block in range(2):
        data = fenn.symbol(block, 0, block * 100_000)
        assert frames_in(held.take_parcels(block * 100_000 + 60_000)) == [[session, data]]


def test_a_full_parcel_does_not_wait() -> None:
    held = Custody()
    fenn = Neighbour(held)
    for esi in range(9):
        fenn.symbol(0, esi, 0, length=64)
        assert held.take_parcels(0) == []
    fenn.symbol(0, 9, 0, length=64)
    assert [len(each) for each in frames_in(held.take_parcels(0))] == [10]


def test_neighbours_have_parcels_of_their_own() -> None:
    held = Custody()
    one, other = Neighbour(held, 8).symbol(0, 0, 0), Neighbour(held, 9).symbol(0, 0, 0)
    assert frames_in(held.take_parcels(60_000)) == [[one], [other]]


def test_a_beacon_alone_is_no_parcel() -> None:
    """The next words bring the latest one."""
    held = Custody()
    fenn = Neighbour(held)
    fenn.beacon(0)
    assert held.take_parcels(10_000_000) == []


def test_a_symbol_is_taken_once_and_a_block_no_longer_than_it_is() -> None:
    held = Custody()
    fenn = Neighbour(held)
    for esi in (0, 1, 1, 0, 7, 9, 2, 12):  # of four: two sources, two repairs, and it is whole
        fenn.symbol(0, esi, 0)
    assert (held.taken_frames, held.known_frames) == (4, 4)


def test_of_a_growing_block_everything_new_is_taken() -> None:
    held = Custody()
    fenn = Neighbour(held)
    for esi in range(3):
        fenn.symbol(0, esi, 0, length=1, is_open=True)
    assert held.taken_frames == 3


def test_what_is_remembered_is_bounded() -> None:
    held = Custody()
    fenn = Neighbour(held)
    for number in range(custody.SYMBOLS_REMEMBERED_MAX + 10):
        fenn.symbol(number // 4, number % 4, number * 1_000, size=1)
    assert held.known_frames == 0
    fenn.symbol(0, 0, 9_000_000, size=1)
    assert held.known_frames == 0, "the oldest was forgotten"
    fenn.symbol(1_000, 0, 9_000_000, size=1)
    assert held.known_frames == 1


def test_a_neighbour_has_a_share_and_no_more() -> None:
    """Whoever speaks in its name fills its own share, not that of another."""
    held = Custody()
    loud, quiet = Neighbour(held, 8), Neighbour(held, 9)
    for block in range(100):
        for esi in range(4):
            loud.symbol(block, esi, 0)
    assert held.taken_frames == custody.SHARE_BYTES // 217 and held.refused_frames > 0
    refused = held.refused_frames
    quiet.symbol(0, 0, 0)
    assert held.refused_frames == refused
    loud.symbol(200, 0, 60_000)
    assert held.refused_frames == refused, "a minute earns room for five frames"


def test_a_neighbour_that_lost_its_store_is_heard_anew() -> None:
    """Blocks and symbols are numbered from 0 again, and one store in sixteen has the four bits of
    the one before: nothing that it said was taken until it had passed its old numbers."""
    held = Custody()
    fenn = Neighbour(held)
    fenn.session(0)
    first = fenn.symbol(0, 0, 1_000, length=1)
    fenn.symbol(0, 0, 2_000, length=1)
    assert (held.taken_frames, held.known_frames) == (1, 1)
    other = Session(SESSION.incarnation + 16, SESSION.boot)
    assert other.boot_bits == SESSION.boot_bits
    told = fenn.says(IncarnationFrame(8, FrameCounter(other.boot_bits, 0), other), 3_000)
    again = fenn.says(DataFrame(
        8, FrameCounter(other.boot_bits, 1), Lane.PRECIOUS, 0, 1, 0, b"other", False,
        session=other), 4_000)
    assert (held.taken_frames, held.known_frames) == (2, 1)
    assert frames_in(held.take_parcels(70_000)) == [[told, first, again]]
    fenn.session(80_000)
    fenn.symbol(0, 0, 81_000, length=1)
    assert held.known_frames == 2, "a session that is told again is known again"
