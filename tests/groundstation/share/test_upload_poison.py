"""One position over which the other end stumbles, among many that it would take."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from groundstation.share.sondehub import Unanswered, UploadAnswer, UploadRequest
from groundstation.share.upload_thread import HttpPut
from groundstation.share.uploader import TRIES_MAX, Uploader
from tests.groundstation.far_end import START_MS
from tests.groundstation.share.test_sondehub import Station, told
from tests.groundstation.share.test_uploader import Server

NOW_MS = START_MS + 60_000
ENTRIES = 20


class Stumbling(Server):
    """Answers 500 to each request with one of the frames in ``poison``, and to all while down."""

    def __init__(self) -> None:
        super().__init__()
        self.poison: set[int] = set()
        self.is_down = False
        self.batches: list[list[int]] = []
        self.taken: list[int] = []

    def put(self, put: UploadRequest) -> UploadAnswer:
        """Over HTTP, and only then counted."""
        batch = frames(put)
        self.batches.append(batch)
        is_well = not self.is_down and not self.poison & set(batch)
        self.answer = (200 if is_well else 500, {}, b"")
        self.taken += batch if is_well else []
        return HttpPut(self.url)(put)


def frames(put: UploadRequest) -> list[int]:
    """The numbers of the frames in a request."""
    return [entry["frame"] & 0xFFF for entry in json.loads(gzip.decompress(put.body))]


@pytest.fixture
def server() -> Iterator[Stumbling]:
    server = Stumbling()
    yield server
    server.close()


@pytest.fixture
def station(tmp_path: Path) -> Station:
    station = Station(tmp_path, told())
    for number in range(ENTRIES):
        station.hear(1.0 + number)
    return station


def turns(uploader: Uploader, most: int) -> int:
    """Turn after turn until nothing more waits; how many there were."""
    for turn in range(most):
        try:
            if not uploader.turn(NOW_MS):
                return turn
        except Unanswered:
            continue
    return most


@pytest.mark.parametrize("poison", [{1}, {ENTRIES - 1}, {7}, {7, 8}, {3, 17}])
def test_a_poison_entry_is_found_and_set_aside_and_all_others_are_taken(
    station: Station, server: Stumbling, poison: set[int]
) -> None:
    """Goal: wherever it stands, in a bounded number of requests; the next start knows of it."""
    server.poison = poison
    with capture_logs() as logs:
        assert turns(Uploader(station.queue, station.mission, server.put), 80) < 80
    assert set(server.taken) == set(range(1, ENTRIES + 1)) - poison
    progress = station.queue.progress
    assert (progress.taken, progress.set_aside) == (ENTRIES - len(poison), len(poison))
    aside = [line for line in logs if line["event"] == "sondehub_set_aside"]
    assert {line["frame"] & 0xFFF for line in aside} == poison
    assert len(server.requests) == len(server.batches) <= 50
    station.restart()
    assert station.queue.progress.set_aside == len(poison)
    assert station.queue.next_batch(NOW_MS) is None


def test_after_it_whole_batches_go_again(station: Station, server: Stumbling) -> None:
    server.poison = {7}
    uploader = Uploader(station.queue, station.mission, server.put)
    turns(uploader, 80)
    for number in range(ENTRIES):
        station.hear(100.0 + number)
    turns(uploader, 80)
    assert len(server.batches[-1]) == ENTRIES


def test_three_tries_of_a_batch_before_it_is_split(station: Station, server: Stumbling) -> None:
    server.poison = {7}
    turns(Uploader(station.queue, station.mission, server.put), TRIES_MAX + 1)
    assert [len(batch) for batch in server.batches] == [ENTRIES] * TRIES_MAX + [ENTRIES // 2]


def test_a_server_in_trouble_costs_no_entry(station: Station, server: Stumbling) -> None:
    """Goal: however long it is down, down to single entries, and whenever it comes back."""
    server.is_down = True
    uploader = Uploader(station.queue, station.mission, server.put)
    assert turns(uploader, 100) == 100
    assert len(server.batches[-1]) == 1
    server.is_down = False
    turns(uploader, 100)
    assert server.taken == list(range(1, ENTRIES + 1))
    assert (station.queue.progress.taken, station.queue.progress.set_aside) == (ENTRIES, 0)


def test_a_server_that_comes_back_between_two_tries_costs_no_entry(
    station: Station, server: Stumbling
) -> None:
    """Goal: the lone one failed, the newest is answered: then the lone one is asked once more."""

    def put(put: UploadRequest) -> UploadAnswer:
        server.is_down = server.is_down and frames(put) != [ENTRIES]
        return server.put(put)

    server.is_down = True
    uploader = Uploader(station.queue, station.mission, put)
    turns(uploader, 100)
    assert (station.queue.progress.taken, station.queue.progress.set_aside) == (ENTRIES, 0)


@pytest.mark.parametrize("answer", [
    UploadAnswer(429, b""), UploadAnswer(408, b""), UploadAnswer(503, b"", 60.0)])
def test_a_server_that_asks_for_patience_is_not_suspected(
    station: Station, answer: UploadAnswer
) -> None:
    sizes: list[int] = []

    def put(put: UploadRequest) -> UploadAnswer:
        sizes.append(len(frames(put)))
        return answer

    assert turns(Uploader(station.queue, station.mission, put), 9) == 9
    assert sizes == [ENTRIES] * 9


def test_the_only_entry_waits_until_there_is_another_to_ask_with(
    tmp_path: Path, server: Stumbling
) -> None:
    station = Station(tmp_path, told())
    station.hear(1.0)
    server.poison = {1}
    uploader = Uploader(station.queue, station.mission, server.put)
    assert turns(uploader, 10) == 10
    assert station.queue.progress.set_aside == 0
    station.hear(2.0, latitude_deg=None)  # which is not told
    assert turns(uploader, 10) == 10
    station.hear(3.0)
    assert turns(uploader, 10) < 10
    assert (station.queue.progress.taken, station.queue.progress.set_aside) == (1, 1)
