"""Goal: what others wrote is never taken for the author's because a file lies or looks like theirs.

Method: exports as the programs lay them out, attachments and copies among them, and chats kept as
text in every way of writing them, beside diaries that look like these.
"""

from __future__ import annotations

import io
import json
from pathlib import Path

import docx
import pytest

from host_training.importers import attachments
from tests.host_training.importers.reading import Content, read, reasons, zipped
from tests.host_training.importers.test_mail import letter
from tests.host_training.importers.test_texts import pdf
from tests.host_training.nasty_inputs import nasty

BOS = "I hate my boss."
MINE = "The hedge and I have an understanding."


def signal(*said: str) -> str:
    return "".join(json.dumps({"date": "2021-03-06T18:00:00", "sender": "Bo", "body": text,
                               "reactions": []}) + "\n" for text in said)


TELEGRAM = {"personal_information": {"user_id": 1}, "chats": {"list": [{
    "id": 2, "type": "personal_chat", "messages": [{
        "id": 1, "type": "message", "date_unixtime": "1615050000", "from": "Bo",
        "from_id": "user2", "text": "hello"}]}]}}
META = {"participants": [{"name": "Bo"}], "messages": [
    {"sender_name": "Bo", "timestamp_ms": 1_615_050_000_000, "content": "hello"}]}
DISCORD = {"guild": {"id": "0"}, "channel": {"id": "9", "name": "bo"}, "messages": []}
SLACK = [{"type": "message", "user": "U1", "text": "hello", "ts": "1615050000.1"}]
WHATSAPP = ("25/12/2020, 22:05 - Bo: hello\n25/12/2020, 22:06 - Bo: essay 1.pdf (file attached)\n"
            "25/12/2020, 22:07 - Bo: <attached: 00012-letter.txt>\n")
CHAT_MD = (f"[2021-03-06 18:00:00] Bo: {BOS}\n\n[2021-03-06 18:00:09] Me: why?\n\n"
           "[2021-03-06 18:00:12] Bo: he is a fool\n")
IMESSAGE = ("Mar 06, 2021  6:00:11 PM (Read after 1 minute)\nBo Berg\nI hate my boss\n\n"
            "Mar 06, 2021  6:01:11 PM\nMe\nwhy?\n\n"
            "Mar 06, 2021  6:02:11 PM\nBo Berg\nhe is a fool\n")


@nasty(20)
@pytest.mark.parametrize(("files", "lost"), [
    ({"signal/Bo Berg/data.json": signal("hello"), "signal/Bo Berg/chat.md": CHAT_MD,
      "signal/Bo Berg/media/letter.txt": BOS}, 2),
    ({"signal/Bo Berg/data.json": signal("hello"), "signal/Bo Berg/chat.md": f"Bo: {BOS}"}, 1),
    ({"signal/Bo/chat.md": CHAT_MD, "signal/Bo/media/letter.txt": BOS}, 2),  # without JSON
    ({"telegram/result.json": TELEGRAM, "telegram/chats/chat_001/files/essay.txt": BOS,
      "telegram/files/essay.docx": BOS, "telegram/files/deep/er/a.txt": BOS}, 2),
    ({"t.zip": zipped({"ChatExport/result.json": TELEGRAM, "ChatExport/files/a.md": BOS})}, 1),
    ({"t/messages2.html": "<html>Telegram: exported data", "t/files/a.md": BOS}, 2),
    ({"inbox/bo_1/message_1.json": META, "inbox/bo_1/files/essay.txt": BOS}, 1),
    ({"d/bo.json": DISCORD, "d/bo.json_Files/essay-1A2B.txt": BOS}, 1),
    ({"s/general/2021-03-06.json": SLACK, "s/general/essay.txt": BOS}, 1),
    ({"w/WhatsApp Chat with Bo.txt": WHATSAPP, "w/00012-letter.txt": BOS}, 1),
    ({"s/general/2021-03-06.json": SLACK, "s/general/attachments/F1-essay.txt": BOS,
      "s/__uploads/F2/essay.md": BOS}, 2),
    ({"w/WhatsApp Chat with Bo.txt": WHATSAPP.replace("letter.txt", "Caf\u00e9.markdown"),
      "w/00012-cafe\u0301.markdown": BOS}, 1),  # as a disk may spell it
    ({"w.zip": zipped({"_chat.txt": WHATSAPP, "essay 1.pdf": b"%PDF-1.7"})}, 1),
    ({"V10/INBOX.mbox/Data/Messages/7.emlx": f"{len(letter())}\n{letter()}",
      "V10/INBOX.mbox/Data/Attachments/7/2/essay.txt": BOS}, 1),
    ({"imessage/+15550100.txt": IMESSAGE, "imessage/attachments/0/1/essay.txt": BOS}, 1),
    ({"Takeout/Google Chat/Groups/DM 1/group_info.json": {"name": "x"},
      "Takeout/Google Chat/Groups/DM 1/messages.json": {"messages": []},
      "Takeout/Google Chat/Groups/DM 1/File-essay.txt": BOS}, 3),
    # an export of somebody else, sent to the author
    ({"telegram/result.json": TELEGRAM, "telegram/files/x.zip": zipped({
        "result.json": {**TELEGRAM, "personal_information": {"user_id": 2}}})}, 1),
])
def test_what_lies_in_the_export_of_a_chat_is_not_the_authors(
    tmp_path: Path, files: dict[str, Content], lost: int
) -> None:
    messages, notes = read(tmp_path, files)
    assert [m.text for m in messages if m.is_me or m.text == BOS] == []
    assert notes.n_bad == lost and "telegram:user2" not in notes.own_accounts
    assert "move it out" in " ".join(reasons(notes)) or "Telegram" in reasons(notes)[0]


@nasty(20)
def test_ones_own_writing_beside_a_chat_stays_ones_own(tmp_path: Path) -> None:
    messages, notes = read(tmp_path, {
        "all/result.json": TELEGRAM, "all/WhatsApp Chat with Bo.txt": WHATSAPP,
        "all/bo.json": DISCORD, "all/a.md": MINE, "all/b.txt": MINE, "all/diary/c.md": MINE,
        "all/my files/media.md": MINE, "slack/users.json": [], "slack/notes.md": MINE,
        "slack/general/2021-03-06.json": SLACK, "vault/media/d.md": MINE, "vault/chat.md": MINE,
        "media/g.md": MINE,
        "files/e.txt": MINE, "signal/Bo/data.json": signal("x"), "signal/f.txt": MINE})
    assert [m.text for m in messages if m.is_me] == [MINE] * 10
    assert not notes.bad


@nasty(20)
def test_what_was_sent_and_is_no_text_is_counted(tmp_path: Path) -> None:
    _, notes = read(tmp_path, {"t/result.json": TELEGRAM, "t/files/a.xlsx": b"x\xff",
                               "signal/Bo/data.json": signal("x"),
                               "signal/Bo/index.html": "<html>", "signal/Bo/chat.md": CHAT_MD})
    assert notes.skipped == {"file that was sent in a chat": 2}
    assert reasons(notes) == [f"signal/Bo/chat.md : {attachments.REASON}"]


# --- chats kept as text ---

LOGS = [
    "Guild: X\nChannel: general\n\n[01-May-23 10:00 AM] bo#0\nhello\n\n"
    "[01-May-23 10:01 AM] ada#0\nhi\n\n[01-May-23 10:02 AM] bo#0\nso\n",
    "[10:00] <bo> hello\n[10:01] <ada> hi\n[10:02] <bo> so\n10:03 <ada> yes",
    "06.03.21 18:00:01 Bo Berg: hello\n06.03.21 18:00:05 Ada: hi\n06.03.21 18:00:09 Ada: so\n",
    "Bo Berg, [06.03.21 18:00]\nI hate\n\nAda, [06.03.21 18:01]\nwhy?\n\n"
    "Bo Berg, [06.03.21 18:02]\nhe is a fool\n",
    "Bo Berg, [6 Mar 2021, 18:00:11]:\nI hate\nmy\nboss\nand\nmore\nof\nit\nall\nday\n\n"
    "Ada, [6 Mar 2021, 18:01:11]:\nwhy?\n\nBo Berg, [6 Mar 2021, 18:02:11]:\nhe is a fool\n",
    "Bo — 03/06/2021 6:00 PM\nI hate\nAda — Today at 6:01 PM\nwhy?\nBo — Today at 18:02\nso\n",
    "2021-03-06 18:00:00\tbo\tI hate: all\n2021-03-06 18:00:05\tada\twhy?\n"
    "2021-03-06 18:00:09\tbo\the is a fool\n",
    "our chat\n12/25/20, 10:05\u202fPM - Bo: I hate\n12/25/20, 10:06\u202fPM - Ada: why?\n"
    "12/25/20, 10:07\u202fPM - Bo: he is a fool\n",
    "[18:00, 06/03/2021] Bo Berg: I hate\n[18:01, 06/03/2021] Ada: why?\n"
    "[18:02, 06/03/2021] Bo Berg: so\n",
    "[18:00] Bo Berg\nI hate\n[18:01] Ada Test\nwhy?\n[18:02] Bo Berg\nso\n",
    "Bo: I hate my boss\nAda: why?\nBo: he is a fool\nAda: so\n",
    "Bo: I hate my boss\n\nAda: why?\n\nBo: he is a fool\nand more\n\nAda: so\n",
    "**You:** Are you cold?\n\n**Bot:** No.\n\n**You:** Sure?\n\n**Bot:** Yes.\n",
]


@nasty(20)
@pytest.mark.parametrize("name", ["chat.txt", "chat.md"])
@pytest.mark.parametrize("text", LOGS)
def test_a_chat_kept_as_text_is_nobodys_own_writing(tmp_path: Path, name: str, text: str) -> None:
    messages, notes = read(tmp_path, {name: text})
    assert messages == [] and "whose authors cannot be determined" in reasons(notes)[0]


@nasty(20)
def test_a_chat_in_any_other_kind_of_document_is_refused_as_well(tmp_path: Path) -> None:
    lines = LOGS[2].strip().split("\n")
    word = docx.Document()
    for line in lines:
        word.add_paragraph(line)
    saved = io.BytesIO()
    word.save(saved)
    page = '<html><head><meta name="Generator" content="Cocoa HTML Writer"></head><body>'
    messages, notes = read(tmp_path, {
        "a.docx": saved.getvalue(), "b.pdf": pdf(tmp_path, lines),
        "c.rtf": r"{\rtf1 " + r"\par ".join(lines) + "}",
        "d.html": page + "".join(f"<p>{line}</p>" for line in lines),
        "e.canvas": {"nodes": [{"type": "text", "text": LOGS[2]}]}})
    assert messages == [] and len(notes.bad) == 5
    assert all("looks like a chat of several people" in reason for reason in reasons(notes))


@nasty(20)
def test_a_chat_behind_a_long_diary_is_found(tmp_path: Path) -> None:
    diary = "\n".join(f"I walked to the canal and saw the heron, day {n}." for n in range(600))
    messages, notes = read(tmp_path, {"a.txt": f"{diary}\n\n{LOGS[2] * 50}"})
    assert len(diary) > 20_000 and messages == [] and "a chat of several" in reasons(notes)[0]


@pytest.mark.parametrize("text", [
    "10:00 went out\n10:30 wind: none\n11:00 tape: all of it\n12:00 lunch\n13:00 flew",
    "06.03.21 18:00 Wind: four\n06.03.21 19:00 Tape: none\n07.03.21 10:00 Box: wet",
    "10:00 home\n11:00 work\n12:00 home\n13:00 work", "18:00 home", "",
    "At 10:00 Bo: no.\nI said so.\nHe left.\n",
    "Mood: fine\nSleep: seven\n\nMood: bad\nSleep: five\n\nMood: so\nSleep: none\n",
    "2021-03-06\nGood: sun\nBad: rain\n2021-03-07\nGood: tea\nBad: wind\n",
    "Salt: one\nTea: two\nWind: four\nTape: none\nBox: wet\n",
    "Wind: four\nI went out and it was cold.\nWind: six\nI stayed in.\nTape: none\nIt held.\n",
])
def test_a_diary_with_times_and_keys_is_ones_own_writing(tmp_path: Path, text: str) -> None:
    messages, notes = read(tmp_path, {"diary.txt": f"Log\n{text}", "diary.md": f"Log\n{text}"})
    assert [m.is_me for m in messages] == [True, True] and not notes.bad


KINDLE = ("\ufeffOn Hedges (Berg, Bo)\n- Your Highlight on page 12 | Location 170-171 | Added on"
          " Saturday, March 6, 2021 6:00:11 PM\n\nA hedge is a slow wall.\n==========\n"
          "On Hedges (Berg, Bo)\n- Your Note on page 12 | Added on Saturday, March 6, 2021"
          " 6:01:00 PM\n\nyes\n==========\n")
KINDLE_GERMAN = ("On Hedges (Berg, Bo)\n- Ihre Markierung auf Seite 12 | bei Position 170-171 |"
                 " Hinzugefügt am Samstag, 6. März 2021 18:00:11\n\nA hedge.\n==========\n")
READWISE = ("# On Hedges\n\n![rw-book-cover](https://example.org/a.jpg)\n\n## Metadata\n"
            "- Author: [[Bo Berg]]\n- Category: #books\n\n## Highlights\n- A hedge is a slow wall."
            " ([Location 170](https://readwise.io/to_kindle?action=open))\n")
GUTENBERG = ("The Project Gutenberg eBook of On Hedges\n\nThis ebook is for the use of anyone"
             " anywhere.\n\n*** START OF THE PROJECT GUTENBERG EBOOK ON HEDGES ***\n\n"
             "A hedge is a slow wall.\n")


@nasty(10, 20)
@pytest.mark.parametrize(("text", "kind"), [
    (KINDLE, "Kindle"), (KINDLE_GERMAN, "Kindle"), (READWISE, "Readwise"),
    (GUTENBERG, "Project Gutenberg"),
    ('"A hedge is a wall." — Bo Berg\n“Slow, but a wall.” — Carl\n\n"No hedge." -- Eva\n',
     "quotations"),
    ('"A hedge is a slow wall."\n— Bo\n\n"And a wall is a fast hedge."\n— Carl\n\n'
     '"A wall, no more."\n– Dora\n', "quotations"),
    ("MIT License\n\nCopyright (c) 2021 Bo Berg\n\nPermission is hereby granted, free of charge,"
     " to any person obtaining a copy of this hedge.\n", "a licence"),
    ("Subject: the boss\nFrom: Bo <bo@example.org>\nTo: ada@example.org\n"
     "Date: Sat, 6 Mar 2021 18:00:11 +0000\n\nI hate my boss.\n", "a mail, of which nobody knows"),
    ("Von: Bo <bo@example.org>\nGesendet: Samstag, 6. März 2021 18:00\nAn: Ada\n\nNein.\n",
     "a mail, of which nobody knows"),
    ("[00:00:01] I hate my boss\n[00:00:04] why?\n[00:01:06] he is a fool\n",
     "without its speakers"),
])
def test_other_peoples_books_are_set_aside_by_name(tmp_path: Path, text: str, kind: str) -> None:
    messages, notes = read(tmp_path, {"My Clippings.txt": text, "books/a.md": text})
    assert messages == [] and len(notes.bad) == 2
    assert all(kind in reason for reason in reasons(notes))
    assert all(("somebody else's words" in reason) is ("export it as" not in reason)
               for reason in reasons(notes))


def test_ones_own_text_about_a_book_is_learnt(tmp_path: Path) -> None:
    text = ("On Hedges\n\nI read Bo Berg in the winter, in the edition of Project Gutenberg.\n\n"
            "==========\n\n- page 12 | the wall\n\nHighlights\n\n- I stopped at 2021.\n")
    messages, notes = read(tmp_path, {"a.txt": text, "b.md": text})
    assert [m.is_me for m in messages] == [True, True] and not notes.bad


def test_looking_for_speakers_takes_linear_time(tmp_path: Path) -> None:
    # a pattern that tries every end from every beginning would need minutes for one of these
    for text in ("a: " * 7_000, "10:00 " * 4_000, "a " * 10_000, "x — " * 5_000, "[" * 20_000,
                 "Mar 06, 2021" + " " * 20_000):
        assert [m.is_me for m in read(tmp_path, {"a.txt": text})[0]] == [True]
