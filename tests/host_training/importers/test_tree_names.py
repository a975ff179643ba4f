"""Goal: every file of an export has a name of its own, and every folder, whatever is cleaned of it.

Method: names that are equal once what cannot be shown is gone, in folders, zips and tars.
"""

from __future__ import annotations

import os
from pathlib import Path

from tests.host_training.importers.reading import read, write_files, zipped
from tests.host_training.importers.test_tree import names, tarred
from tests.host_training.nasty_inputs import nasty


@nasty(26)
def test_members_whose_names_are_equal_after_cleaning_are_all_read(tmp_path: Path) -> None:
    """A bug: the last of them took the place of the others, which were lost without a word."""
    words = {"C:/note.md": "One.", "a/../b.md": "Two.", "a/b (2).md": "Three.", "a/b.md": "Four.",
             "a/./b.md": "Five.", "note.md": "Six."}
    write_files(tmp_path, {"a.zip": zipped(words), "b.tar": tarred({
        name: text.encode() for name, text in words.items()})})
    messages, notes = read(tmp_path)
    assert {m.chat_id: m.text for m in messages if m.chat_id.startswith("a.zip/")} == {
        "a.zip/note.md": "One.", "a.zip/note (2).md": "Six.", "a.zip/a/b.md": "Two.",
        "a.zip/a/b (2).md": "Five.", "a.zip/a/b (2) (2).md": "Three.", "a.zip/a/b (3).md": "Four."}
    assert len({m.chat_id for m in messages}) == len(messages) == 12 and not notes.bad


@nasty(15, 26)
def test_files_whose_names_are_no_utf8_are_all_read(tmp_path: Path) -> None:
    """A bug: ä and ö became one question mark, and one of the two files was lost without a word."""
    for name in (b"M\xe4r.v1.txt", b"M\xf6r.v1.txt", b".\xe4", b".\xf6"):
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_text(str(name))
    found, _ = names(tmp_path)
    assert [name.partition("=")[0] for name in found] == [
        ".?", ".? (2)", "M?r.v1.txt", "M?r.v1 (2).txt"]
    assert len(read(tmp_path)[0]) == 2


@nasty(15, 26)
def test_folders_whose_names_are_equal_after_cleaning_are_two_exports(tmp_path: Path) -> None:
    """A bug: the people and channels of two workspaces became one, and half of them were lost."""
    for name, who, words in ((b"B\xfcro", "ada", "One."), (b"B\xf6ro", "bo", "Two.")):
        day = [{"type": "message", "user": "U1", "text": words, "ts": "1615050000.000200"}]
        write_files(Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)), {
            "users.json": [{"id": "U1", "name": who}], "general/2021-03-06.json": day})
    messages, notes = read(tmp_path)
    assert sorted((m.name, m.text) for m in messages) == [("ada", "One."), ("bo", "Two.")]
    assert not notes.bad
    found, _ = names(tmp_path)
    assert [name.partition("=")[0] for name in found] == [
        "B?ro/users.json", "B?ro/general/2021-03-06.json",
        "B?ro (2)/users.json", "B?ro (2)/general/2021-03-06.json"]


@nasty(26)
def test_folders_of_a_zip_that_climb_are_not_those_that_do_not(tmp_path: Path) -> None:
    words = {"C:/chat/a.md": "One.", "chat/b.md": "Two.", "D:/chat/a.md": "Three."}
    found, _ = names(write_files(tmp_path, {"x.zip": zipped(words)}))
    assert found == ["x.zip/chat/a.md=One.", "x.zip/chat (2)/a.md=Three.",
                     "x.zip/chat (3)/b.md=Two."]


@nasty(4)
def test_a_path_of_folders_without_end_is_read(tmp_path: Path) -> None:
    deep = {f"{'a/' * 30_000}{number}.md": "Deep." for number in range(3)}
    found, notes = names(write_files(tmp_path, {"x.zip": zipped(deep)}))
    assert len(found) == 3 and not notes.bad
