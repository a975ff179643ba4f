"""Commands by which a reader tells a persona which of its drafts are good."""

from __future__ import annotations

import os
import random
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from host_training.cli.bundles import (
    BundleArgument,
    SeedOption,
    ThreadsOption,
    TrustOption,
    trusted_keys,
)
from host_training.errors import TrainingError
from wire.bundle import verify_bundle

console = Console()

FileArgument = Annotated[Path, typer.Argument(
    metavar="FILE", help="graded.jsonl of the persona directory.")]
TOPICS = ("wind", "sun", "cloud", "cold", "height", "silence", "dark", "self", "battery", "ground")


def register(app: typer.Typer) -> None:
    """Add these commands to the ``spacepi-train`` of ``__main__``."""
    for command in (drafts, grade):
        app.command()(command)


def drafts(
    bundle: BundleArgument,
    out: Annotated[Path, typer.Option(help="graded.jsonl of the persona directory; new moments are"
                                           " appended.")],
    count: Annotated[int, typer.Option("--count", "-n", min=1, max=10_000,
                                       help="Number of moments.")] = 60,
    about: Annotated[list[str] | None, typer.Option(help="Topics to sample from.")] = None,
    trust: TrustOption = None,
    threads: ThreadsOption = 0,
    seed: SeedOption = 1,
) -> None:
    """Generate drafts in random moments of an imagined flight, for a reader to grade."""
    from host_training.bundle.chat import BundleVoice
    from host_training.importers.notebook import Condition
    from host_training.rows.context_sampler import draw_moment
    from host_training.training import graded_drafts
    from host_training.training.graded_drafts import GradedMoment

    moments = graded_drafts.load(out)
    voice = BundleVoice(bundle, verify_bundle(bundle, trusted_keys(trust)),
                        threads or os.cpu_count() or 1, seed)
    rng = random.Random(seed)
    for _ in range(count):
        moment = draw_moment(Condition(rng.choice(about or TOPICS)), rng)
        prompt, texts = voice.drafts(moment)
        moments.append(GradedMoment(prompt, tuple(texts)))
        graded_drafts.save(out, moments)
    voice.close()
    _say(f"{out}: {count} new moments; to grade them: spacepi-train grade {out}")


def grade(file: FileArgument) -> None:
    """Read drafts and grade them, one moment after the other; `run` learns from the grades.

    0 fails (no sentence, no sense, or at odds with the moment), 1 makes you stumble, 2 is sound and
    fits, 3 is worth reading. An empty line ends; what was graded is kept.
    """
    from host_training.training import graded_drafts
    from host_training.training.graded_drafts import GRADES

    if not file.exists():
        raise TrainingError(f"{file}: no such file; spacepi-train drafts BUNDLE --out {file} makes"
                            " one.")
    moments = graded_drafts.load(file)
    for at, moment in enumerate(moments):
        if moment.grades:
            continue
        _say(f"\n{moment.moment}", style="dim")
        for number, draft in enumerate(moment.drafts, 1):
            _say(f"  {number}. {draft}")
        grades = _typed(len(moment.drafts), GRADES)
        if not grades:
            break
        moments[at] = replace(moment, grades=grades)
        graded_drafts.save(file, moments)
    done = sum(bool(moment.grades) for moment in moments)
    _say(f"{file}: {done} of {len(moments)} moments are graded, which give"
         f" {len(graded_drafts.pairs(moments, seed=1))} pairs to learn from")


def _typed(count: int, allowed: range) -> tuple[int, ...]:
    """One grade for each draft; none for an empty line, or where nobody types any more."""
    while True:
        try:
            words = input(f"{count} grades, {allowed[0]} to {allowed[-1]}, such as"
                          f" {'20' * (count // 2) + '1' * (count % 2)}: ").replace(" ", "")
        except EOFError:
            return ()
        if not words:
            return ()
        if len(words) == count and all(c.isdecimal() and int(c) in allowed for c in words):
            return tuple(int(c) for c in words)
        _say(f"{words!r}: must be {count} digits from {allowed[0]} to {allowed[-1]}, one for each"
             " draft")


def _say(text: str, style: str | None = None) -> None:
    console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)
