"""Goal: what a fuzzer broke once stays whole.

Method: one test per bug, with the smallest input that showed it.
"""

from __future__ import annotations

import email._header_value_parser
from pathlib import Path

import pytest

from host_training.common.messages import Message
from host_training.corpus.message_store import MessageStore
from host_training.importers.times import from_mail, from_seconds
from tests.host_training.importers.reading import read, reasons, zipped
from tests.host_training.importers.test_mail import BODY, box, letter


def test_half_a_character_in_an_id_is_stored(tmp_path: Path) -> None:
    """sqlite3 raised UnicodeEncodeError for a lone surrogate."""
    message = Message("x", "chat \ud83d", "dm", "\udcff", 0, "who", False, "words", "n\ud83d")
    with MessageStore(tmp_path / "m.sqlite") as store:
        store.add([message, message])
        assert [(m.chat_id, m.name) for m in store.ordered()] == [("chat ?", "n?")]


def test_a_member_damaged_inside_its_zip_costs_only_itself(tmp_path: Path) -> None:
    """zlib.error came out of the first look at the member."""
    data = bytearray(zipped({"a.txt": "words " * 200, "b.txt": "other words"}))
    start = data.index(b"a.txt") + len("a.txt")
    data[start : start + 8] = b"\xff" * 8
    messages, notes = read(tmp_path, {"x.zip": bytes(data)})
    assert [m.text for m in messages] == ["other words"]
    assert "x.zip/a.txt" in reasons(notes)[0]


@pytest.mark.parametrize("digits", [400, 4000])
def test_a_date_with_many_digits_is_no_date(digits: int) -> None:
    """OverflowError, from float and from the zone of a mail's date."""
    assert from_seconds(10**digits) is None
    assert from_mail(f"Sat, 6 Mar 2021 18:00:00 +{'9' * digits}") is None


def test_a_pdf_that_makes_the_library_assert_is_named(tmp_path: Path) -> None:
    """pypdf raised AssertionError on a page tree that is no tree."""
    data = (b"%PDF-1.7\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n2 0 obj\n[5]\nendobj\n"
            b"trailer\n<</Root 1 0 R>>\n")
    messages, notes = read(tmp_path, {"a.pdf": data})
    assert messages == [] and notes.bad[0].file == "a.pdf"


def test_headers_are_not_parsed_by_the_quadratic_grammar(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newer header parser of the standard library took half a minute for 20 kB of brackets."""
    def never(*args: object) -> None:
        raise AssertionError("the grammar was asked")

    for name in ("parse_mime_parameters", "parse_content_disposition_header",
                 "parse_content_type_header", "get_unstructured", "get_address_list"):
        monkeypatch.setattr(email._header_value_parser, name, never)
    headers = {"Content_Disposition": "[" * 3000, "Content_Type": "text/plain; x=" + "[" * 3000}
    assert [m.text for m in read(tmp_path, {"a.mbox": box(letter(**headers))})[0]] == [BODY]
