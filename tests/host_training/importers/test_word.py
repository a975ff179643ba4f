"""Goal: a Word document gives its words, whatever else it is made of costs one sentence.

Method: documents of python-docx, which also says what is in them, and parts exchanged in one.
"""

from __future__ import annotations

import io
import tracemalloc
import zipfile
from collections.abc import Callable

import docx
import pytest
from docx.enum.text import WD_BREAK

from host_training.common import unpacking
from host_training.common.messages import Message, Notes
from host_training.importers import documents, word
from host_training.importers.tree import memory_file
from tests.host_training.importers.reading import reasons, zipped
from tests.host_training.nasty_inputs import nasty

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
DOCUMENT = "word/document.xml"


def saved(document: object) -> bytes:
    data = io.BytesIO()
    document.save(data)  # type: ignore[attr-defined]
    return data.getvalue()


def good() -> bytes:
    document = docx.Document()
    document.add_heading("A head", 1)
    paragraph = document.add_paragraph("one\ttwo & <three>")
    paragraph.add_run(" bold").bold = True
    paragraph.add_run().add_break()
    paragraph.add_run("below").add_break(WD_BREAK.PAGE)
    document.add_paragraph("")
    document.add_table(1, 1).cell(0, 0).text = "a cell"
    document.add_paragraph("Zoë 李 🎈")
    return saved(document)


def with_part(name: str, content: str | bytes | None) -> bytes:
    """The good document with one part exchanged, or left out."""
    with zipfile.ZipFile(io.BytesIO(good())) as archive:
        parts: dict[str, str | bytes] = {part: archive.read(part) for part in archive.namelist()}
    parts.pop(name)
    return zipped(parts if content is None else {**parts, name: content})


def body(inner: str, before: str = "") -> bytes:
    return with_part(DOCUMENT, f'<?xml version="1.0"?>{before}<w:document xmlns:w="{W}"><w:body>'
                               f'{inner}</w:body></w:document>')


def read(data: bytes) -> tuple[list[Message], str]:
    notes = Notes()
    messages = list(documents.read([memory_file("a.docx", data)], notes))
    return messages, " ".join(reasons(notes))


def test_the_words_are_those_that_python_docx_finds() -> None:
    paragraphs, utc_ms = word.read(good())
    oracle = docx.Document(io.BytesIO(good()))
    assert paragraphs == [paragraph.text for paragraph in oracle.paragraphs]
    created = oracle.core_properties.created
    assert created is not None and utc_ms == created.timestamp() * 1000


def test_links_signs_and_what_is_no_text() -> None:
    paragraphs, _ = word.read(body(
        "<w:p><w:hyperlink><w:r><w:t>a link</w:t></w:r></w:hyperlink><w:r><w:tab/><w:t>b</w:t>"
        "<w:br/><w:noBreakHyphen/><w:br w:type='page'/><w:cr/></w:r>"
        "<w:r><w:delText>gone</w:delText><w:instrText>PAGE</w:instrText></w:r>"
        "<w:del><w:r><w:t>gone</w:t></w:r></w:del></w:p><w:p/>"))
    assert paragraphs == ["a link\tb\n-\n", ""]


@nasty(26)
@pytest.mark.parametrize(("make", "says"), [
    (lambda: with_part(DOCUMENT, None), "no word/document.xml in it"),
    (lambda: with_part("_rels/.rels", None), "no _rels/.rels in it"),
    (lambda: with_part("_rels/.rels", "<Relationships/>"), "no document in it"),
    (lambda: with_part(DOCUMENT, "<w:document"), "word/document.xml is damaged"),
    (lambda: with_part(DOCUMENT, b"\xff\xfe\x00"), "word/document.xml is damaged"),
    (lambda: with_part(DOCUMENT, ""), "word/document.xml is damaged"),
    (lambda: good()[:5_000], "BadZipFile"),
    (lambda: zipped({"a.txt": "a zip"}), "no _rels/.rels in it"),
])
def test_what_is_no_word_document_is_said(make: Callable[[], bytes], says: str) -> None:
    messages, told = read(make())
    assert messages == [] and says in told and told.count("a.docx") == 1


ENTITIES = "<!DOCTYPE d [<!ENTITY a 'aaaaaaaaaa'>" + "".join(
    f"<!ENTITY {'abcdefgh'[n + 1]} '{'&' + 'abcdefgh'[n] + ';'}{'&' + 'abcdefgh'[n] + ';'}'>"
    for n in range(6)) + "]>"


@nasty(26)
@pytest.mark.parametrize("before", [
    ENTITIES, "<!DOCTYPE d SYSTEM 'file:///etc/passwd'>", "<!DOCTYPE d>"])
def test_entities_are_never_expanded(before: str) -> None:
    messages, told = read(body("<w:p><w:r><w:t>&g;</w:t></w:r></w:p>", before))
    assert messages == [] and "has a document type definition" in told


@nasty(26)
def test_a_document_that_is_a_bomb_is_refused_before_it_is_read() -> None:
    """0.9 MB took 6 GB."""
    bomb = body("<w:p><w:r><w:t>a</w:t></w:r></w:p>" * 600_000)
    assert len(bomb) < 200_000
    tracemalloc.start()
    messages, told = read(bomb)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert messages == [] and "a zip bomb" in told and peak < 2_000_000


@nasty(26)
@pytest.mark.parametrize(("bound", "limit", "says"), [
    ("XML_BYTES_MAX", 1000, "bytes, at most 1000 are read"),
    ("TEXT_CHARS_MAX", 20, "more than 20 letters of text in it"),
])
def test_a_document_that_is_too_long_is_set_aside(
    monkeypatch: pytest.MonkeyPatch, bound: str, limit: int, says: str
) -> None:
    monkeypatch.setattr(word, bound, limit)
    messages, told = read(good())
    assert messages == [] and says in told


def test_what_is_just_allowed_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(word, "TEXT_CHARS_MAX", sum(map(len, word.read(good())[0])) + 4)
    assert len(read(good())[0]) == 1


@nasty(26)
def test_a_pdf_that_unpacks_to_too_much_is_set_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    from pypdf import PdfWriter
    from pypdf.generic import DecodedStreamObject, NameObject

    writer = PdfWriter()
    stream = DecodedStreamObject()
    stream.set_data(b"BT (a) Tj ET " * 1000)
    packed = writer._add_object(stream.flate_encode(9))
    for _ in range(3):
        writer.add_blank_page(200, 200)[NameObject("/Contents")] = packed
    data = io.BytesIO()
    writer.write(data)
    monkeypatch.setattr(documents, "PDF_FREE_BYTES", 1_000)
    notes = Notes()
    assert list(documents.read([memory_file("a.pdf", data.getvalue())], notes)) == []
    assert "would unpack to 13" in reasons(notes)[0] and unpacking.RATIO_MAX > 20
