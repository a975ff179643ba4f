"""Goal: whatever a browser drops lands in the exports folder whole, or nothing does.

Method: names made to escape, sizes that lie, full disks; the client of the page.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections import namedtuple
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, BrokenBarrierError

import pytest

from host_training.studio import writing
from tests.host_training.studio.desk import ADA, Desk

Usage = namedtuple("Usage", "total used free")


def stored(desk: Desk) -> list[str]:
    exports = desk.studio.exports
    return sorted(path.relative_to(exports).as_posix() for path in exports.rglob("*")
                  if path.is_file())


@pytest.mark.parametrize(("name", "lands"), [
    ("chat.txt", "chat.txt"), ("mail/2021/in.mbox", "mail/2021/in.mbox"),
    ("../../etc/passwd", "etc/passwd"), ("/etc/passwd", "etc/passwd"),
    ("..\\..\\boot.ini", "boot.ini"), ("a/../../b.txt", "a/b.txt"), ("C:\\x\\y.txt", "C:/x/y.txt"),
    ("a\0b\n\x1b[31m.txt", "ab[31m.txt"), (" . spaced . ", "spaced"),
    ("Cafe\u0301.txt", "Caf\u00e9.txt"), ("\u202etxt.exe", "txt.exe"), ("日記.txt", "日記.txt"),
    ("x" * 300 + ".json", "x" * 115 + ".json"), ("x" * 300, "x" * 120),
    ("n." + "x" * 300, ("n." + "x" * 300)[:120]), ("/".join("abcdefgh"), "a/b/c/d/e/f/g/h"),
])
def test_a_name_becomes_a_path_below_the_exports(desk: Desk, name: str, lands: str) -> None:
    assert desk.upload(name, b"hello").status_code == 200
    assert stored(desk) == [lands]
    assert [path.name for path in desk.studio.incoming.iterdir()] == []


@pytest.mark.parametrize("name", ["", "/", "..", "\x01\x02", "a/\x01/b", "/".join("abcdefghi")])
def test_a_name_of_which_nothing_is_left_is_refused(desk: Desk, name: str) -> None:
    answer = desk.upload(name, b"hello")
    assert answer.status_code == 400 and "rename it" in answer.json()["error"]
    assert stored(desk) == []


@pytest.mark.parametrize("name", [".DS_Store", "vault/.obsidian/app.json", "..."])
def test_hidden_files_are_left_behind(desk: Desk, name: str) -> None:
    assert desk.upload(name, b"x").json() == {"skipped": True}
    assert stored(desk) == []


@pytest.mark.parametrize("name", [
    "Mail/.Sent.2021/cur/1615.M1.host:2,S", ".Trash/new/1615.M2.host", "Mail/cur/1615.M3.host:2,",
])
def test_the_folders_of_a_maildir_arrive_with_their_names(desk: Desk, name: str) -> None:
    """A bug: the folders of a Maildir, which begin with a dot, were left behind as hidden."""
    assert "skipped" not in desk.upload(name, b"x").json()
    assert stored(desk) == [name], "the dot is how the importer knows sent mail from thrown away"


@pytest.mark.parametrize("name", [
    "Mail/.Sent/cur/.DS_Store", "Mail/.Sent/dovecot-uidlist", "vault/.git/cur/x", ".\x01git/new/x",
])
def test_what_is_hidden_in_a_maildir_too_is_left_behind(desk: Desk, name: str) -> None:
    assert desk.upload(name, b"x").json() == {"skipped": True}
    assert stored(desk) == []


@pytest.mark.parametrize("name", [".../cur/x", ". ./new/x", ".\x01./cur/x"])
def test_a_maildir_of_dots_has_no_usable_name(desk: Desk, name: str) -> None:
    assert desk.upload(name, b"x").status_code == 400
    assert stored(desk) == []


def test_a_link_leads_nowhere(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (desk.studio.exports / "link").symlink_to(tmp_path / "outside")
    answer = desk.upload("link/x.txt", b"hello")
    assert answer.status_code == 400 and "leads out of the studio" in answer.json()["error"]
    assert list((tmp_path / "outside").iterdir()) == []
    assert desk.client.delete("/api/exports", params={"name": "link"}).status_code == 200
    assert (tmp_path / "outside").is_dir(), "the link goes, not what it points to"


def test_the_same_name_again_overwrites_nothing_else(desk: Desk) -> None:
    for content in (b"one", b"three", b"one", b"seven!!"):
        assert desk.upload("a/chat.txt", content).status_code == 200
    assert stored(desk) == ["a/chat (2).txt", "a/chat (3).txt", "a/chat.txt"]


def test_other_words_of_the_same_length_are_another_file(desk: Desk) -> None:
    """A bug: a chat was overwritten by a different one that had its name and its size."""
    for content in (b"Ada: one", b"Bob: two", b"Ada: one", b"Bob: two"):
        assert desk.upload("_chat.txt", content).status_code == 200
    kept = {path.name: path.read_bytes() for path in desk.studio.exports.iterdir()}
    assert kept == {"_chat.txt": b"Ada: one", "_chat (2).txt": b"Bob: two"}


def test_folders_whose_names_are_equal_after_cleaning_stay_two(desk: Desk) -> None:
    """A bug: two exports became one folder, in which the importers saw one of them."""
    folders = ["chat", "chat.", "chat\u200e", "x" * 200 + "a", "x" * 200 + "b", "Cafe\u0301"]
    for folder in (*folders, *folders):
        assert desk.upload(f"{folder}/result.json", folder.encode()).status_code == 200
    assert len({Path(name).parent for name in stored(desk)}) == len(folders)
    assert {"chat/result.json", "Caf\u00e9/result.json"} <= set(stored(desk))
    kept = {path.read_bytes().decode() for path in desk.studio.exports.glob("*/*")}
    assert kept == set(folders)


def test_two_files_of_one_name_that_arrive_at_once_are_both_kept(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug: both saw that the name was free, and the second took the place of the first."""
    meeting = Barrier(2)

    def slowly(source: Path, target: Path, replace: Callable[..., None] = os.replace) -> None:
        with contextlib.suppress(BrokenBarrierError):  # the other may wait for this one
            meeting.wait(0.1)
        replace(source, target)

    monkeypatch.setattr(os, "replace", slowly)
    incoming = [desk.studio.incoming / words for words in ("one", "two")]
    for path in incoming:
        path.write_text(path.name)
    with ThreadPoolExecutor() as threads:
        list(threads.map(lambda path: writing._put(path, desk.studio.exports / "a.txt"), incoming))
    assert sorted(path.read_text() for path in desk.studio.exports.iterdir()) == ["one", "two"]


def test_what_does_not_arrive_whole_is_not_kept(desk: Desk) -> None:
    def short() -> Iterator[bytes]:
        yield b"12345"

    for declared in ("4", "6"):
        answer = desk.client.put("/api/exports", params={"name": "x.txt"}, content=short(),
                                 headers={"content-length": declared})
        assert answer.status_code == 400 and "drop it again" in answer.json()["error"]
    answer = desk.client.put("/api/exports", params={"name": "x.txt"}, content=short())
    assert answer.status_code == 411
    assert stored(desk) == [] and list(desk.studio.incoming.iterdir()) == []


def test_bounds_of_size_room_and_number(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "UPLOAD_BYTES_MAX", 4)
    assert desk.upload("x.txt", b"1234").status_code == 200
    assert desk.upload("y.txt", b"12345").status_code == 413
    monkeypatch.setattr(shutil, "disk_usage",
                        lambda path: Usage(0, 0, writing.DISK_KEPT_BYTES + 3))
    assert desk.upload("y.txt", b"123").status_code == 200
    answer = desk.upload("z.txt", b"1234")
    assert answer.status_code == 507 and "make room" in answer.json()["error"]
    monkeypatch.setattr(writing, "FILES_MAX", 2)
    answer = desk.upload("z.txt", b"1")
    assert answer.status_code == 413 and "zip" in answer.json()["error"]
    assert stored(desk) == ["x.txt", "y.txt"]


def test_a_full_disk_is_one_sentence(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(incoming: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writing, "_put", full)
    answer = desk.upload("x.txt", b"1")
    assert answer.status_code == 507 and "No space left" in answer.json()["error"]
    assert list(desk.studio.incoming.iterdir()) == []


def test_files_are_listed_and_removed_by_their_listed_names(desk: Desk) -> None:
    for name in ("a.txt", "mail/1.eml", "mail/2.eml"):
        desk.upload(name, b"12345")
    files = desk.get("/api/state")["files"]
    assert (files["count"], files["bytes"]) == (3, 15)
    assert [(one["name"], one["files"], one["is_folder"]) for one in files["entries"]] == [
        ("a.txt", 1, False), ("mail", 2, True)]
    for name in ("../persona.toml", "mail/1.eml", "..", "", "b.txt"):
        assert desk.client.delete("/api/exports", params={"name": name}).status_code == 404
    assert (desk.studio.persona / "persona.toml").exists()
    for name in ("a.txt", "mail"):
        assert desk.client.delete("/api/exports", params={"name": name}).status_code == 200
    assert stored(desk) == []


def test_the_author_gives_the_persona_words_to_begin_with(desk: Desk) -> None:
    desk.post("/api/author", author="  Ada\tMoor ")
    table = desk.studio.table()
    assert (table["author"], table["name"]) == (ADA, "Ada")
    assert table["disclosure"] == "Ada is an AI persona, not the person."
    toml = (desk.studio.persona / "persona.toml").read_text()
    assert "# Your accounts in the exports" in toml, "the comments stay"


@pytest.mark.parametrize(("author", "says"), [
    ("", "please write something here"), (" \x00 ", "please write something"),
    ("x" * 61, "has 61 characters, at most 60"), (5, "must be text"), (None, "must be text"),
])
def test_a_name_that_is_none_is_refused(desk: Desk, author: object, says: str) -> None:
    assert says in desk.refusal("/api/author", author=author)
    assert desk.studio.table()["author"] == ""
