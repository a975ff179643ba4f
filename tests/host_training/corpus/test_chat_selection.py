"""Goal: a maker says which chats of an export are read and how each counts; a slip is told.

Method: one small export with several chats; persona.toml as a maker writes it.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from host_training.common.messages import Message
from host_training.common.persona_dir import read_persona
from host_training.common.settings import is_chat
from host_training.corpus import assemble
from host_training.errors import TrainingError
from tests.host_training.conftest import telegram_export, write_persona
from tests.host_training.corpus.preparing import add_toml, prepare
from tests.host_training.importers.reading import read, write_files, zipped

CHATS = {"Bo Berg": "Bo has the string and I have the box.",
         "Work [2021]": "The meeting about the meeting is on Monday.",
         "Caf\u00e9 Crew": "The kettle of the club is broken again."}
PARTNERS = ("Bo Quill", "Cy Marsden", "Di Fenner")


def with_chats(directory: Path, toml: str) -> Path:
    """Three chats with ids 1, 2 and 3; in each the author says one sentence, somebody a word."""
    export = telegram_export()
    export["chats"]["list"] = [
        {"id": number, "name": name, "type": "private_supergroup", "messages": [
            {"id": i, "type": "message", "date_unixtime": str(1_615_050_000 + 60 * i),
             "text": words, "from": who, "from_id": f"user{account}",
             **({"reply_to_topic_id": 7} if number == 2 else {})}
            for i, (who, account, words) in enumerate([
                (PARTNERS[number - 1], 10 + number, "So?"), ("Ada Test", 1, text)])]}
        for number, (name, text) in enumerate(CHATS.items(), 1)]
    write_files(write_persona(directory), {"telegram/result.json": export})
    add_toml(directory, toml)
    return directory


def source(lines: str) -> str:
    return f'[[source]]\npath = "telegram/*"\n{lines}\n'


def read_chats(tmp_path: Path, toml: str) -> tuple[set[str], list[str]]:
    """Which chats were learnt from, and the warnings."""
    found = prepare(with_chats(tmp_path / "ada", toml), tmp_path / "out")
    texts = {e.text for e in found if e.source == "telegram"}
    summary = json.loads((tmp_path / "out" / assemble.SUMMARY).read_text())
    return {name for name, text in CHATS.items() if text in texts}, summary["warnings"]


@pytest.mark.parametrize(("lines", "chats"), [
    ("", {"Bo Berg", "Work [2021]", "Caf\u00e9 Crew"}),
    ('chats = {exclude = ["work*"]}', {"Bo Berg", "Caf\u00e9 Crew"}),  # capitals do not matter
    ('chats = {exclude = ["Work [2021]"]}', {"Bo Berg", "Caf\u00e9 Crew"}),  # the name itself
    ('chats = {exclude = ["2"]}', {"Bo Berg", "Caf\u00e9 Crew"}),  # an id, of its topics as well
    ('chats = {include = ["Cafe\u0301*", "1"]}', {"Bo Berg", "Caf\u00e9 Crew"}),  # accents
    ('chats = {include = ["*e*"], exclude = ["?o *"]}', {"Caf\u00e9 Crew"}),
])
def test_chats_are_chosen_by_name_or_id(tmp_path: Path, lines: str, chats: set[str]) -> None:
    assert read_chats(tmp_path, source(lines)) == (chats, [])


def test_a_chat_that_is_left_out_is_counted_and_its_people_stay_letters(tmp_path: Path) -> None:
    directory = with_chats(tmp_path / "ada", source('chats = {exclude = ["Bo Berg"]}'))
    path = directory / "telegram" / "result.json"
    path.write_text(path.read_text().replace("of the club", "of Quill"))
    found = prepare(directory, tmp_path / "out")
    said = [e.text for e in found if "kettle" in e.text and e.source == "telegram"]
    assert len(said) == 1 and "Quill" not in said[0]
    summary = json.loads((tmp_path / "out" / assemble.SUMMARY).read_text())
    assert summary["left out"]["skipped"]["chat that persona.toml leaves out"] == 2
    counted = json.loads((tmp_path / "out" / assemble.CHATS).read_text())
    assert [(c["id"], c["name"], c["messages"], c["left out"]) for c in counted
            if c["source"] == "telegram"] == [
        ("1", "Bo Berg", 2, 2), ("2", "Work [2021]", 2, 0), ("3", "Caf\u00e9 Crew", 2, 0)]


def test_a_pattern_that_fits_no_chat_is_a_warning_with_the_names_there_are(tmp_path: Path) -> None:
    chats, warnings = read_chats(tmp_path, source(
        'chats = {exclude = ["Wrok*", "3"]}\n[[source.chat]]\nname = "Bob*"\ntier = 2'
    ) + '[[source]]\npath = "signal/*"\n')
    assert chats == {"Bo Berg", "Work [2021]"}
    there_are = '"Bo Berg" (1), "Work [2021]" (2), "Caf\u00e9 Crew" (3).'
    assert warnings == [
        "persona.toml: source.0.chats.exclude.0: 'Wrok*' matches no chat of telegram/*, which has "
        + there_are,
        "persona.toml: source.0.chat.0.name: 'Bob*' matches no chat of telegram/*, which has "
        + there_are,
        "persona.toml: source.1.path: 'signal/*' matches no file, or only files of an earlier "
        "[[source]]."]


def test_where_there_is_nothing_to_choose_from_nothing_is_missed(tmp_path: Path) -> None:
    directory = write_persona(tmp_path / "ada")
    write_files(directory, {"signal/x.bin": b"\x7fELF\x00\x01"})
    add_toml(directory, '[[source]]\npath = "signal/*"\nchats = {include = ["*"]}\n')
    prepare(directory, tmp_path / "out")
    assert not json.loads((tmp_path / "out" / assemble.SUMMARY).read_text())["warnings"]


def test_the_warnings_are_shown_by_scan(tmp_path: Path) -> None:
    pytest.importorskip("typer")
    from typer.testing import CliRunner

    from host_training import __main__ as cli

    directory = with_chats(tmp_path / "ada", source('chats = {exclude = ["Wrok*", "3"]}'))
    shown = CliRunner().invoke(cli.app, ["scan", str(directory), "--out", str(tmp_path / "out")])
    text = " ".join(shown.output.split())
    assert "chats messages left out name id in 2 0 Bo Berg 1 telegram 2 0 Work [2021] 2" in text
    assert "2 2 Caf\u00e9 Crew 3 telegram" in text
    assert "warnings persona.toml: source.0.chats.exclude.0: 'Wrok*' matches no chat" in text


def test_a_warning_of_a_run_stays_on_the_screen() -> None:
    pytest.importorskip("typer")
    from rich.console import Console
    from rich.progress import Progress

    from host_training.cli.progress import Bars
    from host_training.errors import WARNING

    screen = Console(record=True, force_terminal=True, width=200)
    with Progress(console=screen) as progress:
        bars = Bars(progress)
        for stage, line in (("writing", "x"), (WARNING, "first [bold]"), (WARNING, "second")):
            bars(stage, 0.5, line)
        assert len(progress.tasks) == 1
    shown = screen.export_text()
    assert "warning: first [bold]\n" in shown and "warning: second\n" in shown


def test_a_chat_has_a_tier_and_a_layer_of_its_own(tmp_path: Path) -> None:
    directory = with_chats(tmp_path / "ada", source(
        'tier = 3\nlayer = "thinking"\n'
        '[[source.chat]]\nname = "Bo*"\ntier = 1\n'
        '[[source.chat]]\nname = "2"\nlayer = "said"\n'
        '[[source.chat]]\nname = "*"\ntier = 2\n'))
    found = {e.text: (e.tier, e.layer) for e in prepare(directory, tmp_path / "out")}
    assert [found[text] for text in CHATS.values()] == [
        (1, "thinking"), (3, "said"), (2, "thinking")]


@pytest.mark.parametrize(("lines", "sentence"), [
    ('chats = ["Bo"]', r"source\.0\.chats: must be a table, like { key = value }\."),
    ("chats = {include = []}", r"source\.0\.chats\.include: must not be empty\."),
    ('chats = {exclude = [""]}', r"source\.0\.chats\.exclude\.0: must not be empty\."),
    ('chats = {without = ["Bo"]}',
     r"source\.0\.chats\.without: unknown key; allowed are include, exclude\."),
    ('[[source.chat]]\nname = "Bo"\ntier = 5', r"source\.0\.chat\.0\.tier: Input should be less"),
    ('chats = {include = "Bo"}', r"source\.0\.chats\.include: must be a list, like \[a, b\]\."),
    ('[[source.chat]]\nname = "Bo"\nignore = true',
     r"source\.0\.chat\.0\.ignore: unknown key; allowed are name, tier, layer, weight\."),
    ("[[source.chat]]\ntier = 2", r"source\.0\.chat\.0\.name: is missing\."),
    ('ignore = true\nchats = {exclude = ["Bo"]}',
     r"source\.0: ignore excludes the whole file, so chats must not be set\."),
])
def test_what_is_said_of_chats_is_checked(tmp_path: Path, lines: str, sentence: str) -> None:
    directory = write_persona(tmp_path / "ada")
    add_toml(directory, source(lines))
    with pytest.raises(TrainingError, match=rf"persona\.toml: {sentence}"):
        read_persona(directory)


def test_a_pattern_is_of_the_whole_name() -> None:
    assert is_chat("Bo", "bo", "9") and not is_chat("Bo", "Bo Berg", "9")
    assert is_chat("9", "", "9/55") and is_chat("9/55", "", "9/55") and not is_chat("9", "", "99/5")
    assert is_chat("*", "", "9") and not is_chat("?", "", "99")


def test_exports_name_their_chats(tmp_path: Path) -> None:
    def names(folder: str, files: dict[str, object]) -> list[tuple[str, str]]:
        found: list[Message] = read(tmp_path / folder, files)[0]
        return [(m.chat_id, m.chat_name) for m in found]

    day = [{"type": "message", "user": "U1", "text": "hi", "ts": "1615050000.0"}]
    users = [{"id": "U1", "name": "ada"}, {"id": "U2", "name": "bo"}]
    assert names("slack", {"x.zip": zipped({
        "general/2021-03-06.json": day, "D77/2021-03-06.json": day, "users.json": users,
        "dms.json": [{"id": "D77", "members": ["U1", "U2", 3]}]})}) == [
        ("D77", "ada, bo"), ("general", "general")]
    row = {"ID": 5, "Timestamp": "2024-11-17 20:05:17", "Contents": "Nothing flew today."}
    assert names("package", {
        "messages/c12/messages.json": [row], "messages/c3/messages.json": [row],
        "messages/index.json": {"12": "balloons in Sky", "3": None}}) == [
        ("12", "balloons in Sky"), ("3", "")]
    assert names("exporter", {"a.json": {
        "guild": {"id": "0"}, "channel": {"id": "8", "type": "DirectTextChat", "name": "Bo"},
        "messages": [{"id": "1", "type": "Default", "timestamp": "2021-03-06T18:00:00+00:00",
                      "content": "hi", "author": {"id": "1", "name": "ada"}}]}}) == [("8", "Bo")]
    export = telegram_export()
    chat = export["chats"]["list"][0]
    export["chats"]["list"] = [{"name": "Bo"} | chat, {"name": None} | chat,
                               {"type": "saved_messages"} | chat | {"type": "saved_messages"}]
    found = names("telegram", {"result.json": export})
    assert list(dict.fromkeys(name for _, name in found)) == ["Bo", "", "Saved Messages"]
