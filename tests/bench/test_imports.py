"""The imports bench: it reads the export that it generates, to the last message."""

from __future__ import annotations

import pytest

from bench import imports


@pytest.mark.thorough
def test_an_export_becomes_examples_in_a_process_of_its_own(tmp_path) -> None:
    memory, speed, _, kept, weighing = imports.run(tmp_path, size_mb=1)
    assert memory.value > 0 and speed.value > 0
    assert kept.value > 0 and 0 < weighing.value < 1


def test_the_export_is_the_same_for_the_same_size(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(imports, "CHATS", 2)
    a, b = tmp_path / "a.json", tmp_path / "b.json"
    assert imports.generate(a, 1) == imports.generate(b, 1) > 0
    assert a.read_bytes() == b.read_bytes()
