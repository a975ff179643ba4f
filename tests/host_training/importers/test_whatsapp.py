"""Goal: a chat exported from any phone in any language is read with the right days and people.

Method: a few lines of each way of writing, and the same chat written in several of them.
"""

from __future__ import annotations

import re
import zoneinfo
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_training.common.messages import Message, Notes
from host_training.importers import registry, whatsapp
from host_training.importers.tree import memory_file
from tests.host_training.importers.reading import read, zipped
from tests.host_training.nasty_inputs import nasty

LRM, NNBSP, NBSP = "\u200e", "\u202f", "\u00a0"


def chat(*lines: str, name: str = "WhatsApp Chat with Bo.txt", zone: str = "UTC"
         ) -> tuple[list[Message], Notes]:
    notes = Notes(zone=zoneinfo.ZoneInfo(zone))
    file = memory_file(name, "\n".join(lines).encode())
    exports = registry.recognise([file], notes)
    return list(registry.read_all(exports, notes)), notes


def when(message: Message) -> str:
    moment = datetime.fromtimestamp((message.utc_ms or 0) / 1000, UTC)
    return f"{moment:%Y-%m-%d %H:%M:%S}"


@nasty(7)
@pytest.mark.parametrize("header", [
    "[25/12/2020, 22:05:11] ", "25/12/2020, 22:05:11 - ", "[25.12.20, 22:05:11] ",
    "25.12.20, 22:05:11 - ", "2020-12-25, 22:05:11 - ", "[2020/12/25 下午10:05:11] ",
    "2020/12/25 下午10:05:11 - ", "[12/25/20, 10:05:11 PM] ", "12/25/20, 10:05:11 pm - ",
    f"[12/25/20, 10:05:11{NNBSP}PM] ", f"25/12/20, 10:05:11{NBSP}p.{NBSP}m. - ",
    "25/12/20 10:05:11 p. m. - ", f"{LRM}[25/12/20, 22:05:11] ", "25. 12. 2020 22:05:11 - ",
    "25-12-2020 22:05:11 - ", "[2020. 12. 25. 오후 10:05:11] ", "[2020/12/25 22:05:11] ",
    "25.12.2020 klo 22.05.11 - ", "٢٥/١٢/٢٠٢٠، ٢٢:٠٥:١١ - ", "۲۵/۱۲/۲۰۲۰, ۲۲:۰۵:۱۱ - ",
    "\u200f٢٥\u200f/١٢\u200f/٢٠٢٠، ١٠:٠٥:١١ م - ", "25/12/20 à 22:05:11 - ",
    "[25/12/2563 22:05:11] ", "25/12/2020, 10:05:11 μ.μ. - ", "25. 12. 2020. 22:05:11 ",
    "25.12.20 22.05.11: ", "25-12-2020, 10.05.11 PM - ",
])
def test_every_way_of_writing_a_time(header: str) -> None:
    messages, notes = chat(f"{header}Bo: hello", f"{header}Ada: hi")
    assert [(m.author, m.text, when(m)) for m in messages] == [
        ("Bo", "hello", "2020-12-25 22:05:11"), ("Ada", "hi", "2020-12-25 22:05:11")]
    assert not notes.bad


@nasty(7)
@pytest.mark.parametrize(("written", "hour"), [
    ("12:05 AM", 0), ("12:05 PM", 12), ("1:05 am", 1), ("下午12:05", 12), ("上午12:05", 0),
    ("24:05", 0),
])
def test_midnight_and_noon(written: str, hour: int) -> None:
    assert when(chat(f"12/25/20, {written} - Bo: hello")[0][0])[11:13] == f"{hour:02}"


@nasty(7)
def test_the_order_of_the_date_shows_late() -> None:
    months = [(month, day) for month in range(1, 13) for day in range(1, 13)]  # both orders exist
    american = [f"{month:02}/{day:02}/20, 10:00 - Bo: x" for month, day in months]
    days = [when(m)[:10] for m in chat(*american, "12/25/20, 10:00 - Bo: last")[0]]
    assert len(days) == 145 and days[1] == "2020-01-02" and days[-1] == "2020-12-25"
    european = [f"{day:02}/{month:02}/20, 10:00 - Bo: x" for month, day in months]
    assert [when(m)[:10] for m in chat(*european, "25/12/20, 10:00 - Bo: last")[0]] == days
    chinese = [f"20/12/{day} 10:00 - Bo: x" for day in (24, 25, 26)]
    assert [when(m)[:10] for m in chat(*chinese)[0]][1] == "2020-12-25"


@nasty(7)
def test_where_every_day_is_a_month_too_time_must_not_run_backwards() -> None:
    lines = [f"{day}/{month}/21, 10:00 - Bo: x" for month in (1, 2, 3) for day in (2, 5, 11)]
    assert [when(m)[5:10] for m in chat(*lines)[0]][:4] == ["01-02", "01-05", "01-11", "02-02"]
    lines = [f"{month}/{day}/21, 10:00 - Bo: x" for month in (1, 2, 3) for day in (2, 5, 11)]
    assert [when(m)[5:10] for m in chat(*lines)[0]][:4] == ["01-02", "01-05", "01-11", "02-02"]


@nasty(7)
def test_a_phone_whose_language_changed_in_the_middle() -> None:
    messages, notes = chat(
        "[12/24/20, 10:05:11 PM] Bo: american", "[12/25/20, 10:05:11 PM] Bo: still",
        "[26.12.20, 22:05:11] Bo: deutsch", "[27.12.20, 22:05:11] Bo: weiter")
    assert [when(m)[:10] for m in messages] == [f"2020-12-{day}" for day in (24, 25, 26, 27)]
    assert not notes.bad


@nasty(7)
def test_messages_of_many_lines_and_bodies_that_look_like_headers() -> None:
    messages, _ = chat(
        "25/12/2020, 22:05 - Bo: first", "", "second line: with colon", "25/12 was nice",
        "25/12/2020, 22:06 - Ada: he sent me this:",
        "01/02/2019, 08:00 - Carl: old words", "01/02/2019, 08:01 - Carl: more old words",
        "25/12/2020, 22:07 - Bo: strange")
    assert [(m.author, m.text) for m in messages] == [
        ("Bo", "first\n\nsecond line: with colon\n25/12 was nice"),
        ("Ada", "he sent me this:\n01/02/2019, 08:00 - Carl: old words\n01/02/2019, 08:01 - Carl:"
                " more old words"),
        ("Bo", "strange")]


@nasty(22)
def test_a_phone_whose_clock_was_set_right_is_believed() -> None:
    lines = ["25/12/2030, 10:00 - Bo: from the future",
             *(f"25/12/2020, 10:{minute:02}:{second:02} - Bo: x"
               for minute in range(10) for second in range(0, 60, 6))]
    assert len(chat(*lines)[0]) == 101


@nasty(7)
@pytest.mark.parametrize(("line", "reason"), [
    ("Messages and calls are end-to-end encrypted. Tap to learn more.", "service message"),
    ("Bo added Ada", "service message"),
    ('Bo changed the subject from "a: b" to "c"', "service message"),
    (f"Our group: {LRM}Messages and calls are end-to-end encrypted.", "service message"),
    (f"Bo: {LRM}image omitted", "service message or media left out"),
    ("Bo: <Media omitted>", "service message or media left out"),
    ("Bo: <Medien ausgeschlossen>", "service message or media left out"),
    ("Bo: <Multimedia omitido>", "service message or media left out"),
    ("Bo: <Файл пропущен>", "service message or media left out"),
    ("Bo: <メディアは含まれていません>", "service message or media left out"),
    ("Bo: IMG-20201225-WA0001.jpg (file attached)", "service message or media left out"),
    ("Bo: IMG-20201225-WA0001.jpg (Datei angehängt)", "service message or media left out"),
    (f"Bo: {LRM}<attached: 00000012-PHOTO-2020-12-25.jpg>", "service message or media left out"),
    ("Bo: This message was deleted", "deleted message"),
    ("Bo: Diese Nachricht wurde gelöscht.", "deleted message"),
    ("Bo: Eliminaste este mensaje.", "deleted message"),
    ("Bo: 此消息已删除", "deleted message"),
    ("Bo: null", "no words"),
])
def test_what_nobody_wrote_is_counted(line: str, reason: str) -> None:
    messages, notes = chat("25/12/2020, 22:05 - Bo: hello", f"25/12/2020, 22:05 - {line}",
                           "25/12/2020, 22:06 - Bo: there")
    assert [m.text for m in messages] == ["hello", "there"]
    assert notes.skipped == {reason: 1} and not notes.bad


OMITTED = """
<Media omitted> <Medien ausgeschlossen> <Média omis> <Archivo omitido> <Multimedia omitido>
<Mídia oculta> <Media omessi> <Media weggelaten> <Media utelämnat> <Medier udeladt>
<Mediefil utelatt> <Mediatiedosto jätettiin pois> <pominięto multimedia> <Média vynechány>
<Médiá vynechané> <Hiányzó médiafájl> <Media omise> <Медиа пропущены> <Пропущено медіафайл>
<Мултимедията е пропусната> <Παραλείφθηκαν πολυμέσα> <Medya dahil edilmedi>
<تم استبعاد الوسائط> <رسانه حذف شد> <המדיה לא נכללה> <मीडिया के बिना> <สื่อถูกละไว้>
<Bỏ qua tệp đa phương tiện> <Media tidak disertakan> <省略多媒体文件> <省略多媒體檔案>
<メディアは含まれていません> <미디어 파일 제외됨>"""


@nasty(7)
@pytest.mark.parametrize("words", re.findall("<.+?>", OMITTED))
def test_media_left_out_are_known_in_every_language(words: str) -> None:
    messages, notes = chat("25/12/2020, 22:05 - Bo: hello", f"25/12/2020, 22:05 - Ada: {words}")
    assert [m.text for m in messages] == ["hello"] and not notes.bad


@nasty(7)
def test_names_with_colons_numbers_and_tildes() -> None:
    messages, _ = chat(
        "25/12/2020, 22:05 - Dr: Who: hello", "25/12/2020, 22:06 - +44 7700 900122: hi",
        "25/12/2020, 22:07 - Dr: Who: note: buy milk", "25/12/2020, 22:08 - ~ Bo: so",
        "25/12/2020, 22:09 - +44 7700 900122: note: me too")
    assert [(m.author, m.text) for m in messages] == [
        ("Dr: Who", "hello"), ("+44 7700 900122", "hi"), ("Dr: Who", "note: buy milk"),
        ("Bo", "so"), ("+44 7700 900122", "note: me too")]
    assert messages[0].chat_kind == "group"


@nasty(7)
def test_an_edited_message_loses_the_remark_alone() -> None:
    messages, _ = chat(f"25/12/2020, 22:05 - Bo: better {LRM}<This message was edited>",
                       "25/12/2020, 22:05 - Bo: besser <Diese Nachricht wurde bearbeitet.>",
                       "25/12/2020, 22:06 - Bo: a <b>bold</b> move")
    assert [m.text for m in messages] == ["better", "besser", "a <b>bold</b> move"]


@nasty(7)
def test_ios_zips_are_named_after_their_chat(tmp_path: Path) -> None:
    lines = "[25/12/2020, 22:05:11] Bo: hello\r\n[25/12/2020, 22:06:11] Ada: hi\r\n"
    messages, _ = read(tmp_path, {
        "WhatsApp Chat - Bo.zip": zipped({"_chat.txt": lines, "1.jpg": b"\xff\xd8"}),
        "WhatsApp Chat - Carl.zip": zipped({"_chat.txt": lines})})
    assert [m.chat_id for m in messages] == ["Bo", "Bo", "Carl", "Carl"]


@nasty(21)
def test_the_same_minute_twice_is_told_apart_and_a_second_export_is_not() -> None:
    lines = ["25/12/2020, 22:05 - Bo: ha", "25/12/2020, 22:05 - Bo: ha"]
    first, _ = chat(*lines)
    second, _ = chat(*lines, name="WhatsApp Chat with Bo (1).txt")
    assert len({m.message_id for m in first}) == 2
    assert {(m.chat_id, m.message_id) for m in first} == {(m.chat_id, m.message_id) for m in second}


@nasty(7, 21)
def test_long_messages_of_one_beginning_are_all_kept() -> None:
    long = "x" * 200
    messages, _ = chat(*[f"25/12/2020, 22:06 - Ada: {long} {end}" for end in ("one", "two", "one")])
    assert len({m.message_id for m in messages}) == 3


@nasty(7)
def test_chats_whose_files_have_no_name_are_told_apart_by_who_is_in_them() -> None:
    lines = {name: [f"25/12/2020, 22:05 - {name}: hello", "25/12/2020, 22:06 - Ada: so"]
             for name in ("Bo", "Carl/a")}
    ids = [chat(*lines[who], name=name)[0][0].chat_id for who, name in (
        ("Bo", "_chat (1).txt"), ("Carl/a", "_chat (2).txt"), ("Bo", "again/_chat 3.txt"),
        ("Bo", "WhatsApp Chat - Bo (1).zip/_chat.txt"))]
    assert ids == ["Ada, Bo", "Ada, Carl a", "Ada, Bo", "Bo"]


@nasty(22)
def test_local_times_are_the_makers_and_clock_changes_are_borne() -> None:
    messages, notes = chat(
        "29/03/2020, 01:59 - Bo: winter", "29/03/2020, 02:30 - Bo: no such time",
        "29/03/2020, 03:00 - Bo: summer", "25/10/2020, 02:30 - Bo: twice",
        "25/10/2020, 03:30 - Bo: winter again", zone="Europe/Amsterdam")
    assert [when(m)[5:16] for m in messages] == [
        "03-29 00:59", "03-29 01:30", "03-29 01:00", "10-25 00:30", "10-25 02:30"]
    assert not notes.bad


def test_other_texts_are_not_taken_for_chats() -> None:
    for text in ("12/12/2020 was a day.\nIt rained: a lot.\n", "2021 report\n", "", "Bo: hi\n"):
        notes = Notes()
        exports = registry.recognise([memory_file("a.txt", text.encode())], notes)
        assert all(export.format is not whatsapp for export in exports)


@given(st.lists(st.dates(date(2015, 1, 1), date(2024, 1, 1)), min_size=2,
                max_size=30).map(sorted), st.sampled_from(["dmy", "mdy", "ymd"]))
def test_the_order_found_never_makes_time_run_backwards_more(dates: list[date], order: str) -> None:
    written = [tuple({"d": d.day, "m": d.month, "y": d.year % 100}[part] for part in order)
               for d in dates]
    found = whatsapp.infer_order(written, ("", "/", False, False))
    days = [whatsapp._date(numbers, found) for numbers in written]
    assert None not in days
    assert days == sorted(days)


@nasty(7)
@pytest.mark.parametrize(("order", "days"), [
    (None, ["2021-02-03", "2021-02-04"]), ("ydm", ["2021-03-02", "2021-04-02"])])
def test_the_order_of_a_date_can_be_said(order: str | None, days: list[str]) -> None:
    notes = Notes(date_order=order)
    file = memory_file("a.txt", b"2021-02-03, 10:00 - Bo: x\n2021-02-04, 10:00 - Bo: y\n")
    messages = list(registry.read_all(registry.recognise([file], notes), notes))
    assert [when(m)[:10] for m in messages] == days and not notes.warnings


@nasty(7)
def test_a_year_before_the_day_shows_by_a_day_that_is_no_month() -> None:
    lines = [f"2021-{day}-03, 10:00 - Bo: x" for day in (11, 12, 13, 14)]
    assert [when(m)[:10] for m in chat(*lines)[0]] == [
        f"2021-03-{day}" for day in (11, 12, 13, 14)]


@nasty(7)
@pytest.mark.parametrize(("dates", "other"), [
    (["3/4/21", "3/4/21", "5/4/21"], "mdy"), (["3/4/21"], "mdy"), (["3/3/21"], None),
    (["3/4/21", "13/4/21"], None), (["2021-03-04", "2021-03-05"], None),
    (["1/4/21", "2/4/21", "3/4/21", "4/4/21"], None),  # four days of one month
])
def test_an_order_that_nothing_decides_is_asked_for(dates: list[str], other: str | None) -> None:
    _, notes = chat(*(f"{date}, 10:00 - Bo: x" for date in dates))
    assert len(notes.warnings) == (other is not None)
    assert other is None or f'set date_order = "{other}"' in notes.warnings[0]


@nasty(7)
@pytest.mark.parametrize("line", [
    f"2015-08-04-PHOTO-00004762.jpg <{LRM}attached>", "20210428.jpg <attached>",
    f"{LRM}4 heron.jpg <{LRM}attached>", f"heron.vcf <{LRM}beigefügt>"])
def test_attachments_of_old_iphones_are_left_out(line: str) -> None:
    messages, _ = chat("25/12/20, 22:05:11: Bo: hello", f"25/12/20, 22:05:12: Bo: {line}",
                       f"25/12/20, 22:05:13: Bo: {line}\nthe heron")
    assert [m.text for m in messages] == ["hello", "the heron"]


@nasty(7)
def test_the_name_of_a_group_is_nobody() -> None:
    messages, notes = chat(f"[25/12/2020, 22:05:11] Walkers: {LRM}Messages are encrypted.",
                           "[25/12/2020, 22:05:12] Bo: hello", "[25/12/2020, 22:05:13] Ada: hi")
    assert {m.chat_kind for m in messages} == {"dm"}
    assert notes.skipped == {"service message": 1}


def test_a_place_that_was_shared_is_no_words(tmp_path: Path) -> None:
    places = ["location: https://maps.google.com/?q=52.1,4.3", "Live location shared",
              "Standort: https://maps.google.com/?q=52.1,4.3", "I shared my live location"]
    text = "".join(f"26/03/21, 18:0{n} - Ada: {place}\n" for n, place in enumerate(places))
    messages, _ = read(tmp_path, {"WhatsApp Chat with Bo.txt": text + "26/03/21, 18:09 - Bo: ok\n"})
    assert [m.text for m in messages] == ["I shared my live location", "ok"]


@nasty(7)
@pytest.mark.parametrize("name", ["Ada Moor", "Maximiliane Hohenberg-Sachs", "Bo " * 20 + "B"])
def test_a_long_name_behind_a_date_with_nothing_between_is_a_name(name: str) -> None:
    """A bug: beyond 17 letters it was none, and one's words became the other's."""
    messages, notes = chat("12.03.2015. 14:05:33 Bo: hello", f"12.03.2015. 14:05:34 {name}: hi",
                           f"١٢.٠٣.٢٠١٥. ١٤:٠٥:٣٥ {name}: so", "12.03.2015. 14:05:36 Bo: yes")
    assert [(m.author, m.text) for m in messages] == [
        ("Bo", "hello"), (name, "hi"), (name, "so"), ("Bo", "yes")]
    assert not notes.bad
