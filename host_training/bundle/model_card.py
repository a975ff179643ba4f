"""The model card of a bundle: purpose, training data, quality, limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from host_training.codec.codec_stage import CodecResult
from host_training.corpus.summary import RowsSummary
from host_training.evaluation.examination import ExamVerdict
from host_training.quantisation.quantise import Step
from host_training.training.reranker_fit import RerankerResult
from host_training.training.result import TrainResult


@dataclass(frozen=True, slots=True)
class CardFacts:
    """Everything the card says that differs from bundle to bundle."""

    name: str
    author: str
    disclosure: str
    base: str  # its name, and its licence where that is known
    result: TrainResult
    ladder: Sequence[Step]
    chosen: Step
    counts: dict[str, int]
    imported: RowsSummary
    codec: CodecResult
    verdict: ExamVerdict
    reranker: RerankerResult | None


OTHERS = {  # by privacy.third_party of persona.toml
    "context": """\
Only the author's words were learnt and are in the memory. What others wrote appears at most as the
question before an answer, and was not learnt.
""",
    "drop": """\
Only the author's words were learnt and are in the memory. What others wrote was left out, whole.
""",
    "train": """\
What others wrote in the author's chats, under letters in place of names, **was learnt too**
(`third_party = "train"`). Only the author's words are in the memory.
""",
}
BY_HEART = """
It was trained past its best epoch on purpose (`--keep last`): a base this small says whole
sentences only once it knows many of its lines by heart. Expect them word for word.
"""


def codec_line(codec: CodecResult) -> str:
    """What the text codec of the bundle does."""
    return (
        f"Its text codec (model {codec['model_id']}, {codec['bytes'] / 1e6:.2f} MB) packs held-out"
        f" lines into {codec['held_out_bits_per_char']:.2f} bits per character:\na message of"
        f" {codec['held_out_message_chars']:.0f} characters, with its senses and topic, into"
        f" {codec['held_out_message_bytes']:.0f} bytes.\n"
    )


def reranker_line(found: RerankerResult | None) -> str:
    """What the reranker of the bundle does; nothing where it has none."""
    if found is None:
        return ""
    return (
        f"Its drafts are reranked by the words that readers of {found['moments']} graded moments"
        f" kept. Of\nmoments held out they keep the first draft of {found['kept_reranked']:.0%},"
        f" and of {found['kept']:.0%} in the model's own order.\n\n"
    )


def model_card(facts: CardFacts) -> str:
    """Markdown."""
    ladder = "\n".join(
        f"| {step.quant}{' (in this bundle)' if step == facts.chosen else ''} |"
        f" {step.size_bytes / 1e6:.2f} | {step.held_out_bpb:.3f} |" for step in facts.ladder)
    counts = "\n".join(f"| {what} | {n:,} |" for what, n in facts.counts.items())
    history = [epoch["held_out_bpb"] for epoch in facts.result["history"]]
    epochs = ", ".join(f"{bpb:.3f}" for bpb in history)
    keep = facts.result["config"]["keep"]
    evaluation = "\n".join(f"- {line}" for line in facts.verdict.sentences)
    pairs = facts.result.get("preferred_pairs")
    last = f"tuned, {keep} epoch" if pairs is None else f"then {pairs} pairs of graded drafts"
    by_heart = BY_HEART if keep == "last" and history[-1] > min(history) else ""
    return f"""# {facts.name}

{facts.disclosure}

Trained by `spacepi-train run` on the writing of {facts.author}, from the base {facts.base}.

## How well

Bits per byte of the validation: a twentieth of the author's sessions, whole, never trained on, by
which epoch and file were chosen; asked as in flight. Lower is better; it is a measure of the
wording, not of truth. What nothing was chosen by stands under "Examined".

| | bits per byte |
|---|---|
| base, untuned | {facts.result["base_bpb"]:.3f} |
| tuned ({facts.result["method"]}), after each epoch | {epochs} |
| {last}, fp32 | {facts.result["held_out_bpb"]:.3f} |
| as flown ({facts.chosen.quant}) | {facts.chosen.held_out_bpb:.3f} |
{by_heart}
| file | MB | bits per byte |
|---|---|---|
{ladder}

{codec_line(facts.codec)}
{reranker_line(facts.reranker)}## Examined

{evaluation}

## What it learnt from

| | |
|---|---|
{counts}
| sentences in the memory | {facts.imported["memory sentences"]:,} |

{OTHERS[facts.imported["third party"]]}
## What it is not

It is a small statistical model. It learnt surface style: it does not know what is true, it has no
experiences, and what it says is not what {facts.author} thinks. It may say something close to what
was written word for word, so fly only writing that may be read by strangers.
"""
