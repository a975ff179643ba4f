"""Goal: every export that the table of sources names gives the right words of the right person.

Method: one small export of each kind in its documented layout (chat_exports, writing_exports),
read alone, cut short, spoiled value by value, and all of them from one folder.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from host_training.importers import bluesky, imessage_db, xml_stream
from tests.host_training.importers.chat_exports import (
    CHATS,
    LOCAL,
    SAID,
    TOLD_BY_ME,
    Files,
    attributed,
)
from tests.host_training.importers.chats_as_text import READABLE
from tests.host_training.importers.reading import as_bytes, read, reasons, zipped
from tests.host_training.importers.test_chats_as_text import when
from tests.host_training.importers.test_mail import letter
from tests.host_training.importers.writing_exports import MINE, WHISPER, WRITING
from tests.host_training.nasty_inputs import nasty

TRUNCATED = "the file is truncated; the export or the copy is incomplete"


@pytest.mark.parametrize("name", sorted(CHATS))
def test_a_chat_has_its_words_times_and_people(tmp_path: Path, name: str) -> None:
    files, account = CHATS[name]
    messages, notes = read(tmp_path, files)
    assert [m.text for m in messages] == SAID
    assert [when(m) for m in messages] == [stamp[:16] for stamp in LOCAL]
    bo, ada = messages[0], messages[1]
    assert [m.author for m in messages] == [bo.author, ada.author] * 2 and bo.author != ada.author
    assert f"{ada.source}:{ada.author}" == account and not any(m.is_me for m in messages)
    assert (account in notes.own_accounts) == (name not in TOLD_BY_ME)
    assert f"{bo.source}:{bo.author}" not in notes.own_accounts
    assert {m.chat_kind for m in messages} == {"dm"} and len({m.chat_id for m in messages}) == 1
    assert len({m.message_id for m in messages}) == 4
    assert all("sent in a chat" in r or "attachment" in r for r in reasons(notes))


@pytest.mark.parametrize("name", sorted(WRITING))
def test_ones_own_writing_is_ones_own_and_nothing_else(tmp_path: Path, name: str) -> None:
    files, texts = WRITING[name]
    messages, notes = read(tmp_path, files)
    assert sorted(m.text for m in messages) == sorted(texts) and not notes.bad
    assert all(m.is_me and m.author == "me" for m in messages)
    day = "2021-03-06 12:00" if name == "apple journal" else (
        None if name == "notion pages" else LOCAL[0][:16])
    first = next(m for m in messages if m.text == texts[0])
    assert (when(first) if day else first.utc_ms) == day


@pytest.mark.parametrize(("name", "said"), [
    ("whisper", [("SPEAKER_00", "I hate my boss."), ("SPEAKER_01", "Why?")]),
    ("whisper.cpp", [("speaker unknown", "I hate my boss.")]),
])
def test_speech_that_was_written_down_is_a_transcript(
    tmp_path: Path, name: str, said: list[tuple[str, str]]
) -> None:
    messages, notes = read(tmp_path, WHISPER[name])
    assert [(m.author, m.text) for m in messages] == said and not notes.bad
    assert {m.chat_kind for m in messages} == {"dm" if len(said) == 2 else "transcript"}
    assert not messages[0].is_me

MAILS = ("mail/one.eml", "mail/two.emlx", "Maildir/cur/1.a:2,S", "Maildir/.Sent/cur/2.a:2,S")


def _everything() -> Files:
    files: Files = {}
    for name, (of_kind, _) in (*CHATS.items(), *WRITING.items()):
        files |= {f"{name}/{path}": content for path, content in of_kind.items()
                  if path != "media/letter.txt"}
    for name, of_kind in WHISPER.items():
        files |= {f"{name}/{path}": content for path, content in of_kind.items()}
    files |= {f"text of {name}/chat.txt": text for name, text in READABLE.items()}
    return files | {name: letter(Message_ID=f"<{name}>") for name in MAILS}


@pytest.mark.parametrize("is_zipped", [False, True])
def test_one_export_of_every_kind_in_one_folder_is_read_without_a_line_of_noise(
    tmp_path: Path, is_zipped: bool
) -> None:
    files = _everything()
    messages, notes = read(tmp_path, {"all.zip": zipped(files)} if is_zipped else files)
    assert reasons(notes) == []
    n_of_chats = 4 * (len(CHATS) + len(READABLE))
    assert len(messages) == n_of_chats + sum(
        len(texts) for _, texts in WRITING.values()) + 3 + len(MAILS)
    said = [text for _, texts in WRITING.values() for text in texts]
    assert sorted(m.text for m in messages if m.is_me) == sorted(said)


@nasty(3)
@pytest.mark.parametrize("name", sorted(CHATS | WRITING | WHISPER))
def test_an_export_that_is_cut_short_costs_one_sentence(tmp_path: Path, name: str) -> None:
    files = WHISPER[name] if name in WHISPER else (CHATS | WRITING)[name][0]
    path, content = max(files.items(), key=lambda one: len(as_bytes(one[1])))
    whole, _ = read(tmp_path / "whole", {path: content})
    data = as_bytes(content)
    messages, notes = read(tmp_path / "cut", {path: data[: len(data) * 9 // 10]})
    assert len(reasons(notes)) <= 1
    if path.endswith((".json", ".xml", ".enex", ".car", ".jsonl")):
        assert len(reasons(notes)) == 1
    if path.endswith((".json", ".xml", ".enex", ".car")):
        assert TRUNCATED in reasons(notes)[0]
    whole_texts = [m.text for m in whole]
    assert all(any(text.startswith(m.text) for text in whole_texts) for m in messages)


@nasty(14, 15)
@pytest.mark.parametrize("name", sorted(CHATS | WRITING))
def test_rows_of_another_kind_are_set_aside_and_stop_nothing(tmp_path: Path, name: str) -> None:
    """Every value of a JSON export replaced, one after the other, by one of another type."""
    files = (CHATS | WRITING)[name][0]
    for path, content in files.items():
        if isinstance(content, str | bytes):
            continue
        for count, spoiled in enumerate(_spoiled(content)):
            _, notes = read(tmp_path / str(count) / name, {path: json.dumps(spoiled)})
            assert "reading stopped" not in "\n".join(reasons(notes)), spoiled


def _spoiled(value: object) -> list[object]:
    """Copies with one value replaced; the first of a list stands for all."""
    found: list[object] = []
    if isinstance(value, dict):
        for key, inner in value.items():
            found += [{**value, key: other} for other in (None, 7, "x", [], {}, [7])]
            found += [{**value, key: other} for other in _spoiled(inner)]
    elif isinstance(value, list) and value:
        found += [[other, *value[1:]] for other in (None, 7, "x", *_spoiled(value[0]))]
    return found


def test_a_group_is_a_group(tmp_path: Path) -> None:
    signal = CHATS["signal"][0]["signal/main.jsonl"]
    assert isinstance(signal, str)
    group = {"recipient": {"id": "9", "group": {"snapshot": {"title": {"title": "Walkers"}}}}}
    messages, _ = read(tmp_path, {"main.jsonl": signal.replace(
        '"recipientId": "2"', '"recipientId": "9"').replace(
        '{"recipient": {"id": "3"', json.dumps(group) + '\n{"recipient": {"id": "3"')})
    assert {(m.chat_id, m.chat_kind, m.chat_name) for m in messages} == {
        ("chat 10", "group", "Walkers")}
    assert {m.name for m in messages} == {"Bo Berg", ""}


def test_an_answer_in_a_thread_of_a_dump_answers_the_thread(tmp_path: Path) -> None:
    rows = [{"type": "message", "user": "U1", "text": "Who has the tape?", "ts": "1615053611.1",
             "slackdump_thread_replies": [{"type": "message", "user": "U2", "text": "I have.",
                                           "ts": "1615053700.1", "thread_ts": "1615053611.1"}, 7]},
            {"type": "message", "user": "U1", "text": "Good morning", "ts": "1615053650.1"}]
    messages, notes = read(tmp_path, {"C1.json": {"channel_id": "C1", "name": "yard",
                                                  "messages": rows}})
    assert [(m.text, m.chat_id, m.chat_kind) for m in messages] == [
        ("Who has the tape?", "C1", "group"), ("I have.", "C1/1615053611.1", "group"),
        ("Good morning", "C1", "group")]
    assert reasons(notes) == ["C1.json row 0: not a message"]


@pytest.mark.parametrize("text", ["short", "ü" * 100, "x" * 40_000, "a\N{GRINNING FACE}b", ""])
def test_the_words_of_an_archived_string(text: str) -> None:
    assert imessage_db.first_string(attributed(text)) == text


def test_a_body_that_is_no_archived_string_has_no_words() -> None:
    assert imessage_db.first_string(b"") is None
    assert imessage_db.first_string(b"NSString") == ""
    assert imessage_db.first_string(b"NSString\x01\x94\x84\x01+\x82\xff") == ""


def test_a_database_of_another_app_costs_one_sentence(tmp_path: Path) -> None:
    messages, notes = read(tmp_path, {"chat.db": b"SQLite format 3\0" + bytes(100)})
    assert messages == [] and len(notes.bad) == 1
    assert "not a whole database of Messages" in reasons(notes)[0]


@pytest.mark.parametrize("block_bytes", [*range(16, 40), 1 << 16])
def test_a_letter_in_two_halves_is_one_wherever_the_file_is_divided(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block_bytes: int
) -> None:
    """Android's backups write U+1F600 as two references that XML does not know."""
    monkeypatch.setattr(xml_stream, "BLOCK_BYTES", block_bytes)
    half = "&#55357;&#56832;"
    messages, notes = read(tmp_path, {"a.xml": (
        f'<smses count="1"><sms address="+15550100" date="1615053611000" type="2"'
        f' body="It flew {half * 3} and {half}&#10;&lt;3 &#44032; {half}" /></smses>')})
    assert not notes.bad
    assert [m.text for m in messages] == [
        "It flew \N{GRINNING FACE}\N{GRINNING FACE}\N{GRINNING FACE} and \N{GRINNING FACE}\n<3"
        " \uac00 \N{GRINNING FACE}"]


def test_an_entity_ends_the_reading(tmp_path: Path) -> None:
    bomb = ('<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>'
            '<smses><sms address="1" date="1615053611000" type="2" body="&b;"/></smses>')
    messages, notes = read(tmp_path, {"a.xml": bomb})
    assert messages == [] and "declares an entity" in reasons(notes)[0]


def test_a_blog_of_two_authors_is_nobodys_until_me_says_whose(tmp_path: Path) -> None:
    blog = WRITING["wordpress"][0]["blog/ada.WordPress.xml"]
    assert isinstance(blog, str)
    first = blog.index("<item>")
    other = blog[first : blog.index("</item>") + 7].replace("[ada]", "[bo]").replace(MINE, "Bo's.")
    messages, _ = read(tmp_path, {"a.xml": blog[:first] + other + blog[first:]})
    assert [(m.author, m.is_me) for m in messages] == [("bo", False), ("ada", False)]


@nasty(32)
@pytest.mark.parametrize(("data", "says"), [
    (b"\xff" * 12, "more than 63 bits"), (b"\x80", TRUNCATED), (b"\xff\xff\x7f", "at most"),
    (b"\x03\x07\x07\x07", "address of version 1"),
])
def test_a_damaged_repository_is_read_up_to_the_damage(
    tmp_path: Path, data: bytes, says: str
) -> None:
    repository = WRITING["bluesky"][0]["bluesky/repo.car"]
    assert isinstance(repository, bytes)
    messages, notes = read(tmp_path, {"repo.car": repository + data})
    assert [m.text for m in messages] == [MINE]
    assert len(reasons(notes)) == 1 and says in reasons(notes)[0]


def test_a_value_that_is_nested_without_end_is_no_post(tmp_path: Path) -> None:
    with pytest.raises((bluesky._DamagedError, IndexError)):
        bluesky._value(b"\x81" * 1_000, 0, 0)


def test_writing_beside_an_export_stays_writing(tmp_path: Path) -> None:
    """The names of an export's other files count only where there is such an export."""
    messages, notes = read(tmp_path, {"Keep/Labels.txt": MINE, "README.html": "<html></html>",
                                      "posts/a.md": MINE})
    assert [m.text for m in messages] == [MINE, MINE]
    assert len(reasons(notes)) == 1 and "a web page" in reasons(notes)[0]


def test_a_thread_of_a_channel_is_a_talk_of_its_own(tmp_path: Path) -> None:
    """Graph Explorer's answer with ``$expand=replies``."""
    def row(number: int, who: str, text: str, **other: object) -> dict[str, object]:
        return {"id": str(number), "messageType": "message",
                "createdDateTime": f"2021-03-06T18:0{number}:00Z", "chatId": None,
                "from": {"user": {"id": who, "displayName": who}},
                "body": {"contentType": "text", "content": text}, **other}

    channel = {"teamId": "t", "channelId": "19:yard@thread.tacv2"}
    messages, notes = read(tmp_path, {"channel.json": {"value": [
        row(1, "Bo", "Who has <tape>?", channelIdentity=channel,
            replies=[row(2, "Ada", "I have."), 7]),
        row(3, "Bo", "Good morning", channelIdentity=channel)]}})
    assert [(m.text, m.chat_id, m.chat_kind) for m in messages] == [
        ("Who has <tape>?", "19:yard@thread.tacv2/1", "group"),
        ("I have.", "19:yard@thread.tacv2/1", "group"),
        ("Good morning", "19:yard@thread.tacv2/3", "group")]
    assert reasons(notes) == ["channel.json row 0: a reply is not an object"]


@pytest.mark.parametrize(("name", "data", "says"), [
    ("a.one", b"\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d", "Single File Web Page (.mht)"),
    ("Open Notebook.onetoc2", b"\xa1\x2f\xff\x43", "Single File Web Page (.mht)"),
    ("news.mht", b"MIME-Version: 1.0\nContent-Type: multipart/related\n\n<html>\n",
     "a web page; if an app exported it"),  # which a browser saved
    ("teams.pst", b"!BDN\0\0\0\0", "Teams as JSON of Microsoft Graph"),
    ("chat_history.json", b'{"bo": [{"From": "bo", "Media Type": "TEXT", "Created": "2021-03-06 '
     b'18:00:11 UTC", "Content": "no", "IsSender": false}]}', "an export of Snapchat, which"),
    ("user_data.json", b'{"Direct Messages": {"Chat History": {"ChatHistory": {"Chat History with '
     b'bo:": [{"From": "bo", "Content": "no"}]}}}}', "an export of TikTok"),
    ("data.json", b'{"Messages": [{"match_id": "Match 1", "messages": [{"from": "You", "message": "'
     b'no", "sent_date": "Sat"}]}]}', "an export of Tinder"),
    ("MyActivity.json", b'[{"header": "Gemini Apps", "title": "Prompted no", "time": "x"}]',
     "an export of Gemini, which is not read; save your own prompts"),
    ("MyActivity.json", b'[{"header": "Search", "title": "no", "time": "x", "products": ["S"]}]',
     "nothing that you wrote"),
    ("c.ai.json", b'{"histories": [{"msgs": [{"src": {"is_human": true}, "text": "no"}]}]}',
     "an export of Character.AI"),
    ("copilot.csv", b"Conversation,Time,Author,Message\nx,y,AI,no\n", "an export of Copilot"),
    ("bulk.jsonl", b'{"type": "post", "post": {"channel": "x", "user": "bo", "message": "no", '
     b'"create_at": 1}}\n', "an export of Mattermost"),
    ("rocket.json", b'[{"rid": "x", "msg": "no", "u": {"username": "bo"}}]',
     "an export of Rocket.Chat"),
    ("zulip.json", b'{"zerver_message": [{"content": "no"}]}', "an export of Zulip"),
    ("Streaming.json", b'[{"trackName": "x", "msPlayed": 1}]', "an export of Spotify"),
    ("app.json", b'[{"sender": "bo", "text": "no"}]', "of an app that is not known here; convert"),
    ("other.json", b'[{"a": "b"}]', "unknown format; docs/training.md lists"),
])
def test_what_cannot_be_read_names_the_export_that_can(
    tmp_path: Path, name: str, data: bytes, says: str
) -> None:
    messages, notes = read(tmp_path, {name: data})
    assert messages == [] and len(notes.bad) == 1 and says in reasons(notes)[0]
