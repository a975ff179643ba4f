"""Goal: everybody is one person on every platform, and messages come in order and once.

Method: messages made here; a folder with five platforms.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from host_training.common.messages import ChatKind, Message, Notes
from host_training.corpus.identity import identify, left_out, letter
from host_training.corpus.message_store import MessageStore
from host_training.errors import TrainingError
from tests.host_training.conftest import write_persona
from tests.host_training.corpus.preparing import add_toml, prepare, with_telegram
from tests.host_training.importers.reading import write_files
from tests.host_training.nasty_inputs import nasty


def said(author: str, source: str = "telegram", name: str = "", number: int = 0,
         utc_ms: int | None = 0, is_me: bool = False) -> Message:
    return Message(source, "1", "dm", str(number), utc_ms, author, is_me, "words", name)


def stored(messages: list[Message], tmp_path: Path) -> MessageStore:
    store = MessageStore(tmp_path / "m.sqlite")
    store.add(messages)
    return store


@nasty(19)
def test_people_are_told_apart_by_account_and_joined_by_the_maker(tmp_path: Path) -> None:
    messages = [
        said("user1", name="Ada"), said("user2", name="Bo", number=1),
        said("user3", name="Bo", number=2),  # another Bo
        said("user2", name="Bobby", number=3),  # the first Bo, renamed
        said("user9", number=4, name="Family tablet"),
        said("Bo B.", "whatsapp", "Bo B.", 5), said("Ada", "whatsapp", "Ada", 6),
        said("user4", number=7, name="Ada second"),
    ]
    with stored(messages, tmp_path) as store:
        people = identify(store.authors(), Notes(), ["user1", "telegram:user4", "Ada"], ["user9"],
                          {"Bo": ["user2", "Bo B."]})
        found = [people.of(m) for m in store.ordered()]
        assert [people.label(a) for a in store.authors()] == [
            "you", "Bo", "K", "you", "nobody", "you", "Bo"]
    assert [(m.author, m.is_me) for m in found if m] == [
        ("me", True), ("Bo", False), ("K", False), ("Bo", False), ("me", True),
        ("Bo", False), ("me", True)]
    assert found[4] is None
    assert all(m.name == "" for m in found if m)


@nasty(19)
def test_one_person_on_five_platforms_is_one_person(tmp_path: Path) -> None:
    directory = with_telegram(write_persona(tmp_path / "ada"), [
        (2, "Where is the box?"), (1, "Ask Bobby, he saw it.")])
    def mail(sender: str, number: int, text: str) -> str:
        return (f"From x@y Sat Mar 06 17:00:00 2021\nFrom: {sender}\nMessage-ID: <{number}>\n"
                f"References: <1>\nDate: Sat, 6 Mar 2021 1{number}:00:00 +0100\n\n{text}\n\n")

    def slack(user: str, number: int, text: str) -> dict[str, object]:
        return {"type": "message", "user": user, "ts": f"161505000{number}.0", "text": text}

    def discord(user: str, number: int, text: str) -> dict[str, object]:
        return {"id": number, "type": "Default", "timestamp": f"2023-05-01T10:00:0{number}Z",
                "content": text, "author": {"id": user, "name": f"x{user}"}}

    write_files(directory, {
        "exports/WhatsApp Chat with Bo.txt":
            "25/12/2020, 22:05 - Bobby: Did it land?\n25/12/2020, 22:06 - Ada: Bo Berg has it.",
        "exports/slack/general/2021-03-06.json": [
            slack("U2", 1, "And the tape?"), slack("U1", 2, "Bo has the tape.")],
        "exports/slack/users.json": [{"id": "U2", "name": "bo.b", "real_name": "Bo Berg"}],
        "exports/chat.json": {
            "guild": {"id": "0"}, "channel": {"id": "5", "type": "DirectTextChat"}, "messages": [
                discord("72", 1, "Is it cold?"), discord("73", 2, "Bobby is cold.")]},
        "exports/a.mbox": mail("Bo Berg <bo@x.org>", 1, "Is it whole?")
            + mail("ada@x.org", 2, "Whole, says Bo Berg of the box.")})
    text = (directory / "persona.toml").read_text()
    (directory / "persona.toml").write_text(text.replace(
        '["user1"]', '["user1", "Ada", "U1", "73", "ada@x.org"]') +
        '[people]\nBo = ["user2", "Bobby", "U2", "72", "bo@x.org"]\n')
    found = {e.source: (e.question, e.text, [who for who, _ in e.context])
             for e in prepare(directory, tmp_path / "out") if e.kind == "dialogue"}
    assert found == {
        "telegram": ("Where is the box?", "Ask Bo, he saw it.", ["Bo"]),
        "whatsapp": ("Did it land?", "Bo has it.", ["Bo"]),
        "slack": ("And the tape?", "Bo has the tape.", ["Bo"]),
        "discord": ("Is it cold?", "Bo is cold.", ["Bo"]),
        "mail": ("Is it whole?", "Whole, says Bo of the box.", ["Bo"])}


@nasty(19)
def test_an_account_that_no_export_has_is_named(tmp_path: Path) -> None:
    notes = Notes(own_accounts={"discord:77"})
    notes.called("discord:me", "ada")
    with stored([said("user1"), said("user2", number=1)], tmp_path) as store:
        identify(store.authors(), notes, ["telegram:user1", "user11", "77", "ada"], ["user8"], {})
    assert [(row.file, row.place, row.reason) for row in notes.bad] == [
        ("persona.toml", "me", "user11: no export has this account"),
        ("persona.toml", "nobody", "user8: no export has this account")]


def test_an_export_with_two_sides_and_no_me_is_refused(tmp_path: Path) -> None:
    with stored([said("user2", name="Bo"), said("user3", number=1)], tmp_path) as store, \
            pytest.raises(TrainingError, match=re.escape(
                'telegram (2 messages) has "user2" (Bo), "user3": the author cannot be'
                ' determined; list your account in persona.toml, like me = ["user2"]; user22 of me'
                ' is not in any export.')):
        identify(store.authors(), Notes(), ["user22"], [], {})
    crowd = [said(f"user{i}", "irc", number=i) for i in range(10)]
    with stored([said("user2"), *crowd], tmp_path) as store, pytest.raises(
            TrainingError, match=r'^irc \(10 messages\) has .*"user7" and 2 more; telegram \(1'):
        identify(store.authors(), Notes(), [], [], {})


def test_a_refusal_guesses_the_account_of_each_export_by_the_name_of_the_author(
    tmp_path: Path
) -> None:
    sides = [said("user2", name="Bo"), said("user2", number=1), said("user3", number=2, name="Ada"),
             said("Ada Test", "whatsapp"), said("Bo", "whatsapp", number=1)]
    with stored(sides, tmp_path) as store, pytest.raises(TrainingError, match=re.escape(
            'like me = ["user3", "Ada Test"].')):
        identify(store.authors(), Notes(), [], [], {}, ["Ada Test", "Machine"])


@pytest.mark.parametrize("me", [[], ["77"]])
def test_an_export_without_me_does_not_refuse_the_others(tmp_path: Path, me: list[str]) -> None:
    notes = Notes()
    with stored([said("me", "discord", is_me=True),
                 Message("discord", "2", "dm", "9", 0, "77", False, "words", "Bo")],
                tmp_path) as store:
        people = identify(store.authors(), notes, me, [], {})
        assert [people.of(m) is not None and people.of(m).is_me for m in store.ordered()] == [
            True, bool(me)]
    assert [warning.split(":")[0] for warning in notes.warnings] == (
        [] if me else ['discord (1 messages) has "77" (Bo)'])
    assert me or notes.warnings[0].endswith('me = ["77"]. Until then nothing of that is learnt.')


@nasty(19)
def test_talks_with_somebody_left_out_are_gone_whole(tmp_path: Path) -> None:
    def said_in(chat: str, kind: ChatKind, author: str, name: str = "") -> Message:
        return Message("telegram", chat, kind, f"{chat}{author}", 0, author, False, chat, name)

    messages = [said_in("secret", "dm", "user1"), said_in("secret", "dm", "user2", "Bo Berg"),
                said_in("open", "dm", "user1"), said_in("open", "dm", "user3"),
                said_in("crowd", "group", "user1"), said_in("crowd", "group", "user2", "Bo Berg")]
    for wanted in ("user2", "telegram:user2", "Bo Berg"):
        with stored(messages, tmp_path) as store:
            assert store.remove(*left_out(store, Notes(), [wanted])) == 3
            assert [(m.text, m.author) for m in store.ordered()] == [
                ("crowd", "user1"), ("open", "user1"), ("open", "user3")]
    with stored(messages, tmp_path) as store, pytest.raises(
            TrainingError, match=r"privacy\.without has 'Bo', but no export has an") as slips:
        left_out(store, Notes(), ["Bo", "user2", "Cy"])
    assert len(slips.value.args) == 2


@nasty(19)
@pytest.mark.parametrize(("source", "kind", "chat", "name"), [
    ("telegram", "dm", "44", "Bo Berg"),  # who sent only voice
    ("slack", "dm", "D77/1600.1", "Ada Mint, bo berg"),  # a thread of a talk
    ("mail", "mail", "<a/b@c>", "Cy, cy@example.org, Bo Berg, bo@example.org"),
    ("whatsapp", "dm", "Bo Berg", ""),
])
def test_a_talk_in_which_somebody_left_out_never_wrote_is_gone_too(
    tmp_path: Path, source: str, kind: ChatKind, chat: str, name: str
) -> None:
    def mine(chat: str, kind: ChatKind, number: int, name: str = "") -> Message:
        return Message(source, chat, kind, str(number), number, "me", True, f"words {number}", "",
                       chat_name=name)

    messages = [mine(chat, kind, 1, name), mine("D77", "dm", 2, "Bo Berg"),
                mine("45", kind, 3, "Bo Bergson"), mine("46", "group", 4, "Bo Berg"),
                mine("<a/b@d>", "mail", 5, "Cy")]
    with stored(messages, tmp_path) as store:
        assert store.remove(*left_out(store, Notes(), ["Bo Berg"])) == 2
        assert sorted(m.text for m in store.ordered()) == ["words 3", "words 4", "words 5"]


@nasty(19)
def test_who_writes_in_a_group_is_left_out_of_a_talk_that_has_only_their_name(
    tmp_path: Path,
) -> None:
    messages = [
        Message("telegram", "7", "group", "1", 1, "user2", False, "in the group", "Bo Berg"),
        Message("telegram", "2", "dm", "2", 2, "user1", False, "to Bo", "Ada", chat_name="Bo Berg")]
    with stored(messages, tmp_path) as store:
        assert store.remove(*left_out(store, Notes(), ["user2"])) == 2


@nasty(19)
def test_a_talk_left_out_leaves_no_name_and_no_word(tmp_path: Path) -> None:
    directory = with_telegram(write_persona(tmp_path / "ada"), [
        (2, "Where is the box?"), (1, "In the tree with the kettle.")])
    write_files(directory, {"exports/note.md": "A word of Bo Berg about the hedge."})
    add_toml(directory, '[privacy]\nwithout = ["user2"]\n')
    found = prepare(directory, tmp_path / "out")
    assert not [e for e in found if e.source == "telegram"]
    assert [e.text for e in found if e.source == "notes"] == ["A word of N about the hedge."]
    summary = json.loads((tmp_path / "out" / "import.json").read_text())
    assert summary["left out"]["skipped"]["talk that persona.toml leaves out"] == 2
    assert "kettle." not in (tmp_path / "out" / "examples.jsonl").read_text()


def test_an_account_the_export_calls_its_own_needs_no_telling(tmp_path: Path) -> None:
    notes = Notes(own_accounts={"telegram:user2"})
    with stored([said("user2"), said("user3", number=1)], tmp_path) as store:
        people = identify(store.authors(), notes, [], [], {})
        assert [people.of(m).is_me for m in store.ordered()] == [True, False]


def test_letters_never_run_out() -> None:
    assert [letter(i) for i in (0, 22, 23, 46)] == ["N", "X", "N2", "N3"]


# --- the store ---


@nasty(22)
def test_messages_come_by_time_and_undated_ones_last(tmp_path: Path) -> None:
    messages = [said("a", number=1, utc_ms=None), said("a", number=2, utc_ms=30),
                said("a", number=3, utc_ms=10), said("a", number=4, utc_ms=30)]
    with stored(messages, tmp_path) as store:
        assert [m.message_id for m in store.ordered()] == ["3", "2", "4", "1"]


def test_the_authors_own_package_knows_whose_a_message_is(tmp_path: Path) -> None:
    with stored([said("me", "discord", is_me=True), said("77", "discord")], tmp_path) as store:
        assert [m.is_me for m in store.ordered()] == [True]


@nasty(26)
def test_a_full_disk_and_a_second_run_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"m\.sqlite: cannot be written \(database or disk is"
                       r" full\); is the disk full, or is another run using this folder\?"), \
            MessageStore(tmp_path / "m.sqlite") as store:
        store._database.execute("PRAGMA max_page_count=3")
        store.add(said("user1", number=i) for i in range(1000))
    with stored([said("user1", number=n) for n in range(500)], tmp_path) as store:
        whole = (tmp_path / "m.sqlite").read_bytes()
    assert len(whole) > 3 * 4096 and not (tmp_path / "m.sqlite").exists()
    for torn in (b"torn when the power went" * 400, whole[:4096] + bytes(4096) * 2, whole):
        (tmp_path / "m.sqlite").write_bytes(torn)
        with stored([said("user1")], tmp_path) as store:
            assert len(list(store.ordered())) == 1
    with MessageStore(tmp_path / "m.sqlite") as store:
        store._database.execute("BEGIN EXCLUSIVE")
        with pytest.raises(TrainingError, match=r"database is locked"):
            MessageStore(tmp_path / "m.sqlite")
