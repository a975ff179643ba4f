"""Which record goes into a block next: events that wait together share frames."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.payload.link.test_text_downlink import Bench
from wire import frames
from wire.frames import DataFrame
from wire.records import Kind, TimeQuality

EVENT = {"event": "mind_paused", "severity": "warning", "fields": {"soc_c": 76.0}}


@pytest.mark.parametrize(("events", "frames_max"), [(1, 1), (60, 18)])
def test_events_that_wait_together_share_frames(
    tmp_path: Path, events: int, frames_max: int
) -> None:
    """Goal: sixty events need no more frames than their bytes do. In a swarm every one after the
    sixth had a frame of its own, two thirds of it empty, and after each reset again."""
    bench = Bench(tmp_path)
    for _ in range(events):
        bench.store.append(Kind.EVENT, EVENT, 0, 0, TimeQuality.NONE)
    bench.store.commit(0)
    heard: set[int] = set()
    for _ in range(120):
        heard |= {record.record_id for record in bench.run(1)}
        if len(heard) == events:
            break
    sent = [frames.decode_downlink(data) for _, data in bench.radio.sent]
    assert len(heard) == events
    assert len({(frame.block, frame.esi) for frame in sent
                if isinstance(frame, DataFrame)}) <= frames_max


def heard_of(tmp_path: Path, events: int, seconds: int) -> list[Kind]:
    """What is heard in so many seconds while twice as many musings as events wait, in order."""
    bench = Bench(tmp_path)
    bench.add(2 * events)
    for _ in range(events):
        bench.store.append(Kind.EVENT, EVENT, 0, 0, TimeQuality.NONE)
    bench.store.commit(0)
    return [record.kind for record in bench.run(seconds)]


def test_a_few_events_go_before_all_words(tmp_path: Path) -> None:
    heard = heard_of(tmp_path, 20, 60)
    assert heard.count(Kind.MUSING) > 10
    assert heard[:20] == [Kind.EVENT] * 20


def test_many_events_leave_words_three_bytes_of_four(tmp_path: Path) -> None:
    """In a swarm with 70 % loss events piled up, and on the fourteenth day 508 words came home of
    2764 on the second: until the last of them was out, no word went."""
    heard = heard_of(tmp_path, 400, 120)
    burst = heard.index(Kind.MUSING)
    after = heard[burst:]
    assert 15 <= burst <= 40
    assert after.count(Kind.MUSING) > 2 * after.count(Kind.EVENT) > 0
