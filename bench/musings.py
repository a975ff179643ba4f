"""Musings of ten seeded flights: are the lines her own, do they fit, and what do they cost?

    python -m bench musings                                the flying mind, the tiny one, the base
    python -m bench musings --seeds 7,11 --mind NEW=DIR    other flights, other bundles
    python -m bench musings --lines 100 --out docs/musings.md    a page of lines besides

The first mind is held against the targets, the others stand beside it. Flights are kept in
``out_dir/musings`` (``musing_flights``), and so is what models say of their lines. How each figure
is made:

- *copied*: lines with 40 letters in a row from one text that the persona was trained on, or word
  for word one of its sentences; compared in small letters, digits and single spaces. The texts are
  the notebook, letters, chats, values and ways of thinking of ``--persona``.
- *said before*: in the same letters, or *nearly*: more than half of the trigrams shared, as in
  flight. A flight refuses both itself, so these tell whether that holds.
- *contradictions*: by the rules of ``payload.mind.claims.contradictions``; each is printed. A
  flight refuses these too, so this tells whether that holds, and not what the rules overlook.
- *own moment*: lines that their own moment makes likelier than nine others, by the mind's own
  model; of at most LINES_RANKED lines, in groups of ten drawn with a fixed seed.
- *refused*: of all replies of the model, to musings and questions, those in which the payload found
  no line to keep.
- *fluency*: bits per byte under the untuned base, against the persona's own held-out lines: the
  thoughts of the test in ``--dataset`` (a stage of ``spacepi-train run``), else 200 thoughts drawn
  from the notebook with a fixed seed. The base has read neither.
- *joules*: by the time that the simulated board would think, and its power while it does.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import musing_flights, musing_likelihood, musing_measures, musing_minds, musing_page
from bench.musing_flights import Flown, FlownLine, FlownMind
from bench.musing_measures import TrainingText
from bench.report import Figure
from host_training.common.persona_dir import read_persona
from host_training.corpus import assemble
from host_training.likelihood import bits
from host_training.rows.dataset import Dataset
from host_training.stages import RunDir, code_hash
from payload import prompt
from wire import mission
from wire.bundle import BundleError, file_sha256, model_file

ROOT = Path(__file__).resolve().parent.parent
MISSION = ROOT / "mission.toml"
PERSONA = ROOT / "host_training" / "examples" / "edda"
SEEDS = tuple(range(1, 11))
GROUP = 10
LINES_RANKED = 200
HELD_OUT = 200
DRAW_SEED = 1

# What is measured of a mind -> unit, target and how to stand to it.
FIGURES: dict[str, tuple[str, float | None, str]] = {
    "lines": ("", None, ">="),
    "copied from the training text": ("%", 3.0, "<="),
    "said before in the same flight": ("", 0.0, "<="),
    "nearly said before in the same flight": ("", None, "<="),
    "said before in an earlier flight": ("", None, "<="),
    "nearly said before in an earlier flight": ("", None, "<="),
    "contradicting their moment": ("%", 2.0, "<="),
    "own moment found among ten": ("", 0.45, ">="),
    "replies refused": ("%", 2.0, "<="),
    "musings given up after three tries": ("", None, "<="),
    "bits per byte under the untuned base": ("", None, "<="),
    "bits per byte of held-out lines": ("", None, "<="),
    "fluency off that of held-out lines": ("%", 15.0, "<="),
    "tokens per musing": ("", None, "<="),
    "energy per musing": ("J", None, "<="),
}


@dataclass(frozen=True, slots=True)
class Writing:
    """What the persona's author wrote; ``held_out_bits``: bits per byte under the untuned base of
    the part the lines are held against, None without that base."""

    trained: TrainingText
    held_out_bits: float | None


def run(out_dir: Path, options: Sequence[str] = ()) -> list[Figure]:
    """The figures of all minds; the page, where one is asked for."""
    chosen = _options(options)
    run_dir, began_s = RunDir(out_dir / "musings"), time.monotonic()

    def report(line: str) -> None:
        print(f"{time.monotonic() - began_s:6.0f} s  {line}", flush=True)

    plan = mission.load(MISSION)
    try:
        minds = [musing_flights.load_mind(name, bundle, plan) for name, bundle in chosen.mind]
    except BundleError as error:
        sys.exit(str(error))
    minds = minds or musing_minds.defaults(MISSION, plan, run_dir, report)
    if not minds:
        report("there is no mind to fly")
        return []
    flown = {mind.name: _flights(mind, chosen.seeds, run_dir, report) for mind in minds}
    writing = _writing(chosen.persona, chosen.dataset, run_dir, report)
    found = {mind.name: measure(mind, flown[mind.name], writing, run_dir, report)
             for mind in minds}
    first = minds[0]
    if chosen.out is not None:
        manifest = first.persona.manifest
        chosen.out.write_text(musing_page.page(
            manifest.name, manifest.version, flown[first.name], chosen.lines,
            _tells(found[first.name])), encoding="utf-8")
        report(f"{chosen.out} written")
    return rows(found)


def rows(found: dict[str, dict[str, float]]) -> list[Figure]:
    """One row for each figure that the first mind has; the others are its peers."""
    first, *others = found
    return [Figure(f"{first}: {what}", found[first][what], unit, target, direction,
                   {other: found[other][what] for other in others if what in found[other]})
            for what, (unit, target, direction) in FIGURES.items() if what in found[first]]


def measure(mind: FlownMind, flights: Sequence[Flown], writing: Writing, run_dir: RunDir,
            report: Callable[[str], None]) -> dict[str, float]:
    """Keys of FIGURES -> value; without those that nobody can tell."""
    lines = [line for flight in flights for line in flight.lines]
    if not lines:
        return {"lines": 0}
    within = musing_measures.repeats_within(flights)
    across = musing_measures.repeats_across(flights)
    contradicting = musing_measures.contradicting(lines)
    for line, why in contradicting:
        claims = ", ".join(f"{one.kind} {one.claim!r}" for one in why)
        report(f"{mind.name}, seed {line.seed}: {claims} in {line.text!r} ({line.senses})")
    found: dict[str, float | None] = {
        "lines": len(lines),
        "copied from the training text": 100 * sum(
            writing.trained.has(line.text) for line in lines) / len(lines),
        "said before in the same flight": within.exact,
        "nearly said before in the same flight": within.near,
        "said before in an earlier flight": across.exact,
        "nearly said before in an earlier flight": across.near,
        "contradicting their moment": 100 * len(contradicting) / len(lines),
        "replies refused": _percent(musing_measures.refused_share(flights)),
        "musings given up after three tries": sum(flight.given_up for flight in flights),
        "tokens per musing": sum(line.tokens for line in lines) / len(lines),
        "energy per musing": musing_measures.joules(flights),
        **_by_models(mind, lines, run_dir, report),
    }
    said = found.get("bits per byte under the untuned base")
    if said is not None and writing.held_out_bits is not None:
        found["bits per byte of held-out lines"] = writing.held_out_bits
        found["fluency off that of held-out lines"] = 100 * abs(said / writing.held_out_bits - 1)
    return {what: value for what, value in found.items() if value is not None}


def _by_models(mind: FlownMind, lines: Sequence[FlownLine], run_dir: RunDir,
               report: Callable[[str], None]) -> dict[str, float | None]:
    """What the mind's own model and the untuned base say of the lines."""
    persona = mind.persona
    model = persona.bundle / model_file(persona.bundle, persona.manifest).path
    groups = musing_measures.groups(lines, GROUP, LINES_RANKED, DRAW_SEED)
    base = musing_minds.base_path()

    def build(out: Path) -> None:
        found: dict[str, float | None] = {}
        own: list[bool] = []
        for number, group in enumerate(groups, 1):
            report(f"{mind.name}: whose moment is whose, group {number} of {len(groups)}")
            own += musing_likelihood.own_moments(model, prompt.prefix(persona.text), group)
        if own:
            found["own moment found among ten"] = sum(own) / len(own)
        if base is not None:
            report(f"{mind.name}: fluency")
            found["bits per byte under the untuned base"] = musing_likelihood.bits_per_byte(
                base, [line.text for line in lines])
        (out / "models.json").write_text(json.dumps(found))

    depends_on = {
        "model": file_sha256(model), "base": None if base is None else base.name,
        "lines": [(line.text, line.senses, line.about) for line in lines],
        "code": code_hash(musing_likelihood, musing_measures, bits)}
    found: dict[str, float | None] = json.loads(
        (run_dir.stage("models", depends_on, build) / "models.json").read_text())
    return found


def _flights(mind: FlownMind, seeds: Sequence[int], run_dir: RunDir, report: Callable[[str], None]
             ) -> list[Flown]:
    return [musing_flights.fly(mind, seed, MISSION, run_dir,
                               lambda line: report(f"{mind.name}, {line}")) for seed in seeds]


def _writing(persona_dir: Path, dataset: Path | None, run_dir: RunDir,
             report: Callable[[str], None]) -> Writing:
    persona = read_persona(persona_dir)
    with tempfile.TemporaryDirectory() as folder:
        assemble.prepare(persona_dir, persona, Path(folder), lambda share, line: None)
        examples = assemble.load(Path(folder) / assemble.EXAMPLES)
    said = [text for example in examples for speaker, text in example.context if speaker == "me"]
    trained = TrainingText([*(example.text for example in examples), *said, *persona.values,
                            *persona.thinking])
    if dataset is not None:
        held_out = [row.text for row in Dataset.load(dataset / "dataset.json").test
                    if row.kind == "thought"]
        report(f"held-out lines: {len(held_out)} thoughts of the test in {dataset}")
    else:
        thoughts = sorted({example.text for example in examples if example.condition is not None})
        held_out = random.Random(DRAW_SEED).sample(thoughts, min(HELD_OUT, len(thoughts)))
        report(f"held-out lines: {len(held_out)} thoughts drawn from {persona_dir}, as there is no"
               " --dataset")
    base = musing_minds.base_path()

    def build(out: Path) -> None:
        assert base is not None
        found = musing_likelihood.bits_per_byte(base, held_out)
        (out / "held_out.json").write_text(json.dumps(found))

    if base is None or not held_out:
        return Writing(trained, None)
    depends_on = {"base": base.name, "lines": held_out, "code": code_hash(musing_likelihood, bits)}
    done = run_dir.stage("held-out", depends_on, build)
    return Writing(trained, json.loads((done / "held_out.json").read_text()))


def _tells(found: dict[str, float]) -> list[str]:
    """Sentences for the page."""
    if not found["lines"]:
        return []
    return [f"Of all {found['lines']:.0f} lines {found['copied from the training text']:.1f} %"
            f" repeat {musing_measures.COPY_LETTERS} letters or a whole sentence of her training"
            f" text, and {found['contradicting their moment']:.1f} % contradict their moment by the"
            " rules of `payload/mind/claims/contradictions.py`, by which the payload refuses lines,"
            " and which do not find everything."]


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _options(options: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench musings")
    parser.add_argument("--seeds", type=_seeds, default=SEEDS, metavar="N,N,...",
                        help="flights, 1 to 10 unless given")
    parser.add_argument("--mind", type=_mind, action="append", default=[], metavar="NAME=DIR",
                        help="a bundle to fly instead of the usual three; may be repeated")
    parser.add_argument("--persona", type=Path, default=PERSONA, metavar="DIR",
                        help="the persona's writing")
    parser.add_argument("--dataset", type=Path, metavar="DIR",
                        help="the dataset stage of its training run")
    parser.add_argument("--lines", type=int, default=100, metavar="N",
                        help="lines on the page of --out")
    parser.add_argument("--out", type=Path, metavar="FILE", help="a page of lines, Markdown")
    return parser.parse_args(options)


def _seeds(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not numbers like 7,11") from error


def _mind(text: str) -> tuple[str, Path]:
    name, equals, bundle = text.partition("=")
    if not (name and equals and bundle):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=DIR")
    return name, Path(bundle)
