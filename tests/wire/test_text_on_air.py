"""Records with coded texts through real blocks and a lossy channel; each is coded and read once."""

import random
from collections import Counter

import pytest

from tests.wire.test_text_codec import BASE, OWN, model
from wire import records, text_codec
from wire.blocks import BlockReader, BlockWriter
from wire.bodies import SEALED, Packed, TextSeat, by_id
from wire.frames import DataFrame, FeedbackFrame, FrameCounter
from wire.incoming import Receiver
from wire.records import EPOCH_2025_MS, Kind, Record, TimeQuality
from wire.text_codec import TextModel
from wire.transfer import Sender

MTU = 80  # small blocks, so that many records straddle their ends
MODELS = by_id([model()])


def musings(count: int, seed: int = 1) -> list[Record]:
    rng, words = random.Random(seed), " ".join(BASE + OWN).split()
    found = []
    for number in range(1, count + 1):
        text = " ".join(rng.choice(words) for _ in range(rng.randrange(5, 25)))
        body = {"text": text, "about": "lamp", "by": "model", "alt": rng.randrange(30_000)}
        found.append(Record(number, Kind.MUSING, 1, EPOCH_2025_MS, TimeQuality.GPS, body))
    return found


@pytest.fixture
def calls(monkeypatch) -> Counter[str]:
    """How often a model was asked to encode and to decode."""
    counted: Counter[str] = Counter()
    for name in ("encode", "decode"):
        real = getattr(TextModel, name)

        def counting(self, *args, name=name, real=real):
            counted[name] += 1
            return real(self, *args)

        monkeypatch.setattr(TextModel, name, counting)
    return counted


@pytest.mark.parametrize("loss", [0.0, 0.4])
def test_coded_texts_arrive_over_a_lossy_channel(loss: float, calls: Counter[str]) -> None:
    rng, sent = random.Random(3), musings(120)
    sender, receiver = Sender(7, MTU), Receiver(MTU, MODELS)
    for record in sent:
        sender.push(record, 0, records.pack(record, model()))
    assert calls["encode"] == len(sent), "a record that no longer fits a block is not coded again"
    assert sender.unconfirmed_blocks > 1
    heard: dict[int, Record] = {}
    for sequence in range(1, 1500):
        counter = FrameCounter(1, sequence)
        frame = sender.next_frame(counter, sequence, sequence * 500)
        if frame is not None and rng.random() >= loss:
            for record in receiver.on_data(frame):
                assert heard.setdefault(record.record_id, record) is record, "told twice"
            report = receiver.report()
            if sequence % 16 == 0 and report is not None:
                sender.on_report(FeedbackFrame(7, 0, sequence, 0, counter, *report), sequence)
    assert list(map(heard.get, range(1, 121))) == sent
    assert calls["decode"] == len(sent), "a record that was read is not decoded again"


def test_a_receiver_without_the_model_hears_everything_else() -> None:
    sent = musings(30)
    sender, receiver = Sender(7, MTU), Receiver(MTU)
    for record in sent:
        sender.push(record, 0, records.pack(record, model()))
    heard = []
    for sequence in range(1, 200):
        frame = sender.next_frame(FrameCounter(1, sequence), sequence, sequence * 2000)
        heard += receiver.on_data(frame) if frame is not None else []
    assert [r.record_id for r in heard] == [r.record_id for r in sent]
    assert all(r.body.keys() == {"alt", SEALED} for r in heard)
    assert not list(receiver.incomplete_blocks()) and not receiver.poisoned_blocks


def test_a_report_no_longer_confirms_what_was_withdrawn() -> None:
    sent = musings(10)
    sender, receiver = Sender(7, MTU), Receiver(MTU)
    for record in sent:
        sender.push(record, 0, records.pack(record, model()))
    sender.withdraw({3, 4, 99})
    for sequence in range(1, 300):
        frame = sender.next_frame(FrameCounter(1, sequence), sequence, sequence * 2000)
        if frame is not None:
            receiver.on_data(frame)
    report = receiver.report()
    assert report is not None
    confirmed = sender.on_report(
        FeedbackFrame(7, 0, 1, 0, FrameCounter(1, 299), *report), 299
    )
    assert sorted(confirmed) == [1, 2, 5, 6, 7, 8, 9, 10]


def test_a_body_that_is_none_poisons_its_block_and_the_others_are_told() -> None:
    writer, sent = BlockWriter(MTU), musings(6)
    for record in sent:
        broken = Packed(TextSeat.DEFLATED, b"no deflate") if record.record_id == 2 else None
        assert writer.add(record, broken)
    writer.close()
    reader = BlockReader(MTU)
    reader.length = writer.symbols
    heard = [r for esi in range(writer.symbols) for r in reader.add(esi, writer.symbol(esi))]
    assert reader.is_poisoned and [r.record_id for r in heard] == [1, 3, 4, 5, 6]


def test_hostile_coded_bodies_cost_their_bound_and_no_more(monkeypatch) -> None:
    """Method: count the symbols that the model walks for one frame full of coded bodies."""
    walked = 0
    real = text_codec.Predictor.code

    def counting(self, *args):
        nonlocal walked
        walked += 1
        return real(self, *args)

    monkeypatch.setattr(text_codec.Predictor, "code", counting)
    rng = random.Random(4)
    short_id = next(iter(MODELS))
    symbol = b"\0"
    number = 0
    while len(symbol) < MTU - 13 - 12:
        number += 1
        data = short_id + b"\x04" + rng.randbytes(4) + b"\x80"
        record = Record(number, Kind.MUSING, 1, EPOCH_2025_MS, TimeQuality.GPS, {})
        symbol += records.encode(record, None, Packed(TextSeat.MODEL, data))
    receiver = Receiver(MTU, MODELS)
    heard = receiver.on_data(DataFrame(7, FrameCounter(1, 1), 1, 0, 64, 0, symbol, False))
    assert len(heard) >= 3 and walked <= 32 * len(symbol)
