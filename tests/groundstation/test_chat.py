"""A conversation between two real ends: the flight core with its store on one side, the station
with its archive and the terminal command on the other, and frames between them."""

from __future__ import annotations

import io
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from groundstation.archive.archive import Archive
from groundstation.ground import Ground
from payload.flight import Flight
from payload.prompt import exchange
from tests.payload.fakes import FIRST_FIX_MS
from tests.payload.test_flight import MISSION, PERSONA, Bench
from wire import key_file
from wire.auth import Direction, derive_key

MASTER = bytes(range(1, 33))
UPLINK = derive_key(MASTER, MISSION.payload.node_id, Direction.UPLINK)
ROOT = Path(__file__).resolve().parents[2]
STEP_MS = 100
QUIET_MS = 60_000
Terminal = Callable[..., list[str]]


class SignedBench(Bench):
    """A flight core with the keys of this test."""

    def boot(self) -> None:
        self.store = self.open_store()
        self.flight = Flight(MISSION, self.ports, self.store, PERSONA, None, UPLINK,
                             random.Random(1), MISSION.downlink_key(MASTER))
        self.due_ms = self.offset_ms = self.now_ms


class Radio:
    """Both ends and what is between them, moved on a tenth of a second at a time."""

    def __init__(self, folder: Path) -> None:
        self.bench = SignedBench(folder)
        self.folder = folder / "station"
        self.folder.mkdir()
        self.archive = Archive(self.folder / MISSION.ground.archive_dir / "archive.sqlite",
                               is_durable=False)
        self.ground = Ground(MISSION, self.archive, UPLINK, MISSION.downlink_key(MASTER))
        self.carried = 0
        self.is_lossy = False  # what the payload sends after it was asked is lost for a minute
        self.quiet_until_ms = 0

    @property
    def utc_ms(self) -> int:
        return FIRST_FIX_MS + self.bench.now_ms

    @property
    def has_asked(self) -> bool:
        """A question is on the air."""
        return bool(self.archive.db.execute("SELECT 1 FROM outbox WHERE attempts > 0").fetchall())

    def pass_time(self, seconds: float = 0.5) -> None:
        for _ in range(round(seconds * 1000 / STEP_MS)):
            bench, end_ms = self.bench, self.bench.now_ms + STEP_MS
            while bench.due_ms <= end_ms:
                bench.now_ms = bench.due_ms
                bench.due_ms = bench.flight.step(bench.now_ms)
            bench.now_ms = end_ms
            sent = bench.ports.radio.sent
            for _, data in sent[self.carried :]:
                if bench.now_ms >= self.quiet_until_ms:
                    self.ground.receive(data, self.utc_ms)
            self.carried = len(sent)
            self.ground.tend(self.utc_ms)
            up = self.ground.next_uplink(self.utc_ms)
            if up is not None:
                bench.ports.radio.heard.append(up)
            if self.is_lossy and not self.quiet_until_ms and self.has_asked:
                self.quiet_until_ms = bench.now_ms + QUIET_MS


@pytest.fixture
def radio(tmp_path: Path) -> Iterator[Radio]:
    made = Radio(tmp_path)
    made.pass_time(60)
    yield made
    made.archive.close()


@pytest.fixture
def chat(
    radio: Radio, monkeypatch: pytest.MonkeyPatch, ground: Callable[..., tuple[int, str, str]]
) -> Terminal:
    """What the terminal shows of a chat in which these lines are typed."""
    path = radio.folder / "mission.toml"
    shutil.copy(ROOT / "mission.toml", path)
    key_file.create(radio.folder / MISSION.keys.file, MASTER)
    monkeypatch.setattr("groundstation.__main__.time.time_ns", lambda: radio.utc_ms * 1_000_000)
    monkeypatch.setattr("groundstation.__main__.time.sleep", radio.pass_time)

    def type_in(*lines: str, name: str = "Ana") -> list[str]:
        monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
        status, out, err = ground("chat", "--name", name, "-m", path)
        assert status == 0, err
        return out.splitlines()

    return type_in


def words(line: str) -> str:
    """A line of a chat without its time."""
    return line.removeprefix("you: ").strip().split(" (")[0]


def test_a_conversation_over_the_radio(radio: Radio, chat: Terminal) -> None:
    """Goal: every stage is told in order, the answer is the model's, and the second question is
    asked with the first exchange in the prompt; another person has a conversation of their own."""
    first = chat("Are you cold?")
    answers = [line for line in first if line.startswith("EDDA: I think of ")]
    assert [words(line) for line in first[:-2]] == [
        "queued, will be sent when EDDA listens", "sent once, not confirmed by EDDA yet",
        "received by EDDA, which has begun to answer"]
    assert len(answers) == 1 and first[-2] == answers[0]
    second = chat("How cold?")
    assert second[:2] == ["you: Are you cold?", answers[0]], "what was said before is shown"
    ben = chat("Who are you?", name="Ben")
    assert not any("cold" in line for line in ben)
    asked = [r for r in radio.bench.ports.mind.requests if "\nasked: " in r.suffix]
    said = answers[0].removeprefix("EDDA: ")
    assert [r.earlier for r in asked] == [[], [exchange("Are you cold?", said)], []]
    assert not any("Ana" in r.suffix + "".join(r.earlier) for r in asked)
    assert not any(b"Ana" in data or b"Ben" in data for _, data in radio.bench.ports.radio.sent)


def test_a_refusal_and_its_reason_reach_the_person(radio: Radio, chat: Terminal) -> None:
    radio.bench.ports.mind.is_hung = True
    for number in range(5):
        radio.bench.flight.mind.ask(number, "Busy?")
    assert [words(line) for line in chat("Are you cold?")][-2:] == [
        "refused by EDDA: too many questions wait", ""]


def test_no_stage_is_told_without_evidence_and_a_canned_line_is_marked(
    radio: Radio, chat: Terminal
) -> None:
    """Method: what shows that the question was heard is lost for a minute; the mind is dumb."""
    radio.bench.ports.mind.is_hung = radio.is_lossy = True
    told = [words(line) for line in chat("Are you cold?")]
    assert told[:2] == [
        "queued, will be sent when EDDA listens", "sent once, not confirmed by EDDA yet"]
    confirmed_ms = radio.archive.db.execute("SELECT confirmed_ms FROM outbox").fetchone()[0]
    assert confirmed_ms >= FIRST_FIX_MS + radio.quiet_until_ms
    assert told[-2] == "EDDA: I have no voice today. The log goes on."


def test_a_bad_name_and_a_long_question_are_one_sentence(
    radio: Radio, chat: Terminal, ground: Callable[..., tuple[int, str, str]]
) -> None:
    status, _, err = ground("chat", "--name", " ", "-m", radio.folder / "mission.toml")
    assert (status, err) == (
        1, "spacepi-ground: --name: a name has 1 to 24 visible characters\n")
    assert chat("x" * 161, "")[0] == (
        "you:   a question must have 1..160 bytes")
