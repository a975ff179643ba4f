"""Whatever instant the power goes, no symbol number is ever sent with two contents."""

import random
import tempfile
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payload.downlink import BLOCK_RESERVE, DISKLESS_BLOCK, Downlink
from sim.card import Card, CardFault
from sim.card_disk import DeskStore
from tests.payload.fakes import FakeRadio
from wire import frames, mission
from wire.beacon import Beacon, Phase, PowerMode
from wire.frames import BeaconFrame, DataFrame
from wire.incoming import Receiver
from wire.records import Kind, TimeQuality

MISSION = mission.load(Path(__file__).resolve().parents[2] / "mission.toml")
KINDS = (Kind.MUSING, Kind.TRACK, Kind.THUMBNAIL, Kind.EVENT, Kind.API_CALL)


class Payload:
    """A store and a downlink whose power can be cut; ``sent`` is all that ever went out."""

    def __init__(self, path: Path, seed: int, place: int = 0) -> None:
        self._path = path
        self._place = place  # each life draws the same: the others are the easy cases
        self._rng = random.Random(seed)
        self.sent: list[DataFrame] = []
        self.boot()

    def boot(self, place: int | None = None) -> None:
        place = self._place if place is None else place
        self.card = Card()
        self.store = DeskStore(self._path, is_durable=False, place=place, card=self.card)
        self.radio = FakeRadio()
        self.downlink = Downlink(MISSION, self.radio, self.store)
        self.now_ms = 0

    def step(self, may_commit: bool = True) -> None:
        """One step of the flight: something happens, a frame goes out, the disk is written."""
        for _ in range(self._rng.choice((0, 0, 1, 3))):
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
                self.sent.append(frame)
        if may_commit:
            self.store.commit(self.now_ms)
        self.now_ms = max(due_ms, self.now_ms + 1)

    def lose_disk(self) -> None:
        """From now on the disk takes nothing, and all reserved numbers are used up."""
        self.card.fault = CardFault.FULL
        self.store.put("something", self.now_ms)
        self.store.commit(self.now_ms)
        assert self.store.is_failing
        self.downlink._sender.next_block = self.downlink._durable_upto

    def cut(self) -> None:
        """The power goes: what was not committed is lost, nothing is closed in order."""
        self.store.writer.close()


def assert_no_number_has_two_contents(sent: Iterable[DataFrame]) -> None:
    contents: dict[tuple[int, int], bytes] = {}
    lengths: dict[int, int] = {}
    boots: dict[int, int] = {}
    for frame in sent:
        first = contents.setdefault((frame.block, frame.esi), frame.symbol)
        assert first == frame.symbol, f"block {frame.block} symbol {frame.esi} came twice"
        assert boots.setdefault(frame.block, frame.counter.boot) == frame.counter.boot
        if not frame.is_open:
            assert lengths.setdefault(frame.block, frame.block_symbols) == frame.block_symbols


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
            for _ in range(steps):
                payload.step()
            payload.step(may_commit=not is_commit_lost)
            payload.cut()
            payload.boot()
        payload.step()
        payload.cut()
    assert_no_number_has_two_contents(payload.sent)


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_cut_in_the_very_first_steps_of_every_boot(tmp_path: Path, steps: int) -> None:
    """Found by test_over_any_power_cuts: the first frames of a boot went out before the number of
    their block was on the disk, and the next boot used it again."""
    payload = Payload(tmp_path / "s.sqlite", 5)
    for _ in range(40):
        for _ in range(steps):
            payload.step(may_commit=False)
        payload.cut()
        payload.boot()
    for _ in range(200):
        payload.step()
    payload.cut()
    assert payload.sent
    assert_no_number_has_two_contents(payload.sent)


def test_no_block_is_opened_beyond_what_is_durable(tmp_path: Path) -> None:
    """A commit that never returns: the numbers on the disk are used up, then nothing new goes."""
    payload = Payload(tmp_path / "s.sqlite", 6)
    for _ in range(4 * BLOCK_RESERVE):  # each has a block of its own
        payload.store.append(Kind.THUMBNAIL, {"b": bytes(300)}, 0, 0, TimeQuality.NONE)
    payload.step()
    payload.step()
    durable = payload.store.get("next_block")
    for _ in range(600):
        payload.step(may_commit=False)
    used = {frame.block for frame in payload.sent}
    assert max(used) == durable - 1, "all of those, and none more"
    payload.cut()


def test_a_disk_that_takes_nothing_does_not_make_it_mute(tmp_path: Path) -> None:
    payload = Payload(tmp_path / "s.sqlite", 7)
    payload.step()
    durable = payload.store.get("next_block")
    assert durable == BLOCK_RESERVE
    payload.downlink._sender.next_block = durable - 2
    payload.store.is_failing = True
    for _ in range(300):
        payload.step(may_commit=False)
    assert max(frame.block for frame in payload.sent) >= durable
    payload.cut()


@pytest.mark.parametrize("place", [0, 1, 2, 63])
def test_a_disk_that_fails_in_flight_and_heals_while_off_gives_no_number_twice(
    tmp_path: Path, place: int
) -> None:
    """What went out in such a life left no trace on the disk. Two lives that drew the same place
    sent the same block numbers."""
    payload = Payload(tmp_path / "s.sqlite", 10, place)
    for _ in range(5):
        for _ in range(40):
            payload.step()
        payload.lose_disk()
        before = len(payload.sent)
        for _ in range(150):
            payload.step()
        assert any(frame.block >= DISKLESS_BLOCK for frame in payload.sent[before:])
        payload.cut()
        payload.boot()
    payload.cut()
    assert_no_number_has_two_contents(payload.sent)


def test_no_life_with_a_disk_goes_on_among_the_numbers_of_those_without(
    tmp_path: Path
) -> None:
    """The disk comes back in flight: the next life goes on where those with a disk had been, and
    not where another one that loses its disk may be put."""
    payload = Payload(tmp_path / "s.sqlite", 11)
    for _ in range(40):
        payload.step()
    payload.lose_disk()
    for _ in range(100):
        payload.step()
    payload.card.fault = None
    before = len(payload.sent)
    for _ in range(100):
        payload.step()
    assert not payload.store.is_failing
    assert max(frame.block for frame in payload.sent[before:]) > DISKLESS_BLOCK
    payload.cut()
    payload.boot()
    before = len(payload.sent)
    for _ in range(100):
        payload.step()
    payload.cut()
    later = {frame.block for frame in payload.sent[before:]}
    assert later and max(later) < DISKLESS_BLOCK
    assert_no_number_has_two_contents(payload.sent)


def test_a_damaged_store_does_not_begin_the_numbers_again(tmp_path: Path) -> None:
    """Nor does the next one begin those of the one before (soak seeds 167 and 181)."""
    path = tmp_path / "s.sqlite"
    payload = Payload(path, 8)
    ends = []
    for place in (5, 6):  # as near as two can be
        for _ in range(200):
            payload.step()
        ends.append(len(payload.sent))
        payload.cut()
        path.write_bytes(b"not a database" * 100)
        for suffix in ("-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        payload.boot(place)
        assert payload.store.salvaged_from is not None and payload.store.boot == 1
    for _ in range(200):
        payload.step()
    payload.cut()
    lives = payload.sent[: ends[0]], payload.sent[ends[0] : ends[1]], payload.sent[ends[1] :]
    used = [{frame.block for frame in life} for life in lives]
    assert all(used) and len(set.union(*used)) == sum(map(len, used))
    receiver, heard = Receiver(MISSION.radio.mtu_bytes), [0, 0, 0]
    for life, frames_sent in enumerate(lives):
        heard[life] = sum(len(receiver.on_data(frame)) for frame in frames_sent)
    assert min(heard) > 20, "a station that heard all of them understands each"


def test_the_numbers_of_a_life_without_its_disk_are_not_gone_on_with(tmp_path: Path) -> None:
    """The disk was not there at the start, came, and went again: the number that it had by then
    was of that life's own place, and the next life gave out some of it once more."""
    card, away = tmp_path / "card", tmp_path / "away"
    payload = Payload(card / "s.sqlite", 10)
    for _ in range(60):
        payload.step()
    payload.cut()
    card.rename(away)
    card.touch()
    payload.boot(place=3)
    assert not payload.store.is_counted
    card.unlink()
    away.rename(card)
    payload.now_ms = 60_000  # by when the disk is tried again
    for _ in range(60):
        payload.step()
    assert not payload.store.is_failing
    payload.store.is_failing = True
    payload.downlink._sender.next_block += BLOCK_RESERVE - 2  # so many blocks later
    for _ in range(300):
        payload.step(may_commit=False)
    payload.cut()
    payload.boot(place=4)
    for _ in range(60):
        payload.step()
    payload.cut()
    assert_no_number_has_two_contents(payload.sent)


def test_a_disk_that_comes_back_empty_does_not_begin_the_numbers_again(tmp_path: Path) -> None:
    """It failed, was emptied, and healed while a life without it was flying: the life after that
    took itself for the first (soak seed 722)."""
    card = tmp_path / "card"
    payload = Payload(card / "s.sqlite", 11)
    for _ in range(60):
        payload.step()
    first_ids = payload.store.newest_id
    payload.cut()
    card.rename(tmp_path / "away")
    card.touch()
    payload.boot(place=3)
    card.unlink()
    card.mkdir()
    (card / "s.sqlite").write_bytes(bytes(8192))
    payload.now_ms = 60_000  # by when the disk is tried again
    for _ in range(60):
        payload.step()
    assert payload.store.salvaged_from is not None and not payload.store.is_failing
    payload.cut()
    payload.boot(place=4)
    assert payload.store.newest_id > first_ids
    assert payload.store.has_forgotten("uplink_counters"), "and takes no old command for new"
    for _ in range(60):
        payload.step()
    payload.cut()
    contents: dict[tuple[int, int], bytes] = {}
    for frame in payload.sent:
        assert contents.setdefault((frame.block, frame.esi), frame.symbol) == frame.symbol


def test_the_beacon_goes_out_before_anything_is_on_the_disk(tmp_path: Path) -> None:
    payload = Payload(tmp_path / "s.sqlite", 9)
    payload.step(may_commit=False)
    assert isinstance(frames.decode_downlink(payload.radio.sent[0][1]), BeaconFrame)
    payload.cut()
