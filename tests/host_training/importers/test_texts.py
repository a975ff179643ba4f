"""Goal: notes, documents and repositories give the author's prose and not what surrounds it.

Method: small files written here, a PDF and a Word document among them.
"""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

import docx
import pypdf
import pytest

from host_training.corpus.message_store import MessageStore
from host_training.importers import prose, vault
from host_training.importers.vault import front_matter
from tests.host_training.importers.reading import read, reasons, zipped
from tests.host_training.nasty_inputs import nasty

PROSE = "The hedge and I have an understanding."


def texts(tmp_path: Path, files: dict[str, str | bytes]) -> list[str]:
    return [m.text for m in read(tmp_path, files)[0]]


@nasty(10)
@pytest.mark.parametrize(("front", "created"), [
    ("---\ncreated: 2021-03-06T17:00:00Z\ntags: [a, b]\n---\n", 1_615_050_000_000),
    ("---\n\tbad:\ttab\n: :\n- x\n!!python/object:os.system {}\n---\n", None),
    ("---\nx: !!python/object/apply:os.system [\"rm\"]\n...\n", None), ("", None),
])
def test_front_matter_is_read_and_never_run(
    tmp_path: Path, front: str, created: int | None
) -> None:
    messages, notes = read(tmp_path, {"vault/a.md": front + PROSE})
    assert [(m.text, m.utc_ms, m.is_me, m.tier) for m in messages] == [(PROSE, created, True, 2)]
    assert not notes.bad


@nasty(10)
def test_a_rule_in_the_body_is_no_front_matter() -> None:
    assert front_matter("---\nopen and never closed") == ({}, "---\nopen and never closed")
    assert front_matter("Words\n---\nx: y\n---\n")[0] == {}
    assert front_matter("---\ntags:\n  - clippings\n  - b\n---\nx")[0]["tags"] == "clippings b"


@nasty(10)
@pytest.mark.parametrize(("written", "meant"), [
    ("# Title\n\nSome **bold** and _soft_ and `code` words.", "Title\n\nSome bold and soft and code"
     " words."),
    ("[[Page|shown]] and [[Page#part]] and [text](https://x.org/a_(b))", "shown and Page and text"),
    ("![[image.png]]\n![alt](x.png)\nwords", "words"),
    ("> a quote of somebody\n> [!note] callout\nmine", "mine"),
    ("- [ ] buy milk\n- [x] done\n- a list item", "- a list item"),
    ("```python\nprint(1)\n```\nwords\n~~~\nmore code\n", "words"),
    ("```dataview\nLIST\n```\n%%hidden%%\n<!-- also -->\nwords", "words"),
    ("| a | b |\n|---|---|\n| 1 | 2 |\nwords", "words"),
    ("![](data:image/png;base64," + "QUJD" * 1000 + ")\nwords", "words"),
    ("#tag #other\nwords with #tag inside", "words with #tag inside"),
    ("snake_case_word and 2 * 3 * 4", "snake_case_word and 2 * 3 * 4"),
])
def test_markdown_becomes_prose(written: str, meant: str) -> None:
    assert prose.of_markdown(written) == meant


@nasty(10)
@pytest.mark.parametrize(("name", "text", "reason"), [
    ("vault/templates/day.md", "## {{date}}", "template"),
    ("vault/a.md", "<% tp.date.now() %>", "template"),
    ("vault/b.md", "---\nsource: https://x.org\n---\nwords", "clipping of somebody else's words"),
    ("vault/Clippings/c.md", "words", "clipping of somebody else's words"),
    ("vault/d.md", "---\ntags:\n  - clippings\n---\nwords", "clipping of somebody else's words"),
    ("vault/e.md", "- [ ] only tasks\n", "no words"),
    (f"Tasks {'0a' * 16}.csv", 'Name,Text\n"a","two\nlines"\n',
     "Notion table, whose pages are read"),
])
def test_what_is_not_the_authors_prose_is_counted(
    tmp_path: Path, name: str, text: str, reason: str
) -> None:
    messages, notes = read(tmp_path, {name: text})
    assert messages == [] and notes.skipped == {reason: 1} and not notes.bad


@nasty(10)
def test_notion_parts_names_and_properties(tmp_path: Path) -> None:
    page = f"# Day\n\nCreated: 2021-03-06\nTags: log\n\n{PROSE}\nDate: I had one.\n"
    messages, notes = read(tmp_path, {"Export.zip": zipped({
        "Export-Part-1.zip": zipped({f"Log {'0a' * 16}/Day {'1b' * 16}.md": page})})})
    assert [(m.text, m.chat_id) for m in messages] == [
        (f"Day\n\n{PROSE}\nDate: I had one.", "Export.zip/Export-Part-1.zip/Log/Day.md")]
    assert not notes.bad


@nasty(10, 21)
def test_pages_and_cards_of_one_name_are_all_kept(tmp_path: Path) -> None:
    page, other = f"Untitled {'1b' * 16}", f"Untitled {'2c' * 16}"
    files = {f"Log/{page}.md": "one", f"Log/{other}.md": "two", f"Log/{page}/Day.md": "three",
             f"Log/{other}/Day.md": "four",
             "a.canvas": {"nodes": [{"type": "text", "text": "five"},
                                    {"type": "text", "text": "six"}]}}
    for name in ("first.zip", "second.zip"):  # a later export does not make them other pages
        messages, _ = read(tmp_path, {name: zipped(files)})
        ids = {(m.chat_id.partition("/")[2], m.message_id) for m in messages}
        assert len(ids) == 6
    with MessageStore(tmp_path / "m.sqlite") as store:
        store.add(m for m in messages if m.chat_id.startswith("second.zip"))
        assert sorted(m.text for m in store.ordered()) == ["five", "four", "one", "six", "three",
                                                           "two"]


@nasty(10)
def test_what_a_vault_hides_is_not_read_and_its_repository_is_none(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path / "vault")], check=True)
    messages, notes = read(tmp_path, {
        "vault/.obsidian/app.json": "{}", "vault/.trash/old.md": "thrown away", "vault/a.md": PROSE,
        "x.zip": zipped({"v/.obsidian/plugins/data.json": "{}", "v/b.md": PROSE})})
    assert [m.text for m in messages] == [PROSE] * 2
    assert notes.skipped == {"hidden file of a program": 3} and not notes.bad


@nasty(10)
def test_canvases_daily_notes_and_layers(tmp_path: Path) -> None:
    messages, notes = read(tmp_path, {
        "v/a.canvas": {"nodes": [{"id": "1", "type": "text", "text": f"**{PROSE}**"},
                                 {"id": "2", "type": "file", "file": "x.png"}]},
        "v/b.canvas": "[]", "v/c.canvas": "{",
        "v/d-2021-03-06.md": PROSE,
        "v/how.md": f"---\nlayer: thinking\n---\n{PROSE}"})
    assert [m.text for m in messages] == [PROSE] * 3
    assert messages[1].utc_ms == 1_615_032_000_000
    assert [m.layer for m in messages] == ["said", "said", "thinking"]
    assert [bad.file for bad in notes.bad] == ["v/b.canvas", "v/c.canvas"]


@nasty(10)
def test_a_note_too_large_to_be_one_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vault, "NOTE_BYTES_MAX", len(PROSE))
    messages, notes = read(tmp_path, {"a.md": PROSE, "b.md": PROSE + "!"})
    assert [m.text for m in messages] == [PROSE]
    assert reasons(notes) == ["b.md : 39 bytes; at most 38 are read as one text"]


@nasty(27)
def test_apple_notes_plain_and_rich_text(tmp_path: Path) -> None:
    page = ('<html><head><meta name="Generator" content="Cocoa HTML Writer"></head><body>'
            f"<p>{PROSE}</p><p>More.</p></body></html>")
    rich = (r"{\rtf1\ansi{\fonttbl\f0 Helvetica;}\f0 Caf\'e9 \u8212? \b so\b0\par"
            r" next {\*\x y}line}")
    found = texts(tmp_path, {"Notes/A.txt": PROSE, "Notes/B.html": page, "Notes/C.rtf": rich,
                             "other.html": "<html><body>a page</body></html>"})
    assert found == [PROSE, f"{PROSE}\n\nMore.", "Café — so\nnext line"]
    for name in ("pasted.txt", "pasted.md"):
        assert texts(tmp_path / name, {name: rich}) == ["Café — so\nnext line"]


def pdf(tmp_path: Path, lines: list[str], password: str | None = None) -> bytes:
    """A one-page PDF by hand, as no library here writes text."""
    from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

    writer = pypdf.PdfWriter()
    page = writer.add_blank_page(300, 300)
    font = DictionaryObject({NameObject("/Type"): NameObject("/Font"),
                             NameObject("/Subtype"): NameObject("/Type1"),
                             NameObject("/BaseFont"): NameObject("/Helvetica")})
    page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): DictionaryObject(
        {NameObject("/F1"): font})})
    stream = DecodedStreamObject()
    shown = "".join(f"({line}) Tj 0 -14 Td\n" for line in lines)
    stream.set_data(f"BT /F1 12 Tf 20 250 Td\n{shown}ET".encode())
    page[NameObject("/Contents")] = stream
    if password:
        writer.encrypt(password, algorithm="RC4-128")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def test_documents_are_read_and_what_cannot_be_is_named(tmp_path: Path) -> None:
    document = docx.Document()
    document.add_paragraph(PROSE)
    document.add_paragraph("")
    document.add_paragraph("And more.")
    word = io.BytesIO()
    document.save(word)
    messages, notes = read(tmp_path, {
        "a.pdf": pdf(tmp_path, ["The hedge and I have an under-", "standing."]),
        "b.docx": word.getvalue(), "c.pdf": pdf(tmp_path, ["secret"], "key"),
        "d.pdf": b"%PDF-1.7 and nothing", "e.docx": word.getvalue()[:200],
        "f.pdf": pdf(tmp_path, [])})
    assert [m.text for m in messages] == [PROSE, f"{PROSE}\n\nAnd more."]
    assert {m.tier for m in messages} == {1}
    assert [bad.file for bad in notes.bad] == ["c.pdf", "d.pdf", "e.docx", "f.pdf"]
    assert "locked with a password" in reasons(notes)[0]
    assert "a scan requires text recognition" in reasons(notes)[3]


def test_a_repository_gives_commits_and_documents_by_author(tmp_path: Path) -> None:
    place = tmp_path / "exports" / "balloon"
    place.mkdir(parents=True)

    def git(*words: str, who: str = "ada@example.org") -> None:
        subprocess.run(["git", "-C", str(place), "-c", f"user.email={who}", "-c", "user.name=Ada",
                        "-c", "commit.gpgsign=false", *words], check=True, capture_output=True)

    git("init", "-q")
    (place / "README.md").write_text(f"# Balloon\n\n{PROSE}\n")
    (place / "LICENSE.txt").write_text("not mine")
    git("add", ".")
    git("commit", "-qm", "The box flies\n\nIt had to be\ntaped.\n\nSigned-off-by: Ada <a@x>")
    git("commit", "-q", "--allow-empty", "-m", "Bump everything")
    git("commit", "-q", "--allow-empty", "-m", "Their words", who="bo@example.org")
    git("commit", "-q", "--allow-empty", "-m", "chore", who="9+dependabot[bot]@x.org")
    messages, notes = read(tmp_path)
    assert sorted((m.author, m.text, m.chat_kind) for m in messages) == [
        ("ada@example.org", f"Balloon\n\n{PROSE}", "document"),
        ("ada@example.org", "The box flies\n\nIt had to be taped.", "post"),
        ("bo@example.org", "Their words", "post")]
    assert notes.skipped == {"commit without words of its own": 1, "sent by a bot": 1,
                             "file of a git repository that is no document": 1}
    assert not notes.bad
    (place / "result.json").write_text("{}")
    assert reasons(read(tmp_path)[1]) == [
        "exports/balloon/.git : not committed, therefore not read: result.json; put exports next "
        "to a repository, not into it"]


def test_a_repository_in_a_zip_is_named_once(tmp_path: Path) -> None:
    messages, notes = read(tmp_path, {"repo.zip": zipped({
        "repo/.git/HEAD": "ref: x", "repo/.git/objects/ab/cd": b"\x78\x9c", "repo/a.md": PROSE})})
    assert [m.text for m in messages] == [PROSE]
    assert reasons(notes) == ["repo.zip/repo/.git/HEAD : a git repository in a zip; unpack it"]


@nasty(10)
def test_no_paragraph_is_lost_behind_a_picture_or_between_two_prices(tmp_path: Path) -> None:
    first, last = "The heron stood there all day, and I looked.", "It cost me $$ in all."
    messages, _ = read(tmp_path, {"a.md": f"data:image/png;base64,{'AAAA' * 20}\n{'BBBB' * 19}"
                                          f"\n\n{first}\n\n{last}\n\nAnd $$ again."
                                          "\n\n$$\nx = 1\n$$\n"})
    assert messages[0].text == f"{first}\n\n{last}\n\nAnd $$ again."


@nasty(27)
def test_what_stands_on_every_page_is_no_sentence(tmp_path: Path) -> None:
    sides = "".join(rf"{{\{kind}{side} Page 1}}" for kind in ("header", "footer")
                    for side in ("", "l", "r", "f"))
    messages, _ = read(tmp_path, {"a.rtf": rf"{{\rtf1 {sides}It flew \u-10179?\u-8704?.}}"})
    assert [m.text for m in messages] == ["It flew \N{GRINNING FACE}."]


@nasty(27)
def test_odd_lines_neither_hang_nor_explode(tmp_path: Path) -> None:
    found = texts(tmp_path, {
        "a.txt": "x" * 300_000, "b.md": "\n" * 100_000 + PROSE, "c.txt": "a\tb\rc\rd",
        "d.md": "[" * 20_000 + PROSE, "e.md": "*" * 20_000, "f.md": "<" * 20_000 + "%%" * 5_000})
    assert found[0] == "x" * 300_000
    assert found[1] == PROSE
    assert found[2] == "a\tb\nc\nd"


def test_what_joplin_and_obsidian_add_is_gone(tmp_path: Path) -> None:
    joplin = ("A title\n\nThe hedge leans.\n\nid: 0123456789abcdef0123456789abcdef\n"
              "parent_id: 0123456789abcdef0123456789abcdef\ncreated_time: 2021-03-06T18:00:00Z\n"
              "is_conflict: 0\nlatitude: 52.0\ntype_: 1")
    messages, _ = read(tmp_path, {"a.md": joplin, "b.md": "The hedge leans. ^a1b2c3\n\nSo. ^id-2"})
    assert [m.text for m in messages] == ["A title\n\nThe hedge leans.", "The hedge leans.\n\nSo."]
    assert messages[0].utc_ms == 1_615_053_600_000


def test_what_is_no_note_of_joplins_is_not_learnt(tmp_path: Path) -> None:
    end = "\n\nid: 0123456789abcdef0123456789abcdef\nsource_url: {}\ntype_: {}\n"
    messages, notes = read(tmp_path, {
        "a.md": "Garden" + end.format("", 2), "b.md": "heron.jpg" + end.format("", 4),
        "c.md": "A page\n\nwords of others" + end.format("https://example.org", 1),
        "d.md": "Mine" + end.format("", 1)})
    assert [m.text for m in messages] == ["Mine"] and not notes.bad
    assert notes.skipped == {"notebook, tag or attachment of Joplin": 2,
                             "clipping of somebody else's words": 1}


def test_lines_like_those_of_joplin_take_no_time(tmp_path: Path) -> None:
    """A bug: each such line doubled the time of a search, and thirty of them took minutes."""
    start = "id: 0123456789abcdef0123456789abcdef\n"
    lines = "".join(f"field{number}: value\n" for number in range(2_000))
    written = {"a.txt": f"{start}{lines}The hedge leans.",
               "b.txt": f"{start * 20_000}type_: 1\n\n{PROSE}",
               "c.md": f"{PROSE}\n\n{start * 20_000}{lines}type_: 1\n",
               "d.md": f"---\n{start}{lines}---\n\n{PROSE}"}
    found = texts(tmp_path, written)
    assert found[:3] == [written["a.txt"], written["b.txt"], PROSE]
    assert found[3].endswith(PROSE)


def test_a_word_document_of_tables_alone_says_so(tmp_path: Path) -> None:
    document = docx.Document()
    document.add_table(1, 1).cell(0, 0).text = "in a table"
    saved = io.BytesIO()
    document.save(saved)
    messages, notes = read(tmp_path, {"a.docx": saved.getvalue()})
    assert messages == [] and "tables and text boxes are not read" in reasons(notes)[0]


def test_the_columns_of_a_notion_table_are_no_words(tmp_path: Path) -> None:
    page = "# A title\n\nCity: Lisbon\nMood: fair\nWords: 12\n\nThe hedge leans: so do I.\n"
    name = "A title 0123456789abcdef0123456789abcdef.md"
    messages, _ = read(tmp_path, {name: page, "b.md": page})
    assert [m.text for m in messages] == [
        "A title\n\nThe hedge leans: so do I.",
        "A title\n\nCity: Lisbon\nMood: fair\nWords: 12\n\nThe hedge leans: so do I."]


@pytest.mark.parametrize(("name", "content", "words"), [
    ("a.html", '<html><body><article><div class="page-body">x</div></article></body></html>',
     "Notion's HTML export; export again and choose Markdown"),
    ("a.json", '{"chat": 1, "messages": [{"from_id": "user1", "text": "x"}]}',
     "a part of a Telegram export"),
])
def test_an_export_of_the_wrong_kind_is_named_with_the_right_one(
    tmp_path: Path, name: str, content: str, words: str
) -> None:
    messages, notes = read(tmp_path, {name: content})
    assert messages == [] and words in reasons(notes)[0]
