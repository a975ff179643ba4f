"""Goal: a Telegram export, whole or hurt, gives every message it holds and a reason for the rest.

Method: small exports written here, then spoiled one way at a time.
"""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_training.common.messages import Notes
from host_training.importers import json_stream, telegram
from host_training.importers.tree import memory_file
from tests.host_training.conftest import telegram_export
from tests.host_training.importers.reading import read, reasons
from tests.host_training.nasty_inputs import nasty

EXAMPLES = Path(__file__).parents[3] / "host_training" / "examples" / "edda"


def changed(change: dict[str, object]) -> dict[str, object]:
    export = telegram_export()
    export["chats"]["list"][0]["messages"][1].update(change)
    return export


@nasty(1)
def test_a_full_export_says_who_wrote_what_and_when(tmp_path: Path) -> None:
    messages, notes = read(tmp_path, {"result.json": telegram_export()})
    assert [m.author for m in messages] == ["user2", "user1"] * 2
    assert messages[2].text == "Look: the hedge"
    assert messages[0].utc_ms == 1_615_050_000_000
    assert messages[0].chat_id == "9" and messages[0].chat_kind == "dm"
    assert notes.own_accounts == {"telegram:user1"}
    assert notes.report() == {"skipped": {}, "bad": 0, "first bad": []}


@nasty(1)
def test_a_single_chat_export_is_the_same_without_me(tmp_path: Path) -> None:
    chat = {"name": "Bo", **telegram_export()["chats"]["list"][0]}
    messages, notes = read(tmp_path, {"ChatExport/result.json": chat})
    assert len(messages) == 4 and messages[0].chat_id == "9"
    assert notes.own_accounts == set()


@nasty(1)
@pytest.mark.parametrize("no_id", [{}, {"id": None}, {"id": {}}])
def test_chats_without_an_id_stay_apart(tmp_path: Path, no_id: dict[str, object]) -> None:
    chat = telegram_export()["chats"]["list"][0]
    del chat["id"]
    full = {**telegram_export(), "chats": {"list": [{**no_id, **chat}, {**no_id, **chat}]}}
    messages, _ = read(tmp_path, {"a/result.json": full, "b/result.json": full})
    assert len({message.room for message in messages}) == 4


@nasty(1)
@pytest.mark.parametrize(("change", "reason"), [
    ({"type": "service"}, "service message"),
    ({"forwarded_from": "Somebody"}, "forwarded"),
    ({"via_bot": "@gif"}, "sent by a bot"),
    ({"media_type": "sticker"}, "sticker"),
    ({"poll": {"question": "?"}}, "poll"),
    ({"text": ""}, "no words"),
    ({"text": []}, "no words"),
    ({"text": "", "media_type": "video_message"}, "no words"),
    ({"text": "", "giveaway_information": {}}, "no words"),
])
def test_rows_without_own_words_are_counted_by_reason(
    tmp_path: Path, change: dict[str, object], reason: str
) -> None:
    messages, notes = read(tmp_path, {"result.json": changed(change)})
    assert len(messages) == 3
    assert notes.skipped == {reason: 1} and not notes.bad


@nasty(1)
@pytest.mark.parametrize("change", [
    {"text": 5}, {"text": [5]}, {"text": [{"type": "bold"}]}, {"from_id": None},
    {"date_unixtime": "yesterday"}, {"date_unixtime": None}, {"date_unixtime": "²"},
    {"date_unixtime": "1e99"}, {"date_unixtime": "nan"}, {"date_unixtime": True},
])
def test_damaged_rows_are_set_aside_with_their_place(
    tmp_path: Path, change: dict[str, object]
) -> None:
    messages, notes = read(tmp_path, {"result.json": changed(change)})
    assert len(messages) == 3
    assert notes.bad[0].file == "result.json" and notes.bad[0].place == "chat 9, row 1"


@nasty(1)
@pytest.mark.parametrize("change", [
    {"from": None}, {"from_id": "channel77"}, {"from_id": "chat5"}, {"from": ""},
    {"media_type": "story", "text": "look"}, {"edited_unixtime": "1615050999"},
    {"text_entities": None},
])
def test_odd_rows_with_words_are_kept(tmp_path: Path, change: dict[str, object]) -> None:
    assert len(read(tmp_path, {"result.json": changed(change)})[0]) == 4


@nasty(1, 22)
def test_an_export_of_an_old_program_has_bare_ids_and_local_times(tmp_path: Path) -> None:
    export = telegram_export()
    for row in export["chats"]["list"][0]["messages"]:
        row["from_id"] = int(row["from_id"].removeprefix("user"))
        del row["date_unixtime"]
    export["chats"]["list"][0]["messages"][3]["date"] = "soon"
    messages, notes = read(tmp_path, {"result.json": export})
    assert [(m.author, m.utc_ms) for m in messages] == [
        ("user2", 1_615_053_600_000), ("user1", 1_615_053_600_000), ("user2", 1_615_053_600_000)]
    assert reasons(notes) == ["result.json chat 9, row 3: \"date\" is 'soon', which is not a time"]


@nasty(1)
def test_topics_of_a_forum_are_chats_of_their_own(tmp_path: Path) -> None:
    messages, _ = read(tmp_path, {"result.json": changed({"reply_to_topic_id": 7})})
    assert {m.chat_id for m in messages} == {"9", "9/7"}


@nasty(2)
def test_html_in_place_of_json_is_answered_with_the_way_out(tmp_path: Path) -> None:
    page = "<!DOCTYPE html><html><head><title>Exported Data</title></head></html>"
    messages, notes = read(tmp_path, {"ChatExport/messages.html": page})
    assert messages == []
    assert "Telegram's HTML export; export again and choose JSON" in reasons(notes)[0]


@nasty(3)
def test_every_cut_of_an_export_saves_the_whole_messages(tmp_path: Path) -> None:
    whole = json.dumps(telegram_export(), indent=1)
    ends = [whole.index(text) for text in ("Did the", "It came", "Look: ", "The hedge and")]
    for length in range(60, len(whole) - 1, 7):
        notes = Notes()
        found = list(telegram.read([memory_file("r.json", whole[:length].encode())], notes))
        n_begun = sum(end < length for end in ends)
        assert n_begun - 1 <= len(found) <= n_begun, length
        assert "truncated" in notes.bad[-1].reason, length


@nasty(4)
def test_memory_does_not_grow_with_the_export() -> None:
    row = json.dumps({"id": 1, "type": "message", "from_id": "user1", "text": "words " * 90,
                      "date_unixtime": "1615050000"}) + ",\n"
    head = b'{"name": "x", "type": "personal_chat", "id": 9, "messages": [\n'
    data = head + row.encode() * 10_000 + b"]}"
    file = memory_file("result.json", data)
    tracemalloc.start()
    n_messages = sum(1 for _ in telegram.read([file], Notes()))
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert n_messages == 10_000
    assert peak_bytes < 3_000_000 < len(data) / 2


def test_what_is_set_as_a_quotation_is_somebody_elses() -> None:
    quote = {"type": "blockquote", "text": "The hedge is dead."}
    assert telegram.plain_text([quote, "No, it sleeps."]) == "\nNo, it sleeps."
    assert telegram.plain_text([quote]) == "\n"


@given(st.recursive(
    st.none() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8))
def test_any_text_field_is_text_or_none(value: object) -> None:
    assert telegram.plain_text(value) is None or isinstance(telegram.plain_text(value), str)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12)


def leaves(value: object, depth: int) -> list[object]:
    """What is found when containers are entered down to ``depth``."""
    if depth == 0 or not isinstance(value, list | dict):
        return [value]
    inner = value if isinstance(value, list) else value.values()
    return [leaf for one in inner for leaf in leaves(one, depth - 1)]


@given(JSON.map(lambda value: [value]), st.booleans(), st.integers(1, 40))
def test_the_walk_reads_what_json_reads_in_blocks_of_any_size(
    value: list[object], is_indented: bool, block: int
) -> None:
    text = json.dumps(value, indent=1 if is_indented else None, ensure_ascii=False)
    file = memory_file("x", text.encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_stream, "BLOCK_BYTES", block)
        found = list(json_stream.walk(file, frozenset({(), ("*",)})))
    marks = (json_stream.START, json_stream.END)
    assert [leaf for _, leaf in found if leaf not in marks] == leaves(value, 2)


@pytest.mark.parametrize("text", ['{"a" 1}', '{"a": tru', '["\\x"]', "{", "", "{]",
                                  '{"a": ' + "[" * 99_999, "[" + "9" * 9999 + "]"])
def test_what_is_not_json_is_damaged_at_a_place(text: str) -> None:
    with pytest.raises(json_stream.Damaged):
        list(json_stream.walk(memory_file("x", text.encode()), frozenset({()})))


def test_bytes_that_are_not_utf8_cost_only_themselves(tmp_path: Path) -> None:
    data = json.dumps(telegram_export()).encode().replace(b"in one piece", b"in one\xff piece")
    assert read(tmp_path, {"result.json": data})[0][0].text == "Did the box come down in one piece?"


def test_the_example_persona_imports_without_a_bad_row() -> None:
    messages, notes = read(EXAMPLES / "telegram")
    assert sum(m.author == "user5550111222" for m in messages) > 500
    assert notes.bad == []
    messages, notes = read(EXAMPLES / "discord")
    assert messages and notes.bad == []
