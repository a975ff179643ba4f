"""Texts leave the payload coded, a little at a time, until the ground says it lacks the model."""

import random
from collections.abc import Iterable
from pathlib import Path

import pytest

from host_training.codec.codec import train
from payload.flight import Flight
from payload.flight_ports import FlightPorts
from payload.link import record_queue as feed_module
from payload.link.downlink import Downlink
from payload.link.record_queue import PLAIN_MODELS_MAX, TEXT_BYTES_PER_STEP
from sim.fakes.card_disk import DeskStore
from tests.payload import aboard
from tests.payload.fakes import FakeRadio
from tests.wire.test_text_codec import OWN, model
from wire import auth, commands, frames, mission, records
from wire.auth import Direction
from wire.beacon import Beacon, Phase, PowerMode
from wire.bodies import SEALED, TEXT_BYTES_MAX, TextSeat, by_id, marked_text
from wire.commands import Command, Opcode
from wire.frames import CommandFrame, DataFrame, FeedbackFrame
from wire.incoming import Receiver
from wire.records import Kind, Record, TimeQuality
from wire.text_codec import TextModel
from wire.transfer import CLOSE_FRAMES

MISSION = mission.load(Path(__file__).resolve().parents[3] / "mission.toml")
MTU = MISSION.symbol_mtu_bytes
MODEL_NUMBER = int.from_bytes(model().model_id[:2])
CLOSED_S = 2 * CLOSE_FRAMES  # a frame takes less than two seconds here
KEY = auth.derive_key(bytes(32), MISSION.payload.node_id, Direction.UPLINK)


class Bench:
    """A downlink that is stepped; what it sent is heard by a receiver without the model."""

    def __init__(self, path: Path, codec: TextModel | None = None) -> None:
        self.radio = FakeRadio()
        self.store = DeskStore(path / "s.sqlite")
        self.downlink = Downlink(MISSION, self.radio, self.store, None, codec or model())
        self.receiver = Receiver(MTU)
        self.now_ms = 0
        self._taken = self._reports = 0

    def add(self, count: int, text: str = "The lamp on the board has faded, says {}.") -> None:
        for number in range(count):
            body = {"text": text.format(number), "by": "model", "alt": number}
            self.store.append(Kind.MUSING, body, 0, 0, TimeQuality.NONE)
        self.store.commit(0)

    def run(self, seconds: int) -> list[Record]:
        """Step so long; the records that became readable."""
        end_ms = self.now_ms + seconds * 1000
        while self.now_ms < end_ms:
            due_ms = self.downlink.step(
                self.now_ms, Phase.ASCENT, PowerMode.NOMINAL, 9000.0, Beacon
            )
            self.store.commit(self.now_ms)
            self.now_ms = min(due_ms, end_ms)
        new, self._taken = self.radio.sent[self._taken :], len(self.radio.sent)
        return list(self.hear(data for _, data in new))

    def hear(self, sent: Iterable[bytes]) -> Iterable[Record]:
        for data in sent:
            frame = frames.decode_downlink(data)
            if isinstance(frame, DataFrame):
                yield from self.receiver.on_data(frame)

    def report(self) -> None:
        found = self.receiver.report()
        self._reports += 16
        assert found is not None
        last = self.downlink._sequence
        session = self.downlink.session
        counter = frames.FrameCounter(session.boot_bits, last & 0xFFF)
        self.downlink.on_report(FeedbackFrame(
            MISSION.payload.node_id, 0, self._reports, 0, counter, *found, session), self.now_ms)
        self.store.commit(self.now_ms)


def states(store: DeskStore) -> list[int]:
    rows = store.writer.db.execute("SELECT state FROM record ORDER BY id")
    return [row[0] for row in rows]


def test_texts_leave_coded_and_all_else_readable(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.add(8)
    heard = bench.run(60)
    assert len(heard) == 8 and all(r.body.keys() == {"alt", SEALED} for r in heard)
    bench.receiver = Receiver(MTU, by_id([model()]))
    again = list(bench.hear(data for _, data in bench.radio.sent))
    assert {r.body["text"] for r in again} == {
        f"The lamp on the board has faded, says {n}." for n in range(8)}


def test_no_step_codes_more_than_its_bound(tmp_path: Path, monkeypatch) -> None:
    """Found by adding up: a backlog of musings would have been coded in one step, 5 s on a Pi."""
    bench = Bench(tmp_path)
    texts = random.Random(1).choices(OWN, k=40)
    for text in texts:
        bench.add(1, text)
    coded: list[list[int]] = []
    real = records.pack

    def counting(record: Record, codec: TextModel | None) -> records.Packed:
        coded[-1].append(len(marked_text(record.body).encode()))
        return real(record, codec)

    step = bench.downlink.step
    monkeypatch.setattr(feed_module.records, "pack", counting)
    monkeypatch.setattr(bench.downlink, "step", lambda *a: coded.append([]) or step(*a))
    bench.run(60)
    assert sum(map(len, coded)) == 40
    busiest = max(sum(sizes) for sizes in coded)
    assert TEXT_BYTES_PER_STEP <= busiest < TEXT_BYTES_PER_STEP + TEXT_BYTES_MAX


def test_a_ground_without_the_model_gets_everything_in_plain(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.add(10)
    bench.run(CLOSED_S)
    bench.report()
    assert set(states(bench.store)) == {2}, "the ground has them, though it cannot read them"
    bench.add(6)
    bench.run(2)
    assert bench.downlink.queue.send_plain_text(MODEL_NUMBER) == ""
    bench.store.commit(bench.now_ms)
    assert states(bench.store) == [0] * 16
    before = len(bench.radio.sent)
    bench.report()  # of blocks with coded texts in them: too late to confirm anything
    assert states(bench.store) == [0] * 16 and len(bench.radio.sent) == before
    heard = bench.run(CLOSED_S)
    assert {r.record_id for r in heard if "text" in r.body} == aboard.records(bench.store).keys()
    bench.report()
    assert set(states(bench.store)) == {2}


def test_a_report_and_the_command_in_one_step_still_send_again(tmp_path: Path) -> None:
    """The confirmation was noted and not yet committed when the command came."""
    bench = Bench(tmp_path)
    bench.add(3)
    bench.run(CLOSED_S)
    commit, bench.store.commit = bench.store.commit, lambda now_ms: True
    bench.report()
    bench.downlink.queue.send_plain_text(MODEL_NUMBER)
    bench.store.commit = commit
    bench.store.commit(bench.now_ms)
    assert states(bench.store) == [0, 0, 0]


def test_it_is_remembered_for_this_model_alone(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    assert bench.downlink.queue.send_plain_text(MODEL_NUMBER ^ 1) == "no such text model here"
    assert bench.downlink.queue.send_plain_text(MODEL_NUMBER) == ""
    again = bench.downlink.queue.send_plain_text(MODEL_NUMBER)
    assert again == "", "asked twice is as good as once"
    bench.store.commit(0)
    bench.store.close()
    again = Bench(tmp_path)
    again.add(2)
    assert [("text" in r.body) for r in again.run(60)] == [True, True]
    again.store.close()
    other = train([], OWN[:2])
    swapped = Bench(tmp_path, other)
    swapped.add(1)
    heard = swapped.run(60)
    assert heard and heard[-1].body[SEALED]["model"] == other.model_id[:2].hex()
    for number in range(20):  # the list of refused models has its bound
        swapped.store.put("plain_text_models", [*range(number)][-PLAIN_MODELS_MAX:])
    assert swapped.downlink.queue.send_plain_text(int.from_bytes(other.model_id[:2])) == ""
    assert len(swapped.store.get("plain_text_models")) == PLAIN_MODELS_MAX


def test_without_a_codec_texts_are_readable_by_all(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.downlink = Downlink(MISSION, bench.radio, bench.store, None)
    bench.add(3)
    assert all("text" in r.body for r in bench.run(60))
    assert bench.downlink.queue.send_plain_text(MODEL_NUMBER) == "", "as the ground asks"


def test_a_codec_that_comes_later_packs_what_follows(tmp_path: Path) -> None:
    """The payload unpacks it beside its first steps; a model the ground lacks stays unused."""
    bench = Bench(tmp_path)
    bench.downlink = Downlink(MISSION, bench.radio, bench.store, None)
    bench.add(1)
    bench.downlink.queue.use(model())
    heard = bench.run(60)
    assert heard and all(SEALED in r.body for r in heard)
    assert bench.downlink.queue.send_plain_text(MODEL_NUMBER) == ""
    bench.downlink.queue.use(model())
    bench.add(1)
    heard = bench.run(60)
    assert heard and all("text" in r.body for r in heard)


def test_a_codec_that_comes_after_the_ground_refused_it_stays_unused(tmp_path: Path) -> None:
    """The ground asks once for each model, and may do so just after a boot."""
    bench = Bench(tmp_path)
    bench.downlink = Downlink(MISSION, bench.radio, bench.store, None)
    assert bench.downlink.queue.send_plain_text(MODEL_NUMBER) == ""
    bench.downlink.queue.use(model())
    bench.add(2)
    heard = bench.run(60)
    assert len(heard) == 2 and all("text" in r.body for r in heard)


@pytest.mark.parametrize(("number", "result"), [
    (MODEL_NUMBER, "ok"), (MODEL_NUMBER ^ 1, "refused"),
])
def test_the_command_is_answered(tmp_path: Path, number: int, result: str) -> None:
    radio, store = FakeRadio(), DeskStore(tmp_path / "s.sqlite")
    flight = Flight(MISSION, FlightPorts(radio=radio), store, None, None, KEY, random.Random(1),
                    codec=model())
    flight.step(0)
    body = commands.encode(Command(Opcode.PLAIN_TEXT, (number,)))
    radio.heard.append(frames.encode_uplink(CommandFrame(7, 0, 16, body), KEY))
    flight.step(1000)
    answers = [n.body for n in flight.notes if n.kind is Kind.COMMAND_RESULT]
    assert [(a["command"], a["result"]) for a in answers] == [("plain_text", result)]
    assert store.get("plain_text_models", []) == ([number] if result == "ok" else [])


def test_a_text_for_which_coding_does_not_pay_is_not_sent_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.add(1, "\t{}")
    bench.run(CLOSED_S)
    bench.report()
    assert bench.downlink.queue.send_plain_text(MODEL_NUMBER) == ""
    bench.store.commit(bench.now_ms)
    assert states(bench.store) == [2]
    assert records.pack(Record(1, Kind.MUSING, 1, 0, TimeQuality.NONE, {"text": "\t0"}),
                        model()).seat is not TextSeat.MODEL
