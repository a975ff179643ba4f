"""``spacepi-train``: the command line of training."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Literal

# Before anything of Hugging Face is imported: nothing here ever goes to the network.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_OFFLINE", "1")
os.environ.setdefault("HF_DATASETS_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import typer
from rich.console import Console

from host_training.cli import bundles, grading, studio, talking, training, writing
from host_training.cli.bundles import DEFAULT_KEY, SeedOption, ThreadsOption
from host_training.cli.progress import ProgressOption, progress_shown, quiet_libraries
from host_training.errors import TrainingError
from host_training.training import known_bases
from wire.bundle import BundleError

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
    help="Train a signed persona bundle from a person's own writing. Everything happens on this"
         " machine; nothing is uploaded, and nothing but the base model and the converter is"
         " downloaded, each once.")
console = Console()
bundles.register(app)
errors = Console(stderr=True)

GeneralOption = Annotated[list[Path] | None, typer.Option(
    "--general", metavar="TEXT", help="A .txt or .txt.xz file in the person's language, as "
                                      "general text for the text codec; repeatable. Default: the "
                                      "included counts of English books.")]


@app.command()
def base(
    texts: Annotated[list[Path] | None, typer.Argument(
        metavar="TEXT...", help=".txt or .txt.xz files.", show_default=False)] = None,
    out: Annotated[Path | None, typer.Option(
        help="Work folder; the model is OUT/model. A second call with the same OUT continues where"
             " it stopped.")] = None,
    get: Annotated[str | None, typer.Option(
        metavar="NAME", help="Download a known base instead, once, into the user's cache: "
                             + ", ".join(known_bases.KNOWN) + ".")] = None,
    tokens: Annotated[int, typer.Option(min=10_000, help="Training tokens.")] = 40_000_000,
    threads: ThreadsOption = 0,
) -> None:
    """Download a known base, or train a small one from scratch (hours on a laptop)."""
    if get is not None:
        _get_base(get, has_more=bool(texts or out))
        return
    if not texts or out is None:
        raise TrainingError("Name text files and --out to train a base, or one that is known with"
                            f" --get: {', '.join(known_bases.KNOWN)}.")
    quiet_libraries()
    import torch

    from host_training.training.base import BaseConfig, train_base

    if threads:
        torch.set_num_threads(threads)
    with progress_shown() as report:
        train_base(texts, out, BaseConfig(target_tokens=tokens),
                   lambda fraction, line: report("base", fraction, line))
    console.print(f"Base model: {out / 'model'}")


def _get_base(name: str, has_more: bool) -> None:
    if name not in known_bases.KNOWN or has_more:
        raise TrainingError(f"--get {name}: requires exactly one name; known: "
                            f"{', '.join(known_bases.KNOWN)}.")
    quiet_libraries()
    place = known_bases.resolve(Path(name), console.print)
    console.print(f"{place}: {known_bases.KNOWN[name].title}, licence"
                  f" {known_bases.KNOWN[name].licence}; train with --base {name}.", soft_wrap=True)


@app.command()
def run(
    persona_dir: Annotated[Path, typer.Argument(
        metavar="PERSONA_DIR", help="persona.toml, values.md and writing; see docs/training.md.")],
    out: Annotated[Path, typer.Option(help="Output bundle directory.")],
    base: Annotated[Path, typer.Option(help="Base model: smollm2, which is downloaded once, or a"
                                            " local Hugging Face folder."
                                       )] = known_bases.DEFAULT,
    work: Annotated[Path | None, typer.Option(help="Run directory; default: OUT.run.")] = None,
    method: Annotated[Literal["auto", "lora", "dora", "qlora", "full"], typer.Option(
        help="How to fine-tune; auto trains LoRA and full, and keeps the better one. qlora "
             "requires an NVIDIA GPU.")] = "auto",
    quant: Annotated[str, typer.Option(
        help="auto: the smallest within +2 % of F16 on held-out text; or a type like Q4_K_M.",
    )] = "auto",
    epochs: Annotated[int, typer.Option(min=1, max=100, help="Maximum number of epochs; the best "
                                        "one is kept."
                                        )] = 3,
    keep: Annotated[Literal["best", "last"], typer.Option(
        help="Keep the epoch with the best held-out figure, or the last: a very small base "
             "produces more complete sentences once it has memorised its lines.")] = "best",
    lr: Annotated[float | None, typer.Option(help="Peak learning rate; default by size.")] = None,
    variants: Annotated[int, typer.Option(min=1, max=100,
                                          help="Contexts sampled for every thought.")] = 2,
    threads: ThreadsOption = 0,
    seed: SeedOption = 1,
    key: Annotated[Path, typer.Option(help="Signing key, created on first use.")] = DEFAULT_KEY,
    general: GeneralOption = None,
    lines: Annotated[int, typer.Option(
        min=1, max=10_000, help="Number of lines generated for the evaluation; more lines give "
                                "narrower intervals.")] = 200,
    rank: Annotated[int, typer.Option(min=1, max=256, help="Rank of a LoRA.")] = 32,
    shape: Annotated[Literal["whole", "adapter"], typer.Option(
        help="whole: the bundle contains the model. adapter: it contains a few megabytes on a base"
             " that is downloaded by name, and the model is assembled at installation; requires"
             " --method lora and, with smollm2, --rank 16.")] = "whole",
    allow_failing_gates: Annotated[bool, typer.Option(
        "--allow-failing-gates", help="Sign although a gate fails; the manifest and the card name "
                                      "it.")] = False,
    progress: ProgressOption = None,
) -> None:
    """Run all stages: import, train, quantise, evaluate, sign. Finished stages are not repeated."""
    with progress_shown(progress) as report:
        quiet_libraries()
        from host_training import pipeline

        options = pipeline.Options(method, quant, epochs, keep, lr, variants, threads, seed,
                                   tuple(general or ()), lines, allow_failing_gates, rank, shape)
        manifest = pipeline.run(persona_dir, base, out, work or out.with_name(out.name + ".run"),
                                key.expanduser(), options, report)
    console.print(f"Bundle: {out}   To chat: spacepi-train chat {out}")
    bundles.say_how_it_flies(manifest.public_key)


@app.command()
def codec(
    persona_dir: Annotated[Path | None, typer.Argument(
        metavar="[PERSONA_DIR]", help="Persona directory whose texts it compresses. Default: "
                                      "none, only general text, as a start for others.")] = None,
    out: Annotated[Path, typer.Option(help="Output file.")] = Path("text.codec"),
    general: GeneralOption = None,
    seed: SeedOption = 1,
) -> None:
    """Build only a text codec, as `run` does for a bundle (about a minute)."""
    from host_training.codec import codec_stage
    from host_training.common.persona_dir import read_persona

    if persona_dir is None and not general:
        raise TrainingError("A persona directory, --general text files, or both are required.")
    with progress_shown() as report:
        def show(what: str, share: float) -> None:
            report("codec", min(share, 0.99), what)

        if persona_dir is None:
            result = codec_stage.build_general(general or [], out, show)
        else:
            found = codec_stage.read(persona_dir, read_persona(persona_dir), seed)
            result = codec_stage.build(found, general or [], out, show)
        report("codec", 1.0, "")
    console.print(f"{out}: " + ", ".join(f"{name} {value}" for name, value in result.items()))


talking.register(app)
grading.register(app)
training.register(app)
writing.register(app)
studio.register(app)


def main() -> None:
    """Entry of ``spacepi-train``: every expected failure is one sentence and exit status 1."""
    try:
        app()
    except (TrainingError, BundleError) as error:
        errors.print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(1)
    except OSError as error:  # a full disk, a folder one may not write to
        errors.print(f"{error.filename or 'A file'}: cannot be read or written "
                     f"({error.strerror or error}). Finished stages are kept; the same command "
                     "continues from "
                     "there.", style="red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
