"""Goal: what a hostile reader of the importers broke once stays whole.

Method: one test per bug, with the smallest input that showed it.
"""

from __future__ import annotations

import json
import os
import zoneinfo
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from host_training import persona_dir, writing
from host_training.importers import registry, vault
from host_training.importers.times import from_iso
from host_training.importers.tree import File
from host_training.messages import Message, Notes
from tests.host_training.conftest import write_persona
from tests.host_training.importers.reading import Content, read, reasons, write_files
from tests.host_training.nasty_inputs import nasty
from tests.host_training.preparing import prepare

WORDS = "The hedge and I have an understanding."
STAMP = "1615050000.1"


# --- tracebacks ---


@nasty(15)
@pytest.mark.parametrize("place", [b"", b"/telegram"])
def test_a_file_name_that_is_no_utf8_costs_nothing_anywhere(tmp_path: Path, place: bytes) -> None:
    """UnicodeEncodeError, from the hash of the directory and from the quarantine."""
    directory = write_persona(tmp_path / "ada")
    before = persona_dir.directory_hash(directory)
    Path(os.fsdecode(os.fsencode(directory) + place + b"/caf\xe9.bin")).write_text("\0")
    assert persona_dir.directory_hash(directory) != before
    assert len(prepare(directory, tmp_path / "out")) == 8
    [row] = map(json.loads, (tmp_path / "out" / "quarantine.jsonl").open(encoding="utf-8"))
    assert row["file"].endswith("caf?.bin")


@nasty(15)
def test_half_a_character_in_the_id_or_the_name_of_a_chat_can_be_shown(tmp_path: Path) -> None:
    """UnicodeEncodeError, from import.json and from chats.json."""
    row = {"id": 1, "type": "message", "date_unixtime": "1615050000", "text": WORDS,
           "from": "Bo \ud83d", "from_id": "user1"}
    directory = write_files(write_persona(tmp_path / "ada"), {"telegram/result.json": json.dumps({
        "about": "x", "contacts": {"list": [{"user_id": 3, "first_name": "\udfff Carl"}]},
        "chats": {"list": [{"id": "\ud83d", "name": "Club \ud83d", "type": "personal_chat",
                            "messages": [row, 5]}]}})})
    assert WORDS in [e.text for e in prepare(directory, tmp_path / "out")]
    [chat] = [chat for chat in json.loads((tmp_path / "out" / writing.CHATS).read_text())
              if chat["source"] == "telegram"]
    assert (chat["id"], chat["name"]) == ("?", "Club ?")
    [bad] = map(json.loads, (tmp_path / "out" / "quarantine.jsonl").open())
    assert bad["place"] == "chat ?, row 1"


@nasty(22)
def test_no_moment_is_later_than_the_year_9999(tmp_path: Path) -> None:
    """ValueError: year 10000 is out of range, where dates are shown in UTC."""
    assert from_iso("9999-12-31T23:59:59-05:00") is None
    assert from_iso("9999-12-31T23:59:59", zoneinfo.ZoneInfo("America/New_York")) is None
    assert from_iso("9999-12-31T23:59:59+00:00") == 253_402_300_799_000
    directory = write_files(write_persona(tmp_path / "ada"), {
        "v/a.md": "---\ndate: 9999-12-31T23:59:59-05:00\n---\nWritten in New York.",
        "v/b.md": "---\ndate: 9999-12-31T23:59:59Z\n---\nWritten on a hill."})
    dates = [e.utc_ms for e in prepare(directory, tmp_path / "out") if e.source == "notes"]
    assert dates == [None, 253_402_300_799_000]


@nasty(1, 8)
@pytest.mark.parametrize(("files", "n_read", "says"), [
    ({"signal/Bo/data.json": '{"date": "2021-03-06T18:00:00", "sender": [], "body": "x",'
                             ' "reactions": []}\n'
                             '{"date": "2021-03-06T18:00:00", "sender": "Me", "body": "x",'
                             ' "reactions": []}\n'}, 1, ['"sender" or "body" is missing']),
    ({"general/2021-03-06.json": [{"type": "message", "user": "U1", "text": "x", "ts": STAMP}],
      "dms.json": [{"id": []}, {"id": "general"}]}, 1, []),
    ({"result.json": '{"about": "x", "*": 1}'}, 0, []),
    ({"result.json": '{"about": "x", "messages": {"*": 1}}'}, 0, ["the row is not an object"]),
])
def test_ids_of_the_wrong_kind_are_borne(
    tmp_path: Path, files: dict[str, Content], n_read: int, says: list[str]
) -> None:
    """TypeError from Signal and Slack, IndexError from Telegram."""
    messages, notes = read(tmp_path, files)
    assert len(messages) == n_read
    assert [bad.reason for bad in notes.bad] == says


def test_what_an_importer_trips_over_costs_only_its_export(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumbling(files: Sequence[File], notes: Notes) -> Iterator[Message]:
        if files[0].name == "a.md":
            raise KeyError("nobody thought of this")
        yield from read_notes(files, notes)

    read_notes = vault.read
    monkeypatch.setattr(vault, "read", stumbling)
    assert registry.FILES[-1] is vault
    messages, notes = read(tmp_path, {"a.md": "words", "b.md": WORDS})
    assert [m.text for m in messages] == [WORDS]
    assert reasons(notes) == ["a.md : reading stopped: KeyError, 'nobody thought of this'"]
