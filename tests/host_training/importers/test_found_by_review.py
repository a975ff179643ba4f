"""Goal: what a hostile reader of the importers broke once stays whole.

Method: one test per bug, with the smallest input that showed it.
"""

from __future__ import annotations

import json
import os
import subprocess
import zoneinfo
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_training.common import persona_dir
from host_training.common.messages import Message, Notes
from host_training.corpus import assemble, filtering
from host_training.corpus.message_store import MessageStore
from host_training.importers import prose, registry, vault, x_archive
from host_training.importers.text import mend
from host_training.importers.times import from_iso, from_snowflake
from host_training.importers.tree import File
from host_training.importers.whatsapp_words import unedited
from tests.host_training.conftest import write_persona
from tests.host_training.corpus.preparing import prepare
from tests.host_training.importers.reading import Content, read, reasons, write_files, zipped
from tests.host_training.nasty_inputs import nasty

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
    [chat] = [chat for chat in json.loads((tmp_path / "out" / assemble.CHATS).read_text())
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


# --- time that grows with the square of the text, or faster ---

MANY = 100_000  # the square of it took from half a minute to five


@nasty(27)
@pytest.mark.parametrize("link", ["https://x.org/a", "[link]", "www.x.org", "http://ahttp://a"])
def test_a_list_of_links_is_read_once(link: str) -> None:
    """With words behind it, each pair of links took four times as long as the pair before."""
    links = f"{link}\n" * 3_000
    assert filtering.noise(links) == filtering.noise(links * 2 + " ") == "only links"
    assert filtering.noise(links + "read these first") != "only links"
    assert filtering.noise("read these first\n" + links) != "only links"


@nasty(27)
@pytest.mark.parametrize("mark", [" *a", " _a", "**a ", "<!--", "[^", "<http:", "[](data:", "#"])
def test_markdown_that_never_closes_what_it_opens_is_read_once(mark: str) -> None:
    assert prose.of_markdown(f"first\n\n# {mark * MANY}x\n\nlast").startswith("first")


@nasty(27)
def test_marks_of_emphasis_go_in_pairs() -> None:
    for written, meant in [
        ("**bold *and soft* words**", "bold and soft words"), ("***both***", "both"),
        ("***both* bold**", "both bold"), ("**two*** left", "two* left"),
        ("f**** that", "f**** that"),
        ("2 * 3 * 4, a == b", "2 * 3 * 4, a == b"), ("~~gone~~ and ==lit==", "gone and lit"),
        ("snake_case_word, __init__ and _soft_", "snake_case_word, init and soft"),
        ("*open\nand* shut", "*open\nand* shut"), ("a ~tilde~ = b", "a ~tilde~ = b"),
        ("<!-- one --> a <!-- two\nlines --> b <!-- open", "a  b <!-- open"),
        ("## C ##", "C"), ("a[^1] b\n[^1]: the note", "a b"),
    ]:
        assert prose.of_markdown(written) == meant


@nasty(7, 27)
def test_a_message_of_empty_lines_is_read_once() -> None:
    text = "a" + "\n" * MANY + "b"
    assert unedited(text) == text
    assert unedited(f"{text}{' <' * MANY}") == f"{text}{' <' * MANY}"
    assert unedited(f"{text}\n <This message was edited> ") == text
    assert unedited("<This message was edited>") == "<This message was edited>"


@nasty(12)
def test_long_posts_are_found_without_looking_at_each() -> None:
    """A hundred thousand posts by as many long ones were compared two by two."""
    n_looks = 0

    class Counted(list[str]):
        def __getitem__(self, index: int) -> str:
            nonlocal n_looks
            n_looks += 1
            return super().__getitem__(index)

        def __iter__(self) -> Iterator[str]:
            raise AssertionError("all of them are looked at")

    words = [f"{number:06} {'long words ' * 9}" for number in range(4_096)]
    whole = Counted(words)
    assert x_archive._begins(words[77][:70], whole) and x_archive._begins(words[-1], whole)
    assert not x_archive._begins(words[77][:59], whole)
    assert not x_archive._begins(words[77][:70] + "!", whole)
    assert not x_archive._begins("~" * 100, whole) and not x_archive._begins("~" * 100, [])
    assert 12 <= n_looks <= 5 * 15


# --- spoiled text ---


@nasty(7)
@pytest.mark.parametrize(("lines", "meant"), [
    ("<Media omitted>\nIt flew over the hedge!", "It flew over the hedge!"),
    ("\u200eIMG-20201225-WA0001.jpg (file attached)\nAnd it landed.\nThere.",
     "And it landed.\nThere."),
    ("IMG-20201225-WA0001.jpg (fayl biriktirildi)\nIt landed.", "It landed."),
    ("report final.pdf (fayl biriktirildi)", None), ("notes.txt (file attached)", None),
    ("Look at this \u200eimage omitted", "Look at this"),
    ("Look \u200evideo omitted \u200e<This message was edited>", "Look"),
    ("见这个 \u200e图像已忽略", "见这个"), ("\u200e<attached: 1.jpg>\nLook", "Look"),
    ("report.pdf • \u200e3 pages \u200edocument omitted", None), ("\u200eimage omitted", None),
    ("\u200ePOLL:\nWhen?\n\u200eOPTION: now (1 vote)", None),
    ("I wrote it in node.js (mostly)", "I wrote it in node.js (mostly)"),
    ("\u200fcall \u200e+44 7700", "call +44 7700"),
])
def test_a_caption_is_the_authors_and_the_words_about_its_picture_are_not(
    tmp_path: Path, lines: str, meant: str | None
) -> None:
    messages, notes = read(tmp_path, {"chat.txt": (
        "25/12/2020, 22:05 - Bo: hello\n25/12/2020, 22:05 - Bo: IMG-20201224-WA0007.jpg"
        f" (fayl biriktirildi)\n25/12/2020, 22:06 - Ada: {lines}\n25/12/2020, 22:07 - Bo: so")})
    assert [m.text for m in messages] == ["hello", *filter(None, [meant]), "so"]
    assert notes.skipped == {"service message or media left out": 1 + (meant is None)}


@nasty(27)
@pytest.mark.parametrize(("written", "meant"), [
    (r"\ansicpg1252\cocoartf2709 It flew \uc0\u322 over, \u1087 \u1088 \u1080  \u1084 ",
     "It flew łover, при м"),
    (r"\ansicpg1251 \'cf\'f0\'e8\'e2\'e5\'f2", "Привет"), (r"\ansicpg99999 \'e9", "é"),
    (r"\ansicpg932 \'83J\'83C\'83g", "カイト"), (r"\ansicpg10000 \'8e", "é"),
    (r"{\uc2\u8212 --x}{\u8212 -x}\u8212\'97 \{a\}\~b \u8212 \~c", "—x—x— {a} b —c"),
    (r"{\info{\ansicpg1251}\uc0}\u8212 ?\'cf}}\uc-1\u8212 d", "—П—d"),
])
def test_rich_text_says_how_its_letters_are_written(written: str, meant: str) -> None:
    assert prose.of_rtf(rf"{{\rtf1\ansi{written}}}") == meant


@nasty(10)
def test_the_date_of_a_backup_is_not_that_of_a_note(tmp_path: Path) -> None:
    messages, _ = read(tmp_path, {"backup-2024-05-01.zip": zipped({
        "diary/2019-03-02.md": "It rained.", "essay.md": WORDS})})
    assert [m.utc_ms for m in messages] == [1_551_528_000_000, None]

HONEST = ["Ich weiß…", "Ich weiß\x85", "Viel Spaß…", "weiß—und", "weiß´s", "AMANHÃ…", "CAFÉ\u00a0?",
          "CAFÉ™", "Das weiß”", "È… forse", "É—isto", "3×…", "il est arrivé…”", "allé\u00a0»",
          "ESPAÑA", "São João", "„Groß“", "JOSÉ¿no?", "MANHÃ–TARDE", "Ä…"]
FOREIGN = ["naïve", "über", "Österreich", "Ça va", "20 °C", "«À bientôt»", "it’s", "wait…", "się",
           "świat", "Żółw", "și", "đi", "Việt", "да", "Ελλάδα", "שלום", "سلام", "你好", "カイト",
           "\N{GRINNING FACE}", "a\u00a0b", "5 €", "Straße"]


@nasty(15)
def test_honest_letters_before_honest_marks_stay() -> None:
    for text in HONEST:
        for said in (text, f"so {text}", f"{text} so", f"{text} {text}"):
            assert mend(said) == said


@nasty(15)
@pytest.mark.parametrize("encoding", ["latin-1", "cp1252"])
def test_what_was_read_as_another_encoding_is_put_right(encoding: str) -> None:
    n_mended = 0
    for text in FOREIGN:
        try:
            spoiled = text.encode().decode(encoding)
        except UnicodeDecodeError:
            continue  # a byte that cp1252 has not
        for said, meant in ((spoiled, text), (f"so {spoiled} so", f"so {text} so")):
            assert mend(said) == meant
        n_mended += 1
    assert n_mended >= 17


@nasty(15)
@given(st.lists(st.tuples(st.text("abc", min_size=1, max_size=3), st.sampled_from("ßàéèîôÀÃÉÔÜ"),
                          st.text("…–—’”»\u00a0", min_size=1, max_size=2),
                          st.sampled_from(("", " ", "! "))), max_size=3))
def test_words_with_marks_behind_them_are_never_mended(
    parts: list[tuple[str, str, str, str]]
) -> None:
    assert mend(text := "".join(
        (word.upper() if last.isupper() else word) + last + "".join(rest)
        for word, last, *rest in parts)) == text


@nasty(15)
def test_meta_is_known_to_spoil_every_letter(tmp_path: Path) -> None:
    """What a guess must leave alone is put right where nothing is guessed."""
    spoiled = [text.encode().decode("latin-1") for text in ("FÅR", "GÖTEBORG", "Ich weiß…", "AÑO")]
    messages, _ = read(tmp_path, {"messages/inbox/bo_1/message_1.json": {
        "participants": [{"name": "Bo"}], "messages": [
            {"sender_name": "Bo", "timestamp_ms": 1_615_050_000_000 + i, "content": text}
            for i, text in enumerate(spoiled)]}})
    assert [m.text for m in messages] == ["FÅR", "GÖTEBORG", "Ich weiß…", "AÑO"]


@nasty(5, 6, 21)
def test_a_message_in_both_exports_of_discord_is_one(tmp_path: Path) -> None:
    """The package has its time to the second: with a mention taken out, the turn came twice."""
    sent_ms = 1_682_935_205_512
    number = (sent_ms - 1_420_070_400_000) << 22 | 5
    chat = {"guild": {"id": "0"}, "channel": {"id": "55", "type": "DirectTextChat"}, "messages": [
        {"id": str(number), "type": "Default", "timestamp": "2023-05-01T10:00:05.512+00:00",
         "content": "@bo yes, over the hedge", "author": {"id": "77", "name": "ada"}}]}
    for place, of_package in enumerate((number, str(number))):
        messages, _ = read(tmp_path / str(place), {
            "d/messages/c55/messages.json": [{
                "ID": of_package, "Timestamp": "2023-05-01 10:00:05", "Attachments": "",
                "Contents": "<@7> yes, over the hedge"}],
            "d/messages/c55/channel.json": {"id": "55", "type": "DM"}, "x/c.json": chat})
        with MessageStore(tmp_path / f"{place}.sqlite") as store:
            store.add(messages)
            [kept] = store.ordered()
        assert (kept.text, kept.is_me, kept.utc_ms) == ("yes, over the hedge", True, sent_ms)


def test_an_id_that_is_no_discord_id_says_no_time() -> None:
    assert from_snowflake("5", 1_000_000_000_512) == 1_000_000_000_512
    for odd in (None, "x", [], -5, "9" * 5000, "٣", True):
        assert from_snowflake(odd, 7) == 7
    assert from_snowflake(0, None) is None and from_snowflake(0, 1_420_070_400_999) is not None


# --- somebody else's words ---


def test_what_nobody_committed_in_a_repository_is_nobodys(tmp_path: Path) -> None:
    """The last commit said whose lines they were, and the folder what was read."""
    place = tmp_path / "exports" / "balloon"

    def git(*words: str) -> None:
        subprocess.run(["git", "-C", str(place), "-c", "user.email=ada@example.org", "-c",
                        "user.name=Ada", "-c", "commit.gpgsign=false", *words], check=True,
                       capture_output=True)

    place.mkdir(parents=True)
    git("init", "-q")
    assert read(tmp_path) == ([], Notes())
    latin = Path(os.fsdecode(os.fsencode(place) + b"/caf\xe9.md"))
    for path in (place / "a.md", place / "gone.md", latin):
        path.write_text(f"{WORDS}\n")
    (place / "link.md").symlink_to("a.md")
    git("add", ".")
    git("commit", "-qm", "initial commit")
    (place / "a.md").write_text(f"{WORDS}\nA line of Bo's, which Ada never saw.\n")
    (place / "gone.md").unlink()
    (place / "staged.md").write_text("Words of Bo's.\n")
    git("add", "staged.md")
    messages, notes = read(tmp_path)
    assert sorted((m.chat_id, m.text, m.author) for m in messages) == [
        (f"exports/balloon/{name}.md", WORDS, "ada@example.org")
        for name in ("a", "caf?", "gone")]
    assert not notes.bad
