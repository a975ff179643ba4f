"""Sentences: cut where they end, in scripts with spaces and without, and put together again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_training.common.sentences import joint, split
from host_training.corpus.sessions import CHUNK_CHARS_MAX, chunks
from payload.prompt import clean_reply


@pytest.mark.parametrize(("text", "parts"), [
    ("One. Two! Three?", ["One.", "Two!", "Three?"]),
    ('"Up," I said. "It is cold." He came.', ['"Up," I said.', '"It is cold."', "He came."]),
    ("(It was late.) So what.", ["(It was late.)", "So what."]),
    ("“Gone.” Nobody knew.", ["“Gone.”", "Nobody knew."]),
    ("Wait... what?! No.", ["Wait...", "what?!", "No."]),
    ("I was thinking… maybe later. Or not… Good night", ["I was thinking… maybe later.",
                                                         "Or not…", "Good night"]),
    ("Version 2.5 of e.g. nothing", ["Version 2.5 of e.g.", "nothing"]),
    ("今天很冷。我在等你！好吗？", ["今天很冷。", "我在等你！", "好吗？"]),
    ("她说：「走吧。」然后走了。", ["她说：「走吧。」", "然后走了。"]),
    ("寒い。Then it was warm.", ["寒い。", "Then it was warm."]),
    ("", []), ("  ", []), ("no end", ["no end"]),
])
def test_where_sentences_end(text: str, parts: list[str]) -> None:
    assert split(text) == parts


@given(st.text(alphabet="ab .!?…\"')”。！？」\n"))
def test_nothing_is_lost_but_white_space(text: str) -> None:
    assert "".join("".join(split(text)).split()) == "".join(text.split())


def test_a_long_text_without_spaces_is_cut_between_sentences_and_stays_itself() -> None:
    """Goal: chunks end with a sentence, and no space comes into what has none."""
    text = "今天很冷，我在等你的消息。" * 200
    pieces = chunks(text)
    assert "".join(pieces) == text
    assert all(len(piece) < 1.1 * CHUNK_CHARS_MAX and piece.endswith("。") for piece in pieces)
    assert joint("好。") == joint("「好。」") == "" and joint("Good.") == joint("no end") == " "


def test_a_reply_that_the_token_bound_cut_ends_with_its_last_whole_sentence() -> None:
    assert clean_reply("今天很冷，外面什么都没有，我在等你的消息。然后我想") == (
        "今天很冷，外面什么都没有，我在等你的消息。")
