"""What is taken of what neighbours say, how much, and when it becomes a record."""

from __future__ import annotations

from payload.link import custody
from payload.link.custody import Custody
from payload.link.known_symbols import SYMBOLS_MAX
from payload.link.neighbours import Neighbours
from payload.link.overhearing import KnownNeighbour, Overhearing
from wire import frames, mission_swarm, relaying
from wire.bodies import NO_MODELS
from wire.frames import BeaconFrame, DataFrame, FrameCounter, IncarnationFrame
from wire.mission_swarm import SwarmSection
from wire.outgoing import Lane
from wire.record_bodies import RelayedBody
from wire.records import Kind
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
               is_open: bool = False, session: Session = SESSION, content: bytes = b"\0") -> bytes:
        self._number += 1
        return self.says(DataFrame(
            self._node_id, FrameCounter(session.boot_bits, self._number), Lane.PRECIOUS, block,
            length, esi, content * size, is_open, session=session), now_ms)

    def beacon(self, now_ms: int, session: Session = SESSION) -> bytes:
        self._number += 1
        return self.says(BeaconFrame(
            self._node_id, FrameCounter(session.boot_bits, self._number), bytes(24), False), now_ms)

    def session(self, now_ms: int, session: Session = SESSION) -> bytes:
        return self.says(IncarnationFrame(
            self._node_id, FrameCounter(session.boot_bits, 0), session), now_ms)


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
    for esi in (0, 1, 1, 0, 7, 9, 12):  # of four: two sources, two repairs, and it is whole
        fenn.symbol(0, esi, 0)
    assert (held.taken_frames, held.known_frames) == (4, 3)
    fenn.symbol(0, 2, 0)
    assert held.known_frames == 3, "a source symbol can be read alone"


def test_of_a_growing_block_everything_new_is_taken() -> None:
    held = Custody()
    fenn = Neighbour(held)
    for esi in range(3):
        fenn.symbol(0, esi, 0, length=1, is_open=True)
    assert held.taken_frames == 3


def test_what_is_remembered_is_bounded() -> None:
    held = Custody()
    fenn = Neighbour(held)
    for number in range(SYMBOLS_MAX + 10):
        fenn.symbol(number // 4, number % 4, number * 1_000, size=1)
    assert held.known_frames == 0
    fenn.symbol(0, 0, 9_000_000, size=1)
    assert held.known_frames == 0, "the oldest was forgotten"
    fenn.symbol(500, 0, 9_000_000, size=1)
    assert held.known_frames == 1


def test_a_neighbour_has_a_share_and_no_more() -> None:
    """Whoever speaks in its name fills its own share, not that of another."""
    held = Custody()
    loud, quiet = Neighbour(held, 8), Neighbour(held, 9)
    for block in range(100):
        for esi in range(4):
            loud.symbol(block, esi, 0)
    most = custody.SHARE_BYTES // 217
    assert 3 / 4 * most < held.taken_frames < most and held.refused_frames > 0
    refused = held.refused_frames
    quiet.symbol(0, 0, 0)
    assert held.refused_frames == refused
    loud.symbol(200, 0, 3_600_000)
    assert held.refused_frames == refused, "an hour earns all of it"


def test_a_neighbour_that_lost_its_store_is_heard_anew() -> None:
    """Blocks and symbols are numbered from 0 again, and one store in sixteen has the four bits of
    the one before: nothing that it said was taken until it had passed its old numbers."""
    held = Custody()
    fenn = Neighbour(held)
    begun = fenn.session(0)
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
    assert frames_in(held.take_parcels(70_000)) == [[begun, first], [told, again]]
    fenn.session(80_000)
    fenn.symbol(0, 0, 81_000, length=1)
    assert held.known_frames == 2, "a session that is told again is known again"


def test_a_forger_cannot_make_a_genuine_symbol_known() -> None:
    """Whoever sent anything under the numbers of a symbol first kept the genuine one from being
    carried; for frames without content that cost a tenth of the time on the air."""
    held = Custody()
    fenn, forger = Neighbour(held), Neighbour(held)
    for esi in range(6):
        forger.symbol(0, esi, 0, size=1, content=b"\xff")
    genuine = {fenn.symbol(0, esi, 1_000) for esi in range(6)}
    (carried,) = frames_in(held.take_parcels(60_000))
    assert genuine < set(carried), "also the coded ones, for the block is disputed"


def test_coded_symbols_without_content_do_not_make_a_block_whole() -> None:
    held = Custody()
    fenn, forger = Neighbour(held), Neighbour(held)
    for esi in range(100, 110):
        forger.symbol(0, esi, 0, size=1)
    genuine = {fenn.symbol(0, esi, 1_000) for esi in (0, 1, 4, 5)}
    (carried,) = frames_in(held.take_parcels(60_000))
    assert genuine < set(carried)
    known = held.known_frames
    fenn.symbol(0, 6, 2_000)
    assert held.known_frames == known + 1, "and it is whole"


def test_a_flood_takes_no_more_of_a_share_than_it_has_of_the_air() -> None:
    """Once its share was spent, a neighbour was carried no more while a forger sent a short frame
    every second."""
    held = Custody()
    fenn, forger = Neighbour(held), Neighbour(held)
    for number in range(4_000):
        forger.symbol(number, 0, 0, size=1, content=b"\xff")
    genuine = set()
    for second in range(3_600):
        for part in range(3):
            forger.symbol(4_000 + 3 * second + part, 0, 1_000 * second, size=1, content=b"\xff")
        if second % 10 == 0:
            genuine.add(fenn.symbol(20_000 + second, 0, 1_000 * second, length=1))
    assert len(genuine) == 360
    carried = {data for each in frames_in(held.take_parcels(9_000_000)) for data in each}
    assert len(genuine & carried) > 360 / 6
    assert held.refused_frames > 5_000


def test_data_of_two_sessions_are_not_in_one_parcel() -> None:
    """A neighbour that began anew within the minute: what it said before travelled behind the
    announcement of the new session, and the station could not place it."""
    held = Custody()
    fenn, new = Neighbour(held), Session(77, 1)
    assert new.boot_bits != SESSION.boot_bits
    told, beacon = fenn.session(0), fenn.beacon(500)
    old = fenn.symbol(4, 0, 1_000)
    new_beacon, new_told = fenn.beacon(2_000, new), fenn.session(2_500, new)
    fresh = fenn.symbol(0, 0, 3_000, session=new)
    late = fenn.symbol(4, 1, 4_000)
    assert frames_in(held.take_parcels(70_000)) == [
        [told, beacon, old, late], [new_beacon, new_told, fresh]]


def test_neither_are_those_of_two_sessions_with_the_same_four_bits() -> None:
    held = Custody()
    fenn, new = Neighbour(held), Session(SESSION.incarnation + 16, SESSION.boot)
    told, old = fenn.session(0), fenn.symbol(0, 0, 1_000)
    new_told, fresh = fenn.session(2_000, new), fenn.symbol(0, 0, 3_000, session=new, content=b"a")
    assert frames_in(held.take_parcels(70_000)) == [[told, old], [new_told, fresh]]


def test_false_announcements_between_frames_cost_no_more_than_the_share() -> None:
    """Each makes a parcel of one frame; the share pays for what goes ahead of it too."""
    held = Custody()
    fenn = Neighbour(held)
    for number in range(2_000):
        session = Session(1 + 16 * number, 0)
        fenn.session(number, session)
        fenn.symbol(number, 0, number, size=1, session=session)
    bodies = held.take_parcels(100_000)
    said = sum(len(data) for each in frames_in(bodies) for data in each)
    assert len(bodies) > 100 and said <= custody.SHARE_BYTES


def test_of_a_neighbour_whose_key_is_here_the_genuine_frames_have_a_share_of_their_own() -> None:
    """A forger fills its own, and makes nothing known."""
    swarm = SwarmSection(neighbours=(mission_swarm.Neighbour(name="FENN", node_id=8),))
    listener = Neighbours(swarm, Overhearing(7, {8: KnownNeighbour(KEY, NO_MODELS)}, 222))
    sent: list[bytes] = []
    for key, content in ((bytes(32), b"\xff"), (KEY, b"\0")):
        said: list[frames.Downlink] = [
            IncarnationFrame(8, FrameCounter(SESSION.boot_bits, 0), SESSION),
            BeaconFrame(8, FrameCounter(SESSION.boot_bits, 1), bytes(24), True),
            *(DataFrame(8, FrameCounter(SESSION.boot_bits, 2 + number), Lane.PRECIOUS, number // 4,
                        4, number % 4, content * 200, False, session=SESSION)
              for number in range(200))]
        sent = [frames.encode_downlink(frame, key) for frame in said]
        assert [listener.hear(data, 0) for data in sent[1:2]] == [key == KEY]
        for data in sent[:1] + sent[2:]:
            listener.hear(data, 0)
    bodies = [note.body for note in listener.notes(60_000) if note.kind is Kind.RELAYED]
    carried = [data for body in bodies for data in body["frames"]]
    assert set(sent) <= set(carried)
