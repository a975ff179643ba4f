"""Goal: both of Discord's exports are read as what they are: one with one side, one with two.

Method: small exports written here, then spoiled one way at a time.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from host_training.importers import prose
from tests.host_training.conftest import telegram_export
from tests.host_training.importers.reading import read, reasons, zipped
from tests.host_training.nasty_inputs import nasty


def row(stamp: object, words: object, number: int = 1) -> dict[str, object]:
    return {"ID": number, "Timestamp": stamp, "Contents": words, "Attachments": ""}


CHANNEL = [row("2024-11-17 20:05:17", "second <:kettle:12> <@5>"),
           row("2024-11-17T19:05:17+00:00", "first", 2), row("x", "lost", 3),
           row("2024-11-17 20:05:17", "", 4), {"ID": 4}]


@nasty(5)
@pytest.mark.parametrize("folder", [
    "messages/c123", "Messages/c123", "messages/123", "Nachrichten/c123", "package/messages/c123",
])
def test_a_package_is_known_by_its_channels_in_any_language(
    tmp_path: Path, folder: str
) -> None:
    messages, notes = read(tmp_path, {f"{folder}/messages.json": CHANNEL})
    assert [m.text for m in messages] == ["second :kettle:", "first"]
    assert {m.chat_id for m in messages} == {"123"}
    assert all(m.is_me for m in messages)
    assert notes.skipped == {"no words": 1}
    assert [bad.place for bad in notes.bad] == ["row 2", "row 4"]


@nasty(5)
def test_an_old_csv_package_is_read(tmp_path: Path) -> None:
    messages, _ = read(tmp_path, {"messages/c1/messages.csv": (
        'ID,Timestamp,Contents,Attachments\n1,2020-01-02 03:04:05.678000+00:00,"two\nlines",\n')})
    assert messages[0].text == "two\nlines"


@nasty(5)
def test_a_package_unpacked_among_other_exports_takes_only_what_is_its_own(tmp_path: Path) -> None:
    stamp = {"type": "message", "user": "U1", "ts": "1615050000.1"}
    files = {
        "messages/c1/messages.json": [row("2024-11-17 20:05:17", "of Discord")],
        "messages/c2/channel.json": {"id": "2"}, "messages/index.json": {},
        "account/user.json": {"id": "77"}, "account/avatar.png": b"x", "servers/5/guild.json": {},
        "servers/index.json": {}, "activity/tns/events-2024-00000-of-00001.json": "{}",
        "README.txt": "words of Discord's",
        "general/2021-03-06.json": [{**stamp, "text": "of Slack"}],
        "Telegram/result.json": telegram_export(), "people/bo/user.json.txt": "of a note"}
    messages, notes = read(tmp_path, {f"exports/{name}": what for name, what in files.items()})
    assert [m.source for m in messages] == ["discord", "slack", *["telegram"] * 4, "notes"]
    assert notes.skipped == {"other file of a Discord data package": 4}
    assert reasons(notes) == ["exports/messages/c2 : neither messages.json nor messages.csv"]


@nasty(5)
def test_a_package_in_a_zip_in_a_zip_is_read(tmp_path: Path) -> None:
    package = zipped({"Messages/c7/messages.json": [row("2024-11-17 20:05:17", "deep")]})
    messages, notes = read(tmp_path, {"all.zip": zipped({"package.zip": package})})
    assert [(m.text, m.chat_id) for m in messages] == [("deep", "7")] and not notes.bad


@nasty(5)
def test_a_channel_without_messages_is_named_and_null_names_are_borne(
    tmp_path: Path
) -> None:
    messages, notes = read(tmp_path, {"package.zip": zipped({
        "messages/c1/messages.json": [row("2024-11-17 20:05:17", "here")],
        "messages/c1/channel.json": {"id": "1", "type": 1},
        "messages/c2/channel.json": {"id": "2", "type": 0},
        "messages/index.json": {"1": "Direct Message with bo#0", "2": None},
        "account/user.json": {"id": "77", "username": "ada", "global_name": None},
        "activity/analytics/events.json": "{}"})})
    assert [(m.text, m.chat_kind) for m in messages] == [("here", "dm")]
    assert reasons(notes) == [
        "package.zip/messages/c2 : neither messages.json nor messages.csv"]
    assert notes.own_accounts == {"discord:77"}
    assert notes.names == {"discord:1": {"bo"}, "discord:me": {"ada"}}
    assert notes.skipped == {"other file of a Discord data package": 1}


def said(number: int, content: str, **other: object) -> dict[str, object]:
    return {"id": str(number), "type": "Default", "timestamp": "2023-05-01T10:00:00.5+02:00",
            "content": content, "author": {"id": "7", "name": "bo", "discriminator": "0000",
                                           "nickname": "Bo", "isBot": False}, **other}


def channel(*rows: object, kind: str = "DirectTextChat") -> dict[str, object]:
    return {"guild": {"id": "0", "name": "Direct Messages"},
            "channel": {"id": "55", "type": kind, "name": "bo"}, "messages": list(rows)}


@nasty(6)
@pytest.mark.parametrize(("change", "reason"), [
    ({"author": {"id": "8", "name": "mee6", "isBot": True}}, "sent by a bot"),
    ({"webhookId": "12"}, "sent by a bot"),
    ({"type": "RecipientAdd"}, "service message"),
    ({"type": "ChannelPinnedMessage", "content": "Pinned a message."}, "service message"),
    ({"forwardedMessage": {"content": "x"}}, "forwarded"),
    ({"content": "<@!55>"}, "no words"), ({"content": "<#55>"}, "no words"),
])
def test_what_nobody_wrote_here_is_counted(
    tmp_path: Path, change: dict[str, object], reason: str
) -> None:
    rows = [said(1, "hello"), {**said(2, "words"), **change}]
    messages, notes = read(tmp_path, {"Direct Messages - bo [55].json": channel(*rows)})
    assert len(messages) == 1
    assert notes.skipped == {reason: 1} and not notes.bad


@nasty(6)
def test_parts_emoji_replies_and_nicknames(tmp_path: Path) -> None:
    twin = {"id": "9", "name": "other", "nickname": "Bo", "discriminator": "0"}
    reply = {"type": "Reply", "reference": {"messageId": "404"}}
    messages, _ = read(tmp_path, {
        "chat [55] [part 1].json": channel(said(1, "look <:x:123> <a:y:4>", **reply)),
        "chat [55] [part 2].json": channel(said(2, "**bold** :x:", author=twin)),
        "chat \N{FIRE}/x.json": channel(said(3, "third"), kind="GuildTextChat")})
    assert [m.text for m in messages] == ["look :x: :y:", "**bold** :x:", "third"]
    assert {m.chat_id for m in messages} == {"55"}  # parts are one channel again
    assert [m.author for m in messages] == ["7", "9", "7"]  # one nickname, two people
    assert messages[0].utc_ms == 1_682_928_000_500
    assert [m.chat_kind for m in messages] == ["dm", "dm", "group"]


@nasty(3)
def test_a_part_the_exporter_left_behind_gives_what_is_whole(tmp_path: Path) -> None:
    import json

    text = json.dumps(channel(said(1, "hello"), said(2, "never ended")))
    messages, notes = read(tmp_path, {"chat.json": text[:-30]})
    assert [m.text for m in messages] == ["hello"]
    assert "chat.json row 1: character" in reasons(notes)[0] and "truncated" in reasons(notes)[0]


def test_what_a_message_quotes_is_somebody_elses(tmp_path: Path) -> None:
    assert prose.without_quotes("> his words\n> and more\nmine\n> again") == "mine\n"
    assert prose.without_quotes("mine\n>>> his words\nto the end") == "mine\n"
    assert prose.without_quotes(">:( mine, and 5 > 3\n>_<") == ">:( mine, and 5 > 3\n>_<"
    rows = [{"ID": n, "Timestamp": "2021-03-06 18:00:11", "Contents": text, "Attachments": ""}
            for n, text in enumerate(["> his words", "> his words\nmine"], 1)]
    messages, notes = read(tmp_path, {"package/messages/c1/messages.json": rows})
    assert [m.text for m in messages] == ["mine"] and notes.skipped["no words"] == 1
