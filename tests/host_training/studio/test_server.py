"""Goal: the page follows the folder, bad requests are sentences, and the command says its link."""

from __future__ import annotations

import json
import shutil
import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner

from host_training import __main__ as cli
from host_training.studio import server, state
from host_training.studio.state import STEPS
from host_training.studio.studio_folder import StudioFolder
from tests.host_training.studio.desk import Desk, ServedStudio


@pytest.mark.parametrize(("content", "kind", "status", "says"), [
    (b"{}", "text/plain", 415, "must be application/json"),
    (b"", "application/json", 400, "not valid JSON"),
    (b"[" * 100_000, "application/json", 400, "not valid JSON"),
    (b"[]", "application/json", 400, "not a JSON object"),
    (b" " * ((1 << 18) + 1), "application/json", 413, "too long"),
])
def test_a_bad_post_is_a_sentence_on_every_route(desk: Desk, content: bytes, kind: str, status: int,
                                                 says: str) -> None:
    for path in ("author", "scan", "people", "character", "review", "train", "stop", "report",
                 "talk", "card"):
        answer = desk.client.post(f"/api/{path}", content=content, headers={"content-type": kind})
        assert (answer.status_code, says in answer.json()["error"]) == (status, True), path


def test_a_new_studio_begins_with_the_writing(desk: Desk) -> None:
    assert desk.steps() == {step: (step == "writing", False) for step in STEPS}
    shown = desk.get("/api/state")
    assert shown["files"]["count"] == 0 and shown["folder"] == str(desk.studio.root)
    assert shown["free_bytes"] > 0


def test_the_stream_tells_each_change_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "POLL_S", 0.0)
    monkeypatch.setattr(server, "REST", 0)
    free = shutil.disk_usage(desk.studio.root)  # else what other programs write is a change too
    monkeypatch.setattr(state.shutil, "disk_usage", lambda path: free)
    polls = iter([False, False, False, True])

    def closing() -> bool:
        if is_last := next(polls):
            return is_last
        if not (desk.studio.exports / "a.txt").exists():
            (desk.studio.exports / "a.txt").write_text("hello")
        return False

    desk.app.state.live.is_closing = closing
    events = desk.client.get("/api/events").text.split("\n\n")
    told = [json.loads(event.removeprefix("data: ")) for event in events
            if event.startswith("data: ")]
    assert [each["files"]["count"] for each in told] == [0, 1]
    assert events[0] == "retry: 1000"


def test_streams_are_bounded(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "STREAMS_MAX", 0)
    answer = desk.client.get("/api/events")
    assert answer.status_code == 429 and "close some of them" in answer.json()["error"]


def test_nothing_of_the_folder_is_served_as_a_file(desk: Desk) -> None:
    desk.upload("secret.txt", b"secret")
    for path in ("/static/../../../persona/exports/secret.txt", "/static/%2e%2e/%2e%2e/x",
                 "/vendor/../token", "/persona/exports/secret.txt", "/exports/secret.txt",
                 f"/static/{desk.studio.root}/token", "/token"):
        assert desk.client.get(path).status_code == 404, path


def test_the_page_uses_no_other_machine_and_every_part_is_there(desk: Desk) -> None:
    for path in sorted(server.STATIC.rglob("*")):
        if path.is_file():
            name = path.relative_to(server.STATIC).as_posix()
            assert desk.client.get(f"/static/{name}").status_code == 200
            text = path.read_text()
            assert "https://" not in text and "innerHTML" not in text, name
            assert len(text.splitlines()) <= 400, name


def test_a_studio_served_says_where_and_is_found_there(tmp_path: Path) -> None:
    served = ServedStudio(tmp_path / "studio")
    try:
        with socket.create_connection(("127.0.0.1", served.port), 10) as connection:
            connection.sendall(b"GET / HTTP/1.0\r\nhost: 127.0.0.1\r\n\r\n")
            assert b"401" in connection.recv(100)
        result = CliRunner().invoke(cli.app, [
            "studio", str(tmp_path / "other"), "--port", str(served.port), "--no-browser"])
        assert "cannot listen" in str(result.exception)
        assert not (tmp_path / "other").exists(), "nothing is made where it cannot open"
    finally:
        served.stop()


def test_the_command_prints_the_link_that_opens_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []

    class Quiet:
        def run(self, sockets: list[socket.socket]) -> None:
            opened.append(str(sockets[0].getsockname()[0]))

    monkeypatch.setattr(server, "make_server", lambda app: Quiet())
    result = CliRunner().invoke(cli.app, ["studio", str(tmp_path / "me"), "--port", "0",
                                          "--no-browser"])
    assert result.exit_code == 0 and opened == ["127.0.0.1"]
    token = (tmp_path / "me" / "token").read_text()
    assert f"/?token={token}" in result.output and "Ctrl-C" in result.output


def test_a_second_studio_of_a_folder_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug: the second removed what the first was receiving, and each could make its own token."""
    home, asked = StudioFolder(tmp_path / "me"), []

    class Quiet:
        def run(self, sockets: list[socket.socket]) -> None:
            (home.incoming / "half").write_text("half")
            arguments = ["studio", str(home.root), "--port", "0", "--no-browser"]
            asked.append(CliRunner().invoke(cli.app, arguments))

    monkeypatch.setattr(server, "make_server", lambda app: Quiet())
    result = CliRunner().invoke(cli.app, ["studio", str(home.root), "--port", "0", "--no-browser"])
    assert result.exit_code == 0 and (home.incoming / "half").exists()
    assert str(asked[0].exception) == (
        f"{home.root}: another studio has this folder open; use its page, or end it first.")
    with home.opened():  # the lock ended with the command
        pass
