"""Access to the page: who may use which route, the tokens, their file and their links."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount, Route
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from groundstation.archive.archive import Archive
from groundstation.errors import StationError
from groundstation.ground import Ground
from groundstation.web import lan, token_file
from groundstation.web.access import COOKIE, Access, Role, Tokens
from groundstation.web.routes import create_app
from tests.groundstation.far_end import MASTER_KEY, MISSION, START_MS
from wire.auth import Direction, derive_key

HOST = "http://192.168.4.1:8080"
TOKENS = Tokens("viewer-" + "v" * 22, "operator-" + "o" * 22)
HERE, VISITOR = "127.0.0.1", "192.168.4.17"
OF = {Role.ANYBODY: "", Role.VIEWER: TOKENS.viewer, Role.OPERATOR: TOKENS.operator}
# A route that is missing here has no role that anybody thought about.
ROLES = {
    "/": Role.ANYBODY, "/static": Role.ANYBODY, "/api/enter": Role.ANYBODY,
    "/api/flight": Role.VIEWER, "/api/history": Role.VIEWER, "/api/musings": Role.VIEWER,
    "/api/picture/{key}": Role.VIEWER, "/api/conflicts": Role.VIEWER,
    "/api/landing": Role.VIEWER, "/api/tiles/{zoom}/{column}/{row}": Role.VIEWER,
    "/api/events": Role.VIEWER, "/api/passes": Role.VIEWER,
    "/api/export/{name}": Role.VIEWER, "/api/link": Role.VIEWER, "/api/packets": Role.VIEWER,
    "/api/packets/{number}": Role.VIEWER,
    "/api/commands": Role.VIEWER, "/api/command": Role.OPERATOR,
    "/api/ask": Role.OPERATOR, "/api/withdraw": Role.OPERATOR, "/api/abort": Role.OPERATOR,
    "/api/acknowledge": Role.OPERATOR, "/api/tawhiri": Role.OPERATOR,
}
Visit = Callable[..., TestClient]


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Starlette]:
    archive = Archive(tmp_path / "flight.sqlite", is_durable=False)
    Ground(MISSION, archive, derive_key(MASTER_KEY, 7, Direction.UPLINK))
    made = create_app(archive.path, MISSION, now=lambda: START_MS, tokens=TOKENS)
    made.state.streams.is_closing = lambda: True  # a stream says its first words and ends
    yield made
    made.state.pool.close()
    archive.close()


def client(app: Starlette, token: str = "", who: str = VISITOR, **options: Any) -> TestClient:
    cookies = {COOKIE: token} if token else None
    return TestClient(app, base_url=options.pop("host", HOST), client=(who, 5000),
                      cookies=cookies, raise_server_exceptions=False, **options)


def test_every_route_has_a_role_and_is_open_to_it_and_to_no_less(app: Starlette) -> None:
    routes = [route for route in app.routes if isinstance(route, Route | Mount)]
    assert len(routes) == len(app.routes)
    for route in routes:
        assert route.path in ROLES, f"{route.path} has no role"
        needed = ROLES[route.path]
        method = "POST" if isinstance(route, Route) and "POST" in (route.methods or ()) else "GET"
        path = route.path.replace("{key}", "1").replace("{number}", "1")
        path = path.replace("{name}", "track.gpx")
        path += "/page.js" if path == "/static" else ""
        for held, token in OF.items():
            status = client(app, token).request(method, path, json={}).status_code
            if held >= needed:
                is_wrong_token = path == "/api/enter" and status == 401
                assert status not in (401, 403) or is_wrong_token, (path, held, status)
            else:
                assert status == (401 if held is Role.ANYBODY else 403), (path, held, status)
    assert {route.path for route in routes} == set(ROLES), "a role of no route"


def test_a_new_route_without_a_role_is_noticed(app: Starlette) -> None:
    app.routes.append(Route("/api/secret", lambda request: None))
    with pytest.raises(AssertionError, match="/api/secret has no role"):
        test_every_route_has_a_role_and_is_open_to_it_and_to_no_less(app)


@pytest.mark.parametrize(("who", "headers", "role"), [
    (HERE, {}, "operator"), ("::1", {}, "operator"), (VISITOR, {}, "anybody"),
    (HERE, {"x-forwarded-for": VISITOR}, "anybody"), (HERE, {"forwarded": "for=x"}, "anybody"),
    (VISITOR, {"x-forwarded-for": HERE}, "anybody"),
    (VISITOR, {"authorization": f"Bearer {TOKENS.viewer}"}, "viewer"),
    (VISITOR, {"authorization": f"bearer {TOKENS.operator}"}, "operator"),
    (VISITOR, {"authorization": TOKENS.operator}, "anybody"),
    (VISITOR, {"authorization": "Bearer \xff\xfe"}, "anybody"),
    (VISITOR, {"cookie": f"{COOKIE}={TOKENS.viewer[:-1]}"}, "anybody"),
    (VISITOR, {"cookie": f"{COOKIE}={'x' * 5000}"}, "anybody"),
])
def test_a_role_is_proved_by_this_machine_or_by_a_token(
    app: Starlette, who: str, headers: dict[str, str], role: str
) -> None:
    sent = {name: value.encode("latin-1") for name, value in headers.items()}
    answer = client(app, who=who).get("/api/flight", headers=sent)
    assert answer.status_code == (401 if role == "anybody" else 200)
    assert answer.json().get("role", "anybody") == role


def test_without_tokens_no_other_machine_has_a_role() -> None:
    access = Access(None)
    assert [access.role_of_token(token) for token in ("", "x", TOKENS.operator)] == [
        Role.ANYBODY] * 3


def test_a_link_is_exchanged_for_a_cookie_that_no_script_reads(app: Starlette) -> None:
    phone = client(app)
    assert phone.get("/api/flight").status_code == 401
    answer = phone.post("/api/enter", json={"token": TOKENS.viewer})
    assert answer.json() == {"role": "viewer"}
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=strict" in cookie and "path=/" in cookie
    assert phone.get("/api/flight").status_code == 200
    refused = phone.post("/api/ask", json={"text": "Is it cold?"})
    assert refused.status_code == 403 and "operator's link" in refused.json()["error"]


@pytest.mark.parametrize(("body", "headers", "status"), [
    ({"token": "wrong"}, {}, 401), ({"token": 5}, {}, 401), ({}, {}, 401), ([], {}, 422),
    ({"token": TOKENS.operator}, {"origin": "http://evil.example"}, 403),
])
def test_a_wrong_link_opens_nothing(
    app: Starlette, body: object, headers: dict[str, str], status: int
) -> None:
    answer = client(app).post("/api/enter", json=body, headers=headers)
    assert answer.status_code == status and "set-cookie" not in answer.headers
    assert answer.json()["error"].endswith(".")


def test_no_token_is_logged_or_told(app: Starlette) -> None:
    with capture_logs() as logs:
        for token in (*OF.values(), "wrong-token"):
            answer = client(app).post("/api/enter", json={"token": token})
            assert not token or token not in answer.text
        app.state.notices.log()
    assert {"wrong_tokens", "event"} <= logs[0].keys()
    words = repr(logs) + repr(TOKENS) + str(TOKENS)
    assert not any(token in words for token in (TOKENS.viewer, TOKENS.operator, "wrong-token"))


# -- the file and the links --------------------------------------------------------------------


def test_the_tokens_are_private_and_outlive_a_restart(tmp_path: Path) -> None:
    assert token_file.load(tmp_path) is None
    tokens = token_file.create(tmp_path)
    path = tmp_path / token_file.NAME
    assert path.stat().st_mode & 0o777 == 0o600
    assert token_file.load(tmp_path) == tokens and tokens.viewer != tokens.operator
    assert min(len(tokens.viewer), len(tokens.operator)) >= 22, "128 bits"
    assert token_file.create(tmp_path) != tokens, "new ones revoke them"
    path.chmod(0o640)
    with pytest.raises(StationError, match="other users can read these tokens"):
        token_file.load(tmp_path)


@pytest.mark.parametrize("text", [
    "", "[]", "{", '{"viewer": "short", "operator": "short"}', '{"viewer": 5, "operator": null}',
    '{"viewer": "' + "a" * 22 + '"}',
    '{"viewer": "' + "a" * 22 + '", "operator": "' + "a" * 22 + '"}',
    '{"viewer": "' + "a" * 22 + '", "operator": "' + "b" * 21 + ' "}',
])
def test_a_damaged_token_file_lets_nobody_in(tmp_path: Path, text: str) -> None:
    path = tmp_path / token_file.NAME
    path.touch(0o600)
    path.write_text(text)
    with pytest.raises(StationError, match="two different tokens"):
        token_file.load(tmp_path)


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StationError, match="cannot be written"):
        token_file.create(tmp_path / "file")


def test_the_links_lead_to_the_first_address_and_are_printed_as_codes() -> None:
    pytest.importorskip("segno")
    words = lan.links(TOKENS, ["192.168.4.1", "172.17.0.1"], 8080)
    assert f"http://192.168.4.1:8080/#token={TOKENS.viewer}" in words
    assert f"http://192.168.4.1:8080/#token={TOKENS.operator}" in words
    assert words.count("▀▀▀▀") and "also has the address 172.17.0.1" in words
    assert all(len(line) <= 80 for line in words.splitlines()), "a terminal's width"
    assert "no address on a network" in lan.links(TOKENS, [], 8080)


@pytest.mark.parametrize(("host", "is_open"), [
    ("127.0.0.1", False), ("127.8.0.1", False), ("::1", False), ("localhost", False),
    ("0.0.0.0", True), ("192.168.4.1", True), ("::", True), ("station.local", True),
])
def test_a_host_is_open_unless_it_is_loopback(host: str, is_open: bool) -> None:
    assert lan.is_open(host) is is_open


def test_no_address_of_this_machine_is_loopback() -> None:
    assert all(lan.is_open(address) for address in lan.addresses())


def test_the_command_prints_the_links_and_replaces_them(
    mission: Path, ground: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("segno")
    monkeypatch.setattr(lan, "addresses", lambda: ["192.168.4.1"])
    status, out, _ = ground("links", "-m", mission)
    tokens = token_file.load(mission.parent / "archive")
    assert status == 0 and tokens is not None and tokens.viewer in out and tokens.operator in out
    assert ground("links", "-m", mission)[1] == out
    new = ground("links", "--new", "-m", mission)[1]
    assert tokens.viewer not in new and tokens.operator not in new
    assert "segno" in sys.modules
