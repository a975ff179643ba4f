"""A studio that is new, and one whose exports were read."""

from __future__ import annotations

from pathlib import Path

import pytest

from host_training.studio.jobs import Jobs
from tests.host_training.conftest import need
from tests.host_training.studio.desk import ADA, Desk, whatsapp


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    need("tomlkit")
    return Desk(tmp_path / "studio")


@pytest.fixture
def filled(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Its author has a name and a chat, which was read; nobody has said who is who.

    From here on files are read in this process, which is quicker.
    """
    monkeypatch.setattr(Jobs, "start", lambda self, kind, arguments, about: desk.read())
    desk.post("/api/author", author=ADA)
    assert desk.upload("WhatsApp Chat with Bo.txt", whatsapp().encode()).status_code == 200
    desk.read()
    return desk
