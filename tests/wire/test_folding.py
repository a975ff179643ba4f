"""However the same letters are written, they compare alike; and places can be told back."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.folding import fold, fold_char, narrow


@pytest.mark.parametrize(("text", "folded"), [
    ("Marcel", "marcel"), ("MÜLLER", "muller"), ("Mu\u0308ller", "muller"), ("Müller", "muller"),
    ("Weißensee", "weissensee"), ("WEISSENSEE", "weissensee"), ("Zoë", "zoe"), ("Łódź", "lodz"),
    ("Ｍａｒｃｅｌ", "marcel"), ("𝐌𝐚𝐫𝐜𝐞𝐥", "marcel"), ("Mar\u200bcel", "marcel"),
    ("Mar\u00adcel", "marcel"), ("Mar\u2060c\ufe0ee\u034fl", "marcel"),
    ("\ufeffMar\x00c\x1bel", "marcel"),
    ("Marcel’s", "marcel's"), ("Jean\u2011Luc", "jean-luc"), ("０１７１", "0171"),
    ("a\u00a0b\u202fc\td\ne", "a b c d e"), ("ﬁsh", "fish"), ("№ 5", "no 5"), ("", ""),
    ("МАРСЕЛЬ", "марсель"), ("李小龙", "李小龙"), ("가", unicodedata.normalize("NFD", "가")),
])
def test_one_form(text: str, folded: str) -> None:
    assert fold(text) == folded == fold(folded)


@given(st.text(max_size=40))
def test_any_text(text: str) -> None:
    once = fold(text)
    assert fold(once) == once == "".join(map(fold_char, text))
    assert fold(unicodedata.normalize("NFC", text)) == fold(unicodedata.normalize("NFD", text))
    assert len(narrow(text)) == len(text)


def test_narrow_keeps_places_and_case() -> None:
    assert narrow("Ａda＠ｘ．org ０１７ ﬁ ① Ü") == "Ada@x.org 017 ﬁ 1 Ü"
