"""The pipeline from a persona directory to a signed bundle, one stage after another.

writing -> split -> dataset -> codec -> train -> rerank -> quantise -> evaluate -> pack. Every stage
but the last leaves its output in the run directory and is skipped when its inputs have not changed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from host_training import (
    codec,
    common,
    corpus,
    gguf,
    preflight,
    privacy,
    quantisation,
    rows,
)
from host_training.bundle import model_card, pack, rehearsal, shapes
from host_training.codec import codec_stage
from host_training.common import persona_dir
from host_training.common.messages import quarantine_path
from host_training.corpus import assemble
from host_training.corpus.sessions import Example
from host_training.corpus.summary import (
    RowsSummary,
    read_rows_summary,
    read_summary,
    write_summary,
)
from host_training.errors import FOUND, WARNING, TrainingError
from host_training.evaluation import examination
from host_training.evaluation.subject import Subject
from host_training.gguf import export
from host_training.likelihood import bits, pair_likelihood
from host_training.quantisation import imatrix, quantise, tokenizer_parity
from host_training.quantisation.ladder import ladder_for
from host_training.rows import canaries, dataset, memory_index, split
from host_training.rows.dataset import Dataset
from host_training.rows.partners import partners_of
from host_training.rows.targets import IN_FLIGHT
from host_training.stages import RunDir, code_hash, weights_hash
from host_training.training import (
    graded_drafts,
    import_result,
    known_bases,
    train,
    training_stages,
)
from host_training.training import result as training_result
from host_training.training.graded_drafts import GradedMoment
from host_training.training.prefer import PreferConfig
from host_training.training.training_stages import FittedReranker
from payload import prompt
from payload.mind import memory
from wire import bodies, text_codec, text_tables
from wire.bundle import IMPORTANCE, TEXT_CODEC, Manifest, file_sha256
from wire.sampling import TOKENS_MAX, Sampling, sampling_of

Report = Callable[[str, float, str], None]  # (stage, fraction done 0..1, one line)

PARTNERS = "partners.json"  # others' words, to judge by; they do not go to a rented GPU
ANSWER_TOKENS_SPARE = 8
# Measured with Edda (docs/training.md): a very small base drifts after a sentence and when drawn
# warmly, and its drafts differ too little to choose between.
SMALL_BASE_HIDDEN = 256
SMALL_SAMPLING = Sampling(temperature=0.35, min_p=0.05, drafts=1, sentences_max=1)
SAMPLING = Sampling(temperature=0.5, min_p=0.1, drafts=6, sentences_max=2)
PROMPT_ROOM_TOKENS = 200  # senses, a memory of 90 and a question of 120 characters


@dataclass(frozen=True, slots=True)
class Options:
    """What ``run`` may be told. None and "auto" leave the choice to the measurement."""

    method: Literal["auto", "lora", "dora", "qlora", "full"] = "auto"
    quant: str = "auto"
    epochs: int = 3
    keep: train.Keep = "best"
    lr: float | None = None
    variants: int = 2  # with 888 thoughts a third pass at 1e-3 was already one too many
    threads: int = 0
    seed: int = 1
    general: tuple[Path, ...] = ()  # texts for the codec in place of the shipped general.codec
    lines: int = 200  # said to be judged by; more narrow the intervals, and take longer
    may_fail_gates: bool = False
    rank: int = 32  # of a LoRA
    shape: Literal["whole", "adapter"] = "whole"  # of the bundle


def run(directory: Path, base: Path, out: Path, work: Path, key_path: Path, options: Options,
        report: Report, adopted: Path | None = None) -> Manifest:
    """Make the bundle ``out``.

    Args:    base: a folder, or the name of a known base.
             adopted: a folder of what was trained elsewhere, in place of training here.
    Raises:  TrainingError or BundleError, each one sentence.
    """
    preflight.check_run(directory, base, out, work, key_path, options.method, options.quant,
                    options.general)
    known = known_bases.KNOWN.get(str(base))
    base = known_bases.resolve(base, lambda line: report("base", 0.0, line))
    if options.shape == "adapter":
        shapes.check_adapter(known, base, options.method, options.rank)
    if adopted is not None:
        import_result.source_hash(adopted)
    persona = persona_dir.read_persona(directory)
    key = pack.load_key(key_path)
    run_dir, writing_dir, examples, data_dir = prepare(directory, base, work, options, report)
    split_dir = _split(run_dir, writing_dir, examples, persona, options)
    data = Dataset.load(data_dir / "dataset.json")
    codec_dir, packing = _codec(run_dir, split_dir, examples, persona, options, report)
    graded = graded_drafts.load(directory / persona_dir.GRADED)
    trained = _trained(run_dir, persona, graded, data_dir, base, data, options, adopted, report)
    order = training_stages.reranked(run_dir, graded, report)
    result = training_result.read(trained)
    ladder_dir = _quantise(run_dir, trained, persona.name, data, options, report)
    ladder = [quantise.Step(**s) for s in json.loads((ladder_dir / "ladder.json").read_text())]
    step = _pick(ladder, options.quant)
    report("quantise", 1.0, f"{step.quant}, {step.size_bytes / 1e6:.1f} MB,"
           f" {step.held_out_bpb:.3f} bits/byte")
    runtime = _runtime(data, base)
    _rehearse(work, persona, ladder_dir / f"{step.quant}.gguf", data_dir, runtime, order, report)
    has_canaries = adopted is None or result["has_canaries"]
    judged = _evaluate(run_dir, base, ladder_dir, step, data_dir, persona, runtime, has_canaries,
                       order, options, report)
    verdict = examination.publish(judged, out, options.may_fail_gates)
    report("evaluate", 1.0, verdict.line)
    report("pack", 0.0, "signing")
    facts = model_card.CardFacts(persona.name, persona.author, persona.disclosure,
                                 known_bases.title_of(base), result, ladder, step, data.counts,
                                 read_rows_summary(data_dir), packing, verdict,
                                 order.measured if order else None)
    form = (shapes.whole(ladder_dir, step) if options.shape == "whole" else
            shapes.adapter(ladder_dir, step, trained / "adapter", base, known, persona.name,
                           data.validation, options.threads or 1))
    contents = pack.BundleContents(
        persona=persona, model=form.model, memory=data_dir / "memory.sqlite",
        codec=codec_dir / TEXT_CODEC, card=model_card.model_card(facts),
        base={"id": known_bases.title_of(base), "sha256": weights_hash(base), **form.base},
        training={"method": result["method"], "counts": data.counts, "quant": step.quant,
                  "held_out_bits_per_byte": round(step.held_out_bpb, 4),
                  "third_party": persona.settings.privacy.third_party,
                  "text_model": packing["model_id"], "evaluation": verdict.summary,
                  "preferred_pairs": result.get("preferred_pairs", 0),
                  **({"reranker": order.measured} if order else {})},
        runtime={**runtime, **form.runtime}, reranker=order.path if order else None)
    manifest = pack.pack(contents, out, key, form.try_out)
    report("pack", 1.0, f"{out}, version {manifest.version}, key {manifest.key_id}")
    return manifest


def prepare(directory: Path, base: Path, work: Path, options: Options, report: Report
            ) -> tuple[RunDir, Path, list[Example], Path]:
    """Run directory, stage of the writing, its examples, and stage of the rows (dataset.json)."""
    persona = persona_dir.read_persona(directory)
    run_dir = RunDir(work)
    report("writing", 0.0, "looking for exports")
    writing_dir = _writing(run_dir, directory, persona, base, report)
    examples = assemble.load(writing_dir / assemble.EXAMPLES)
    summary = read_summary(writing_dir)
    for line in assemble.tally(summary):
        report(FOUND, 1.0, line)
    for sentence in summary["warnings"]:
        report(WARNING, 1.0, sentence)
    n_bad = summary["left out"]["bad"]
    aside = f"; not understood: {n_bad} ({quarantine_path(writing_dir)})" if n_bad else ""
    report("writing", 1.0, f"{len(examples)} examples{aside}; {summary['thoughtful share']:.0%} of "
                           "the training data is of tiers 1 and 2")
    split_dir = _split(run_dir, writing_dir, examples, persona, options)
    for sentence in split.size_warnings(examples, split.Split.load(split_dir / split.FILE)):
        report(WARNING, 1.0, sentence)
    data_dir = _dataset(run_dir, writing_dir, split_dir, examples, base, persona, options)
    data = Dataset.load(data_dir / "dataset.json")
    thoughtful, other = (data.counts.get(letters, 0) for letters in dataset.LETTERS)
    report("dataset", 1.0, f"{len(data.train)} training rows, {len(data.validation)} validation "
                           f"rows, {len(data.test)} test rows; "
                           f"{thoughtful / max(1, thoughtful + other):.0%} of the training "
                           "characters are of tiers 1 and 2")
    per_token = read_rows_summary(data_dir)["bytes per token"]
    if per_token < dataset.FOREIGN_BYTES_PER_TOKEN:
        report(WARNING, 1.0, f"the base needs a token for every {per_token:.1f} bytes of this "
                             "writing; it has hardly been trained on this language, expect poor "
                             "results")
    return run_dir, writing_dir, examples, data_dir


def _writing(run_dir: RunDir, directory: Path, persona: persona_dir.PersonaSource, base: Path,
             report: Report) -> Path:
    """``examples.jsonl``, ``import.json`` (what was left out and why), ``quarantine.jsonl``."""
    is_scored = persona.settings.clean.pair_score_bits is not None

    def build(out: Path) -> None:
        assemble.prepare(directory, persona, out,
                         lambda share, line: report("writing", min(share, 0.99), line),
                         pair_likelihood.PairLikelihood(base) if is_scored else None)

    scored = {"base": weights_hash(base), "scores": code_hash(bits, pair_likelihood)}
    inputs = {"persona": persona_dir.directory_hash(directory), "code": assemble.code(),
              **(scored if is_scored else {})}
    return run_dir.stage("writing", inputs, build)


def _split(run_dir: RunDir, writing_dir: Path, examples: list[Example],
           persona: persona_dir.PersonaSource, options: Options) -> Path:
    """``split.json``: which sessions are held out."""
    def build(out: Path) -> None:
        split.split(examples, options.seed, persona.settings.clean.near_duplicate
                    ).save(out / split.FILE)

    inputs = {"writing": writing_dir.name, "seed": options.seed,
              "near duplicate": str(persona.settings.clean.near_duplicate),
              "code": code_hash(common, privacy, corpus, rows, prompt)}
    return run_dir.stage("split", inputs, build)


def _dataset(run_dir: RunDir, writing_dir: Path, split_dir: Path, examples: list[Example],
             base: Path, persona: persona_dir.PersonaSource, options: Options) -> Path:
    """``dataset.json``, ``memory.sqlite``, ``partners.json`` and ``import.json``."""
    def build(out: Path) -> None:
        tokenizer = AutoTokenizer.from_pretrained(base, local_files_only=True)
        _check_prompt_fits(tokenizer, persona)
        built = dataset.build_dataset(examples, split.Split.load(split_dir / split.FILE),
                                      persona.values + persona.thinking, tokenizer,
                                      persona.prompt_text(), options.variants, options.seed,
                                      "all" if persona.settings.privacy.third_party == "train"
                                      else "author")
        builder = dataset.RowBuilder(tokenizer, persona.prompt_text())
        built.train += canaries.canary_rows(builder, options.seed)
        remembered = memory_index.build_memory(examples, out / "memory.sqlite")
        summary: RowsSummary = {
            "memory sentences": remembered,
            "bytes per token": dataset.bytes_per_token([e.text for e in examples], tokenizer),
            **read_summary(writing_dir)}
        write_summary(summary, out)
        (out / PARTNERS).write_text(json.dumps(partners_of(examples)))
        built.save(out / "dataset.json")

    inputs = {"split": split_dir.name, "base": weights_hash(base),
              "variants": options.variants, "seed": options.seed,
              "code": code_hash(common, privacy, corpus, rows, prompt, memory)}
    return run_dir.stage("dataset", inputs, build)


def _check_prompt_fits(tokenizer: Any, persona: persona_dir.PersonaSource) -> None:
    n_prefix = len(tokenizer(prompt.prefix(persona.prompt_text()))["input_ids"])
    limit = dataset.ROW_TOKENS_MAX - PROMPT_ROOM_TOKENS
    if n_prefix > limit:
        raise TrainingError(f"persona.toml's system and the first {prompt.PROMPT_VALUES_MAX} values"
                            f" make {n_prefix} tokens, at most {limit} fit; shorten them.")


def _codec(run_dir: RunDir, split_dir: Path, examples: list[Example],
           persona: persona_dir.PersonaSource, options: Options, report: Report
           ) -> tuple[Path, codec_stage.CodecResult]:
    """``text.codec``, and which model it is and how well it does (``codec.json``)."""
    def build(out: Path) -> None:
        texts = codec_stage.messages(examples, split.Split.load(split_dir / split.FILE),
                                     persona.values + persona.thinking, options.seed)
        result = codec_stage.build(texts, options.general, out / TEXT_CODEC,
                                   lambda what, share: report("codec", min(share, 0.99), what))
        (out / "codec.json").write_text(json.dumps(result, indent=1))

    general = options.general or (codec_stage.GENERAL_CODEC,)
    inputs = {"split": split_dir.name, "seed": options.seed,
              "general": [file_sha256(path) for path in general],
              "code": code_hash(common, privacy, corpus, rows, codec, prompt, bodies, text_codec,
                                text_tables)}
    done = run_dir.stage("codec", inputs, build)
    found: codec_stage.CodecResult = json.loads((done / "codec.json").read_text())
    report("codec", 1.0, f"model {found['model_id']},"
           f" {found['held_out_bits_per_char']:.2f} bits/character")
    return done, found


def _trained(run_dir: RunDir, persona: persona_dir.PersonaSource, graded: Sequence[GradedMoment],
             data_dir: Path, base: Path, data: Dataset, options: Options, adopted: Path | None,
             report: Report) -> Path:
    """The directory of what was trained here or elsewhere, and of what graded drafts made of it."""
    if adopted is None:
        methods: tuple[train.Method, ...] = (
            ("lora", "full") if options.method == "auto" else (options.method,))
        configs = [train.TrainConfig(
            method, options.epochs, options.lr, keep=options.keep, lora_rank=options.rank,
            threads=options.threads, seed=options.seed) for method in methods]
        found = training_stages.best_of(run_dir, data_dir.name, base, data, configs, report)
    else:
        found = training_stages.adopted(run_dir, data_dir, base, adopted, report)
    return training_stages.preferred(run_dir, found, base, graded, persona.prompt_text(), data,
                                     PreferConfig(seed=options.seed), report)


def _quantise(run_dir: RunDir, trained: Path, name: str, data: Dataset, options: Options,
              report: Report) -> Path:
    """``F16.gguf``, one file per step, and ``ladder.json``."""
    def build(out: Path) -> None:
        export.export_gguf(trained / "merged", out / "F16.gguf", name)
        report("quantise", 0.0, "comparing tokens")
        tokenizer_parity.check(out / "F16.gguf", AutoTokenizer.from_pretrained(
            trained / "merged", local_files_only=True), data.validation + data.test + data.train)
        model = AutoModelForCausalLM.from_pretrained(trained / "merged", dtype=torch.float32,
                                                     local_files_only=True)
        weights, unseen = imatrix.for_file(
            model, data.train, out / "F16.gguf",
            lambda share: report("quantise", share / 2, "importance of the weights"))
        if unseen:
            report("quantise", 0.5, f"columns have equal importance in {len(unseen)} of "
                                    f"{len(weights)} weights that could not be observed, such as "
                                    f"{unseen[0]}")
        np.savez_compressed(  # whose types take each array's name for an option of its own
            out / IMPORTANCE, **weights)  # type: ignore[arg-type]
        steps = (ladder_for(model.config.hidden_size) if options.quant == "auto"
                 else tuple(q for q in (options.quant,) if q != "F16"))
        expected = training_result.read(trained)["held_out_bpb"]
        walked = quantise.walk_ladder(
            out / "F16.gguf", out, steps, weights, data.validation, options.threads or 1, expected,
            lambda share, line: report("quantise", (1 + share) / 2, line))
        (out / "ladder.part").write_text(json.dumps(quantise.as_table(walked), indent=1))
        os.replace(out / "ladder.part", out / "ladder.json")

    inputs = {"trained": trained.name, "quant": options.quant, "name": name,
              "code": code_hash(gguf, quantisation, bits)}
    return run_dir.stage("quantise", inputs, build)


def _rehearse(work: Path, persona: persona_dir.PersonaSource, model: Path, data_dir: Path,
              runtime: dict[str, Any], order: FittedReranker | None, report: Report) -> None:
    """From here on the persona can be heard, which an examination makes wait for half an hour."""
    rehearsal.write(work, persona, model, data_dir / "memory.sqlite", runtime,
                    order.path if order else None)
    report(FOUND, 1.0, "To hear it while it is examined, in another terminal: spacepi-train chat"
                       f" {work}")


def _evaluate(run_dir: RunDir, base: Path, ladder_dir: Path, step: quantise.Step, data_dir: Path,
              persona: persona_dir.PersonaSource, runtime: dict[str, Any], has_canaries: bool,
              order: FittedReranker | None, options: Options, report: Report) -> Path:
    """``findings.json``, ``gates.json`` and ``report.html``."""
    def build(out: Path) -> None:
        tokenizer = AutoTokenizer.from_pretrained(base, local_files_only=True)
        data = Dataset.load(data_dir / "dataset.json")
        subject = Subject(
            persona.name, persona.author, base=out / "base.gguf", exact=ladder_dir / "F16.gguf",
            ladder={path.stem: path for path in sorted(ladder_dir.glob("*.gguf"))
                    if path.stem != "F16"},
            flown=step.quant, train=data.train, validation=data.validation, test=data.test,
            unasked=data.unasked,
            partners=[(session, text) for session, text
                      in json.loads((data_dir / PARTNERS).read_text())],
            builder=dataset.RowBuilder(tokenizer, persona.prompt_text()),
            sampling=sampling_of(runtime),
            lines=options.lines, terms=persona.settings.unsayable(),
            region=persona.settings.privacy.region, seed=options.seed,
            threads=options.threads or 1, has_canaries=has_canaries,
            has_partners=persona.settings.privacy.third_party == "train",
            reranker=order.load() if order else None)
        export.export_gguf(base, subject.base, "base")
        examination.build(subject, out, lambda share, line: report("evaluate", share, line))
        subject.base.unlink()

    inputs = {"ladder": ladder_dir.name, "flown": step.quant, "lines": options.lines,
              "base": weights_hash(base), "unsayable": persona.settings.unsayable(),
              "region": persona.settings.privacy.region,
              "runtime": runtime, "seed": options.seed, "has_canaries": has_canaries,
              "reranker": order and file_sha256(order.path),
              "code": examination.code()}
    return run_dir.stage("evaluate", inputs, build)


def _pick(ladder: list[quantise.Step], quant: str) -> quantise.Step:
    if quant == "auto":
        return quantise.choose(ladder)
    return next(step for step in ladder if step.quant == quant)


def _runtime(data: Dataset, base: Path) -> dict[str, Any]:
    """How the flight should run it: room for the longest line that a flight can ask for."""
    hidden_size = AutoConfig.from_pretrained(base, local_files_only=True).hidden_size
    sampling = SMALL_SAMPLING if hidden_size <= SMALL_BASE_HIDDEN else SAMPLING
    longest = max(sum(label != dataset.NO_LOSS for label in row.labels)
                  for row in data.train if row.kind in IN_FLIGHT)
    tokens_max = min(max(sampling.max_tokens, longest + ANSWER_TOKENS_SPARE), TOKENS_MAX)
    return {"n_ctx": dataset.ROW_TOKENS_MAX,
            **asdict(sampling.overridden({"max_tokens": tokens_max}))}
