"""The uploader against a server on this machine that answers anything, or nothing."""

from __future__ import annotations

import gzip
import json
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from groundstation import http_call
from groundstation.archive import schema
from groundstation.archive.archive import Archive
from groundstation.ground import Ground
from groundstation.share import upload_thread as uploading
from groundstation.share.sondehub import Unanswered, UploadAnswer, UploadRequest
from groundstation.share.upload_queue import Progress
from groundstation.share.upload_thread import BACKLOG_S, WAIT_S, WAIT_S_MAX, HttpPut
from groundstation.share.uploader import EVERY_S, LISTENER_EVERY_MS, Uploader
from tests.groundstation.far_end import START_MS, FarEnd, state_at
from tests.groundstation.inputs.test_udp_command import end, start
from tests.groundstation.share.test_sondehub import Station, told
from tests.groundstation.test_ground_command import free_port
from wire.mission import load

PUT = UploadRequest("/amateur/telemetry", b"body", {"Content-Type": "application/json"})


class Server:
    """Answers with what ``answer`` says; ``requests`` are (path, headers, body) as they came."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.was_asked = threading.Event()
        self.answer: tuple[int, dict[str, str], bytes] = (200, {}, b"^v^ telm logged")
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                size = int(self.headers["Content-Length"])
                outer.requests.append((self.path, dict(self.headers), self.rfile.read(size)))
                outer.was_asked.set()
                status, headers, body = outer.answer
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *words: Any) -> None:
                """Nothing on the screen."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def close(self) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture
def station(tmp_path: Path) -> Station:
    return Station(tmp_path, told())


# -- one request ------------------------------------------------------------------------------


def test_a_request_arrives_as_it_is_and_so_does_the_answer(server: Server) -> None:
    server.answer = (429, {"Retry-After": "60"}, b"slow down")
    assert HttpPut(server.url + "/v2/")(PUT) == UploadAnswer(429, b"slow down", 60.0)
    ((path, headers, body),) = server.requests
    assert (path, body) == ("/v2/amateur/telemetry", b"body")
    assert headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("value", ["soon", "-1", "Wed, 21 Oct 2026 07:28:00 GMT", "9999999", "²"])
def test_a_retry_after_that_is_no_number_is_left(server: Server, value: str) -> None:
    assert http_call._seconds(value) is None and http_call._seconds(None) is None


def test_a_redirection_is_not_followed(server: Server) -> None:
    server.answer = (307, {"Location": server.url + "/elsewhere"}, b"")
    assert HttpPut(server.url)(PUT).status == 307 and len(server.requests) == 1


def test_an_answer_without_an_end_is_cut(server: Server) -> None:
    server.answer = (200, {}, b"x" * 1_000_000)
    assert len(HttpPut(server.url)(PUT).body) == uploading.ANSWER_BYTES_MAX


def test_nobody_there_is_unanswered() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(Unanswered, match="refused"):
        HttpPut(f"http://127.0.0.1:{port}")(PUT)


def _answering(port: socket.socket, talk: Callable[[socket.socket], None]) -> threading.Thread:
    def serve() -> None:
        peer, _ = port.accept()
        with peer:
            asked = b""
            while not asked.endswith(b"\r\n\r\n" + PUT.body):
                asked += peer.recv(65_536)
            talk(peer)

    thread = threading.Thread(target=serve)
    thread.start()
    return thread


def _until_hung_up(peer: socket.socket) -> None:
    while peer.recv(65_536):
        pass


@pytest.mark.parametrize("talk", [
    _until_hung_up,
    lambda peer: None,
    lambda peer: peer.sendall(b"HTTP/1.1 2"),
    lambda peer: peer.sendall(b"\x00\xff nonsense\r\n\r\n"),
])
def test_silence_and_nonsense_are_unanswered(talk: Callable[[socket.socket], None]) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as port:
        thread = _answering(port, talk)
        with pytest.raises(Unanswered):
            HttpPut(f"http://127.0.0.1:{port.getsockname()[1]}", deadline_s=0.3)(PUT)
        thread.join()


def test_a_server_that_never_stops_sending_its_head_is_hung_up_on() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as port:

        def drip(peer: socket.socket) -> None:
            peer.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
            peer.settimeout(0.02)
            while True:
                try:
                    peer.sendall(b"a")
                    if not peer.recv(65_536):
                        return
                except TimeoutError:
                    continue
                except OSError:
                    return

        thread = _answering(port, drip)
        with pytest.raises(Unanswered):
            HttpPut(f"http://127.0.0.1:{port.getsockname()[1]}", deadline_s=0.3)(PUT)
        thread.join()


# -- a turn -----------------------------------------------------------------------------------


def test_a_beacon_is_uploaded_once(station: Station, server: Server) -> None:
    sender = HttpPut(server.url)
    station.hear(1.0)
    assert Uploader(station.queue, station.mission, sender).turn(START_MS) is True
    station.restart()
    assert Uploader(station.queue, station.mission, sender).turn(START_MS) is False
    ((path, headers, body),) = server.requests
    assert path == "/amateur/telemetry" and headers["Content-Encoding"] == "gzip"
    assert [entry["frame"] & 0xFFF for entry in json.loads(gzip.decompress(body))] == [1]


def test_what_is_refused_is_said_once_and_never_sent_again(
    station: Station, server: Server
) -> None:
    uploader = Uploader(station.queue, station.mission, HttpPut(server.url))
    with capture_logs() as logs:
        for status in (400, 403, 404, 200, 400):
            server.answer = (status, {}, b"so it is")
            station.hear(len(server.requests) + 1.0)
            assert uploader.turn(START_MS)
            assert not uploader.turn(START_MS), "settled"
    assert len(server.requests) == 5
    assert (station.queue.progress.taken, station.queue.progress.refused) == (1, 4)
    assert [line["why"] for line in logs if line["event"] == "sondehub_refused"] == [
        "status 400: so it is", "status 400: so it is"]


def test_where_nothing_can_be_told_nothing_is_sent(station: Station, server: Server) -> None:
    station.hear(1.0, latitude_deg=None)
    uploader = Uploader(station.queue, station.mission, HttpPut(server.url))
    assert uploader.turn(START_MS) and not uploader.turn(START_MS)
    assert server.requests == [] and station.queue.progress.passed_over == 1


def test_the_station_is_told_every_six_hours_and_after_a_restart_too(tmp_path: Path) -> None:
    station = Station(tmp_path, told(sondehub_position=(52.0, 13.0, 40.0)))
    sent: list[str] = []
    status = 500

    def send(put: UploadRequest) -> UploadAnswer:
        sent.append(put.path)
        return UploadAnswer(status, b"")

    uploader = Uploader(station.queue, station.mission, send)
    uploader.turn(START_MS)
    uploader.turn(START_MS + 1_000)
    assert sent == ["/amateur/listeners"], "not taken, and not at once again"
    status = 200
    uploader.turn(START_MS + 300_000)
    station.restart()
    uploader = Uploader(station.queue, station.mission, send)
    uploader.turn(START_MS + 300_000 + LISTENER_EVERY_MS - 1)
    assert len(sent) == 2
    uploader.turn(START_MS + 300_000 + LISTENER_EVERY_MS)
    assert sent == ["/amateur/listeners"] * 3


# -- all of them ------------------------------------------------------------------------------


class Rounds:
    """Runs an uploader without waiting: ``pauses`` are the waits that it asked for, s."""

    def __init__(self, station: Station, answers: list[UploadAnswer | Exception]) -> None:
        self.pauses: list[float] = []
        self.sent = 0
        self._answers = answers
        self._stop = threading.Event()
        uploader = Uploader(station.queue, station.mission, self._send)
        uploading.run(uploader, lambda: START_MS, self._stop, self._pause)

    def _send(self, put: UploadRequest) -> UploadAnswer:
        self.sent += 1
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        if not self._answers or len(self.pauses) > 20:
            self._stop.set()


def test_silence_is_waited_out_ever_longer_within_a_bound_and_said_once(station: Station) -> None:
    station.hear(1.0)
    silences: list[UploadAnswer | Exception] = [Unanswered("timed out") for _ in range(7)]
    with capture_logs() as logs:
        rounds = Rounds(
            station, [*silences, UploadAnswer(503, b"", 9_000.0), UploadAnswer(200, b"ok")])
    assert rounds.pauses == [
        WAIT_S, 30.0, 60.0, 120.0, 240.0, WAIT_S_MAX, WAIT_S_MAX, WAIT_S_MAX, BACKLOG_S]
    assert [line["event"] for line in logs] == ["sondehub_lost", "sondehub_returned"]
    assert rounds.sent == 9
    station.restart()
    progress = station.queue.progress
    assert progress.taken == 1 and progress.trouble == ""


def test_a_busy_server_is_given_the_time_that_it_asks_for(station: Station) -> None:
    station.hear(1.0)
    rounds = Rounds(station, [UploadAnswer(429, b"", 100.0), UploadAnswer(200, b"ok")])
    assert rounds.pauses == [100.0, BACKLOG_S]


def test_trouble_is_on_the_page_while_it_lasts(station: Station) -> None:
    station.hear(1.0)
    Rounds(station, [Unanswered("timed out")])
    station.restart()
    assert station.queue.progress.trouble == "timed out"


def test_when_there_is_nothing_new_it_rests(station: Station) -> None:
    assert Rounds(station, []).pauses == [EVERY_S]


def test_an_archive_that_cannot_be_read_is_waited_for(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    station.hear(1.0)
    real, failures = station.queue.next_batch, [sqlite3.OperationalError("database is locked")]

    def next_batch(*asked: int) -> Any:
        if failures:
            raise failures.pop()
        return real(*asked)

    monkeypatch.setattr(station.queue, "next_batch", next_batch)
    with capture_logs() as logs:
        rounds = Rounds(station, [UploadAnswer(200, b"ok")])
    assert rounds.pauses == [WAIT_S, BACKLOG_S]
    assert logs[0]["why"] == "database is locked"


def test_it_is_not_even_begun_where_nobody_asked_for_it(tmp_path: Path) -> None:
    station = Station(tmp_path, told(mode="off"))
    stop = threading.Event()
    assert uploading.start(station.path, station.mission, lambda: START_MS, stop) is None


def test_the_thread_uploads_and_ends_when_it_is_asked_to(tmp_path: Path, server: Server) -> None:
    station = Station(tmp_path, told(sondehub_url=server.url))
    station.hear(1.0)
    stop = threading.Event()
    thread = uploading.start(station.path, station.mission, lambda: START_MS, stop)
    assert thread is not None and server.was_asked.wait(30)
    stop.set()
    thread.join(30)
    station.restart()
    assert not thread.is_alive() and station.queue.progress.taken == 1


def _taken(archive: Path) -> int:
    with closing(schema.connect_reader(archive)) as db:
        row = db.execute("SELECT value FROM meta WHERE key = ?", (schema.SONDEHUB_KEY,)).fetchone()
        return Progress.load(row and row[0]).taken


def test_the_real_station_tells_what_it_heard_and_then_not_again(
    mission: Path, server: Server
) -> None:
    text = mission.read_text().replace('callsign = "N0CALL"', 'callsign = "D0TEST-11"')
    mission.write_text(
        f'{text}sondehub = "on"\nsondehub_callsign = "D0TEST"\nsondehub_url = "{server.url}"\n')
    plan = load(mission)
    archive = Archive(mission.parent / "archive" / "archive.sqlite")
    Ground(plan, archive, None).receive(
        FarEnd(mission=plan).beacon(replace(state_at(900.0), time_of_day_s=None)),
        time.time_ns() // 1_000_000)
    archive.close()
    for _ in range(2):
        process = start(mission, "--listen", f"127.0.0.1:{free_port()}")
        assert server.was_asked.wait(30)
        while _taken(archive.path) == 0:
            assert process.poll() is None
        end(process)
    ((path, _, body),) = server.requests
    (entry,) = json.loads(gzip.decompress(body))
    assert path == "/amateur/telemetry"
    assert (entry["payload_callsign"], entry["uploader_callsign"]) == ("D0TEST-11", "D0TEST")
    assert entry["alt"] == 4720.0 and "dev" not in entry
