"""A note is one record to be: its body has the keys of its kind and no others."""

import pytest

from payload.notes import Note, event
from wire.records import Kind


def test_a_note_takes_the_keys_of_its_kind_alone() -> None:
    assert event("burst", peak_m=30_112).body["fields"] == {"peak_m": 30_112}
    with pytest.raises(AssertionError):
        Note(Kind.TRACK, {"alt_m": 30_112})
