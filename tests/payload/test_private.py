"""What must not be said aloud, and what only looks like it."""

from __future__ import annotations

import pytest

from payload.private import PrivateWords


@pytest.mark.parametrize("text", [
    "Write to anna.berger@example.org.", "Call +43 660 5550123.", "AT61 1904 3002 3457 3201",
    "Ask Anna Berger.", "ask ANNA BERGER, please",
])
def test_private_text_is_found(text: str) -> None:
    assert PrivateWords(("Anna Berger",)).are_in(text)


@pytest.mark.parametrize("text", [
    "18402 m and 3900 mV at 12:00:00.", "It is 1013.25 hPa.", "About 123456 of them.",
    "Anna Bergersen waves.", "At 12 o'clock @ home.", "",
])
def test_ordinary_text_is_not(text: str) -> None:
    assert not PrivateWords(("Anna Berger",)).are_in(text)
