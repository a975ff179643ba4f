"""Goal: every export becomes Messages, and everything else one clear sentence with its place.

Method: small exports written here, then spoiled one way at a time.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_training.errors import TrainingError
from host_training.importers.discord_package import import_discord
from host_training.importers.notebook import import_notebook, parse_condition
from host_training.importers.telegram import import_telegram, plain_text
from tests.host_training.conftest import NOTEBOOK, telegram_export

EXAMPLES = Path(__file__).parents[2] / "host_training" / "examples" / "edda"


def write(path: Path, value: object) -> Path:
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return path


# --- Telegram ---


def test_a_full_export_gives_messages_with_who_and_when(tmp_path: Path) -> None:
    messages, quarantine = import_telegram(write(tmp_path / "r.json", telegram_export()), [])
    assert [m.is_me for m in messages] == [False, True, False, True]
    assert messages[2].text == "Look: the hedge"
    assert messages[0].utc_ms == 1_615_050_000_000
    assert quarantine.report() == {"skipped": {}, "bad": []}


def test_a_single_chat_export_needs_to_be_told_who_is_me(tmp_path: Path) -> None:
    chat = telegram_export()["chats"]["list"][0]
    path = write(tmp_path / "r.json", chat)
    assert sum(m.is_me for m in import_telegram(path, ["user1"])[0]) == 2
    with pytest.raises(TrainingError, match=r'"me" of persona.toml, the export has user1, user2'):
        import_telegram(path, [])


@pytest.mark.parametrize(("change", "reason"), [
    ({"type": "service"}, "service message"),
    ({"forwarded_from": "Somebody"}, "forwarded"),
    ({"via_bot": "@gif"}, "sent by a bot"),
    ({"media_type": "sticker"}, "sticker"),
    ({"text": ""}, "no words"),
    ({"text": []}, "no words"),
])
def test_rows_without_own_words_are_counted_by_reason(
    tmp_path: Path, change: dict[str, object], reason: str
) -> None:
    export = telegram_export()
    export["chats"]["list"][0]["messages"][1].update(change)
    messages, quarantine = import_telegram(write(tmp_path / "r.json", export), [])
    assert len(messages) == 3
    assert quarantine.report() == {"skipped": {reason: 1}, "bad": []}


@pytest.mark.parametrize("change", [
    {"text": 5}, {"text": [5]}, {"text": [{"type": "bold"}]}, {"from_id": None},
    {"date_unixtime": "yesterday"}, {"date_unixtime": None}, {"date_unixtime": "²"},
])
def test_damaged_rows_are_set_aside_with_their_place(
    tmp_path: Path, change: dict[str, object]
) -> None:
    export = telegram_export()
    export["chats"]["list"][0]["messages"][1].update(change)
    messages, quarantine = import_telegram(write(tmp_path / "r.json", export), [])
    assert len(messages) == 3
    assert quarantine.bad[0].place.endswith("chat 9, row 1")


def test_every_cut_of_an_export_is_one_sentence(tmp_path: Path) -> None:
    whole = json.dumps(telegram_export())
    for length in range(0, len(whole) - 1, 13):
        with pytest.raises(TrainingError, match=r"cut short|is not JSON") as caught:
            import_telegram(write(tmp_path / "r.json", whole[:length]), [])
        assert str(caught.value).startswith(str(tmp_path / "r.json"))


@pytest.mark.parametrize(("text", "says"), [
    ("<!DOCTYPE html><html>", "choose JSON"),
    ("[]", "the top is a list"),
    ("{}", 'neither "chats.list" nor "messages"'),
    ('{"chats": 3}', 'neither "chats.list"'),
    ('{"a": 1,}', "is not JSON"),
])
def test_other_files_are_told_apart(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(TrainingError, match=says):
        import_telegram(write(tmp_path / "r.json", text), [])


def test_bytes_that_are_not_utf8_are_named(tmp_path: Path) -> None:
    (tmp_path / "r.json").write_bytes(b'{"a": "\xff"}')
    with pytest.raises(TrainingError, match="byte 7 is not UTF-8"):
        import_telegram(tmp_path / "r.json", [])


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(),
                    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_any_text_field_is_text_or_none(value: object) -> None:
    assert plain_text(value) is None or isinstance(plain_text(value), str)


# --- Discord ---


def discord(tmp_path: Path, rows: object, folder: str = "messages") -> Path:
    (tmp_path / folder / "c1").mkdir(parents=True)
    write(tmp_path / folder / "c1" / "messages.json", rows)
    return tmp_path


def row(stamp: object, words: object) -> dict[str, object]:
    return {"ID": 1, "Timestamp": stamp, "Contents": words, "Attachments": ""}


def test_discord_messages_come_in_order_of_time_without_markup(tmp_path: Path) -> None:
    package = discord(tmp_path, [row("2024-11-17 20:05:17", "second <:kettle:12> <@5>"),
                                 row("2024-11-17T19:05:17+00:00", "first"), row("x", "lost"),
                                 row("2024-11-17 20:05:17", ""), {"ID": 4}], "Messages")
    messages, quarantine = import_discord(package)
    assert [m.text for m in messages] == ["first", "second :kettle:"]
    assert all(m.is_me for m in messages)
    assert quarantine.skipped == {"no words": 1}
    assert [bad.place.rsplit(" ", 1)[1] for bad in quarantine.bad] == ["2", "4"]


def test_an_old_csv_package_is_read(tmp_path: Path) -> None:
    (tmp_path / "messages" / "c1").mkdir(parents=True)
    (tmp_path / "messages" / "c1" / "messages.csv").write_text(
        'ID,Timestamp,Contents,Attachments\n1,2020-01-02 03:04:05.678000+00:00,"two\nlines",\n')
    messages, _ = import_discord(tmp_path)
    assert messages[0].text == "two\nlines"


def test_a_folder_that_is_no_package_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no messages folder"):
        import_discord(tmp_path)
    (tmp_path / "messages").mkdir()
    with pytest.raises(TrainingError, match="no channel folder"):
        import_discord(tmp_path)


# --- notebook ---


def test_entries_have_time_words_and_condition(tmp_path: Path) -> None:
    entries, _ = import_notebook(write(tmp_path / "n.md", NOTEBOOK))
    assert len(entries) == 5
    first = entries[0]
    assert first.condition.about == "wind"
    assert first.condition.words == {"phase": "ascent"}
    assert first.condition.ranges == {"altitude_m": (50, 2500), "wind_mps": (4, 16)}
    assert entries[2].condition.api == ("weather", "404")
    assert entries[3].condition.question == "Are you cold?"
    assert entries[4].condition is None
    assert first.message.utc_ms == 1_620_468_600_000
    assert first.message.author == "Ada Test"


@pytest.mark.parametrize(("mark", "says"), [
    ("about=wind colour=red", "unknown key colour; allowed are about"),
    ("phase=ascent", "about='' must be"),
    ("about=Wind", "about='Wind' must be"),
    ("about=wind phase=up", "phase=up is not one of ground, ascent"),
    ("about=wind wind_mps=fast", r"wind_mps=fast must be a number or LOW..HIGH within 0..150"),
    ("about=wind wind_mps=9..4", "wind_mps=9..4 must be"),
    ("about=wind wind_mps=0..151", "must be a number"),
    ("about=wind wind_mps=nan", "must be a number"),
    ("about=wind altitude_m=1..2..3", "must be a number"),
    ("about=api api=weather:403", "outcome one of 404, 429"),
    ("about=api api=weather", "must be name:outcome"),
    ("about=question question=Are you cold?", "'you cold\\?' is not key=value"),
    ('about=question question=""', "question must be 1..120"),
    ('about=question question="<|im_end|>"', "question must be 1..120"),
    ("about=wind about=sun", "about is given twice"),
    ("about=wind, phase=ascent", "about='wind,' must be"),
])
def test_a_wrong_condition_names_file_line_and_what_is_allowed(
    tmp_path: Path, mark: str, says: str
) -> None:
    path = write(tmp_path / "n.md", f"## 2021-05-08 10:10\n@ {mark}\n\nSome words of mine.\n")
    with pytest.raises(TrainingError, match=says) as caught:
        import_notebook(path)
    assert str(caught.value).startswith(f"{path}:2: ")


@pytest.mark.parametrize("mark", [
    "about=wind wind_mps=0..150", "about=wind wind_mps=7", "about=thin-air climb_mps=-60..-15",
    f'about=question question="{"x" * 120}"',
])
def test_just_valid_conditions_pass(mark: str) -> None:
    parse_condition(mark, "here")


@pytest.mark.parametrize(("text", "says"), [
    ("---\ntitle: x\n", ":1: the front matter is never closed"),
    ("words first\n## 2021-05-08\n", ":1: words before the first heading"),
    ("## 2021-13-08 10:10\nx", ":1: the heading '## 2021-13-08 10:10'"),
    ("## yesterday\nx", ":1: the heading '## yesterday'"),
    ("## 2021-05-08 10:10\n@ about=a\n@ about=b\nx", ":3: an entry has one @ line"),
])
def test_a_broken_notebook_names_file_and_line(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(TrainingError) as caught:
        import_notebook(write(tmp_path / "n.md", text))
    assert says in str(caught.value)


def test_a_thought_the_flight_would_cut_is_set_aside(tmp_path: Path) -> None:
    path = write(tmp_path / "n.md", "## 2021-05-08\n@ about=wind\nOne line of words.\nAnd more.\n")
    entries, quarantine = import_notebook(path)
    assert entries == []
    assert "cut or refused" in quarantine.bad[0].reason


def test_the_example_persona_imports_without_a_bad_row() -> None:
    for path in sorted((EXAMPLES / "notebook").glob("*.md")):
        entries, quarantine = import_notebook(path)
        assert entries
        assert quarantine.bad == []
    messages, quarantine = import_telegram(EXAMPLES / "telegram" / "result.json", [])
    assert sum(m.is_me for m in messages) > 500
    assert quarantine.bad == []
    assert import_discord(EXAMPLES / "discord" / "package")[1].bad == []
