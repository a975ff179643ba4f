"""Goal: nobody on the page is told to edit a file.

Method: the real warnings of `scan`, over a diary and chats without and with ticks.
"""

from __future__ import annotations

import json

from tests.host_training.conftest import telegram_export
from tests.host_training.studio.desk import ADA, Desk

ME = f"whatsapp:{ADA}"
DIARY = b"I went home by the long way, which was the wrong one again, and I did not mind it at all."
SETTINGS = ("persona.toml", "values.md", "clean.", "privacy.", "tier")


def warnings(desk: Desk) -> list[str]:
    found: list[str] = desk.get("/api/found")["warnings"]
    assert not [word for word in SETTINGS for sentence in found if word in sentence], found
    return found


def test_an_export_without_a_tick_is_named_once_another_has_one(filled: Desk) -> None:
    """With a diary the reading succeeds before anybody is ticked, and only warns."""
    filled.upload("diary/one.md", DIARY)
    filled.read()
    assert warnings(filled) == [], "the page asks by itself"
    filled.upload("result.json", json.dumps(telegram_export()).encode())  # tells its author
    filled.read()
    filled.post("/api/people", me=["telegram:user1"])
    unticked = ("WhatsApp or Element chat: nobody there is ticked as you, so nothing of it is"
                " learnt.")
    assert warnings(filled).count(unticked) == 1
    filled.post("/api/people", me=[ME, "telegram:user1"])
    assert unticked not in warnings(filled)


def test_little_writing_is_called_little_once_its_author_is_known(filled: Desk) -> None:
    """A chat of 80 short turns trains without a complaint, and sounds like nobody."""
    assert not any("little writing" in sentence for sentence in warnings(filled))
    filled.post("/api/people", me=[ME])
    assert [sentence[:51] for sentence in warnings(filled) if "little writing" in sentence] == [
        "There is little writing of yours in these files, ab"]
    filled.upload("diary/long.md", b"\n".join(
        b"On day %d I went home by the long way, which was %d steps longer." % (day, day * 7)
        for day in range(400)))
    filled.read()
    assert not any("little writing" in sentence for sentence in warnings(filled))


def test_a_chat_alone_asks_for_longer_texts(filled: Desk) -> None:
    filled.post("/api/people", me=[ME])
    assert any(sentence.startswith("Much of it is chat") for sentence in warnings(filled))
