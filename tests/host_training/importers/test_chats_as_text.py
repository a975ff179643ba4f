"""Goal: a chat kept as text is never learnt as one person's writing, whoever wrote it down.

Method: the layouts of chats_as_text, read or set aside, and texts of one author that resemble them.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from host_training.common.messages import Message
from host_training.importers import chat_log
from tests.host_training.importers.chats_as_text import READABLE, SET_ASIDE
from tests.host_training.importers.chats_by_heads import BY_HEADS
from tests.host_training.importers.ones_own_texts import OWN_TEXTS
from tests.host_training.importers.reading import read
from tests.host_training.nasty_inputs import nasty

SAID = ["I hate my boss", "why?\nand since when?", "he is a fool", "so are we all"]


def when(message: Message) -> str:
    return f"{datetime.fromtimestamp((message.utc_ms or 0) / 1000, UTC):%Y-%m-%d %H:%M}"


@nasty(20)
@pytest.mark.parametrize("name", sorted(READABLE))
def test_a_known_layout_is_read_as_a_chat_of_two(tmp_path: Path, name: str) -> None:
    messages, notes = read(tmp_path, {"chat.txt": READABLE[name]})
    assert [m.text for m in messages] == SAID and not notes.bad
    bo, ada = messages[0].author, messages[1].author
    assert [m.author for m in messages] == [bo, ada, bo, ada] and bo != ada
    assert not any(m.is_me for m in messages) and {m.chat_kind for m in messages} == {"dm"}
    last = "2021-03-06 21:30" if "pidgin" in name else "2021-03-07 09:30"
    assert [when(m) for m in messages] == [
        "2021-03-06 18:00", "2021-03-06 18:01", "2021-03-06 18:02", last]


@nasty(20)
@pytest.mark.parametrize("name", sorted(READABLE | SET_ASIDE))
def test_no_layout_is_learnt_as_ones_own(tmp_path: Path, name: str) -> None:
    text = (READABLE | SET_ASIDE)[name]
    messages, notes = read(tmp_path, {"chat.md": text, "long.md": text * 20})
    assert messages == [] and len(notes.bad) == 2
    if name in SET_ASIDE:
        messages, notes = read(tmp_path / "txt", {"chat.txt": text})
        assert not any(m.is_me for m in messages) and (messages or len(notes.bad) == 1)


@nasty(20)
@pytest.mark.parametrize("name", sorted(BY_HEADS))
def test_a_question_that_another_answers_tells_a_chat_whatever_marks_its_speakers(
    tmp_path: Path, name: str
) -> None:
    text = BY_HEADS[name]
    messages, notes = read(tmp_path, {"a.txt": text, "b.md": text, "long.md": text * 20})
    assert messages == [] and len(notes.bad) == 3
    assert chat_log.refusal(text.replace("?", ".")) is None  # as a list it is one person's


@nasty(20)
@pytest.mark.parametrize(("name", "words"), [
    ("kakaotalk windows", "(from KakaoTalk)"), ("line chinese", "(from LINE)"), ("qq", "(from QQ)"),
    ("line on a desk", "export the chat on a phone"), ("messenger copy", "download your"),
    ("chatgpt page", "your own prompts"), ("otter", "(from Otter)"), ("slack copy", "(from Slack)"),
    ("teams copy", "(from Teams)"), ("discord copy", "DiscordChatExporter"),
    ("zoom chat", "(from Zoom)"), ("irssi", "an IRC client"), ("sigtop", "mails of several people"),
    ("letters by name", "several people, whose authors"),
])
def test_it_is_set_aside_by_name_with_what_to_do(name: str, words: str) -> None:
    assert words in (chat_log.refusal((READABLE | SET_ASIDE)[name]) or "")


@nasty(20)
@pytest.mark.parametrize("name", sorted(OWN_TEXTS))
def test_a_text_of_one_author_that_resembles_a_chat_is_learnt(tmp_path: Path, name: str) -> None:
    messages, notes = read(tmp_path, {"a.txt": OWN_TEXTS[name], "a.md": OWN_TEXTS[name]})
    assert [m.is_me for m in messages] == [True, True] and not notes.bad


def test_the_accounts_that_an_export_calls_ones_own_are_known(tmp_path: Path) -> None:
    _, notes = read(tmp_path, {"a.txt": READABLE["pidgin"], "b.txt": READABLE["sigtop"],
                               "c.txt": READABLE["sigtop short"]})
    assert notes.own_accounts == {"pidgin:ada@example.org/home", "signal:You"}


@nasty(22)
def test_pidgin_after_midnight_and_by_the_name_of_its_file(tmp_path: Path) -> None:
    log = ("Conversation with bo at Sa 06 Mrz 2021 23:59:00 on ada (irc)\n(23:59:50) bo: hello\n"
           "(00:00:10) ada: hi\n")
    messages, _ = read(tmp_path, {"bo/2021-03-06.235900+0100CET.txt": log})
    assert [when(m) for m in messages] == ["2021-03-06 23:59", "2021-03-07 00:00"]


@pytest.mark.parametrize(("days", "first"), [
    (("Sat, 3/6/2021", "Mon, 3/8/2021"), "2021-03-06 18:00"),
    (("Sat, 6/3/2021", "Mon, 8/3/2021"), "2021-03-06 18:00"),
])
def test_the_weekday_decides_the_order_of_a_date(
    tmp_path: Path, days: tuple[str, str], first: str
) -> None:
    text = (f"[LINE] Chat history with Bo\nSaved on: 3/8/2021, 09:00\n\n{days[0]}\n18:00\tBo\tone\n"
            f"\n{days[1]}\n18:00\tAda\ttwo\n18:01\tBo unsent a message.\n")
    messages, notes = read(tmp_path, {"chat.txt": text})
    assert [when(m) for m in messages] == [first, "2021-03-08 18:00"]
    assert messages[0].chat_id == "Bo" and notes.skipped == {"service message": 2}


def test_all_chats_of_a_qq_export_are_told_apart(tmp_path: Path) -> None:
    text = ("消息记录（此消息记录为文本格式，不支持重新导入）\n\n======\n消息分组:我的好友\n"
            "======\n消息对象:Bo\n======\n\n2021-03-06 18:00:11 Bo\none\n\n"
            "2021-03-06 18:01:11 Ada\ntwo\n\n"
            "======\n消息分组:我的群聊\n======\n消息对象:walkers\n======\n\n"
            + "".join(f"2021-03-06 18:0{n}:11 P{n}(1000{n})\nthree\n\n" for n in range(3)))
    messages, _ = read(tmp_path, {"chat.txt": text})
    assert [(m.chat_id, m.chat_kind, m.author, m.text) for m in messages] == [
        ("Bo", "dm", "Bo", "one"), ("Bo", "dm", "Ada", "two"),
        *(("walkers", "group", f"1000{n}", "three") for n in range(3))]
    assert [m.name for m in messages[2:]] == ["P0", "P1", "P2"]


def test_an_edited_message_of_sigtop_is_its_last_version(tmp_path: Path) -> None:
    text = ("Conversation: Bo\n\nFrom: You\nType: outgoing\nSent: Sat, 6 Mar 2021 18:01:11 +0000\n"
            "Edited: 2 versions\n\n| Version: 2\n| Sent: Sat, 6 Mar 2021 18:02:11 +0000\n|\n"
            "| From: here it is near\n|\n| Version: 1\n| Sent: Sat, 6 Mar 2021 18:01:11 +0000\n|\n"
            "| neat\n\nFrom: Bo\nType: keychange\nSent: Sat, 6 Mar 2021 18:03:11 +0000\n\n")
    messages, notes = read(tmp_path, {"chat.txt": text})
    assert [m.text for m in messages] == ["From: here it is near"]
    assert notes.skipped == {"service message": 1}


def test_a_group_of_kakaotalk_with_its_service_lines(tmp_path: Path) -> None:
    text = ("walkers 3 님과 카카오톡 대화\n저장한 날짜 : 2021-03-08 09:00:00\n\n"
            "--------------- 2021년 3월 6일 토요일 ---------------\nCarl님이 들어왔습니다.\n"
            "[Bo] [오전 12:00] one\n[Ada] [오후 12:00] two\nCarl님이 나갔습니다.\n"
            "[Carl] [오후 11:59] 삭제된 메시지입니다.\n[Carl] [오후 11:59] 이모티콘\n")
    messages, notes = read(tmp_path, {"chat.txt": text})
    assert [(m.text, when(m)) for m in messages] == [
        ("one", "2021-03-06 00:00"), ("two", "2021-03-06 12:00")]
    assert messages[0].chat_kind == "group" and messages[0].chat_id == "walkers 3"
    assert notes.skipped["service message or media left out"] == 2
