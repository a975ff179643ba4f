"""Goal: a Slack export gives what people wrote, in words, thread by thread.

Method: a small workspace, spoiled one way at a time.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from host_training.corpus.message_store import MessageStore
from tests.host_training.importers.reading import read, zipped
from tests.host_training.nasty_inputs import nasty

USERS = [{"id": "U1", "name": "ada", "real_name": "Ada Test", "profile": {"display_name": "ada"}},
         {"id": "U2", "name": "bo", "profile": {"display_name": ""}}, {"id": "U3", "profile": None}]


def row(text: str, stamp: str = "1615050000.000200", **other: object) -> dict[str, object]:
    return {"type": "message", "user": "U2", "text": text, "ts": stamp, **other}


@nasty(8)
@pytest.mark.parametrize("root", ["", "export/", "workspace Mar 2021/Export/"])
def test_a_workspace_under_any_folder_with_or_without_users(
    tmp_path: Path, root: str
) -> None:
    files = {f"{root}general/2021-03-06.json": [row("hello <@U1>")],
             f"{root}D77/2021-03-06.json": [row("hi", "1615050001.0")],
             f"{root}dms.json": [{"id": "D77", "members": ["U1", "U2"]}]}
    with_users = {**files, f"{root}users.json": USERS}
    messages, notes = read(tmp_path / "a", {"x.zip": zipped(with_users)})
    assert [(m.text, m.chat_kind, m.name) for m in messages] == [
        ("hi", "dm", "bo"), ("hello @ada", "group", "bo")]
    assert messages[1].utc_ms == 1_615_050_000_000
    assert notes.names["slack:U1"] == {"ada", "Ada Test"} and not notes.bad
    messages, notes = read(tmp_path / "b", files)
    assert [m.text for m in messages] == ["hi", "hello @"] and not notes.bad


@nasty(8)
@pytest.mark.parametrize(("written", "meant"), [
    ("<@U9|gone> said &lt;b&gt; &amp; left", "@gone said <b> & left"),
    ("see <https://x.org/a|the page> and <https://y.org>", "see the page and https://y.org"),
    ("<!here> in <#C1|general> <!subteam^S1|@crew>", "@here in #general @subteam"),
    ("&amp;lt; stays one step", "&lt; stays one step"),
    ("<@U2|bo> uploaded a file: <https://x.org/a|a.jpg> and commented: look", "look"),
])
def test_markup_becomes_words(tmp_path: Path, written: str, meant: str) -> None:
    messages, _ = read(tmp_path, {"general/2021-03-06.json": [row(written)]})
    assert messages[0].text == meant


@nasty(8)
@pytest.mark.parametrize(("change", "reason"), [
    ({"subtype": "channel_join"}, "service message"), ({"type": "event"}, "service message"),
    ({"subtype": "bot_message", "bot_id": "B1"}, "sent by a bot"),
    ({"user": "USLACKBOT"}, "sent by a bot"), ({"text": ""}, "no words"),
])
def test_what_nobody_wrote_is_counted(
    tmp_path: Path, change: dict[str, object], reason: str
) -> None:
    messages, notes = read(tmp_path, {
        "general/2021-03-06.json": [row("a"), {**row("b", "1615050002.1"), **change}]})
    assert len(messages) == 1 and notes.skipped == {reason: 1} and not notes.bad


@nasty(8)
def test_a_guest_of_a_shared_channel_is_named_by_the_row(tmp_path: Path) -> None:
    guest = {"real_name": "Carla Mint", "display_name": "carla"}
    messages, notes = read(tmp_path, {"general/2021-03-06.json": [
        row("hi", user="U9", user_team="T2", user_profile=guest),
        row("so", "1615050001.0", user="U9")]})
    assert [m.name for m in messages] == ["carla", "carla"]
    assert notes.names == {"slack:U9": {"carla", "Carla Mint"}}  # so that they can be scrubbed


@nasty(8, 21)
def test_an_edited_message_of_two_exports_is_there_once(tmp_path: Path) -> None:
    messages, _ = read(tmp_path, {"old/general/2021-03-06.json": [row("it flow")],
                                  "young/general/2021-03-06.json": [row("it flew", edited={})]})
    with MessageStore(tmp_path / "m.sqlite") as store:
        store.add(messages)
        assert [m.text for m in store.ordered()] == ["it flew"]


@nasty(8)
def test_threads_stand_apart_and_broken_rows_are_named(tmp_path: Path) -> None:
    messages, notes = read(tmp_path, {"general/2021-03-06.json": [
        row("question", "1615050000.1", thread_ts="1615050000.1"),
        row("meanwhile", "1615050001.1"),
        row("answer", "1615050002.1", thread_ts="1615050000.1", edited={"ts": "1615050003"}),
        row("no time", "soon"), {"type": "message", "text": "whose?", "ts": "1615050000.1"}, 7]})
    assert [m.chat_id for m in messages] == ["general", "general", "general/1615050000.1"]
    assert [bad.place for bad in notes.bad] == ["row 3", "row 4", "row 5"]


@nasty(8)
def test_channels_of_one_name_in_two_workspaces_are_two_chats(tmp_path: Path) -> None:
    def workspace(root: str, channel: str) -> dict[str, object]:
        return {f"{root}/general/2021-03-06.json": [row(root)],
                f"{root}/channels.json": [{"id": channel, "name": "general"}, {"name": "x"}, 7]}

    files = workspace("club", "C1") | workspace("work", "C2") | workspace("work, again", "C2")
    messages, notes = read(tmp_path, files)
    assert [(m.text, m.chat_id, m.chat_name) for m in messages] == [
        ("club", "C1", "general"), ("work, again", "C2", "general"), ("work", "C2", "general")]
    assert not notes.bad


def test_a_file_that_was_uploaded_without_words_is_counted(tmp_path: Path) -> None:
    messages, notes = read(tmp_path, {"general/2021-03-06.json": [
        row("<@U2> uploaded a file: <https://x.org/a|a.jpg>", subtype="file_share")]})
    assert messages == [] and notes.skipped == {"no words": 1}


def test_what_a_message_quotes_is_somebody_elses(tmp_path: Path) -> None:
    rows = [{"type": "message", "user": "UADA", "ts": f"{1_615_053_611 + n}.0001", "text": text}
            for n, text in enumerate(["&gt; his words\nmine", "&gt; his words"])]
    messages, _ = read(tmp_path, {"users.json": [{"id": "UADA", "name": "ada"}],
                                  "dms.json": [{"id": "D1", "members": ["UADA"]}],
                                  "D1/2021-03-06.json": rows})
    assert [m.text for m in messages] == ["mine"]
