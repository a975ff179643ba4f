"""Goal: the user is asked about the people who never wrote, and is not asked about nouns."""

from __future__ import annotations

from pathlib import Path

from host_training.studio import mentioned_names
from host_training.studio.mentioned_names import likely_names, names_in
from tests.host_training.studio.desk import ADA, Desk

TEXTS = [
    "Yesterday we saw Fanny on the hill. Then Fanny's horse ran home, and nobody knew whose it was",
    "I'll say that O'Brien came, and I'll say it on Monday again, that O'Brien came on Monday, and",
    "We asked Henry twice. henry is how he signs, and so we wrote henry below what we had written",
    "They said: “Wonderful”, and then they said: “Wonderful” again. N went home with [mail], OK OK",
]


def test_words_that_stand_inside_sentences_like_names_are_asked_about() -> None:
    assert names_in(TEXTS, []) == [("Fanny", 2), ("O'Brien", 2)]
    assert names_in(TEXTS, ["fanny Stevenson", "Ada"]) == [("O'Brien", 2)], "that is decided"
    assert names_in(TEXTS[:1] * 3, []) == [("Fanny", 6)]
    assert names_in([], []) == names_in(["", "...", "Fanny Fanny Fanny"], []) == []


def test_where_every_noun_has_a_capital_nobody_is_asked() -> None:
    german = "wir gingen mit dem Hund am Abend durch den Wald und sahen auf dem Weg ein Haus"
    assert names_in([german] * 4, []) == []


def test_the_list_is_bounded() -> None:
    words = ["ab" + chr(97 + n // 26) + chr(97 + n % 26) for n in range(100)]
    text = " ".join(f"and then we went a long way home and met {word.title()}," for word in words)
    assert len(names_in([text] * 2, [])) == mentioned_names.SHOWN_MAX


def test_nothing_was_read_yet(tmp_path: Path) -> None:
    assert likely_names(tmp_path, []) == []


def test_the_page_asks_until_it_is_decided(filled: Desk) -> None:
    filled.upload("diary.md", b"\n\n".join(
        b"In the evening we went over to see Fanny, and I told Fanny all that had come of it by"
        b" then, %d times over, until the lamp was out." % n for n in range(4)))
    filled.read()
    filled.post("/api/people", me=[f"whatsapp:{ADA}"])
    assert {"word": "Fanny", "times": 8} in filled.get("/api/review")["likely_names"]
    assert ADA not in str(filled.get("/api/review")["likely_names"])
    filled.post("/api/review", extra_names=["Fanny"])
    assert "Fanny" not in str(filled.get("/api/review")["likely_names"])
