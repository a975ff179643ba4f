"""Whatever instant the power goes and whatever becomes of the disk: no life has the session of
another, and within one no symbol number is ever sent with two contents."""

import random
import sqlite3
import tempfile
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payload.link.downlink import Downlink
from payload.storage import salvage
from payload.storage.ids import DISKLESS_ID
from sim.fakes.card_disk import DeskStore
from sim.fakes.sd_card import Card, CardFault
from tests.payload import aboard
from tests.payload.fakes import FakeRadio
from wire import frames, mission
from wire.beacon import Beacon, Phase, PowerMode
from wire.frames import BLOCKS_MAX, BeaconFrame, DataFrame
from wire.incoming import Receiver
from wire.records import Kind, TimeQuality
from wire.session import Session

MISSION = mission.load(Path(__file__).resolve().parents[3] / "mission.toml")
KINDS = (Kind.MUSING, Kind.TRACK, Kind.THUMBNAIL, Kind.EVENT, Kind.API_CALL)
Sent = tuple[Session, DataFrame]


class Payload:
    """A store and a downlink whose power can be cut; ``sent`` is all that ever went out."""

    def __init__(self, path: Path, seed: int) -> None:
        self._path = path
        self._rng = random.Random(seed)
        self._chance = random.Random(seed + 1)
        self.sent: list[Sent] = []
        self.sessions: list[Session] = []  # of each life
        self.boot()

    def boot(self, fault: CardFault | None = None) -> None:
        """Of a life; its card begins with ``fault``."""
        self.card = Card()
        self.card.fault = fault
        self.store = DeskStore(self._path, is_durable=False, chance=self._chance, card=self.card)
        self.radio = FakeRadio()
        self.downlink = Downlink(MISSION, self.radio, self.store)
        self.sessions.append(self.downlink.session)
        self.now_ms = 0

    def step(self, may_commit: bool = True, may_append: bool = True) -> None:
        """One step of the flight: something happens, a frame goes out, the disk is written."""
        for _ in range(self._rng.choice((0, 0, 1, 3)) * may_append):
            kind = self._rng.choice(KINDS)
            size = 900 if kind is Kind.THUMBNAIL else self._rng.randrange(20, 400)
            body = {"b": self._rng.randbytes(size)}
            self.store.append(kind, body, self.now_ms, self.now_ms, TimeQuality.NONE)
        before = len(self.radio.sent)
        due_ms = self.downlink.step(
            self.now_ms, Phase.ASCENT, PowerMode.NOMINAL, 9000.0, Beacon
        )
        for _, data in self.radio.sent[before:]:
            frame = frames.decode_downlink(data)
            if isinstance(frame, DataFrame):
                self.sent.append((self.downlink.session, frame))
        if may_commit:
            self.store.commit(self.now_ms)
        self.now_ms = max(due_ms, self.now_ms + 1)

    def steps(self, count: int) -> None:
        for _ in range(count):
            self.step()

    def lose_disk(self) -> None:
        """From now on the disk takes nothing."""
        self.card.fault = CardFault.FULL
        self.store.put("something", self.now_ms)
        self.store.commit(self.now_ms)
        assert self.store.is_failing

    def cut(self) -> None:
        """The power goes: what was not committed is lost, nothing is closed in order."""
        self.store.writer.close()


def assert_no_number_has_two_contents(payload: Payload) -> None:
    assert len(set(payload.sessions)) == len(payload.sessions), "two lives of one name"
    contents: dict[tuple[Session, int, int], bytes] = {}
    lengths: dict[tuple[Session, int], int] = {}
    for session, frame in payload.sent:
        first = contents.setdefault((session, frame.block, frame.esi), frame.symbol)
        assert first == frame.symbol, f"{session}: block {frame.block} symbol {frame.esi} twice"
        assert frame.counter.boot == session.boot_bits
        if not frame.is_open:
            length = lengths.setdefault((session, frame.block), frame.block_symbols)
            assert length == frame.block_symbols


def heard_of(sent: Iterable[Sent]) -> dict[Session, set[int]]:
    """Ids of the records that somebody who hears everything gets of each session."""
    receivers: dict[Session, Receiver] = {}
    heard: dict[Session, set[int]] = {}
    for session, frame in sent:
        receiver = receivers.setdefault(session, Receiver(MISSION.symbol_mtu_bytes))
        found = receiver.on_data(frame)
        heard.setdefault(session, set()).update(record.record_id for record in found)
    return heard


@settings(max_examples=25, deadline=None)
@given(
    lives=st.lists(st.tuples(st.integers(0, 120), st.booleans()), min_size=2, max_size=14),
    seed=st.integers(0, 1 << 30),
)
def test_over_any_power_cuts(lives: list[tuple[int, bool]], seed: int) -> None:
    """Each life is so many steps, and a last one of which the commit may be lost."""
    with tempfile.TemporaryDirectory() as folder:
        payload = Payload(Path(folder) / "s.sqlite", seed)
        for steps, is_commit_lost in lives:
            payload.steps(steps)
            payload.step(may_commit=not is_commit_lost)
            payload.cut()
            payload.boot()
        payload.step()
        payload.cut()
    assert_no_number_has_two_contents(payload)
    assert len({session.incarnation for session in payload.sessions}) == 1, "one store"


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_cut_in_the_very_first_steps_of_every_boot(tmp_path: Path, steps: int) -> None:
    """The boot number is on the disk before the first frame goes out."""
    payload = Payload(tmp_path / "s.sqlite", 5)
    for _ in range(40):
        for _ in range(steps):
            payload.step(may_commit=False)
        payload.cut()
        payload.boot()
    payload.steps(200)
    payload.cut()
    assert payload.sent
    assert_no_number_has_two_contents(payload)


@pytest.mark.parametrize("may_know_the_boot", [True, False])
def test_a_store_that_vanishes_between_two_lives_begins_in_another_session(
    tmp_path: Path, may_know_the_boot: bool
) -> None:
    """The file deleted or the card swapped: 60 records of the second life were called confirmed,
    and none of them was on the ground."""
    path = tmp_path / "s.sqlite"
    payload = Payload(path, 8)
    ids, incarnations = [], []
    for _ in range(4):
        if not may_know_the_boot:
            payload.cut()
            payload.boot()
        payload.steps(200)
        ids.append(set(aboard.records(payload.store)))
        incarnations.append(payload.store.incarnation)
        payload.cut()
        for file in tmp_path.iterdir():
            file.unlink()
        payload.boot()
    assert all(ids) and len(set.union(*ids)) == sum(map(len, ids)), "nor its record ids"
    assert len(set(incarnations)) == 4
    assert max(map(max, ids)) < DISKLESS_ID
    assert_no_number_has_two_contents(payload)
    payload.cut()


def test_a_disk_that_takes_nothing_does_not_make_it_mute(tmp_path: Path) -> None:
    payload = Payload(tmp_path / "s.sqlite", 7)
    payload.step()
    payload.lose_disk()
    before = len(payload.sent)
    payload.steps(300)
    assert len(payload.sent) > before + 100
    payload.cut()


def test_a_disk_that_fails_in_flight_and_heals_while_off_gives_no_number_twice(
    tmp_path: Path
) -> None:
    """What went out in such a life left no trace on the disk but its boot number."""
    payload = Payload(tmp_path / "s.sqlite", 10)
    for _ in range(5):
        payload.steps(40)
        payload.lose_disk()
        payload.steps(150)
        payload.cut()
        payload.boot()
    payload.cut()
    assert_no_number_has_two_contents(payload)
    assert len({session.incarnation for session in payload.sessions}) == 1


def test_a_life_whose_number_the_disk_does_not_take_has_an_incarnation_of_its_own(
    tmp_path: Path
) -> None:
    """Three of them in a row, each of which the next knows nothing of; then the disk heals."""
    payload = Payload(tmp_path / "s.sqlite", 12)
    payload.steps(60)
    payload.cut()
    for _ in range(3):
        payload.boot(CardFault.FULL)
        assert not payload.store.is_counted
        payload.steps(60)
        payload.cut()
    payload.boot()
    assert payload.store.is_counted
    payload.steps(60)
    payload.cut()
    first, *_, last = payload.sessions
    assert len({session.incarnation for session in payload.sessions}) == 4
    assert (last.incarnation, last.boot) == (first.incarnation, first.boot + 1)
    assert_no_number_has_two_contents(payload)


def test_a_damaged_store_begins_another_session_that_is_understood(tmp_path: Path) -> None:
    """Nor does the next one begin that of the one before (soak seeds 167 and 181)."""
    path = tmp_path / "s.sqlite"
    payload = Payload(path, 8)
    for _ in range(2):
        payload.steps(200)
        payload.cut()
        path.write_bytes(b"not a database" * 100)
        for suffix in ("-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        payload.boot()
        assert payload.store.salvaged_from is not None and payload.store.boot == 1
    payload.steps(200)
    payload.cut()
    assert_no_number_has_two_contents(payload)
    heard = heard_of(payload.sent)
    assert len(heard) == 3 and min(map(len, heard.values())) > 20


def test_a_salvaged_store_begins_another_session_though_its_numbers_can_be_read(
    tmp_path: Path
) -> None:
    """What a salvage reads may be older than what was lost: a boot number from the last checkpoint
    would be given again."""
    path = tmp_path / "s.sqlite"
    payload = Payload(path, 9)
    payload.steps(100)
    payload.store.close()
    data = bytearray(path.read_bytes())
    middle = len(data) // 2 // 4096 * 4096
    data[middle : middle + 4096] = b"\xaa" * 4096
    path.write_bytes(data)
    payload.boot()
    assert payload.store.salvaged_from is not None and payload.store.boot == 2
    assert payload.sessions[0].incarnation != payload.sessions[1].incarnation
    payload.cut()
    payload.boot()
    assert payload.sessions[2].incarnation == payload.sessions[1].incarnation
    payload.cut()


def test_a_salvage_that_a_cut_ends_still_begins_another_session(tmp_path: Path) -> None:
    """The copy is in place and the life that made it never got to write anything into it."""
    path = tmp_path / "s.sqlite"
    payload = Payload(path, 13)
    payload.steps(50)
    payload.cut()
    salvage.copy(path)
    salvage.finish(path)
    payload.boot()
    assert payload.store.salvaged_from is None and payload.store.boot == 2
    payload.cut()
    assert payload.sessions[0].incarnation != payload.sessions[1].incarnation


def test_a_boot_number_that_is_no_longer_whole_ends_the_incarnation(tmp_path: Path) -> None:
    payload = Payload(tmp_path / "s.sqlite", 14)
    payload.steps(50)
    payload.cut()
    with closing(sqlite3.connect(tmp_path / "s.sqlite")) as db, db:
        db.execute("UPDATE small SET crc32 = 0 WHERE key = 'boot'")
    payload.boot()
    payload.cut()
    assert payload.sessions[0].incarnation != payload.sessions[1].incarnation


def test_a_life_without_its_disk_keeps_its_session_when_that_comes_back(tmp_path: Path) -> None:
    """And the next life goes on in the session that the disk says."""
    card, away = tmp_path / "card", tmp_path / "away"
    payload = Payload(card / "s.sqlite", 10)
    payload.steps(60)
    payload.cut()
    card.rename(away)
    card.touch()
    payload.boot()
    assert not payload.store.is_counted and payload.store.boot == 0
    card.unlink()
    away.rename(card)
    payload.now_ms = 60_000  # by when the disk is tried again
    payload.steps(60)
    assert not payload.store.is_failing and payload.downlink.session == payload.sessions[1]
    payload.cut()
    payload.boot()
    payload.steps(60)
    payload.cut()
    first, without, last = payload.sessions
    assert last == Session(first.incarnation, first.boot + 1) and without.boot == 0
    assert_no_number_has_two_contents(payload)


def test_a_disk_that_comes_back_empty_begins_anew(tmp_path: Path) -> None:
    """It failed, was emptied, and healed while a life without it was flying: the life after that
    took itself for the first (soak seed 722)."""
    card = tmp_path / "card"
    payload = Payload(card / "s.sqlite", 11)
    payload.steps(60)
    payload.cut()
    card.rename(tmp_path / "away")
    card.touch()
    payload.boot()
    card.unlink()
    card.mkdir()
    (card / "s.sqlite").write_bytes(bytes(8192))
    payload.now_ms = 60_000  # by when the disk is tried again
    payload.steps(60)
    assert payload.store.salvaged_from is not None and not payload.store.is_failing
    payload.cut()
    payload.boot()
    assert payload.store.has_forgotten("uplink_counters"), "and takes no old command for new"
    payload.steps(60)
    payload.cut()
    assert len({session.incarnation for session in payload.sessions}) == 3
    assert_no_number_has_two_contents(payload)


def test_when_the_block_numbers_are_used_up_another_session_goes_on(tmp_path: Path) -> None:
    """They do not wrap, so that an old frame is never taken for one far ahead."""
    payload = Payload(tmp_path / "s.sqlite", 15)
    payload.downlink._sender.next_block = BLOCKS_MAX - 12
    payload.steps(100)
    for _ in range(1400):
        payload.step(may_append=False)
    payload.cut()
    sent = {session: 0 for session, _ in payload.sent}
    assert len(sent) == 2 and len({session.boot for session in sent}) == 1
    assert max(frame.block for _, frame in payload.sent) == BLOCKS_MAX - 1
    payload.sessions += [payload.downlink.session]
    assert_no_number_has_two_contents(payload)
    before, after = heard_of(payload.sent).values()
    assert len(before) > 5 and before < after, "what nobody confirmed goes again"


def test_the_beacon_goes_out_before_anything_is_on_the_disk(tmp_path: Path) -> None:
    payload = Payload(tmp_path / "s.sqlite", 9)
    payload.step(may_commit=False)
    assert isinstance(frames.decode_downlink(payload.radio.sent[0][1]), BeaconFrame)
    payload.cut()
