"""The audit: what it says, and that its status is 1 for a vulnerability and for nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lock import audit

FLAW = {"id": "PYSEC-2026-1", "fix_versions": ["2.5"], "aliases": []}
CLEAN = {"name": "a", "version": "1", "vulns": []}
VULNERABLE = {"name": "b", "version": "2.4", "vulns": [FLAW]}
UNKNOWN = {"name": "c", "skip_reason": "not found"}


@pytest.mark.parametrize(("asked", "answered", "lines", "is_vulnerable"), [
    (1, [CLEAN], ["audit: no known vulnerability in 1 packages"], False),
    (2, [CLEAN, VULNERABLE], ["b 2.4: PYSEC-2026-1, fixed in 2.5"], True),
    (2, [CLEAN, UNKNOWN], ["audit: the service covered 1 of 2 packages"], False),
    (2, [VULNERABLE, UNKNOWN],
     ["b 2.4: PYSEC-2026-1, fixed in 2.5", "audit: the service covered 1 of 2 packages"], True),
    (1, [UNKNOWN],
     ["audit: the vulnerability service could not be reached; nothing was audited"], False),
    (3, [], ["audit: the vulnerability service could not be reached; nothing was audited"], False),
])
def test_verdict(
    asked: int, answered: list[dict[str, Any]], lines: list[str], is_vulnerable: bool
) -> None:
    assert audit.verdict(asked, answered) == (lines, is_vulnerable)


def stand_in(folder: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    """A pip-audit that does ``body``, with the requirements file as $2."""
    program = folder / "pip-audit"
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)
    monkeypatch.setattr(audit, "PIP_AUDIT", program)


def test_no_network_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stand_in(tmp_path, monkeypatch, "echo Traceback >&2; exit 1")
    with pytest.raises(SystemExit) as ended:
        audit.main()
    assert not ended.value.code
    said = capsys.readouterr().out
    assert "could not be reached" in said and said.count("\n") == 1


def test_a_vulnerability_is_status_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every locked version is asked for once, torch too, which is pinned beside the lock."""
    answer = json.dumps({"dependencies": [VULNERABLE], "fixes": []})
    stand_in(tmp_path, monkeypatch, f"cat $2 >> {tmp_path}/asked; echo '{answer}'; exit 1")
    with pytest.raises(SystemExit) as ended:
        audit.main()
    assert ended.value.code == 1
    assert "PYSEC-2026-1" in capsys.readouterr().out
    asked = (tmp_path / "asked").read_text().split()
    versions = audit.locked()
    assert len(asked) == len(set(asked)) == sum(map(len, versions.values()))
    assert "torch" in versions and len(versions["numpy"]) == 2
