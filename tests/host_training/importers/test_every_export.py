"""Goal: one folder with an export of every kind is read in one run, each as what it is.

Method: the real ``spacepi-train scan`` over one export for every importer of the registry; an
importer without one fails.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from host_training import __main__ as cli
from host_training.importers import registry
from tests.host_training.importers.every_export import EVERY, commit
from tests.host_training.importers.reading import write_files

IMPORTERS = {module.__name__.rpartition(".")[2]: module
             for module in (*registry.FOLDERS, *registry.FILES)}


def _persona(directory: Path) -> Path:
    accounts = sorted({export.account for export in EVERY.values()} - {""})
    write_files(directory, {
        "persona.toml": 'name = "Ada"\nauthor = "Ada Test"\ndisclosure = "Ada is an AI persona."\n'
                        'system = "You are Ada."\n[privacy]\nregion = "NL"\n',
        "values.md": "- I say what I saw.\n",
        **{f"exports/{name}/{path}": content for name, export in EVERY.items()
           for path, content in export.files.items() if path != "media/letter.txt"}})
    toml = directory / "persona.toml"
    toml.write_text(f"me = {json.dumps(accounts)}\n{toml.read_text()}")
    commit(directory / "exports" / "git_repository" / "repo")
    return directory


def test_every_importer_has_an_export_here() -> None:
    assert set(EVERY) == set(IMPORTERS)


def test_one_export_of_every_kind_scans_in_one_run_without_a_line_of_noise(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    directory, out = _persona(tmp_path / "ada"), tmp_path / "seen"
    monkeypatch.setattr("sys.argv", ["spacepi-train", "scan", str(directory), "--out", str(out)])
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit, match="0"):
        cli.main()
    shown = capfd.readouterr()
    assert shown.err == ""
    assert "not understood\n" not in shown.out and "warnings\n" not in shown.out
    assert (out / "quarantine.jsonl").read_text() == ""
    rows = json.loads((out / "inventory.json").read_text())
    found: dict[str, Counter[str]] = {name: Counter() for name in EVERY}
    for row in rows:
        label, _, first = row["export"].partition(": exports/")
        name = first.partition("/")[0]
        assert label == IMPORTERS[name].LABEL
        assert row["export"] in shown.out
        found[name]["rows"] += 1
        found[name]["words"] += row["words"]
        share = next((int(s.split()[1][:-1]) for s in row["speakers"] if s.startswith("you ")), 0)
        found[name]["own words"] += round(row["words"] * share / 100)
    for name, export in EVERY.items():
        n_words = export.n_own_words + export.n_others_words
        assert (name, found[name]) == (
            name, {"rows": 1, "words": n_words, "own words": export.n_own_words})
