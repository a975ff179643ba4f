"""The evaluate stage: measures a persona, writes the report, decides whether it may be signed."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypedDict

from host_training import common, evaluation, likelihood, privacy, rows
from host_training.evaluation import (
    assess,
    gates,
    report,
)
from host_training.evaluation.gates import Gate
from host_training.evaluation.subject import Subject
from host_training.stages import code_hash
from payload import prompt

PAGE = "report.html"


class ExamSummary(TypedDict):
    """What the manifest says of an examination; None for what was not judged."""

    lead_bits_per_byte: float
    authorship: float | None
    verbatim_share: float | None
    mission_rate: float
    failed_gates: list[str]
    unmeasured_gates: list[str]


@dataclass(frozen=True, slots=True)
class ExamVerdict:
    """What the card and the manifest say of an examination."""

    sentences: list[str]
    summary: ExamSummary
    line: str  # for the terminal


def code() -> str:
    """Hash of everything a finding depends on."""
    return code_hash(common, privacy, rows, likelihood, evaluation, prompt)


def build(examined: Subject, out: Path, progress: Callable[[float, str], None]) -> None:
    """Write ``findings.json``, ``report.html`` and, last, ``gates.json`` into ``out``."""
    found = assess.assess(examined, progress)
    judged = gates.judge(found)
    (out / "findings.json").write_text(found.json_text())
    (out / PAGE).write_text(report.page(found, judged), encoding="utf-8")
    voice, by_heart = found.likeness.voices[found.name], found.memory.verbatim
    summary: ExamSummary = {
        "lead_bits_per_byte": round(found.likeness.lead.value, 4),
        "authorship": None if voice.authorship is None else round(voice.authorship.value, 3),
        "verbatim_share": None if by_heart is None else round(by_heart.value, 3),
        "mission_rate": round(found.mission.rate.value, 3),
        "failed_gates": gates.failed(judged),
        "unmeasured_gates": gates.unmeasured(judged),
    }
    ends = f", from 0 ({found.likeness.floor}) to 1" if found.likeness.floor else ""
    sentence = f"Authorship{ends} ({found.author}'s unseen lines): {report.voice_line(voice)}."
    (out / "gates.part").write_text(json.dumps(
        {"gates": [asdict(gate) for gate in judged], "summary": summary,
         "sentences": [*(gate.sentence for gate in judged), sentence, *report.facts(found)]},
        indent=1))
    os.replace(out / "gates.part", out / "gates.json")


def publish(stage: Path, bundle: Path, may_fail: bool) -> ExamVerdict:
    """Put the page beside the bundle-to-be and let the gates decide.

    Args:    stage: where ``build`` wrote.
    Raises:  TrainingError with one sentence when a gate was not passed and ``may_fail`` is false.
    """
    table = json.loads((stage / "gates.json").read_text())
    judged = [Gate(**gate) for gate in table["gates"]]
    page = bundle.with_name(f"{bundle.name}.{PAGE}")
    shutil.copyfile(stage / PAGE, page)
    if not may_fail:
        gates.check(judged, str(page))
    failing = gates.failed(judged)
    unknown = gates.unmeasured(judged)
    passed = f"not passed: {', '.join(failing)}" if failing else "every gate passed"
    if unknown:
        passed = passed if failing else "every gate that was measured passed"
        passed += f"; not measured: {', '.join(unknown)}"
    return ExamVerdict(table["sentences"], table["summary"], f"{passed}; see {page}")
