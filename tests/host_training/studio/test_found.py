"""Goal: the user sees who speaks, says who they are, and nobody else's chat is learnt by a slip.

Method: a generated chat; the command once as a process, else its work in this process.
"""

from __future__ import annotations

import json
from pathlib import Path

from tests.host_training.conftest import telegram_export
from tests.host_training.studio.desk import ADA, BO, Desk, whatsapp

ME = f"whatsapp:{ADA}"


def test_the_command_reads_what_was_dropped(desk: Desk) -> None:
    desk.upload("WhatsApp Chat with Bo.txt", whatsapp().encode())
    assert "Please write your name first" in desk.refusal("/api/scan")
    desk.post("/api/author", author=ADA)
    desk.post("/api/scan")
    assert "being read" in desk.refusal("/api/scan")
    assert "being read" in desk.upload("x.txt", b"x").json()["error"]
    state = desk.wait("scan")
    assert state["ended"] == "failed" and "the author cannot be determined" in state["sentences"][0]
    desk.post("/api/people", me=[ME])
    assert desk.wait("scan")["ended"] == "done"
    assert Desk(desk.studio.root).steps()["found"] == (True, True), "the folder is the state"


def test_before_anybody_is_ticked_everybody_is_seen(filled: Desk) -> None:
    found = filled.get("/api/found")
    export, = found["exports"]
    assert export["kind"] == "WhatsApp or Element chat"
    assert export["file"] == "WhatsApp Chat with Bo.txt" and export["messages"] == 162
    assert [(one["account"], one["name"], one["is_me"], one["is_likely"])
            for one in found["people"]] == [(ME, ADA, False, True),
                                            (f"whatsapp:{BO}", BO, False, False)]
    assert found["learns"] == [] and filled.steps()["character"] == (False, False)


def test_a_tick_is_written_and_everything_is_read_again(filled: Desk) -> None:
    filled.post("/api/people", me=[ME])
    assert filled.studio.table()["me"] == [ME]
    assert filled.n_read == 2
    found = filled.get("/api/found")
    assert [one["is_me"] for one in found["people"]] == [True, False]
    assert [one["what"] for one in found["learns"]] == ["Chats and posts"]
    assert found["learns"][0]["share"] == 1 and found["learns"][0]["times"] > 0
    assert filled.steps()["character"] == (True, False)
    filled.post("/api/people", me=[ME])
    assert filled.n_read == 2, "nothing is new, so nothing is read again"


def test_people_and_chats_are_left_out(filled: Desk) -> None:
    filled.upload("result.json", json.dumps(telegram_export()).encode())
    filled.read()
    filled.post("/api/people", me=[ME, "telegram:user1"])
    chats = {chat["id"]: chat for chat in filled.get("/api/found")["chats"]}
    assert len(chats) == 2
    telegram = next(one for one in chats if one != "Bo")
    filled.post("/api/people", me=[ME, "telegram:user1"], without=["telegram:user2"],
                chats_out=["Bo"])
    table = filled.studio.table()
    assert table["privacy"] == {"without": ["telegram:user2"]}
    assert table["source"] == [{"path": "*", "chats": {"exclude": ["Bo"]}}]
    found = filled.get("/api/found")
    assert {one["account"] for one in found["people"] if one["is_out"]} == {"telegram:user2"}
    assert {chat["id"]: chat["is_out"] for chat in found["chats"]} == {"Bo": True, telegram: False}


def test_a_chat_is_left_out_by_its_name_and_no_other(filled: Desk) -> None:
    """A name with a * in it is no pattern here."""
    filled.upload("WhatsApp Chat with B*.txt", whatsapp(6, seed=3).encode())
    filled.read()
    filled.post("/api/people", me=[ME])
    assert {chat["id"] for chat in filled.get("/api/found")["chats"]} == {"Bo", "B*"}
    filled.post("/api/people", me=[ME], chats_out=["B*"])
    assert {chat["id"]: chat["is_out"] for chat in filled.get("/api/found")["chats"]} == {
        "Bo": False, "B*": True}


def test_ticks_that_cannot_be_are_refused(filled: Desk) -> None:
    bo = f"whatsapp:{BO}"
    for body, says in (
        ({}, "tick which of these people is you"),
        ({"me": [ME], "without": [ME]}, "one of the two"),
        ({"me": ["whatsapp:Eve"]}, "no person whatsapp:Eve"), ({"me": "x"}, "must be a list"),
        ({"me": [ME], "chats_out": ["../x"]}, "no chat ../x"), ({"me": [5]}, "must be text"),
        ({"me": [ME] * 401}, "at most 400"), ({"me": [ME], "without": [bo, "y"]}, "no person y"),
    ):
        assert says in filled.refusal("/api/people", **body)
    assert "me" not in filled.studio.table()


def test_new_files_are_read_before_the_steps_after_open_again(filled: Desk) -> None:
    filled.post("/api/people", me=[ME])
    assert filled.steps()["found"] == (True, True)
    filled.upload("more.txt", b"I went home by the long way, which was the wrong one.")
    assert filled.steps()["found"] == (True, False)
    assert filled.steps()["character"] == (False, False)
    assert not filled.get("/api/state")["is_read"]


def test_files_without_words_are_called_so(desk: Desk) -> None:
    """Somebody who drops photographs is told of no folder and no file of settings."""
    desk.post("/api/author", author=ADA)
    desk.upload("holiday.png", b"\x89PNG\r\n\x1a\n" + bytes(64))
    desk.read()
    scan = desk.get("/api/state")["scan"]
    assert scan["ended"] == "failed"
    assert scan["sentences"] == [
        "No words of yours were found in these files. Pictures, sound and films are not read: add a"
        " chat, mails, a diary or notes in the first step."]


def test_many_notes_are_one_row(filled: Desk) -> None:
    for number in range(5):
        filled.upload(f"vault/note {number}.md", b"I went home by the long way round the hill.")
    for number in range(3):
        filled.upload(f"few/{number}.md", b"I went home by the long way round the hill.")
    filled.read()
    rows = {row["file"]: row for row in filled.get("/api/found")["exports"]}
    assert set(rows) == {"WhatsApp Chat with Bo.txt", "vault", "few"}
    assert (rows["vault"]["files"], rows["vault"]["words"]) == (5, 50)
    assert rows["few"]["files"] == 3
    assert rows["vault"]["speakers"] == ["you 100%"]


def test_a_name_is_likely_where_it_is_the_authors_or_a_part_of_it(filled: Desk) -> None:
    chat = "".join(f"25/12/2020, 22:0{n} - {who}: It did land today\n" for n, who in enumerate(
        ("Ada", "Ada Berg", "ada moor", "Moor", "Adam")))
    filled.upload("WhatsApp Chat with all.txt", chat.encode())
    filled.read()
    assert {one["name"] for one in filled.get("/api/found")["people"] if one["is_likely"]} == {
        ADA, "Ada", "ada moor", "Moor"}


def test_a_folder_that_was_moved_is_where_it_was(filled: Desk) -> None:
    filled.post("/api/people", me=[ME])
    moved = filled.studio.root.rename(filled.studio.root.with_name("elsewhere"))
    assert Desk(moved).steps()["found"] == (True, True)


def test_a_persona_file_that_somebody_broke_is_named(filled: Desk) -> None:
    path: Path = filled.studio.persona / "persona.toml"
    path.write_text(path.read_text() + "\nme = [")
    sentence = filled.refusal("/api/people", me=[ME])
    assert "persona.toml: cannot be read" in sentence and "repair it" in sentence
    assert filled.get("/api/state")["author"] == ""
    path.write_text('name = "A"\nauthor = "B"\n[privacy]\nnames = "shout"\n')
    assert "privacy.names" in filled.refusal("/api/author", author=ADA)


def test_what_the_user_wrote_of_a_file_stays(filled: Desk) -> None:
    path: Path = filled.studio.persona / "persona.toml"
    path.write_text(path.read_text() + '\n[[source]]\npath = "exports/*.md"\ntier = 1\n')
    filled.post("/api/people", me=[ME])
    filled.post("/api/people", me=[ME], chats_out=["Bo"])
    assert filled.studio.table()["source"] == [
        {"path": "exports/*.md", "tier": 1}, {"path": "*", "chats": {"exclude": ["Bo"]}}]
