"""Goal: the smaller conversation formats are read; mojibake, encodings and bad JSON are mended.

Method: small files written here, then spoiled one way at a time.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_training.corpus.sessions import chat_examples
from host_training.importers.text import decode, mend
from tests.host_training.importers.reading import read, reasons
from tests.host_training.nasty_inputs import nasty


def meta(*rows: dict[str, object]) -> str:
    """As Meta writes it: every byte of the UTF-8 as a character of its own."""
    def wrong(value: object) -> object:
        return value.encode().decode("latin-1") if isinstance(value, str) else value

    people = [{"name": wrong("Zoë")}, {"name": "Ada"}]
    messages = [{"timestamp_ms": 1_615_050_000_000 - i, **{k: wrong(v) for k, v in row.items()}}
                for i, row in enumerate(rows)]
    return json.dumps({"participants": people, "messages": messages, "title": "x"})


@nasty(15)
def test_metas_double_encoding_is_undone(tmp_path: Path) -> None:
    messages, notes = read(tmp_path, {"messages/inbox/zoe_1/message_1.json": meta(
        {"sender_name": "Zoë", "content": "naïve café \N{SNOWMAN} \N{GRINNING FACE}"},
        {"sender_name": "Ada", "content": "plain"},
        {"sender_name": "Ada", "content": "Liked a message"},
        {"sender_name": "Ada", "content": "Reacted \N{SNOWMAN} to your message "},
        {"sender_name": "Ada", "content": "Ada sent an attachment.", "share": {"link": "x"}},
        {"sender_name": "Ada", "content": "oops", "is_unsent": True},
        {"sender_name": "Ada", "photos": []}, {"content": "whose?"})})
    assert [(m.author, m.text, m.chat_kind, m.chat_id) for m in messages] == [
        ("Zoë", "naïve café \N{SNOWMAN} \N{GRINNING FACE}", "dm", "zoe_1"),
        ("Ada", "plain", "dm", "zoe_1")]
    assert notes.skipped == {"words of the app": 3, "deleted message": 1, "no words": 1}
    assert reasons(notes) == ['messages/inbox/zoe_1/message_1.json row 7: "sender_name" is missing']


def test_signal_chats_know_who_me_is(tmp_path: Path) -> None:
    row = {"date": "2021-03-06T18:00:00", "sender": "Me", "body": "hello", "quote": "",
           "sticker": None, "reactions": [], "attachments": [], "deleted": False, "call": False}
    lines = [row, {**row, "sender": "Bo", "body": "hi"}, {**row, "deleted": True},
             {**row, "body": ""}, {**row, "body": None}]
    text = "\n".join(map(json.dumps, lines)) + "\n{broken\n"
    messages, notes = read(tmp_path, {"signal/Bo/data.json": text})
    assert [(m.author, m.text, m.chat_id) for m in messages] == [
        ("Me", "hello", "Bo"), ("Bo", "hi", "Bo")]
    assert notes.own_accounts == {"signal:Me"}
    assert notes.skipped == {"deleted message or call": 1, "no words": 1} and notes.n_bad == 2


# --- instruction data sets ---


def pairs(tmp_path: Path, *lines: str, encoding: str = "utf-8"
          ) -> tuple[list[tuple[str, bool]], list[str]]:
    messages, notes = read(tmp_path, {"data.jsonl": "\n".join(lines).encode(encoding)})
    assert all(m.utc_ms is None and m.chat_kind == "pair" for m in messages)
    return [(m.text, m.is_me) for m in messages], [bad.place for bad in notes.bad]


ASKED = [("Are you cold?", False), ("No.", True)]


@nasty(14)
@pytest.mark.parametrize("line", [
    '{"instruction": "Are you cold?", "input": "", "output": "No."}',
    '{"instruction": "Are you cold?", "output": "No.",}',  # a comma too many
    '{"messages": [{"role": "system", "content": "x"}, {"role": "user", "content": "Are you'
    ' cold?"}, {"role": "assistant", "content": "No."}]}',
    '{"conversations": [{"from": "human", "value": "Are you cold?"}, {"from": "gpt", "value":'
    ' "No."}]}',
    '{"conversations": [{"from": "human", "value": "Are you cold?"}, {"from": "gpt", "value":'
    ' "No."}, {"from": "human", "value": "Sure?"}]}',  # the last one is not an answer
    '{"prompt": "Are you cold?", "completion": "No.", "score": NaN}',
    '{"instruction": "twice", "instruction": "Are you cold?", "output": "No."}',
])
def test_every_shape_of_a_pair(tmp_path: Path, line: str) -> None:
    assert pairs(tmp_path, "", line, "  ") == (ASKED, [])


@nasty(14)
def test_input_joins_the_question_and_bad_lines_are_named(tmp_path: Path) -> None:
    found, bad = pairs(
        tmp_path, '{"instruction": "Say it", "input": "in red", "output": "Red."}', "{nothing",
        '{"instruction": "empty", "output": " "}', "7", '{"instruction": "no answer"}',
        '{"messages": [{"role": "wizard", "content": "x"}]}', '{"messages": [5]}')
    assert found == [("Say it\n\nin red", False), ("Red.", True)]
    assert bad == ["line 2", "line 4", "line 5", "line 6", "line 7"]


@nasty(14)
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-8-sig"])
def test_other_encodings_and_a_line_of_two_megabytes(tmp_path: Path, encoding: str) -> None:
    line = json.dumps({"instruction": "Are you cold?", "output": "No."})
    long = json.dumps({"instruction": "x" * 2_000_000, "output": "Long."})
    found, bad = pairs(tmp_path, line, long, encoding=encoding)
    assert found[:2] == ASKED and found[3] == ("Long.", True) and bad == []


@nasty(14)
def test_a_json_list_is_read_as_well(tmp_path: Path) -> None:
    rows = [{"instruction": "Are you cold?", "output": "No."}]
    assert [m.text for m in read(tmp_path, {"alpaca.json": rows})[0]] == ["Are you cold?", "No."]


# --- ChatLab ---

CHATLAB = {"chatlab": {"version": "0.0.1", "exportedAt": 1},
           "meta": {"name": "Crew", "platform": "qq", "type": "group", "groupId": "5"},
           "members": [{"platformId": "7", "accountName": "Bo", "groupNickname": "B"}],
           "messages": [
               {"sender": "7", "accountName": "Bo", "timestamp": 1_615_050_000, "type": 0,
                "content": "hello"},
               {"sender": "7", "accountName": "Bo", "timestamp": 1_615_050_001, "type": 1,
                "content": "[Image]"},
               {"sender": "7", "timestamp": "x", "type": 0, "content": "when?"}]}


@pytest.mark.parametrize("is_lines", [False, True])
def test_chatlab_in_both_forms(tmp_path: Path, is_lines: bool) -> None:
    lines = [{"_type": "header", "chatlab": CHATLAB["chatlab"], "meta": CHATLAB["meta"]},
             *({"_type": "member", **row} for row in CHATLAB["members"]),
             *({"_type": "message", **row} for row in CHATLAB["messages"])]
    text = "# made by hand\n" + "\n".join(map(json.dumps, lines)) if is_lines else (
        json.dumps(CHATLAB))
    messages, notes = read(tmp_path, {f"chat.{'jsonl' if is_lines else 'json'}": text})
    assert [(m.source, m.author, m.text, m.chat_kind, m.chat_id) for m in messages] == [
        ("chatlab-qq", "7", "hello", "group", "5")]
    assert notes.names == {"chatlab-qq:7": {"Bo", "B"}}
    assert notes.skipped == {"picture, call or service message": 1} and notes.n_bad == 1


# --- transcripts ---


def spoken(tmp_path: Path, text: str, name: str = "talk.vtt") -> list[tuple[str, str]]:
    return [(m.author, m.text) for m in read(tmp_path, {name: text})[0]]


@nasty(11)
@pytest.mark.parametrize("start", ["", "\ufeff"])
def test_voices_and_rolling_captions(tmp_path: Path, start: str) -> None:
    text = start + (
        "WEBVTT\n\nNOTE a comment\n\n1\n00:01.000 --> 00:02.000 align:start\n<v Ada Test>So it"
        " flew.\n\n00:02.000 --> 00:03.000\nSo it flew.\nAnd <c.x>landed</c><00:00:02.500> soft.\n"
        "\nid-7\n00:00:03.000 --> 00:00:04.000\n<v.loud Bo>Where?</v>\n[laughter]\n")
    assert spoken(tmp_path, text) == [("Ada Test", "So it flew. And landed soft."),
                                      ("Bo", "Where?")]


@nasty(11)
def test_subrip_with_names_numbers_and_negative_times(tmp_path: Path) -> None:
    text = ("1\r\n-00:00:01,000 --> 00:00:02,000\r\nADA: Ten\r\n10\r\n\r\n2\r\n"
            "00:00:02,000 --> 00:00:03,000\r\n<i>and a half</i> &amp; more\r\n\r\n3\r\n"
            "00:00:03,000 --> 00:00:04,000\r\n- Bo: Yes: so.\r\n")
    assert spoken(tmp_path, text, "talk.srt") == [("ADA", "Ten 10 and a half & more"),
                                                  ("Bo", "Yes: so.")]


@nasty(11)
def test_without_speakers_nobody_is_guessed(tmp_path: Path) -> None:
    text = "1\n00:00:01,000 --> 00:00:02,000\nwords of somebody\n"
    assert spoken(tmp_path, text, "talk.srt") == [("speaker unknown", "words of somebody")]


@nasty(11)
@pytest.mark.parametrize(("cues", "said"), [
    # the same words of somebody else: the speaker changes all the same
    (["ADA: Yes.", "BO: Yes.\nI stole the kettle."],
     [("ADA", "Yes."), ("BO", "Yes. I stole the kettle.")]),
    (["<v Ada>Yes.", "<v Bo>Yes.\n<v Bo>I did."], [("Ada", "Yes."), ("Bo", "Yes. I did.")]),
    # captions that roll up by one line and by two
    (["ADA: I went\nhome.\nBO: Good.", "home.\nBO: Good.\nSo did I.", "So did I.\nADA: Oh."],
     [("ADA", "I went home."), ("BO", "Good. So did I."), ("ADA", "Oh.")]),
    (["BO: No.\nNo.", "ADA: No."], [("BO", "No. No."), ("ADA", "No.")]),
    (["one", "one\ntwo", "two", "two\nthree"], [("speaker unknown", "one two three")]),
])
def test_a_repeated_line_stays_with_who_said_it(
    tmp_path: Path, cues: list[str], said: list[tuple[str, str]]
) -> None:
    text = "".join(f"00:0{i}.000 --> 00:0{i + 1}.000\n{cue}\n\n" for i, cue in enumerate(cues))
    assert spoken(tmp_path, f"WEBVTT\n\n{text}") == said


@nasty(11)
def test_a_comment_between_cues_is_not_speech(tmp_path: Path) -> None:
    text = ("WEBVTT\n\n00:01.000 --> 00:02.000\n<v Ada>So it flew.\n\nNOTE transcribed by Carla"
            " Mint\nof the agency\n\nSTYLE\n::cue { color: red }\n\nlast\n00:02.000 -->"
            " 00:03.000\n<v Ada>Yes.\nNOTE that.\n")
    assert spoken(tmp_path, text) == [("Ada", "So it flew. Yes. NOTE that.")]


# --- encodings ---


@nasty(15)
@pytest.mark.parametrize(("written", "meant"), [
    ("naïve", "naïve"), ("naÃ¯ve cafÃ©", "naïve café"), ("itâ€™s", "it’s"), ("Ã", "Ã"),
    ("São João", "São João"), ("a\0b", "ab"), ("\ud83d lone", " lone"),
    ("\ud83d\ude00 pair", "\N{GRINNING FACE} pair"), ("ZWJ\u200d", "ZWJ\u200d"),
    ("z\u0351a\u0352l\u0353g\u0354o", "z\u0351a\u0352l\u0353g\u0354o"), ("\u0378", "\u0378"),
    ("", ""),
])
def test_mending(written: str, meant: str) -> None:
    assert mend(written) == meant


@nasty(15)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_text_files_in_every_unicode(encoding: str) -> None:
    assert decode("Grüße, the wind\n".encode(encoding)).lstrip("\ufeff") == "Grüße, the wind\n"
    assert decode("Grüße".encode("cp1252")) == "Grüße"


@nasty(15)
@pytest.mark.parametrize("n_before", [0, 20_000])  # in the head that is sniffed, and behind it
def test_a_pasted_byte_of_another_encoding_costs_no_other_letter(
    tmp_path: Path, n_before: int
) -> None:
    text = "word " * n_before + "Grüße aus dem Wäldchen, ein Café und über naïve Wörter"
    data = text.encode().replace("é".encode(), b"\xe9")
    assert [m.text for m in read(tmp_path, {"a.txt": data})[0]] == [text]
    assert decode("Café à la crème brûlée".encode("cp1252")) == "Café à la crème brûlée"
    assert decode("odd".encode("utf-16") + b"x") == "odd\ufffd"


@given(st.text())
def test_mending_twice_is_mending_once_for_honest_text(text: str) -> None:
    mended = mend(text)
    mended.encode()  # no lone surrogate is left
    assert "\0" not in mended


@nasty(11)
@pytest.mark.parametrize(("cues", "kind"), [
    ("<v Bo>Did it fly?|<v Ada>It did.|<v Bo>Where is it?|<v Ada>In the tree.", "dm"),
    ("Bo: Did it fly?|Ada: It did.|Bo: Where is it?|Ada: In the tree.", "dm"),
    ("<v Bo>Did it fly?|<v Ada>It did.|<v Cy>Where is it?|<v Ada>In the tree.", "group"),
    ("<v Ada>It flew.|Then it landed.", "transcript"), ("It flew.|Then it landed.", "transcript"),
])
def test_a_transcript_with_speakers_is_a_talk(tmp_path: Path, cues: str, kind: str) -> None:
    """Read as monologue, what the other one asked was never the question before the answer."""
    text = "WEBVTT\n\n" + "".join(f"00:0{n}.000 --> 00:0{n + 1}.000\n{cue}\n\n"
                                   for n, cue in enumerate(cues.split("|")))
    messages, notes = read(tmp_path, {"talk.vtt": text})
    assert {m.chat_kind for m in messages} == {kind} and not notes.bad
    own = [replace(m, is_me=m.author in ("Ada", "speaker unknown")) for m in messages]
    assert [(e.kind, e.text, e.question) for e in chat_examples(own)] == (
        [("monologue", "It flew. Then it landed.", None)] if kind == "transcript" else
        [("dialogue", "It did.", "Did it fly?"), ("dialogue", "In the tree.", "Where is it?")])


@pytest.mark.parametrize("row", [
    {"content": "Started a video chat"}, {"content": "You missed a call from Bo."},
    {"content": "You set the nickname for Bo to Bobo."}, {"content": "Ada set her own nickname."},
    {"content": "This poll is no longer available."}, {"content": "You sent a link."},
    {"content": "Ada added Carl to the group."}, {"content": "Ada pinned a message."},
    {"content": "https://example.org/a", "share": {"link": "https://example.org/a"}},
])
def test_what_metas_apps_write_in_place_of_words_is_counted(
    tmp_path: Path, row: dict[str, object]
) -> None:
    own = {"content": "Look at this: https://example.org/a",
           "share": {"link": "https://example.org/a", "share_text": "his words"}}
    rows = [{"sender_name": "Ada", "timestamp_ms": 1_615_053_611_000 + n, **one}
            for n, one in enumerate((row, own))]
    messages, notes = read(tmp_path, {"messages/inbox/bo_1/message_1.json": {
        "participants": [{"name": "Bo"}, {"name": "Ada"}], "messages": rows, "title": "Bo"}})
    assert [m.text for m in messages] == [own["content"]]
    assert notes.skipped["words of the app"] == 1


def test_a_sentence_about_what_somebody_shared_is_ones_own(tmp_path: Path) -> None:
    texts = ["Bo shared a story about hedges.", "Yesterday Ada left the group", "You sent a link?"]
    rows = [{"sender_name": "Ada", "timestamp_ms": 1_615_053_611_000 + n, "content": text}
            for n, text in enumerate(texts)]
    messages, _ = read(tmp_path, {"messages/inbox/bo_1/message_1.json": {
        "participants": [{"name": "Bo"}, {"name": "Ada"}], "messages": rows, "title": "Bo"}})
    assert sorted(m.text for m in messages) == sorted(texts)
