"""Goal: nobody but this machine, under its own name and with the token, reaches any route.

Method: every route of the app is asked as another host, without the token, and by another page.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from host_training.studio.http_security import COOKIE
from host_training.studio.server import create_app
from host_training.studio.studio_folder import StudioFolder
from tests.host_training.studio.desk import Desk


def every_route(desk: Desk) -> list[tuple[str, str]]:
    """(method, path)."""
    found = []
    for route in desk.app.routes:
        if isinstance(route, Mount):
            found.append(("GET", f"{route.path}/studio.js"))
        elif isinstance(route, Route):
            found += [(method, route.path) for method in sorted(route.methods or ())]
    return found


def stranger(desk: Desk, host: str = "127.0.0.1:8020", token: str = "") -> TestClient:
    return TestClient(desk.app, base_url=f"http://{host}", follow_redirects=False,
                      cookies={COOKIE: token} if token else None)


def test_no_route_answers_without_the_token(desk: Desk) -> None:
    routes = every_route(desk)
    assert len(routes) > 20
    token = desk.studio.token()
    for given in ("", "x", token[:-1], f"{token}x", "x" * 5000):
        for method, path in routes:
            assert stranger(desk, token=given).request(method, path).status_code == 401, path
    assert b"the link that the studio printed" in stranger(desk).get("/").content


def test_another_name_of_this_machine_is_refused(desk: Desk) -> None:
    """A page can have its own name point here."""
    for host in ("evil.example:8020", "192.168.1.5:8020", "[::1]:8020", "0.0.0.0:8020"):
        assert stranger(desk, host, desk.studio.token()).get("/api/state").status_code == 400, host
    for host in ("127.0.0.1:8020", "localhost:8020"):
        assert stranger(desk, host, desk.studio.token()).get("/api/state").status_code == 200


def test_the_link_enters_once_and_leaves_the_address(desk: Desk) -> None:
    client = stranger(desk)
    assert client.get("/", params={"token": "wrong"}).status_code == 401
    answer = client.get("/", params={"token": desk.studio.token()})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=strict" in cookie
    assert client.get("/").status_code == 200
    answer = stranger(desk).get("/api/state", params={"token": desk.studio.token()})
    assert answer.status_code == 401


@pytest.mark.parametrize("headers", [
    {"origin": "http://evil.example"}, {"origin": "http://127.0.0.1:9999"}, {"origin": "null"},
    {"origin": "http://[::1"}, {"sec-fetch-site": "cross-site"},
])
def test_another_page_changes_nothing(desk: Desk, headers: dict[str, str]) -> None:
    for method, path in every_route(desk):
        if method not in ("GET", "HEAD"):
            answer = desk.client.request(method, path, headers=headers)
            assert answer.status_code == 403, (method, path)
    assert desk.client.post("/api/author", json={"author": "Ada"}, headers={
        "origin": "http://127.0.0.1:8020"}).status_code == 200


def test_every_answer_has_the_headers(desk: Desk) -> None:
    for path in ("/", "/static/studio.js", "/api/state", "/nowhere"):
        headers = desk.client.get(path).headers
        assert "script-src 'self'" in headers["content-security-policy"], path
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
    assert "access-control-allow-origin" not in headers


def test_the_token_is_private_and_survives_a_restart(desk: Desk) -> None:
    path = desk.studio.root / "token"
    assert path.stat().st_mode & 0o077 == 0 and desk.studio.root.stat().st_mode & 0o077 == 0
    assert len(desk.studio.token()) >= 22
    assert Desk(desk.studio.root).studio.token() == desk.studio.token()


@pytest.mark.parametrize("left", ["", "\n", "\0" * 32])
def test_a_token_that_was_not_written_is_made_anew(tmp_path: Path, left: str) -> None:
    """A bug: a power cut left the token empty, and whoever came without a cookie was let in."""
    studio = StudioFolder(tmp_path / "studio")
    studio.prepare()
    (studio.root / "token").write_text(left)
    token = studio.token()
    assert len(token) >= 22 and token == studio.token() and "\0" not in token
    assert (studio.root / "token").stat().st_mode & 0o077 == 0


def test_a_full_disk_leaves_no_half_of_a_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug: the token file was made before it was written, and stayed empty on a full disk."""
    def full(descriptor: int, mode: str) -> None:
        os.close(descriptor)
        raise OSError(28, "No space left on device")

    studio = StudioFolder(tmp_path / "studio")
    studio.prepare()
    with monkeypatch.context() as patched:
        patched.setattr(os, "fdopen", full)
        with pytest.raises(OSError, match="No space"):
            studio.token()
    assert not (studio.root / "token").exists()
    assert len(studio.token()) >= 22
    assert not (studio.root / "token.part").exists()


def test_an_empty_token_opens_nothing(desk: Desk) -> None:
    """A bug: without a cookie a request was taken for one with the token where that was empty."""
    client = TestClient(create_app(desk.studio, ""), base_url="http://127.0.0.1:8020",
                        follow_redirects=False)
    assert client.get("/api/state").status_code == 401
    assert client.get("/", params={"token": ""}).status_code == 401
    assert client.post("/api/author", json={"author": "Mallory"}).status_code == 401
