"""A station survives a decoder that raises; a test of the suite must not, or a bug would hide."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NoReturn

import pytest

from groundstation.intake import Intake
from groundstation.rawlog import Reception

_survive = Intake.note


def _raise(_intake: Intake, reception: Reception, error: Exception) -> NoReturn:
    error.add_note(f"reception {reception.reception_id}: {reception.raw[:4096].hex()}")
    raise error


@pytest.fixture(scope="session", autouse=True)
def _decoders_that_raise_are_seen() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Intake, "note", _raise)
        yield


@pytest.fixture
def survival(monkeypatch: pytest.MonkeyPatch) -> None:
    """In this test a decoder that raises is survived, as in the field."""
    monkeypatch.setattr(Intake, "note", _survive)
